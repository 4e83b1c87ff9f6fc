//! Which token plays which part, and with which id: the tokenizer's files among themselves and against the configs.

use super::{Directory, parsed, show};
use crate::diagnostic::{Diagnostic, Result};
use crate::format::config::generation::GenerationConfig;
use crate::format::json::Json;
use crate::format::tokenizer::json::TokenizerJson;
use crate::format::tokenizer::special_tokens_map::{SpecialTokens, SpecialTokensMap};
use crate::verify::Report;

/// The parts that a token can play.
const PARTS: [&str; 7] = ["pad", "bos", "eos", "unk", "cls", "sep", "mask"];

pub(super) fn check(directory: &Directory<'_>, report: &mut Report) -> Result<()> {
    let generation = parsed(directory.source, "generation_config.json", GenerationConfig::parse)?;
    let map = parsed(directory.source, "special_tokens_map.json", SpecialTokensMap::parse)?;
    let (Some(tokenizer), Some(config)) = (&directory.tokenizer, &directory.tokenizer_config) else { return Ok(()) };
    for part in PARTS {
        let key = format!("{part}_token");
        let token = config.get(&key).and_then(text);
        if let Some(map) = &map {
            report.findings.extend(check_map(directory, map, &key, token));
        }
        let Some(token) = token else { continue };
        let Some(id) = id_of(tokenizer, token) else {
            let diagnostic = Diagnostic::new(
                "special-token",
                directory.site("tokenizer_config.json", format!("/{key}")),
                "the tokenizer has no such token",
            );
            report.findings.push(diagnostic.expected("a token of tokenizer.json").found(format!("{token:?}")));
            continue;
        };
        let key = format!("{part}_token_id");
        let in_config = directory.config.as_ref().and_then(|config| config.get(&key));
        let in_generation = generation.as_ref().and_then(|generation| generation.settings.get(&key));
        for (file, found) in [("config.json", in_config), ("generation_config.json", in_generation)] {
            if let Some(found) = found.filter(|found| !is_id(found, id)) {
                let message = format!("the tokenizer has {token:?} for this part, with another id");
                let hint = "set the id to that of the tokenizer, or save the tokenizer that belongs to the model";
                let diagnostic = Diagnostic::new("special-token", directory.site(file, format!("/{key}")), message).hint(hint);
                report.findings.push(diagnostic.expected(id).found(show(Some(found))));
            }
        }
    }
    Ok(())
}

/// `special_tokens_map.json` says what `tokenizer_config.json` says.
fn check_map(directory: &Directory<'_>, map: &SpecialTokensMap, key: &str, token: Option<&str>) -> Option<Diagnostic> {
    let found = map.tokens.iter().find(|(part, _)| part == key).and_then(|(_, tokens)| match tokens {
        SpecialTokens::One(token) => Some(token.content()),
        SpecialTokens::Many(_) => None,
    });
    let message = "the token is not that of tokenizer_config.json";
    let quoted = |token: Option<&str>| token.map_or("nothing".to_owned(), |token| format!("{token:?}"));
    let diagnostic = || Diagnostic::new("special-token", directory.site("special_tokens_map.json", format!("/{key}")), message);
    (found != token).then(|| diagnostic().expected(quoted(token)).found(quoted(found)))
}

/// Whether a value is the id, or a list with it, or says nothing.
fn is_id(value: &Json, id: u32) -> bool {
    let is_it = |value: &Json| value.as_u64() == Some(u64::from(id));
    *value == Json::Null || is_it(value) || value.as_array().is_some_and(|ids| ids.iter().any(is_it))
}

/// A special token is a text, or an object with a `content`.
fn text(value: &Json) -> Option<&str> {
    value.as_str().or_else(|| value.get("content")?.as_str())
}

fn id_of(tokenizer: &TokenizerJson, token: &str) -> Option<u32> {
    let added = tokenizer.added_tokens.iter().find(|added| added.content == token).map(|added| added.id);
    added.or_else(|| tokenizer.model.vocab.as_ref()?.iter().find(|(known, _)| known == token).map(|(_, id)| *id))
}

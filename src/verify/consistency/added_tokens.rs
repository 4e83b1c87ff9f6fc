//! The added tokens of `tokenizer.json` against the files in which release 4 lists them again.

use super::{Directory, parsed};
use crate::diagnostic::{Diagnostic, Result};
use crate::format::tokenizer::added_tokens::AddedTokens;
use crate::format::tokenizer::json::AddedToken;
use crate::verify::Report;
use std::collections::BTreeMap;

pub(super) fn check(directory: &Directory<'_>, report: &mut Report) -> Result<()> {
    let listed = parsed(directory.source, "added_tokens.json", AddedTokens::parse)?;
    let Some(tokenizer) = &directory.tokenizer else { return Ok(()) };
    let tokens: BTreeMap<u32, &AddedToken> = tokenizer.added_tokens.iter().map(|token| (token.id, token)).collect();
    if let Some(decoder) = directory.tokenizer_config.as_ref().and_then(|config| config.added_tokens.as_ref()) {
        let others: BTreeMap<u32, &AddedToken> = decoder.iter().map(|token| (token.id, token)).collect();
        for id in tokens.keys().chain(others.keys().filter(|id| !tokens.contains_key(id))) {
            let (expected, found) = (tokens.get(id), others.get(id));
            if expected != found {
                let site = directory.site("tokenizer_config.json", format!("/added_tokens_decoder/{id}"));
                let diagnostic = Diagnostic::new("tokenizer-side-file", site, "the added token is not that of tokenizer.json");
                report.findings.push(diagnostic.expected(described(expected)).found(described(found)));
            }
        }
    }
    let ids: BTreeMap<&str, u32> = tokenizer.added_tokens.iter().map(|token| (token.content.as_str(), token.id)).collect();
    for (content, id) in listed.iter().flat_map(|listed| &listed.tokens) {
        let expected = ids.get(content.as_str());
        if expected != Some(id) {
            let site = directory.site("added_tokens.json", format!("/{content}"));
            let diagnostic = Diagnostic::new("tokenizer-side-file", site, "the added token is not that of tokenizer.json");
            report.findings.push(diagnostic.expected(expected.map_or("no such token".to_owned(), u32::to_string)).found(id));
        }
    }
    Ok(())
}

fn described(token: Option<&&AddedToken>) -> String {
    let Some(token) = token else { return "nothing".to_owned() };
    let flags = [
        ("single_word", token.single_word),
        ("lstrip", token.lstrip),
        ("rstrip", token.rstrip),
        ("normalized", token.normalized),
        ("special", token.special),
    ];
    let flags = flags.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| format!(", {name}"));
    format!("{:?}{}", token.content, flags.collect::<String>())
}

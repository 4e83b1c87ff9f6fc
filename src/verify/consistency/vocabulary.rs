//! The vocabulary and the merges of `tokenizer.json` against the files in which release 4 has them again.

use super::{Directory, parsed};
use crate::diagnostic::{Diagnostic, Place, Result, Site};
use crate::format::tokenizer::vocabulary::{Merges, VocabJson, VocabTxt};
use crate::verify::Report;
use std::collections::BTreeMap;

pub(super) fn check(directory: &Directory<'_>, report: &mut Report) -> Result<()> {
    let source = directory.source;
    let Some(model) = directory.tokenizer.as_ref().map(|tokenizer| &tokenizer.model) else { return Ok(()) };
    let vocab: BTreeMap<u32, &str> = model.vocab.iter().flatten().map(|(token, id)| (*id, token.as_str())).collect();
    if let Some(listed) = parsed(source, "vocab.txt", VocabTxt::parse)?.filter(|_| model.vocab.is_some()) {
        let listed: BTreeMap<u32, &str> = (0..).zip(listed.tokens.iter().map(String::as_str)).collect();
        let place = |id: u32| Place::Line(u64::from(id).saturating_add(1), 1);
        report.findings.extend(
            first_difference(&vocab, &listed).map(|id| differs(directory, "vocab.txt", place(id), vocab.get(&id), listed.get(&id))),
        );
    }
    if let Some(listed) = parsed(source, "vocab.json", VocabJson::parse)?.filter(|_| model.vocab.is_some()) {
        let listed: BTreeMap<u32, &str> = listed.tokens.iter().map(|(token, id)| (*id, token.as_str())).collect();
        let place = |id: u32| Place::Pointer(format!("/{}", listed.get(&id).or(vocab.get(&id)).copied().unwrap_or_default()));
        report.findings.extend(
            first_difference(&vocab, &listed).map(|id| differs(directory, "vocab.json", place(id), vocab.get(&id), listed.get(&id))),
        );
    }
    if let (Some(listed), Some(merges)) = (parsed(source, "merges.txt", Merges::parse)?, &model.merges) {
        let pair = |pair: Option<&(String, String)>| pair.map(|(left, right)| format!("{left} {right}"));
        let lines = 0..merges.len().max(listed.pairs.len());
        if let Some(line) = lines.into_iter().find(|&line| merges.get(line) != listed.pairs.get(line)) {
            let (expected, found) = (pair(merges.get(line)), pair(listed.pairs.get(line)));
            // The first line is the version.
            let place = Place::Line(u64::try_from(line).unwrap_or(u64::MAX).saturating_add(2), 1);
            report.findings.push(differs(directory, "merges.txt", place, expected.as_ref(), found.as_ref()));
        }
    }
    Ok(())
}

/// The least id whose token is not the same on both sides.
fn first_difference(vocab: &BTreeMap<u32, &str>, listed: &BTreeMap<u32, &str>) -> Option<u32> {
    let only_listed = listed.keys().filter(|id| !vocab.contains_key(id)).min();
    let different = vocab.iter().find(|(id, token)| listed.get(id) != Some(token)).map(|(id, _)| id);
    only_listed.into_iter().chain(different).min().copied()
}

fn differs<T: AsRef<str>>(directory: &Directory<'_>, file: &str, place: Place, expected: Option<&T>, found: Option<&T>) -> Diagnostic {
    let quoted = |token: Option<&T>| token.map_or("nothing".to_owned(), |token| format!("{:?}", token.as_ref()));
    let site = Site::file(directory.source.path(file)).at(place);
    let diagnostic = Diagnostic::new("tokenizer-side-file", site, "the file does not say what tokenizer.json says");
    diagnostic.expected(quoted(expected)).found(quoted(found)).hint("save the tokenizer again")
}

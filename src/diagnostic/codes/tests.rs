//! The table is complete: every code of the sources has its row, and every row is used.

use super::*;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Where codes may be used, the table itself and tests left out.
const SOURCES: [&str; 3] = ["src", "cli/src", "web/src"];
const NOT_SEARCHED: [&str; 3] = ["codes", "tests", "golden"];

/// Literals that look like codes and are none.
const OTHER_WORDS: &[&str] = &["max-findings", "safe-serialization"];

/// The code of every program file below `folder`, without its tests.
fn program_texts(folder: &Path, texts: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        if NOT_SEARCHED.contains(&stem) {
            continue;
        } else if path.is_dir() {
            program_texts(&path, texts);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            texts.push(text.split("#[cfg(test)]\nmod tests {").next().unwrap().to_owned());
        }
    }
}

/// Whether a literal looks like a code of several words. Codes of one word are found where a diagnostic is made.
fn is_kebab(literal: &str) -> bool {
    let word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    literal.starts_with(|first: char| first.is_ascii_lowercase()) && literal.contains('-') && literal.split('-').all(word)
}

fn used() -> BTreeSet<String> {
    let mut texts = Vec::new();
    for folder in SOURCES {
        program_texts(&Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut texts);
    }
    let mut used = BTreeSet::new();
    for text in &texts {
        used.extend(text.split('"').filter(|literal| is_kebab(literal) && !OTHER_WORDS.contains(literal)).map(str::to_owned));
        let made = ["Diagnostic::new(", "Fields::parse("].into_iter().flat_map(|maker| text.split(maker).skip(1));
        let made = made.filter_map(|rest| rest.trim_start().strip_prefix('"')?.split('"').next());
        used.extend(made.map(str::to_owned));
    }
    used
}

#[test]
fn every_code_has_one_row_and_every_row_is_used() {
    let used = used();
    let rows: BTreeSet<String> = all().map(|code| code.name.to_owned()).collect();
    let missing: Vec<_> = used.difference(&rows).collect();
    assert!(missing.is_empty(), "add a row for each of {missing:?} to a file in src/diagnostic/codes, or the word to OTHER_WORDS");
    let unused: Vec<_> = rows.difference(&used).collect();
    assert!(unused.is_empty(), "nothing uses the rows {unused:?}: remove them");
    assert_eq!(all().count(), rows.len(), "a code has two rows");
}

#[test]
fn titles_are_phrases_and_the_rest_are_sentences() {
    for code in all() {
        assert!(!code.title.ends_with('.') && code.title.len() <= 80, "{}: {}", code.name, code.title);
        for sentence in [code.meaning, code.cause, code.remedy] {
            assert!(sentence.ends_with('.') && sentence.starts_with(|first: char| !first.is_whitespace()), "{}: {sentence}", code.name);
        }
    }
}

#[test]
fn codes_are_found_by_name() {
    assert_eq!(find("json-syntax").map(|code| (code.name, code.severity.name())), Some(("json-syntax", "error")));
    assert_eq!(find("json"), None);
}

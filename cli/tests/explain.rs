//! `rtrain explain`: one code, all of them, and codes that are none.

#[expect(dead_code, reason = "the other test programs use the rest")]
mod common;

use common::Workplace;
use rtrain::diagnostic::codes;

#[test]
fn explain_a_code() {
    assert_transcript!(Workplace::new(), ["explain", "tensor-missing"]);
}

#[test]
fn explain_a_misspelt_code() {
    assert_transcript!(Workplace::new(), ["explain", "tensor-mising"]);
}

#[test]
fn explain_a_word_of_codes() {
    assert_transcript!(Workplace::new(), ["explain", "length"]);
}

#[test]
fn explain_nothing_like_a_code() {
    assert_transcript!(Workplace::new(), ["explain", "reinforcement"]);
}

#[test]
fn every_code_is_listed_and_explained() {
    let workplace = Workplace::new();
    let list = workplace.run(&["explain"]);
    for code in codes::all() {
        assert!(list.lines().any(|line| line.starts_with(&format!("  {} ", code.name)) && line.ends_with(code.title)), "{}", code.name);
    }
    assert!(list.starts_with("exit code: 0\n"));
}

#[test]
fn the_page_of_codes_is_up_to_date() {
    let printed = Workplace::new().command(&["explain", "--format", "markdown"]).output().unwrap().stdout;
    let hint = "docs/codes.md is not what the table says: cargo run -p rtrain-cli --no-default-features -- explain --format markdown > docs/codes.md";
    assert!(String::from_utf8(printed).unwrap() == include_str!("../../docs/codes.md").replace("\r\n", "\n"), "{hint}");
}

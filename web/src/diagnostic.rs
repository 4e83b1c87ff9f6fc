//! Diagnostics as a page gets them.

use rtrain::diagnostic::{Diagnostic, Error, Place, Site};
use serde_json::{Value, json};

/// The fields of a diagnostic; null where it does not say.
pub fn to_json(diagnostic: &Diagnostic) -> Value {
    let file = Some(diagnostic.site.file.as_str()).filter(|file| !file.is_empty());
    let place = Some(&diagnostic.site.place).filter(|place| **place != Place::Whole).map(ToString::to_string);
    json!({
        "code": diagnostic.code,
        "severity": diagnostic.severity().name(),
        "message": diagnostic.message,
        "file": file,
        "place": place,
        "expected": diagnostic.expected,
        "found": diagnostic.found,
        "hint": diagnostic.hint,
    })
}

/// What is needed for something was not handed over.
pub fn missing(message: &str, hint: &str) -> Error {
    Error::misuse(Diagnostic::new("missing-argument", Site::default(), message).hint(hint))
}

/// A message of the page is not what it should be.
pub fn unreadable(what: &str, expected: &str, error: &serde_json::Error) -> Error {
    let message = format!("{what} cannot be read: {error}");
    Error::misuse(Diagnostic::new("argument-value", Site::default(), message).expected(expected))
}

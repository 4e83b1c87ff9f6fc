//! What `--ignore` leaves out of a report: files by their names, findings by their codes.

use std::str::FromStr;

use glob::Pattern;
use rtrain::diagnostic::codes;
use rtrain::nearest::nearest;

/// One `--ignore`: `GLOB`, `CODE` or `CODE:GLOB`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    code: Option<&'static str>,
    files: Option<Pattern>,
}

impl Ignored {
    /// Whether a finding of this code in a file of these names is left out. A file in a checkpoint has two names: that in the checkpoint and
    /// that in the run.
    pub fn finding(&self, code: &str, names: &[&str]) -> bool {
        self.code.is_none_or(|ignored| ignored == code)
            && self.files.as_ref().is_none_or(|files| names.iter().any(|name| files.matches(name)))
    }

    /// Whether a file of these names is left out, whatever is found in it.
    pub fn file(&self, names: &[&str]) -> bool {
        self.code.is_none() && self.finding("", names)
    }
}

impl FromStr for Ignored {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let files = |glob: &str| Pattern::new(glob).map_err(|error| format!("{glob:?} is no pattern of file names: {error}"));
        match text.split_once(':') {
            Some((code, glob)) => Ok(Ignored { code: Some(known(code)?), files: Some(files(glob)?) }),
            None if codes::find(text).is_some() || is_misspelt_code(text) => Ok(Ignored { code: Some(known(text)?), files: None }),
            None => Ok(Ignored { code: None, files: Some(files(text)?) }),
        }
    }
}

fn known(code: &str) -> Result<&'static str, String> {
    let suggestion = || match near(code) {
        Some(near) => format!("there is no code {code:?}; did you mean {near}?"),
        None => format!("there is no code {code:?}; rtrain explain lists them"),
    };
    codes::find(code).map(|code| code.name).ok_or_else(suggestion)
}

/// Whether a text is more likely a code with a typing error than the name of a file, which has a dot or a wildcard, or of a checkpoint.
fn is_misspelt_code(text: &str) -> bool {
    !text.contains(|char: char| char.is_ascii_digit() || ".*?[/".contains(char)) && near(text).is_some()
}

fn near(code: &str) -> Option<&'static str> {
    nearest(code, codes::all().map(|code| code.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ignored(text: &str) -> Ignored {
        text.parse().unwrap()
    }

    #[test]
    fn globs_leave_out_files() {
        let pattern = ignored("*.md");
        assert!(pattern.file(&["README.md"]) && pattern.finding("reference-extra", &["README.md"]));
        assert!(!pattern.file(&["config.json"]) && !pattern.finding("reference-extra", &["config.json"]));
        assert!(ignored("checkpoint-*/optimizer.pt").file(&["optimizer.pt", "checkpoint-500/optimizer.pt"]));
        assert!(ignored("optimizer.pt").file(&["optimizer.pt", "checkpoint-500/optimizer.pt"]));
    }

    #[test]
    fn codes_leave_out_findings() {
        let pattern = ignored("tensor-extra");
        assert!(pattern.finding("tensor-extra", &["model.safetensors"]) && !pattern.finding("tensor-shape", &["model.safetensors"]));
        assert!(!pattern.file(&["model.safetensors"]));
        let pattern = ignored("not-identical:*.json");
        assert!(pattern.finding("not-identical", &["config.json"]) && !pattern.finding("not-identical", &["vocab.txt"]));
        assert!(!pattern.finding("json-syntax", &["config.json"]) && !pattern.file(&["config.json"]));
    }

    #[test]
    fn typing_errors_are_not_taken_for_names_of_files() {
        for (text, word) in [("not-identicl", "did you mean not-identical?"), ("nothing:*.json", "rtrain explain"), ("a[", "pattern")] {
            let error = text.parse::<Ignored>().unwrap_err();
            assert!(error.contains(word), "{error}");
        }
        assert!(ignored("latest").file(&["latest"]));
    }
}

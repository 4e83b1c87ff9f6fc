//! Which release of transformers has written a directory.

use crate::diagnostic::{Diagnostic, Result};
use crate::format::config::Config;
use crate::format::release::{DEFAULT, RELEASES, Release};
use crate::storage::Source;

/// What a directory says of itself.
pub(super) struct Identity {
    /// The release by whose rules it is checked; none where it names one that is not known here.
    pub(super) release: Option<&'static Release>,
    /// Its config, where it has one that can be read.
    pub(super) config: Option<Config>,
}

/// Finds the release: the one that is asked for, or that `config.json` names, or the newest that writes all those files, or the default. That
/// another one is asked for than the directory names is a finding.
///
/// # Errors
/// `config.json` cannot be read from the disk.
pub(super) fn identify(
    source: &dyn Source,
    names: &[String],
    asked: Option<&'static Release>,
    findings: &mut Vec<Diagnostic>,
) -> Result<Identity> {
    let bytes = source.read("config.json")?;
    let config = bytes.and_then(|bytes| Config::parse(&source.path("config.json"), &bytes).ok());
    let named = config.as_ref().and_then(|config| Some((config, config.transformers_version()?)));
    let known: Vec<&str> =
        names.iter().map(String::as_str).filter(|name| RELEASES.iter().any(|release| release.file(name).is_some())).collect();
    let found = match named {
        Some((_, version)) => Release::find(version),
        None => Release::newest_writing(&known).or(Some(DEFAULT)),
    };
    if let (Some(asked), Some((config, version))) = (asked, named)
        && asked.version != version
    {
        let diagnostic = Diagnostic::new("other-release", config.site("transformers_version"), "another release has written the directory");
        let hint = "save the directory with the release that is asked for, or leave --release out";
        findings.push(diagnostic.expected(asked.version).found(version).hint(hint));
    }
    Ok(Identity { release: asked.or(found), config })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::MemoryDirectory;
    use crate::verify::{verify, verify_as};

    fn directory(files: &[(&str, &str)]) -> MemoryDirectory {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()));
        MemoryDirectory { name: "d".to_owned(), files: files.collect() }
    }

    #[test]
    fn the_release_is_the_one_that_is_named_or_that_writes_the_files() {
        let release = |files: &[(&str, &str)]| verify(&directory(files)).unwrap().release;
        assert_eq!(release(&[("config.json", r#"{"transformers_version": "4.57.6"}"#)]), Some("4.57.6"));
        assert_eq!(release(&[("config.json", r#"{"transformers_version": "4.57.1"}"#), ("vocab.txt", "a\n")]), None);
        assert_eq!(release(&[("config.json", "{}"), ("notes.txt", "")]), Some("5.23.0"));
        assert_eq!(release(&[("adapter_config.json", "{}"), ("vocab.txt", "a\n"), ("notes.txt", "")]), Some("4.57.6"));
    }

    #[test]
    fn a_release_that_is_asked_for_is_held_against_the_one_that_is_named() {
        let files = directory(&[("config.json", r#"{"transformers_version": "4.57.6"}"#)]);
        let report = verify_as(&files, Some(DEFAULT)).unwrap();
        assert_eq!(report.release, Some("5.23.0"));
        let finding = report.findings.iter().find(|finding| finding.code == "other-release").unwrap();
        assert_eq!(finding.site.to_string(), "d/config.json, at /transformers_version");
        assert_eq!((finding.expected.as_deref(), finding.found.as_deref()), (Some("5.23.0"), Some("4.57.6")));
        let same = verify_as(&files, Release::find("4.57.6")).unwrap();
        assert!(same.findings.iter().all(|finding| finding.code != "other-release"));
    }
}

//! Every golden directory is clean, and each check finds what it is for.

mod completeness;
mod model;
mod run;
mod tokenizer;

use crate::storage::{DiskDirectory, MemoryDirectory, Source};
use crate::verify::{FileStatus, Report, verify};
use proptest::prelude::*;
use std::path::{Path, PathBuf};

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/directories")
}

/// The folders of a folder.
fn folders(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

#[test]
fn every_golden_directory_is_clean() {
    let (mut directories, mut checkpoints, mut files) = (0, 0, 0);
    for release in ["4.57.6", "5.23.0"] {
        for directory in folders(&goldens().join(release)) {
            directories += 1;
            let inner: Vec<PathBuf> =
                folders(&directory).into_iter().filter(|path| path.to_str().unwrap().contains("checkpoint-")).collect();
            checkpoints += inner.len();
            for path in [directory].into_iter().chain(inner) {
                let source = DiskDirectory::open(&path).unwrap();
                if source.names().unwrap().is_empty() {
                    continue;
                }
                let report = verify(&source).unwrap();
                // The weights of that run are NaN, as they should be.
                let is_meant = |code: &str| code == "tensor-not-finite" && path.to_str().unwrap().contains("/run_diverged");
                let findings: Vec<_> = report.findings.iter().filter(|finding| !is_meant(finding.code)).collect();
                assert!(findings.is_empty(), "{}: {findings:#?}", path.display());
                if path.join("config.json").exists() || !report.files.iter().all(|file| file.name == "trainer_state.json") {
                    assert_eq!(report.release, Some(release), "{}", path.display());
                }
                assert!(report.files.iter().all(|file| file.status == FileStatus::Identical), "{}: {:?}", path.display(), report.files);
                files += report.files.len();
            }
        }
    }
    println!("{directories} directories with {checkpoints} checkpoints and {files} files are clean");
    assert!(directories >= 79 && checkpoints >= 44 && files >= 971, "{directories} {checkpoints} {files}");
}

/// A golden directory in memory, by its path from `directories`.
fn golden(path: &str) -> MemoryDirectory {
    let disk = DiskDirectory::open(goldens().join(path)).unwrap();
    let files = disk.names().unwrap().into_iter().map(|name| (name.clone(), disk.read(&name).unwrap().unwrap()));
    MemoryDirectory { name: path.rsplit('/').next().unwrap().to_owned(), files: files.collect() }
}

/// Codes and sites, without the name of the directory.
fn found(report: &Report) -> Vec<String> {
    let site = |site: String| site.strip_prefix(&format!("{}/", report.directory)).map(str::to_owned).unwrap_or(site);
    report.findings.iter().map(|finding| format!("{} {}", finding.code, site(finding.site.to_string()))).collect()
}

/// What verifying a golden directory says after an edit.
fn after(path: &str, edit: impl FnOnce(&mut MemoryDirectory)) -> Vec<String> {
    let mut directory = golden(path);
    edit(&mut directory);
    found(&verify(&directory).unwrap())
}

/// A text of a file replaced by another one of the same kind, so that the file still round-trips.
fn replace(directory: &mut MemoryDirectory, file: &str, old: &str, new: &str) {
    let bytes = directory.files.get_mut(file).unwrap_or_else(|| panic!("no {file}"));
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert!(text.contains(old), "{file} has no {old:?}");
    *bytes = text.replacen(old, new, 1).into_bytes();
}

/// Directory, file, text, other text, and what is found then.
type TextEdit = (&'static str, &'static str, &'static str, &'static str, &'static [&'static str]);

fn assert_edits(edits: &[TextEdit]) {
    for (path, file, old, new, expected) in edits {
        assert_eq!(after(path, |directory| replace(directory, file, old, new)), *expected, "{path}/{file}: {old} -> {new}");
    }
}

#[test]
fn hints_name_the_release_of_the_directory() {
    for release in ["4.57.6", "5.23.0"] {
        let mut directory = golden(&format!("{release}/two_labels"));
        replace(&mut directory, "config.json", "\"use_cache\": true", "\"use_cache\":  true");
        let report = verify(&directory).unwrap();
        let hint = report.findings[0].hint.as_deref().unwrap();
        assert!(report.findings[0].code == "not-identical" && hint.contains(release), "{hint}");
    }
}

/// Directories with a file of each kind.
const OF_EACH_KIND: [&str; 5] = [
    "4.57.6/run_roberta/checkpoint-2",
    "4.57.6/bin_shards",
    "5.23.0/run_scaler/checkpoint-2",
    "5.23.0/run_adapter/checkpoint-2",
    "5.23.0/run_epochs",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]
    /// Whatever stands in the files, and whichever are there, there is a report.
    #[test]
    fn damaged_directories_are_checked_without_a_panic(
        path in prop::sample::select(OF_EACH_KIND.as_slice()),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>()), 1..8),
        left_out in prop::option::of(any::<prop::sample::Index>()),
        is_text in any::<bool>(),
    ) {
        let mut directory = golden(path);
        for (file, place, byte) in edits {
            let count = directory.files.len();
            let bytes = directory.files.values_mut().nth(file.index(count)).unwrap();
            let place = place.index(bytes.len());
            // A digit in place of a digit keeps most files of text readable.
            if !is_text {
                bytes[place] = byte;
            } else if let Some(digit) = bytes[place..].iter_mut().find(|byte| byte.is_ascii_digit()) {
                *digit = b'0' + byte % 10;
            }
        }
        if let Some(index) = left_out {
            let name = directory.files.keys().nth(index.index(directory.files.len())).unwrap().clone();
            directory.files.remove(&name);
        }
        let _ = verify(&directory);
    }
}

//! Every file of every golden directory is read into its value, and what is written from that value is the file again.

use proptest::prelude::*;
use rtrain::format::json::Json;
use rtrain::format::release::files::Part;
use rtrain::format::release::{RELEASES, Release};
use rtrain::format::rewriting::rewrite;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_file_is_written_back_identical() {
    let mut identical = BTreeMap::new();
    for (release, directory) in directories() {
        for (path, name) in files(&directory) {
            let (part, file) = split_checkpoint(&name);
            let row = release.file(file).unwrap_or_else(|| panic!("{} has no row for {}", release.version, path.display()));
            assert!(row.part == part || row.part == Part::Model || row.part == Part::State, "{} lies in the wrong place", path.display());
            let bytes = fs::read(&path).unwrap();
            let written = rewrite(row.holds, &path.display().to_string(), &bytes).unwrap_or_else(|error| panic!("{error}"));
            assert!(written == bytes, "{} differs:\n{}", path.display(), difference(&bytes, &written));
            *identical.entry(row.name).or_insert(0) += 1;
        }
    }
    for (name, count) in &identical {
        println!("{count:5} {name}");
    }
    let count: u32 = identical.values().sum();
    println!("{count} files are read and written back identical");
    assert!(count >= 971);
    let rows = RELEASES.iter().flat_map(|release| release.files).copied().flatten().map(|row| row.name);
    let unseen: BTreeSet<&str> = rows.filter(|name| !identical.contains_key(name)).collect();
    assert_eq!(unseen, BTreeSet::from(["predict_results.txt"]), "rows of the release table without a golden");
}

#[test]
fn the_directories_are_those_of_the_table_and_of_the_checksums() {
    let directories = directories();
    assert!(directories.len() >= 48);
    let on_disk: BTreeSet<PathBuf> = ["4.57.6", "5.23.0"]
        .into_iter()
        .flat_map(|release| fs::read_dir(golden().join(release)).unwrap().map(|entry| entry.unwrap().path()))
        .collect();
    assert_eq!(on_disk, directories.iter().map(|(_, directory)| directory.clone()).collect());
    let sums = fs::read_to_string(golden().join("SHA256SUMS")).unwrap();
    let sums: BTreeMap<&str, &str> = sums.lines().map(|line| line.split_once("  ").unwrap()).map(|(sum, name)| (name, sum)).collect();
    let mut found = 0;
    for (path, _) in directories.iter().flat_map(|(_, directory)| files(directory)) {
        let name = path.strip_prefix(golden()).unwrap().to_str().unwrap().to_owned();
        let sum: String = Sha256::digest(fs::read(&path).unwrap()).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(sums.get(name.as_str()), Some(&sum.as_str()), "{name}");
        found += 1;
    }
    assert_eq!(found, sums.len());
}

/// A changed byte is seen: otherwise the test above could not fail.
#[test]
fn an_edited_file_is_not_written_back() {
    let directory = golden().join("5.23.0/two_labels");
    let release = Release::find("5.23.0").unwrap();
    for (name, from, to) in [
        ("config.json", "\"use_cache\": true", "\"use_cache\":  true"),
        ("config.json", "  \"use_cache\": true,\n", ""),
        ("config.json", "0.1", "0.10"),
        ("tokenizer_config.json", "  \"backend\"", " \"backend\""),
        ("tokenizer.json", "\"truncation\": null", "\"truncation\": null "),
    ] {
        let text = fs::read_to_string(directory.join(name)).unwrap();
        let edited = text.replacen(from, to, 1).into_bytes();
        assert_ne!(edited, text.as_bytes(), "{from}");
        let written = rewrite(release.file(name).unwrap().holds, name, &edited).unwrap();
        assert_ne!(written, edited, "{name}: {from}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]
    /// A damaged file is refused, or read as another value; that value is written the same way however often it is read.
    #[test]
    fn a_damaged_file_is_refused_or_read_as_it_stands(
        file in any::<prop::sample::Index>(),
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 1..4),
    ) {
        let (release, directory, name) = file.get(&DAMAGED);
        let mut bytes = fs::read(golden().join(release).join(directory).join(name)).unwrap();
        for (place, byte, kind) in edits {
            let at = place.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => bytes.truncate(at.max(1)),
            }
        }
        let holds = Release::find(release).unwrap().file(name).unwrap().holds;
        if let Ok(written) = rewrite(holds, name, &bytes) {
            prop_assert_eq!(rewrite(holds, name, &written).unwrap(), written);
        }
    }
}

/// One small file of each kind.
const DAMAGED: [(&str, &str, &str); 18] = [
    ("4.57.6", "added_tokens", "config.json"),
    ("5.23.0", "custom_config", "config.json"),
    ("5.23.0", "gpt2", "generation_config.json"),
    ("5.23.0", "adapter", "adapter_config.json"),
    ("5.23.0", "shards", "model.safetensors.index.json"),
    ("4.57.6", "bin_shards", "pytorch_model.bin.index.json"),
    ("5.23.0", "bfloat16", "tokenizer.json"),
    ("4.57.6", "roberta", "tokenizer.json"),
    ("4.57.6", "added_tokens", "tokenizer_config.json"),
    ("4.57.6", "added_tokens", "special_tokens_map.json"),
    ("4.57.6", "added_tokens", "added_tokens.json"),
    ("4.57.6", "added_tokens", "vocab.txt"),
    ("4.57.6", "roberta", "vocab.json"),
    ("4.57.6", "roberta", "merges.txt"),
    ("5.23.0", "run_epochs", "README.md"),
    ("5.23.0", "run_epochs", "trainer_state.json"),
    ("5.23.0", "run_epochs", "all_results.json"),
    ("5.23.0", "run_epochs", "predict_results_reviews.txt"),
];

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/directories")
}

/// The directories of the table, each with its release.
fn directories() -> Vec<(&'static Release, PathBuf)> {
    let table = Json::parse("table.json", &fs::read(golden().join("table.json")).unwrap()).unwrap();
    let row = |row: &Json| {
        let text = |key: &str| row.get(key).unwrap().as_str().unwrap().to_owned();
        (Release::find(&text("release")).unwrap(), golden().join(text("release")).join(text("name")))
    };
    table.as_array().unwrap().iter().map(row).collect()
}

/// All files below a directory, with their names inside it.
fn files(directory: &Path) -> Vec<(PathBuf, String)> {
    let (mut found, mut folders) = (Vec::new(), vec![directory.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(directory).unwrap().to_str().unwrap().to_owned();
                found.push((path, name));
            }
        }
    }
    found.sort();
    found
}

fn split_checkpoint(name: &str) -> (Part, &str) {
    match name.strip_prefix("checkpoint-").and_then(|rest| rest.split_once('/')) {
        Some((_, file)) => (Part::Checkpoint, file),
        None => (Part::Run, name),
    }
}

fn difference(found: &[u8], written: &[u8]) -> String {
    let at = found.iter().zip(written).take_while(|(left, right)| left == right).count();
    let excerpt = |bytes: &[u8]| String::from_utf8_lossy(&bytes[at.saturating_sub(80)..(at + 80).min(bytes.len())]).into_owned();
    format!("found:\n{}\nwritten:\n{}", excerpt(found), excerpt(written))
}

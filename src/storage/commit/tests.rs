//! What is old or new, and never between.

use super::super::{Fault, MemoryFileSystem};
use super::*;

fn files(content: &str) -> Files<'static> {
    ["config.json", "model.safetensors", "tokenizer.json"]
        .map(|name| (name.to_owned(), vec![Cow::Owned(content.as_bytes().to_vec()), Cow::Owned(format!(" {name}").into_bytes())]))
        .to_vec()
}

fn old() -> MemoryFileSystem {
    let system = MemoryFileSystem::default();
    commit_directory(&system, "runs/out", &files("old")).unwrap();
    system.write_new("runs/out/notes.txt", &[Cow::Borrowed(b"mine")]).unwrap();
    system.create_directory("runs/out/checkpoint-1").unwrap();
    system.write_new("runs/out/checkpoint-1/model.safetensors", &[Cow::Borrowed(b"one")]).unwrap();
    system
}

fn is(system: &MemoryFileSystem, content: &str) -> bool {
    files(content).iter().all(|(name, pieces)| system.read(&format!("runs/out/{name}")) == Some(pieces.concat()))
}

#[test]
fn what_else_lies_in_the_directory_stays() {
    let system = old();
    commit_directory(&system, "runs/out/", &files("new")).unwrap();
    assert!(is(&system, "new"));
    assert_eq!(system.read("runs/out/notes.txt").unwrap(), b"mine");
    assert_eq!(system.read("runs/out/checkpoint-1/model.safetensors").unwrap(), b"one");
    assert_eq!(system.list("runs").unwrap(), ["out"]);
}

/// Lets every operation of `work` fail in every way, from the same beginning, and hands what is left to `check`; returns the number of runs.
fn with_every_fault(work: impl Fn(&MemoryFileSystem) -> Result<()>, check: impl Fn(&MemoryFileSystem, Result<()>, Fault)) -> usize {
    let system = old();
    system.count_from_here(None);
    work(&system).unwrap();
    let faults: Vec<Fault> = (0..system.operations()).flat_map(Fault::every_kind).collect();
    for fault in &faults {
        let system = old();
        system.count_from_here(Some(*fault));
        let result = work(&system);
        system.count_from_here(None);
        check(&system, result, *fault);
    }
    faults.len()
}

#[test]
fn every_operation_may_fail_and_the_directory_is_old_or_new() {
    let commit = |system: &MemoryFileSystem| commit_directory(system, "runs/out", &files("new"));
    let runs = with_every_fault(commit, |system, result, fault| {
        assert!(is(system, "old") || is(system, "new"), "{fault:?} left a mixture");
        match result.map_err(|error| error.diagnostic().clone()) {
            Ok(()) => assert!(is(system, "new"), "{fault:?} claims what is not there"),
            Err(diagnostic) => {
                assert!(diagnostic.site.file.starts_with("runs"), "{fault:?} names {:?}", diagnostic.site);
                assert_eq!(diagnostic.message.ends_with("; runs/out is what it was before"), is(system, "old"), "{fault:?}: {diagnostic}");
                assert_eq!(diagnostic.message.contains("; runs/out is new and complete"), is(system, "new"), "{fault:?}: {diagnostic}");
            }
        }
        assert_eq!(system.read("runs/out/notes.txt").unwrap(), b"mine", "{fault:?} lost a file");
        finish_replacing(system, "runs/out").unwrap();
        assert_eq!(system.read("runs/out/checkpoint-1/model.safetensors").unwrap(), b"one", "{fault:?} lost a checkpoint");
        commit(system).unwrap();
        assert!(is(system, "new"), "{fault:?}: the second attempt");
        assert_eq!(system.list("runs").unwrap(), ["out"], "{fault:?} left something");
    });
    println!("{runs} failures of replacing a model directory: old or new after each");
    assert!(runs > 200);
}

#[test]
fn every_operation_may_fail_and_a_file_is_old_or_new() {
    let commit = |system: &MemoryFileSystem| commit_file(system, "runs/out/notes.txt", b"yours");
    let runs = with_every_fault(commit, |system, result, fault| {
        let content = system.read("runs/out/notes.txt").unwrap();
        assert!(content == b"mine" || content == b"yours", "{fault:?} left {content:?}");
        match result {
            Ok(()) => assert_eq!(content, b"yours", "{fault:?}"),
            Err(error) => assert_eq!(error.to_string().ends_with(" is what it was before"), content == b"mine", "{fault:?}: {error}"),
        }
        commit(system).unwrap();
        assert!(!system.anywhere(STAGE), "{fault:?} left something");
    });
    println!("{runs} failures of replacing a file: old or new after each");
}

/// A run that was killed after the exchange, before the folders came over.
#[test]
fn an_interrupted_exchange_is_finished_by_the_next_run() {
    let system = old();
    commit_directory(&system, "runs/.out.rtrain-staging", &files("old")).unwrap();
    system.rename("runs/out/checkpoint-1", "runs/.out.rtrain-staging/checkpoint-1").unwrap();
    prepare_directory(&system, "runs/out", 0).unwrap();
    assert_eq!(system.read("runs/out/checkpoint-1/model.safetensors").unwrap(), b"one");
    assert_eq!(system.list("runs").unwrap(), ["out"]);
}

/// Where two directories cannot be exchanged in one step, a run may be killed while nothing stands in the target's place.
#[test]
fn an_interrupted_exchange_in_three_steps_is_undone() {
    let system = old();
    commit_directory(&system, "runs/.out.rtrain-staging", &files("new")).unwrap();
    system.rename("runs/out", "runs/.out.rtrain-staging.old").unwrap();
    finish_replacing(&system, "runs/out").unwrap();
    assert!(is(&system, "old"));
    commit_directory(&system, "runs/out", &files("new")).unwrap();
    assert!(is(&system, "new"));
    assert_eq!(system.list("runs").unwrap(), ["out"]);
}

#[test]
fn a_directory_is_removed_as_a_whole() {
    let remove = |system: &MemoryFileSystem| remove_directory(system, "runs/out/checkpoint-1");
    let runs = with_every_fault(remove, |system, result, fault| {
        result.unwrap_err();
        let whole = system.read("runs/out/checkpoint-1/model.safetensors").is_some();
        assert_eq!(whole, system.is_directory("runs/out/checkpoint-1").unwrap().is_some(), "{fault:?}");
        prepare_directory(system, "runs/out", 0).unwrap();
        assert!(system.list("runs/out").unwrap().iter().all(|name| !name.starts_with('.')), "{fault:?} left something");
    });
    println!("{runs} failures of removing a directory: it is whole or not there after each");
}

#[test]
fn what_would_fail_later_is_said_at_once() {
    let system = old();
    prepare_directory(&system, "runs/out", 1000).unwrap();
    prepare_directory(&system, "elsewhere/out", 1000).unwrap();
    assert!(is(&system, "old"));
    assert_eq!(system.list("runs").unwrap(), ["out"]);
    system.set_available(999);
    assert_eq!(prepare_directory(&system, "runs/out", 1000).unwrap_err().diagnostic().code, "disk-full");
    let taken = prepare_directory(&system, "runs/out/notes.txt", 0).unwrap_err();
    assert_eq!(taken.diagnostic().code, "not-a-directory");
}

#[test]
fn too_little_space_is_said_before_anything_is_written() {
    let system = old();
    system.set_available(10);
    let error = commit_directory(&system, "runs/out", &files("new")).unwrap_err();
    assert_eq!(error.diagnostic().code, "disk-full");
    assert!(is(&system, "old"));
}

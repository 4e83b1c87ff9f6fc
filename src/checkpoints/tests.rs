//! Checkpoints of rtrain and of transformers, whole and damaged.

mod crashes;
mod faults;

use super::*;
use crate::diagnostic::Diagnostic;
use crate::storage::{DiskDirectory, MemoryFileSystem, NativeFileSystem, Source};
use std::borrow::Cow;
use std::fs;
use std::path::{Path, PathBuf};

const RUN: &str = "runs/out";

/// Files of a checkpoint; all but the config differ with the content.
fn files(content: &str) -> Files<'static> {
    let piece = |text: String| Cow::Owned(text.into_bytes());
    let file = |name: &str| (name.to_owned(), vec![piece(format!("{name} ")), piece(content.repeat(40))]);
    let config = ("config.json".to_owned(), vec![piece("{}".to_owned())]);
    vec![config, file("model.safetensors"), file("optimizer.pt"), file("trainer_state.json")]
}

fn progress(content: &str) -> Json {
    Json::Array(vec![content.into(), 0.1.into()])
}

fn save(system: &dyn FileSystem, step: u64, content: &str) -> Result<()> {
    Checkpoints::new(system, RUN).save(step, &files(content), &progress(content))
}

/// The step and the content of the newest whole checkpoint, and the codes of what was told.
fn newest(system: &dyn FileSystem) -> (Result<(String, String)>, Vec<Diagnostic>) {
    let mut told = Vec::new();
    let found = Checkpoints::new(system, RUN).newest(|diagnostic| told.push(diagnostic.clone()));
    (found.map(|found| content_of(system, &found)), told)
}

/// The content by which the progress, if there is any, and every file of a checkpoint are what was saved.
fn content_of(system: &dyn FileSystem, found: &Resumable) -> (String, String) {
    let source = system.open_directory(&found.path).unwrap();
    let weights = String::from_utf8(source.read("model.safetensors").unwrap().unwrap()).unwrap();
    let content = weights["model.safetensors ".len()..][..weights.len() / 40].to_owned();
    for (name, pieces) in files(&content) {
        assert!(source.read(&name).unwrap() == Some(pieces.concat()), "{}/{name} is of another checkpoint", found.path);
    }
    assert_eq!(found.progress, Some(progress(&content)), "{}", found.path);
    (found.path.clone(), content)
}

fn codes(told: &[Diagnostic]) -> Vec<&str> {
    told.iter().map(|diagnostic| diagnostic.code).collect()
}

fn overwrite(system: &MemoryFileSystem, path: &str, bytes: &[u8]) {
    system.remove(path).unwrap();
    system.write_new(path, &[Cow::Borrowed(bytes)]).unwrap();
}

#[test]
fn the_newest_comes_back_with_its_progress() {
    let system = MemoryFileSystem::default();
    save(&system, 5, "five").unwrap();
    save(&system, 10, "ten").unwrap();
    let (found, told) = newest(&system);
    assert_eq!(found.unwrap(), (format!("{RUN}/checkpoint-10"), "ten".to_owned()));
    assert_eq!(told, []);
    save(&system, 10, "ten again").unwrap();
    assert_eq!(newest(&system).0.unwrap().1, "ten again");
    let checkpoints = Checkpoints::new(&system, RUN);
    assert_eq!(checkpoints.rotate(10, Some(1), None).unwrap(), [5]);
    assert_eq!(system.list(RUN).unwrap(), [".rtrain", "checkpoint-10"]);
    assert_eq!(system.list(&format!("{RUN}/.rtrain")).unwrap(), ["checkpoint-10.json"]);
    assert_eq!(
        system.list(&format!("{RUN}/checkpoint-10")).unwrap(),
        ["config.json", "model.safetensors", "optimizer.pt", "trainer_state.json"]
    );
}

#[test]
fn at_the_end_of_a_training_the_best_one_stays() {
    let system = MemoryFileSystem::default();
    let checkpoints = Checkpoints::new(&system, RUN);
    [5, 10, 15].into_iter().for_each(|step| save(&system, step, "x").unwrap());
    for (limit, best) in [(Some(2), Some(5)), (Some(1), None), (None, Some(5)), (Some(1), Some(7))] {
        assert_eq!(checkpoints.keep_best(limit, best).unwrap(), [] as [u64; 0]);
    }
    assert_eq!(checkpoints.keep_best(Some(1), Some(5)).unwrap(), [10, 15]);
    assert_eq!(checkpoints.steps().unwrap(), [5]);
}

#[test]
fn a_damaged_one_is_passed_over_and_that_is_said() {
    for name in ["config.json", "model.safetensors", "optimizer.pt", "trainer_state.json"] {
        let system = MemoryFileSystem::default();
        save(&system, 5, "five").unwrap();
        save(&system, 10, "ten").unwrap();
        let path = format!("{RUN}/checkpoint-10/{name}");
        let mut bytes = system.read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        overwrite(&system, &path, &bytes);
        let (found, told) = newest(&system);
        assert_eq!(found.unwrap().1, "five");
        assert_eq!(codes(&told), ["checkpoint-passed-over"]);
        let start = format!("runs/out/checkpoint-10: passed over, because {path}: this is not what was saved (expected CRC-32 ");
        assert!(told[0].to_string().starts_with(&start), "{}", told[0]);
        system.remove(&path).unwrap();
        let error = checkpoint_at(&system, "runs/out/checkpoint-10/", |_| ()).unwrap_err();
        let message = format!(
            "no run can go on from this checkpoint: {path}: this is not what was saved (expected {} bytes, found no file)",
            bytes.len()
        );
        assert_eq!(error.diagnostic().message, message);
    }
}

#[test]
fn without_any_there_is_nothing_to_go_on_from() {
    let system = MemoryFileSystem::default();
    assert_eq!(newest(&system).0.unwrap_err().diagnostic().code, "checkpoint-none");
    system.create_directory("runs/out/checkpoint-007").unwrap();
    system.create_directory("runs/out/checkpoint-5-of-mine").unwrap();
    system.create_directory("runs/out/checkpoint-3").unwrap();
    assert_eq!(Checkpoints::new(&system, RUN).steps().unwrap(), [3]);
    let (found, told) = newest(&system);
    let none = "runs/out: there is no checkpoint to go on from (expected a folder such as checkpoint-500 that is whole)";
    assert_eq!(found.unwrap_err().to_string(), none);
    let reason = "passed over, because runs/out/checkpoint-3: the checkpoint was not written to its end (expected trainer_state.json)";
    assert_eq!(told[0].message, reason);
    let error = checkpoint_at(&system, "runs/none", |_| ()).unwrap_err();
    assert_eq!(error.diagnostic().code, "checkpoint-invalid");
}

#[test]
fn left_overs_go_with_the_next_save() {
    let system = MemoryFileSystem::default();
    save(&system, 5, "five").unwrap();
    system.remove("runs/out/checkpoint-5").unwrap();
    for left_over in ["runs/out/.checkpoint-7.rtrain-staging", "runs/out/.rtrain/.checkpoint-7.json.rtrain-staging"] {
        system.create_directory(left_over).unwrap();
    }
    save(&system, 10, "ten").unwrap();
    assert_eq!(system.list(RUN).unwrap(), [".rtrain", "checkpoint-10"]);
    assert_eq!(system.list("runs/out/.rtrain").unwrap(), ["checkpoint-10.json"]);
}

#[test]
fn too_little_space_is_said_with_the_need_and_nothing_is_written() {
    let system = MemoryFileSystem::default();
    save(&system, 5, "five").unwrap();
    let before = system.files();
    system.set_available(100);
    let error = save(&system, 10, "ten").unwrap_err();
    assert_eq!(error.diagnostic().code, "disk-full");
    assert!(
        error.to_string().starts_with("runs/out/checkpoint-10: ") && error.to_string().ends_with(" bytes free, found 100 bytes)"),
        "{error}"
    );
    assert_eq!(system.files(), before);
}

/// The checkpoints of the golden runs, by the releases that wrote them.
fn golden_checkpoints() -> Vec<PathBuf> {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/directories");
    let folders =
        |path: &Path| fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()).collect::<Vec<_>>();
    let runs = ["4.57.6", "5.23.0"].into_iter().flat_map(|release| folders(&golden.join(release)));
    let mut checkpoints: Vec<PathBuf> =
        runs.flat_map(|run| folders(&run)).filter(|path| step_of(path.file_name().unwrap().to_str().unwrap()).is_some()).collect();
    checkpoints.sort();
    checkpoints
}

fn copied(from: &Path) -> Vec<(String, Vec<u8>)> {
    let source = DiskDirectory::open(from).unwrap();
    source.names().unwrap().into_iter().map(|name| (name.clone(), source.read(&name).unwrap().unwrap())).collect()
}

#[test]
fn those_of_transformers_are_taken_unless_they_are_not_finite() {
    let (mut taken, mut refused) = (0, 0);
    for path in golden_checkpoints() {
        match checkpoint_at(&NativeFileSystem, path.to_str().unwrap(), |told| panic!("{told}")) {
            Ok(found) => taken += usize::from(found.progress.is_none()),
            Err(error) => {
                assert!(path.parent().unwrap().ends_with("run_diverged"), "{error}");
                assert!(error.to_string().contains("the tensor holds NaN or infinity"), "{error}");
                refused += 1;
            }
        }
    }
    println!("{taken} checkpoints of transformers are taken, {refused} of a run that has diverged are not");
    assert_eq!((taken, refused), (42, 2));
}

#[test]
fn one_that_transformers_has_written_over_is_taken_without_progress() {
    let golden = golden_checkpoints().into_iter().find(|path| path.ends_with("5.23.0/run_best/checkpoint-4")).unwrap();
    let system = MemoryFileSystem::default();
    save(&system, 2, "two").unwrap();
    save(&system, 4, "four").unwrap();
    for (name, bytes) in copied(&golden) {
        overwrite(&system, &format!("{RUN}/checkpoint-4/{name}"), &bytes);
    }
    let mut told = Vec::new();
    let found = Checkpoints::new(&system, RUN).newest(|diagnostic| told.push(diagnostic.clone())).unwrap();
    assert_eq!(found, Resumable { path: format!("{RUN}/checkpoint-4"), progress: None });
    assert_eq!(codes(&told), ["checkpoint-rewritten"]);
    overwrite(&system, "runs/out/checkpoint-4/optimizer.pt", b"");
    let (found, told) = newest(&system);
    assert_eq!((found.unwrap().1.as_str(), codes(&told)), ("two", vec!["checkpoint-passed-over"]));
}

#[test]
fn a_record_that_cannot_be_read_is_left_aside() {
    let golden = golden_checkpoints().into_iter().find(|path| path.ends_with("5.23.0/run_best/checkpoint-4")).unwrap();
    let system = MemoryFileSystem::default();
    let files: Files<'_> = copied(&golden).into_iter().map(|(name, bytes)| (name, vec![Cow::Owned(bytes)])).collect();
    let checkpoints = Checkpoints::new(&system, RUN);
    checkpoints.save(4, &files, &Json::Null).unwrap();
    assert_eq!(checkpoints.newest(|told| panic!("{told}")).unwrap().progress, Some(Json::Null));
    overwrite(&system, "runs/out/.rtrain/checkpoint-4.json", b"{");
    let mut told = Vec::new();
    assert_eq!(checkpoints.newest(|diagnostic| told.push(diagnostic.clone())).unwrap().progress, None);
    assert_eq!(codes(&told), ["checkpoint-record"]);
}

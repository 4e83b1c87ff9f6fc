//! A disk of every size, in steps of 4 KiB, that is too small for a checkpoint: the old one or the new one is left, never something between.
//!
//! The disk is a tmpfs that the test mounts where nobody else sees it, in a mount namespace of its own.
#![cfg(target_os = "linux")]

use rtrain::checkpoints::Checkpoints;
use rtrain::diagnostic::Result;
use rtrain::format::json::Json;
use rtrain::storage::commit::Files;
use rtrain::storage::{FileSystem, NativeFileSystem, Source};
use std::borrow::Cow;
use std::io;
use std::path::Path;
use std::process::Command;

const STEP_BYTES: u64 = 4096;
const INSIDE: &str = "RTRAIN_FULL_DISK";

/// The machine's file system, which does not tell how much space is left: so the writing itself meets the full disk.
struct Untold(NativeFileSystem);

impl FileSystem for Untold {
    fn available_bytes(&self, _: &str) -> io::Result<Option<u64>> {
        Ok(None)
    }
    fn list(&self, directory: &str) -> io::Result<Vec<String>> {
        self.0.list(directory)
    }
    fn is_directory(&self, path: &str) -> io::Result<Option<bool>> {
        self.0.is_directory(path)
    }
    fn open_directory(&self, path: &str) -> Result<Box<dyn Source + '_>> {
        self.0.open_directory(path)
    }
    fn create_directory(&self, path: &str) -> io::Result<()> {
        self.0.create_directory(path)
    }
    fn write_new(&self, path: &str, content: &[Cow<'_, [u8]>]) -> io::Result<()> {
        self.0.write_new(path, content)
    }
    fn sync_directory(&self, path: &str) -> io::Result<()> {
        self.0.sync_directory(path)
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.rename(from, to)
    }
    fn exchange(&self, first: &str, second: &str) -> io::Result<()> {
        self.0.exchange(first, second)
    }
    fn hard_link(&self, from: &str, to: &str) -> io::Result<()> {
        self.0.hard_link(from, to)
    }
    fn remove(&self, path: &str) -> io::Result<()> {
        self.0.remove(path)
    }
}

#[test]
#[ignore = "mounts a tmpfs, which needs Linux and the right to make a mount namespace; run by tests/run"]
fn a_full_disk_leaves_the_old_checkpoint_or_the_new_one() {
    let folder = std::env::temp_dir().join(format!("rtrain-full-disk-{}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "--propagation", "private"]).arg(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "--nocapture", "inside_the_namespace"]).env(INSIDE, &folder);
    let output = command.output();
    let _ = std::fs::remove_dir(&folder);
    let output = output.unwrap_or_else(|error| panic!("unshare: {error}"));
    let text = String::from_utf8_lossy(&output.stdout);
    if !text.contains("running 1 test") {
        println!("SKIPPED: no mount namespace can be made here: {}", String::from_utf8_lossy(&output.stderr).trim());
        return;
    }
    print!("{text}");
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[ignore = "a part of the test above, which starts it"]
fn inside_the_namespace() {
    let Some(folder) = std::env::var_os(INSIDE) else { return };
    let folder = Path::new(&folder);
    if !mount(folder, &["-t", "tmpfs", "-o", "size=1m", "tmpfs"]) {
        println!("SKIPPED: no tmpfs can be mounted here");
        return;
    }
    unmount(folder);
    for (name, step) in [("a second checkpoint", 10), ("a checkpoint in the place of another", 5)] {
        let told = every_size(folder, &NativeFileSystem, step);
        println!("{name}, where the space that is left is known: {told}");
        let untold = every_size(folder, &Untold(NativeFileSystem), step);
        println!("{name}, where the writing meets the full disk: {untold}");
    }
}

/// Saves a checkpoint of 186 KiB beside, or in the place of, one of 150 KiB, on disks of more and more space, until it fits with room to spare.
fn every_size(folder: &Path, system: &dyn FileSystem, step: u64) -> String {
    let (mut old_left, mut new_left) = (0, 0);
    while new_left < 3 {
        assert!(mount(folder, &["-t", "tmpfs", "-o", "size=4m", "tmpfs"]));
        let run = format!("{}/out", folder.display());
        let checkpoints = Checkpoints::new(system, &run);
        checkpoints.save(5, &files("old", 50), &"old".into()).unwrap();
        let used = u64::from(
            std::str::from_utf8(&output("du", &["-s", "--block-size=4096", &run]))
                .unwrap()
                .split('\t')
                .next()
                .unwrap()
                .parse::<u32>()
                .unwrap(),
        );
        let size = (used + 1) * STEP_BYTES + (old_left + new_left) * STEP_BYTES;
        assert!(mount(folder, &["-o", &format!("remount,size={size}"), "tmpfs"]));

        let saved = checkpoints.save(step, &files("new", 62), &"new".into());
        let found = checkpoints.newest(|told| panic!("{size} bytes: {told}")).unwrap();
        let is = |content: &str, kib: usize| {
            let source = system.open_directory(&found.path).unwrap();
            let whole = files(content, kib).iter().all(|(name, pieces)| source.read(name).unwrap() == Some(pieces.concat()));
            whole && found.progress == Some(Json::from(content))
        };
        match saved {
            Ok(()) => {
                assert!(is("new", 62), "{size} bytes: not the new one");
                new_left += 1;
            }
            Err(error) => {
                assert!(is("old", 50), "{size} bytes: not the old one, after {error}");
                let diagnostic = error.diagnostic();
                assert!(diagnostic.site.file.starts_with(&run), "{error}");
                assert!(diagnostic.code == "disk-full" || diagnostic.message.ends_with(" is what it was before"), "{error}");
                assert_eq!(new_left, 0, "{size} bytes: {error}");
                assert!(!system.list(&run).unwrap().iter().any(|name| name.ends_with("staging")), "{size} bytes: something is left of it");
                old_left += 1;
            }
        }
        unmount(folder);
    }
    assert!(old_left > 30, "{old_left}");
    format!("{} disks, the old one was left on {old_left}, the new one on {new_left}", old_left + new_left)
}

/// Three files of as many KiB each.
fn files(content: &str, kib: usize) -> Files<'static> {
    let file = |name: &str| {
        let line = format!("{content} {name} ");
        let bytes: Vec<u8> = line.bytes().cycle().take(kib * 1024).collect();
        (name.to_owned(), vec![Cow::Owned(bytes)])
    };
    ["model.safetensors", "optimizer.pt", "trainer_state.json"].map(file).to_vec()
}

fn mount(folder: &Path, arguments: &[&str]) -> bool {
    Command::new("mount").args(arguments).arg(folder).status().unwrap().success()
}

fn unmount(folder: &Path) {
    assert!(Command::new("umount").arg(folder).status().unwrap().success());
}

fn output(program: &str, arguments: &[&str]) -> Vec<u8> {
    Command::new(program).args(arguments).output().unwrap().stdout
}

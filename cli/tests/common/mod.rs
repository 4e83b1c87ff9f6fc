//! A folder to run the program in, and its transcript as a snapshot.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

/// A folder of its own, in which `model` and `reference` are copies of what transformers wrote.
pub struct Workplace(TempDir);

impl Workplace {
    pub fn new() -> Self {
        let workplace = Workplace(TempDir::new().unwrap());
        for copy in ["model", "reference"] {
            let copy = workplace.path(copy);
            fs::create_dir(&copy).unwrap();
            for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/bert/classifier")).unwrap() {
                let entry = entry.unwrap();
                fs::write(copy.join(entry.file_name()), fs::read(entry.path()).unwrap()).unwrap();
            }
        }
        workplace
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Changes a file of `model`.
    pub fn change(&self, file: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let path = self.path("model").join(file);
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        fs::write(path, bytes).unwrap();
    }

    /// Replaces the first `old` in a text file of `model`.
    pub fn replace(&self, file: &str, old: &str, new: &str) {
        self.change(file, |bytes| {
            let text = String::from_utf8(bytes.clone()).unwrap();
            assert!(text.contains(old), "{file} has no {old:?}");
            *bytes = text.replacen(old, new, 1).into_bytes();
        });
    }

    /// Replaces in the header of `model/model.safetensors` by a text of the same length.
    pub fn replace_in_header(&self, old: &str, new: &str) {
        assert_eq!(old.len(), new.len());
        self.change("model.safetensors", |bytes| {
            let position = bytes.windows(old.len()).position(|window| window == old.as_bytes()).unwrap();
            bytes[position..position + new.len()].copy_from_slice(new.as_bytes());
        });
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rtrain"));
        command.args(arguments).current_dir(self.0.path()).env_remove("CLICOLOR_FORCE").env("NO_COLOR", "1");
        command
    }

    pub fn run(&self, arguments: &[&str]) -> String {
        transcript(&self.command(arguments).output().unwrap())
    }
}

/// Snapshots without what differs from machine to machine.
pub fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.add_filter(r"rtrain\.exe", "rtrain");
    settings.add_filter(r"(?:/[^\s/]+)*/\.tmp[A-Za-z0-9]+", "[TEMP]");
    settings
}

pub fn transcript(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let code = output.status.code().unwrap();
    format!("exit code: {code}\n----- stdout -----\n{}----- stderr -----\n{}", text(&output.stdout), text(&output.stderr))
}

/// Compares a transcript with its snapshot: of a command in a workplace, or one that is there already. A snapshot is named by its test, or
/// by what stands after `=>`.
#[macro_export]
macro_rules! assert_transcript {
    ($workplace:expr, $arguments:expr => $name:expr) => {{
        let transcript = $workplace.run(&$arguments);
        $crate::common::settings().bind(|| insta::assert_snapshot!($name, transcript));
    }};
    ($workplace:expr, $arguments:expr) => {
        $crate::assert_transcript!($workplace.run(&$arguments))
    };
    ($transcript:expr) => {{
        let transcript = $transcript;
        $crate::common::settings().bind(|| insta::assert_snapshot!(transcript));
    }};
}

//! Every golden directory, written by rtrain, in the hands of real transformers, torch, safetensors, zipfile and pickletools.
//!
//! This needs the reference environments, which `tests/run` sets up; `RTRAIN_PYTHON` is the interpreter of the first, and the others lie
//! beside it.

use rtrain::format::json::Json;
use rtrain::format::release::Release;
use rtrain::format::rewriting::rewrite;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Releases, each with the environment that has it, and peft too.
const ENVIRONMENTS: [(&str, &str); 2] = [("4.57.6", "reference_4_57_6"), ("5.23.0", "reference_peft")];

#[test]
#[ignore = "needs the reference environments: tests/run"]
fn real_libraries_load_what_is_written() {
    let python =
        std::env::var_os("RTRAIN_PYTHON").expect("RTRAIN_PYTHON is not set: run tests/run, which makes the reference environments");
    let environments = Path::new(&python).ancestors().nth(3).unwrap().to_owned();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let (golden, script) = (root.join("golden/directories"), root.join("interop/rewritten.py"));
    let scratch = std::env::temp_dir().join(format!("rtrain-rewritten-{}", std::process::id()));
    for (version, environment) in ENVIRONMENTS {
        let written = write_again(Release::find(version).unwrap(), &golden.join(version), &scratch.join(version));
        let mut command = Command::new(environments.join(environment).join("bin/python"));
        command.arg(&script).arg(scratch.join(version)).arg(golden.join("table.json"));
        let output =
            command.envs([("HF_HUB_OFFLINE", "1"), ("TRANSFORMERS_VERBOSITY", "error"), ("PYTHONDONTWRITEBYTECODE", "1")]).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{version}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let counts = Json::parse("counts", text.lines().last().unwrap().as_bytes()).unwrap();
        println!("{version}: {written} files written, loaded: {}", text.lines().last().unwrap());
        let directories = fs::read_dir(golden.join(version)).unwrap().count() as u64;
        assert_eq!(counts.get("directories").and_then(Json::as_u64), Some(directories), "{version}");
    }
    fs::remove_dir_all(&scratch).unwrap();
}

/// Writes each file below a folder into another, from the value that is read from it, and returns how many there are.
fn write_again(release: &Release, from: &Path, to: &Path) -> u64 {
    let mut written = 0;
    let mut folders: Vec<PathBuf> = vec![from.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let target = to.join(path.strip_prefix(from).unwrap());
            let name = path.file_name().unwrap().to_str().unwrap();
            let row = release.file(name).or_else(|| release.file(&format!("additional_chat_templates/{name}"))).unwrap();
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::write(target, rewrite(row.holds, name, &fs::read(&path).unwrap()).unwrap()).unwrap();
            written += 1;
        }
    }
    written
}

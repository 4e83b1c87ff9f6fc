//! Which directories a path on the command line stands for: the model itself, and the checkpoints of its run.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use rtrain::verify::MARKS;

/// One directory to verify.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Where it is.
    pub path: PathBuf,
    /// Its name inside the run, such as `checkpoint-500`; empty for the run itself.
    pub name: String,
    /// What to compare it with.
    pub counterpart: Counterpart,
}

/// What a directory is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Counterpart {
    /// Nothing was asked for.
    None,
    /// Another directory.
    Directory(PathBuf),
    /// The reference has no such checkpoint.
    Absent,
    /// The reference has this checkpoint, and the run has it not.
    Only(PathBuf),
}

/// The directory, unless it only holds checkpoints, and its checkpoints by number, each with its counterpart in the reference.
pub fn targets(directory: &Path, reference: Option<&Path>) -> Vec<Target> {
    let own = checkpoints(directory);
    let others = reference.map(checkpoints).unwrap_or_default();
    let mut targets = Vec::new();
    let is_marked = |directory: &Path| MARKS.iter().any(|name| directory.join(name).exists());
    if own.is_empty() || is_marked(directory) || reference.is_some_and(is_marked) {
        let counterpart = reference.map_or(Counterpart::None, |reference| Counterpart::Directory(reference.to_owned()));
        targets.push(Target { path: directory.to_owned(), name: String::new(), counterpart });
    }
    for checkpoint in own.union(&others) {
        let name = &checkpoint.1;
        let counterpart = match reference {
            None => Counterpart::None,
            Some(reference) if !own.contains(checkpoint) => Counterpart::Only(reference.join(name)),
            Some(reference) if others.contains(checkpoint) => Counterpart::Directory(reference.join(name)),
            Some(_) => Counterpart::Absent,
        };
        targets.push(Target { path: directory.join(name), name: name.clone(), counterpart });
    }
    targets
}

/// Numbers and names of the directories that `Trainer` takes for checkpoints. A directory that cannot be listed has none here, and its error
/// when it is opened.
fn checkpoints(directory: &Path) -> BTreeSet<(u64, String)> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir());
    let numbered = |name: String| {
        let digits = name.strip_prefix("checkpoint-")?;
        let step = digits.parse().ok().filter(|_| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
        Some((step, name))
    };
    entries.filter_map(|entry| numbered(entry.file_name().into_string().ok()?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(root: &Path, name: &str, checkpoints: &[&str]) -> PathBuf {
        for checkpoint in checkpoints {
            fs::create_dir_all(root.join(name).join(checkpoint)).unwrap();
        }
        root.join(name)
    }

    #[test]
    fn checkpoints_come_by_number() {
        let root = tempfile::tempdir().unwrap();
        let run = run(root.path(), "run", &["checkpoint-1000", "checkpoint-500", "checkpoint-+5", "checkpoint-", "runs"]);
        let names = |run: &Path| targets(run, None).into_iter().map(|target| target.name).collect::<Vec<_>>();
        assert_eq!(names(&run), ["checkpoint-500", "checkpoint-1000"]);
        fs::write(run.join("config.json"), "{}").unwrap();
        assert_eq!(names(&run), ["", "checkpoint-500", "checkpoint-1000"]);
        assert_eq!(names(&root.path().join("absent")), [""]);
    }

    #[test]
    fn checkpoints_are_matched_by_name() {
        let root = tempfile::tempdir().unwrap();
        let run_directory = run(root.path(), "run", &["checkpoint-1", "checkpoint-2"]);
        let reference = run(root.path(), "reference", &["checkpoint-2", "checkpoint-3"]);
        let counterparts: Vec<_> = targets(&run_directory, Some(&reference)).into_iter().map(|target| target.counterpart).collect();
        let expected = [
            Counterpart::Absent,
            Counterpart::Directory(reference.join("checkpoint-2")),
            Counterpart::Only(reference.join("checkpoint-3")),
        ];
        assert_eq!(counterparts, expected);
    }
}

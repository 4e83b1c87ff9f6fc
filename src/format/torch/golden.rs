//! Files that real torch wrote: `tests/golden/torch`, made by `tests/golden/torch_files.py`.

use std::path::{Path, PathBuf};

/// Paths below `tests/golden/torch` with their bytes, of the files whose path fulfils the condition.
pub fn files(wanted: impl Fn(&str) -> bool) -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/torch");
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    paths.sort();
    let name = |path: &PathBuf| path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
    let is_archive = |path: &str| path.ends_with(".pt") || path.ends_with(".pth") || path.ends_with(".bin");
    let paths = paths.into_iter().filter(|path| is_archive(&name(path)) && wanted(&name(path)));
    paths.map(|path| (name(&path), std::fs::read(&path).unwrap())).collect()
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { walk(&path, paths) } else { paths.push(path) }
    }
}

//! rtrain in a browser tab: checks a model directory whose files a page hands over. Nothing leaves the tab.
//!
//! Training in the browser comes later; this crate holds the verifier only.

use rtrain::format::json::python::{Layout, dumps};
use rtrain::storage::MemoryDirectory;
use rtrain::verify::{Report, verify};
use wasm_bindgen::prelude::wasm_bindgen;

/// Checks the files of one model directory.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Verifier {
    directory: MemoryDirectory,
}

#[wasm_bindgen]
impl Verifier {
    /// A directory without files.
    #[wasm_bindgen(constructor)]
    pub fn new() -> Verifier {
        Verifier::default()
    }

    /// Adds a file, or replaces the one of that name.
    pub fn add_file(&mut self, name: String, bytes: Vec<u8>) {
        self.directory.files.insert(name, bytes);
    }

    /// The report as JSON, as it stands in the `reports` that `rtrain verify --format json` prints.
    ///
    /// What lets the command line stop with an error, such as a missing `config.json`, is a finding here.
    pub fn verify(&self) -> String {
        let report =
            verify(&self.directory).unwrap_or_else(|error| Report { findings: vec![error.diagnostic().clone()], ..Report::default() });
        dumps(&report.to_json(), Layout::PythonUnicode { indent: 2 }) + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn golden() -> Verifier {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden/bert/classifier");
        let mut verifier = Verifier::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            verifier.add_file(entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap());
        }
        verifier
    }

    fn report(verifier: &Verifier) -> serde_json::Value {
        serde_json::from_str(&verifier.verify()).unwrap()
    }

    #[test]
    fn what_transformers_wrote_is_fine() {
        let report = report(&golden());
        assert_eq!((&report["ok"], &report["tensors"]), (&true.into(), &41.into()));
        assert_eq!(report["files"][1]["name"], "model.safetensors");
        assert_eq!(report["files"][1]["status"], "identical");
    }

    #[test]
    fn a_replaced_file_is_checked_anew() {
        let mut verifier = golden();
        verifier.add_file("model.safetensors".to_owned(), vec![0; 4]);
        let report = report(&verifier);
        assert_eq!((&report["ok"], &report["findings"][0]["code"]), (&false.into(), &"safetensors-truncated".into()));
        assert_eq!(report["findings"][0]["place"], serde_json::json!({"bytes": [0, 4]}));
    }

    #[test]
    fn no_files_are_a_finding() {
        let report = report(&Verifier::new());
        assert_eq!((&report["ok"], &report["findings"][0]["code"]), (&false.into(), &"not-a-model-directory".into()));
    }
}

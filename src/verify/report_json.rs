//! A [`Report`] as JSON, the same on the command line and in a browser.

use super::Report;
use crate::diagnostic::{Diagnostic, Place};
use crate::format::json::Json;

impl Report {
    /// The report as a JSON object. Every key is always there; what does not apply is null.
    ///
    /// `directory` and `reference` are paths; `release` is the transformers version of [`Report::release`]; `files` lists those of both directories by name, with `bytes` and `status` null where only
    /// the reference has the file; the `place` of a finding is null for a whole file, and else an object of one of the forms
    /// `{"bytes": [start, end]}`, `{"line": n, "column": n}`, `{"tensor": name}`, `{"pointer": json_pointer}` and `{"table_column": name}`.
    pub fn to_json(&self) -> Json {
        object([
            ("directory", self.directory.as_str().into()),
            ("reference", self.reference.as_deref().into()),
            ("release", self.release.into()),
            ("ok", self.is_clean().into()),
            ("files", Json::Array(self.files_json())),
            ("tensors", self.tensors.into()),
            ("parameters", self.parameters.into()),
            ("findings", Json::Array(self.findings.iter().map(Diagnostic::to_json).collect())),
        ])
    }

    fn files_json(&self) -> Vec<Json> {
        let row = |name: &str, bytes: Option<u64>, status: Option<&str>| {
            let comparison = self.comparison(name).map(|comparison| comparison.name());
            let entries = [("name", name.into()), ("bytes", bytes.into()), ("status", status.into()), ("reference", comparison.into())];
            (name.to_owned(), object(entries))
        };
        let own = self.files.iter().map(|file| row(&file.name, Some(file.bytes), Some(file.status.name())));
        let absent = self.comparisons.iter().filter(|(name, _)| !self.files.iter().any(|file| file.name == *name));
        let mut rows: Vec<(String, Json)> = own.chain(absent.map(|(name, _)| row(name, None, None))).collect();
        rows.sort_by(|(left, _), (right, _)| left.cmp(right));
        rows.into_iter().map(|(_, row)| row).collect()
    }
}

impl Diagnostic {
    /// The finding or error as a JSON object, as it stands in the `findings` of a report.
    pub fn to_json(&self) -> Json {
        object([
            ("code", self.code.into()),
            ("severity", self.severity().name().into()),
            ("file", Some(self.site.file.as_str()).filter(|file| !file.is_empty()).into()),
            ("place", place_json(&self.site.place)),
            ("message", self.message.as_str().into()),
            ("expected", self.expected.as_deref().into()),
            ("found", self.found.as_deref().into()),
            ("hint", self.hint.as_deref().into()),
        ])
    }
}

fn place_json(place: &Place) -> Json {
    match place {
        Place::Whole => Json::Null,
        Place::Bytes(range) => object([("bytes", Json::Array(vec![range.start.into(), range.end.into()]))]),
        Place::Line(line, column) => object([("line", (*line).into()), ("column", (*column).into())]),
        Place::Tensor(name) => object([("tensor", name.as_str().into())]),
        Place::Pointer(pointer) => object([("pointer", pointer.as_str().into())]),
        Place::Column(name) => object([("table_column", name.as_str().into())]),
    }
}

fn object<const N: usize>(entries: [(&str, Json); N]) -> Json {
    Json::Object(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
}

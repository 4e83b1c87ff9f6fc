//! Whatever lies in a directory is described; the tables are rectangular and the description is JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtrain::format::json::Json;
use rtrain::format::json::python::{Layout, dumps};
use rtrain::inspect::{Detail, inspect_directory};
use rtrain_fuzz::{bounded, directory};

fuzz_target!(|bytes: &[u8]| bounded(bytes, || {
    let source = directory(bytes);
    for detail in [Detail::Overview, Detail::Full, Detail::Statistics] {
        let descriptions = inspect_directory(&source, detail).expect("memory is read");
        assert_eq!(descriptions.len(), source.files.len());
        for description in descriptions {
            for table in &description.contents.tables {
                assert!(table.rows.iter().all(|row| row.len() == table.columns.len()), "{}", table.name);
            }
            let written = dumps(&description.to_json(), Layout::Compact);
            Json::parse("description", written.as_bytes()).expect("the description is JSON");
        }
    }
}));

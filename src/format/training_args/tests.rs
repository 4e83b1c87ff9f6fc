use super::*;
use crate::format::json::Json;
use crate::format::pickle::Value;
use crate::format::torch_golden;
use proptest::prelude::*;

fn goldens() -> Vec<(String, Vec<u8>)> {
    torch_golden::files(|path| path.ends_with("training_args.bin"))
}

#[test]
fn files_of_transformers_survive() {
    let files = goldens();
    assert_eq!(files.len(), 11);
    for (path, bytes) in files {
        let arguments = TrainingArguments::parse(&path, &bytes).unwrap();
        assert!(path.starts_with(arguments.release), "{path}");
        assert_eq!(arguments.get("output_dir").and_then(Setting::as_str), Some("out"));
        assert!(arguments.to_bytes() == bytes, "{path}");
    }
}

fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::None,
        Json::Bool(flag) => (*flag).into(),
        Json::Integer(number) => Value::Integer(*number),
        Json::Float(number) => (*number).into(),
        Json::String(text) => text.as_str().into(),
        Json::Array(items) => Value::list(items.iter().map(value)),
        Json::Object(entries) => Value::dict(entries.iter().map(|(key, item)| (key.as_str(), value(item)))),
    }
}

#[test]
fn files_are_written_from_the_arguments_that_were_given() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/torch");
    let surroundings = Surroundings { gpus: 0, logging_folder: "runs/Jan01_00-00-00_host".to_owned(), reports: Vec::new() };
    for (path, bytes) in goldens().into_iter().filter(|(path, _)| path.contains("arguments")) {
        let file = folder.join(path.replace("training_args.bin", "given.json"));
        let given = Json::parse("given.json", &std::fs::read(file).unwrap()).unwrap();
        let given = given.entries().unwrap().iter().map(|(name, json)| (name.as_str(), value(json)));
        let release = path.split('/').next().unwrap();
        let written = TrainingArguments::new(release, given, &surroundings).unwrap();
        let read = TrainingArguments::parse(&path, &bytes).unwrap();
        for ((name, written), (_, read)) in written.settings.iter().zip(&read.settings) {
            assert_eq!(
                format!("{written:?}").replace("distinct: true", "distinct: false"),
                format!("{read:?}").replace("distinct: true", "distinct: false"),
                "{path}: {name}"
            );
        }
        assert!(written.to_bytes() == bytes, "{path}");
    }
}

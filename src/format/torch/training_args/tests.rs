use super::*;
use crate::format::json::Json;
use crate::format::torch::golden;
use crate::format::torch::pickle::Value;
use proptest::prelude::*;

fn goldens() -> Vec<(String, Vec<u8>)> {
    golden::files(|path| path.ends_with("training_args.bin"))
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
        assert_eq!(written, TrainingArguments::parse(&path, &bytes).unwrap(), "{path}");
        assert!(written.to_bytes() == bytes, "{path}");
    }
}

fn given() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    let flags = prop::sample::select(vec!["bf16", "use_cpu", "do_train", "load_best_model_at_end", "torch_compile", "push_to_hub"]);
    let number = prop_oneof![any::<i64>().prop_map(Value::from), (-1e9..1e9).prop_map(Value::Float)];
    let numbers = prop::sample::select(vec!["learning_rate", "eval_delay", "eval_steps", "save_steps", "num_train_epochs"]);
    let texts = prop::sample::select(vec!["output_dir", "run_name", "hub_model_id", "metric_for_best_model", "resume_from_checkpoint"]);
    let words = prop_oneof![
        (Just("eval_strategy"), prop::sample::select(table::INTERVAL_STRATEGY.words)),
        (Just("optim"), prop::sample::select(table::OPTIMIZER_NAMES.words)),
        (Just("lr_scheduler_type"), prop::sample::select(table::SCHEDULER_TYPE.words)),
    ];
    let argument = prop_oneof![
        (flags, any::<bool>().prop_map(Value::from)),
        (numbers, number),
        (texts, "\\PC{0,9}".prop_map(|text| Value::from(text.as_str()))),
        words.prop_map(|(name, word)| (name, word.into())),
    ];
    prop::collection::vec(argument, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn arguments_survive(given in given(), newest in any::<bool>(), gpus in 0_u32..3) {
        let surroundings = Surroundings { gpus, logging_folder: "runs/now".to_owned(), reports: vec!["tensorboard".to_owned()] };
        let release = if newest { "5.23.0" } else { "4.57.6" };
        let arguments = TrainingArguments::new(release, given, &surroundings).unwrap();
        let bytes = arguments.to_bytes();
        let read = TrainingArguments::parse("f", &bytes).unwrap();
        prop_assert_eq!(&read, &arguments);
        prop_assert_eq!(read.to_bytes(), bytes);
    }
}

#[test]
fn the_fields_are_told_apart() {
    let surroundings = Surroundings { gpus: 0, logging_folder: String::new(), reports: Vec::new() };
    let arguments = TrainingArguments::new("5.23.0", [], &surroundings).unwrap();
    let refused = |name: &'static str, setting: Setting| {
        let mut arguments = arguments.clone();
        arguments.settings.iter_mut().find(|(known, _)| *known == name).unwrap().1 = setting;
        let error = TrainingArguments::parse("training_args.bin", &arguments.to_bytes()).unwrap_err();
        assert_eq!(error.diagnostic().code, "training-args");
        assert!(error.to_string().contains(&format!("/{name}")), "{error}");
    };
    refused("learning_rate", Setting::Plain("fast".into()));
    refused("seed", Setting::Plain(0.5.into()));
    refused("optim", Setting::Choice("eval".to_owned()));
    refused("optim", Setting::Plain("adamw_torch".into()));
    refused("lr_scheduler_kwargs", Setting::Plain(Value::dict([("a", Value::call(("torch", "device"), ["cpu".into()]))])));
    refused("parallelism_config", Setting::Plain(1_u64.into()));
    refused("accelerator_config", Setting::Object(Vec::new()));
    refused("distributed_state", Setting::Plain(true.into()));

    let mut other_order = arguments.clone();
    other_order.settings.swap(0, 1);
    let error = TrainingArguments::parse("f", &other_order.to_bytes()).unwrap_err().to_string();
    assert!(error.contains("expected output_dir, found per_device_train_batch_size"), "{error}");
    let mut shorter = arguments;
    shorter.settings.pop();
    let error = TrainingArguments::parse("f", &shorter.to_bytes()).unwrap_err().to_string();
    assert!(error.contains("expected deepspeed_plugin, found no more"), "{error}");

    for (release, name, value) in [
        ("5.23.0", "save_safetensors", true.into()),
        ("5", "seed", 1_u64.into()),
        ("4.57.6", "optim", "x".into()),
        ("4.57.6", "warmup_steps", 0.1.into()),
    ] {
        assert!(TrainingArguments::new(release, [(name, value)], &surroundings).is_err(), "{release} {name}");
    }
}

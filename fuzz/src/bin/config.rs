//! `config.json`, `generation_config.json` and `adapter_config.json`: what is read is written with all of its keys and values, and what a
//! release makes of it stays what it is when the release loads it again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtrain::format::config::Config;
use rtrain::format::config::generation::GenerationConfig;
use rtrain::format::json::Json;
use rtrain::format::release::RELEASES;
use rtrain::format::release::files::Holds;
use rtrain_fuzz::{assert_same, assert_survives, bounded};

/// Keys and values without the label map, whose keys are numbers: `-0` and `00` are written as `0`.
fn sorted(bytes: &[u8]) -> Json {
    match Json::parse("file", bytes).expect("it was read before").sorted() {
        Json::Object(entries) => Json::Object(entries.into_iter().filter(|(key, _)| key != "id2label").collect()),
        other => other,
    }
}

fuzz_target!(|bytes: &[u8]| bounded(bytes, || {
    for holds in [Holds::Config, Holds::GenerationConfig, Holds::AdapterConfig] {
        assert_survives(holds, bytes);
    }
    if let Ok(config) = Config::parse("config.json", bytes) {
        assert_same(&sorted(&config.to_bytes()), &sorted(bytes));
        let _ = (config.labels(), config.label_ids(), config.number("hidden_dropout_prob"), config.optional_size("head_dim"));
        for release in RELEASES {
            let written = config.loaded_by(release).to_bytes();
            let again = Config::parse("config.json", &written).expect("what was written is read");
            assert_eq!(again.loaded_by(release).to_bytes(), written);
        }
    }
    if let Ok(config) = GenerationConfig::parse("generation_config.json", bytes) {
        assert_same(&sorted(&config.to_bytes()), &sorted(bytes));
        let _ = config.eos_token_ids();
        for release in RELEASES {
            let written = config.loaded_by(release).to_bytes();
            let again = GenerationConfig::parse("generation_config.json", &written).expect("what was written is read");
            assert_eq!(again.loaded_by(release).to_bytes(), written);
        }
    }
}));

//! A model card, and YAML alone: what is read is written so that it reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtrain::format::model_card::yaml_reader;
use rtrain::format::release::files::Holds;
use rtrain_fuzz::{assert_same, assert_survives, bounded};

fuzz_target!(|bytes: &[u8]| bounded(bytes, || {
    assert_survives(Holds::ModelCard, bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(yaml) = yaml_reader::parse("README.md", text, 1) else { return };
    for allow_unicode in [false, true] {
        assert_same(&yaml_reader::parse("README.md", &yaml.dump(allow_unicode), 1).expect("what was written is read"), &yaml);
    }
}));

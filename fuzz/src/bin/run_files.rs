//! `trainer_state.json`, results and predictions of a run: what is read is written so that it reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtrain::format::release::files::Holds;
use rtrain_fuzz::{assert_survives, bounded};

fuzz_target!(|bytes: &[u8]| bounded(bytes, || {
    [Holds::TrainerState, Holds::Results, Holds::Predictions].into_iter().for_each(|holds| assert_survives(holds, bytes));
}));

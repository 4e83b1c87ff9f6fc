//! Every file of a tokenizer: what is read is written so that it reads the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtrain::format::release::files::Holds;
use rtrain_fuzz::{assert_survives, bounded};

const KINDS: [Holds; 8] = [
    Holds::TokenizerJson,
    Holds::TokenizerConfig,
    Holds::SpecialTokensMap,
    Holds::AddedTokens,
    Holds::VocabTxt,
    Holds::VocabJson,
    Holds::Merges,
    Holds::ChatTemplate,
];

fuzz_target!(|bytes: &[u8]| bounded(bytes, || KINDS.into_iter().for_each(|holds| assert_survives(holds, bytes))));

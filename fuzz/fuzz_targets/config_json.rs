//! No bytes make the reader of `config.json` panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtrain::format::config::Config;

fuzz_target!(|bytes: &[u8]| {
    let _ = Config::parse("config.json", bytes);
});

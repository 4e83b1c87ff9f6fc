//! What `rtrain convert` writes, against real transformers.

#[expect(dead_code, reason = "the other test programs use the rest")]
mod common;

use common::Workplace;
use std::path::Path;
use std::process::Command;

#[test]
#[ignore = "needs the reference environment: tests/run"]
fn transformers_converts_to_the_same_bytes() {
    let python = std::env::var_os("RTRAIN_PYTHON").expect("RTRAIN_PYTHON is not set: run tests/run, which makes the reference environment");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/interop/convert.py");
    let workplace = Workplace::new();
    let cases: [&[&str]; 5] = [
        &["--max_shard_size", "30kB"],
        &["--max_shard_size", "0.1MB"],
        &["--dtype", "bfloat16"],
        &["--dtype", "float16", "--max_shard_size", "5KB"],
        &[],
    ];
    for (number, options) in cases.into_iter().enumerate() {
        let name = format!("converted-{number}");
        let transcript = workplace.run(&[&["convert", "--quiet", "model", &name], options].concat());
        assert!(transcript.starts_with("exit code: 0"), "{transcript}");
        let mut check = Command::new(&python);
        check.arg(&script).args([workplace.path("model"), workplace.path(&name)]).args(options).env("HF_HUB_OFFLINE", "1");
        let output = check.output().unwrap();
        assert!(output.status.success(), "{options:?}\n{}", String::from_utf8_lossy(&output.stderr));
    }
}

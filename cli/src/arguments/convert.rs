//! `convert` and its options.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, value_parser};
use rtrain::convert::Conversion;
use rtrain::diagnostic::Result;
use rtrain::format::dtype::Dtype;
use rtrain::format::release::{RELEASES, Release};
use rtrain::format::shards::split::parse_max_shard_size;

use super::path;

const AFTER_HELP: &str = "\
Examples:
  rtrain convert out out-bf16 --dtype bfloat16
  rtrain convert out out-shards --max_shard_size 200MB
  rtrain convert out out-4 --release 4.57.6 --safe_serialization false";

/// What a model can be converted to.
const DTYPES: [Dtype; 3] = [Dtype::F32, Dtype::Bf16, Dtype::F16];

/// The command.
pub fn command() -> Command {
    Command::new("convert")
        .about("Write a model directory anew: other shards, element type, format or release")
        .long_about(
            "Write a model directory anew, with other shards, another element type, in another format, or as another release of transformers \
             saves it, as its from_pretrained and save_pretrained would. Without --release the tokenizer's files stay what they are; the \
             state of a training run is left out.",
        )
        .after_help(AFTER_HELP)
        .arg(Arg::new("input").value_name("IN").required(true).value_parser(value_parser!(PathBuf)).help("Directory of the model"))
        .arg(
            Arg::new("output")
                .value_name("OUT")
                .required(true)
                .value_parser(value_parser!(PathBuf))
                .help("Directory to write, which is not there yet or empty"),
        )
        .arg(
            Arg::new("max_shard_size")
                .long("max_shard_size")
                .alias("max-shard-size")
                .value_name("SIZE")
                .help("Largest shard, such as 5GB or 100kB, in powers of 1000; left out, that of the transformers release in config.json"),
        )
        .arg(
            Arg::new("dtype")
                .long("dtype")
                .value_name("DTYPE")
                .value_parser(DTYPES.map(|dtype| dtype.config_name().unwrap_or_default()))
                .help("Element type of the float tensors; left out, each keeps its own"),
        )
        .arg(
            Arg::new("safe_serialization")
                .long("safe_serialization")
                .alias("safe-serialization")
                .value_name("BOOL")
                .value_parser(value_parser!(bool))
                .default_value("true")
                .help("Whether to write safetensors, or else pytorch_model.bin, which transformers 5 does not write"),
        )
        .arg(
            Arg::new("release")
                .long("release")
                .value_name("VERSION")
                .value_parser(RELEASES.map(|release| release.version))
                .help("Release of transformers as which config, tokenizer and weights are saved; left out, the one in config.json"),
        )
}

/// What `convert` was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConvertOptions {
    /// Directory of the model.
    pub input: PathBuf,
    /// Directory to write.
    pub output: PathBuf,
    /// What is to change.
    pub conversion: Conversion,
}

impl ConvertOptions {
    /// The options of a matched `convert`; `offline` says whether `HF_HUB_OFFLINE` is set.
    ///
    /// # Errors
    /// A size that is none.
    pub fn from_matches(matches: &ArgMatches, offline: bool) -> Result<Self> {
        let text = |name: &str| matches.get_one::<String>(name).map(String::as_str);
        let dtype = text("dtype").and_then(|name| DTYPES.into_iter().find(|dtype| dtype.config_name() == Some(name)));
        let max_shard_size = text("max_shard_size").map(parse_max_shard_size).transpose()?;
        Ok(ConvertOptions {
            input: path(matches, "input").unwrap_or_default(),
            output: path(matches, "output").unwrap_or_default(),
            conversion: Conversion {
                max_shard_size,
                dtype,
                safe_serialization: matches.get_one::<bool>("safe_serialization").copied().unwrap_or(true),
                release: text("release").and_then(Release::find),
                offline,
            },
        })
    }
}

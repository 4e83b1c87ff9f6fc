//! The command line of rtrain. `arguments` says what can be asked for, `commands` does it, `render` prints it.

mod arguments;
mod commands;
#[cfg(feature = "train")]
mod config_file;
mod ignore;
#[cfg(feature = "train")]
mod interruption;
mod offline;
mod outcome;
mod render;
mod run_directory;
#[cfg(feature = "train")]
mod terminal;

use std::process::ExitCode;

use clap::ArgMatches;
use rtrain::diagnostic::Result;

/// Exit code of a command that could not run. A command that ran returns 0, or 1 where a check has failed.
const COULD_NOT_RUN: u8 = 2;

fn main() -> ExitCode {
    let matches = arguments::command().get_matches();
    color_choice(&matches).write_global();
    let code = dispatch(&matches).unwrap_or_else(|error| {
        render::print_error(&error);
        COULD_NOT_RUN
    });
    ExitCode::from(code)
}

fn dispatch(matches: &ArgMatches) -> Result<u8> {
    match matches.subcommand() {
        Some(("convert", matches)) => commands::convert::run(matches),
        Some(("inspect", matches)) => commands::inspect::run(matches),
        Some(("explain", matches)) => commands::explain::run(matches),
        Some(("verify", matches)) => commands::verify::run(matches),
        Some((name, matches)) => engine_command(name, matches),
        None => unreachable!("clap asks for a command"),
    }
}

#[cfg(feature = "train")]
fn engine_command(name: &str, matches: &ArgMatches) -> Result<u8> {
    match name {
        "train" => pollster::block_on(commands::train::run(matches)),
        "evaluate" => pollster::block_on(commands::evaluate::run(matches)),
        "predict" => pollster::block_on(commands::predict::run(matches)),
        name => unreachable!("clap knows no command {name}"),
    }
}

#[cfg(not(feature = "train"))]
fn engine_command(name: &str, _matches: &ArgMatches) -> Result<u8> {
    Err(arguments::without_engine(name))
}

/// `--color`; where it is left to us, anstream looks at the terminal, `NO_COLOR` and `CLICOLOR`.
fn color_choice(matches: &ArgMatches) -> anstream::ColorChoice {
    match matches.get_one::<String>("color").map(String::as_str) {
        Some("always") => anstream::ColorChoice::Always,
        Some("never") => anstream::ColorChoice::Never,
        _ => anstream::ColorChoice::Auto,
    }
}

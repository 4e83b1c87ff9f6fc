//! `rtrain explain`: what a code means, how it comes about, and what to do.

use clap::ArgMatches;
use rtrain::diagnostic::{Diagnostic, Error, Result, Site, codes};
use rtrain::nearest::nearest;

use crate::render;

/// Prints a code, or all of them.
///
/// # Errors
/// There is no such code, or the text cannot be printed.
pub fn run(matches: &ArgMatches) -> Result<u8> {
    let text = match matches.get_one::<String>("code") {
        Some(name) => render::explain::code(codes::find(name).ok_or_else(|| unknown(name))?),
        None if matches.get_one::<String>("format").is_some_and(|format| format == "markdown") => render::explain::markdown(),
        None => render::explain::list(),
    };
    render::print(&text)?;
    Ok(0)
}

/// The error names the codes that were probably meant: the nearest one, or those that have the word in them.
fn unknown(name: &str) -> Error {
    let diagnostic = Diagnostic::new("unknown-code", Site::default(), format!("there is no code {name:?}"));
    let names = || codes::all().map(|code| code.name);
    let near: Vec<&str> = match nearest(name, names()) {
        Some(near) => vec![near],
        None => names().filter(|code| code.split('-').any(|word| word == name)).collect(),
    };
    Error::misuse(diagnostic.hint(match near.as_slice() {
        [] => "rtrain explain lists all codes".to_owned(),
        near => format!("did you mean {}?", near.join(", ")),
    }))
}

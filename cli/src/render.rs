//! What the commands print: [`text`] for people, [`json`] for programs, [`sarif`], [`junit`] and [`github`] for what shows findings of CI.
//!
//! Renderers return text, with colours where they like; [`print()`] strips those that the terminal or `--color` does not want.

pub mod description;
pub mod explain;
pub mod github;
pub mod json;
pub mod junit;
mod path;
pub mod sarif;
#[cfg(test)]
mod tests;
pub mod text;
mod wording;

use std::io::{self, Write};

use rtrain::diagnostic::{Diagnostic, Error, Result, Site};

/// Prints to the standard output. A reader that has gone, as in `rtrain verify out | head -1`, is no error.
///
/// # Errors
/// The standard output takes no more, because a disk is full for instance.
pub fn print(text: &str) -> Result<()> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(unprinted(&error)),
        _ => Ok(()),
    }
}

/// Prints why a command could not run to the standard error, where a failure has nobody left to tell.
pub fn print_error(error: &Error) {
    print_warning(error.diagnostic());
}

/// Prints what a command passes over to the standard error.
pub fn print_warning(diagnostic: &Diagnostic) {
    let _ = anstream::stderr().lock().write_all(text::diagnostic(diagnostic).as_bytes());
}

fn unprinted(error: &io::Error) -> Error {
    let diagnostic = Diagnostic::new("io", Site::file("standard output"), format!("could not write: {error}"));
    Error::Io(Box::new(diagnostic))
}

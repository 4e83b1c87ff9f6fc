//! What went wrong, where, what was expected, what was found, and what to do.
//!
//! One value serves errors (a command could not run) and findings (a check failed), so that every renderer needs to know one shape only.

pub mod codes;

use codes::Severity;
use std::fmt;
use std::ops::Range;

/// The place in a file that a [`Diagnostic`] speaks of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Place {
    /// The file as a whole.
    #[default]
    Whole,
    /// Bytes `start..end`, counted from the beginning of the file.
    Bytes(Range<u64>),
    /// A line and a column, both counted from 1.
    Line(u64, u64),
    /// A tensor by its name.
    Tensor(String),
    /// A JSON pointer (RFC 6901), into JSON or into the values of a pickle.
    Pointer(String),
    /// A column of a table by its name.
    Column(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Whole => Ok(()),
            Place::Bytes(range) => write!(f, "bytes {}..{}", range.start, range.end),
            Place::Line(line, column) => write!(f, "line {line}, column {column}"),
            Place::Tensor(name) => write!(f, "tensor {name}"),
            Place::Pointer(pointer) => f.write_str(if pointer.is_empty() { "the top level" } else { pointer }),
            Place::Column(name) => write!(f, "column {name}"),
        }
    }
}

/// A file, and a place in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Site {
    /// Path of the file as its user knows it; empty where no file is concerned.
    pub file: String,
    /// Where in the file.
    pub place: Place,
}

impl Site {
    /// The file as a whole.
    pub fn file(path: impl Into<String>) -> Self {
        Site { file: path.into(), place: Place::Whole }
    }

    /// The same file at another place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = place;
        self
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        match &self.place {
            Place::Whole => Ok(()),
            Place::Line(line, column) => write!(f, ":{line}:{column}"),
            Place::Pointer(pointer) => write!(f, ", at {pointer}"),
            place => write!(f, ", {place}"),
        }
    }
}

/// What, where, expected, found, and a hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// A stable name in kebab case, such as `safetensors-header-length`; it has a row in the table of [`codes`].
    pub code: &'static str,
    /// One sentence, without the site.
    pub message: String,
    /// Where.
    pub site: Site,
    /// What should have been there.
    pub expected: Option<String>,
    /// What was there.
    pub found: Option<String>,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// A diagnostic with a code, a place and a sentence.
    pub fn new(code: &'static str, site: Site, message: impl Into<String>) -> Self {
        Diagnostic { code, message: message.into(), site, expected: None, found: None, hint: None }
    }

    /// How bad it is, by the table of [`codes`].
    pub fn severity(&self) -> Severity {
        codes::find(self.code).map_or(Severity::Error, |code| code.severity)
    }

    /// Adds what should have been there.
    #[must_use]
    pub fn expected(mut self, expected: impl fmt::Display) -> Self {
        self.expected = Some(expected.to_string());
        self
    }

    /// Adds what was there.
    #[must_use]
    pub fn found(mut self, found: impl fmt::Display) -> Self {
        self.found = Some(found.to_string());
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.site.file.is_empty() {
            write!(f, "{}: ", self.site)?;
        }
        f.write_str(&self.message)?;
        match (&self.expected, &self.found) {
            (Some(expected), Some(found)) => write!(f, " (expected {expected}, found {found})"),
            (Some(expected), None) => write!(f, " (expected {expected})"),
            (None, Some(found)) => write!(f, " (found {found})"),
            (None, None) => Ok(()),
        }
    }
}

/// Why something could not be done, grouped by who can mend it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file is not what its format says.
    #[error("{0}")]
    Malformed(Box<Diagnostic>),
    /// A file is well formed and asks for what rtrain does not do.
    #[error("{0}")]
    Unsupported(Box<Diagnostic>),
    /// A file asks for more than a limit allows.
    #[error("{0}")]
    Limit(Box<Diagnostic>),
    /// The system refused to read or to write.
    #[error("{0}")]
    Io(Box<Diagnostic>),
    /// The arguments do not fit each other or the data.
    #[error("{0}")]
    Misuse(Box<Diagnostic>),
}

impl Error {
    /// The diagnostic inside.
    pub fn diagnostic(&self) -> &Diagnostic {
        match self {
            Error::Malformed(diagnostic)
            | Error::Unsupported(diagnostic)
            | Error::Limit(diagnostic)
            | Error::Io(diagnostic)
            | Error::Misuse(diagnostic) => diagnostic,
        }
    }

    /// A file is not what its format says.
    pub fn malformed(diagnostic: Diagnostic) -> Self {
        Error::Malformed(Box::new(diagnostic))
    }

    /// A file asks for what rtrain does not do.
    pub fn unsupported(diagnostic: Diagnostic) -> Self {
        Error::Unsupported(Box::new(diagnostic))
    }

    /// A file asks for more than a limit allows.
    pub fn limit(diagnostic: Diagnostic) -> Self {
        Error::Limit(Box::new(diagnostic))
    }

    /// The arguments do not fit each other or the data.
    pub fn misuse(diagnostic: Diagnostic) -> Self {
        Error::Misuse(Box::new(diagnostic))
    }

    /// The system refused `operation` (a verb phrase such as `open`) on `path`.
    pub fn io(path: impl Into<String>, operation: &str, error: &std::io::Error) -> Self {
        let mut diagnostic = Diagnostic::new("io", Site::file(path), format!("could not {operation}: {error}"));
        if let Some(hint) = io_hint(error.kind()) {
            diagnostic = diagnostic.hint(hint);
        }
        Error::Io(Box::new(diagnostic))
    }
}

fn io_hint(kind: std::io::ErrorKind) -> Option<&'static str> {
    match kind {
        std::io::ErrorKind::NotFound => Some("check the path"),
        std::io::ErrorKind::PermissionDenied => Some("check the owner and the mode of the file and of its folder"),
        std::io::ErrorKind::StorageFull => Some("free some space, or write to another disk; what was there before is untouched"),
        _ => None,
    }
}

/// A result whose error says what, where, expected, found, and what to do.
pub type Result<T> = std::result::Result<T, Error>;

//! The table of codes for people: on a terminal, and as `docs/codes.md`.

use std::fmt::Write;

use anstyle::Style;
use rtrain::diagnostic::codes::{Code, GROUPS, all};

const BOLD: Style = Style::new().bold();

/// All that is to be said about one code.
pub fn code(code: &Code) -> String {
    format!(
        "{BOLD}{}[{}]: {}{BOLD:#}\n\n{}\n\n{BOLD}How it comes about:{BOLD:#} {}\n{BOLD}What to do:{BOLD:#} {}\n",
        code.severity.name(),
        code.name,
        code.title,
        code.meaning,
        code.cause,
        code.remedy
    )
}

/// One line a code.
pub fn list() -> String {
    let width = all().map(|code| code.name.len()).max().unwrap_or(0);
    let mut out = String::new();
    for group in GROUPS {
        let _ = writeln!(out, "{BOLD}{}{BOLD:#}", group.title);
        for code in group.codes {
            let _ = writeln!(out, "  {:width$}  {}", code.name, code.title);
        }
        out.push('\n');
    }
    out + "rtrain explain CODE says what a code means, how it comes about, and what to do\n"
}

/// The whole table as a document.
pub fn markdown() -> String {
    let mut out = "# Codes\n\nEvery finding and every error has a code, which stays the same from release to release. This page is what\n\
                   `rtrain explain --format markdown` prints; `rtrain explain CODE` prints a part of it.\n"
        .to_owned();
    for group in GROUPS {
        let _ = write!(out, "\n## {}\n", group.title);
        for code in group.codes {
            let (name, severity, title) = (code.name, code.severity.name(), code.title);
            let _ = write!(
                out,
                "\n### {name}\n\n**{severity}: {title}.** {} *How it comes about:* {} *What to do:* {}\n",
                code.meaning, code.cause, code.remedy
            );
        }
    }
    out
}

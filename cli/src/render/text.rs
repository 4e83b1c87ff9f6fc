//! Results for people.

use std::fmt::Write;

use anstyle::{AnsiColor, Style};
use rtrain::diagnostic::Diagnostic;
use rtrain::verify::{Comparison, FileStatus, Report};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const PLAIN: Style = Style::new();
const BOLD: Style = Style::new().bold();
const SITE: Style = AnsiColor::Cyan.on_default();

/// Findings of one code that are shown in full.
const MAX_PER_CODE: usize = 20;

/// One error or finding, with a line for each thing that is known of it.
pub fn diagnostic(diagnostic: &Diagnostic) -> String {
    let mut out = format!("{ERROR}error[{}]{ERROR:#}{BOLD}: {}{BOLD:#}\n", diagnostic.code, printable(&diagnostic.message));
    if !diagnostic.site.file.is_empty() {
        let _ = writeln!(out, "  {SITE}-->{SITE:#} {}", printable(&diagnostic.site.to_string()));
    }
    for (label, text) in [("expected: ", &diagnostic.expected), ("found:    ", &diagnostic.found), ("hint: ", &diagnostic.hint)] {
        if let Some(text) = text {
            let _ = writeln!(out, "  {BOLD}{label}{BOLD:#}{}", printable(text));
        }
    }
    out
}

/// The report of `rtrain verify`; the table of files is left out where it is to be `quiet`.
pub fn report(report: &Report, quiet: bool) -> String {
    let mut out = String::new();
    if !quiet {
        files(&mut out, report);
        let _ = writeln!(out, "{}, {}", counted(report.tensors, "tensor"), counted(report.parameters, "parameter"));
    }
    findings(&mut out, &report.findings);
    verdict(&mut out, report);
    out
}

fn files(out: &mut String, report: &Report) {
    let absent = report.comparisons.iter().map(|(name, _)| name).filter(|name| !report.files.iter().any(|file| file.name == **name));
    let own = report.files.iter().map(|file| (&file.name, Some(file)));
    let mut rows: Vec<_> = own.chain(absent.map(|name| (name, None))).collect();
    rows.sort_by_key(|(name, _)| *name);
    let width = rows.iter().map(|(name, _)| printable(name).chars().count()).max().unwrap_or(0);
    for (name, file) in rows {
        let size = file.map_or(String::new(), |file| human_bytes(file.bytes));
        let (status, style) = file.map_or(("", PLAIN), |file| (file.status.name(), status_style(file.status)));
        let _ = write!(out, "{:width$}  {size:>10}  ", printable(name));
        match report.comparison(name) {
            Some(comparison) => {
                let good = comparison_style(comparison);
                let _ = writeln!(out, "{style}{status:<11}{style:#}  reference: {good}{}{good:#}", comparison.name());
            }
            None => {
                let _ = writeln!(out, "{style}{status}{style:#}");
            }
        }
    }
}

fn status_style(status: FileStatus) -> Style {
    match status {
        FileStatus::Identical => GOOD,
        FileStatus::Differs | FileStatus::Unreadable => BAD,
        FileStatus::NotChecked => PLAIN,
    }
}

fn comparison_style(comparison: Comparison) -> Style {
    if comparison == Comparison::Identical { GOOD } else { BAD }
}

fn findings(out: &mut String, findings: &[Diagnostic]) {
    let with_code = |code: &str| findings.iter().filter(|finding| finding.code == code).count();
    let mut shown: Vec<(&str, usize)> = Vec::new();
    for finding in findings {
        let position = shown.iter().position(|(code, _)| *code == finding.code).unwrap_or_else(|| {
            shown.push((finding.code, 0));
            shown.len() - 1
        });
        let count = &mut shown[position].1;
        *count += 1;
        if *count <= MAX_PER_CODE {
            let _ = write!(out, "\n{}", diagnostic(finding));
        }
        if *count == MAX_PER_CODE + 1 {
            let more = with_code(finding.code) - MAX_PER_CODE;
            let _ = writeln!(out, "\n… and {} more of {}", grouped(more as u64), finding.code);
        }
    }
    if !findings.is_empty() {
        out.push('\n');
    }
}

fn verdict(out: &mut String, report: &Report) {
    let directory = printable(&report.directory);
    if !report.is_clean() {
        let _ = writeln!(out, "{directory}: {BAD}{}{BAD:#}", counted(report.findings.len() as u64, "finding"));
        return;
    }
    let identical = report.files.iter().filter(|file| file.status == FileStatus::Identical).count() as u64;
    let unknown = report.files.len() as u64 - identical;
    let _ = match report.release {
        Some(release) => write!(out, "{directory}: {} identical to what transformers {release} writes, ", counted(identical, "file")),
        None => write!(out, "{directory}: {} read and written again with the same bytes, ", counted(identical, "file")),
    };
    if unknown > 0 {
        let _ = write!(out, "{} not checked, ", counted(unknown, "file"));
    }
    if let Some(reference) = &report.reference {
        let _ = write!(out, "all the same bytes as in {}, ", printable(reference));
    }
    let _ = writeln!(out, "{}, {}: {GOOD}fine{GOOD:#}", counted(report.tensors, "tensor"), counted(report.parameters, "parameter"));
}

/// The text with control characters escaped, so that a file cannot steer the terminal that shows its names.
fn printable(text: &str) -> String {
    let escape = |character: char| if character.is_control() { character.escape_default().to_string() } else { character.to_string() };
    text.chars().map(escape).collect()
}

fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// A number with a comma before every three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A size with three or four digits and a binary unit.
fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64 / 1024.0;
    let mut unit = 0;
    while size >= 1024.0 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;
    use rtrain::diagnostic::Site;

    #[test]
    fn numbers_are_easy_on_the_eye() {
        assert_eq!([0, 999, 1000, 400_130, 109_484_547].map(grouped), ["0", "999", "1,000", "400,130", "109,484,547"]);
        assert_eq!([0, 1023, 1024, 150_028, 437_951_328].map(human_bytes), ["0 B", "1023 B", "1.0 KiB", "146.5 KiB", "417.7 MiB"]);
    }

    #[test]
    fn a_file_name_cannot_steer_the_terminal() {
        let text = diagnostic(&Diagnostic::new("code", Site::file("a\u{1b}[2Jb\nc"), "message"));
        assert!(text.contains("a\\u{1b}[2Jb\\nc"), "{text:?}");
    }

    #[test]
    fn many_findings_of_one_code_are_cut() {
        let mut findings: Vec<Diagnostic> = (0..23).map(|_| Diagnostic::new("often", Site::file("f"), "again")).collect();
        findings.push(Diagnostic::new("once", Site::file("f"), "something else"));
        let text = anstream::adapter::strip_str(&report(&Report { findings, ..Report::default() }, true)).to_string();
        assert_eq!(text.matches("error[often]").count(), 20);
        assert_eq!(text.matches("… and 3 more of often").count(), 1);
        assert!(text.contains("error[once]") && text.ends_with("24 findings\n"), "{text}");
    }
}

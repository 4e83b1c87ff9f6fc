//! Words and numbers as they stand in every format.

use std::collections::BTreeMap;

use rtrain::diagnostic::{Diagnostic, Place};

/// The text with control characters escaped, so that a file can neither steer the terminal that shows its names nor give commands to the CI
/// that reads the log (`::` at the start of a line and `##[` anywhere do so in GitHub Actions).
pub fn printable(text: &str) -> String {
    let escape = |character: char| if character.is_control() { character.escape_default().to_string() } else { character.to_string() };
    let text: String = text.chars().map(escape).collect();
    let text = text.replace("##[", "#\\u{23}[");
    if text.trim_start().starts_with("::") { text.replacen(':', "\\u{3a}", 1) } else { text }
}

/// What is known of a finding beside its place and its message: labels and printable texts.
pub fn details(finding: &Diagnostic) -> impl Iterator<Item = (&'static str, String)> {
    [("expected:", &finding.expected), ("found:", &finding.found), ("hint:", &finding.hint)]
        .into_iter()
        .filter_map(|(label, text)| Some((label, printable(text.as_deref()?))))
}

/// A finding in several lines of plain text: message, place, details.
pub fn paragraph(finding: &Diagnostic) -> String {
    let place = Some(finding.site.place.to_string()).filter(|_| finding.site.place != Place::Whole);
    let lines = place.map(|place| ("at:", printable(&place))).into_iter().chain(details(finding));
    lines.fold(printable(&finding.message), |text, (label, line)| format!("{text}\n{label} {line}"))
}

/// `1 finding`, `2 findings`.
pub fn counted(count: impl TryInto<u64>, noun: &str) -> String {
    let count = count.try_into().unwrap_or(u64::MAX);
    format!("{} {noun}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// The findings that are not shown, code by code.
pub fn omission(omitted: &BTreeMap<&str, usize>) -> String {
    let total: usize = omitted.values().sum();
    let codes: Vec<String> = omitted.iter().map(|(code, count)| format!("{} {code}", grouped(*count as u64))).collect();
    format!("… and {}: {}", counted(total, "more finding"), codes.join(", "))
}

/// A number with a comma before every three digits.
pub fn grouped(number: u64) -> String {
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
pub fn human_bytes(bytes: u64) -> String {
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

    #[test]
    fn numbers_are_easy_on_the_eye() {
        assert_eq!([0, 999, 1000, 400_130, 109_484_547].map(grouped), ["0", "999", "1,000", "400,130", "109,484,547"]);
        assert_eq!([0, 1023, 1024, 150_028, 437_951_328].map(human_bytes), ["0 B", "1023 B", "1.0 KiB", "146.5 KiB", "417.7 MiB"]);
    }

    #[test]
    fn names_steer_neither_terminals_nor_workflows() {
        assert_eq!(printable("a\u{1b}[2Jb\nc"), "a\\u{1b}[2Jb\\nc");
        assert_eq!(printable(" ::stop-commands::x"), " \\u{3a}:stop-commands::x");
        assert_eq!(printable("x##[add-mask]y"), "x#\\u{23}[add-mask]y");
        assert_eq!(printable("grün::ok #1 [2]"), "grün::ok #1 [2]");
    }
}

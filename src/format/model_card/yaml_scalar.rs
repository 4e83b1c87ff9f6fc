//! Scalars of YAML: which text needs which quotes, and what a text without quotes means.
//!
//! # Source
//! PyYAML 6.0.4, `emitter.py` (`analyze_scalar`, `write_double_quoted`), `resolver.py` and `representer.py`.

use crate::format::json::python::float_repr;
use crate::format::model_card::yaml::Yaml;
use std::fmt::Write;

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
}

impl Style {
    /// The plainest style that the characters of a text allow.
    pub(super) fn of(text: &str, allow_unicode: bool) -> Style {
        let printable = |character: char| matches!(character, '\n' | ' '..='~') || (allow_unicode && is_printable(character));
        let blank_beside_break = text.contains(" \n") || text.contains("\n ");
        if !text.chars().all(printable) || blank_beside_break {
            return Style::DoubleQuoted;
        }
        let indicator = text.starts_with("---") || text.starts_with("...") || text.starts_with(|first| ",[]{}#&*!|>'\"%@`".contains(first));
        let lone = |first: char| text.strip_prefix(first).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\n']));
        let inner = text.contains(": ") || text.contains(":\n") || text.ends_with(':') || text.contains(" #") || text.contains("\n#");
        let ends = text.starts_with(' ') || text.ends_with(' ') || text.contains('\n');
        if indicator || lone('?') || lone('-') || lone(':') || inner || ends { Style::SingleQuoted } else { Style::Plain }
    }
}

/// Letters beyond ASCII that `allow_unicode=True` leaves as they are, line separators excepted.
fn is_printable(character: char) -> bool {
    matches!(character, '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
        && !matches!(character, '\u{2028}' | '\u{2029}' | '\u{feff}')
}

/// Letters behind a backslash that stand for other characters.
pub(super) const ESCAPES: [(char, char); 15] = [
    ('0', '\0'),
    ('a', '\u{7}'),
    ('b', '\u{8}'),
    ('t', '\t'),
    ('n', '\n'),
    ('v', '\u{b}'),
    ('f', '\u{c}'),
    ('r', '\r'),
    ('e', '\u{1b}'),
    ('"', '"'),
    ('\\', '\\'),
    ('N', '\u{85}'),
    ('_', '\u{a0}'),
    ('L', '\u{2028}'),
    ('P', '\u{2029}'),
];

/// The escape of a character inside double quotes, where it needs one.
pub(super) fn escape(character: char, allow_unicode: bool) -> Option<String> {
    let plain = matches!(character, ' '..='~') || (allow_unicode && is_printable(character) && character <= '\u{fffd}');
    if plain && !matches!(character, '"' | '\\') {
        return None;
    }
    let mut escape = "\\".to_owned();
    let code = u32::from(character);
    let _ = match ESCAPES.iter().find(|(_, meant)| *meant == character) {
        Some((letter, _)) => write!(escape, "{letter}"),
        None if code <= 0xff => write!(escape, "x{code:02X}"),
        None if code <= 0xffff => write!(escape, "u{code:04X}"),
        None => write!(escape, "U{code:08X}"),
    };
    Some(escape)
}

/// A double as PyYAML writes it: Python's `repr`, with a fraction before each exponent.
pub(super) fn float_text(number: f64) -> String {
    if number.is_nan() {
        return ".nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { ".inf".to_owned() } else { "-.inf".to_owned() };
    }
    let text = float_repr(number);
    if text.contains('.') { text } else { text.replace('e', ".0e") }
}

/// What a text without quotes means; nothing where PyYAML takes it for something that model cards do not hold.
pub(super) fn plain_value(text: &str) -> Option<Yaml> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let all = |text: &str, characters: &str| !text.is_empty() && text.chars().all(|character| characters.contains(character));
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Some(Yaml::Null),
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => return Some(Yaml::Bool(true)),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => return Some(Yaml::Bool(false)),
        ".nan" | ".NaN" | ".NAN" => return Some(Yaml::Float(f64::NAN)),
        "=" | "<<" => return None,
        _ => {}
    }
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return Some(Yaml::Float(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY }));
    }
    if all(unsigned, "0123456789") && (unsigned == "0" || !unsigned.starts_with('0')) {
        return text.strip_prefix('+').unwrap_or(text).parse().ok().map(Yaml::Integer);
    }
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "+0"));
    let exponent_fits = exponent.strip_prefix(['-', '+']).is_some_and(|digits| all(digits, "0123456789"));
    if let Some((whole, fraction)) = mantissa.split_once('.')
        && exponent_fits
        && (all(whole, "0123456789") || (whole.is_empty() && unsigned == text && all(fraction, "0123456789")))
        && (fraction.is_empty() || all(fraction, "0123456789"))
    {
        return text.parse().ok().map(Yaml::Float);
    }
    let sign_before_point = text != unsigned && unsigned.starts_with('.');
    if (is_other_number(unsigned) && !sign_before_point) || is_time(text) {
        return None;
    }
    Some(Yaml::Text(text.to_owned()))
}

/// Numbers in other writings: with underscores, in base 2, 8, 16 or 60.
fn is_other_number(unsigned: &str) -> bool {
    let all = |text: &str, characters: &str| !text.is_empty() && text.chars().all(|character| characters.contains(character));
    let grouped = |text: &str| text.starts_with(|first: char| first.is_ascii_digit()) && all(text, "0123456789_");
    let based = |prefix: &str, digits: &str| unsigned.strip_prefix(prefix).is_some_and(|rest| all(rest, digits));
    if based("0b", "01_") || based("0x", "0123456789abcdefABCDEF_") || based("0", "01234567_") {
        return true;
    }
    let sixtieth = |text: &str| all(text, "0123456789") && (text.len() == 1 || (text.len() == 2 && text.starts_with(|first| first < '6')));
    if let Some((first, others)) = unsigned.split_once(':') {
        let (others, fraction) = others.split_once('.').map_or((others, None), |(others, fraction)| (others, Some(fraction)));
        let fraction_fits = fraction.map_or(!first.starts_with('0'), |fraction| fraction.is_empty() || all(fraction, "0123456789_"));
        return grouped(first) && others.split(':').all(sixtieth) && fraction_fits;
    }
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "+0"));
    let exponent_fits = exponent.strip_prefix(['-', '+']).is_some_and(|digits| all(digits, "0123456789"));
    match mantissa.split_once('.') {
        Some((whole, fraction)) => {
            let whole_fits = grouped(whole) || (whole.is_empty() && grouped(fraction));
            whole_fits && exponent_fits && (fraction.is_empty() || all(fraction, "0123456789_"))
        }
        None => grouped(unsigned) && !unsigned.starts_with('0'),
    }
}

/// A date, or a date with a time.
fn is_time(text: &str) -> bool {
    let digits =
        |text: &str, least: usize, most: usize| (least..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    let (date, time) = text.split_once(['T', 't', ' ', '\t']).map_or((text, None), |(date, time)| (date, Some(time)));
    let date: Vec<&str> = date.split('-').collect();
    let [year, month, day] = date.as_slice() else {
        return false;
    };
    let least = if time.is_some() { 1 } else { 2 };
    let clock = |time: &str| {
        let parts: Vec<&str> = time.trim_start().splitn(3, ':').collect();
        matches!(parts.as_slice(), [hour, minute, second] if digits(hour, 1, 2) && digits(minute, 2, 2) && digits(second.get(..2).unwrap_or(""), 2, 2))
    };
    digits(year, 4, 4) && digits(month, least, 2) && digits(day, least, 2) && time.is_none_or(clock)
}

//! The part of YAML that model cards have, as PyYAML's `yaml.dump(sort_keys=False)` writes it: block style, no anchors, no tags.
//!
//! # Source
//! PyYAML 6.0.4, `emitter.py` (`analyze_scalar`, `choose_scalar_style`, `write_plain`, …), `resolver.py` and `representer.py`.

use super::python_json::float_repr;
use std::fmt::Write;

/// One YAML value.
#[derive(Debug, Clone, PartialEq)]
pub enum Yaml {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A whole number.
    Integer(i128),
    /// A number with fraction or exponent, or `.nan`, `.inf`.
    Float(f64),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Yaml>),
    /// Keys and values in the order of the file.
    Map(Vec<(String, Yaml)>),
}

/// Column after which a text is broken at its next blank.
const WIDTH: usize = 80;
/// Blanks a level.
const INDENT: usize = 2;

impl Yaml {
    /// The value of a key of a map.
    pub fn get(&self, key: &str) -> Option<&Yaml> {
        match self {
            Yaml::Map(entries) => entries.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The text, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Yaml::Text(text) => Some(text),
            _ => None,
        }
    }

    /// `yaml.dump(value, sort_keys=False, allow_unicode=…)`: ends in a newline.
    pub fn dump(&self, allow_unicode: bool) -> String {
        let mut writer = Writer { out: String::new(), column: 0, allow_unicode };
        writer.node(self, 0, 0);
        writer.line_break();
        writer.out
    }
}

struct Writer {
    out: String,
    column: usize,
    allow_unicode: bool,
}

impl Writer {
    /// Writes a value at the current place. Its lines after the first begin with `indent` blanks, those of a broken text with
    /// `broken_indent` and two more.
    fn node(&mut self, value: &Yaml, indent: usize, broken_indent: usize) {
        match value {
            Yaml::List(items) if items.is_empty() => self.write("[]"),
            Yaml::Map(entries) if entries.is_empty() => self.write("{}"),
            Yaml::List(items) => {
                for (position, item) in items.iter().enumerate() {
                    if position > 0 {
                        self.new_line(indent);
                    }
                    self.write("- ");
                    self.node(item, indent.saturating_add(INDENT), indent);
                }
            }
            Yaml::Map(entries) => {
                for (position, (key, value)) in entries.iter().enumerate() {
                    if position > 0 {
                        self.new_line(indent);
                    }
                    self.text(key, None);
                    self.write(":");
                    self.map_value(value, indent);
                }
            }
            scalar => self.scalar(scalar, broken_indent.saturating_add(INDENT)),
        }
    }

    /// A list stands under its key without more blanks, a map with two more, everything else on the same line.
    fn map_value(&mut self, value: &Yaml, indent: usize) {
        match value {
            Yaml::List(items) if !items.is_empty() => {
                self.new_line(indent);
                self.node(value, indent, indent);
            }
            Yaml::Map(entries) if !entries.is_empty() => {
                let inner = indent.saturating_add(INDENT);
                self.new_line(inner);
                self.node(value, inner, inner);
            }
            _ => {
                self.write(" ");
                self.node(value, indent, indent);
            }
        }
    }

    fn scalar(&mut self, value: &Yaml, indent: usize) {
        match value {
            Yaml::Bool(flag) => self.write(if *flag { "true" } else { "false" }),
            Yaml::Integer(number) => self.write(&number.to_string()),
            Yaml::Float(number) => self.write(&float_text(*number)),
            Yaml::Text(text) => self.text(text, Some(indent)),
            Yaml::Null | Yaml::List(_) | Yaml::Map(_) => self.write("null"),
        }
    }

    /// A text in the plainest style that reads back as the same text; `indent` is that of its further lines, nothing for a key.
    fn text(&mut self, text: &str, indent: Option<usize>) {
        let style = Style::of(text, self.allow_unicode);
        match style {
            Style::Plain if plain_value(text) == Some(Yaml::Text(text.to_owned())) => self.broken(text, indent, false),
            Style::Plain | Style::SingleQuoted if indent.is_some() || !text.contains('\n') => {
                self.write("'");
                self.broken(text, indent, true);
                self.write("'");
            }
            _ => self.double_quoted(text, indent),
        }
    }

    /// Words with single blanks between them; the line ends at a blank beyond the width.
    fn broken(&mut self, text: &str, indent: Option<usize>, quoted: bool) {
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let end = if first == ' ' || first == '\n' {
                rest.find(|character| character != first).unwrap_or(rest.len())
            } else {
                rest.find([' ', '\n']).unwrap_or(rest.len())
            };
            let (run, tail) = rest.split_at_checked(end).unwrap_or((rest, ""));
            let inside = !quoted || (rest.len() != text.len() && !tail.is_empty());
            match (first, indent) {
                (' ', Some(indent)) if run.len() == 1 && self.column > WIDTH && inside => self.new_line(indent),
                ('\n', Some(indent)) => {
                    self.line_break();
                    self.out.push_str(run);
                    self.write(&" ".repeat(indent));
                }
                _ if quoted => self.write(&run.replace('\'', "''")),
                _ => self.write(run),
            }
            rest = tail;
        }
    }

    /// With escapes; a line may end before any blank and after any escape beyond the width.
    fn double_quoted(&mut self, text: &str, indent: Option<usize>) {
        let characters: Vec<char> = text.chars().collect();
        let last = characters.len().saturating_sub(1);
        let mut pending = String::new();
        self.write("\"");
        for (position, &character) in characters.iter().enumerate() {
            let escape = escape(character, self.allow_unicode);
            if let Some(escape) = &escape {
                self.write(&std::mem::take(&mut pending));
                self.write(escape);
            }
            let column = if escape.is_some() { self.column.saturating_sub(1) } else { self.column.saturating_add(pending.chars().count()) };
            if let Some(indent) = indent
                && (1..last).contains(&position)
                && (character == ' ' || pending.is_empty())
                && column > WIDTH
            {
                self.write(&std::mem::take(&mut pending));
                self.write("\\");
                self.new_line(indent);
                let next = if escape.is_some() { characters.get(position.saturating_add(1)) } else { Some(&character) };
                if next == Some(&' ') {
                    self.write("\\");
                }
            }
            if escape.is_none() {
                pending.push(character);
            }
        }
        self.write(&pending);
        self.write("\"");
    }

    fn write(&mut self, text: &str) {
        self.out.push_str(text);
        self.column = self.column.saturating_add(text.chars().count());
    }

    fn line_break(&mut self) {
        self.out.push('\n');
        self.column = 0;
    }

    fn new_line(&mut self, indent: usize) {
        self.line_break();
        self.write(&" ".repeat(indent));
    }
}

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    SingleQuoted,
    DoubleQuoted,
}

impl Style {
    /// The plainest style that the characters of a text allow.
    fn of(text: &str, allow_unicode: bool) -> Style {
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
fn escape(character: char, allow_unicode: bool) -> Option<String> {
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
fn float_text(number: f64) -> String {
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

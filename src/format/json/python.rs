//! `json.dumps` as Python 3 writes it, and the pretty form of serde_json that `tokenizer.json` has.

use crate::format::json::Json;
use std::fmt::Write;

/// How a value becomes text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// `json.dumps(value, indent=n)`: `n` blanks a level, ASCII only.
    Python {
        /// Blanks a level.
        indent: usize,
    },
    /// `json.dumps(value, indent=n, ensure_ascii=False)`.
    PythonUnicode {
        /// Blanks a level.
        indent: usize,
    },
    /// `json.dumps(value, separators=(",", ":"))`, UTF-8: one line without blanks.
    Compact,
    /// serde_json's `to_string_pretty`: two blanks a level, UTF-8.
    SerdePretty,
}

impl Layout {
    fn indent(self) -> Option<usize> {
        match self {
            Layout::Python { indent } | Layout::PythonUnicode { indent } => Some(indent),
            Layout::SerdePretty => Some(2),
            Layout::Compact => None,
        }
    }
}

/// Writes a value; no newline is added at the end.
pub fn dumps(value: &Json, layout: Layout) -> String {
    let mut out = String::new();
    write_value(&mut out, value, layout, 0);
    out
}

/// A double as Python's `repr` prints it: the shortest digits that read back the same, with an exponent below 1e-4 and from 1e16 on.
pub fn float_repr(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf".to_owned() } else { "-inf".to_owned() };
    }
    float_text(number, -4, 2)
}

/// A finite double as serde_json 1.0.154 and the wheel of tokenizers 0.23.3 print it: as Python, but plain down to 1e-5, and with an exponent
/// of as few digits as it needs.
fn float_serde(number: f64) -> String {
    float_text(number, -5, 1)
}

/// The shortest digits that read back the same: plain for exponents from `least` to 15, and else with an exponent of `digits` digits or more.
fn float_text(number: f64, least: i32, digits: usize) -> String {
    let minus = if number.is_sign_negative() { "-" } else { "" };
    let (shortest, exponent) = shortest_digits(number.abs());
    let (first, others) = shortest.split_at_checked(1).unwrap_or(("0", ""));
    if !(least..16).contains(&exponent) {
        let point = if others.is_empty() { "" } else { "." };
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{minus}{first}{point}{others}e{sign}{:0digits$}", exponent.unsigned_abs());
    }
    let Ok(exponent) = usize::try_from(exponent) else {
        let zeros = usize::try_from(exponent.unsigned_abs()).unwrap_or(1).saturating_sub(1);
        return format!("{minus}0.{}{shortest}", "0".repeat(zeros));
    };
    let whole_length = exponent.saturating_add(1);
    match shortest.split_at_checked(whole_length) {
        Some((whole, fraction)) if !fraction.is_empty() => format!("{minus}{whole}.{fraction}"),
        _ => format!("{minus}{shortest:0<whole_length$}.0"),
    }
}

/// The digits of a number that is not negative, `d.ddd` without its point, and the power of ten of the first.
///
/// They come from serde_json: of two shortest texts that are equally near it takes the even one, as Python does, and the standard library
/// the larger one.
fn shortest_digits(number: f64) -> (String, i32) {
    let text = serde_json::Number::from_f64(number).map_or("0.0".to_owned(), |number| number.to_string());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, fraction].concat();
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return ("0".to_owned(), 0);
    }
    let zeros = digits.len().saturating_sub(significant.len());
    let length = |length: usize| i32::try_from(length).unwrap_or(i32::MAX);
    let exponent = exponent.parse::<i32>().unwrap_or(0).saturating_add(length(whole.len())).saturating_sub(length(zeros)).saturating_sub(1);
    (significant.trim_end_matches('0').to_owned(), exponent)
}

fn write_value(out: &mut String, value: &Json, layout: Layout, level: usize) {
    match value {
        Json::Null => out.push_str("null"),
        Json::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Json::Integer(number) => {
            let _ = write!(out, "{number}");
        }
        Json::Float(number) => write_float(out, *number, layout),
        Json::String(text) => write_string(out, text, matches!(layout, Layout::Python { .. })),
        Json::Array(items) => write_items(out, ('[', ']'), items, layout, level, |out, item, level| write_value(out, item, layout, level)),
        Json::Object(entries) => write_items(out, ('{', '}'), entries, layout, level, |out, (key, value), level| {
            write_string(out, key, matches!(layout, Layout::Python { .. }));
            out.push_str(if layout == Layout::Compact { ":" } else { ": " });
            write_value(out, value, layout, level);
        }),
    }
}

fn write_items<T>(
    out: &mut String,
    brackets: (char, char),
    items: &[T],
    layout: Layout,
    level: usize,
    mut write_item: impl FnMut(&mut String, &T, usize),
) {
    out.push(brackets.0);
    let inner = level.saturating_add(1);
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            out.push(',');
        }
        new_line(out, layout, inner);
        write_item(out, item, inner);
    }
    if !items.is_empty() {
        new_line(out, layout, level);
    }
    out.push(brackets.1);
}

fn new_line(out: &mut String, layout: Layout, level: usize) {
    if let Some(indent) = layout.indent() {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', indent.saturating_mul(level)));
    }
}

fn write_float(out: &mut String, number: f64, layout: Layout) {
    match layout {
        Layout::SerdePretty if number.is_finite() => out.push_str(&float_serde(number)),
        Layout::SerdePretty => out.push_str("null"),
        _ if number.is_nan() => out.push_str("NaN"),
        _ if number.is_infinite() => out.push_str(if number > 0.0 { "Infinity" } else { "-Infinity" }),
        _ => out.push_str(&float_repr(number)),
    }
}

fn write_string(out: &mut String, text: &str, ensure_ascii: bool) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            character if character < ' ' => write_escape(out, character),
            character if ensure_ascii && !(' '..='~').contains(&character) => write_escape(out, character),
            character => out.push(character),
        }
    }
    out.push('"');
}

fn write_escape(out: &mut String, character: char) {
    for unit in character.encode_utf16(&mut [0; 2]) {
        let _ = write!(out, "\\u{unit:04x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn floats_as_python_prints_them() {
        for (number, text) in [
            (0.1, "0.1"),
            (1.0, "1.0"),
            (-0.0, "-0.0"),
            (1e-12, "1e-12"),
            (1e16, "1e+16"),
            (1.5e16, "1.5e+16"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (9_999_999_999_999_998.0, "9999999999999998.0"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (5e-324, "5e-324"),
            (8_786_802_263_222_353.0 / 4.0, "2196700565805588.2"),
            (8_786_802_263_222_355.0 / 4.0, "2196700565805588.8"),
            (-1_125_899_906_842_624.5, "-1125899906842624.5"),
            (100.0, "100.0"),
            (123.5, "123.5"),
            (-0.001_25, "-0.00125"),
            (1.797_693_134_862_315_7e308, "1.7976931348623157e+308"),
        ] {
            assert_eq!(float_repr(number), text);
        }
    }

    #[test]
    fn floats_as_tokenizers_prints_them() {
        for (number, text) in [
            (0.0001, "0.0001"),
            (0.00001, "0.00001"),
            (-0.000_012_34, "-0.00001234"),
            (1.5e-6, "1.5e-6"),
            (1e-10, "1e-10"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1e100, "1e+100"),
        ] {
            assert_eq!(dumps(&Json::Float(number), Layout::SerdePretty), text);
        }
    }

    #[test]
    fn strings_as_python_escapes_them() {
        let value = Json::String("é\u{1f600}\u{7f}\u{1}\"/".to_owned());
        assert_eq!(dumps(&value, Layout::Python { indent: 2 }), "\"\\u00e9\\ud83d\\ude00\\u007f\\u0001\\\"/\"");
        assert_eq!(dumps(&value, Layout::PythonUnicode { indent: 2 }), "\"é\u{1f600}\u{7f}\\u0001\\\"/\"");
    }

    fn json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::Bool),
            any::<i64>().prop_map(|number| Json::Integer(number.into())),
            prop::num::f64::NORMAL.prop_map(Json::Float),
            (any::<i32>(), -24..12).prop_map(|(digits, exponent)| Json::Float(format!("{digits}e{exponent}").parse().unwrap())),
            any::<String>().prop_map(Json::String),
        ];
        leaf.prop_recursive(4, 64, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Json::Array),
                prop::collection::btree_map(any::<String>(), inner, 0..6).prop_map(|map| Json::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]
        #[test]
        fn what_is_written_is_read_back(value in json()) {
            for layout in [Layout::Python { indent: 2 }, Layout::PythonUnicode { indent: 4 }, Layout::Compact, Layout::SerdePretty] {
                prop_assert_eq!(&Json::parse("f", dumps(&value, layout).as_bytes()).unwrap(), &value);
            }
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Json::parse("f", &bytes);
        }

        #[test]
        fn serde_pretty_is_serde_json(value in json()) {
            let text = dumps(&value, Layout::SerdePretty);
            let theirs: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(serde_json::to_string_pretty(&theirs).unwrap(), text);
        }
    }
}

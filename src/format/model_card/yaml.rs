//! The part of YAML that model cards have, as PyYAML's `yaml.dump(sort_keys=False)` writes it: block style, no anchors, no tags.
//!
//! # Source
//! PyYAML 6.0.4, `emitter.py` (`analyze_scalar`, `choose_scalar_style`, `write_plain`, …), `resolver.py` and `representer.py`.

use crate::format::model_card::yaml_scalar::{Style, escape, float_text, plain_value};

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

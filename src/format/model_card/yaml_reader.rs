//! Reads what [`crate::format::model_card::yaml`] writes. YAML that `yaml.dump` does not make (anchors, tags, comments, flow collections) is refused.

use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};
use crate::format::model_card::yaml::Yaml;
use crate::format::model_card::yaml_scalar::{ESCAPES, plain_value};

/// Deepest nesting that is read.
const MAX_DEPTH: usize = 32;

/// Reads a document of block style; `first_line` is the number of its first line in the file.
///
/// # Errors
/// Text that is not YAML, or YAML of another style, with the line.
pub fn parse(file: &str, text: &str, first_line: u64) -> Result<Yaml> {
    let line = |(content, number): (&str, u64)| {
        let stripped = content.trim_start_matches(' ');
        Line { indent: content.len().saturating_sub(stripped.len()), content: stripped.to_owned(), number }
    };
    let mut lines: Vec<Line> = text.strip_suffix('\n').unwrap_or(text).split('\n').zip(first_line..).map(line).collect();
    lines.reverse();
    let mut reader = Reader { file, lines };
    let value = match reader.lines.last().map(|line| line.content.clone()) {
        Some(content) if content == "{}" || content == "[]" => {
            reader.lines.pop();
            if content == "{}" { Yaml::Map(Vec::new()) } else { Yaml::List(Vec::new()) }
        }
        _ => reader.block(0, 0)?,
    };
    match reader.lines.last() {
        Some(line) => Err(reader.error(line.number, "this line does not belong to what stands before it", &line.content)),
        None => Ok(value),
    }
}

struct Line {
    indent: usize,
    content: String,
    number: u64,
}

struct Reader<'a> {
    file: &'a str,
    /// What is not read yet, the next line last.
    lines: Vec<Line>,
}

impl Reader<'_> {
    fn error(&self, line: u64, message: &str, found: &str) -> Error {
        let site = Site::file(self.file).at(Place::Line(line, 1));
        Error::malformed(Diagnostic::new("yaml", site, message).found(format!("{:?}", found.chars().take(40).collect::<String>())))
    }

    fn next_at(&self, indent: usize) -> Option<&Line> {
        self.lines.last().filter(|line| line.indent == indent && !line.content.is_empty())
    }

    fn block(&mut self, indent: usize, depth: usize) -> Result<Yaml> {
        match self.next_at(indent) {
            Some(line) if depth > MAX_DEPTH => Err(self.error(line.number, "YAML nested deeper than 32 levels", &line.content)),
            Some(line) if is_item(&line.content) => self.list(indent, depth),
            Some(_) => self.map(indent, depth),
            None => {
                let (number, content) = self.lines.last().map_or((1, ""), |line| (line.number, line.content.as_str()));
                Err(self.error(number, "expected a key or an item", content))
            }
        }
    }

    fn list(&mut self, indent: usize, depth: usize) -> Result<Yaml> {
        let mut items = Vec::new();
        while self.next_at(indent).is_some_and(|line| is_item(&line.content)) {
            let Some(Line { content, number, .. }) = self.lines.pop() else { break };
            let rest = content.strip_prefix("- ").unwrap_or("");
            if is_item(rest) || split_key(rest).is_some() {
                let inner = indent.saturating_add(2);
                self.lines.push(Line { indent: inner, content: rest.to_owned(), number });
                items.push(self.block(inner, depth.saturating_add(1))?);
            } else {
                items.push(self.scalar(rest, indent, number)?);
            }
        }
        Ok(Yaml::List(items))
    }

    fn map(&mut self, indent: usize, depth: usize) -> Result<Yaml> {
        let mut entries: Vec<(String, Yaml)> = Vec::new();
        let mut keys = std::collections::BTreeSet::new();
        while self.next_at(indent).is_some_and(|line| !is_item(&line.content)) {
            let Some(Line { content, number, .. }) = self.lines.pop() else { break };
            let Some((key, rest)) = split_key(&content) else {
                return Err(self.error(number, "expected a key", &content));
            };
            let key = match self.scalar(key, usize::MAX, number)? {
                Yaml::Text(key) if keys.insert(key.clone()) => key,
                _ => return Err(self.error(number, "a key that is no text, or stands here twice", key)),
            };
            let deeper = self.lines.last().map(|line| line.indent).filter(|&next| next > indent);
            let value = match (rest.is_empty(), deeper) {
                (true, Some(next)) => self.block(next, depth.saturating_add(1))?,
                (true, None) if self.next_at(indent).is_some_and(|line| is_item(&line.content)) => {
                    self.list(indent, depth.saturating_add(1))?
                }
                (true, None) => Yaml::Null,
                (false, _) => self.scalar(rest, indent, number)?,
            };
            entries.push((key, value));
        }
        Ok(Yaml::Map(entries))
    }

    /// A value that begins in the rest of a line and may go on in lines with more blanks.
    fn scalar(&mut self, first: &str, indent: usize, number: u64) -> Result<Yaml> {
        match first.chars().next() {
            Some(quote @ ('"' | '\'')) => self.quoted(first, quote, number).map(Yaml::Text),
            _ if first == "[]" => Ok(Yaml::List(Vec::new())),
            _ if first == "{}" => Ok(Yaml::Map(Vec::new())),
            Some('[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '%' | '@' | '`' | '#' | ',') => {
                Err(self.error(number, "YAML of a kind that yaml.dump does not make of a model card", first))
            }
            _ => {
                let mut text = first.to_owned();
                while let Some(line) = self.lines.last().filter(|line| line.indent > indent && !line.content.is_empty()) {
                    text.push(' ');
                    text.push_str(&line.content);
                    self.lines.pop();
                }
                if text.contains(" #") || text.contains(": ") {
                    return Err(self.error(number, "a comment, or a text that needs quotes", &text));
                }
                plain_value(&text).ok_or_else(|| self.error(number, "a value of a kind that model cards do not have", &text))
            }
        }
    }

    /// A text in quotes: a line break is a blank, and each empty line is a line break.
    fn quoted(&mut self, first: &str, quote: char, number: u64) -> Result<String> {
        let mut raw = String::new();
        let mut segment = first.strip_prefix(quote).unwrap_or(first).to_owned();
        loop {
            if let Some((text, rest)) = closing_quote(&segment, quote).and_then(|end| segment.split_at_checked(end)) {
                if rest.len() > 1 {
                    return Err(self.error(number, "something stands behind the closing quote", rest));
                }
                raw.push_str(text);
                return if quote == '\'' {
                    Ok(raw.replace("''", "'"))
                } else {
                    unescape(&raw).ok_or_else(|| self.error(number, "an unknown escape", &raw))
                };
            }
            raw.push_str(&segment);
            let mut breaks = 0_usize;
            segment = loop {
                match self.lines.pop() {
                    Some(line) if line.content.is_empty() => breaks = breaks.saturating_add(1),
                    Some(line) => break line.content,
                    None => return Err(self.error(number, "a text without its closing quote", first)),
                }
            };
            let backslashes = raw.bytes().rev().take_while(|&byte| byte == b'\\').count();
            if breaks > 0 {
                raw.extend(std::iter::repeat_n('\n', breaks));
            } else if quote == '"' && !backslashes.is_multiple_of(2) {
                raw.pop();
            } else {
                raw.push(' ');
            }
        }
    }
}

fn is_item(content: &str) -> bool {
    content == "-" || content.starts_with("- ")
}

/// A key and what stands behind its colon.
fn split_key(content: &str) -> Option<(&str, &str)> {
    let end = match content.chars().next()? {
        quote @ ('"' | '\'') => closing_quote(content.get(1..)?, quote)?.checked_add(2)?,
        _ => content
            .match_indices(':')
            .map(|(at, _)| at)
            .find(|at| matches!(content.as_bytes().get(at.saturating_add(1)), None | Some(b' ')))?,
    };
    let (key, rest) = content.split_at_checked(end)?;
    let rest = rest.strip_prefix(':')?;
    if rest.is_empty() { Some((key, "")) } else { rest.strip_prefix(' ').map(|rest| (key, rest)) }
}

/// Where the closing quote is.
fn closing_quote(text: &str, quote: char) -> Option<usize> {
    let mut characters = text.char_indices().peekable();
    while let Some((at, character)) = characters.next() {
        if character == '\\' && quote == '"' {
            characters.next();
        } else if character == quote {
            if quote == '\'' && characters.peek().is_some_and(|(_, next)| *next == '\'') {
                characters.next();
            } else {
                return Some(at);
            }
        }
    }
    None
}

/// A text of double quotes with its escapes read.
fn unescape(text: &str) -> Option<String> {
    let mut out = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            out.push(character);
            continue;
        }
        out.push(match characters.next() {
            Some(' ') => ' ',
            Some('x') => code(&mut characters, 2)?,
            Some('u') => code(&mut characters, 4)?,
            Some('U') => code(&mut characters, 8)?,
            letter => ESCAPES.iter().find(|(known, _)| Some(*known) == letter).map(|(_, meant)| *meant)?,
        });
    }
    Some(out)
}

fn code(characters: &mut std::str::Chars<'_>, digits: usize) -> Option<char> {
    let text: String = characters.take(digits).collect();
    if text.len() != digits || text.starts_with('+') {
        return None;
    }
    char::from_u32(u32::from_str_radix(&text, 16).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Made by PyYAML 6.0.4: `yaml.dump(value, sort_keys=False)`, and the same with `allow_unicode=True`.
    #[test]
    fn written_as_py_yaml_writes_it() {
        let golden = include_str!("../../../tests/golden/front_matter.txt");
        let mut documents = 0;
        for document in golden.split("===\n").skip(1) {
            let (flag, text) = document.split_once('\n').unwrap();
            let value = parse("golden", text, 1).unwrap();
            assert_eq!(value.dump(flag == "unicode"), text);
            documents += 1;
        }
        assert!(documents > 80, "{documents}");
    }

    #[test]
    fn what_yaml_dump_does_not_make_is_refused() {
        for (bad, line) in [
            ("a: &x 1", 1),
            ("a: 1\nb: *x", 2),
            ("a: !!str 1", 1),
            ("a: [1, 2]", 1),
            ("a: 1 # no", 1),
            ("a: |\n  x", 1),
            ("a: 1\na: 2", 2),
            ("a: \"x", 1),
            ("a: \"\\q\"", 1),
            ("- 1\nb: 2", 2),
            ("a: 0x1F", 1),
            ("text", 1),
        ] {
            let error = parse("f", bad, 1).unwrap_err();
            assert_eq!(error.diagnostic().site.place, Place::Line(line, 1), "{bad:?}: {error}");
        }
        assert!(parse("f", &"- ".repeat(10_000), 1).is_err());
    }

    /// Each of these would take minutes if the time grew with the square of the size.
    #[test]
    fn large_documents_take_no_longer_than_their_size() {
        let keys: String = (0..200_000).map(|key| format!("k{key}: 1\n")).collect();
        assert!(matches!(parse("f", &keys, 1), Ok(Yaml::Map(entries)) if entries.len() == 200_000));
        let quoted = format!("a: \"{}\"", "x\n  ".repeat(200_000));
        assert!(matches!(parse("f", &quoted, 1), Ok(Yaml::Map(_))));
        assert!(parse("f", &quoted.replace('"', "'").replacen('\'', "\"", 1), 1).is_err());
    }

    fn yaml() -> impl Strategy<Value = Yaml> {
        let text = prop_oneof![any::<String>(), "[a-z:#' \"-]{0,100}", "[é ]{0,90}", "[a\n ]{0,12}", "[0-9e.+_:-]{1,6}"];
        let leaf = prop_oneof![
            Just(Yaml::Null),
            any::<bool>().prop_map(Yaml::Bool),
            any::<i64>().prop_map(|number| Yaml::Integer(number.into())),
            prop::num::f64::NORMAL.prop_map(Yaml::Float),
            text.prop_map(Yaml::Text),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Yaml::List),
                prop::collection::btree_map("[a-zé:' ]{1,9}", inner, 0..4).prop_map(|map| Yaml::Map(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]
        #[test]
        fn what_is_written_is_read_back(value in prop::collection::btree_map("[a-z]{1,5}", yaml(), 0..4), unicode in any::<bool>()) {
            let value = Yaml::Map(value.into_iter().collect());
            let text = value.dump(unicode);
            prop_assert_eq!(parse("f", &text, 1).map_err(|error| format!("{error}\n{text}")), Ok(value));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in any::<String>()) {
            let _ = parse("f", &text, 1);
        }
    }
}

//! JSON as Python reads it: key order kept, whole numbers exact, `NaN` and `Infinity` allowed, duplicate keys refused.
pub mod fields;
pub mod layout;
pub mod number;
pub mod python;
pub mod settings;

use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};

/// Deepest nesting that is read.
const MAX_DEPTH: usize = 128;

/// One JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number without fraction and exponent.
    Integer(i128),
    /// A number with fraction or exponent, or `NaN`, `Infinity`, `-Infinity`.
    Float(f64),
    /// A text.
    String(String),
    /// A list.
    Array(Vec<Json>),
    /// Keys and values in the order of the file.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a whole file.
    ///
    /// # Errors
    /// A diagnostic with the line and the column where the text stops being JSON; duplicate keys and nesting beyond 128 levels are errors.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Json> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let (line, column) = line_and_column(bytes, error.valid_up_to());
            Error::malformed(Diagnostic::new("json-utf8", Site::file(file).at(Place::Line(line, column)), "the file is not UTF-8"))
        })?;
        let mut parser = Parser { file, text, position: 0 };
        let value = parser.value(0)?;
        parser.skip_whitespace();
        if parser.peek().is_some() {
            return Err(parser.error("text after the end of the JSON value"));
        }
        Ok(value)
    }

    /// The value of a key of an object.
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.entries()?.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Keys and values, if this is an object.
    pub fn entries(&self) -> Option<&[(String, Json)]> {
        match self {
            Json::Object(entries) => Some(entries),
            _ => None,
        }
    }

    /// The text, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::String(text) => Some(text),
            _ => None,
        }
    }

    /// The flag, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Json::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    /// The list, if this is one.
    pub fn as_array(&self) -> Option<&[Json]> {
        match self {
            Json::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The whole number, if this is one that fits 64 bits without sign.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Json::Integer(number) => u64::try_from(*number).ok(),
            _ => None,
        }
    }

    /// The number as a double, whole or not.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Json::Float(number) => Some(*number),
            #[expect(clippy::as_conversions, reason = "rounds to the nearest double, as Python's float() does")]
            Json::Integer(number) => Some(*number as f64),
            _ => None,
        }
    }

    /// What kind of value this is, in the words of JSON.
    pub fn kind(&self) -> &'static str {
        match self {
            Json::Null => "null",
            Json::Bool(_) => "a boolean",
            Json::Integer(_) => "an integer",
            Json::Float(_) => "a number",
            Json::String(_) => "a string",
            Json::Array(_) => "an array",
            Json::Object(_) => "an object",
        }
    }

    /// The same value with the keys of every object sorted by code point, as `json.dumps(sort_keys=True)` orders them.
    #[must_use]
    pub fn sorted(self) -> Json {
        self.sorted_unless(|_| false)
    }

    /// The same, but objects stay as they are whose keys are whole numbers in ascending order: in Python those may be numbers, which are
    /// sorted before they become texts.
    #[must_use]
    pub fn sorted_but_numbers(self) -> Json {
        self.sorted_unless(|entries| {
            let number = |(key, _): &(String, Json)| key.parse::<i128>().ok().filter(|number| number.to_string() == *key);
            entries.iter().map(number).collect::<Option<Vec<_>>>().is_some_and(|numbers| numbers.is_sorted())
        })
    }

    fn sorted_unless(self, stays: fn(&[(String, Json)]) -> bool) -> Json {
        match self {
            Json::Object(mut entries) => {
                if !stays(&entries) {
                    entries.sort_by(|(left, _), (right, _)| left.cmp(right));
                }
                Json::Object(entries.into_iter().map(|(key, value)| (key, value.sorted_unless(stays))).collect())
            }
            Json::Array(items) => Json::Array(items.into_iter().map(|item| item.sorted_unless(stays)).collect()),
            other => other,
        }
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Self {
        Json::String(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Self {
        Json::String(text)
    }
}

impl From<bool> for Json {
    fn from(flag: bool) -> Self {
        Json::Bool(flag)
    }
}

impl From<u32> for Json {
    fn from(number: u32) -> Self {
        Json::Integer(number.into())
    }
}

impl From<u64> for Json {
    fn from(number: u64) -> Self {
        Json::Integer(number.into())
    }
}

impl From<usize> for Json {
    fn from(number: usize) -> Self {
        Json::Integer(i128::try_from(number).unwrap_or(i128::MAX))
    }
}

impl From<f64> for Json {
    fn from(number: f64) -> Self {
        Json::Float(number)
    }
}

impl<T: Into<Json>> From<Option<T>> for Json {
    fn from(value: Option<T>) -> Self {
        value.map_or(Json::Null, Into::into)
    }
}

/// Line and column, both from 1, of a byte offset; columns count characters.
pub fn line_and_column(bytes: &[u8], offset: usize) -> (u64, u64) {
    let before = bytes.get(..offset.min(bytes.len())).unwrap_or(bytes);
    let start = before.iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline.saturating_add(1));
    let line = before.iter().filter(|&&byte| byte == b'\n').count();
    let column = before.get(start..).unwrap_or(&[]).iter().filter(|&&byte| byte & 0xc0 != 0x80).count();
    (u64::try_from(line).unwrap_or(u64::MAX).saturating_add(1), u64::try_from(column).unwrap_or(u64::MAX).saturating_add(1))
}

struct Parser<'a> {
    file: &'a str,
    text: &'a str,
    position: usize,
}

impl Parser<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.position..).unwrap_or("")
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.position).copied()
    }

    fn advance(&mut self, bytes: usize) {
        self.position = self.position.saturating_add(bytes);
    }

    fn skip_whitespace(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.advance(1);
        }
    }

    fn error(&self, message: &str) -> Error {
        self.error_of("json-syntax", message)
    }

    fn error_of(&self, code: &'static str, message: &str) -> Error {
        let (line, column) = line_and_column(self.text.as_bytes(), self.position);
        let found = self.rest().chars().next().map_or("the end of the file".to_owned(), |character| format!("{character:?}"));
        Error::malformed(Diagnostic::new(code, Site::file(self.file).at(Place::Line(line, column)), message).found(found))
    }

    fn value(&mut self, depth: usize) -> Result<Json> {
        if depth > MAX_DEPTH {
            return Err(self.error("JSON nested deeper than 128 levels"));
        }
        self.skip_whitespace();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(Json::String),
            Some(b'-' | b'0'..=b'9') if !self.rest().starts_with("-I") => self.number(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<Json> {
        const WORDS: [(&str, Json); 6] = [
            ("true", Json::Bool(true)),
            ("false", Json::Bool(false)),
            ("null", Json::Null),
            ("NaN", Json::Float(f64::NAN)),
            ("Infinity", Json::Float(f64::INFINITY)),
            ("-Infinity", Json::Float(f64::NEG_INFINITY)),
        ];
        for (word, value) in WORDS {
            if self.rest().starts_with(word) {
                self.advance(word.len());
                return Ok(value);
            }
        }
        Err(self.error("expected a JSON value"))
    }

    fn object(&mut self, depth: usize) -> Result<Json> {
        let mut entries: Vec<(String, Json)> = Vec::new();
        let mut keys = std::collections::BTreeSet::new();
        self.advance(1);
        self.skip_whitespace();
        if self.peek() == Some(b'}') {
            self.advance(1);
            return Ok(Json::Object(entries));
        }
        loop {
            self.skip_whitespace();
            if self.peek() != Some(b'"') {
                return Err(self.error("expected a key in double quotes"));
            }
            let start = self.position;
            let key = self.string()?;
            if !keys.insert(key.clone()) {
                self.position = start;
                return Err(self.error_of("json-duplicate-key", &format!("duplicate key {key:?}")));
            }
            self.skip_whitespace();
            if self.peek() != Some(b':') {
                return Err(self.error("expected ':'"));
            }
            self.advance(1);
            let value = self.value(depth.saturating_add(1))?;
            entries.push((key, value));
            if !self.another(b'}')? {
                return Ok(Json::Object(entries));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json> {
        let mut items = Vec::new();
        self.advance(1);
        self.skip_whitespace();
        if self.peek() == Some(b']') {
            self.advance(1);
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value(depth.saturating_add(1))?);
            if !self.another(b']')? {
                return Ok(Json::Array(items));
            }
        }
    }

    fn another(&mut self, end: u8) -> Result<bool> {
        self.skip_whitespace();
        let found = self.peek();
        if found != Some(b',') && found != Some(end) {
            return Err(self.error(if end == b'}' { "expected ',' or '}'" } else { "expected ',' or ']'" }));
        }
        self.advance(1);
        Ok(found == Some(b','))
    }

    fn number(&mut self) -> Result<Json> {
        let length = self.rest().bytes().take_while(|byte| matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E' | b'0'..=b'9')).count();
        let text = self.rest().get(..length).unwrap_or("");
        let digits = text.strip_prefix('-').unwrap_or(text);
        let leading_zero = digits.len() > 1 && digits.starts_with('0') && digits.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
        let malformed = leading_zero
            || digits.starts_with('.')
            || digits.contains("..")
            || digits.ends_with('.')
            || digits.contains(".e")
            || digits.contains(".E");
        let value = if malformed {
            None
        } else if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            text.parse::<i128>().ok().map(Json::Integer)
        } else {
            text.parse::<f64>().ok().filter(|_| !digits.starts_with('+')).map(Json::Float)
        };
        let value = value.ok_or_else(|| self.error("not a JSON number"))?;
        self.advance(length);
        Ok(value)
    }

    fn string(&mut self) -> Result<String> {
        let mut text = String::new();
        self.advance(1);
        loop {
            let plain = self.rest().bytes().take_while(|&byte| byte != b'"' && byte != b'\\' && byte >= 0x20).count();
            text.push_str(self.rest().get(..plain).unwrap_or(""));
            self.advance(plain);
            match self.peek() {
                Some(b'"') => {
                    self.advance(1);
                    return Ok(text);
                }
                Some(b'\\') => self.escape(&mut text)?,
                Some(_) => return Err(self.error("a control character inside a string")),
                None => return Err(self.error("a string without end")),
            }
        }
    }

    fn escape(&mut self, text: &mut String) -> Result<()> {
        self.advance(1);
        let character = match self.peek() {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(text),
            _ => return Err(self.error("an unknown escape")),
        };
        self.advance(1);
        text.push(character);
        Ok(())
    }

    fn unicode_escape(&mut self, text: &mut String) -> Result<()> {
        let high = self.hex4()?;
        let code = if (0xd800..0xdc00).contains(&high) {
            if !self.rest().starts_with("\\u") {
                return Err(self.error("half of a surrogate pair"));
            }
            self.advance(1);
            let low = self.hex4()?;
            if !(0xdc00..0xe000).contains(&low) {
                return Err(self.error("half of a surrogate pair"));
            }
            0x1_0000_u32.saturating_add((high & 0x3ff) << 10).saturating_add(low & 0x3ff)
        } else {
            high
        };
        text.push(char::from_u32(code).ok_or_else(|| self.error("half of a surrogate pair"))?);
        Ok(())
    }

    fn hex4(&mut self) -> Result<u32> {
        let digits = self.rest().get(1..5).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let code =
            digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).ok_or_else(|| self.error("expected four hexadecimal digits"))?;
        self.advance(5);
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_stay_exact() {
        let value = Json::parse("f", b"{\"a\": 1000000000000000019884624838656, \"b\": 1e30}").unwrap();
        assert_eq!(value.get("a"), Some(&Json::Integer(1_000_000_000_000_000_019_884_624_838_656)));
        assert_eq!(value.get("b"), Some(&Json::Float(1e30)));
    }

    #[test]
    fn numbers_as_keys_may_stay_in_their_order() {
        let value = || Json::parse("f", br#"{"b": {"9": 0, "10": 0}, "a": {"10": 0, "9": 0}, "c": {"09": 0, "8": 0}}"#).unwrap();
        let keys = |json: &Json| json.entries().unwrap().iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
        let sorted = value().sorted_but_numbers();
        assert_eq!(keys(&sorted), ["a", "b", "c"]);
        assert_eq!(["a", "b", "c"].map(|key| keys(sorted.get(key).unwrap())), [["10", "9"], ["9", "10"], ["09", "8"]]);
        assert_eq!(keys(value().sorted().get("b").unwrap()), ["10", "9"]);
    }

    #[test]
    fn errors_name_line_and_column() {
        let error = Json::parse("config.json", b"{\n  \"a\": 1,\n  \"a\": 2}").unwrap_err();
        assert_eq!(error.to_string(), "config.json:3:3: duplicate key \"a\" (found '\"')");
        for bad in ["", "{", "[1,]", "01", "1.", "\"\\ud800\"", "nul", "{\"a\" 1}", "1 2", "\"\x01\"", "+1", "--1", "1e"] {
            assert!(Json::parse("f", bad.as_bytes()).is_err(), "{bad:?} was read");
        }
        assert!(Json::parse("f", "[".repeat(100_000).as_bytes()).is_err());
    }
}

//! Keys and values of a config file, of which the known ones have the type that they should have.

use crate::diagnostic::Result;
use crate::format::json::Json;
use crate::format::json::fields::Fields;

/// What a known key may hold; `null` is allowed everywhere, as `None` is in Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Flag,
    /// A whole number.
    Whole,
    /// A number, whole or not.
    Number,
    /// A text.
    Text,
    /// A list.
    List,
    /// An object.
    Object,
    /// Anything: several types are in use.
    Any,
}

/// The known keys of a file.
pub type Schema = &'static [(&'static str, Kind)];

/// The values of a config file, in their order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Settings {
    /// Keys and values.
    pub values: Vec<(String, Json)>,
}

impl Settings {
    /// Reads a file; `code` is that of the diagnostics.
    ///
    /// # Errors
    /// Text that is not a JSON object, or a known key whose value has another type.
    pub fn parse(code: &'static str, schema: Schema, file: &str, bytes: &[u8]) -> Result<Settings> {
        let fields = Fields::parse(code, file, bytes)?;
        let unfit = |(key, value): &(String, Json)| {
            let kind = schema.iter().find(|(name, _)| name == key).map_or(Kind::Any, |(_, kind)| *kind);
            (!kind.holds(value)).then(|| fields.error(key, kind.name(), value.kind()))
        };
        match fields.clone().rest().iter().find_map(unfit) {
            Some(error) => Err(error),
            None => Ok(Settings { values: fields.rest() }),
        }
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Json> {
        self.values.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Sets a key; one that is there keeps its place.
    pub fn set(&mut self, key: &str, value: Json) {
        match self.values.iter_mut().find(|(name, _)| name == key) {
            Some((_, old)) => *old = value,
            None => self.values.push((key.to_owned(), value)),
        }
    }

    /// Sets a key that is not there yet.
    pub fn set_default(&mut self, key: &str, value: Json) {
        if self.get(key).is_none() {
            self.set(key, value);
        }
    }

    /// Takes a key out.
    pub fn remove(&mut self, key: &str) -> Option<Json> {
        let position = self.values.iter().position(|(name, _)| name == key)?;
        Some(self.values.remove(position).1)
    }

    /// A text, if the key has one.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(Json::as_str)
    }

    /// A whole number, if the key has one.
    pub fn whole(&self, key: &str) -> Option<u64> {
        self.get(key).and_then(Json::as_u64)
    }

    /// A number, if the key has one.
    pub fn number(&self, key: &str) -> Option<f64> {
        self.get(key).and_then(Json::as_f64)
    }

    /// The values as one JSON object.
    pub fn to_json(&self) -> Json {
        Json::Object(self.values.clone())
    }
}

impl Kind {
    fn holds(self, value: &Json) -> bool {
        matches!(
            (self, value),
            (Kind::Any, _)
                | (_, Json::Null)
                | (Kind::Flag, Json::Bool(_))
                | (Kind::Whole | Kind::Number, Json::Integer(_))
                | (Kind::Number, Json::Float(_))
                | (Kind::Text, Json::String(_))
                | (Kind::List, Json::Array(_))
                | (Kind::Object, Json::Object(_))
        )
    }

    fn name(self) -> &'static str {
        match self {
            Kind::Flag => "true, false or null",
            Kind::Whole => "a whole number or null",
            Kind::Number => "a number or null",
            Kind::Text => "a text or null",
            Kind::List => "a list or null",
            Kind::Object => "an object or null",
            Kind::Any => "anything",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: Schema = &[("n", Kind::Whole), ("x", Kind::Number), ("f", Kind::Flag), ("l", Kind::List)];

    #[test]
    fn known_keys_have_their_types() {
        let settings = Settings::parse("c", SCHEMA, "f", br#"{"new": {}, "n": 3, "x": 3, "f": null, "l": []}"#).unwrap();
        assert_eq!((settings.whole("n"), settings.number("x"), settings.text("n")), (Some(3), Some(3.0), None));
        for (bad, pointer) in [(r#"{"n": 1.5}"#, "/n"), (r#"{"f": 1}"#, "/f"), (r#"{"l": {}}"#, "/l")] {
            let error = Settings::parse("c", SCHEMA, "f", bad.as_bytes()).unwrap_err();
            assert!(error.to_string().contains(pointer), "{error}");
        }
    }

    #[test]
    fn a_key_that_is_set_again_keeps_its_place() {
        let mut settings = Settings::parse("c", SCHEMA, "f", br#"{"a": 1, "b": 2}"#).unwrap();
        settings.set("a", Json::Integer(3));
        settings.set_default("b", Json::Null);
        settings.set_default("c", Json::Null);
        assert_eq!(settings.remove("b"), Some(Json::Integer(2)));
        assert_eq!(settings.to_json(), Json::Object(vec![("a".to_owned(), Json::Integer(3)), ("c".to_owned(), Json::Null)]));
    }
}

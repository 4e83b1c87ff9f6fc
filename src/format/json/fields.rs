//! The fields of a JSON object: those with a meaning are taken out by name, the others stay in their order.

use crate::diagnostic::{Diagnostic, Error, Place, Result, Site};
use crate::format::json::Json;
use crate::format::json::number::Number;
use crate::format::json::python::{Layout, dumps};

/// What is left of an object, and where the object stands.
#[derive(Debug, Clone)]
pub struct Fields {
    code: &'static str,
    file: String,
    pointer: String,
    entries: Vec<(String, Json)>,
}

/// A value that a field can hold.
pub trait Field: Sized {
    /// What the field should hold, in the words of a diagnostic.
    const EXPECTED: &'static str;
    /// The value, if the JSON is one.
    fn from_json(json: &Json) -> Option<Self>;
}

impl Fields {
    /// Reads a file that holds one JSON object; `code` is that of the diagnostics.
    ///
    /// # Errors
    /// Text that is not a JSON object.
    pub fn parse(code: &'static str, file: &str, bytes: &[u8]) -> Result<Fields> {
        Fields::new(code, file, "", Json::parse(file, bytes)?)
    }

    /// The fields of an object inside a file, at a JSON pointer.
    ///
    /// # Errors
    /// The value is not an object.
    pub fn new(code: &'static str, file: &str, pointer: &str, json: Json) -> Result<Fields> {
        match json {
            Json::Object(entries) => Ok(Fields { code, file: file.to_owned(), pointer: pointer.to_owned(), entries }),
            other => {
                let site = Site::file(file).at(Place::Pointer(pointer.to_owned()));
                Err(Error::malformed(Diagnostic::new(code, site, "this is not a JSON object").expected("an object").found(other.kind())))
            }
        }
    }

    /// Takes a field out, if it is there.
    ///
    /// # Errors
    /// It holds something else.
    pub fn optional<T: Field>(&mut self, key: &str) -> Result<Option<T>> {
        let Some(position) = self.entries.iter().position(|(name, _)| name == key) else {
            return Ok(None);
        };
        let (_, json) = self.entries.remove(position);
        match T::from_json(&json) {
            Some(value) => Ok(Some(value)),
            None => Err(self.error(key, T::EXPECTED, &dumps(&json, Layout::Compact).chars().take(80).collect::<String>())),
        }
    }

    /// Takes a field out that must be there.
    ///
    /// # Errors
    /// It is missing, or holds something else.
    pub fn required<T: Field>(&mut self, key: &str) -> Result<T> {
        self.optional(key)?.ok_or_else(|| self.error(key, T::EXPECTED, "nothing"))
    }

    /// Takes the fields of an object out that must be there.
    ///
    /// # Errors
    /// It is missing, or is not an object.
    pub fn object(&mut self, key: &str) -> Result<Fields> {
        let entries = self.required::<Vec<(String, Json)>>(key)?;
        let pointer = format!("{}/{key}", self.pointer);
        Ok(Fields { code: self.code, file: self.file.clone(), pointer, entries })
    }

    /// What was not taken out, in the order of the file.
    pub fn rest(self) -> Vec<(String, Json)> {
        self.entries
    }

    /// A diagnostic about a field.
    pub fn error(&self, key: &str, expected: &str, found: &str) -> Error {
        let site = Site::file(self.file.as_str()).at(Place::Pointer(format!("{}/{key}", self.pointer)));
        Error::malformed(Diagnostic::new(self.code, site, format!("{key} does not fit")).expected(expected).found(found))
    }
}

macro_rules! field {
    ($type:ty, $expected:literal, $read:expr) => {
        impl Field for $type {
            const EXPECTED: &'static str = $expected;
            fn from_json(json: &Json) -> Option<Self> {
                let read: fn(&Json) -> Option<$type> = $read;
                read(json)
            }
        }
    };
}

field!(bool, "true or false", Json::as_bool);
field!(u64, "a whole number", Json::as_u64);
field!(String, "a text", |json| json.as_str().map(str::to_owned));
field!(Vec<Json>, "a list", |json| json.as_array().map(<[Json]>::to_vec));
field!(Vec<(String, Json)>, "an object", |json| json.entries().map(<[(String, Json)]>::to_vec));
field!(Vec<(String, String)>, "an object of texts", |json| {
    json.entries()?.iter().map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
});
field!(Number, "a number", |json| match json {
    Json::Integer(number) => Some(Number::Whole(*number)),
    Json::Float(number) => Some(Number::Float(*number)),
    _ => None,
});

impl<T: Field> Field for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;
    fn from_json(json: &Json) -> Option<Self> {
        if *json == Json::Null { Some(None) } else { T::from_json(json).map(Some) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_taken_out_and_the_rest_keeps_its_order() {
        let mut fields = Fields::parse("c", "f", br#"{"z": 1, "a": null, "t": "x", "b": {"n": 2.5}}"#).unwrap();
        assert_eq!(fields.required::<String>("t").unwrap(), "x");
        assert_eq!(fields.required::<Option<u64>>("a").unwrap(), None);
        assert_eq!(fields.optional::<u64>("missing").unwrap(), None);
        assert_eq!(fields.object("b").unwrap().required::<Number>("n").unwrap(), Number::Float(2.5));
        let error = fields.clone().required::<bool>("z").unwrap_err().to_string();
        assert_eq!(error, "f, at /z: z does not fit (expected true or false, found 1)");
        assert_eq!(fields.rest(), [("z".to_owned(), Json::Integer(1))]);
        assert!(Fields::parse("c", "f", b"[]").is_err());
    }
}

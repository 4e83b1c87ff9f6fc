//! Python objects as data.

use std::sync::Arc;

/// A Python object as a pickle describes it.
///
/// Python tells equal objects apart, and so does a pickle: an object that is met again is a reference to the first. Here a clone of a
/// tuple, list, dict or object is the same object, and one made anew is another. Texts are the same object if they are equal, as Python's
/// own constants are, unless they are [`Text::distinct`]; classes are always the same object.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `None`
    None,
    /// `True` or `False`
    Bool(bool),
    /// An `int`.
    Integer(i128),
    /// A `float`.
    Float(f64),
    /// A `str`.
    Text(Text),
    /// A `tuple`.
    Tuple(Arc<Vec<Value>>),
    /// A `list`.
    List(Arc<Vec<Value>>),
    /// A `dict`, in its order.
    Dict(Arc<Vec<(Value, Value)>>),
    /// A class or a function, by module and name.
    Global(&'static str, &'static str),
    /// What a class or a function made.
    Object(Arc<Object>),
    /// An object that is kept outside the pickle, by what identifies it there.
    Persistent(Arc<Value>),
}

/// A `str`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Text {
    /// The characters.
    pub value: Arc<str>,
    /// Whether this is another object than the other texts that are equal to it; its clones are the same object.
    pub distinct: bool,
}

/// How an object is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Construction {
    /// The class or function is called with the arguments (`REDUCE`).
    Call,
    /// The class's `__new__` is called with the arguments (`NEWOBJ`).
    New,
}

/// An object that a class or a function makes, and what is put into it.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    /// How it is made.
    pub construction: Construction,
    /// Module and name of the class or function.
    pub class: (&'static str, &'static str),
    /// The tuple of the arguments.
    pub arguments: Arc<Vec<Value>>,
    /// What is appended to it, as to a list.
    pub items: Vec<Value>,
    /// What is set in it, as in a dict.
    pub entries: Vec<(Value, Value)>,
    /// Its state, mostly the dict of its attributes.
    pub state: Option<Value>,
}

impl Value {
    /// A text that is another object than every other text so far.
    pub fn distinct_text(text: &str) -> Value {
        Value::Text(Text { value: text.into(), distinct: true })
    }

    /// A new tuple.
    pub fn tuple(items: impl IntoIterator<Item = Value>) -> Value {
        Value::Tuple(Arc::new(items.into_iter().collect()))
    }

    /// A new list.
    pub fn list(items: impl IntoIterator<Item = Value>) -> Value {
        Value::List(Arc::new(items.into_iter().collect()))
    }

    /// A new dict with texts as keys.
    pub fn dict<'a>(entries: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
        Value::Dict(Arc::new(entries.into_iter().map(|(key, value)| (key.into(), value)).collect()))
    }

    /// A new object that a call makes.
    pub fn call(class: (&'static str, &'static str), arguments: impl IntoIterator<Item = Value>) -> Value {
        Value::Object(Arc::new(Object::new(Construction::Call, class, arguments)))
    }

    /// A new object of a class with a dict of attributes.
    pub fn instance(class: (&'static str, &'static str), attributes: Value) -> Value {
        Value::Object(Arc::new(Object { state: Some(attributes), ..Object::new(Construction::New, class, []) }))
    }

    /// A new `bytes` object, which protocol 2 has no opcode for.
    pub fn bytes(bytes: &[u8]) -> Value {
        let characters: String = bytes.iter().copied().map(char::from).collect();
        Value::call(ENCODE, [characters.as_str().into(), "latin1".into()])
    }

    /// The bytes, if this is a `bytes` object.
    pub fn as_bytes(&self) -> Option<Vec<u8>> {
        match self.called(ENCODE)? {
            [characters, encoding] if encoding.as_str() == Some("latin1") => {
                characters.as_str()?.chars().map(|character| u8::try_from(character).ok()).collect()
            }
            _ => None,
        }
    }

    /// The flag, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    /// The whole number, if this is one that fits.
    pub fn as_integer<T: TryFrom<i128>>(&self) -> Option<T> {
        match self {
            Value::Integer(number) => T::try_from(*number).ok(),
            _ => None,
        }
    }

    /// The `float`, if this is one.
    pub fn as_float(&self) -> Option<f64> {
        match self {
            Value::Float(number) => Some(*number),
            _ => None,
        }
    }

    /// The text, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(&text.value),
            _ => None,
        }
    }

    /// The items, if this is a tuple.
    pub fn as_tuple(&self) -> Option<&[Value]> {
        match self {
            Value::Tuple(items) => Some(items),
            _ => None,
        }
    }

    /// The items, if this is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries, if this is a dict.
    pub fn as_dict(&self) -> Option<&[(Value, Value)]> {
        match self {
            Value::Dict(entries) => Some(entries),
            _ => None,
        }
    }

    /// The object, if this is one.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The arguments, if this is what a call of this class or function made and nothing was put into it.
    pub fn called(&self, class: (&str, &str)) -> Option<&[Value]> {
        let object = self.as_object()?;
        let bare = object.items.is_empty() && object.entries.is_empty() && object.state.is_none();
        (object.construction == Construction::Call && object.class == class && bare).then_some(&object.arguments)
    }

    /// The attributes, if this is an object of this class that [`Value::instance`] describes.
    pub fn attributes(&self, class: (&str, &str)) -> Option<&[(Value, Value)]> {
        let object = self.as_object()?;
        let bare = object.items.is_empty() && object.entries.is_empty() && object.arguments.is_empty();
        (object.construction == Construction::New && object.class == class && bare).then_some(())?;
        object.state.as_ref()?.as_dict()
    }

    /// What kind of value this is, in Python's words.
    pub fn kind(&self) -> String {
        match self {
            Value::None => "None".to_owned(),
            Value::Bool(_) => "a bool".to_owned(),
            Value::Integer(_) => "an int".to_owned(),
            Value::Float(_) => "a float".to_owned(),
            Value::Text(_) => "a str".to_owned(),
            Value::Tuple(_) => "a tuple".to_owned(),
            Value::List(_) => "a list".to_owned(),
            Value::Dict(_) => "a dict".to_owned(),
            Value::Global(module, name) => format!("the class {module}.{name}"),
            Value::Object(object) => format!("an object made by {}.{}", object.class.0, object.class.1),
            Value::Persistent(_) => "a storage".to_owned(),
        }
    }
}

const ENCODE: (&str, &str) = ("_codecs", "encode");

impl Object {
    /// A new object with nothing put into it.
    pub fn new(construction: Construction, class: (&'static str, &'static str), arguments: impl IntoIterator<Item = Value>) -> Object {
        let arguments = Arc::new(arguments.into_iter().collect());
        Object { construction, class, arguments, items: Vec::new(), entries: Vec::new(), state: None }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(Text { value: text.into(), distinct: false })
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Value::Bool(flag)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Value::Float(number)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Value::Integer(number.into())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Value::Integer(number.into())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::None, Into::into)
    }
}

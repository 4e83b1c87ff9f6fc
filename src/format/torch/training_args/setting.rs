//! Attributes of an object by what they mean, and as pickled values.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::table::{Class, Enumeration, Kind};
use crate::diagnostic::Result;
use crate::format::torch::file::TorchFile;
use crate::format::torch::pickle::Value;

/// Attributes by name, in the order of their class.
pub type Settings = Vec<(&'static str, Setting)>;

/// What an attribute is.
#[derive(Debug, Clone, PartialEq)]
pub enum Setting {
    /// `None`, a flag, a number, a text, a list or a dict of those.
    Plain(Value),
    /// A member of an enumeration, by its value.
    Choice(String),
    /// Members of an enumeration, by their values.
    Choices(Vec<String>),
    /// An object.
    Object(Settings),
    /// A device; the same one twice is one object.
    Device(Arc<Device>),
}

/// A `torch.device`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Its kind, such as `cpu` or `cuda`.
    pub kind: String,
    /// Which one of its kind, where that is told.
    pub index: Option<u64>,
}

impl Setting {
    /// The text, if this is one or a member of an enumeration.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Setting::Plain(value) => value.as_str(),
            Setting::Choice(word) => Some(word),
            _ => None,
        }
    }

    /// The plain value, if this is one.
    pub fn as_plain(&self) -> Option<&Value> {
        match self {
            Setting::Plain(value) => Some(value),
            _ => None,
        }
    }
}

const DEVICE: (&str, &str) = ("torch", "device");

/// Reads the attributes of objects.
pub(super) struct SettingReader<'f, 'a> {
    file: &'f TorchFile<'a>,
    devices: HashMap<usize, Arc<Device>>,
}

impl<'f, 'a> SettingReader<'f, 'a> {
    pub(super) fn new(file: &'f TorchFile<'a>) -> Self {
        SettingReader { file, devices: HashMap::new() }
    }

    /// The attributes of an object of a class.
    pub(super) fn object(&mut self, class: &Class, pointer: &str, value: &Value) -> Result<Settings> {
        let unexpected = || self.file.unexpected(pointer, &format!("an object of {}", class.name.1), value);
        let attributes = value.attributes(class.name).ok_or_else(unexpected)?;
        let attributes = self.file.named(pointer, attributes)?;
        let names = attributes.iter().map(|(name, _)| *name);
        let known = class.fields.iter().map(|(name, _, _)| *name);
        self.file.same_names(pointer, known, names)?;
        let settings = class.fields.iter().zip(attributes);
        settings.map(|((name, kind, _), (_, value))| Ok((*name, self.setting(*kind, &format!("{pointer}/{name}"), value)?))).collect()
    }

    fn setting(&mut self, kind: Kind, pointer: &str, value: &Value) -> Result<Setting> {
        if *value == Value::None {
            return Ok(Setting::Plain(Value::None));
        }
        match kind {
            Kind::Choice(members) => Ok(Setting::Choice(self.member(members, pointer, value)?)),
            Kind::Choices(members) => {
                let items = value.as_list().ok_or_else(|| self.file.unexpected(pointer, "a list", value))?;
                Ok(Setting::Choices(items.iter().map(|item| self.member(members, pointer, item)).collect::<Result<_>>()?))
            }
            Kind::Object(class) => Ok(Setting::Object(self.object(class, pointer, value)?)),
            Kind::Device => Ok(Setting::Device(self.device(pointer, value)?)),
            _ => {
                let (fits, expected) = fits(kind, value);
                if fits { Ok(Setting::Plain(value.clone())) } else { Err(self.file.unexpected(pointer, expected, value)) }
            }
        }
    }

    fn member(&self, members: &Enumeration, pointer: &str, value: &Value) -> Result<String> {
        let word = value.called(members.name).and_then(|arguments| match arguments {
            [word] => word.as_str().filter(|word| members.words.contains(word)),
            _ => None,
        });
        word.map(str::to_owned).ok_or_else(|| self.file.unexpected(pointer, &format!("a member of {}", members.name.1), value))
    }

    fn device(&mut self, pointer: &str, value: &Value) -> Result<Arc<Device>> {
        let address = match value {
            Value::Object(object) => Arc::as_ptr(object).addr(),
            _ => 0,
        };
        if let Some(device) = self.devices.get(&address) {
            return Ok(Arc::clone(device));
        }
        let device = value.called(DEVICE).and_then(|arguments| match arguments {
            [kind] => Some(Device { kind: kind.as_str()?.to_owned(), index: None }),
            [kind, index] => Some(Device { kind: kind.as_str()?.to_owned(), index: Some(index.as_integer()?) }),
            _ => None,
        });
        let device = Arc::new(device.ok_or_else(|| self.file.unexpected(pointer, "a torch.device", value))?);
        self.devices.insert(address, Arc::clone(&device));
        Ok(device)
    }
}

/// Whether a plain value is of a kind, and what the kind is called.
pub(super) fn fits(kind: Kind, value: &Value) -> (bool, &'static str) {
    let is_text = matches!(value, Value::Text(_));
    match kind {
        Kind::Flag => (matches!(value, Value::Bool(_)), "a bool"),
        Kind::Integer => (matches!(value, Value::Integer(_)), "an int"),
        Kind::Number => (matches!(value, Value::Integer(_) | Value::Float(_)), "a number"),
        Kind::Text => (is_text, "a str"),
        Kind::Texts => {
            let all_texts = |items: &[Value]| items.iter().all(|item| matches!(item, Value::Text(_)));
            (is_text || value.as_list().is_some_and(all_texts), "texts")
        }
        Kind::Dict => (matches!(value, Value::Dict(_)) && is_plain(value), "a dict of plain values"),
        Kind::Any => (is_plain(value), "a plain value"),
        _ => (false, "None"),
    }
}

/// Whether a value holds no objects and no classes.
fn is_plain(value: &Value) -> bool {
    match value {
        Value::Global(..) | Value::Object(_) | Value::Persistent(_) => false,
        Value::Tuple(items) | Value::List(items) => items.iter().all(is_plain),
        Value::Dict(entries) => entries.iter().all(|(_, value)| is_plain(value)),
        _ => true,
    }
}

/// Makes objects of attributes.
#[derive(Default)]
pub(super) struct SettingWriter {
    members: BTreeMap<(&'static str, String), Value>,
    devices: HashMap<usize, Value>,
}

impl SettingWriter {
    /// The object of a class that has these attributes.
    pub(super) fn object(&mut self, class: &Class, settings: &Settings) -> Value {
        let kind = |name: &str| class.fields.iter().find(|(known, _, _)| *known == name).map_or(Kind::Any, |(_, kind, _)| *kind);
        let attributes: Vec<_> = settings.iter().map(|(name, setting)| (*name, self.value(kind(name), setting))).collect();
        Value::instance(class.name, Value::dict(attributes))
    }

    fn value(&mut self, kind: Kind, setting: &Setting) -> Value {
        match (setting, kind) {
            (Setting::Plain(value), _) => value.clone(),
            (Setting::Choice(word), Kind::Choice(members)) => self.member(members, word),
            (Setting::Choices(words), Kind::Choices(members)) => Value::list(words.iter().map(|word| self.member(members, word))),
            (Setting::Object(settings), Kind::Object(class)) => self.object(class, settings),
            (Setting::Device(device), _) => self.devices.entry(Arc::as_ptr(device).addr()).or_insert_with(|| device.value()).clone(),
            // An attribute of another kind than its class has; it cannot be read, and the word is all that it says.
            (Setting::Choice(word), _) => word.as_str().into(),
            (Setting::Choices(words), _) => Value::list(words.iter().map(|word| word.as_str().into())),
            (Setting::Object(_), _) => Value::None,
        }
    }

    /// A member of an enumeration, which is one object however often it is met.
    fn member(&mut self, members: &Enumeration, word: &str) -> Value {
        let member = || Value::call(members.name, [word.into()]);
        self.members.entry((members.name.1, word.to_owned())).or_insert_with(member).clone()
    }
}

impl Device {
    /// The object, whose text torch makes anew for each device.
    fn value(&self) -> Value {
        let index = self.index.map(Value::from);
        Value::call(DEVICE, [Value::distinct_text(&self.kind)].into_iter().chain(index))
    }
}

//! Objects to bytes, as CPython's pickler writes them in protocol 2.

use std::collections::HashMap;
use std::sync::Arc;

use super::opcode as op;
use super::value::{Construction, Object, Text, Value};

/// Most items that one `APPENDS` or `SETITEMS` takes.
const BATCH: usize = 1000;

/// The pickle of a value.
///
/// # Source
/// CPython 3.11, `Modules/_pickle.c`: `save`, `save_reduce`, `batch_list_exact`, `batch_dict_exact`, `batch_list`, `batch_dict`.
pub fn write(value: &Value) -> Vec<u8> {
    let mut writer = Writer { bytes: vec![op::PROTO, 2], memo: HashMap::new() };
    writer.value(value);
    writer.bytes.push(op::STOP);
    writer.bytes
}

struct Writer<'a> {
    bytes: Vec<u8>,
    memo: HashMap<Identity<'a>, usize>,
}

/// What makes an object the same object.
#[derive(PartialEq, Eq, Hash)]
enum Identity<'a> {
    Text(&'a str),
    Global(&'a str, &'a str),
    Address(usize),
}

impl<'a> Writer<'a> {
    fn value(&mut self, value: &'a Value) {
        match value {
            Value::None => self.bytes.push(op::NONE),
            Value::Bool(true) => self.bytes.push(op::NEWTRUE),
            Value::Bool(false) => self.bytes.push(op::NEWFALSE),
            Value::Integer(number) => self.integer(*number),
            Value::Float(number) => {
                self.bytes.push(op::BINFLOAT);
                self.bytes.extend(number.to_be_bytes());
            }
            Value::Text(text) => self.text(text),
            Value::Tuple(items) => self.tuple(items),
            Value::List(items) => {
                if self.open(address(items), op::EMPTY_LIST) {
                    self.list_items(items);
                }
            }
            Value::Dict(entries) => {
                if self.open(address(entries), op::EMPTY_DICT) {
                    self.dict_entries(entries);
                }
            }
            Value::Global(module, name) => self.global((module, name)),
            Value::Object(object) => self.object(object),
            Value::Persistent(identifier) => {
                self.value(identifier);
                self.bytes.push(op::BINPERSID);
            }
        }
    }

    fn integer(&mut self, number: i128) {
        if let Ok(byte) = u8::try_from(number) {
            self.bytes.extend([op::BININT1, byte]);
        } else if let Ok(short) = u16::try_from(number) {
            self.bytes.push(op::BININT2);
            self.bytes.extend(short.to_le_bytes());
        } else if let Ok(int) = i32::try_from(number) {
            self.bytes.push(op::BININT);
            self.bytes.extend(int.to_le_bytes());
        } else {
            let bytes = number.to_le_bytes();
            let sign = if number < 0 { 0xff } else { 0 };
            let is_sign = |pair: &&[u8]| matches!(pair, [low, high] if *high == sign && (low ^ sign) < 0x80);
            let length = bytes.len().saturating_sub(bytes.windows(2).rev().take_while(is_sign).count());
            self.bytes.extend([op::LONG1, u8::try_from(length).unwrap_or(u8::MAX)]);
            self.bytes.extend(bytes.iter().take(length));
        }
    }

    fn text(&mut self, text: &'a Text) {
        let identity =
            if text.distinct { Identity::Address(Arc::as_ptr(&text.value).cast::<u8>().addr()) } else { Identity::Text(&text.value) };
        if self.recall(&identity) {
            return;
        }
        self.bytes.push(op::BINUNICODE);
        self.bytes.extend(u32::try_from(text.value.len()).unwrap_or(u32::MAX).to_le_bytes());
        self.bytes.extend(text.value.as_bytes());
        self.memoize(identity);
    }

    fn tuple(&mut self, items: &'a Arc<Vec<Value>>) {
        if items.is_empty() {
            return self.bytes.push(op::EMPTY_TUPLE);
        }
        if self.recall(&address(items)) {
            return;
        }
        let opcode = match items.len() {
            1 => op::TUPLE1,
            2 => op::TUPLE2,
            3 => op::TUPLE3,
            _ => op::TUPLE,
        };
        if opcode == op::TUPLE {
            self.bytes.push(op::MARK);
        }
        items.iter().for_each(|item| self.value(item));
        self.bytes.push(opcode);
        self.memoize(address(items));
    }

    fn list_items(&mut self, items: &'a [Value]) {
        if let [item] = items {
            self.value(item);
            return self.bytes.push(op::APPEND);
        }
        for batch in items.chunks(BATCH) {
            self.batch(batch.iter(), op::APPENDS);
        }
    }

    fn dict_entries(&mut self, entries: &'a [(Value, Value)]) {
        if let [(key, value)] = entries {
            self.value(key);
            self.value(value);
            return self.bytes.push(op::SETITEM);
        }
        for batch in entries.chunks(BATCH) {
            self.batch(batch.iter().flat_map(|(key, value)| [key, value]), op::SETITEMS);
        }
        // CPython learns that a dict is at its end from a batch that is not full, and writes that batch also when it is empty.
        if !entries.is_empty() && entries.len().is_multiple_of(BATCH) {
            self.batch([].into_iter(), op::SETITEMS);
        }
    }

    fn global(&mut self, (module, name): (&'a str, &'a str)) {
        let identity = Identity::Global(module, name);
        if self.recall(&identity) {
            return;
        }
        self.bytes.push(op::GLOBAL);
        self.bytes.extend(module.bytes().chain(*b"\n").chain(name.bytes()).chain(*b"\n"));
        self.memoize(identity);
    }

    fn object(&mut self, object: &'a Arc<Object>) {
        if self.recall(&address(object)) {
            return;
        }
        self.global(object.class);
        self.tuple(&object.arguments);
        self.bytes.push(match object.construction {
            Construction::Call => op::REDUCE,
            Construction::New => op::NEWOBJ,
        });
        self.memoize(address(object));
        // What is put into an object comes from an iterator, and CPython cuts that a little differently from lists and dicts.
        for batch in object.items.chunks(BATCH) {
            match batch {
                [item] => {
                    self.value(item);
                    self.bytes.push(op::APPEND);
                }
                batch => self.batch(batch.iter(), op::APPENDS),
            }
        }
        for batch in object.entries.chunks(BATCH) {
            match batch {
                [(key, value)] => {
                    self.value(key);
                    self.value(value);
                    self.bytes.push(op::SETITEM);
                }
                batch => self.batch(batch.iter().flat_map(|(key, value)| [key, value]), op::SETITEMS),
            }
        }
        if let Some(state) = &object.state {
            self.value(state);
            self.bytes.push(op::BUILD);
        }
    }

    fn batch(&mut self, values: impl Iterator<Item = &'a Value>, opcode: u8) {
        self.bytes.push(op::MARK);
        values.for_each(|value| self.value(value));
        self.bytes.push(opcode);
    }

    /// Begins a list or a dict; false if it was written before and only needed a reference.
    fn open(&mut self, identity: Identity<'a>, opcode: u8) -> bool {
        let new = !self.recall(&identity);
        if new {
            self.bytes.push(opcode);
            self.memoize(identity);
        }
        new
    }

    /// Writes a reference to an object that was written before.
    fn recall(&mut self, identity: &Identity<'a>) -> bool {
        let index = self.memo.get(identity).copied();
        if let Some(index) = index {
            self.indexed(op::BINGET, op::LONG_BINGET, index);
        }
        index.is_some()
    }

    fn memoize(&mut self, identity: Identity<'a>) {
        let index = self.memo.len();
        self.indexed(op::BINPUT, op::LONG_BINPUT, index);
        self.memo.insert(identity, index);
    }

    fn indexed(&mut self, short: u8, long: u8, index: usize) {
        if let Ok(index) = u8::try_from(index) {
            self.bytes.extend([short, index]);
        } else {
            self.bytes.push(long);
            self.bytes.extend(u32::try_from(index).unwrap_or(u32::MAX).to_le_bytes());
        }
    }
}

fn address<T>(object: &Arc<T>) -> Identity<'static> {
    Identity::Address(Arc::as_ptr(object).addr())
}

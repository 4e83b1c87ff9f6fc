//! Bytes to objects, without making any.

use std::collections::HashSet;
use std::fmt::Display;
use std::sync::Arc;

use super::freeze::{Fault, freeze};
use super::input::{Input, Source};
use super::limits::Limits;
use super::opcode as op;
use super::value::{Construction, Text, Value};
use crate::diagnostic::{Diagnostic, Error, Result};

/// Which classes and functions a pickle may name: modules, and names in them.
pub type Allowed = &'static [(&'static str, &'static [&'static str])];

/// What a pickle holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Pickle {
    /// The object.
    pub value: Value,
    /// What identifies the objects that are kept outside, in the order of the pickle.
    pub persistent: Vec<Value>,
}

/// Reads a whole pickle of protocol 2.
///
/// # Errors
/// Whatever CPython's pickler does not write for an object without cycles: other opcodes by name, classes that are not `allowed`, bytes
/// after the end, more than the `limits`.
pub fn read(source: Source<'_>, bytes: &[u8], allowed: Allowed, limits: &Limits) -> Result<Pickle> {
    let input = Input::new(source, bytes)?;
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if length > limits.bytes {
        return Err(too_large(input.whole("pickle-limit", TOO_LARGE), format!("{} bytes", limits.bytes), length));
    }
    let mut machine = Machine {
        input,
        allowed,
        limits,
        nodes: Vec::new(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: Vec::new(),
        texts: HashSet::new(),
        persistent: Vec::new(),
        references: 0,
    };
    let root = machine.run()?;
    let values = freeze(&machine.nodes, root, limits).map_err(|fault| machine.fault(fault))?;
    let value_of = |node: &usize| values.get(*node).cloned().flatten();
    let value = value_of(&root).unwrap_or(Value::None);
    let persistent = machine.persistent.iter().filter_map(value_of).collect();
    Ok(Pickle { value, persistent })
}

/// An object while the pickle may still change it; parts by their index.
pub(super) enum Node {
    Leaf(Value),
    Tuple(Vec<usize>),
    List(Vec<usize>),
    Dict(Vec<(usize, usize)>),
    Object(Box<ObjectNode>),
    Persistent(usize),
}

pub(super) struct ObjectNode {
    pub(super) construction: Construction,
    pub(super) class: (&'static str, &'static str),
    pub(super) arguments: usize,
    pub(super) items: Vec<usize>,
    pub(super) entries: Vec<(usize, usize)>,
    pub(super) state: Option<usize>,
}

struct Machine<'a> {
    input: Input<'a>,
    allowed: Allowed,
    limits: &'a Limits,
    nodes: Vec<Node>,
    stack: Vec<usize>,
    /// Heights of the stack at the marks that are open.
    marks: Vec<usize>,
    memo: Vec<usize>,
    /// The texts so far, to tell an equal text that is another object.
    texts: HashSet<Arc<str>>,
    persistent: Vec<usize>,
    /// Objects and references to them so far.
    references: u64,
}

impl Machine<'_> {
    fn run(&mut self) -> Result<usize> {
        loop {
            let opcode = self.input.opcode()?;
            if opcode == op::STOP {
                return self.stop();
            }
            self.instruction(opcode)?;
        }
    }

    fn stop(&self) -> Result<usize> {
        self.input.end()?;
        match (self.stack.as_slice(), self.marks.as_slice()) {
            ([root], []) => Ok(*root),
            _ => Err(self.input.error("pickle-stack", format!("the pickle ends with {} objects in place of one", self.stack.len()))),
        }
    }

    fn instruction(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            op::MARK => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            op::NONE => self.leaf(Value::None),
            op::NEWTRUE => self.leaf(Value::Bool(true)),
            op::NEWFALSE => self.leaf(Value::Bool(false)),
            op::BININT | op::BININT1 | op::BININT2 | op::LONG1 => {
                let number = self.integer(opcode)?;
                self.leaf(Value::Integer(number))
            }
            op::BINFLOAT => {
                let number = f64::from_be_bytes(self.input.array()?);
                self.leaf(Value::Float(number))
            }
            op::BINUNICODE => self.text(),
            op::GLOBAL => self.global(),
            op::EMPTY_TUPLE => self.push(Node::Tuple(Vec::new())),
            op::TUPLE1 => self.tuple(1),
            op::TUPLE2 => self.tuple(2),
            op::TUPLE3 => self.tuple(3),
            op::TUPLE => {
                let items = self.since_mark()?;
                self.push(Node::Tuple(items))
            }
            op::EMPTY_LIST => self.push(Node::List(Vec::new())),
            op::EMPTY_DICT => self.push(Node::Dict(Vec::new())),
            op::APPEND => {
                let item = self.pop()?;
                self.append(vec![item])
            }
            op::APPENDS => {
                let items = self.since_mark()?;
                self.append(items)
            }
            op::SETITEM => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set(&[key, value])
            }
            op::SETITEMS => {
                let items = self.since_mark()?;
                self.set(&items)
            }
            op::REDUCE => self.object(Construction::Call),
            op::NEWOBJ => self.object(Construction::New),
            op::BUILD => self.build(),
            op::BINPERSID => {
                let identifier = self.pop()?;
                self.persistent.push(identifier);
                self.push(Node::Persistent(identifier))
            }
            op::BINPUT | op::LONG_BINPUT => self.put(opcode),
            op::BINGET | op::LONG_BINGET => self.get(opcode),
            _ => {
                let error = self.input.here(
                    "pickle-opcode",
                    format!("the pickle holds the instruction {}, which files of transformers never do", op::refused_name(opcode)),
                );
                Err(Error::unsupported(error.hint("do not load this file with Python's pickle; ask where it comes from")))
            }
        }
    }

    fn integer(&mut self, opcode: u8) -> Result<i128> {
        match opcode {
            op::BININT => Ok(i32::from_le_bytes(self.input.array()?).into()),
            op::BININT1 => Ok(u8::from_le_bytes(self.input.array()?).into()),
            op::BININT2 => Ok(u16::from_le_bytes(self.input.array()?).into()),
            _ => {
                let [length] = self.input.array()?;
                let bytes = self.input.take(length.into())?;
                let sign = if bytes.last().is_some_and(|byte| byte & 0x80 != 0) { 0xff } else { 0 };
                let mut number = [sign; 16];
                let Some(low) = number.get_mut(..bytes.len()) else {
                    return Err(self.input.error("pickle-integer", format!("a whole number of {length} bytes, of at most 16")));
                };
                low.copy_from_slice(bytes);
                Ok(i128::from_le_bytes(number))
            }
        }
    }

    fn text(&mut self) -> Result<()> {
        let length = usize::try_from(u32::from_le_bytes(self.input.array()?)).unwrap_or(usize::MAX);
        let bytes = self.input.take(length)?;
        let Ok(text) = std::str::from_utf8(bytes) else {
            return Err(self.input.error("pickle-text", "a text is not UTF-8"));
        };
        let value: Arc<str> = text.into();
        let distinct = !self.texts.insert(Arc::clone(&value));
        self.leaf(Value::Text(Text { value, distinct }))
    }

    fn global(&mut self) -> Result<()> {
        let (module, name) = (self.input.line()?, self.input.line()?);
        let names = self.allowed.iter().find(|(known, _)| *known == module);
        let found = names.and_then(|(module, names)| Some((*module, *names.iter().find(|known| **known == name)?)));
        let Some((module, name)) = found else {
            let message = format!("the pickle names {module}.{name}, which does not belong into this file");
            let error = self.input.here("pickle-global", message);
            return Err(Error::malformed(error.hint("loading it with Python's pickle could run any program: do not")));
        };
        self.leaf(Value::Global(module, name))
    }

    fn tuple(&mut self, length: usize) -> Result<()> {
        let height = self.stack.len().checked_sub(length).filter(|&height| height >= self.floor());
        let Some(height) = height else {
            return Err(self.underflow());
        };
        let items = self.stack.split_off(height);
        self.push(Node::Tuple(items))
    }

    fn append(&mut self, items: Vec<usize>) -> Result<()> {
        match self.top()? {
            Node::List(list) => list.extend(items),
            Node::Object(object) => object.items.extend(items),
            _ => return Err(self.input.error("pickle-stack", "items are appended to something that is not a list")),
        }
        Ok(())
    }

    fn set(&mut self, items: &[usize]) -> Result<()> {
        let (pairs, []) = items.as_chunks::<2>() else {
            return Err(self.input.error("pickle-stack", "a key of a dict has no value"));
        };
        let pairs = pairs.iter().map(|[key, value]| (*key, *value));
        match self.top()? {
            Node::Dict(dict) => dict.extend(pairs),
            Node::Object(object) => object.entries.extend(pairs),
            _ => return Err(self.input.error("pickle-stack", "keys are set in something that is not a dict")),
        }
        Ok(())
    }

    fn object(&mut self, construction: Construction) -> Result<()> {
        let (arguments, class) = (self.pop()?, self.pop()?);
        let class = match (self.nodes.get(class), self.nodes.get(arguments)) {
            (Some(Node::Leaf(Value::Global(module, name))), Some(Node::Tuple(_))) => (*module, *name),
            _ => return Err(self.input.error("pickle-stack", "something is called that is not a class, or not with a tuple")),
        };
        let object = ObjectNode { construction, class, arguments, items: Vec::new(), entries: Vec::new(), state: None };
        self.push(Node::Object(Box::new(object)))
    }

    fn build(&mut self) -> Result<()> {
        let state = self.pop()?;
        match self.top()? {
            Node::Object(object) if object.state.is_none() => object.state = Some(state),
            _ => return Err(self.input.error("pickle-stack", "a state is given to something that takes none, or has one")),
        }
        Ok(())
    }

    fn put(&mut self, opcode: u8) -> Result<()> {
        let index = self.index(opcode == op::BINPUT)?;
        if index != self.memo.len() {
            let error = self.input.here("pickle-memo", "the objects are not numbered one by one");
            return Err(Error::malformed(error.expected(self.memo.len()).found(index)));
        }
        let Some(&top) = self.stack.last().filter(|_| self.stack.len() > self.floor()) else {
            return Err(self.underflow());
        };
        self.memo.push(top);
        Ok(())
    }

    fn get(&mut self, opcode: u8) -> Result<()> {
        let index = self.index(opcode == op::BINGET)?;
        let Some(&node) = self.memo.get(index) else {
            return Err(self.input.error("pickle-memo", format!("a reference to object {index}, of {} so far", self.memo.len())));
        };
        self.refer(node)
    }

    fn index(&mut self, short: bool) -> Result<usize> {
        let index = if short { u8::from_le_bytes(self.input.array()?).into() } else { u32::from_le_bytes(self.input.array()?) };
        Ok(usize::try_from(index).unwrap_or(usize::MAX))
    }

    fn leaf(&mut self, value: Value) -> Result<()> {
        self.push(Node::Leaf(value))
    }

    fn push(&mut self, node: Node) -> Result<()> {
        self.nodes.push(node);
        self.refer(self.nodes.len().saturating_sub(1))
    }

    fn refer(&mut self, node: usize) -> Result<()> {
        self.references = self.references.saturating_add(1);
        if self.references > self.limits.nodes {
            let diagnostic = self.input.here("pickle-limit", TOO_LARGE);
            return Err(too_large(diagnostic, format!("{} objects and references", self.limits.nodes), "more"));
        }
        self.stack.push(node);
        Ok(())
    }

    fn pop(&mut self) -> Result<usize> {
        if self.stack.len() <= self.floor() {
            return Err(self.underflow());
        }
        self.stack.pop().ok_or_else(|| self.underflow())
    }

    /// The object on top of the stack.
    fn top(&mut self) -> Result<&mut Node> {
        let index = self.stack.last().copied().filter(|_| self.stack.len() > self.floor());
        let error = self.underflow();
        index.and_then(|index| self.nodes.get_mut(index)).ok_or(error)
    }

    fn since_mark(&mut self) -> Result<Vec<usize>> {
        match self.marks.pop() {
            Some(mark) if mark <= self.stack.len() => Ok(self.stack.split_off(mark)),
            _ => Err(self.underflow()),
        }
    }

    /// The height of the stack that instructions may not go below: that of the innermost mark.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn underflow(&self) -> Error {
        self.input.error("pickle-stack", "an instruction takes more objects than there are")
    }

    fn fault(&self, fault: Fault) -> Error {
        let error = |code, message: &str| self.input.whole(code, message);
        match fault {
            Fault::Cycle => Error::unsupported(error("pickle-cycle", "an object of the pickle holds itself")),
            Fault::Depth => {
                let error = error("pickle-limit", "objects lie inside objects deeper than the limit");
                Error::limit(error.expected(format!("at most {} levels", self.limits.depth)))
            }
            Fault::Expanded => {
                let error = error("pickle-limit", "shared objects lie inside shared objects, more than the limit");
                Error::limit(error.expected(format!("at most {} objects", self.limits.expanded_nodes)))
            }
            Fault::Key => Error::unsupported(error("pickle-key", "a key of a dict is neither a text nor a whole number")),
            Fault::DuplicateKey(key) => Error::malformed(error("pickle-duplicate-key", "a dict has a key twice").found(key)),
        }
    }
}

const TOO_LARGE: &str = "the pickle is larger than the limit";

fn too_large(diagnostic: Diagnostic, limit: String, found: impl Display) -> Error {
    Error::limit(diagnostic.expected(format!("at most {limit}")).found(found))
}

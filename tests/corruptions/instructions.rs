//! Instructions of pickles that somebody wrote who wants a program run. What they would run is harmless: it makes a file `executed` in the
//! working directory, or runs a file that does.

/// A text.
pub fn text(text: &str) -> Vec<u8> {
    [b"X", &u32::try_from(text.len()).unwrap().to_le_bytes()[..], text.as_bytes()].concat()
}

/// A class or function, by its module and its name.
pub fn global(module: &str, name: &str) -> Vec<u8> {
    format!("c{module}\n{name}\n").into_bytes()
}

/// Calls what the first instructions leave with one argument for each of the others.
pub fn call(function: &[u8], arguments: &[&[u8]]) -> Vec<u8> {
    [function, b"(", &arguments.concat(), b"tR"].concat()
}

/// The command that is run.
pub const COMMAND: &str = "touch executed";

/// The same as an expression of Python.
pub const EXPRESSION: &str = "open('executed', 'w').close()";

/// Calls a function with a text.
pub fn call_text(module: &str, name: &str, argument: &str) -> Vec<u8> {
    call(&global(module, name), &[&text(argument)])
}

/// An attribute of what the instructions leave, by Python's own `getattr`.
pub fn attribute(object: &[u8], name: &str) -> Vec<u8> {
    call(&global("__builtin__", "getattr"), &[object, &text(name)])
}

/// A list in a list in a list.
pub fn nested_lists(depth: usize) -> Vec<u8> {
    [vec![b']'; depth], vec![b'a'; depth - 1]].concat()
}

/// A pair of a pair of a pair, each twice the same: few bytes, 2 to the power of `depth` leaves. `first` is the next free number of the
/// memo.
pub fn doubled_pairs(depth: u8, first: u32) -> Vec<u8> {
    let number = |index: u32| index.to_le_bytes();
    let mut bytes = [&b")r"[..], &number(first)].concat();
    for level in 0..u32::from(depth) {
        let below = number(first + level);
        bytes.extend([&b"j"[..], &below, b"\x86r", &number(first + level + 1)].concat());
    }
    bytes
}

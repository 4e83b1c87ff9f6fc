//! Any objects, some of them met twice, are pickled so that they read the same. The input is a program that puts objects on a stack.
#![no_main]

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use rtrain::format::torch::pickle::{Allowed, Construction, Limits, Object, Source, Value, read, write};
use rtrain_fuzz::bounded;
use std::sync::Arc;

const ORDERED: (&str, &str) = ("collections", "OrderedDict");
const CLASSES: Allowed = &[(ORDERED.0, &[ORDERED.1])];
const SOURCE: Source<'static> = Source { file: "f", offset: 0 };
const LIMITS: Limits = Limits { bytes: 1 << 20, nodes: 100_000, depth: 64, expanded_nodes: 100_000 };

fn step(source: &mut Unstructured<'_>, stack: &mut Vec<Value>) -> Result<()> {
    let choice = source.int_in_range(0..=12)?;
    let value = match choice {
        0 => Value::None,
        1 => Value::Bool(source.arbitrary()?),
        2 => Value::Integer(source.arbitrary()?),
        3 => Value::from(source.arbitrary::<i64>()? >> source.int_in_range(0..=60)?),
        4 => Value::Float(source.arbitrary()?),
        5 => source.arbitrary::<&str>()?.into(),
        6 => Value::distinct_text(source.arbitrary()?),
        7 => Value::Global(ORDERED.0, ORDERED.1),
        8 if !stack.is_empty() => source.choose(stack)?.clone(),
        _ => {
            let items = stack.split_off(stack.len() - source.int_in_range(0..=stack.len().min(5))?);
            let entries = || items.iter().enumerate().map(|(key, item)| (Value::from(key as u64), item.clone())).collect();
            match choice {
                9 => Value::tuple(items),
                10 => Value::list(items),
                11 => Value::Dict(Arc::new(entries())),
                _ => Value::Object(Arc::new(Object { entries: entries(), ..Object::new(Construction::Call, ORDERED, []) })),
            }
        }
    };
    stack.push(value);
    Ok(())
}

fuzz_target!(|bytes: &[u8]| bounded(bytes, || {
    let mut source = Unstructured::new(bytes);
    let mut stack = Vec::new();
    while !source.is_empty() && step(&mut source, &mut stack).is_ok() {}
    let value = Value::tuple(stack);
    let written = write(&value);
    // Objects inside objects and shared ones multiply; beyond its limits nothing is read.
    let Ok(again) = read(SOURCE, &written, CLASSES, &LIMITS) else {
        assert_eq!(read(SOURCE, &written, CLASSES, &LIMITS).unwrap_err().diagnostic().code, "pickle-limit");
        return;
    };
    assert_eq!(write(&again.value), written);
}));

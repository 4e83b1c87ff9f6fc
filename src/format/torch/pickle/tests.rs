use super::*;
use crate::diagnostic::{Error, Result};
use proptest::prelude::*;
use std::sync::Arc;

const CLASSES: Allowed = &[("collections", &["OrderedDict"]), ("torch", &["device", "FloatStorage"]), ("__builtin__", &["set"])];
const SOURCE: Source<'static> = Source { file: "f", offset: 100 };

fn parse(bytes: &[u8]) -> Result<Value> {
    read(SOURCE, bytes, CLASSES, &Limits::default()).map(|pickle| pickle.value)
}

fn code(bytes: &[u8]) -> &'static str {
    parse(bytes).map_or_else(|error| error.diagnostic().code, |value| panic!("read as {value:?}"))
}

fn class() -> impl Strategy<Value = (&'static str, &'static str)> {
    let classes: Vec<_> = CLASSES.iter().flat_map(|(module, names)| names.iter().map(|name| (*module, *name))).collect();
    prop::sample::select(classes)
}

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::None),
        any::<bool>().prop_map(Value::Bool),
        any::<i128>().prop_map(Value::Integer),
        any::<i64>().prop_map(Value::from),
        (-70_000_i64..70_000).prop_map(Value::from),
        any::<f64>().prop_map(Value::Float),
        "[a-c]{0,1}|\\PC{0,6}".prop_map(|text| Value::from(text.as_str())),
        class().prop_map(|(module, name)| Value::Global(module, name)),
    ]
}

fn entries(values: Vec<Value>) -> Vec<(Value, Value)> {
    let key = |index: usize| if index.is_multiple_of(3) { Value::from(index as u64) } else { format!("k{index}").as_str().into() };
    values.into_iter().enumerate().map(|(index, value)| (key(index), value)).collect()
}

/// Values in which some objects are met twice.
fn tree() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(5, 60, 6, |inner| {
        let many = || prop::collection::vec(inner.clone(), 0..6);
        let shared = (many(), any::<prop::sample::Index>()).prop_map(|(mut items, index)| {
            if !items.is_empty() {
                items.push(items[index.index(items.len())].clone());
            }
            items
        });
        let object = (class(), any::<bool>(), many(), many(), many(), prop::option::of(inner.clone()));
        prop_oneof![
            shared.clone().prop_map(Value::list),
            shared.prop_map(Value::tuple),
            many().prop_map(|items| Value::Dict(Arc::new(entries(items)))),
            many().prop_map(|items| Value::Persistent(Arc::new(Value::tuple(items)))),
            many().prop_map(|items| Value::list(items.into_iter().chain([Value::distinct_text("a"), Value::distinct_text("a")]))),
            object.prop_map(|(class, new, arguments, items, parts, state)| {
                let construction = if new { Construction::New } else { Construction::Call };
                Value::Object(Arc::new(Object { items, entries: entries(parts), state, ..Object::new(construction, class, arguments) }))
            }),
        ]
    })
}

/// Trees of what Python can make anew: no classes of torch, no states, and no text of one character, which is one object in Python.
fn python_tree() -> impl Strategy<Value = Value> {
    let text = prop_oneof!["[a-c]{2}", "\\PC{2,6}"];
    let leaf = prop_oneof![
        Just(Value::None),
        any::<bool>().prop_map(Value::Bool),
        any::<i128>().prop_map(Value::Integer),
        (-70_000_i64..70_000).prop_map(Value::from),
        any::<f64>().prop_map(Value::Float),
        text.prop_map(|text| Value::from(text.as_str())),
        Just(Value::Global("collections", "OrderedDict")),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        let many = || prop::collection::vec(inner.clone(), 0..6);
        let twice = |mut items: Vec<Value>| {
            items.extend(items.first().cloned());
            items
        };
        let ordered = |items| {
            let object = Object::new(Construction::Call, ("collections", "OrderedDict"), []);
            Value::Object(Arc::new(Object { entries: entries(items), ..object }))
        };
        prop_oneof![
            many().prop_map(move |items| Value::list(twice(items))),
            many().prop_map(move |items| Value::tuple(twice(items))),
            many().prop_map(|items| Value::Dict(Arc::new(entries(items)))),
            many().prop_map(|items| Value::Persistent(Arc::new(Value::tuple(items)))),
            many().prop_map(|items| Value::list(items.into_iter().chain([Value::distinct_text("ab"), Value::distinct_text("ab")]))),
            many().prop_map(ordered),
        ]
    })
}

#[test]
#[ignore = "needs the reference environment: tests/run"]
fn python_unpickles_the_same_objects() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let python = std::env::var_os("RTRAIN_PYTHON").expect("RTRAIN_PYTHON is not set: run tests/run");
    let mut runner = TestRunner::deterministic();
    let mut trees: Vec<Value> = (0..1024).map(|_| python_tree().new_tree(&mut runner).unwrap().current()).collect();
    let ordered = |entries| Object { entries, ..Object::new(Construction::Call, ("collections", "OrderedDict"), []) };
    for count in [1, 2, 255, 256, 257, 999, 1000, 1001, 2000, 2001] {
        let numbers = || (0..count).map(|number: u64| Value::from(number));
        let entries: Vec<(Value, Value)> = numbers().map(|number| (number, Value::list([]))).collect();
        trees.extend([Value::list(numbers()), Value::tuple(numbers()), Value::Dict(Arc::new(entries.clone()))]);
        trees.push(Value::Object(Arc::new(ordered(entries))));
    }
    let pickles: Vec<Vec<u8>> = trees.iter().map(write).collect();
    let framed: Vec<u8> = pickles.iter().flat_map(|bytes| [&(bytes.len() as u64).to_le_bytes(), bytes.as_slice()].concat()).collect();
    let file = std::env::temp_dir().join(format!("rtrain-pickles-{}", std::process::id()));
    std::fs::write(&file, framed).unwrap();
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/pickles.py");
    let output = std::process::Command::new(python).arg(script).arg(&file).output().unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), format!("{} pickles", pickles.len()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn trees_survive(tree in tree()) {
        let bytes = write(&tree);
        let again = parse(&bytes).unwrap();
        prop_assert_eq!(write(&again), bytes);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(tree in tree(), edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5)) {
        let mut bytes = write(&tree);
        for (index, byte) in edits {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        if let Ok(value) = parse(&bytes) {
            let _ = write(&value);
        }
    }
}

#[test]
fn objects_that_are_met_twice_stay_one() {
    let pair = Value::tuple([1_u64.into(), 2_u64.into()]);
    let bytes = write(&Value::list([pair.clone(), pair, Value::tuple([1_u64.into(), 2_u64.into()])]));
    assert_eq!(bytes, b"\x80\x02]q\0(K\x01K\x02\x86q\x01h\x01K\x01K\x02\x86q\x02e.");
    let read = parse(&bytes).unwrap();
    let [Value::Tuple(first), Value::Tuple(second), Value::Tuple(third)] = read.as_list().unwrap() else { panic!() };
    assert!(Arc::ptr_eq(first, second) && !Arc::ptr_eq(first, third));
}

#[test]
fn lists_and_dicts_are_cut_as_cpython_cuts_them() {
    let numbers = |count: u64| Value::list((0..count).map(|_| Value::None));
    let appends = |value: &Value| write(value).iter().filter(|&&byte| byte == b'e').count();
    assert_eq!([1, 2, 1000, 1001, 2001].map(|count| appends(&numbers(count))), [0, 1, 1, 2, 3]);
    let dict = |count: usize| Value::Dict(Arc::new((0..count).map(|number| (Value::from(number as u64), Value::None)).collect()));
    assert!(write(&dict(1000)).ends_with(b"u(u."));
    assert!(write(&dict(1001)).ends_with(b"u(M\xe8\x03Nu."));
}

#[test]
fn whole_numbers_take_as_many_bytes_as_they_need() {
    for (number, expected) in [
        (255, &b"K\xff"[..]),
        (256, b"M\x00\x01"),
        (-1, b"J\xff\xff\xff\xff"),
        (65536, b"J\x00\x00\x01\x00"),
        (1 << 31, b"\x8a\x05\x00\x00\x00\x80\x00"),
        (-(1 << 39), b"\x8a\x05\x00\x00\x00\x00\x80"),
        (-(1 << 31) - 1, b"\x8a\x05\xff\xff\xff\x7f\xff"),
        (i128::MIN, b"\x8a\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x80"),
    ] {
        let bytes = write(&Value::Integer(number));
        assert_eq!(&bytes[2..bytes.len() - 1], expected, "{number}");
        assert_eq!(parse(&bytes).unwrap(), Value::Integer(number));
    }
}

#[test]
fn what_must_fail_fails() {
    let cases: [(&str, &[u8]); 24] = [
        ("pickle-protocol", b""),
        ("pickle-protocol", b"\x80\x04N."),
        ("pickle-truncated", b"\x80\x02"),
        ("pickle-truncated", b"\x80\x02X\xff\xff\xff\xffabc."),
        ("pickle-trailing", b"\x80\x02N.N"),
        ("pickle-stack", b"\x80\x02NN."),
        ("pickle-stack", b"\x80\x02."),
        ("pickle-stack", b"\x80\x02(N."),
        ("pickle-stack", b"\x80\x02]Nu."),
        ("pickle-stack", b"\x80\x02N(a."),
        ("pickle-stack", b"\x80\x02N(q\x00."),
        ("pickle-stack", b"\x80\x02NNR."),
        ("pickle-stack", b"\x80\x02}Nb."),
        ("pickle-stack", b"\x80\x02}(Nu."),
        ("pickle-stack", b"\x80\x02}N\x86N\x86\x87."),
        ("pickle-opcode", b"\x80\x02N0."),
        ("pickle-opcode", b"\x80\x02\xff."),
        ("pickle-memo", b"\x80\x02h\x00."),
        ("pickle-memo", b"\x80\x02Nq\x01."),
        ("pickle-text", b"\x80\x02X\x01\0\0\0\xff."),
        ("pickle-integer", b"\x80\x02\x8a\x11\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0."),
        ("pickle-cycle", b"\x80\x02]q\x00h\x00a."),
        ("pickle-key", b"\x80\x02}NNs."),
        ("pickle-duplicate-key", b"\x80\x02}(K\x01NK\x01Nu."),
    ];
    for (expected, bytes) in cases {
        assert_eq!(code(bytes), expected, "{bytes:?}");
    }
    let system = parse(b"\x80\x02cos\nsystem\nX\x02\0\0\0ls\x85R.").unwrap_err();
    assert_eq!(system.diagnostic().code, "pickle-global");
    assert!(system.to_string().contains("os.system"), "{system}");
    assert!(system.to_string().contains("bytes 102..113"), "{system}");
    assert_eq!(code(b"\x80\x02ctorch\nload\n."), "pickle-global");
    assert_eq!(code(&[b"\x80\x02c".as_slice(), &[b'a'; 5000], b"\nb\n."].concat()), "pickle-global");
    let refused = parse(b"\x80\x02\x95\0\0\0\0\0\0\0\0N.").unwrap_err().to_string();
    assert!(refused.contains("FRAME"), "{refused}");
}

#[test]
fn limits_hold() {
    let limits = Limits { bytes: 100, nodes: 20, depth: 5, expanded_nodes: 40 };
    let parse = |bytes: &[u8]| read(SOURCE, bytes, CLASSES, &limits);
    let refused = |bytes: &[u8]| matches!(parse(bytes), Err(Error::Limit(_)));
    let nested = |depth: usize| [b"\x80\x02)".as_slice(), &b"\x85".repeat(depth - 1), b"."].concat();
    assert!(parse(&nested(5)).is_ok() && refused(&nested(6)));
    assert!(refused(&[b"\x80\x02".as_slice(), &[b'N'; 30], b"."].concat()));
    assert!(refused(&[b"\x80\x02X\x60\0\0\0".as_slice(), &[b'a'; 0x60], b"."].concat()));
    assert!(refused(&[b"\x80\x02Nq\x00(".as_slice(), &b"h\x00".repeat(20), b"t\x86."].concat()), "20 references to one object");
    let doubling = b"\x80\x02N\x85q\x00h\x00\x86q\x01h\x01\x86q\x02h\x02\x86q\x03h\x03\x86.";
    assert!(refused(doubling), "2^4 objects by reference");
}

/// Each tuple holds the one before twice: a hundred bytes that a reader who follows every reference meets as millions of objects.
#[test]
fn short_files_cannot_hold_much_that_is_shared() {
    let doubled = |times: u8| -> Vec<u8> {
        let tuples = (0..times).flat_map(|memo| [b'h', memo, 0x86, b'q', memo + 1]);
        b"\x80\x02)q\0".iter().copied().chain(tuples).chain([b'.']).collect()
    };
    let limits = Limits::for_file(100);
    let refused = |times| read(SOURCE, &doubled(times), CLASSES, &limits).is_err_and(|error| error.diagnostic().code == "pickle-limit");
    assert!(!refused(17) && refused(18) && refused(22));
}

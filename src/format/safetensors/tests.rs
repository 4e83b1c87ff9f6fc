//! Against the safetensors crate, both ways, and what must fail.

use super::*;
use crate::format::dtype::DTYPES;
use proptest::prelude::*;

fn tensors() -> impl Strategy<Value = Vec<Tensor<'static>>> {
    let tensor = (0_usize..DTYPES.len(), prop::collection::vec(0_u64..4, 0..4));
    prop::collection::btree_map("[a-z0-9é\"][a-z.0-9é\"]{0,11}", tensor, 0..8).prop_map(|map| {
        let build = |(name, (dtype, mut shape)): (String, (usize, Vec<u64>))| {
            let (dtype, _, bits) = DTYPES[dtype];
            if bits % 8 != 0 {
                shape.push(4);
            }
            let size = shape.iter().product::<u64>() * bits / 8;
            Tensor { name, dtype, shape, data: (0..size).map(|byte| byte as u8).collect() }
        };
        map.into_iter().map(build).collect()
    })
}

fn pt() -> [(String, String); 1] {
    [("format".to_owned(), "pt".to_owned())]
}

/// One way to spoil a header, or not quite.
#[derive(Debug, Clone)]
enum Edit {
    Replace(usize, &'static str, &'static str),
    Insert(prop::sample::Index, u8),
    Flip(prop::sample::Index, u8),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let pairs = prop::sample::select(vec![
        ("0", "-0"),
        ("0", "00"),
        ("0", "0.0"),
        ("1", "1e0"),
        ("F32", "F33"),
        ("U8", "I8"),
        ("[", "[0,"),
        ("[", "[18446744073709551615,"),
        ("[", "[9223372036854775808,0,"),
        ("{", "{\"dtype\":\"U8\","),
        ("{", "{\"x\":null,"),
        ("\"dtype\"", "\"dtypes\""),
        ("\"format\":", "\"__metadata__\":"),
        ("\"pt\"", "null"),
        (",", " ,\t\n"),
        ("}", "}\u{c}"),
        ("}", "} "),
        (":", ":\r"),
        ("a", "\\u0061"),
        ("a", "\\ud800"),
        ("a", "\u{0}"),
    ]);
    let replace = (0_usize..4, pairs).prop_map(|(nth, (old, new))| Edit::Replace(nth, old, new));
    let insert = (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, byte)| Edit::Insert(at, byte));
    let flip = (any::<prop::sample::Index>(), 0_u8..8).prop_map(|(at, bit)| Edit::Flip(at, bit));
    prop::collection::vec(prop_oneof![4 => replace, 1 => insert, 1 => flip], 0..3)
}

fn edited(bytes: &[u8], edits: &[Edit]) -> Vec<u8> {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let (mut header, data) = (bytes[8..8 + length].to_vec(), &bytes[8 + length..]);
    for edit in edits {
        match edit {
            Edit::Replace(nth, old, new) => {
                let starts = (0..header.len()).filter(|start| header[*start..].starts_with(old.as_bytes()));
                if let Some(start) = starts.clone().nth(*nth) {
                    header.splice(start..start + old.len(), new.bytes());
                }
            }
            Edit::Insert(at, byte) => header.insert(at.index(header.len()), *byte),
            Edit::Flip(at, bit) => {
                let at = at.index(header.len());
                header[at] ^= 1 << bit;
            }
        }
    }
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    bytes.extend(data);
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn the_bytes_are_those_of_the_safetensors_crate(tensors in tensors()) {
        let ours = serialize(&tensors, &pt());
        let (header, head) = Header::read("f", &ours.as_slice()).unwrap();
        prop_assert_eq!(&head, &ours[..header.data_start as usize]);
        prop_assert_eq!(&header.to_bytes(), &head);
        prop_assert_eq!(header.not_canonical("f", &head), None);
        prop_assert_eq!(&Header::parse("f", &ours).unwrap(), &header);
        let theirs = safetensors::SafeTensors::deserialize(&ours).unwrap();
        let views: Vec<_> = theirs.iter().collect();
        prop_assert_eq!(&safetensors::serialize(views, Some(pt().into_iter().collect())).unwrap(), &ours);
        for tensor in &tensors {
            prop_assert_eq!(header.data(header.find(&tensor.name).unwrap(), &ours), &tensor.data[..]);
            prop_assert_eq!(theirs.tensor(&tensor.name).unwrap().data(), &tensor.data[..]);
        }
    }

    /// What is read here is read by the crate, with the same tensors; and what is called canonical is what the crate writes.
    #[test]
    fn nothing_is_read_that_the_safetensors_crate_refuses(tensors in tensors(), edits in edits()) {
        let bytes = edited(&serialize(&tensors, &pt()), &edits);
        let Ok((header, head)) = Header::read("f", &bytes.as_slice()) else { return Ok(()) };
        let theirs = safetensors::SafeTensors::deserialize(&bytes);
        prop_assert!(theirs.is_ok(), "{:?} is read: {}", String::from_utf8_lossy(&head), theirs.unwrap_err());
        let theirs = theirs.unwrap();
        prop_assert_eq!(theirs.len(), header.tensors.len());
        for tensor in &header.tensors {
            let view = theirs.tensor(&tensor.name).unwrap();
            let shape: Vec<u64> = view.shape().iter().map(|&size| size as u64).collect();
            prop_assert_eq!(format!("{:?}", view.dtype()), tensor.dtype.name());
            prop_assert_eq!((&shape, view.data()), (&tensor.shape, header.data(tensor, &bytes)));
        }
        let metadata: std::collections::HashMap<String, String> = header.metadata.iter().cloned().collect();
        if metadata.len() == 1 {
            let written = safetensors::serialize(theirs.iter().collect::<Vec<_>>(), Some(metadata)).unwrap();
            prop_assert_eq!(header.not_canonical("f", &head).is_none(), written == bytes);
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..80), length in 0_u64..90) {
        let _ = Header::parse("f", &bytes);
        if bytes.len() >= 8 {
            bytes[..8].copy_from_slice(&length.to_le_bytes());
            let _ = Header::parse("f", &bytes);
        }
    }
}

fn file(header: &str, data: usize) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    bytes
}

fn entry(name: &str, dtype: &str, shape: &str, offsets: &str) -> String {
    format!("\"{name}\":{{\"dtype\":\"{dtype}\",\"shape\":{shape},\"data_offsets\":{offsets}}}")
}

#[test]
fn what_must_fail_fails_under_its_own_code() {
    let a = |shape: &str, offsets: &str| format!("{{{}}}", entry("a", "F32", shape, offsets));
    let named = |name: &str| format!("{{{}}}", entry(name, "F32", "[]", "[0,4]"));
    let typed = |dtype: &str, shape: &str, offsets: &str| format!("{{{}}}", entry("a", dtype, shape, offsets));
    let two = |first: &str, second: &str| format!("{{{},{}}}", entry("a", "F32", "[2]", first), entry("b", "F32", "[2]", second));
    assert!(Header::parse("f", &file(&a("[2]", "[0,8]"), 8)).is_ok());
    let cases: Vec<(String, usize, &str)> = vec![
        (a("[2]", "[0,8]"), 7, "safetensors-length"),
        (a("[2]", "[0,8]"), 9, "safetensors-trailing-bytes"),
        (a("[2]", "[4,12]"), 12, "safetensors-hole"),
        (two("[0,8]", "[9,17]"), 17, "safetensors-hole"),
        (two("[0,8]", "[4,12]"), 12, "safetensors-overlap"),
        (two("[0,8]", "[0,8]"), 8, "safetensors-overlap"),
        (a("[2]", "[0,4]"), 4, "safetensors-size"),
        (typed("F4", "[3]", "[0,2]"), 2, "safetensors-size"),
        (a("[0]", "[18446744073709551615,0]"), 0, "safetensors-offsets"),
        (a("[0]", "[18446744073709551615,18446744073709551615]"), 0, "safetensors-hole"),
        (a("[2]", "[0,18446744073709551616]"), 8, "safetensors-offsets"),
        (a("[2]", "[0,8,8]"), 8, "safetensors-offsets"),
        (a("[2]", "[-0,8]"), 8, "safetensors-header"),
        (a("[18446744073709551615,2]", "[0,8]"), 8, "safetensors-shape"),
        (a("[9223372036854775808,2,0]", "[0,0]"), 0, "safetensors-shape"),
        (a("[2.0]", "[0,8]"), 8, "safetensors-shape"),
        (a("[true]", "[0,4]"), 4, "safetensors-shape"),
        (typed("F33", "[2]", "[0,8]"), 8, "safetensors-dtype"),
        (typed("f32", "[2]", "[0,8]"), 8, "safetensors-dtype"),
        (named(""), 4, "safetensors-name"),
        (named(" a"), 4, "safetensors-name"),
        (named("a\\nb"), 4, "safetensors-name"),
        (named("a\u{202e}b"), 4, "safetensors-name"),
        (named("../a"), 4, "safetensors-name"),
        (format!("{{{},{}}}", entry("a", "F32", "[]", "[0,4]"), entry("a", "F32", "[]", "[0,4]")), 4, "safetensors-duplicate-name"),
        ("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,4]}}".to_owned(), 4, "safetensors-duplicate-name"),
        ("{\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4],\"x\":1}}".to_owned(), 4, "safetensors-unknown-field"),
        ("{\"a\":{\"dtype\":\"F32\",\"shape\":[]}}".to_owned(), 0, "safetensors-entry"),
        ("{\"a\":[]}".to_owned(), 0, "safetensors-entry"),
        ("{\"__metadata__\":null}".to_owned(), 0, "safetensors-metadata"),
        ("{\"__metadata__\":{\"a\":1}}".to_owned(), 0, "safetensors-metadata"),
        (named("__metadata__"), 4, "safetensors-metadata"),
        ("[]".to_owned(), 0, "safetensors-header"),
        ("{".to_owned(), 0, "json-syntax"),
        ("{}\u{c}".to_owned(), 0, "json-syntax"),
        ("[".repeat(100_000), 0, "json-syntax"),
    ];
    for (header, data, code) in cases {
        let error = Header::parse("f", &file(&header, data)).expect_err(&header);
        assert_eq!((error.diagnostic().code, error.diagnostic().site.file.as_str()), (code, "f"), "{header:.200} with {data} bytes");
    }
    let code = |bytes: &[u8]| Header::parse("f", bytes).unwrap_err().diagnostic().code;
    assert_eq!(code(&100_000_000_000_u64.to_le_bytes()), "safetensors-header-length");
    assert_eq!(code(&[0; 7]), "safetensors-truncated");
    assert_eq!(code(&9_u64.to_le_bytes()), "safetensors-truncated");
    assert_eq!(code(&[2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]), "json-utf8");
}

#[test]
fn what_the_crate_would_write_otherwise_has_its_own_code() {
    let (a, b) = (entry("a", "F32", "[2]", "[0,8]"), entry("b", "F32", "[2]", "[8,16]"));
    let pad = |json: String| format!("{json:w$}", w = json.len().next_multiple_of(8));
    let cases = [
        (pad(format!("{{{a},{b}}}")), None),
        (format!("{{{a},{b}}}"), Some("safetensors-padding")),
        (pad(format!("{{{a},{b}}}")) + "        ", Some("safetensors-padding")),
        (format!(" {{{a},{b}}}"), Some("safetensors-spelling")),
        (pad(format!("{{{b},{a}}}")), Some("safetensors-spelling")),
        (pad(format!("{{{},{}}}", entry("b", "F32", "[2]", "[0,8]"), entry("a", "F32", "[2]", "[8,16]"))), Some("safetensors-order")),
        (pad(format!("{{{},{}}}", entry("a", "U16", "[4]", "[0,8]"), entry("b", "F32", "[2]", "[8,16]"))), Some("safetensors-order")),
    ];
    for (json, code) in cases {
        assert!(code.is_some() || json.len() % 8 == 0);
        let bytes = file(&json, 16);
        let (header, head) = Header::read("f", &bytes.as_slice()).unwrap();
        assert_eq!(header.not_canonical("f", &head).map(|difference| difference.code), code, "{json}");
    }
}

#[test]
fn syntax_errors_name_the_byte() {
    let error = Header::parse("f", &file("{\"é\":1,\n\"é\":2}", 0)).unwrap_err();
    assert_eq!(error.diagnostic().site.place, Place::Bytes(17..18));
}

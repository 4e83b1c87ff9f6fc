use super::*;
use crate::format::torch::golden;
use proptest::prelude::*;

fn code(bytes: &[u8]) -> &'static str {
    Archive::parse("f", bytes).map_or_else(|error| error.diagnostic().code, |_| "read")
}

#[test]
fn files_of_torch_survive() {
    let files = golden::files(|_| true);
    assert!(files.len() >= 50, "{} files", files.len());
    for (path, bytes) in files {
        let archive = Archive::parse(&path, &bytes).unwrap();
        assert!(archive.to_bytes() == bytes, "{path}");
        let offset = usize::try_from(archive.pickle_offset()).unwrap();
        assert!(bytes[offset..].starts_with(&archive.pickle), "{path}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn archives_survive(
        stem in "[a-zé_]{1,70}",
        pickle in prop::collection::vec(any::<u8>(), 0..200),
        storages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..20),
    ) {
        let storages = storages.into_iter().map(Into::into).collect();
        let archive = Archive { stem: stem.into(), pickle: pickle.into(), storages };
        let bytes = archive.to_bytes();
        prop_assert_eq!(&Archive::parse("f", &bytes).unwrap(), &archive);
        let first_storage = bytes.windows(6).position(|window| window == b"data/0");
        prop_assert_eq!(first_storage.is_some(), !archive.storages.is_empty());
    }

    #[test]
    fn archives_whose_storages_stay_in_the_file_survive(
        pickle in prop::collection::vec(any::<u8>(), 0..50),
        storages in prop::collection::vec((prop_oneof![0_usize..100, 65_530_usize..65_545], any::<u8>()), 0..5),
    ) {
        let storages: Vec<Vec<u8>> = storages.into_iter().map(|(length, byte)| vec![byte; length]).collect();
        let data = storages.iter().map(|storage| storage.as_slice().into()).collect();
        let bytes = Archive { stem: "a".into(), pickle: pickle.into(), storages: data }.to_bytes();
        let archive = Archive::read("f", &bytes.as_slice()).unwrap();
        for (data, storage) in archive.storages.iter().zip(&storages) {
            prop_assert_eq!(data.held().is_some(), storage.len() <= 1 << 16);
            prop_assert!(data.part(&bytes.as_slice(), 0..data.length()).unwrap() == *storage);
        }
        let pieces = archive.into_pieces();
        let parts: Vec<Vec<u8>> = pieces.iter().map(|piece| piece.part(&bytes.as_slice(), 0, u64::MAX).unwrap()).collect();
        prop_assert!(parts.concat() == bytes);
    }

    #[test]
    fn every_changed_byte_is_noticed(index in any::<prop::sample::Index>(), flip in 1_u8..) {
        let mut bytes = sample().to_bytes();
        let index = index.index(bytes.len());
        bytes[index] ^= flip;
        let result = Archive::parse("f", &bytes);
        prop_assert!(result.is_err(), "byte {index}");
    }
}

fn sample() -> Archive<'static> {
    Archive { stem: "a".into(), pickle: b"\x80\x02N."[..].into(), storages: vec![vec![1; 100].into(), vec![2; 7].into()] }
}

fn find(bytes: &[u8], needle: &[u8]) -> usize {
    bytes.windows(needle.len()).position(|window| window == needle).unwrap()
}

/// What torch.load reads without a word.
#[test]
fn what_must_fail_fails() {
    let sound = sample().to_bytes();
    let changed = |offset: usize, bytes: &[u8]| {
        let mut copy = sound.clone();
        copy[offset..offset + bytes.len()].copy_from_slice(bytes);
        code(&copy)
    };
    assert_eq!(code(&sound), "read");
    let (local, central) = (find(&sound, b"a/data/1") - 30, find(&sound, b"PK\x01\x02"));
    let end = sound.len();
    assert_eq!(changed(local + 38 + 30, b"1"), "torch-zip-alignment");
    assert_eq!(changed(local, b"XX"), "torch-zip-local-header");
    assert_eq!(changed(local + 6, b"\x09"), "torch-zip-flags");
    assert_eq!(changed(local + 8, b"\x08"), "torch-zip-compressed");
    assert_eq!(changed(local + 10, b"\x01"), "torch-zip-time");
    assert_eq!(changed(local + 18, b"\x07"), "torch-zip-size");
    assert_eq!(changed(local + 30, b"a/data/0"), "torch-zip-name");
    assert_eq!(changed(local + 28, b"\0"), "torch-zip-alignment");
    assert_eq!(changed(find(&sound, &[2; 7]), b"\x03"), "torch-zip-crc");
    assert_eq!(changed(find(&sound, &[2; 7]) + 7 + 4, b"\x03"), "torch-zip-descriptor");
    assert_eq!(changed(central, b"XX"), "torch-zip-directory");
    assert_eq!(changed(central + 10, b"\x08"), "torch-zip-compressed");
    assert_eq!(changed(central + 8, b"\x09"), "torch-zip-flags");
    assert_eq!(changed(central + 16, b"\xff\xff"), "torch-zip-descriptor");
    assert_eq!(changed(central + 20, b"\xff\xff"), "torch-zip-size");
    assert_eq!(changed(central + 42, b"\x01"), "torch-zip-gap");
    assert_eq!(changed(end - 22 + 8, b"\x01"), "torch-zip-end");
    assert_eq!(changed(end - 98 + 48, b"\x01"), "torch-zip-end");
    assert_eq!(code(&sound[..end - 1]), "torch-zip-truncated");
    assert_eq!(code(&sound[..end - 50]), "torch-zip-truncated");
    assert_eq!(code(&[]), "torch-zip-truncated");
    assert_eq!(code(&[&sound[..], b"more"].concat()), "torch-zip-trailing");
}

/// An archive with other entries, sound as a zip.
fn with_records(records: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut directory = Vec::new();
    for (name, data) in records {
        let offset = bytes.len() as u64;
        let entry = layout::Entry { name, crc: crc32fast::hash(data), bytes: data.len() as u64, offset };
        directory.extend(entry.central_header());
        bytes.extend([entry.local_header(), data.to_vec(), entry.descriptor()].concat());
    }
    let offset = bytes.len() as u64;
    let end = layout::end(records.len() as u64, directory.len() as u64, offset);
    [bytes, directory, end].concat()
}

#[test]
fn entries_must_be_those_of_torch() {
    let id = [b'1'; 40];
    let good: Vec<(&str, &[u8])> = vec![
        ("a/data.pkl", b"N."),
        ("a/.format_version", b"1"),
        ("a/.storage_alignment", b"64"),
        ("a/byteorder", b"little"),
        ("a/data/0", b"x"),
        ("a/version", b"3\n"),
        ("a/.data/serialization_id", &id),
    ];
    assert_eq!(code(&with_records(&good)), "read");
    let replaced = |index: usize, record: (&'static str, &'static [u8])| {
        let mut records = good.clone();
        records[index] = record;
        code(&with_records(&records))
    };
    assert_eq!(replaced(4, ("a/data.pkl", b"x")), "torch-zip-duplicate");
    assert_eq!(replaced(4, ("a/data/00", b"x")), "torch-zip-record");
    assert_eq!(replaced(4, ("b/data/0", b"x")), "torch-zip-record");
    assert_eq!(replaced(0, ("data.pkl", b"x")), "torch-zip-record");
    assert_eq!(replaced(0, ("../a/data.pkl", b"x")), "torch-zip-record");
    assert_eq!(replaced(1, ("a/.format_version", b"2")), "torch-zip-record");
    assert_eq!(replaced(3, ("a/byteorder", b"big")), "torch-zip-record");
    assert_eq!(replaced(6, ("a/.data/serialization_id", b"x")), "torch-zip-serialization-id");
    assert_eq!(code(&with_records(&good[..6])), "torch-zip-record");
    assert_eq!(code(&with_records(&[])), "torch-zip-record");
}

/// Headers beyond 4 GiB, as torch 2.15.0 wrote them for two storages of 2^31 + 8 bytes and one of 3, and for one of 2^32 + 64.
#[test]
fn wide_headers_are_those_of_torch() {
    let hexadecimal = |bytes: Vec<u8>| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let far = layout::Entry { name: "archive/data/2", crc: 0xff41_d912, bytes: 3, offset: 0x1_0000_03d8 };
    let header = hexadecimal(far.local_header());
    let expected =
        "504b0304000008080000000000000000000000000000000000000e003c00617263686976652f646174612f3201000800d80300000100000046422c00";
    assert_eq!(header.trim_end_matches("5a"), expected);
    assert_eq!(hexadecimal(far.descriptor()), "504b070812d941ff03000000000000000300000000000000");
    let expected = "504b0102000000000808000000000000\
         12d941ff03000000030000000e000c0000000000000000000000ffffffff617263686976652f646174612f3201000800d803000001000000";
    assert_eq!(hexadecimal(far.central_header()), expected);

    let long = layout::Entry { name: "archive/data/0", crc: 0x1dcd_f777, bytes: 0x1_0000_0040, offset: 0x296 };
    let header = hexadecimal(long.local_header());
    let expected = "504b0304000008080000000000000000000000000000000000000e003e00617263686976652f646174612f30\
         01001000400000000100000000000000000000004642260";
    assert!(header.starts_with(expected), "{header}");
    assert_eq!(long.local_header().len() + 0x296, 768);
    let expected = "504b010200000000080800000000000077f7cd1dffffffffffffffff0e0014000000000000000000000096020000\
         617263686976652f646174612f300100100040000000010000004000000001000000";
    assert_eq!(hexadecimal(long.central_header()), expected);
    let expected = "504b06062c000000000000001e032d00000000000000000008000000000000000800000000000000430200000000000000\
         05000001000000504b060700000000430700000100000001000000504b0506000000000800080043020000ffffffff0000";
    assert_eq!(hexadecimal(layout::end(8, 0x243, 0x1_0000_0500)), expected);
}

//! What the fuzz targets share: a limit on memory, directories out of one input, and whether a file survives.

use peak_alloc::PeakAlloc;
use rtrain::format::json::Json;
use rtrain::format::release::files::Holds;
use rtrain::format::rewriting::rewrite;
use rtrain::storage::MemoryDirectory;
use std::fmt::Debug;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Memory that may be taken whatever the input is.
const ALLOWANCE_BYTES: usize = 1 << 20;
/// Memory that may be taken for each byte of the input: a JSON or pickle value is that much larger than its shortest spelling.
const BYTES_PER_BYTE: usize = 1 << 10;

/// What stands before the name of a file in the input of a target that reads directories; a newline ends the name.
const FILE_MARK: &[u8] = b"\xff\xff==";

/// Runs a target, and panics where it took more memory than an input of that size may ask for.
pub fn bounded(input: &[u8], run: impl FnOnce()) {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    run();
    let taken = MEMORY.peak_usage().saturating_sub(before);
    let allowed = ALLOWANCE_BYTES + BYTES_PER_BYTE * input.len();
    assert!(taken <= allowed, "{taken} bytes of memory for an input of {} bytes", input.len());
}

/// The directory that an input describes: each file after a mark with its name.
pub fn directory(input: &[u8]) -> MemoryDirectory {
    let mut files = MemoryDirectory::default();
    let mut rest = input;
    while let Some(start) = find(rest, FILE_MARK) {
        rest = &rest[start + FILE_MARK.len()..];
        let part = &rest[..find(rest, FILE_MARK).unwrap_or(rest.len())];
        let (name, content) = part.split_at(find(part, b"\n").unwrap_or(part.len()));
        files.files.insert(String::from_utf8_lossy(name).into_owned(), content.get(1..).unwrap_or(&[]).to_vec());
    }
    files
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// Panics unless the values are equal; a NaN equals a NaN here.
pub fn assert_same<T: PartialEq + Debug>(left: &T, right: &T) {
    assert!(left == right || format!("{left:?}") == format!("{right:?}"), "{left:?}\n{right:?}");
}

/// Kinds of JSON that keep each of their keys and values, whatever they are.
const WHOLE: [Holds; 4] = [Holds::AdapterConfig, Holds::ShardIndex, Holds::TrainerState, Holds::Results];

/// A file that is read as this kind is written so that it reads the same.
pub fn assert_survives(holds: Holds, bytes: &[u8]) {
    let Ok(written) = rewrite(holds, "file", bytes) else { return };
    let again = rewrite(holds, "file", &written).expect("what was written is read");
    assert_eq!(again, written, "{holds:?}");
    if WHOLE.contains(&holds) {
        let json = |bytes: &[u8]| Json::parse("file", bytes).expect("it was read before").sorted();
        assert_same(&json(bytes), &json(&written));
    }
}

/// A safetensors file out of its header and its data: the header ends with the first two braces and the blanks after them.
pub fn with_header_length(bytes: &[u8]) -> Vec<u8> {
    let braces = find(bytes, b"}}").map_or(bytes.len(), |braces| braces + 2);
    let blanks = bytes[braces..].iter().take_while(|&&byte| byte == b' ').count();
    [&((braces + blanks) as u64).to_le_bytes(), bytes].concat()
}

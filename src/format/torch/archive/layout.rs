//! The headers of the container, as torch writes them.

use std::ops::Range;

/// Storages begin at multiples of this.
const ALIGNMENT: u64 = 64;
/// Sizes and offsets from here on stand in an extra field of 64 bits.
const WIDE: u64 = 0xffff_ffff;

pub(super) const LOCAL_BYTES: u64 = 30;
pub(super) const CENTRAL_BYTES: usize = 46;
pub(super) const END_BYTES: u64 = 98;
pub(super) const END_SIGNATURE: [u8; 4] = [b'P', b'K', 5, 6];
pub(super) const END_SIGNATURE_FROM_END: usize = 22;

/// A part of a header: its bytes, the code of the violation if they differ, and what it is.
pub(super) type Field = (Range<usize>, &'static str, &'static str);

pub(super) const LOCAL_FIELDS: [Field; 9] = [
    (0..4, "torch-zip-local-header", "signature of the local header"),
    (4..6, "torch-zip-local-header", "version in the local header"),
    (6..8, "torch-zip-flags", "flags in the local header"),
    (8..10, "torch-zip-compressed", "compression method in the local header"),
    (10..14, "torch-zip-time", "time in the local header"),
    (14..18, "torch-zip-local-header", "checksum in the local header, which torch leaves to the descriptor,"),
    (18..26, "torch-zip-size", "size in the local header, which torch leaves to the descriptor,"),
    (26..28, "torch-zip-name", "length of the name in the local header"),
    (28..30, "torch-zip-alignment", "length of the padding in the local header"),
];

pub(super) const CENTRAL_FIELDS: [Field; 12] = [
    (0..4, "torch-zip-directory", "signature of the entry of the directory"),
    (4..8, "torch-zip-directory", "version in the directory"),
    (8..10, "torch-zip-flags", "flags in the directory"),
    (10..12, "torch-zip-compressed", "compression method in the directory"),
    (12..16, "torch-zip-time", "time in the directory"),
    (16..20, "torch-zip-crc", "checksum in the directory"),
    (20..24, "torch-zip-size", "stored size in the directory"),
    (24..28, "torch-zip-size", "size in the directory"),
    (28..30, "torch-zip-name", "length of the name in the directory"),
    (30..32, "torch-zip-directory", "length of the extra field in the directory"),
    (32..42, "torch-zip-directory", "comment, disk or attributes in the directory"),
    (42..46, "torch-zip-gap", "offset in the directory"),
];

/// What the directory says of an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    /// Name with its folder.
    pub(super) name: &'a str,
    pub(super) crc: u32,
    pub(super) bytes: u64,
    /// Where the local header begins.
    pub(super) offset: u64,
}

impl Entry<'_> {
    fn is_long(&self) -> bool {
        self.bytes >= WIDE
    }

    fn is_far(&self) -> bool {
        self.offset >= WIDE
    }

    /// A name in UTF-8, and, where there are data, a descriptor after them.
    fn flags(&self) -> [u8; 2] {
        if self.bytes == 0 { [0, 8] } else { [8, 8] }
    }

    /// The header before the data, with the padding.
    pub(super) fn local_header(&self) -> Vec<u8> {
        let mut extra = Vec::new();
        if self.is_long() || self.is_far() {
            let mut wide = Vec::new();
            if self.is_long() {
                wide.extend(self.bytes.to_le_bytes());
                wide.extend([0; 8]);
            }
            if self.is_far() {
                wide.extend(self.offset.to_le_bytes());
            }
            extra = extra_field([1, 0], &wide);
        }
        let unpadded = [self.offset, LOCAL_BYTES, length(self.name.as_bytes()), length(&extra), 4];
        let unpadded = unpadded.into_iter().fold(0_u64, u64::saturating_add);
        let padding = unpadded.checked_next_multiple_of(ALIGNMENT).unwrap_or(unpadded).saturating_sub(unpadded);
        extra.extend(extra_field(*b"FB", &vec![b'Z'; usize::try_from(padding).unwrap_or(0)]));
        let mut header = vec![b'P', b'K', 3, 4, 0, 0];
        header.extend(self.flags());
        header.resize(26, 0);
        header.extend(short(length(self.name.as_bytes())));
        header.extend(short(length(&extra)));
        header.extend(self.name.as_bytes());
        header.extend(extra);
        header
    }

    /// The descriptor after the data.
    pub(super) fn descriptor(&self) -> Vec<u8> {
        if self.bytes == 0 {
            return Vec::new();
        }
        let mut descriptor = vec![b'P', b'K', 7, 8];
        descriptor.extend(self.crc.to_le_bytes());
        for _ in 0..2 {
            if self.is_long() || self.is_far() {
                descriptor.extend(self.bytes.to_le_bytes());
            } else {
                descriptor.extend(int(self.bytes));
            }
        }
        descriptor
    }

    /// The entry of the directory.
    pub(super) fn central_header(&self) -> Vec<u8> {
        let mut wide = Vec::new();
        if self.is_long() {
            wide.extend(self.bytes.to_le_bytes());
            wide.extend(self.bytes.to_le_bytes());
        }
        if self.is_far() {
            wide.extend(self.offset.to_le_bytes());
        }
        let extra = if wide.is_empty() { Vec::new() } else { extra_field([1, 0], &wide) };
        let mut header = vec![b'P', b'K', 1, 2, 0, 0, 0, 0];
        header.extend(self.flags());
        header.resize(16, 0);
        header.extend(self.crc.to_le_bytes());
        header.extend(int(self.bytes));
        header.extend(int(self.bytes));
        header.extend(short(length(self.name.as_bytes())));
        header.extend(short(length(&extra)));
        header.extend([0; 10]);
        header.extend(int(self.offset));
        header.extend(self.name.as_bytes());
        header.extend(extra);
        header
    }
}

/// Where the data of an entry begin whose header begins at `offset`.
pub(super) fn data_start(offset: u64, name: &str, bytes: usize) -> u64 {
    let entry = Entry { name, crc: 0, bytes: u64::try_from(bytes).unwrap_or(u64::MAX), offset };
    offset.saturating_add(length(&entry.local_header()))
}

/// The three records after the directory.
pub(super) fn end(entries: u64, directory_bytes: u64, directory_offset: u64) -> Vec<u8> {
    let mut end = vec![b'P', b'K', 6, 6, 44, 0, 0, 0, 0, 0, 0, 0, 0x1e, 3, 0x2d, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for number in [entries, entries, directory_bytes, directory_offset] {
        end.extend(number.to_le_bytes());
    }
    end.extend([b'P', b'K', 6, 7, 0, 0, 0, 0]);
    end.extend(directory_offset.saturating_add(directory_bytes).to_le_bytes());
    end.extend(1_u32.to_le_bytes());
    end.extend(END_SIGNATURE);
    end.extend([0; 4]);
    end.extend(short(entries));
    end.extend(short(entries));
    end.extend(int(directory_bytes));
    end.extend(int(directory_offset));
    end.extend([0; 2]);
    end
}

fn extra_field(tag: [u8; 2], data: &[u8]) -> Vec<u8> {
    [&tag, &short(length(data))[..], data].concat()
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

/// 16 bits, or their greatest value.
fn short(number: u64) -> [u8; 2] {
    u16::try_from(number).unwrap_or(u16::MAX).to_le_bytes()
}

/// 32 bits, or their greatest value.
fn int(number: u64) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes()
}

//! The zip container of torch.save, taken apart and put together with any fault. It shares no code with the reader that is tested.

/// An entry, and what its headers say of it.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// Name in the directory.
    pub name: String,
    /// Name in the header before the data.
    pub local_name: String,
    /// The bytes as they are stored.
    pub data: Vec<u8>,
    /// Length of the bytes when they are unpacked.
    pub length: u32,
    pub crc: u32,
    /// 0 for stored bytes, 8 for deflated ones.
    pub method: u16,
    pub time: u16,
    /// Bytes between this entry and the next.
    pub behind: Vec<u8>,
    /// Whether the data begin at a multiple of 64.
    pub is_aligned: bool,
}

impl Record {
    /// A record as torch writes it.
    pub fn new(name: &str, data: &[u8]) -> Self {
        let length = u32::try_from(data.len()).unwrap();
        let (name, local_name) = (name.to_owned(), name.to_owned());
        Record { name, local_name, data: data.to_vec(), length, crc: crc32fast::hash(data), is_aligned: true, ..Record::default() }
    }

    /// Packs the data by deflate, in blocks that are stored.
    pub fn deflate(&mut self) {
        let mut packed = Vec::new();
        for block in self.data.chunks(0xffff) {
            let length = u16::try_from(block.len()).unwrap();
            packed.extend([&[0][..], &length.to_le_bytes(), &(!length).to_le_bytes(), block].concat());
        }
        packed.extend([1, 0, 0, 0xff, 0xff]);
        (self.data, self.method) = (packed, 8);
    }

    /// Gives the record other data, and their checksum.
    pub fn set(&mut self, data: &[u8]) {
        *self = Record::new(&self.name, data);
    }

    fn flags(&self) -> u16 {
        if self.data.is_empty() { 0x800 } else { 0x808 }
    }
}

/// Takes a file of torch apart by the directory at its end.
pub fn read(bytes: &[u8]) -> Vec<Record> {
    let int = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
    let short = |at: usize| usize::from(u16::from_le_bytes(bytes[at..at + 2].try_into().unwrap()));
    let (mut records, mut at) = (Vec::new(), int(bytes.len() - 6));
    while bytes[at..].starts_with(b"PK\x01\x02") {
        let name = std::str::from_utf8(&bytes[at + 46..at + 46 + short(at + 28)]).unwrap();
        let local = int(at + 42);
        let start = local + 30 + short(local + 26) + short(local + 28);
        records.push(Record::new(name, &bytes[start..start + int(at + 20)]));
        at += 46 + short(at + 28) + short(at + 30) + short(at + 32);
    }
    records
}

/// Puts a file together.
pub fn write(records: &[Record]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for record in records {
        let offset = u32::try_from(bytes.len()).unwrap();
        let head = bytes.len() + 30 + record.local_name.len() + 4;
        let padding = if record.is_aligned { head.next_multiple_of(64) - head } else { 7 };
        bytes.extend(b"PK\x03\x04\0\0");
        bytes.extend([record.flags().to_le_bytes(), record.method.to_le_bytes(), record.time.to_le_bytes()].concat());
        bytes.extend([0; 14]);
        bytes.extend(short(record.local_name.len()));
        bytes.extend(short(padding + 4));
        bytes.extend(record.local_name.as_bytes());
        bytes.extend(b"FB");
        bytes.extend(short(padding));
        bytes.resize(bytes.len() + padding, b'Z');
        bytes.extend(&record.data);
        let sizes = [record.crc, int(record.data.len()), record.length].map(u32::to_le_bytes).concat();
        if !record.data.is_empty() {
            bytes.extend(b"PK\x07\x08");
            bytes.extend(&sizes);
        }
        bytes.extend(&record.behind);
        directory.extend(b"PK\x01\x02\0\0\0\0");
        directory.extend([record.flags().to_le_bytes(), record.method.to_le_bytes(), record.time.to_le_bytes(), [0; 2]].concat());
        directory.extend(sizes);
        directory.extend(short(record.name.len()));
        directory.extend([0; 12]);
        directory.extend(offset.to_le_bytes());
        directory.extend(record.name.as_bytes());
    }
    let (count, size, start) = (records.len(), directory.len(), bytes.len());
    bytes.extend(directory);
    bytes.extend(b"PK\x06\x06\x2c\0\0\0\0\0\0\0\x1e\x03\x2d\0\0\0\0\0\0\0\0\0");
    bytes.extend([count, count, size, start].map(|number| (number as u64).to_le_bytes()).concat());
    bytes.extend(b"PK\x06\x07\0\0\0\0");
    bytes.extend([&((start + size) as u64).to_le_bytes()[..], b"\x01\0\0\0PK\x05\x06\0\0\0\0"].concat());
    bytes.extend([&short(count)[..], &short(count), &int(size).to_le_bytes(), &int(start).to_le_bytes(), &[0; 2]].concat());
    bytes
}

fn short(number: usize) -> [u8; 2] {
    u16::try_from(number).unwrap().to_le_bytes()
}

fn int(number: usize) -> u32 {
    u32::try_from(number).unwrap()
}

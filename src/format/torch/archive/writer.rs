//! The container as bytes.

use std::borrow::Cow;

use crate::storage::Piece;

use super::layout::{Entry, end};
use super::serialization_id::serialization_id;
use super::{Archive, Data, HEAD, PICKLE, SERIALIZATION_ID, TAIL, storage_name};

impl Archive<'_> {
    /// The whole file, of an archive that is in memory.
    pub fn to_bytes(&self) -> Vec<u8> {
        let storages = self.storages.iter().map(Data::borrowed).collect();
        let archive = Archive { stem: (&*self.stem).into(), pickle: (&*self.pickle).into(), storages };
        archive.into_pieces().into_iter().filter_map(Piece::written).collect::<Vec<_>>().concat()
    }
}

impl<'a> Archive<'a> {
    /// The pieces of the file one after another: headers, and the storages' own bytes.
    pub fn into_pieces(self) -> Vec<Piece<'a>> {
        let stem = self.stem.clone();
        let records = self.into_records();
        let crcs: Vec<u32> = records.iter().map(|(_, data)| data.crc()).collect();
        let names: Vec<&str> = records.iter().map(|(name, _)| &**name).collect();
        let with_data: Vec<u32> = records.iter().zip(&crcs).filter(|((_, data), _)| data.length() > 0).map(|(_, &crc)| crc).collect();
        let id = serialization_id(&names, &with_data);
        let mut file = File { offset: 0, entries: 0, pieces: Vec::new(), directory: Vec::new() };
        for ((name, data), crc) in records.into_iter().zip(crcs) {
            file.record(&format!("{stem}/{name}"), crc, data);
        }
        file.record(&format!("{stem}/{SERIALIZATION_ID}"), crc32fast::hash(id.as_bytes()), id.into_bytes().into());
        let end = end(file.entries, length(&file.directory), file.offset);
        file.pieces.extend([Piece::Written(file.directory.into()), Piece::Written(end.into())]);
        file.pieces
    }

    /// The entries in their order, without their folder, but for the last, which is computed from them.
    fn into_records(self) -> Vec<(Cow<'static, str>, Data<'a>)> {
        let mut records = vec![(PICKLE.into(), Data::Held(self.pickle))];
        records.extend(HEAD.map(|(name, data)| (name.into(), data.into())));
        records.extend(self.storages.into_iter().enumerate().map(|(number, data)| (storage_name(number), data)));
        records.push((TAIL.0.into(), TAIL.1.into()));
        records
    }
}

struct File<'a> {
    offset: u64,
    entries: u64,
    pieces: Vec<Piece<'a>>,
    directory: Vec<u8>,
}

impl<'a> File<'a> {
    fn record(&mut self, name: &str, crc: u32, data: Data<'a>) {
        let entry = Entry { name, crc, bytes: data.length(), offset: self.offset };
        self.directory.extend(entry.central_header());
        self.entries = self.entries.saturating_add(1);
        for piece in [Piece::Written(entry.local_header().into()), data.into(), Piece::Written(entry.descriptor().into())] {
            self.offset = self.offset.saturating_add(piece.length());
            self.pieces.push(piece);
        }
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

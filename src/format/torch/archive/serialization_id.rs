//! The last entry: a number for the names of the entries, and one for their data.

use std::iter::successors;

/// The 40 digits that torch computes from the names of the entries before, and from the checksums of those that are not empty.
///
/// The names are hashed in the order in which libstdc++'s `unordered_set` walks over them, as in the builds of torch for Linux.
///
/// # Source
/// torch 2.15.0, `caffe2/serialize/inline_container.cc` (`writeSerializationId`); GCC 13, `hashtable.h`, `hash_bytes.cc`.
pub(super) fn serialization_id(names: &[&str], crcs: &[u32]) -> String {
    let mut set = HashTable::default();
    names.iter().for_each(|name| set.insert(hash_bytes(name.as_bytes())));
    let names = set.iterate().fold(0, combine);
    let data = crcs.iter().map(|&crc| u64::from(crc)).fold(0, combine);
    format!("{names:020}{data:020}")
}

fn combine(seed: u64, value: u64) -> u64 {
    seed ^ value.wrapping_add(0x9e37_79b9).wrapping_add(seed << 6).wrapping_add(seed >> 2)
}

/// MurmurHash 64A, as `std::hash<std::string>`.
fn hash_bytes(bytes: &[u8]) -> u64 {
    const MULTIPLIER: u64 = 0xc6a4_a793_5bd1_e995;
    let mix = |word: u64| word ^ (word >> 47);
    let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let (words, rest) = bytes.as_chunks::<8>();
    let mut hash = 0xc70f_6907 ^ length.wrapping_mul(MULTIPLIER);
    for word in words {
        let word = mix(u64::from_le_bytes(*word).wrapping_mul(MULTIPLIER)).wrapping_mul(MULTIPLIER);
        hash = (hash ^ word).wrapping_mul(MULTIPLIER);
    }
    if !rest.is_empty() {
        let word = rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
        hash = (hash ^ word).wrapping_mul(MULTIPLIER);
    }
    mix(mix(hash).wrapping_mul(MULTIPLIER))
}

/// Numbers of buckets that a growing table goes through.
const BUCKETS: [usize; 20] = [
    1, 13, 29, 59, 127, 257, 541, 1109, 2357, 5087, 10273, 20753, 42043, 85229, 172_933, 351_061, 712_697, 1_447_153, 2_938_679, 5_967_347,
];

/// Distinct hashes in one list with an index of buckets, as libstdc++ orders them: a bucket points at the node before its first.
#[derive(Default)]
struct HashTable {
    nodes: Vec<Node>,
    first: Option<usize>,
    buckets: Vec<Option<Before>>,
}

struct Node {
    hash: u64,
    next: Option<usize>,
}

/// The place before a node: the beginning of the list, or another node.
#[derive(Clone, Copy)]
enum Before {
    Beginning,
    Node(usize),
}

impl HashTable {
    fn insert(&mut self, hash: u64) {
        let index = self.nodes.len();
        if index >= self.buckets.len().max(1) || index == 0 {
            let wanted = self.buckets.len().max(1);
            let count = BUCKETS.into_iter().find(|&count| count > wanted).unwrap_or(wanted);
            self.rehash(count);
        }
        self.nodes.push(Node { hash, next: None });
        self.link(index);
    }

    fn rehash(&mut self, count: usize) {
        let order: Vec<usize> = self.walk().collect();
        (self.first, self.buckets) = (None, vec![None; count]);
        order.into_iter().for_each(|index| self.link(index));
    }

    /// Puts a node before the others of its bucket, or, if it is the first there, before all.
    fn link(&mut self, index: usize) {
        let Some(bucket) = self.bucket(index) else { return };
        let before = self.buckets.get(bucket).copied().flatten();
        let next = self.next_of(before.unwrap_or(Before::Beginning)).replace(index);
        *self.next_of(Before::Node(index)) = next;
        if before.is_none() {
            if let Some(slot) = self.buckets.get_mut(bucket) {
                *slot = Some(Before::Beginning);
            }
            let displaced = next.and_then(|next| self.bucket(next));
            if let Some(slot) = displaced.and_then(|bucket| self.buckets.get_mut(bucket)) {
                *slot = Some(Before::Node(index));
            }
        }
    }

    fn bucket(&self, index: usize) -> Option<usize> {
        let count = u64::try_from(self.buckets.len()).ok()?;
        usize::try_from(self.nodes.get(index)?.hash.checked_rem(count)?).ok()
    }

    fn next_of(&mut self, before: Before) -> &mut Option<usize> {
        match before {
            Before::Node(index) if index < self.nodes.len() => match self.nodes.get_mut(index) {
                Some(node) => &mut node.next,
                None => &mut self.first,
            },
            _ => &mut self.first,
        }
    }

    fn walk(&self) -> impl Iterator<Item = usize> {
        successors(self.first, |&index| self.nodes.get(index)?.next)
    }

    fn iterate(&self) -> impl Iterator<Item = u64> {
        self.walk().filter_map(|index| self.nodes.get(index)).map(|node| node.hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_walked_over_as_libstdcpp_does() {
        for (count, expected) in [
            (12, "11 8 9 6 10 7 5 4 3 1 2 0"),
            (13, "12 11 8 9 6 10 7 5 4 3 1 2 0"),
            (14, "0 2 1 4 5 7 10 6 13 3 9 8 11 12"),
            (40, "38 35 33 32 31 30 12 37 14 15 8 34 9 11 3 36 6 39 10 5"),
            (300, "299 298 296 295 294 292 287 286 285 283 280 279 278 275 274 273 269 267 266 263"),
        ] {
            let mut set = HashTable::default();
            (0..count).for_each(|number| set.insert(hash_bytes(format!("data/{number}").as_bytes())));
            let found: Vec<String> = set.walk().take(20).map(|number| number.to_string()).collect();
            assert_eq!(found.join(" "), expected, "{count} names");
            assert_eq!(set.walk().count(), count);
        }
        assert_eq!(hash_bytes(b"data.pkl"), 4_941_642_132_189_851_806);
        assert_eq!(hash_bytes(b".format_version"), 17_551_914_330_364_864_604);
    }
}

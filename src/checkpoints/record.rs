//! The record of a checkpoint: size and checksum of each of its files, and the progress of its run.

use super::RECORDS;
use crate::diagnostic::{Diagnostic, Error, Result, Site};
use crate::format::json::Json;
use crate::format::json::fields::Fields;
use crate::format::json::python::{Layout, dumps};
use crate::storage::commit::Files;
use crate::storage::{Content, FileSystem, Source, each_chunk, in_parallel};

const CODE: &str = "checkpoint-record";
const VERSION: u64 = 1;

/// What is known of a checkpoint besides its files.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The files, in the order in which they were written.
    pub files: Vec<RecordedFile>,
    /// What the run wants to get back when it goes on.
    pub progress: Json,
}

/// A file of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedFile {
    /// Its name in the directory.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// The CRC-32 of its content, as in zip archives.
    pub crc32: u32,
}

impl Record {
    /// The record of files that are to be written.
    pub fn new(files: &Files<'_>, progress: Json) -> Record {
        let recorded = |(name, pieces): &(String, Vec<std::borrow::Cow<'_, [u8]>>)| {
            let mut hasher = crc32fast::Hasher::new();
            pieces.iter().for_each(|piece| hasher.update(piece));
            let bytes = pieces.iter().map(|piece| u64::try_from(piece.len()).unwrap_or(u64::MAX)).fold(0, u64::saturating_add);
            RecordedFile { name: name.clone(), bytes, crc32: hasher.finalize() }
        };
        Record { files: files.iter().map(recorded).collect(), progress }
    }

    /// What differs in a directory from the record; files that it has besides do not count.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn differences(&self, source: &dyn Source) -> Result<Vec<Diagnostic>> {
        let opened = self.files.iter().map(|file| Ok((file, source.open(&file.name)?))).collect::<Result<Vec<_>>>()?;
        let differences = in_parallel(&opened, |(file, content), buffer| {
            let size = |bytes: u64| format!("{bytes} bytes");
            Ok(match content.as_deref() {
                None => Some((size(file.bytes), "no file".to_owned())),
                Some(content) if content.length() != file.bytes => Some((size(file.bytes), size(content.length()))),
                Some(content) => {
                    let crc32 = checksum(content, buffer)?;
                    let named = |crc32| format!("CRC-32 {}", shown(crc32));
                    (crc32 != file.crc32).then(|| (named(file.crc32), named(crc32)))
                }
            })
        })?;
        let diagnostic = |(file, difference): (&RecordedFile, Option<(String, String)>)| {
            let (expected, found) = difference?;
            let site = Site::file(source.path(&file.name));
            let diagnostic = Diagnostic::new("checkpoint-damaged", site, "this is not what was saved").expected(expected).found(found);
            Some(diagnostic.hint("restore the file; or if the change was meant, remove the checkpoint's file in the folder .rtrain"))
        };
        Ok(self.files.iter().zip(differences).filter_map(diagnostic).collect())
    }

    /// Whether a directory with these differences is the recorded checkpoint, damaged, rather than another one that was written over it: then
    /// the weights, the optimizer and the state would all differ, unless by chance.
    pub(super) fn is_of(&self, differences: &[Diagnostic], source: &dyn Source) -> bool {
        let same = |name: &str| !differences.iter().any(|difference| difference.site.file == source.path(name));
        let is_weights = |name: &str| name.ends_with(".safetensors") || (name.ends_with(".bin") && name != "training_args.bin");
        let names = || self.files.iter().map(|file| file.name.as_str());
        let one = |wanted: &str| names().find(|name| *name == wanted).map(same);
        let weights = names().any(is_weights).then(|| names().filter(|name| is_weights(name)).all(same));
        let kept: Vec<bool> = [weights, one("optimizer.pt"), one("trainer_state.json")].into_iter().flatten().collect();
        let same = kept.iter().filter(|same| **same).count();
        same.saturating_mul(2) >= kept.len().max(1)
    }

    fn to_json(&self) -> Json {
        let file = |file: &RecordedFile| {
            object([("name", file.name.as_str().into()), ("bytes", file.bytes.into()), ("crc32", shown(file.crc32).into())])
        };
        object([("files", Json::Array(self.files.iter().map(file).collect())), ("progress", self.progress.clone())])
    }

    fn from_json(path: &str, pointer: &str, json: Json) -> Result<Record> {
        let mut fields = Fields::new(CODE, path, pointer, json)?;
        let mut files = Vec::new();
        for (index, file) in fields.required::<Vec<Json>>("files")?.into_iter().enumerate() {
            let mut fields = Fields::new(CODE, path, &format!("{pointer}/files/{index}"), file)?;
            let name: String = fields.required("name")?;
            if name.is_empty() || name.contains(['/', '\\']) || files.iter().any(|file: &RecordedFile| file.name == name) {
                return Err(fields.error("name", "the name of another file in the directory", &format!("{name:?}")));
            }
            let bytes = fields.required("bytes")?;
            let crc32 = crc32(&mut fields)?;
            no_more(fields)?;
            files.push(RecordedFile { name, bytes, crc32 });
        }
        let progress = fields.required::<Any>("progress")?.0;
        no_more(fields)?;
        Ok(Record { files, progress })
    }
}

fn checksum(content: &dyn Content, buffer: &mut Vec<u8>) -> Result<u32> {
    let mut hasher = crc32fast::Hasher::new();
    each_chunk(content, 0..content.length(), buffer, |_, chunk| {
        hasher.update(chunk);
        Ok(())
    })?;
    Ok(hasher.finalize())
}

/// The file that holds the records of one step: of its checkpoint, and behind it of the one that it replaced, which stood there until the
/// new one took its place.
pub fn records_bytes(records: &[Record]) -> Vec<u8> {
    let records = Json::Array(records.iter().map(Record::to_json).collect());
    let crc32 = shown(checksum_of(&records));
    let mut text =
        dumps(&object([("version", VERSION.into()), ("checkpoints", records), ("crc32", crc32.into())]), Layout::Python { indent: 2 });
    text.push('\n');
    text.into_bytes()
}

/// Reads what [`records_bytes`] writes.
///
/// # Errors
/// Anything else, such as a file of another version, or one whose own checksum does not fit.
pub fn parse_records(path: &str, bytes: &[u8]) -> Result<Vec<Record>> {
    let mut fields = Fields::parse(CODE, path, bytes)?;
    let version: u64 = fields.required("version")?;
    if version != VERSION {
        return Err(fields.error("version", &VERSION.to_string(), &version.to_string()));
    }
    let checkpoints: Vec<Json> = fields.required("checkpoints")?;
    let read = |(index, json): (usize, &Json)| Record::from_json(path, &format!("/checkpoints/{index}"), json.clone());
    let records = checkpoints.iter().enumerate().map(read).collect::<Result<_>>()?;
    let (expected, found) = (checksum_of(&Json::Array(checkpoints)), crc32(&mut fields)?);
    if found != expected {
        return Err(fields.error("crc32", &shown(expected), &shown(found)));
    }
    no_more(fields)?;
    Ok(records)
}

fn checksum_of(records: &Json) -> u32 {
    crc32fast::hash(dumps(records, Layout::Compact).as_bytes())
}

fn shown(crc32: u32) -> String {
    format!("{crc32:08x}")
}

fn crc32(fields: &mut Fields) -> Result<u32> {
    let digits: String = fields.required("crc32")?;
    let number = u32::from_str_radix(&digits, 16).ok().filter(|number| shown(*number) == digits);
    number.ok_or_else(|| fields.error("crc32", "8 hexadecimal digits", &format!("{digits:?}")))
}

/// The records of the checkpoint in a directory, if there are any.
pub(super) fn read(system: &dyn FileSystem, directory: &str) -> Result<Option<Vec<Record>>> {
    let (parent, name) = directory.rsplit_once('/').unwrap_or((".", directory));
    let folder = format!("{parent}/{RECORDS}");
    if system.is_directory(&folder).map_err(|error| Error::io(folder.as_str(), "look at", &error))? != Some(true) {
        return Ok(None);
    }
    let (source, name) = (system.open_directory(&folder)?, format!("{name}.json"));
    source.read(&name)?.map(|bytes| parse_records(&source.path(&name), &bytes)).transpose()
}

/// Any JSON value.
struct Any(Json);

impl crate::format::json::fields::Field for Any {
    const EXPECTED: &'static str = "a value";
    fn from_json(json: &Json) -> Option<Self> {
        Some(Any(json.clone()))
    }
}

fn no_more(fields: Fields) -> Result<()> {
    match fields.clone().rest().first() {
        Some((name, value)) => Err(fields.error(name, "nothing", value.kind())),
        None => Ok(()),
    }
}

fn object<const N: usize>(entries: [(&str, Json); N]) -> Json {
    Json::Object(entries.map(|(name, value)| (name.to_owned(), value)).to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::Bool),
            any::<i128>().prop_map(Json::Integer),
            (prop::num::f64::ANY).prop_filter("NaN is not equal to itself", |number| !number.is_nan()).prop_map(Json::Float),
            any::<String>().prop_map(Json::String),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Json::Array),
                prop::collection::btree_map(any::<String>(), inner, 0..6).prop_map(|map| Json::Object(map.into_iter().collect())),
            ]
        })
    }

    fn record() -> impl Strategy<Value = Record> {
        let files = prop::collection::btree_map("[^/\\\\]{1,12}", any::<(u64, u32)>(), 0..6);
        (files, json()).prop_map(|(files, progress)| Record {
            files: files.into_iter().map(|(name, (bytes, crc32))| RecordedFile { name, bytes, crc32 }).collect(),
            progress,
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn what_is_written_is_read_back(records in prop::collection::vec(record(), 0..3)) {
            prop_assert_eq!(parse_records("f", &records_bytes(&records)).unwrap(), records);
        }

        #[test]
        fn a_damaged_file_is_an_error(record in record(), place in any::<prop::sample::Index>(), bit in 0_u8..8) {
            let mut bytes = records_bytes(std::slice::from_ref(&record));
            let place = place.index(bytes.len());
            bytes[place] ^= 1 << bit;
            // Unless nothing but blanks or the case of digits was changed.
            if let Ok(read) = parse_records("f", &bytes) {
                prop_assert_eq!(read, [record]);
            }
        }
    }

    #[test]
    fn anything_else_is_refused_with_its_place() {
        let file = |fields: &str| format!(r#"{{"version": 1, "checkpoints": [{{"files": [{{{fields}}}], "progress": 1}}]}}"#);
        let name = "/checkpoints/0/files/0/name: name does not fit (expected the name of another file in the directory, found \"../x\")";
        let digits = "/checkpoints/0/files/0/crc32: crc32 does not fit (expected 8 hexadecimal digits, found \"+0000000\")";
        let progress = "/checkpoints/0/progress: progress does not fit (expected a value, found nothing)";
        let cases = [
            (r#"{"version": 2, "checkpoints": []}"#, "/version: version does not fit (expected 1, found 2)"),
            (r#"{"version": 1, "checkpoints": []}"#, "/crc32: crc32 does not fit (expected a text, found nothing)"),
            (r#"{"version": 1, "checkpoints": [], "crc32": "00000001"}"#, "/crc32: crc32 does not fit (expected 0d4cbb29, found 00000001)"),
            (
                r#"{"version": 1, "checkpoints": [], "crc32": "0d4cbb29", "more": 1}"#,
                "/more: more does not fit (expected nothing, found an integer)",
            ),
            (r#"{"version": 1, "checkpoints": [{"files": []}]}"#, progress),
            (&file(r#""name": "../x", "bytes": 1, "crc32": "00000000""#), name),
            (&file(r#""name": "x", "bytes": 1, "crc32": "+0000000""#), digits),
        ];
        for (text, expected) in cases {
            assert_eq!(parse_records("f", text.as_bytes()).unwrap_err().to_string(), format!("f, at {expected}"));
        }
    }
}

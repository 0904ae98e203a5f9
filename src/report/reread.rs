//! Reading an earlier case: its report and its inventory, row by row, in bounded memory.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};
use sha2::{Digest, Sha256};

use super::digest::sha256_of;
use super::inventory::InventoryRow;
use super::rows::{StepRow, TimesRow};
use super::types::{REPORT_SCHEMA, Report};
use crate::model::{Digests, Disposition, GapReason, Kind, Locator, Meta, Name, Object, Time, Times, text};

/// Longest row that is read, in bytes.
const MAX_ROW: u64 = 16 << 20;
/// Largest report that is read, in bytes.
const MAX_REPORT: u64 = 4 << 30;

/// Why an earlier case can't be used. The sentence names the file and the way out.
#[derive(Debug, thiserror::Error)]
pub enum RereadError {
    #[error("{0} is no case folder: there is no {1} in it; give the folder that an earlier scan made")]
    NoCase(String, &'static str),
    #[error("{path} can't be read: {source}; check its permissions")]
    Unreadable { path: String, source: io::Error },
    #[error("{path} is not what wardround writes: {why}; give a case folder as a scan left it")]
    Malformed { path: String, why: String },
    #[error(
        "{path} is of the schema {schema}, and this version reads wardround/report/1: use the version that made it, or a later one"
    )]
    Schema { path: String, schema: String },
    #[error("{0} was changed after the scan: its SHA-256 is not the one in report.json; nothing in it can be relied on")]
    Changed(String),
}

/// An earlier case.
pub struct OldCase {
    root: PathBuf,
    /// As the scan wrote it.
    pub report: Report,
    /// SHA-256 of `report.json`, hexadecimal.
    pub report_sha256: String,
}

impl OldCase {
    /// Reads `report.json` and checks that the inventory beside it is the one that the report names.
    ///
    /// # Errors
    /// Where a file is missing, unreadable, changed, or no case of ours.
    pub fn open(root: &Path) -> Result<Self, RereadError> {
        let (report, report_sha256) = read_report(root)?;
        let case = Self { root: root.to_owned(), report, report_sha256 };
        let inventory = case.inventory_path();
        let digest = sha256_of(&mut open(root, "inventory.jsonl.zst")?)
            .map_err(|source| RereadError::Unreadable { path: shown(&inventory), source })?;
        if digest != case.report.integrity.inventory_sha256 {
            return Err(RereadError::Changed(shown(&inventory)));
        }
        Ok(case)
    }

    #[cfg(test)]
    pub(super) fn of(report: Report) -> Self {
        Self::at(Path::new(""), report)
    }

    #[cfg(test)]
    pub(super) fn at(root: &Path, report: Report) -> Self {
        Self { root: root.to_owned(), report, report_sha256: String::new() }
    }

    /// Where its inventory is, for messages.
    pub fn inventory_shown(&self) -> String {
        shown(&self.inventory_path())
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    fn inventory_path(&self) -> PathBuf {
        self.root.join("inventory.jsonl.zst")
    }

    /// Hands over every row, in the order of the inventory.
    ///
    /// # Errors
    /// Where the inventory can't be read to its end; the rows before that were handed over.
    pub fn rows(&self, each: &mut dyn FnMut(InventoryRow)) -> Result<(), RereadError> {
        self.inventory()?.try_for_each(|row| row.map(&mut *each))
    }

    /// Every row, in the order of the inventory, as it is asked for.
    ///
    /// # Errors
    /// Where the inventory can't be opened.
    pub fn inventory(&self) -> Result<Rows, RereadError> {
        let packed = BufReader::with_capacity(1 << 20, open(&self.root, "inventory.jsonl.zst")?);
        Ok(Rows { path: shown(&self.inventory_path()), at: At::Between(packed), line: Vec::new(), n: 0 })
    }
}

type Packed = BufReader<File>;

/// Where a reader of rows is.
enum At {
    Between(Packed),
    Frame(Box<BufReader<StreamingDecoder<Packed, FrameDecoder>>>),
    End,
}

/// The rows of an inventory, one after the other; after an error there are no more.
pub struct Rows {
    path: String,
    at: At,
    /// The row as far as it was read: it may span frames.
    line: Vec<u8>,
    n: u64,
}

impl Rows {
    /// Reads one row into `line`; `false` at the end of the inventory.
    fn fill(&mut self) -> Result<bool, String> {
        loop {
            match std::mem::replace(&mut self.at, At::End) {
                At::End => return Ok(false),
                At::Between(mut packed) => {
                    if packed.fill_buf().map_err(|e| e.to_string())?.is_empty() {
                        return if self.line.is_empty() { Ok(false) } else { Err("its last row is cut".into()) };
                    }
                    let frame = StreamingDecoder::new(packed).map_err(|e| text::escape(e.to_string().as_bytes()))?;
                    self.at = At::Frame(Box::new(BufReader::with_capacity(1 << 16, frame)));
                }
                At::Frame(mut plain) => {
                    let room = MAX_ROW.saturating_sub(self.line.len() as u64);
                    let read = plain.by_ref().take(room).read_until(b'\n', &mut self.line).map_err(|e| e.to_string())?;
                    if self.line.last() == Some(&b'\n') {
                        self.at = At::Frame(plain);
                        return Ok(true);
                    } else if self.line.len() as u64 >= MAX_ROW {
                        return Err(format!("row {} is longer than {} MiB", self.n.saturating_add(1), MAX_ROW >> 20));
                    }
                    self.at = if read == 0 { At::Between(plain.into_inner().into_inner()) } else { At::Frame(plain) };
                }
            }
        }
    }
}

impl Iterator for Rows {
    type Item = Result<InventoryRow, RereadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.fill().and_then(|more| {
            if !more {
                return Ok(None);
            }
            self.n = self.n.saturating_add(1);
            let row = serde_json::from_slice(&self.line)
                .map_err(|e| format!("row {}: {}", self.n, text::escape(e.to_string().as_bytes())))?;
            self.line.clear();
            Ok(Some(row))
        });
        row.map_err(|why| {
            self.at = At::End;
            RereadError::Malformed { path: self.path.clone(), why }
        })
        .transpose()
    }
}

/// `report.json` of a case folder, and its SHA-256 in hexadecimal.
///
/// # Errors
/// Where it is missing, unreadable, of a schema that this version doesn't know, or no report of ours.
pub fn read_report(root: &Path) -> Result<(Report, String), RereadError> {
    let path = root.join("report.json");
    let mut bytes = Vec::new();
    open(root, "report.json")?
        .take(MAX_REPORT)
        .read_to_end(&mut bytes)
        .map_err(|source| RereadError::Unreadable { path: shown(&path), source })?;
    let report = parse_report(&bytes, &path)?;
    Ok((report, text::hex(&Sha256::digest(&bytes))))
}

fn parse_report(bytes: &[u8], path: &Path) -> Result<Report, RereadError> {
    /// Read first, so that a report of another version is called that and not damaged.
    #[derive(serde::Deserialize)]
    struct Head {
        schema: String,
    }
    let path = || shown(path);
    match serde_json::from_slice::<Report>(bytes) {
        Ok(report) if report.schema == REPORT_SCHEMA => Ok(report),
        read => Err(match (serde_json::from_slice::<Head>(bytes), read) {
            (Ok(head), _) if head.schema != REPORT_SCHEMA => {
                RereadError::Schema { path: path(), schema: text::escape(text::shorten(&head.schema, 80).as_bytes()) }
            }
            (_, Err(e)) => RereadError::Malformed { path: path(), why: text::escape(e.to_string().as_bytes()) },
            (_, Ok(_)) => RereadError::Malformed { path: path(), why: "its schema is unclear".into() },
        }),
    }
}

fn open(root: &Path, name: &'static str) -> Result<File, RereadError> {
    let path = root.join(name);
    File::open(&path).map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => RereadError::NoCase(shown(root), name),
        _ => RereadError::Unreadable { path: shown(&path), source },
    })
}

fn shown(path: &Path) -> String {
    text::escape(path.as_os_str().as_encoded_bytes())
}

/// An object as its row tells it.
pub struct Remembered {
    pub object: Object,
    /// Parts of its path are shapes of what was there, so that names can't be compared.
    pub masked: bool,
}

impl Remembered {
    /// `None` where the row has no address.
    pub fn new(row: &InventoryRow) -> Option<Self> {
        let locator = locator(row)?;
        let kind = match row.kind.as_str() {
            "file" => Kind::File,
            "dir" => Kind::Dir,
            "symlink" => Kind::Symlink,
            "member" => Kind::Member,
            "stream" => Kind::Stream,
            "process" => Kind::Process,
            _ => Kind::Special,
        };
        let meta = Meta {
            size: row.size,
            times: times(&row.times),
            owner: row.owner.clone(),
            mode: row.mode.clone(),
            id: row.file_id.as_deref().and_then(file_id),
        };
        let mut object = Object::new(locator, kind, meta);
        object.origin = row.origin_path.as_deref().map(Name::from);
        object.hard_link_to = row.hard_link_to.as_deref().map(Locator::os);
        object.digests = Digests {
            sha256: row.sha256.as_deref().and_then(unhex),
            sha1: row.sha1.as_deref().and_then(unhex),
            md5: row.md5.as_deref().and_then(unhex),
            crc32: row.crc32.as_deref().and_then(unhex).map(u32::from_be_bytes),
        };
        object.file_type = row.file_type.clone();
        object.entropy_milli = row.entropy.map(|e| (e * 1000.0).round().clamp(0.0, 8000.0) as u32);
        object.read = if object.digests.sha256.is_some() { row.size } else { 0 };
        object.disposition = match row.disposition.as_str() {
            "examined" => Disposition::Examined,
            "partial" => Disposition::Partial,
            "skipped" => Disposition::Skipped,
            _ => Disposition::Failed,
        };
        object.inert = row.inert;
        object.proved_by = row.proved_by.as_deref().map(Into::into);
        object.reason = row.reason.as_deref().and_then(|id| GapReason::ALL.iter().copied().find(|r| r.id() == id));
        Some(Self { object, masked: row.path_masked })
    }
}

fn file_id(text: &str) -> Option<(u64, u64)> {
    let (device, inode) = text.split_once(':')?;
    Some((device.parse().ok()?, inode.parse().ok()?))
}

/// The exact bytes where the row has them, otherwise the names as shown.
fn locator(row: &InventoryRow) -> Option<Locator> {
    let shown: Vec<&str> = row
        .locator
        .iter()
        .map(|s| match s {
            StepRow::Os { os } => os.as_str(),
            StepRow::Member { member, .. } => member.as_str(),
        })
        .collect();
    let raw = row.path_raw.as_ref().and_then(|b| base64::engine::general_purpose::STANDARD.decode(b).ok());
    let names: Vec<Vec<u8>> = match raw.as_deref().and_then(|raw| cut(raw, &shown)) {
        Some(parts) => parts.into_iter().map(<[u8]>::to_vec).collect(),
        None => shown.iter().map(|s| s.as_bytes().to_vec()).collect(),
    };
    let mut names = names.into_iter();
    let mut locator = Locator::os(names.next()?);
    for (step, name) in row.locator.iter().skip(1).zip(names) {
        let index = match step {
            StepRow::Member { index, .. } => *index,
            StepRow::Os { .. } => return None,
        };
        locator = locator.member(name, index);
    }
    Some(locator)
}

/// Cuts joined bytes at those `!` that separate steps: where each part is shown as its step is.
fn cut<'r>(raw: &'r [u8], shown: &[&str]) -> Option<Vec<&'r [u8]>> {
    let (first, rest) = shown.split_first()?;
    if rest.is_empty() {
        return (text::escape(raw) == *first).then(|| vec![raw]);
    }
    // Escaping never shortens, so a part is no longer than it is shown.
    raw.iter().enumerate().take(first.len().saturating_add(1)).filter(|(_, b)| **b == b'!').find_map(|(at, _)| {
        let (part, behind) = raw.split_at_checked(at)?;
        if text::escape(part) != *first {
            return None;
        }
        let mut parts = vec![part];
        parts.extend(cut(behind.get(1..)?, rest)?);
        Some(parts)
    })
}

fn times(row: &TimesRow) -> Times {
    let parse =
        |t: &Option<String>| t.as_deref().and_then(|t| t.parse::<jiff::Timestamp>().ok()).map(|t| Time(t.as_nanosecond()));
    Times { mtime: parse(&row.mtime), atime: parse(&row.atime), ctime: parse(&row.ctime), btime: parse(&row.btime) }
}

fn unhex<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let nibble = |digit: u8| char::from(digit).to_digit(16).and_then(|n| u8::try_from(n).ok());
    let mut out = [0; N];
    if hex.len() != N.checked_mul(2)? {
        return None;
    }
    for (byte, pair) in out.iter_mut().zip(hex.as_bytes().as_chunks::<2>().0) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Masker, sample};

    #[test]
    fn a_row_gives_its_object_back() {
        let outer = Locator::os(&b"/srv/a\xff!b.zip"[..]);
        for locator in [Locator::os("/srv/x"), outer.clone(), outer.member("c!\n.txt", 3).member("d", 0)] {
            let mut object = sample::object("/srv/x");
            object.locator = locator.clone();
            let row = InventoryRow::from(&object);
            let back = Remembered::new(&row).unwrap();
            assert_eq!(back.object.locator, locator);
            assert_eq!(back.object.digests, object.digests);
            assert_eq!(back.object.meta.times, object.meta.times);
            assert_eq!(back.object.disposition, object.disposition);
            assert!(!back.masked);
        }
    }

    #[test]
    fn masked_rows_say_so() {
        let masker = Masker { mask_path: |_| "/masked".into(), ..Masker::OFF };
        let row = InventoryRow::new(&sample::object("/srv/Roe_Jane.pdf"), &masker);
        assert!(Remembered::new(&row).unwrap().masked);
    }

    #[test]
    fn hex_is_exact() {
        assert_eq!(unhex::<2>("0aff"), Some([10, 255]));
        assert_eq!(unhex::<2>("0af"), None);
        assert_eq!(unhex::<1>("zz"), None);
        assert_eq!(unhex::<1>("+1"), None);
    }
}

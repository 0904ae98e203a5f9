//! `inventory.jsonl.zst`: one row for every object, examined or not. It is the memory of a case: resume,
//! later indicators, comparison and timelines read it.

use std::io::{self, Write};

use ruzstd::encoding::{CompressionLevel, FrameCompressor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::mask::Masker;
use super::matcher::RowMatcher;
use super::rows::{Shown, StepRow, TimesRow, inert, reason_schema, word};
use crate::model::{ContainerFacts, Disposition, Encrypted, Kind, Locator, Object, text};

/// What a container is, as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContainerRow {
    /// The registered format, as `zip`.
    pub format: String,
    /// Members that were listed.
    pub members: u64,
    #[schemars(with = "Encrypted")]
    pub encrypted: String,
    /// System and version of the program that made it, and whose habit that is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub made_by: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub missing_volumes: Vec<String>,
    /// Gap reasons of limits that were hit.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub limits: Vec<String>,
    /// Disagreements and oddities.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub notes: Vec<String>,
    /// How many passwords the examiner gave, where one of them opened it.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub passwords: u64,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

impl ContainerRow {
    fn new(facts: &ContainerFacts, of: &Locator, masker: &Masker) -> Self {
        Self {
            format: facts.format.clone(),
            members: facts.members,
            encrypted: word(&facts.encrypted),
            made_by: facts.made_by.as_deref().map(inert),
            missing_volumes: facts.missing_volumes.iter().map(|v| masker.repeated(of, &inert(v))).collect(),
            limits: facts.limits.clone(),
            notes: facts.notes.iter().map(|n| inert(n)).collect(),
            passwords: facts.passwords,
        }
    }
}

impl From<&ContainerRow> for ContainerFacts {
    fn from(row: &ContainerRow) -> Self {
        Self {
            format: row.format.clone(),
            members: row.members,
            encrypted: match row.encrypted.as_str() {
                "no" => Encrypted::No,
                "some" => Encrypted::Some,
                "headers" => Encrypted::Headers,
                _ => Encrypted::All,
            },
            made_by: row.made_by.clone(),
            missing_volumes: row.missing_volumes.clone(),
            limits: row.limits.clone(),
            notes: row.notes.clone(),
            passwords: row.passwords,
        }
    }
}

/// One object, examined or not. Absent values are omitted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InventoryRow {
    /// Steps joined by `!`; control and bidi characters escaped, names of people masked.
    pub path: String,
    /// The exact bytes in base64, where `path` doesn't carry them and nothing in it is masked.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub path_raw: Option<String>,
    /// Parts of the path that may name a person are shown as shapes.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub path_masked: bool,
    pub locator: Vec<StepRow>,
    #[schemars(with = "Kind")]
    pub kind: String,
    /// Bytes.
    pub size: u64,
    /// From the bytes, never from the name.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none", default)]
    pub file_type: Option<String>,
    pub times: TimesRow,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha1: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub md5: Option<String>,
    /// Of the plain bytes (ISO 3309), eight hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub crc32: Option<String>,
    /// Shannon entropy, 0 to 8 bits a byte, to three decimals.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub entropy: Option<f64>,
    /// Path on the system the evidence came from.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub origin_path: Option<String>,
    /// The name under which this hard-linked file was examined.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub hard_link_to: Option<String>,
    #[schemars(with = "Disposition")]
    pub disposition: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schemars(schema_with = "reason_schema")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub container: Option<ContainerRow>,
    /// `good`: on a list of known-good files, so that rules passed over it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub known: Option<String>,
    /// Device and inode, as `2049:131`: what a file stays while its name and content change.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub file_id: Option<String>,
    /// Nothing was found in it, and nothing of it speaks of others: a scan with `--baseline` may pass over it while
    /// it is unchanged.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub inert: bool,
    /// The run that read it; this one did not, since nothing about it had changed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub proved_by: Option<String>,
    /// Nothing about it had changed since an earlier scan, and it was drawn to be read again all the same.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub reread: bool,
}

impl InventoryRow {
    pub fn new(o: &Object, masker: &Masker) -> Self {
        let shown = Shown::new(&o.locator, masker);
        Self {
            path: shown.path,
            path_raw: shown.path_raw,
            path_masked: shown.masked,
            locator: shown.locator,
            kind: word(&o.kind),
            size: o.meta.size,
            file_type: o.file_type.clone(),
            times: TimesRow::from(&o.meta.times),
            owner: o.meta.owner.as_deref().map(inert),
            mode: o.meta.mode.clone(),
            sha256: o.digests.sha256.map(|d| text::hex(&d)),
            sha1: o.digests.sha1.map(|d| text::hex(&d)),
            md5: o.digests.md5.map(|d| text::hex(&d)),
            crc32: o.digests.crc32.map(|c| format!("{c:08x}")),
            entropy: o.entropy_milli.map(|e| f64::from(e) / 1000.0),
            origin_path: o.origin.as_ref().map(|n| masker.repeated(&o.locator.outer(), &n.shown())),
            hard_link_to: o.hard_link_to.as_ref().map(|l| Shown::new(l, masker).path),
            disposition: word(&o.disposition),
            reason: o.reason.map(|r| r.id().to_owned()),
            container: o.container.as_ref().map(|c| ContainerRow::new(c, &o.locator, masker)),
            known: o.known_good.then(|| "good".to_owned()),
            file_id: o.meta.id.filter(|_| o.kind == Kind::File).map(|(device, inode)| format!("{device}:{inode}")),
            inert: o.inert,
            proved_by: o.proved_by.as_deref().map(str::to_owned),
            reread: o.reread,
        }
    }
}

impl From<&Object> for InventoryRow {
    /// Without masking.
    fn from(o: &Object) -> Self {
        Self::new(o, &Masker::OFF)
    }
}

/// Plain bytes compressed as one frame. The compressor holds one frame and its result in memory.
const FRAME: usize = 4 << 20;

/// Writes rows as JSON lines in concatenated Zstandard frames (RFC 8878 section 3), so that memory is bounded
/// however many objects there are; `zstd -dc` reads the result.
pub struct InventoryWriter<W: Write> {
    out: W,
    plain: Vec<u8>,
    /// Rows in `plain`.
    waiting: u64,
    /// Rows in frames that were written.
    written: u64,
    frames: u64,
}

impl<W: Write> InventoryWriter<W> {
    pub fn new(out: W) -> Self {
        Self { out, plain: Vec::new(), waiting: 0, written: 0, frames: 0 }
    }

    /// Adds one row. Each frame reaches the underlying writer in one call of `write_all`.
    ///
    /// # Errors
    /// As the underlying writer; the rows of the frame that failed are lost and no longer counted.
    pub fn push(&mut self, row: &InventoryRow) -> io::Result<()> {
        serde_json::to_writer(&mut self.plain, row)?;
        self.plain.push(b'\n');
        self.waiting = self.waiting.saturating_add(1);
        if self.plain.len() >= FRAME { self.frame() } else { Ok(()) }
    }

    /// Adds one row that is JSON already.
    ///
    /// # Errors
    /// As [`InventoryWriter::push`].
    pub fn push_json(&mut self, row: &[u8]) -> io::Result<()> {
        self.plain.extend_from_slice(row);
        self.plain.push(b'\n');
        self.waiting = self.waiting.saturating_add(1);
        if self.plain.len() >= FRAME { self.frame() } else { Ok(()) }
    }

    /// Rows that were written or wait to be.
    pub fn rows(&self) -> u64 {
        self.written.saturating_add(self.waiting)
    }

    /// Writes what waits. An inventory without rows becomes one empty frame.
    pub fn flush(&mut self) -> io::Result<()> {
        if !self.plain.is_empty() || self.frames == 0 {
            self.frame()?;
        }
        self.out.flush()
    }

    /// The underlying writer; rows that wait are dropped.
    pub fn into_inner(self) -> W {
        self.out
    }

    fn frame(&mut self) -> io::Result<()> {
        // A fresh compressor for every frame: entropy tables must not reach from one frame into the next.
        let mut packed = Vec::new();
        let mut compressor = FrameCompressor::new_with_matcher(RowMatcher::new(), CompressionLevel::Fastest);
        compressor.set_source(self.plain.as_slice());
        compressor.set_drain(&mut packed);
        compressor.compress();
        drop(compressor);
        let rows = std::mem::take(&mut self.waiting);
        self.plain.clear();
        self.out.write_all(&packed)?;
        self.frames = self.frames.saturating_add(1);
        self.written = self.written.saturating_add(rows);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::report::sample;

    fn unpack(mut packed: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        while !packed.is_empty() {
            let mut frame = ruzstd::decoding::StreamingDecoder::new(&mut packed).unwrap();
            frame.read_to_end(&mut plain).unwrap();
        }
        plain
    }

    #[test]
    fn many_frames_decode_to_the_same_rows() {
        let object = sample::object("/srv/data/x.zip");
        let mut writer = InventoryWriter::new(Vec::new());
        let mut expected = Vec::new();
        for n in 0..20_000u64 {
            let mut row = InventoryRow::from(&object);
            row.size = n;
            serde_json::to_writer(&mut expected, &row).unwrap();
            expected.push(b'\n');
            writer.push(&row).unwrap();
        }
        assert!(expected.len() > FRAME, "the test must span frames");
        assert!(writer.frames > 0);
        writer.flush().unwrap();
        assert_eq!(writer.rows(), 20_000);
        let packed = writer.into_inner();
        assert!(packed.len() < expected.len() / 4);
        assert!(unpack(&packed) == expected);
    }

    #[test]
    fn nothing_is_still_a_frame() {
        let mut writer = InventoryWriter::new(Vec::new());
        writer.flush().unwrap();
        let packed = writer.into_inner();
        assert!(!packed.is_empty());
        assert!(unpack(&packed).is_empty());
    }

    #[test]
    fn a_row_keeps_what_the_object_says() {
        let object = sample::object("/srv/a\u{202e}b");
        let row = InventoryRow::from(&object);
        assert_eq!(row.path, "/srv/a\\u{202e}b");
        assert!(row.path_raw.is_some());
        assert_eq!(row.crc32.as_deref(), Some("0000beef"));
        assert_eq!(row.entropy, Some(7.998));
        let json = serde_json::to_string(&row).unwrap();
        assert_eq!(serde_json::from_str::<InventoryRow>(&json).unwrap(), row);
        assert!(!json.contains("null"));
    }

    #[test]
    fn a_masked_path_gives_no_raw_bytes() {
        let masker = Masker { mask_path: |_| "/masked".into(), ..Masker::OFF };
        let row = InventoryRow::new(&sample::object("/srv/\u{202e}Roe_Jane.pdf"), &masker);
        assert_eq!(row.path, "/masked");
        assert_eq!(row.path_raw, None);
    }
}

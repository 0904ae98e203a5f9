//! What the headers of an executable say, in one shape for the three formats.

use std::panic::{AssertUnwindSafe, catch_unwind};

use md5::{Digest, Md5};
use serde::Serialize;
use sha2::Sha256;

use crate::model::{Histogram, text};

use super::elf::{self, ElfFacts};
use super::go::Go;
use super::macho::{self, MachoFacts};
use super::pe::{self, Pe};
use super::rust::Rust;

/// Sections beyond this many are counted, not listed.
pub(super) const MAX_SECTIONS: usize = 96;
/// Characters kept of a name or version string.
const MAX_TEXT: usize = 128;
/// Passes over an object's bytes for the entropy of its sections; in sound files they don't overlap.
const MAX_PASSES: u64 = 8;
/// Names kept of one list.
const MAX_LISTED: usize = 4096;

/// The three families of executables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Pe,
    Elf,
    Macho,
}

impl Format {
    /// From the first bytes alone. PE is told from other DOS programs by its `PE\0\0` signature, where the
    /// bytes reach that far.
    pub fn sniff(head: &[u8]) -> Option<Format> {
        match head {
            [0x7f, b'E', b'L', b'F', ..] => Some(Format::Elf),
            [0xfe, 0xed, 0xfa, 0xce | 0xcf, ..] | [0xce | 0xcf, 0xfa, 0xed, 0xfe, ..] => Some(Format::Macho),
            // Java class files share the fat magic; their next word is a version of 45 or more, a fat
            // header's is the number of architectures.
            [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, n, ..] if (1..40).contains(n) => Some(Format::Macho),
            [b'M', b'Z', ..] => pe::has_signature(head).then_some(Format::Pe),
            _ => None,
        }
    }

    /// For people.
    pub fn words(self) -> &'static str {
        match self {
            Format::Pe => "Windows program",
            Format::Elf => "Linux or Unix program",
            Format::Macho => "macOS program",
        }
    }
}

/// One section (PE, ELF) or section of a segment (Mach-O).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    pub name: String,
    /// Where it starts in the file; in a universal Mach-O, in the file too.
    pub offset: u64,
    /// Bytes in the file.
    pub size: u64,
    /// Shannon entropy of those bytes, 0 to 8 bits a byte, in thousandths.
    pub entropy_milli: u32,
    pub executable: bool,
}

impl Section {
    /// Its bytes, where `body` is the object that the facts come from.
    pub fn bytes<'a>(&self, body: &'a [u8]) -> &'a [u8] {
        let start = usize::try_from(self.offset).unwrap_or(usize::MAX).min(body.len());
        let end = usize::try_from(self.offset.saturating_add(self.size)).unwrap_or(usize::MAX).min(body.len());
        body.get(start..end).unwrap_or_default()
    }

    /// MD5 of its bytes, hexadecimal. Computed when asked for: few files are worth a second and third digest.
    pub fn md5(&self, body: &[u8]) -> String {
        text::hex(&Md5::digest(self.bytes(body)))
    }

    /// SHA-256 of its bytes, hexadecimal.
    pub fn sha256(&self, body: &[u8]) -> String {
        text::hex(&Sha256::digest(self.bytes(body)))
    }
}

/// Bytes behind the last part that the headers account for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Overlay {
    pub offset: u64,
    pub size: u64,
}

/// From `VS_VERSIONINFO`; escaped and shortened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Version {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original_filename: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub internal_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legal_copyright: Option<String>,
    /// Free text, as is the next: for matching, not for a report.
    #[serde(skip)]
    pub legal_trademarks: Option<String>,
    #[serde(skip)]
    pub comments: Option<String>,
}

/// Names that the object holds, escaped, in its order. They are there to be matched; a report gets their number.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// How many there are; more than `names` holds where those were cut.
    pub total: u64,
    #[serde(skip)]
    pub names: Vec<String>,
}

impl Listed {
    pub(super) fn full(&self) -> bool {
        self.names.len() >= MAX_LISTED
    }

    pub(super) fn push(&mut self, name: String) {
        self.total = self.total.saturating_add(1);
        if !self.full() {
            self.names.push(name);
        }
    }
}

impl Extend<String> for Listed {
    fn extend<T: IntoIterator<Item = String>>(&mut self, names: T) {
        names.into_iter().for_each(|n| self.push(n));
    }
}

/// What the headers say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Facts {
    pub format: Format,
    /// Processor, in the format's own word where it is known, else `0x…`.
    pub machine: String,
    /// `executable`, `library`, `object`, `core`, `driver`, `universal`, …
    pub kind: String,
    /// The linker's time stamp (PE), seconds since 1970; a claim, often a reproducible build's hash.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<u32>,
    pub sections: Vec<Section>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlay: Option<Overlay>,
    /// A signature is attached; it isn't verified. `None` where the format has none (ELF).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<Version>,
    /// MD5 of the import table, as `pe.imphash()` of YARA gives it; `None` without imports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub imphash: Option<String>,
    /// No symbol table (ELF, Mach-O).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stripped: Option<bool>,
    /// No interpreter and no dynamic section (ELF).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statically_linked: Option<bool>,
    /// Marks of the UPX packer.
    pub upx: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pe: Option<Pe>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub elf: Option<ElfFacts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub macho: Option<MachoFacts>,
    /// Built by Go's linker.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub go: Option<Go>,
    /// Built by the Rust compiler.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rust: Option<Rust>,
    /// Oddities (`sections_malformed`, `imports_cut`, …).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Facts {
    pub(super) fn new(format: Format) -> Self {
        Self {
            format,
            machine: String::new(),
            kind: String::new(),
            timestamp: None,
            sections: Vec::new(),
            overlay: None,
            signed: None,
            version: None,
            imphash: None,
            stripped: None,
            statically_linked: None,
            upx: false,
            pe: None,
            elf: None,
            macho: None,
            go: None,
            rust: None,
            notes: Vec::new(),
        }
    }

    pub(super) fn note(&mut self, note: &str) {
        if !self.notes.iter().any(|n| n == note) {
            self.notes.push(note.to_owned());
        }
    }

    /// Packed or encrypted code: UPX marks, or an executable section of at least 4 KiB whose entropy no
    /// compiler reaches.
    pub fn packed(&self) -> bool {
        self.upx || self.sections.iter().any(|s| s.executable && s.size >= 4096 && s.entropy_milli >= 7_200)
    }
}

/// The outcome for one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inspected {
    /// Not an executable.
    Other,
    Facts(Box<Facts>),
    /// The first bytes are an executable's, the headers don't hold; an oddity, not a gap.
    Malformed(Format),
    /// The parser panicked: the object was not examined.
    Panicked(Format),
}

/// Reads the headers of an executable. Never panics; what a parser's panic would have been is
/// [`Inspected::Panicked`].
pub fn inspect(bytes: &[u8]) -> Inspected {
    let Some(format) = Format::sniff(bytes) else { return Inspected::Other };
    let parsed = catch_unwind(AssertUnwindSafe(|| match format {
        Format::Pe => pe::parse(bytes),
        Format::Elf => elf::parse(bytes),
        Format::Macho => macho::parse(bytes),
    }));
    match parsed {
        Ok(Some(facts)) => Inspected::Facts(Box::new(facts)),
        Ok(None) => Inspected::Malformed(format),
        Err(_) => Inspected::Panicked(format),
    }
}

/// A string of the object, safe to show and bounded.
pub(super) fn shown(s: &str) -> String {
    shown_up_to(s, MAX_TEXT)
}

/// The same with another bound, in characters before escaping.
pub(super) fn shown_up_to(s: &str, max: usize) -> String {
    let cut: String = s.trim_matches(['\0', ' ']).chars().take(max).collect();
    text::escape(cut.as_bytes())
}

/// Adds a section whose bytes lie at `offset..offset+size` of `bytes`; what lies outside is cut off.
pub(super) fn push_section(facts: &mut Facts, bytes: &[u8], name: String, offset: u64, size: u64, executable: bool) {
    if facts.sections.len() >= MAX_SECTIONS {
        facts.note("sections_not_listed");
        return;
    }
    let mut section = Section { name, offset, size, entropy_milli: 0, executable };
    let body = section.bytes(bytes);
    if (body.len() as u64) < size {
        facts.note("section_beyond_end");
    }
    section.size = body.len() as u64;
    // Sections of a hostile file may all cover the whole of it.
    let measured: u64 = facts.sections.iter().map(|s| s.size).sum();
    if measured.saturating_add(section.size) <= (bytes.len() as u64).saturating_mul(MAX_PASSES) {
        section.entropy_milli = Histogram::of(body).entropy_milli();
    } else {
        facts.note("sections_overlap");
    }
    facts.sections.push(section);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn formats_by_magic() {
        assert_eq!(Format::sniff(b"\x7fELF\x02\x01"), Some(Format::Elf));
        assert_eq!(Format::sniff(b"\xca\xfe\xba\xbe\x00\x00\x00\x02"), Some(Format::Macho));
        // A Java class file of version 52.
        assert_eq!(Format::sniff(b"\xca\xfe\xba\xbe\x00\x00\x00\x34"), None);
        assert_eq!(Format::sniff(b"MZ, said the letter"), None);
        assert_eq!(inspect(b""), Inspected::Other);
        assert_eq!(inspect(b"\x7fELF"), Inspected::Malformed(Format::Elf));
    }

    proptest! {
        #[test]
        fn any_bytes_behind_a_magic(magic in 0usize..4, body in proptest::collection::vec(any::<u8>(), 0..2048)) {
            let mut bytes: Vec<u8> = match magic {
                0 => b"\x7fELF".to_vec(),
                1 => b"\xcf\xfa\xed\xfe".to_vec(),
                2 => b"\xca\xfe\xba\xbe\x00\x00\x00\x02".to_vec(),
                _ => {
                    let mut pe = vec![0u8; 64];
                    pe[..2].copy_from_slice(b"MZ");
                    pe[0x3c] = 64;
                    pe.extend_from_slice(b"PE\0\0");
                    pe
                }
            };
            bytes.extend(body);
            prop_assert!(!matches!(inspect(&bytes), Inspected::Panicked(_)));
        }
    }
}

//! What an indicator can ask of an object.

use super::super::address::Address;
use super::super::hash::HashValue;
use super::text::Text;

/// One comparison.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    Hash(HashValue),
    /// MD5 of a PE's import table, as `pe.imphash()` of YARA gives it.
    Imphash([u8; 16]),
    /// A TLSH, and the largest distance that still counts.
    Tlsh {
        digest: String,
        distance: u32,
    },
    /// On the normalised virtual path.
    Path {
        part: Part,
        test: Text,
    },
    /// Occurs in the content.
    Mention(Address),
    /// In a registry hive or an export of one.
    Registry(Registry),
    /// Answered on demand.
    Ask(Question),
}

/// Which part of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The last name, with its extension.
    Name,
    /// What is before the last name, without the separator at its end.
    Folder,
    /// All of it. An absolute path is also found behind the place where a volume or folder is mounted.
    Full,
    /// What follows the last dot of the name.
    Extension,
}

/// One registry key with, where they are asked for, one value below it: they hold together for the same value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Registry {
    /// On the full key path, `HKEY_LOCAL_MACHINE\…`; abbreviated roots are spelled out.
    pub key: Option<Text>,
    pub value_name: Option<Text>,
    pub data: Option<Text>,
}

/// A question about a fact that isn't indexed.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    pub field: Field,
    pub test: Test,
}

/// Facts of an object. Where an object can have several values (names of sections, exports, …), one that fits
/// is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    /// Bytes.
    Size,
    /// Seconds since 1970, with fraction.
    Created,
    Modified,
    Accessed,
    /// Of the metadata (`ctime` on Unix).
    Changed,
    /// Name or id of the owner.
    Owner,
    /// Media type, where the content's type has one (`application/zip`).
    MediaType,
    /// Shannon entropy of the content, 0 to 8 bits a byte.
    Entropy,
    /// A text that occurs in the content in ASCII or UTF-16; small contents only.
    ContentText,
    /// PE: the linker's time stamp, seconds since 1970.
    PeTimestamp,
    PeSectionName,
    PeExportName,
    /// The DLL name in the export directory.
    PeExportDll,
    PeImportDll,
    PeImportName,
    PeResourceName,
    PeSubsystem,
    /// PE: `1` where the file is a DLL, else `0`.
    PeIsDll,
    PeEntryPoint,
    OriginalFilename,
    InternalName,
    ProductName,
    CompanyName,
    FileDescription,
    FileVersion,
    LegalCopyright,
    /// A signature is attached: `1` or `0`.
    Signed,
    /// The attached signature's digest is that of the file: `1` or `0`. The chain of trust isn't checked.
    SignatureDigestOk,
    SignerSubject,
    SignerIssuer,
    /// Hexadecimal, without separators, lower case.
    SignerSerial,
    SignerThumbprint,
    PdbPath,
}

/// How a fact is compared.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// There is a value at all.
    Exists,
    Text(Text),
    Number(Cmp, f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cmp {
    Eq,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Cmp {
    pub fn holds(self, a: f64, b: f64) -> bool {
        match self {
            Cmp::Eq => a == b,
            Cmp::Lt => a < b,
            Cmp::Le => a <= b,
            Cmp::Gt => a > b,
            Cmp::Ge => a >= b,
        }
    }
}

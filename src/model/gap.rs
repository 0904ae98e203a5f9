//! The coverage ledger's vocabulary: what was not fully examined, where in the work, and why.

use borsh::{BorshDeserialize, BorshSerialize};
use serde::Serialize;

use super::Locator;

/// What became of an object. Every discovered object has exactly one.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, schemars::JsonSchema, BorshSerialize, BorshDeserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Disposition {
    Examined,
    Partial,
    Skipped,
    Failed,
}

/// The step of the work at which something was left out.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, schemars::JsonSchema, BorshSerialize, BorshDeserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    Walk,
    Open,
    Read,
    Container,
    Yara,
    Binary,
    Registry,
    Phi,
    Run,
}

macro_rules! reasons {
    ($($name:ident, $text:literal, $blocking:literal, $words:literal;)*) => {
        /// Why an object, or a part of it, was not examined.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
        pub enum GapReason { $(#[doc = $words] $name,)* }

        impl GapReason {
            /// Every reason, in the order of the documentation.
            pub const ALL: &'static [GapReason] = &[$(GapReason::$name,)*];

            /// The name in the report.
            pub fn id(self) -> &'static str {
                match self { $(GapReason::$name => $text,)* }
            }

            /// For people.
            pub fn words(self) -> &'static str {
                match self { $(GapReason::$name => $words,)* }
            }

            /// Whether it makes the coverage verdict `incomplete`: something that could hold evidence was
            /// not looked at. The others hold no stored bytes, or were looked at under another name.
            pub fn incomplete(self) -> bool {
                match self { $(GapReason::$name => $blocking,)* }
            }
        }
    };
}

reasons! {
    Permission, "permission", true, "access was denied";
    NotFound, "vanished", true, "it was gone when it was to be read";
    IoError, "io_error", true, "reading it failed";
    Locked, "locked", true, "another program holds it so that nobody else may read it";
    Changed, "changed_during_read", true, "it changed while it was read";
    PathLimit, "path_limit", true, "the path could not be followed";
    NetworkFs, "network_fs", true, "it lies on a network file system (--include-network reads those)";
    PseudoFs, "pseudo_fs", false, "a pseudo file system of the kernel; no stored files";
    SpecialFile, "special_file", false, "a device, pipe or socket; recorded, not opened";
    Placeholder, "placeholder_not_read", true, "only its name is on this disk; reading it would fetch it from a cloud or an archive";
    ReparsePoint, "reparse_point_not_read", true, "a reparse point of a kind that only its own driver can read; recorded, not opened";
    OwnOutput, "own_output", false, "this scan's own case folder";
    SeenElsewhere, "seen_elsewhere", false, "the same folder was examined under another path";
    Unchanged, "unchanged", false, "unchanged since an earlier scan that examined it; it was not read again";
    Encrypted, "encrypted", true, "it is encrypted";
    UnsupportedContainer, "unsupported_container", true, "an archive format that is not opened";
    UnsupportedMethod, "unsupported_method", true, "a compression method that is not supported";
    Malformed, "malformed", true, "its structure is damaged";
    MissingVolume, "missing_volume", true, "a part of the archive set is missing";
    LinkMember, "link_member", false, "a link inside an archive; recorded, never followed";
    LimitSize, "limit_size", true, "the limit of bytes from one archive was reached";
    LimitRatio, "limit_ratio", true, "the limit of expansion was reached";
    LimitDepth, "limit_depth", true, "the limit of nesting was reached";
    LimitCount, "limit_count", true, "the limit of members was reached";
    LimitMemory, "limit_memory", true, "the limit of memory was reached";
    LimitBody, "limit_body", true, "larger than --max-body: rules saw it in windows, not whole";
    SparseFile, "sparse_not_read", true, "a huge sparse file with little stored in it; it was not read";
    LimitMatches, "limit_matches", true, "a rule's bound of matches was reached";
    LimitTime, "limit_time", true, "the last-resort time limit was reached";
    MembersNotExamined, "members_not_examined", true, "some of its members were not fully examined";
    PhiFormat, "phi_format_not_read", true, "a document format whose text is not read for patient data";
    ParserFailed, "parser_failed", true, "a parser failed on it";
    NameMasked, "name_masked", true, "its name is a shape in the earlier case's inventory; names can't be compared";
    DigestNotKept, "digest_not_kept", true, "the earlier scan did not compute a digest that an indicator lists";
    ContentNotKept, "content_not_kept", true, "an indicator asks about contents, which the earlier case's inventory doesn't hold";
    Crashed, "crashed", true, "the scan process died on it twice";
    Hung, "hung", true, "the scan process made no progress on it until the last-resort limit, twice";
    Interrupted, "interrupted", true, "the scan was interrupted";
    Deadline, "deadline", true, "the time given with --deadline was over";
    LowMemory, "low_memory", true, "the machine was short of memory";
    LowDisk, "low_disk", true, "the case folder's disk was nearly full";
    DiskFull, "disk_full", true, "the case folder's disk was full";
}

impl Serialize for GapReason {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.id())
    }
}

impl GapReason {
    /// Whether going on with the scan later would examine the object after all.
    pub fn passing(self) -> bool {
        matches!(self, Self::Interrupted | Self::Deadline | Self::LowMemory | Self::LowDisk | Self::DiskFull)
    }
}

/// One thing not fully examined.
#[derive(Clone, Debug, BorshSerialize, BorshDeserialize)]
pub struct Gap {
    pub locator: Locator,
    pub stage: Stage,
    pub reason: GapReason,
    /// One sentence, or part of one, without content of the evidence.
    pub detail: String,
    /// Bytes not looked at, where known.
    pub bytes: Option<u64>,
}

impl Gap {
    pub fn new(locator: &Locator, stage: Stage, reason: GapReason, detail: impl Into<String>) -> Self {
        Self { locator: locator.clone(), stage, reason, detail: detail.into(), bytes: None }
    }

    pub fn bytes(mut self, bytes: u64) -> Self {
        self.bytes = Some(bytes);
        self
    }
}

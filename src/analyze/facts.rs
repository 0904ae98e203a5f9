//! What indicators ask about an object, answered from what is known of it.

use aho_corasick::AhoCorasick;

use crate::binary::{Facts as Headers, Inspected, Pe, SignatureState, Signer};
use crate::ioc::{Answer, Case, Domain, Facts, Field, HashKind, Question, Test, TextOp};
use crate::model::{Digests, Meta, Time};

use super::Whole;

/// Largest content that is searched for a text that an expression asks for, in bytes.
const MAX_TEXT_SEARCH: usize = 64 << 20;

/// Answers for an object whose content was read, or (without `whole`) for a name alone.
pub(super) struct ObjectFacts<'a> {
    pub meta: &'a Meta,
    pub whole: Option<&'a Whole<'a>>,
    /// Bytes of the whole content, where it was read.
    pub size: Option<u64>,
    pub entropy_milli: Option<u32>,
    pub digests: &'a Digests,
    /// Whether the content was searched for mentions.
    pub searched: bool,
    /// Whether the object is a registry hive or an export of one that could be read.
    pub registry: bool,
    pub folds: bool,
}

impl ObjectFacts<'_> {
    fn headers(&self) -> Option<&Headers> {
        match self.whole?.inspected() {
            Inspected::Facts(facts) => Some(facts),
            _ => None,
        }
    }

    /// From the headers of an executable: unknown where the content isn't held, none where it is no executable.
    fn of_headers(&self, texts: impl Fn(&Headers) -> Vec<String>) -> Answer {
        match self.whole {
            Some(w) if w.body.is_some() => match w.inspected() {
                Inspected::Facts(facts) => Answer::Texts(texts(facts)),
                Inspected::Other => Answer::Texts(Vec::new()),
                Inspected::Malformed(_) | Inspected::Panicked(_) => Answer::Unknown,
            },
            _ => Answer::Unknown,
        }
    }

    fn number(&self, value: Option<f64>) -> Answer {
        value.map_or(Answer::Unknown, |n| Answer::Numbers(vec![n]))
    }

    fn version(&self, part: impl Fn(&crate::binary::Version) -> Option<&String>) -> Answer {
        self.of_headers(|h| h.version.iter().filter_map(&part).cloned().collect())
    }

    /// None where the object is an executable of another format, or no executable.
    fn of_pe(&self, texts: impl Fn(&Pe) -> Vec<String>) -> Answer {
        self.of_headers(|h| h.pe.as_ref().map(&texts).unwrap_or_default())
    }

    fn signer(&self, texts: impl Fn(&Signer) -> Vec<String>) -> Answer {
        self.of_pe(|pe| pe.signature.signer.as_ref().map(&texts).unwrap_or_default())
    }

    /// Whether the text of a question occurs, in ASCII or UTF-16.
    fn content_text(&self, question: &Question) -> Answer {
        let (Some(body), Test::Text(text)) = (self.whole.and_then(|w| w.body), &question.test) else { return Answer::Unknown };
        if body.len() > MAX_TEXT_SEARCH || text.op() == TextOp::Matches || text.op() == TextOp::Like {
            return Answer::Unknown;
        }
        let wide: Vec<u8> = text.value().encode_utf16().flat_map(u16::to_le_bytes).collect();
        let needles = [text.value().as_bytes(), &wide];
        let fold = match text.case() {
            Case::Exact => false,
            Case::Fold => true,
            Case::Source => self.folds,
        };
        let found = if fold {
            match AhoCorasick::builder().ascii_case_insensitive(true).build(needles) {
                Ok(automaton) => automaton.is_match(body),
                Err(_) => return Answer::Unknown,
            }
        } else {
            needles.iter().any(|needle| memchr::memmem::find(body, needle).is_some())
        };
        // The question's own comparison then holds for the text itself.
        Answer::Texts(if found { vec![text.value().to_owned()] } else { Vec::new() })
    }
}

fn seconds(time: Option<Time>) -> Option<f64> {
    // Nanoseconds of any date that a file system stores fit the 53 bits only as seconds with a fraction.
    time.map(|t| t.0 as f64 / 1e9)
}

impl Facts for ObjectFacts<'_> {
    fn ask(&self, question: &Question) -> Answer {
        match question.field {
            Field::Size => self.number(self.size.map(|n| n as f64)),
            Field::Created => self.number(seconds(self.meta.times.btime)),
            Field::Modified => self.number(seconds(self.meta.times.mtime)),
            Field::Accessed => self.number(seconds(self.meta.times.atime)),
            Field::Changed => self.number(seconds(self.meta.times.ctime)),
            Field::Owner => self.meta.owner.clone().map_or(Answer::Unknown, |o| Answer::Texts(vec![o])),
            Field::Entropy => self.number(self.entropy_milli.map(|e| f64::from(e) / 1000.0)),
            Field::ContentText => self.content_text(question),
            Field::PeTimestamp => match self.headers() {
                Some(h) => Answer::Numbers(h.timestamp.map(f64::from).into_iter().collect()),
                None => self.of_headers(|_| Vec::new()),
            },
            Field::PeSectionName => self.of_headers(|h| h.sections.iter().map(|s| s.name.clone()).collect()),
            Field::OriginalFilename => self.version(|v| v.original_filename.as_ref()),
            Field::InternalName => self.version(|v| v.internal_name.as_ref()),
            Field::ProductName => self.version(|v| v.product_name.as_ref()),
            Field::CompanyName => self.version(|v| v.company_name.as_ref()),
            Field::FileDescription => self.version(|v| v.file_description.as_ref()),
            Field::FileVersion => self.version(|v| v.file_version.as_ref()),
            Field::LegalCopyright => self.version(|v| v.legal_copyright.as_ref()),
            Field::PeExportName => self.of_pe(|pe| pe.exports.names.clone()),
            Field::PeExportDll => self.of_pe(|pe| pe.export_name.clone().into_iter().collect()),
            Field::PeImportDll => self.of_pe(|pe| pe.imports.names.clone()),
            Field::PeResourceName => self.of_pe(|pe| pe.resources.names.clone()),
            Field::PeSubsystem => self.of_pe(|pe| vec![pe.subsystem.to_string()]),
            Field::PeEntryPoint => self.of_pe(|pe| vec![pe.entry_point.to_string()]),
            Field::PeIsDll => self.of_headers(|h| h.pe.iter().map(|_| u8::from(h.kind == "library").to_string()).collect()),
            Field::PdbPath => self.of_pe(|pe| pe.pdb.iter().map(|p| p.path.clone()).collect()),
            Field::Signed => self.of_headers(|h| h.signed.map(|s| u8::from(s).to_string()).into_iter().collect()),
            Field::SignatureDigestOk => self.of_pe(|pe| match pe.signature.state {
                SignatureState::PresentDigestOk => vec!["1".into()],
                SignatureState::DigestMismatch | SignatureState::Malformed => vec!["0".into()],
                SignatureState::Absent => Vec::new(),
            }),
            // Indicators write the name, the organisation, or both as a distinguished name.
            Field::SignerSubject => self.signer(|s| {
                let both = s.common_name.iter().zip(&s.organization).map(|(cn, o)| format!("CN={cn}, O={o}"));
                s.common_name.iter().chain(&s.organization).cloned().chain(both).collect()
            }),
            Field::SignerIssuer => self.signer(|s| s.issuer.iter().cloned().collect()),
            Field::SignerSerial => self.signer(|s| vec![s.serial.clone()]),
            Field::SignerThumbprint => self.signer(|s| vec![s.sha1.clone()]),
            Field::MediaType | Field::PeImportName => Answer::Unknown,
        }
    }

    fn covers(&self, domain: Domain) -> bool {
        match domain {
            Domain::Path => true,
            Domain::Content => self.searched,
            Domain::Digest(HashKind::Sha256) => self.digests.sha256.is_some(),
            Domain::Digest(HashKind::Sha1) => self.digests.sha1.is_some(),
            Domain::Digest(HashKind::Md5) => self.digests.md5.is_some(),
            Domain::Imphash => self.whole.is_some_and(|w| w.body.is_some()),
            Domain::Tlsh => self.whole.is_some_and(|w| w.body.is_some()),
            Domain::Registry => self.registry,
        }
    }

    fn folds_case(&self) -> bool {
        self.folds
    }
}

//! Documents that messages and clinical documents carry, as base64 or as text: read, and counted with what carries them.

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{CaseKey, Outcome, Unread, combine, document};
use crate::model::{GapReason, PhiFacts};

/// Bytes of one, as written.
pub(super) const MAX_CARRIED: usize = 48 << 20;

/// So many are held one by one.
const FEW: usize = 256;

/// What those of one stream hold.
#[derive(Default)]
pub(super) struct Carried {
    facts: Vec<PhiFacts>,
    unread: Option<Unread>,
    part2: u64,
}

impl Carried {
    /// Reads one that is written in base64, with or without line ends (RFC 2045, 6.8).
    pub fn base64(&mut self, text: &[u8], key: &CaseKey) {
        let packed: Vec<u8> = text.iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
        let config = GeneralPurposeConfig::new()
            .with_decode_padding_mode(DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true);
        match GeneralPurpose::new(&base64::alphabet::STANDARD, config).decode(packed) {
            Ok(bytes) => self.bytes(&bytes, key),
            Err(_) => self.unread(Unread::malformed("a document that it carries is damaged")),
        }
    }

    pub fn bytes(&mut self, bytes: &[u8], key: &CaseKey) {
        let Outcome { facts, unread, part2 } = document::inside(bytes, key);
        self.facts.extend(facts);
        // Batches carry one in every message. Put together whenever they have doubled, they stay few.
        let known = self.facts.first().map_or(0, |f| f.people.len());
        if self.facts.len() >= FEW.max(known) {
            let all = combine::parts(std::mem::take(&mut self.facts), 0);
            self.facts.extend(all);
        }
        self.part2 = self.part2.saturating_add(part2);
        if let Some(why) = unread {
            self.unread(why);
        }
    }

    pub fn too_long(&mut self) {
        self.unread(Unread::new(GapReason::LimitSize, "a document that it carries is longer than 48 MiB"));
    }

    fn unread(&mut self, why: Unread) {
        self.unread.get_or_insert(why);
    }

    /// With what carries them: the same person counts once.
    pub fn with(self, carrier: Outcome, format: &str) -> Outcome {
        let Self { facts, unread, part2 } = self;
        let unread = carrier.unread.or(unread);
        if facts.is_empty() {
            return Outcome { unread, part2: carrier.part2.saturating_add(part2), ..carrier };
        }
        let format = carrier.facts.as_ref().map_or_else(|| format.to_owned(), |f| f.format.clone());
        let part2 = carrier.part2.saturating_add(part2);
        let all = combine::parts(carrier.facts.into_iter().chain(facts).collect(), part2);
        Outcome { facts: all.map(|f| PhiFacts { format, ..f }), unread, part2 }
    }
}

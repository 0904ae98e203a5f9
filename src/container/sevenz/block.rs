//! The members, block by block.

use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use sevenz_rust2::{Archive, ArchiveEntry, BlockDecoder, EncoderMethod, Password};

use super::facts::facts;
use super::header::rounds;
use super::{Source, fault};
use crate::container::meter::{Fault, Fed};
use crate::container::passwords::Keyring;
use crate::container::walk::Walk;
use crate::model::GapReason;

/// Content without an error up to here speaks for the password where it was compressed: a wrong one gives noise,
/// which no decoder takes for so long.
const PLAUSIBLE: u64 = 1 << 20;

/// Every member of the list, in its order.
pub(super) fn all(
    archive: &Archive,
    password: Option<Password>,
    source: &mut Source<'_>,
    keyring: &mut Keyring,
    walk: &mut Walk<'_>,
) {
    let kib = usize::try_from(walk.budget().limits.decoder_memory >> 10).unwrap_or(usize::MAX);
    let mut blocks = Blocks { archive, source, keyring, kib, opened: password.map(|password| (password, u64::MAX)) };
    let mut index = 0;
    while index < archive.files.len() && !walk.ended() {
        index = match archive.stream_map.file_block_index.get(index).copied().flatten() {
            Some(block) => blocks.members(block, index, walk).max(index.saturating_add(1)),
            None => {
                blocks.empty(index, walk);
                index.saturating_add(1)
            }
        };
    }
}

struct Blocks<'a, 'b> {
    archive: &'a Archive,
    source: &'a mut Source<'b>,
    keyring: &'a mut Keyring,
    /// Memory for a decoder.
    kib: usize,
    /// The last password that opened something, and what deriving its key cost.
    opened: Option<(Password, u64)>,
}

impl Blocks<'_, '_> {
    /// A member without content.
    fn empty(&self, index: usize, walk: &mut Walk<'_>) {
        let Some(mut facts) = facts(self.archive, index, None) else { return };
        if self.archive.files.get(index).is_some_and(|entry| entry.is_anti_item) {
            walk.note("anti_item");
        }
        if walk.admit(&mut facts) {
            walk.empty(&facts);
        }
    }

    /// Counts anew what goes into a decoder.
    fn fresh(&mut self) -> Rc<Fed> {
        self.source.fed = Rc::default();
        self.source.fed.clone()
    }

    fn decoder<'p, 's>(
        archive: &'p Archive,
        source: &'p mut Source<'s>,
        kib: usize,
        block: usize,
        password: &'p Password,
    ) -> BlockDecoder<'p, Source<'s>> {
        BlockDecoder::new_with_memory_limit(1, kib, block, archive, password, source)
    }

    /// The members of a block, of which `first` is the first; gives the index behind the last.
    fn members(&mut self, block: usize, first: usize, walk: &mut Walk<'_>) -> usize {
        let archive = self.archive;
        let empty = Password::empty();
        let end = first.saturating_add(Self::decoder(archive, self.source, self.kib, block, &empty).entry_count());
        let price = rounds(archive, block);
        let password = match price {
            0 => empty,
            _ => match self.unlock(block, price, walk) {
                Some(password) => password,
                None => {
                    self.rest(block, first..end, &Fault::new(GapReason::Encrypted, "the member is encrypted"), walk);
                    return end;
                }
            },
        };
        if walk.spent() {
            let spent = Fault::new(GapReason::LimitSize, "the limit of bytes out of one archive was reached");
            self.rest(block, first..end, &spent, walk);
            return end;
        }
        let mut next = first;
        let mut ended = None;
        let fed = self.fresh();
        let decoder = Self::decoder(archive, self.source, self.kib, block, &password);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            decoder.for_each_entries(&mut |entry: &ArchiveEntry, content: &mut dyn Read| {
                let Some(mut facts) = facts(archive, next, Some(block)) else { return Ok(false) };
                if !walk.admit(&mut facts) {
                    return Ok(false);
                }
                next = next.saturating_add(1);
                if !entry.has_stream {
                    walk.empty(&facts);
                    return Ok(true);
                }
                ended = walk.delivered(&facts, content, fed.clone(), None);
                // What isn't read is decoded all the same by the crate, without a bound of ours.
                Ok(ended.is_none() && !walk.stopped())
            })
        }));
        let behind = |reason| match reason {
            GapReason::Malformed => Fault::new(reason, "it lies behind damaged data in a solid block"),
            GapReason::UnsupportedMethod => Fault::new(reason, "the compression method is not supported"),
            reason => Fault::new(reason, "it lies behind a member of a solid block that was not read to its end"),
        };
        let why = match (ended, outcome) {
            (Some(reason), _) => behind(reason),
            (None, Ok(Ok(_))) => behind(GapReason::Malformed),
            (None, Ok(Err(e))) => {
                let why = self.source.fed.failure().unwrap_or_else(|| fault(&e));
                if next >= end {
                    walk.shortfall(why.reason, "a block doesn't end where it should");
                }
                why
            }
            (None, Err(_)) => {
                let why = Fault::new(GapReason::ParserFailed, "decoding a block");
                if next >= end {
                    walk.shortfall(why.reason, why.detail);
                }
                why
            }
        };
        self.rest(block, next..end, &why, walk);
        end
    }

    /// Lists members that aren't read.
    fn rest(&self, block: usize, members: std::ops::Range<usize>, why: &Fault, walk: &mut Walk<'_>) {
        for index in members {
            let Some(mut facts) = facts(self.archive, index, Some(block)) else { return };
            if !walk.admit(&mut facts) {
                return;
            }
            if self.archive.files.get(index).is_some_and(|entry| entry.has_stream) {
                walk.unread(&facts, why.reason, why.detail);
            } else {
                walk.empty(&facts);
            }
        }
    }

    /// The password of a block.
    fn unlock(&mut self, block: usize, price: u64, walk: &mut Walk<'_>) -> Option<Password> {
        // What was paid for once is free: each member may be a block of its own.
        if let Some((password, paid)) = self.opened.clone()
            && price <= paid
            && self.is_right(block, &password)
        {
            walk.opened_with_password();
            return Some(password);
        }
        let budget = walk.budget().clone();
        let mut keyring = std::mem::take(self.keyring);
        let found = keyring.unlock(&budget, price, |text| {
            let password = Password::from(text);
            self.is_right(block, &password).then_some(password)
        });
        *self.keyring = keyring;
        found.inspect(|password| {
            walk.opened_with_password();
            self.opened = Some((password.clone(), price));
        })
    }

    /// Whether the first member of the block comes out right. 7z has no check of the password itself.
    fn is_right(&mut self, block: usize, password: &Password) -> bool {
        let coders = self.archive.blocks.get(block).map(|block| &block.coders[..]).unwrap_or_default();
        let plain = [EncoderMethod::ID_AES256_SHA256, EncoderMethod::ID_COPY, EncoderMethod::ID_PPMD];
        let compressed = coders.iter().any(|coder| {
            let id = coder.encoder_method_id();
            // Filters and PPMd take any bytes.
            !plain.contains(&id) && id != EncoderMethod::ID_DELTA && !id.starts_with(&[3, 3]) && !matches!(id, [10 | 11])
        });
        let mut right = false;
        let decoder = Self::decoder(self.archive, self.source, self.kib, block, password);
        let tried = catch_unwind(AssertUnwindSafe(|| {
            decoder.for_each_entries(&mut |entry: &ArchiveEntry, content: &mut dyn Read| {
                if !entry.has_stream {
                    return Ok(true);
                }
                let bound = if compressed { PLAUSIBLE } else { u64::MAX };
                let read = io::copy(&mut content.take(bound), &mut io::sink());
                right = read.is_ok_and(|n| (compressed && n == bound) || entry.has_crc || compressed && n > 0);
                Ok(false)
            })
        }));
        right && tried.is_ok()
    }
}

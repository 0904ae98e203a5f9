//! What an archive may cost. One budget for one object of the file system and all that is nested in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Passwords;
use crate::model::GapReason;

/// Rounds of hashing and decryption that trying passwords may cost for one object of the file system: eight times a
/// whole list on 7-Zip's own key derivation (2^19 rounds).
const ROUNDS: u64 = (8 * Passwords::MAX as u64) << 19;

/// Bytes of members' names, with those of the members around them, that one object of the file system may give: its
/// records are held until it is done, and a name that compresses well would be an archive bomb of its own.
const NAMES: u64 = 128 << 20;

/// Levels that are opened whatever the limit: each takes some of a worker's stack. With 16 MiB of it zip in zip came to its end
/// between 400 and 800 levels in a development build.
pub const DEEPEST: u32 = 128;

/// The limits a run is started with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Limits {
    /// Bytes out of one outermost container, all members and levels together.
    pub total_bytes: u64,
    /// Expansion of one member, output to input, after the first 64 MiB of output.
    pub ratio: u64,
    /// Members of one outermost container, all levels together.
    pub members: u64,
    /// Containers inside containers; the outermost counts as one. No more than [`DEEPEST`].
    pub depth: u32,
    /// Bytes a decoder may take for its window or dictionary.
    pub decoder_memory: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { total_bytes: 64 << 30, ratio: 1_000, members: 1_000_000, depth: 8, decoder_memory: 128 << 20 }
    }
}

/// What is left of the limits. A clone draws on the same bytes and members: they belong to the outermost
/// container. Only the depth is a clone's own.
#[derive(Clone, Debug)]
pub struct Budget {
    pub limits: Limits,
    pool: Arc<Pool>,
    depth: u32,
    /// Bytes of the names of the members that are open.
    around: u64,
    passwords: Passwords,
}

#[derive(Debug)]
struct Pool {
    bytes: AtomicU64,
    members: AtomicU64,
    rounds: AtomicU64,
    names: AtomicU64,
}

impl Budget {
    /// A fresh budget for one object of the file system.
    pub fn new(limits: Limits) -> Self {
        let pool = Pool {
            bytes: AtomicU64::new(limits.total_bytes),
            members: AtomicU64::new(limits.members),
            rounds: AtomicU64::new(ROUNDS),
            names: AtomicU64::new(NAMES),
        };
        Self { limits, pool: Arc::new(pool), depth: 0, around: 0, passwords: Passwords::default() }
    }

    /// The same with passwords to try.
    pub fn with_passwords(self, passwords: &Passwords) -> Self {
        Self { passwords: passwords.clone(), ..self }
    }

    pub(super) fn passwords(&self) -> &Passwords {
        &self.passwords
    }

    /// Charges the trying of a password; false where that is not left.
    pub(super) fn rounds(&self, wanted: u64) -> bool {
        let less = |left: u64| left.checked_sub(wanted);
        self.pool.rounds.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok()
    }

    /// Enters a container; [`Budget::ascend`] must follow.
    ///
    /// # Errors
    /// [`GapReason::LimitDepth`] when that would be one level too many; nothing has changed then.
    pub fn descend(&mut self) -> Result<(), GapReason> {
        if self.depth >= self.limits.depth.min(DEEPEST) {
            return Err(GapReason::LimitDepth);
        }
        self.depth += 1;
        Ok(())
    }

    /// Leaves a container.
    pub fn ascend(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Levels of containers that are open.
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// Charges one member.
    ///
    /// # Errors
    /// [`GapReason::LimitCount`] when none is left.
    pub fn member(&mut self) -> Result<(), GapReason> {
        match take(&self.pool.members, 1) {
            1 => Ok(()),
            _ => Err(GapReason::LimitCount),
        }
    }

    /// Charges the name of a member of `length` bytes, which stands behind the names around it.
    ///
    /// # Errors
    /// [`GapReason::LimitMemory`] when that is not left.
    pub(super) fn name(&self, length: usize) -> Result<(), GapReason> {
        let wanted = self.around.saturating_add(length as u64);
        if take(&self.pool.names, wanted) == wanted { Ok(()) } else { Err(GapReason::LimitMemory) }
    }

    /// While a member with a name of `length` bytes is looked into; gives what [`Budget::leave`] takes.
    pub(super) fn enter(&mut self, length: usize) -> u64 {
        let around = self.around.saturating_add(length as u64);
        std::mem::replace(&mut self.around, around)
    }

    /// Behind that member.
    pub(super) fn leave(&mut self, before: u64) {
        self.around = before;
    }

    /// Bytes of output that may still be produced.
    pub fn bytes_left(&self) -> u64 {
        self.pool.bytes.load(Ordering::Relaxed)
    }

    /// Charges output; gives how many of the `wanted` bytes were still there.
    pub(super) fn bytes(&self, wanted: u64) -> u64 {
        take(&self.pool.bytes, wanted)
    }
}

/// Takes up to `wanted` and says how much it was.
fn take(pool: &AtomicU64, wanted: u64) -> u64 {
    let before = pool.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| Some(left.saturating_sub(wanted)));
    before.unwrap_or(0).min(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_share_bytes_and_members_but_not_depth() {
        let mut outer = Budget::new(Limits { members: 2, depth: 2, total_bytes: 10, ..Limits::default() });
        assert_eq!(outer.descend(), Ok(()));
        let mut inner = outer.clone();
        assert_eq!(inner.descend(), Ok(()));
        assert_eq!(inner.descend(), Err(GapReason::LimitDepth));
        assert_eq!((outer.depth(), inner.depth()), (1, 2));
        assert_eq!(inner.member(), Ok(()));
        assert_eq!(outer.member(), Ok(()));
        assert_eq!(inner.member(), Err(GapReason::LimitCount));
        assert_eq!(inner.bytes(7), 7);
        assert_eq!(outer.bytes(7), 3);
        assert_eq!(outer.bytes_left(), 0);
        let before = inner.enter(100);
        assert_eq!((inner.name(5), outer.name(5)), (Ok(()), Ok(())));
        assert_eq!(outer.name(NAMES as usize - 110 + 1), Err(GapReason::LimitMemory));
        inner.leave(before);
        assert_eq!(inner.name(0), Ok(()));
        outer.ascend();
        outer.ascend();
        assert_eq!(outer.depth(), 0);
    }

    #[test]
    fn no_limit_lets_a_stack_run_over() {
        let mut budget = Budget::new(Limits { depth: u32::MAX, ..Limits::default() });
        assert_eq!((0..1_000).take_while(|_| budget.descend().is_ok()).count() as u32, DEEPEST);
    }
}

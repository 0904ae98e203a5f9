//! The memory that bodies may take, whatever the number of workers.
//!
//! Small bodies are free. A worker whose object grows beyond [`SMALL`] takes one of a few middle permits,
//! beyond [`MIDDLE`] the single big one, and keeps it until its outermost object is done. Permits are only
//! taken in this order and their holders wait for nothing else, so that nobody waits for ever.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Bytes of bodies that each worker may hold without a permit.
pub const SMALL: usize = 4 << 20;
/// Bytes up to which a middle permit is enough.
pub const MIDDLE: usize = 32 << 20;
const MIDDLE_PERMITS: usize = 4;
/// How often one that waits says that it does.
const TELL: Duration = Duration::from_secs(1);

/// Counts the permits of a run.
pub struct Gate {
    free: Mutex<[usize; 2]>,
    freed: Condvar,
}

impl Default for Gate {
    fn default() -> Self {
        Self { free: Mutex::new([MIDDLE_PERMITS, 1]), freed: Condvar::new() }
    }
}

impl Gate {
    /// Waits for a permit; `waiting` is called now and then meanwhile.
    fn take(&self, class: usize, waiting: &dyn Fn()) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while free[class] == 0 {
            waiting();
            free = self.freed.wait_timeout(free, TELL).unwrap_or_else(PoisonError::into_inner).0;
        }
        free[class] -= 1;
    }

    /// Whether a permit could be had at once.
    fn try_take(&self, class: usize) -> bool {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(rest) = free[class].checked_sub(1) else { return false };
        free[class] = rest;
        true
    }

    fn give(&self, class: usize) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)[class] += 1;
        self.freed.notify_all();
    }
}

/// What one worker holds for its current outermost object.
pub struct Permit<'g> {
    gate: &'g Gate,
    held: [bool; 2],
}

impl<'g> Permit<'g> {
    pub fn new(gate: &'g Gate) -> Self {
        Self { gate, held: [false; 2] }
    }

    /// Waits until bodies of `bytes` in all may be held; `waiting` is called now and then meanwhile.
    pub fn ensure(&mut self, bytes: usize, waiting: &dyn Fn()) {
        if bytes <= SMALL || self.held[1] {
            return;
        }
        let class = usize::from(bytes > MIDDLE);
        if !self.held[class] {
            self.gate.take(class, waiting);
            self.held[class] = true;
        }
    }

    /// Takes the big permit where nobody has it; false where somebody does.
    pub fn try_big(&mut self) -> bool {
        self.held[1] = self.held[1] || self.gate.try_take(1);
        self.held[1]
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        for class in 0..2 {
            if self.held[class] {
                self.gate.give(class);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permits_come_back() {
        let gate = Gate::default();
        for _ in 0..10 {
            let mut permit = Permit::new(&gate);
            permit.ensure(SMALL, &|| {});
            assert_eq!(permit.held, [false, false]);
            permit.ensure(SMALL + 1, &|| {});
            permit.ensure(MIDDLE + 1, &|| {});
            assert_eq!(permit.held, [true, true]);
        }
        assert_eq!(*gate.free.lock().unwrap(), [MIDDLE_PERMITS, 1]);
        let (mut one, mut other) = (Permit::new(&gate), Permit::new(&gate));
        assert!(one.try_big() && one.try_big() && !other.try_big());
        drop(one);
        assert!(other.try_big());
        drop(other);
        assert_eq!(*gate.free.lock().unwrap(), [MIDDLE_PERMITS, 1]);
    }
}

//! A buffered input that can be looked ahead in and given back to, shared by a decoder and what surrounds it.

use std::cell::RefCell;
use std::io::{self, Read};
use std::rc::Rc;

use crate::container::meter::Fault;

const BUFFER: usize = 64 << 10;

struct Peek<'a> {
    inner: Box<dyn Read + 'a>,
    buf: Vec<u8>,
    pos: usize,
    eof: bool,
}

impl Peek<'_> {
    fn held(&self) -> &[u8] {
        self.buf.get(self.pos..).unwrap_or_default()
    }

    /// Makes at least `n` bytes available, unless the input ends before.
    fn fill(&mut self, n: usize) -> io::Result<()> {
        while self.held().len() < n && !self.eof {
            if self.pos > 0 {
                self.buf.drain(..self.pos);
                self.pos = 0;
            }
            let old = self.buf.len();
            self.buf.resize(old.saturating_add(BUFFER), 0);
            let read = self.inner.read(&mut self.buf[old..]);
            self.buf.truncate(old.saturating_add(*read.as_ref().unwrap_or(&0)));
            self.eof = read? == 0;
        }
        Ok(())
    }
}

/// The shared input. Clones read on where the others stopped.
#[derive(Clone)]
pub(in crate::container) struct Shared<'a>(Rc<RefCell<Peek<'a>>>);

impl<'a> Shared<'a> {
    pub(in crate::container) fn new(inner: impl Read + 'a) -> Self {
        Self(Rc::new(RefCell::new(Peek { inner: Box::new(inner), buf: Vec::new(), pos: 0, eof: false })))
    }

    /// Up to `n` bytes that stay in the input; fewer only at its end.
    pub(in crate::container) fn peek(&self, n: usize) -> io::Result<Vec<u8>> {
        let mut peek = self.0.borrow_mut();
        peek.fill(n)?;
        let held = peek.held();
        Ok(held[..held.len().min(n)].to_vec())
    }

    /// Lets `f` work on what is buffered; it says how much of that it used.
    ///
    /// # Errors
    /// [`io::ErrorKind::UnexpectedEof`] where nothing is left.
    pub(in crate::container) fn with<T>(&self, f: impl FnOnce(&[u8]) -> io::Result<(usize, T)>) -> io::Result<T> {
        let mut peek = self.0.borrow_mut();
        peek.fill(1)?;
        if peek.held().is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let (used, value) = f(peek.held())?;
        peek.pos = peek.pos.saturating_add(used).min(peek.buf.len());
        Ok(value)
    }

    /// The next `N` bytes.
    pub(in crate::container) fn take<const N: usize>(&self) -> io::Result<[u8; N]> {
        let mut out = [0; N];
        self.clone().read_exact(&mut out)?;
        Ok(out)
    }

    /// Skips exactly `n` bytes.
    pub(in crate::container) fn skip(&self, n: u64) -> io::Result<()> {
        let mut left = n;
        while left > 0 {
            left -= self.with(|held| {
                let used = held.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                Ok((used, used as u64))
            })?;
        }
        Ok(())
    }

    /// Skips bytes up to and with the next zero byte.
    pub(super) fn skip_text(&self) -> io::Result<()> {
        loop {
            let end = self.with(|held| match memchr::memchr(0, held) {
                Some(at) => Ok((at + 1, true)),
                None => Ok((held.len(), false)),
            })?;
            if end {
                return Ok(());
            }
        }
    }

    /// Skips zero bytes; stops at the first other byte or at the end.
    pub(in crate::container) fn skip_zeros(&self) -> io::Result<()> {
        loop {
            let mut peek = self.0.borrow_mut();
            peek.fill(1)?;
            let zeros = peek.held().iter().take_while(|b| **b == 0).count();
            let all = zeros == peek.held().len();
            peek.pos = peek.pos.saturating_add(zeros);
            if !all || zeros == 0 {
                return Ok(());
            }
        }
    }

    /// Gives bytes back that a decoder had read too far.
    pub(super) fn give_back(&self, bytes: &[u8]) {
        let mut peek = self.0.borrow_mut();
        let held = [bytes, peek.held()].concat();
        peek.buf = held;
        peek.pos = 0;
    }
}

impl Read for Shared<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let Ok(mut peek) = self.0.try_borrow_mut() else {
            return Err(Fault::malformed("the decoder read inside itself"));
        };
        peek.fill(1)?;
        let n = peek.held().len().min(buf.len());
        buf[..n].copy_from_slice(&peek.held()[..n]);
        peek.pos = peek.pos.saturating_add(n);
        Ok(n)
    }
}

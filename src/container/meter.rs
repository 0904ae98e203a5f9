//! Readers around a decoder: below it one that counts what goes in, above it one that charges what comes out.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use super::{Budget, Shortfall};
use crate::model::GapReason;

/// Output that is free of the ratio check, bytes: small members of zeros are no bombs.
const RATIO_FREE: u64 = 64 << 20;

const OVER_SIZE: Fault = Fault { reason: GapReason::LimitSize, detail: "the limit of bytes out of one archive was reached" };

/// Why reading a member ended early; travels inside an [`io::Error`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Fault {
    pub reason: GapReason,
    /// Without content of the evidence.
    pub detail: &'static str,
}

impl Fault {
    pub(super) fn new(reason: GapReason, detail: &'static str) -> Self {
        Self { reason, detail }
    }

    pub(super) fn malformed(detail: &'static str) -> io::Error {
        Self::new(GapReason::Malformed, detail).into()
    }
}

impl From<Fault> for io::Error {
    fn from(fault: Fault) -> Self {
        io::Error::other(fault)
    }
}

/// The reason behind an error of a member's content; none where it is an input/output error of the target.
pub fn gap_of(err: &io::Error) -> Option<GapReason> {
    match fault_of(err) {
        Fault { reason: GapReason::IoError, .. } => None,
        fault => Some(fault.reason),
    }
}

/// The same as a [`Shortfall`], with words that hold nothing of the evidence.
pub fn shortfall_of(err: &io::Error) -> Shortfall {
    let fault = fault_of(err);
    Shortfall { reason: fault.reason, detail: fault.detail.to_owned() }
}

/// Decoders' own messages are not passed on: they could quote the evidence.
pub(super) fn fault_of(err: &io::Error) -> Fault {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = err.get_ref().map(|e| e as _);
    while let Some(e) = cause {
        if let Some(fault) = e.downcast_ref::<Fault>() {
            return fault.clone();
        }
        if let Some(inner) = e.downcast_ref::<io::Error>() {
            return fault_of(inner);
        }
        cause = e.source();
    }
    match err.kind() {
        io::ErrorKind::UnexpectedEof => Fault::new(GapReason::Malformed, "the data end too early"),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => Fault::new(GapReason::Malformed, "the data are damaged"),
        io::ErrorKind::Unsupported => Fault::new(GapReason::UnsupportedMethod, "the data use a method that is not supported"),
        io::ErrorKind::OutOfMemory => Fault::new(GapReason::LimitMemory, "the decoder asks for more memory than it may take"),
        _ => Fault::new(GapReason::IoError, "reading the container failed"),
    }
}

/// What went into a decoder, shared between [`Input`] and [`Meter`].
#[derive(Debug, Default)]
pub(super) struct Fed {
    bytes: Cell<u64>,
    /// A failure of the input itself, which decoders tend to rename.
    failure: Cell<Option<(GapReason, &'static str)>>,
}

impl Fed {
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    pub(super) fn add(&self, n: usize) {
        self.bytes.set(self.bytes.get().saturating_add(n as u64));
    }

    /// Reads on from a decoder's input, and keeps the account.
    pub(super) fn read(&self, from: &mut (impl Read + ?Sized), buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match from.read(buf) {
                Ok(n) => {
                    self.add(n);
                    return Ok(n);
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    self.fail(&e);
                    return Err(e);
                }
            }
        }
    }

    /// Remembers a failure of the input.
    pub(super) fn fail(&self, err: &io::Error) {
        let fault = fault_of(err);
        self.failure.set(Some((fault.reason, fault.detail)));
    }

    /// The failure of the input, where it had one.
    pub(super) fn failure(&self) -> Option<Fault> {
        self.failure.get().map(|(reason, detail)| Fault::new(reason, detail))
    }
}

/// The input of one decoder: counts, and remembers its own failure.
pub(super) struct Input<'a> {
    inner: &'a mut dyn Read,
    fed: Rc<Fed>,
}

impl<'a> Input<'a> {
    pub(super) fn new(inner: &'a mut dyn Read) -> Self {
        Self { inner, fed: Rc::default() }
    }

    pub(super) fn fed(&self) -> Rc<Fed> {
        self.fed.clone()
    }
}

impl Read for Input<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.fed.read(self.inner, buf)
    }
}

/// The content of one member: charges the budget, watches the expansion, and fails for good once it failed.
pub(super) struct Meter<'a> {
    inner: &'a mut dyn Read,
    fed: Rc<Fed>,
    budget: Budget,
    out: u64,
    /// Output left to entries that share stored bytes with others.
    allowance: Option<Rc<Cell<u64>>>,
    fault: Option<Fault>,
}

impl<'a> Meter<'a> {
    pub(super) fn new(inner: &'a mut dyn Read, fed: Rc<Fed>, budget: &Budget, allowance: Option<Rc<Cell<u64>>>) -> Self {
        Self { inner, fed, budget: budget.clone(), out: 0, allowance, fault: None }
    }

    /// What ended the content before its end, if anything did.
    pub(super) fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    fn fail(&mut self, fault: Fault) -> io::Error {
        self.fault = Some(fault.clone());
        fault.into()
    }

    /// How many of `n` fresh bytes may pass.
    fn charge(&mut self, n: u64) -> Result<u64, Fault> {
        if let Some(left) = &self.allowance {
            if left.get() < n {
                return Err(Fault::new(GapReason::LimitRatio, "entries that share stored bytes expand beyond the limit"));
            }
            left.set(left.get() - n);
        }
        let out = self.out.saturating_add(n);
        if out > RATIO_FREE && out / self.fed.bytes().max(1) > self.budget.limits.ratio {
            return Err(Fault::new(GapReason::LimitRatio, "it expands beyond the limit"));
        }
        let granted = self.budget.bytes(n);
        if granted == 0 {
            return Err(OVER_SIZE);
        }
        self.out = self.out.saturating_add(granted);
        Ok(granted)
    }
}

impl Read for Meter<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        if let Some(fault) = &self.fault {
            return Err(fault.clone().into());
        }
        match self.inner.read(buf) {
            Ok(0) => Ok(0),
            Ok(n) => match self.charge(n as u64) {
                Ok(granted) => {
                    if granted < n as u64 {
                        self.fault = Some(OVER_SIZE);
                    }
                    Ok(granted as usize)
                }
                Err(fault) => Err(self.fail(fault)),
            },
            Err(e) if e.kind() == io::ErrorKind::Interrupted => Err(e),
            Err(e) => {
                let fault = match (self.fed.failure(), fault_of(&e)) {
                    (Some(fault), _) => fault,
                    // The input was fine, so whatever the decoder calls it, it is about the data.
                    (None, Fault { reason: GapReason::IoError, .. }) => Fault::new(GapReason::Malformed, "the data are damaged"),
                    (None, fault) => fault,
                };
                Err(self.fail(fault))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Limits;
    use super::*;

    fn drain(limits: Limits, fed: u64, out: u64) -> (u64, Option<GapReason>) {
        let fed = Rc::new(Fed { bytes: Cell::new(fed), failure: Cell::default() });
        let mut zeros = io::repeat(0).take(out);
        let mut meter = Meter::new(&mut zeros, fed, &Budget::new(limits), None);
        let mut total = 0;
        let mut buf = [0; 5000];
        loop {
            match meter.read(&mut buf) {
                Ok(0) => return (total, None),
                Ok(n) => total += n as u64,
                Err(e) => {
                    assert_eq!(gap_of(&meter.read(&mut buf).unwrap_err()), gap_of(&e), "a fault stays");
                    return (total, gap_of(&e));
                }
            }
        }
    }

    #[test]
    fn a_limit_is_exact() {
        let limits = Limits { total_bytes: 12_345, ..Limits::default() };
        assert_eq!(drain(limits, 1 << 20, 12_345), (12_345, None));
        assert_eq!(drain(limits, 1 << 20, 12_346), (12_345, Some(GapReason::LimitSize)));
    }

    #[test]
    fn expansion_counts_after_the_free_output() {
        let limits = Limits { ratio: 100, ..Limits::default() };
        assert_eq!(drain(limits, 10, RATIO_FREE), (RATIO_FREE, None));
        assert_eq!(drain(limits, 10, 2 * RATIO_FREE).1, Some(GapReason::LimitRatio));
        assert_eq!(drain(limits, RATIO_FREE, 2 * RATIO_FREE).1, None);
    }

    #[test]
    fn errors_tell_their_reason() {
        let of = |kind: io::ErrorKind| gap_of(&kind.into());
        assert_eq!(of(io::ErrorKind::UnexpectedEof), Some(GapReason::Malformed));
        assert_eq!(of(io::ErrorKind::InvalidInput), Some(GapReason::Malformed));
        assert_eq!(of(io::ErrorKind::Unsupported), Some(GapReason::UnsupportedMethod));
        assert_eq!(of(io::ErrorKind::OutOfMemory), Some(GapReason::LimitMemory));
        assert_eq!(of(io::ErrorKind::PermissionDenied), None);
        let wrapped = io::Error::new(io::ErrorKind::InvalidData, io::Error::from(Fault::new(GapReason::LimitRatio, "x")));
        assert_eq!(gap_of(&wrapped), Some(GapReason::LimitRatio));
    }

    #[test]
    fn a_failing_input_is_not_called_damage() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::PermissionDenied.into())
            }
        }
        struct Renames<'a>(Input<'a>);
        impl Read for Renames<'_> {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                self.0.read(buf).map_err(|_| io::ErrorKind::InvalidData.into())
            }
        }
        let mut broken = Broken;
        let input = Input::new(&mut broken);
        let fed = input.fed();
        let mut decoder = Renames(input);
        let mut meter = Meter::new(&mut decoder, fed, &Budget::new(Limits::default()), None);
        assert_eq!(gap_of(&meter.read(&mut [0; 4]).unwrap_err()), None);
    }
}

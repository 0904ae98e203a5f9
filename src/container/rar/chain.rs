//! The volumes of a set, one behind the other: their blocks, and the pieces of a member that lies in several.
//!
//! A set is read from its first volume. Where one is missing, the next that is there begins a set of its own; so each
//! volume is read with exactly one, whatever is missing.

use std::io;

use super::entry::{Block, Main};
use super::volumes::beside;
use super::{Headers, Hidden, Rar, rar4, rar5};
use crate::container::passwords::Keyring;
use crate::container::read::read_at;
use crate::container::set::{Joined, MAX_VOLUMES, Part, Place};
use crate::container::walk::Walk;
use crate::container::{Budget, Probe, ReadSeek, Volumes, overlay};
use crate::model::GapReason;

/// Where the chain stands.
pub(super) struct Chain<'a> {
    pub headers: Headers,
    volumes: Option<&'a dyn Volumes>,
    /// Name of the present volume.
    pub name: Vec<u8>,
    /// First byte behind the present volume.
    pub end: u64,
    pub main: Main,
    count: usize,
}

/// What stands behind the present volume.
pub(super) enum Next {
    /// Its successor, of which the chain now reads; `fits` where its number is the right one.
    Volume { fits: bool },
    /// Nothing that could be read, with the name of what should be there.
    Missing(Vec<u8>),
    /// The name of this one tells no other.
    Unnamed,
}

impl<'a> Chain<'a> {
    pub(super) fn new(headers: Headers, end: u64, probe: &Probe<'a>) -> Self {
        Self { headers, volumes: probe.volumes, name: probe.name.to_vec(), end, main: Main::default(), count: 1 }
    }

    /// Goes on to the next volume.
    pub(super) fn advance(&mut self, joined: &mut Joined<'a>, keyring: &mut Keyring, walk: &mut Walk<'_>) -> io::Result<Next> {
        let names = beside(&self.name).behind;
        let Some(wanted) = names.first().cloned() else { return Ok(Next::Unnamed) };
        let part = self.volumes.and_then(|volumes| Part::beside(volumes, names));
        let Some(part) = part.filter(|part| part.size > 0) else { return Ok(Next::Missing(wanted)) };
        if self.count >= MAX_VOLUMES {
            walk.shortfall(GapReason::LimitCount, "the set has more volumes than the limit");
            return Ok(Next::Missing(wanted));
        }
        let Place::Beside(name) = part.place.clone() else { return Ok(Next::Missing(wanted)) };
        let base = joined.size();
        let end = base.saturating_add(part.size);
        joined.push(part);
        let budget = walk.budget().clone();
        let opening = match opening(joined, base, end, keyring, &budget) {
            Ok(opening) => opening.filter(|opening| opening.newer() == self.headers.newer()),
            Err(e) => {
                walk.failed(&e);
                return Ok(Next::Missing(name));
            }
        };
        // Another archive that is called like a volume is one by itself.
        let Some(Opening { headers, main }) = opening.filter(|opening| opening.main.volume) else {
            return Ok(Next::Missing(name));
        };
        let fits = match (self.main.number, main.number) {
            (Some(before), Some(number)) => before.checked_add(1) == Some(number),
            _ => true,
        };
        self.count = self.count.saturating_add(1);
        (self.headers, self.main, self.name, self.end) = (headers, main, name, end);
        Ok(Next::Volume { fits })
    }

    /// Whether the volume before this one is there, and so reads this one, too.
    pub(super) fn continues(&self, keyring: &mut Keyring, budget: &Budget) -> bool {
        let Some(volumes) = self.volumes else { return false };
        let Some(Part { place: Place::Beside(name), size }) = Part::beside(volumes, beside(&self.name).before) else {
            return false;
        };
        let mut volume = || -> io::Result<bool> {
            let mut file = volumes.open(&name)?;
            let base = start(file.as_mut(), &name)?;
            let opening = opening(file.as_mut(), base, size, keyring, budget)?;
            Ok(opening.is_some_and(|opening| opening.main.volume && opening.newer() == self.headers.newer()))
        };
        volume().unwrap_or(false)
    }
}

/// Where the archive starts: in a program behind it.
fn start(file: &mut dyn ReadSeek, name: &[u8]) -> io::Result<u64> {
    let mut body = read_at(file, 0, 8)?;
    if !body.starts_with(b"MZ") {
        return Ok(0);
    }
    body = read_at(file, 0, overlay::LOOK)?;
    let probe = Probe { head: &body, tail: &[], body: &body, size: body.len() as u64, name, volumes: None };
    Ok(Rar::start(&probe).unwrap_or(0))
}

/// An archive up to its main header.
struct Opening {
    headers: Headers,
    main: Main,
}

impl Opening {
    fn newer(&self) -> bool {
        self.headers.newer()
    }
}

/// Reads up to the main header; none where none comes first, or it is encrypted.
fn opening(input: &mut dyn ReadSeek, base: u64, end: u64, keyring: &mut Keyring, budget: &Budget) -> io::Result<Option<Opening>> {
    let mark = read_at(input, base, 8)?;
    if !mark.starts_with(rar4::MARK) && !mark.starts_with(rar5::MARK) {
        return Ok(None);
    }
    let mut headers = Headers::new(&mark, base, end);
    // The header of encryption comes before the main one.
    for _ in 0..2 {
        match headers.next(input, keyring, budget)? {
            Some(Ok(Block::Main(main))) => return Ok(Some(Opening { headers, main })),
            Some(Ok(Block::Other)) => {}
            Some(Ok(_) | Err(Hidden)) | None => return Ok(None),
        }
    }
    Ok(None)
}

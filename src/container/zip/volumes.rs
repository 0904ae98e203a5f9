//! Sets of volumes: an archive that was cut (`x.zip.001`, `x.zip.002`, …) and one that was split by its own rules
//! (`x.z01`, `x.z02`, …, `x.zip`; APPNOTE §8). The first kind is read from its first part, the second from the last,
//! which holds the directory.

use std::io;

use super::directory::{self, End};
use super::starts;
use crate::container::parts::{cased, ending, number, numbered, part, shown, stem};
use crate::container::read::read_at;
use crate::container::set::{self, MAX_VOLUMES, Part};
use crate::container::{Probe, ReadSeek, Volumes};

/// How an object is to be read.
pub(super) enum Plan {
    /// By itself.
    Alone,
    /// With the rest of its set, from another object.
    Elsewhere,
    Joined(Set),
}

pub(super) struct Set {
    pub parts: Vec<Part>,
    /// Each entry counts from the beginning of its volume.
    pub split: bool,
    /// Names of what is missing.
    pub missing: Vec<Vec<u8>>,
}

impl Set {
    pub(super) fn shown(&self) -> impl Iterator<Item = String> + '_ {
        self.missing.iter().map(|name| shown(name))
    }
}

pub(super) fn plan(probe: &Probe<'_>, input: &mut dyn ReadSeek, size: u64) -> io::Result<Plan> {
    let Some(volumes) = probe.volumes else { return Ok(Plan::Alone) };
    if let Some(number) = part(probe.name) {
        return cut(probe, volumes, number, input, size);
    }
    if let Some(number) = split_number(probe.name) {
        return Ok(front(probe, volumes, number, size));
    }
    Ok(match directory::disk(input, size)? {
        Some(last) => whole(probe, volumes, last, size),
        None => Plan::Alone,
    })
}

/// A part of an archive that was cut.
fn cut(probe: &Probe<'_>, volumes: &dyn Volumes, number: u32, input: &mut dyn ReadSeek, size: u64) -> io::Result<Plan> {
    // Numbers may count archives as well.
    let complete = |end: &End| end.shift == 0 && end.disk == 0 && end.entries > 0;
    if directory::find(input, 0, size)?.as_ref().is_some_and(complete) {
        return Ok(Plan::Alone);
    }
    let before = run(volumes, (0..number).rev().map(|n| vec![numbered(probe.name, n)]));
    if let Some((first, _)) = before.last() {
        if begins(volumes, first) {
            return Ok(Plan::Elsewhere);
        }
        let lowest = number.saturating_sub(u32::try_from(before.len()).unwrap_or(u32::MAX));
        let missing = (1..lowest).map(|n| numbered(probe.name, n)).collect();
        let parts = before.into_iter().rev().map(|(_, part)| part).chain([Part::own(size)]).collect();
        return Ok(Plan::Joined(Set { parts, split: false, missing }));
    }
    Ok(match set::numbered(probe, size) {
        Some(set) if set.parts.len() > 1 => Plan::Joined(Set { parts: set.parts, split: false, missing: vec![set.next] }),
        _ => Plan::Alone,
    })
}

/// A volume before the last one.
fn front(probe: &Probe<'_>, volumes: &dyn Volumes, number: u32, size: u64) -> Plan {
    let last = cased(stem(probe.name), ending(probe.name), "zip");
    let leads = |name: &Vec<u8>| -> io::Result<bool> {
        let Some(size) = volumes.size(name) else { return Ok(false) };
        Ok(directory::disk(volumes.open(name)?.as_mut(), size)?.is_some_and(|disk| disk >= number))
    };
    if last.iter().any(|name| leads(name).unwrap_or(false)) {
        return Plan::Elsewhere;
    }
    let named = |n: u32| split_name(probe.name, n);
    let before = run(volumes, (1..number).rev().map(named));
    if before.last().is_some_and(|(first, _)| begins(volumes, first)) {
        return Plan::Elsewhere;
    }
    let behind = run(volumes, (number.saturating_add(1)..=u32::from(u16::MAX)).map(named));
    if behind.is_empty() {
        return Plan::Alone;
    }
    let parts = [Part::own(size)].into_iter().chain(behind.into_iter().map(|(_, part)| part)).collect();
    Plan::Joined(Set { parts, split: true, missing: last.into_iter().take(1).collect() })
}

/// The last volume, with `last` before it.
fn whole(probe: &Probe<'_>, volumes: &dyn Volumes, last: u32, size: u64) -> Plan {
    if usize::try_from(last).unwrap_or(usize::MAX) >= MAX_VOLUMES {
        return Plan::Alone;
    }
    let mut parts = Vec::new();
    let mut missing = Vec::new();
    for n in 1..=last {
        let names = split_name(probe.name, n);
        let wanted = names.first().cloned();
        parts.push(Part::beside(volumes, names).unwrap_or_else(|| {
            missing.extend(wanted);
            Part::missing()
        }));
    }
    if missing.len() == parts.len() {
        return Plan::Alone;
    }
    parts.push(Part::own(size));
    Plan::Joined(Set { parts, split: true, missing })
}

/// The number of a volume named `NAME.z01`.
fn split_number(name: &[u8]) -> Option<u32> {
    let (letter, digits) = ending(name).split_first()?;
    number(digits).filter(|_| letter.eq_ignore_ascii_case(&b'z') && digits.len() >= 2)
}

fn split_name(name: &[u8], number: u32) -> Vec<Vec<u8>> {
    cased(stem(name), ending(name), &format!("z{number:02}"))
}

/// Files as long as there is one.
fn run(volumes: &dyn Volumes, names: impl Iterator<Item = Vec<Vec<u8>>>) -> Vec<(Vec<u8>, Part)> {
    let found = |names: Vec<Vec<u8>>| {
        let name = names.into_iter().find(|name| volumes.size(name).is_some())?;
        Some((name.clone(), Part::beside(volumes, [name])?))
    };
    names.map_while(found).take(MAX_VOLUMES).collect()
}

/// Whether a file begins as a zip does.
fn begins(volumes: &dyn Volumes, name: &[u8]) -> bool {
    volumes.open(name).and_then(|mut file| read_at(file.as_mut(), 0, 8)).is_ok_and(|head| starts(&head))
}

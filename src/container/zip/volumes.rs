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

/// Volumes that are looked for in front of one, which each of them does.
const LOOK: usize = 1000;

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
    let named = |n: u32| vec![numbered(probe.name, n)];
    let behind = run(volumes, [number.saturating_add(1)].map(named).into_iter());
    if !behind.is_empty() && run(volumes, (0..number).rev().map(named).take(1)).len() == 1 {
        return Ok(middle(volumes, 1, (0..number).rev().map(named)));
    }
    let before = run(volumes, (0..number).rev().map(named));
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

/// A part that begins or ends like an archive by chance: it is read with the first one, or by itself where that doesn't
/// reach as far. `least` volumes must lie before it.
fn middle(volumes: &dyn Volumes, least: usize, before: impl Iterator<Item = Vec<Vec<u8>>>) -> Plan {
    let before = run(volumes, before.take(LOOK));
    let led = |(first, _): &(Vec<u8>, Part)| before.len() == LOOK || before.len() >= least && begins(volumes, first);
    if before.last().is_some_and(led) { Plan::Elsewhere } else { Plan::Alone }
}

/// A volume before the last one.
fn front(probe: &Probe<'_>, volumes: &dyn Volumes, number: u32, size: u64) -> Plan {
    let last = cased(stem(probe.name), ending(probe.name), "zip");
    let disk = |name: &Vec<u8>| directory::disk(volumes.open(name).ok()?.as_mut(), volumes.size(name)?).ok()?;
    let named = |n: u32| split_name(probe.name, n);
    match last.iter().find_map(disk) {
        Some(disk) if disk >= number => return Plan::Elsewhere,
        // It is none of that set.
        Some(_) => return Plan::Alone,
        None if number > 1 => {
            let all = usize::try_from(number.saturating_sub(1)).unwrap_or(usize::MAX);
            return middle(volumes, all, (1..number).rev().map(named));
        }
        None => {}
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

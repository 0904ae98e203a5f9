//! Windows Installer packages, transforms and patches: compound files whose streams are members, so that cabinets in them
//! are opened. Documents are compound files too; these are told by the class of their root.

use std::io;

use super::cfb::{self, File, Kind, MAGIC, ROOT, place, sector_size, u32_at};
use super::walk::Walk;
use super::{Budget, Container, Expanded, MemberSink, Probe, ReadSeek};
use crate::model::GapReason;

/// `{000C1084-0000-0000-C000-000000000046}` with 84 for packages, 82 for transforms, 86 for patches.
const CLASS: [u8; 15] = [0x10, 0x0c, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46];
const DEPTH: usize = 16;

pub struct Msi;

impl Container for Msi {
    fn id(&self) -> &'static str {
        "msi"
    }

    fn probe(&self, probe: &Probe<'_>) -> bool {
        let class = || {
            let sector = sector_size(probe.head)?;
            let root = place(u32_at(probe.head, 48)?, sector)?;
            let at = usize::try_from(root).ok()?.checked_add(80)?;
            probe.body.get(at..at.checked_add(16)?)
        };
        probe.head.starts_with(MAGIC)
            && class().is_some_and(|class| matches!(class[0], 0x82 | 0x84 | 0x86) && class[1..] == CLASS)
    }

    fn expand(&self, probe: &Probe<'_>, input: &mut dyn ReadSeek, budget: &mut Budget, sink: &mut dyn MemberSink) -> Expanded {
        cfb::expand(self.id(), probe, input, budget, sink, members)
    }
}

fn members(file: &mut File<'_>, walk: &mut Walk<'_>) -> io::Result<()> {
    let mut seen = vec![false; file.entries.len()];
    let mut open: Vec<_> = file.children(ROOT).into_iter().rev().map(|child| (child, Vec::new(), 0)).collect();
    while let Some((index, path, depth)) = open.pop() {
        let (Some(entry), Some(seen)) = (file.entries.get(index), seen.get_mut(index)) else { continue };
        if std::mem::replace(seen, true) {
            continue;
        }
        let own = name(entry.name.iter().copied());
        let name = if path.is_empty() { own } else { [&path[..], b"/", &own].concat() };
        match entry.kind {
            Kind::Storage if depth >= DEPTH => {
                walk.shortfall(GapReason::LimitDepth, "storages are nested deeper than the limit");
            }
            Kind::Storage => open.extend(file.children(index).into_iter().rev().map(|child| (child, name.clone(), depth + 1))),
            Kind::Stream => {
                let size = entry.size;
                file.member(index, name, 0, size, walk)?;
            }
            Kind::Other => {}
        }
        if walk.ended() {
            return Ok(());
        }
    }
    Ok(())
}

/// Installer packs two letters of a name into one unit; U+4840 in front marks a table (as `msiinfo` of msitools shows them).
fn name(units: impl Iterator<Item = u16>) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._";
    let letter = |n: u16| char::from(LETTERS[usize::from(n & 0x3f)]);
    let mut out = String::new();
    let units: Vec<u16> = units.collect();
    for c in char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)) {
        match u16::try_from(u32::from(c)) {
            Ok(unit @ 0x3800..0x4800) => out.extend([letter(unit - 0x3800), letter((unit - 0x3800) >> 6)]),
            Ok(unit @ 0x4800..0x4840) => out.push(letter(unit - 0x4800)),
            Ok(0x4840) => out.push('!'),
            _ => out.push(c),
        }
    }
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::super::Limits;
    use super::super::testing::{Tree, mutations, open, open_with};
    use crate::model::GapReason;

    const PACKAGE: &[u8] = include_bytes!("../../tests/fixtures/container/msi.msi");

    #[test]
    fn the_cabinet_of_a_package_is_opened() {
        let tree = open_with(PACKAGE, "x.msi", Limits::default(), Tree { recurse: true, ..Tree::default() });
        assert_eq!(tree.gaps(), [], "{:?}", tree.names());
        assert_eq!(tree.content("dir/list.txt"), Some(&b"Nobody in this list is real.\n"[..]), "{:?}", tree.names());
        assert!(tree.names().contains(&"!_StringPool".to_owned()), "{:?}", tree.names());
        assert!(tree.names().contains(&"lists.cab".to_owned()), "{:?}", tree.names());
    }

    #[test]
    fn damage() {
        mutations(&PACKAGE[..PACKAGE.len().min(1536)], "x.msi");
        for cut in (2048..PACKAGE.len()).step_by(512) {
            let tree = open(&PACKAGE[..cut], "x.msi");
            assert!(
                tree.opened.is_empty() || tree.gaps().contains(&GapReason::Malformed) || tree.seen == open(PACKAGE, "x").seen
            );
        }
    }
}

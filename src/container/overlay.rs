//! Archives that don't start at the first byte: self-extracting ones, whose data lie behind a program, and archives
//! hung behind any other file.
//!
//! Of a Windows program the overlay starts where the last section ends (PE/COFF specification, "Section Table":
//! `PointerToRawData` + `SizeOfRawData`). 7z and RAR are looked for behind their marks, since settings may stand
//! between program and archive; a mark counts only with the header behind it whole.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::{Container, Probe, rar, recognised, sevenz};

/// Bytes in which an archive behind something else may start. RAR's own programs look through 2 MiB at most.
const LOOK: usize = 4 << 20;

/// The archive format at the start of a program's overlay, or whose mark stands in the object. A zip is found by
/// its end instead.
pub fn detect(probe: &Probe<'_>) -> Option<&'static dyn Container> {
    let sevenz = sevenz::SevenZip::start(probe).map(|at| (at, &sevenz::SevenZip as &dyn Container));
    let rar = rar::Rar::start(probe).map(|at| (at, &rar::Rar as &dyn Container));
    let first = sevenz.into_iter().chain(rar).min_by_key(|(at, _)| *at).map(|(_, format)| format);
    first.or_else(|| {
        let rest = overlay(probe.body)?;
        let inner = Probe { head: rest, tail: probe.tail, body: rest, size: rest.len() as u64, name: probe.name };
        ["cab", "ace"].iter().find_map(|id| {
            let format = recognised::REGISTRY.iter().find(|format| format.id() == *id)?;
            format.probe(&inner).then_some(format as &dyn Container)
        })
    })
}

/// Where the first of `marks` stands that `is` confirms with what follows it.
pub(super) fn find(probe: &Probe<'_>, mark: &LazyLock<Finder<'static>>, is: impl Fn(&[u8]) -> bool) -> Option<u64> {
    let body = probe.body;
    let within = &body[..body.len().min(LOOK)];
    mark.find_iter(within).find(|at| body.get(*at..).is_some_and(&is)).map(|at| at as u64)
}

/// What follows the last section of a PE file.
fn overlay(pe: &[u8]) -> Option<&[u8]> {
    let u16_at = |at: usize| Some(u16::from_le_bytes(pe.get(at..at.checked_add(2)?)?.try_into().ok()?));
    let u32_at = |at: usize| Some(u32::from_le_bytes(pe.get(at..at.checked_add(4)?)?.try_into().ok()?));
    if !pe.starts_with(b"MZ") {
        return None;
    }
    let header = u32_at(0x3c)? as usize;
    if !pe.get(header..)?.starts_with(b"PE\0\0") {
        return None;
    }
    let sections = usize::from(u16_at(header.checked_add(6)?)?);
    let table = header.checked_add(24)?.checked_add(usize::from(u16_at(header.checked_add(20)?)?))?;
    let mut end = 0usize;
    for i in 0..sections {
        let at = table.checked_add(i.checked_mul(40)?)?;
        let size = u32_at(at.checked_add(16)?)? as usize;
        end = end.max((u32_at(at.checked_add(20)?)? as usize).checked_add(size)?);
    }
    pe.get(end..).filter(|rest| end > 0 && !rest.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A PE with one section of 16 bytes at 0x200, and `behind` after it.
    fn program(behind: &[u8]) -> Vec<u8> {
        let mut pe = vec![0; 0x210];
        pe[..2].copy_from_slice(b"MZ");
        pe[0x3c] = 0x80;
        pe[0x80..0x84].copy_from_slice(b"PE\0\0");
        pe[0x86] = 1;
        pe[0x98 + 16] = 0x10;
        pe[0x98 + 21] = 0x02;
        pe.extend_from_slice(behind);
        pe
    }

    fn found(bytes: &[u8]) -> Option<&'static str> {
        detect(&Probe { head: bytes, tail: bytes, body: bytes, size: bytes.len() as u64, name: b"x.exe" }).map(|f| f.id())
    }

    const RAR: &[u8] = include_bytes!("../../tests/fixtures/container/rar.rar");
    const SEVENZ: &[u8] = include_bytes!("../../tests/fixtures/container/7z.7z");

    #[test]
    fn archives_behind_a_program_are_named() {
        assert_eq!(found(&program(RAR)), Some("rar"));
        assert_eq!(found(&program(SEVENZ)), Some("7z"));
        assert_eq!(found(&program(&[b";!@Install@!UTF-8!", SEVENZ, RAR].concat())), Some("7z"));
        assert_eq!(found(&[b"\x7fELF or any text", RAR].concat()), Some("rar"));
        assert_eq!(found(&program(b"MSCF\0\0\0\0")), Some("cab"));
        assert_eq!(found(&program(b"just some data")), None);
        assert_eq!(found(&program(b"")), None);
        // A mark alone is no archive: every tool for archives holds it.
        assert_eq!(found(&program(b"Rar!\x1a\x07\x01\x00")), None);
        assert_eq!(found(&program(b"Rar!\x1a\x07\x00 and some words behind it")), None);
        assert_eq!(found(&program(b"7z\xbc\xaf\x27\x1c and some more words behind it")), None);
    }

    #[test]
    fn hostile_headers_are_no_overlay() {
        let good = program(RAR);
        for at in 0..0x200 {
            for value in [0xff, 0x7f] {
                let mut bad = good.clone();
                bad[at] = value;
                let _ = found(&bad);
            }
        }
        for n in 0..good.len() {
            let _ = found(&good[..n]);
        }
    }
}

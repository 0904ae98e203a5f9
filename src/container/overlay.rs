//! Archives that don't start at the first byte: self-extracting ones, whose data lie behind a program, and archives
//! hung behind pictures, scripts, or any other file.
//!
//! 7z and RAR are looked for behind their marks, since settings may stand between program and archive; a mark counts
//! only with the header behind it whole. The other formats must start exactly where the file itself ends
//! ([`ends`](super::ends)), or, in a script, at a mark behind a line's end.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::{Budget, Container, Expanded, MemberSink, Probe, ReadSeek, ace, arj, cab, ends, lzh, rar, sevenz, stream, tar};

/// Bytes in which an archive behind something else may start. RAR's own programs look through 2 MiB at most.
pub(super) const LOOK: usize = 4 << 20;

/// The archive format at the start of a program's overlay, or whose mark stands in the object. A zip is found by
/// its end instead.
pub fn detect(probe: &Probe<'_>) -> Option<&'static dyn Container> {
    let sevenz = sevenz::SevenZip::start(probe).map(|at| (at, &sevenz::SevenZip as &dyn Container));
    let rar = rar::Rar::start(probe).map(|at| (at, &rar::Rar as &dyn Container));
    let first = sevenz.into_iter().chain(rar).min_by_key(|(at, _)| *at).map(|(_, format)| format);
    first.or_else(|| APPENDED.iter().find(|format| format.start(probe).is_some()).map(|format| format as &dyn Container))
}

/// Formats that are looked for where a file ends.
static APPENDED: &[Appended] = &[
    Appended(&cab::Cab),
    Appended(&stream::gz::GZ),
    Appended(&stream::xz::XZ),
    Appended(&stream::bz2::BZ2),
    Appended(&stream::zst::ZST),
    Appended(&tar::Tar),
    Appended(&arj::Arj),
    Appended(&lzh::Lzh),
    Appended(&ace::Ace),
];

/// A format whose archive stands behind something else.
struct Appended(&'static dyn Container);

impl Appended {
    /// Where it starts.
    fn start(&self, probe: &Probe<'_>) -> Option<usize> {
        let body = probe.body;
        let is =
            |at: usize| body.get(at..).filter(|rest| !rest.is_empty()).is_some_and(|rest| self.0.probe(&inner(probe, rest, at)));
        if let Some(end) = ends::end(body) {
            return Some(end).filter(|end| *end > 0 && is(*end));
        }
        if !body.starts_with(b"#!") {
            return None;
        }
        let within = &body[..body.len().min(LOOK)];
        memchr::memchr_iter(b'\n', within).map(|line| line + 1).take(LINES).find(|at| is(*at))
    }
}

/// Lines of a script behind which an archive may start.
const LINES: usize = 20_000;

fn inner<'a>(probe: &Probe<'a>, rest: &'a [u8], at: usize) -> Probe<'a> {
    let size = probe.size.saturating_sub(at as u64);
    Probe {
        head: &rest[..rest.len().min(64 << 10)],
        tail: probe.tail,
        body: rest,
        size,
        name: probe.name,
        volumes: probe.volumes,
    }
}

impl Container for Appended {
    fn id(&self) -> &'static str {
        self.0.id()
    }

    fn probe(&self, probe: &Probe<'_>) -> bool {
        self.start(probe).is_some()
    }

    fn expand(&self, probe: &Probe<'_>, input: &mut dyn ReadSeek, budget: &mut Budget, sink: &mut dyn MemberSink) -> Expanded {
        let start = self.start(probe).unwrap_or(0);
        let rest = probe.body.get(start..).unwrap_or_default();
        let mut behind = Behind { input, start: start as u64 };
        // Where seeking fails reading does so too, and is told.
        let _ = behind.seek(SeekFrom::Start(0));
        self.0.expand(&inner(probe, rest, start), &mut behind, budget, sink)
    }
}

/// What stands behind `start`.
struct Behind<'a> {
    input: &'a mut dyn ReadSeek,
    start: u64,
}

impl Read for Behind<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.input.read(buf)
    }
}

impl Seek for Behind<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(at) => SeekFrom::Start(at.saturating_add(self.start)),
            other => other,
        };
        Ok(self.input.seek(to)?.saturating_sub(self.start))
    }
}

/// Where the first of `marks` stands that `is` confirms with what follows it.
pub(super) fn find(probe: &Probe<'_>, mark: &LazyLock<Finder<'static>>, is: impl Fn(&[u8]) -> bool) -> Option<u64> {
    let body = probe.body;
    let within = &body[..body.len().min(LOOK)];
    mark.find_iter(within).find(|at| body.get(*at..).is_some_and(&is)).map(|at| at as u64)
}

#[cfg(test)]
mod tests {
    use super::super::testing::{open, opened};
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
        detect(&Probe { head: bytes, tail: bytes, body: bytes, size: bytes.len() as u64, name: b"x.exe", volumes: None })
            .map(|f| f.id())
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

    const TGZ: &[u8] = include_bytes!("../../tests/fixtures/container/gz.gz");
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\0IDAT\x35\xaf\x06\x1e\0\0\0\0IEND\xae\x42\x60\x82";
    const JPEG: &[u8] = b"\xff\xd8\xff\xe0\0\x04ab\xff\xda\0\x02 picture \xff\0 and more \xff\xd0 of it\xff\xd9";
    const GIF: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

    /// An ELF of 64 bits whose one section header ends the file.
    fn elf() -> Vec<u8> {
        let mut elf = vec![0; 128];
        elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
        elf[40] = 64;
        elf[54] = 56;
        elf[58] = 64;
        elf[60] = 1;
        elf
    }

    #[test]
    fn behind_pictures_programs_and_scripts() {
        let cab = include_bytes!("../../tests/fixtures/container/cab-stored.cab");
        let tar = include_bytes!("../../tests/fixtures/container/tar.tar");
        let arj = include_bytes!("../../tests/fixtures/container/arj.arj");
        let script = b"#!/bin/sh\ntail -n +3 $0 | tar xz\n".to_vec();
        for front in [PNG.to_vec(), JPEG.to_vec(), GIF.to_vec(), elf(), script, program(b"")] {
            assert_eq!(found(&front), None);
            for (id, archive) in [("gz", TGZ), ("cab", cab), ("tar", tar), ("arj", arj), ("7z", SEVENZ), ("rar", RAR)] {
                let bytes = [&front[..], archive].concat();
                assert_eq!(found(&bytes), Some(id), "{id} behind {:?}", &front[..6]);
                let (tree, alone) = (open(&bytes, "x"), open(archive, "x"));
                assert_eq!((tree.names(), tree.gaps()), (alone.names(), alone.gaps()), "{id} behind {:?}", &front[..6]);
                assert!(opened(&tree).facts.notes.contains(&"appended".to_owned()));
            }
        }
    }

    #[test]
    fn hostile_headers_are_no_overlay() {
        for good in [program(TGZ), elf(), PNG.to_vec(), JPEG.to_vec(), GIF.to_vec()] {
            for at in 0..good.len().min(0x200) {
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
}

//! ar, as System V, GNU and BSD write it, and Debian packages, which are ar archives of three members (deb(5)).
//!
//! The form is in ar(5) of the BSDs and in binutils' `include/aout/ar.h`: a header of 60 bytes of text for each member.
//! Long names stand in a member `//` (GNU) or in front of the data (`#1/N`, BSD). Thin archives only name files that
//! lie elsewhere.

use std::io::{self, Read};

use super::forward::{self, Piece};
use super::meter::Fault;
use super::stream::Shared;
use super::walk::{Walk, named};
use super::{Budget, Container, Expanded, MemberSink, Probe, ReadSeek};
use crate::model::{GapReason, MemberFacts, Time};

/// Bytes of a table of long names.
const TABLE: u64 = 8 << 20;
/// Bytes of one name.
const NAME: u64 = 64 << 10;

pub struct Ar {
    id: &'static str,
    is: fn(&[u8]) -> bool,
}

pub static DEB: Ar = Ar { id: "deb", is: is_deb };
pub static AR: Ar =
    Ar { id: "ar", is: |head| (head.starts_with(b"!<arch>\n") || head.starts_with(b"!<thin>\n")) && !is_deb(head) };

fn is_deb(head: &[u8]) -> bool {
    head.starts_with(b"!<arch>\ndebian-binary")
}

impl Container for Ar {
    fn id(&self) -> &'static str {
        self.id
    }

    fn probe(&self, probe: &Probe<'_>) -> bool {
        (self.is)(probe.head)
    }

    fn forward_only(&self) -> bool {
        true
    }

    fn expand(&self, _: &Probe<'_>, input: &mut dyn ReadSeek, budget: &mut Budget, sink: &mut dyn MemberSink) -> Expanded {
        let mut walk = Walk::new(self.id, budget, sink);
        if let Err(e) = members(&Shared::new(input), &mut walk) {
            walk.failed(&e);
        }
        walk.finish()
    }
}

fn number(field: &[u8], radix: u32) -> Option<u64> {
    let text = std::str::from_utf8(field).ok()?.trim_end_matches(' ');
    if text.is_empty() { Some(0) } else { u64::from_str_radix(text, radix).ok().filter(|_| !text.starts_with('+')) }
}

fn members(tape: &Shared<'_>, walk: &mut Walk<'_>) -> io::Result<()> {
    let thin = tape.take::<8>()? == *b"!<thin>\n";
    let mut table = Vec::new();
    loop {
        // Members begin at even bytes, filled up with a line's end, which the last one may lack.
        if tape.peek(1)?.is_empty() {
            return Ok(());
        }
        let header = tape.take::<60>()?;
        let field = |from: usize, to: usize, radix| number(header.get(from..to).unwrap_or_default(), radix);
        let size = field(48, 58, 10).filter(|_| header.ends_with(b"`\n"));
        let Some(size) = size else {
            return Err(Fault::malformed("a header is damaged; what follows is not listed"));
        };
        let stored = header.get(..16).unwrap_or_default().trim_ascii_end();
        if matches!(stored, b"/" | b"/SYM64/" | b"//") {
            let mut piece = Piece::new(tape, size);
            if stored == b"//" {
                Read::by_ref(&mut piece).take(TABLE).read_to_end(&mut table)?;
                if size > TABLE {
                    walk.shortfall(GapReason::LimitMemory, "the table of long names is larger than the limit");
                }
            }
            piece.finish()?;
            pad(tape, size)?;
            continue;
        }
        let (name, before) = name(tape, stored, size, &table, walk)?;
        let content = size.saturating_sub(before);
        let mut facts = MemberFacts {
            size: Some(content),
            packed: Some(content),
            mtime: field(16, 28, 10).and_then(|s| i64::try_from(s).ok()).map(Time::from_seconds),
            owner: field(28, 34, 10).zip(field(34, 40, 10)).map(|(uid, gid)| format!("{uid}:{gid}")),
            mode: field(40, 48, 8).map(|mode| format!("{:04o}", mode & 0o7777)),
            ..named(name)
        };
        if walk.admit(&mut facts) {
            if thin {
                walk.unread(&facts, GapReason::LinkMember, "a thin archive; the file lies elsewhere");
            } else {
                forward::stored(walk, &facts, tape, content, None)?;
            }
        }
        if forward::over(walk) {
            return Ok(());
        }
        if !thin {
            pad(tape, size)?;
        }
    }
}

fn pad(tape: &Shared<'_>, size: u64) -> io::Result<()> {
    if size % 2 == 1 && !tape.peek(1)?.is_empty() { tape.skip(1) } else { Ok(()) }
}

/// The name of a member, and how many bytes of its data belong to it.
fn name(tape: &Shared<'_>, stored: &[u8], size: u64, table: &[u8], walk: &mut Walk<'_>) -> io::Result<(Vec<u8>, u64)> {
    if let Some(length) = stored.strip_prefix(b"#1/").and_then(|n| number(n, 10)) {
        if length > size {
            return Err(Fault::malformed("a header is damaged; what follows is not listed"));
        }
        let mut piece = Piece::new(tape, length);
        let mut name = Vec::new();
        Read::by_ref(&mut piece).take(NAME).read_to_end(&mut name)?;
        piece.finish()?;
        if length > NAME {
            walk.shortfall(GapReason::LimitMemory, "a name is longer than the limit");
        }
        name.truncate(name.iter().rposition(|b| *b != 0).map_or(0, |last| last.saturating_add(1)));
        return Ok((name, length));
    }
    if let Some(at) = stored.strip_prefix(b"/").filter(|n| !n.is_empty()).and_then(|n| number(n, 10)) {
        let found = usize::try_from(at).ok().and_then(|at| table.get(at..)).filter(|rest| !rest.is_empty());
        let Some(rest) = found else {
            walk.shortfall(GapReason::Malformed, "a long name is missing");
            return Ok((stored.to_vec(), 0));
        };
        // GNU ends a name with `/` and a line's end, Microsoft's tools with a zero.
        let end = memchr::memchr2(b'\n', 0, rest).unwrap_or(rest.len());
        let name = rest.get(..end.min(NAME as usize)).unwrap_or_default();
        return Ok((name.strip_suffix(b"/").unwrap_or(name).to_vec(), 0));
    }
    Ok((stored.strip_suffix(b"/").filter(|name| !name.is_empty()).unwrap_or(stored).to_vec(), 0))
}

#[cfg(test)]
mod tests {
    use super::super::Limits;
    use super::super::testing::{Tree, mutations, open, open_with, opened};
    use super::*;

    const GNU: &[u8] = include_bytes!("../../tests/fixtures/container/ar.a");
    const BSD: &[u8] = include_bytes!("../../tests/fixtures/container/ar-bsd.a");
    const THIN: &[u8] = include_bytes!("../../tests/fixtures/container/ar-thin.a");
    const PACKAGE: &[u8] = include_bytes!("../../tests/fixtures/container/deb.deb");
    const LONG: &str = "a name that is longer than sixteen bytes.txt";

    #[test]
    fn names_of_both_worlds() {
        for bytes in [GNU, BSD] {
            let tree = open(bytes, "x.a");
            assert_eq!(tree.names(), ["list.txt", LONG]);
            assert_eq!(tree.content(LONG), Some(&b"Nobody in this list is real.\n"[..]));
            assert_eq!(tree.content("list.txt"), Some(&b"odd"[..]));
            assert_eq!(tree.gaps(), []);
            for cut in 8..bytes.len() {
                // There is no end mark: an archive cut between members is a shorter archive.
                let cut_off = open(&bytes[..cut], "x.a");
                let whole = cut_off.seen.iter().zip(&tree.seen).all(|(a, b)| a.content == b.content);
                assert!(cut_off.gaps().contains(&GapReason::Malformed) || whole, "cut at {cut}");
            }
            mutations(bytes, "x.a");
        }
    }

    #[test]
    fn members_of_thin_archives_lie_elsewhere() {
        let tree = open(THIN, "x.a");
        assert_eq!(tree.names(), ["list.txt", LONG]);
        assert_eq!(tree.gaps(), [GapReason::LinkMember; 2]);
        mutations(THIN, "x.a");
    }

    #[test]
    fn a_package_opens_to_its_files() {
        let tree = open_with(PACKAGE, "x.deb", Limits::default(), Tree { recurse: true, ..Tree::default() });
        assert_eq!(tree.content("./usr/share/doc/nobody/list.txt"), Some(&b"Nobody in this list is real.\n"[..]));
        assert_eq!(tree.gaps(), []);
        assert_eq!(opened(&open(PACKAGE, "x")).facts.format, "deb");
        mutations(PACKAGE, "x.deb");
    }
}

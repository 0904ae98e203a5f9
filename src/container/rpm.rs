//! RPM packages: lead, signature header, header, and the payload, which is a compressed cpio archive and is handed on
//! as the one member (RPM's `docs/manual/format_v3.md`, `format_v4.md`).

use std::io;

use super::meter::{Fault, Input};
use super::stream::Shared;
use super::walk::{Walk, named};
use super::{Budget, Container, Expanded, MemberSink, Probe, ReadSeek};
use crate::model::MemberFacts;

const LEAD: u64 = 96;

pub struct Rpm;

impl Container for Rpm {
    fn id(&self) -> &'static str {
        "rpm"
    }

    fn probe(&self, probe: &Probe<'_>) -> bool {
        probe.head.starts_with(b"\xed\xab\xee\xdb")
    }

    fn forward_only(&self) -> bool {
        true
    }

    fn expand(&self, probe: &Probe<'_>, input: &mut dyn ReadSeek, budget: &mut Budget, sink: &mut dyn MemberSink) -> Expanded {
        let mut walk = Walk::new(self.id(), budget, sink);
        if let Err(e) = payload(&Shared::new(input), probe.size, &mut walk) {
            walk.failed(&e);
        }
        walk.finish()
    }
}

/// Passes over a header; gives its length.
fn header(tape: &Shared<'_>) -> io::Result<u64> {
    let intro = tape.take::<16>()?;
    let word = |at: usize| intro.get(at..at + 4).and_then(|b| b.try_into().ok()).map_or(0, u32::from_be_bytes);
    if !intro.starts_with(b"\x8e\xad\xe8\x01") {
        return Err(Fault::malformed("a header is damaged"));
    }
    let length = u64::from(word(8)) * 16 + u64::from(word(12));
    tape.skip(length)?;
    Ok(length + 16)
}

fn payload(tape: &Shared<'_>, size: u64, walk: &mut Walk<'_>) -> io::Result<()> {
    tape.skip(LEAD)?;
    let signature = header(tape)?;
    // The signature is filled up to eight bytes.
    let padding = signature.next_multiple_of(8) - signature;
    tape.skip(padding)?;
    let before = LEAD + signature + padding + header(tape)?;
    let head = tape.peek(6)?;
    if head.is_empty() {
        return Err(Fault::malformed("the payload is missing"));
    }
    let ending = match head.as_slice() {
        [0x1f, 0x8b, ..] => ".gz",
        [0xfd, b'7', b'z', ..] => ".xz",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => ".zst",
        [b'B', b'Z', b'h', ..] => ".bz2",
        [0x5d, 0, 0, ..] => ".lzma",
        _ => "",
    };
    let left = size.saturating_sub(before);
    let mut facts = MemberFacts { size: Some(left), packed: Some(left), ..named(format!("payload.cpio{ending}").as_str()) };
    if walk.admit(&mut facts) {
        let mut tape = tape.clone();
        let mut input = Input::new(&mut tape);
        let fed = input.fed();
        walk.deliver(&facts, &mut input, fed, None);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::Limits;
    use super::super::testing::{Tree, mutations, open, open_with};
    use crate::model::GapReason;

    const PACKAGE: &[u8] = include_bytes!("../../tests/fixtures/container/rpm.rpm");

    #[test]
    fn a_package_opens_to_its_files() {
        let tree = open_with(PACKAGE, "x.rpm", Limits::default(), Tree { recurse: true, ..Tree::default() });
        assert_eq!(tree.content("./usr/share/nobody/list.txt"), Some(&b"Nobody in this list is real.\n"[..]));
        assert!(tree.seen[0].name().starts_with("payload.cpio."));
        assert_eq!(tree.gaps(), []);
    }

    #[test]
    fn damage() {
        mutations(&PACKAGE[..PACKAGE.len().min(2048)], "x.rpm");
        let headers = PACKAGE.len() - open(PACKAGE, "x").seen[0].content.as_ref().unwrap().len();
        for cut in (4..headers).step_by(7) {
            assert_eq!(open(&PACKAGE[..cut], "x.rpm").gaps(), [GapReason::Malformed], "cut at {cut}");
        }
    }
}

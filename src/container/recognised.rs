//! Formats that are recognised but not opened: the report names them as not looked into, instead of silence.

use super::walk::Walk;
use super::{Budget, Container, Expanded, MemberSink, Probe, ReadSeek};
use crate::model::GapReason;

/// A format known by its marks.
pub struct Recognised {
    id: &'static str,
    is: fn(&Probe<'_>) -> bool,
}

const fn format(id: &'static str, is: fn(&Probe<'_>) -> bool) -> Recognised {
    Recognised { id, is }
}

/// Magic bytes as in each format's documentation and in the `file` project's table.
pub static REGISTRY: &[Recognised] = &[
    format("cab", |p| p.head.starts_with(b"MSCF\0\0\0\0")),
    format("iso", |p| {
        (0..3).any(|sector| at(p.head, 32_769 + sector * 2048, b"CD001") || at(p.head, 32_769 + sector * 2048, b"BEA01"))
    }),
    format("cpio", is_cpio),
    format("deb", |p| p.head.starts_with(b"!<arch>\ndebian-binary")),
    format("ar", |p| {
        (p.head.starts_with(b"!<arch>\n") || p.head.starts_with(b"!<thin>\n")) && !p.head.starts_with(b"!<arch>\ndebian-binary")
    }),
    format("rpm", |p| p.head.starts_with(b"\xed\xab\xee\xdb")),
    format("arj", is_arj),
    format("ace", |p| at(p.head, 7, b"**ACE**")),
    format("lzh", |p| {
        at(p.head, 2, b"-l")
            && p.head.get(6) == Some(&b'-')
            && p.head.get(4..6).is_some_and(|m| b"hz".contains(&m[0]) && m[1].is_ascii_alphanumeric())
    }),
    format("xar", |p| p.head.starts_with(b"xar!")),
    format("lz4", |p| p.head.starts_with(&[0x04, 0x22, 0x4d, 0x18]) || p.head.starts_with(&[0x02, 0x21, 0x4c, 0x18])),
    format("compress", |p| {
        p.head.starts_with(&[0x1f, 0x9d]) && p.head.get(2).is_some_and(|flags| (9..=16).contains(&(flags & 0x1f)))
    }),
    format("wim", |p| p.head.starts_with(b"MSWIM\0\0\0") || p.head.starts_with(b"WLPWM\0\0\0")),
    format("vhd", |p| p.head.starts_with(b"conectix") || footer(p, b"conectix")),
    format("vhdx", |p| p.head.starts_with(b"vhdxfile")),
    format("vmdk", |p| p.head.starts_with(b"KDMV") || p.head.starts_with(b"# Disk DescriptorFile")),
    format("qcow2", |p| p.head.starts_with(b"QFI\xfb")),
    format("dmg", |p| footer(p, b"koly\0\0\0\x04")),
    format("ewf", |p| p.head.starts_with(b"EVF\x09\x0d\x0a\xff\0")),
];

/// Whether `what` stands at `offset`.
fn at(bytes: &[u8], offset: usize, what: &[u8]) -> bool {
    bytes.get(offset..).is_some_and(|rest| rest.starts_with(what))
}

/// Whether the last 512 bytes start with `what`.
fn footer(probe: &Probe<'_>, what: &[u8]) -> bool {
    probe.tail.len().checked_sub(512).is_some_and(|offset| at(probe.tail, offset, what))
}

/// POSIX odc and SVR4 (ASCII), old binary in both byte orders with a plausible name length behind it.
fn is_cpio(probe: &Probe<'_>) -> bool {
    let head = probe.head;
    if let Some(digits) = head.get(6..14)
        && (head.starts_with(b"070701") || head.starts_with(b"070702") || head.starts_with(b"070707"))
    {
        return digits.iter().all(u8::is_ascii_hexdigit);
    }
    let name_size = |order: fn([u8; 2]) -> u16| head.get(20..22).and_then(|b| b.try_into().ok()).map(order);
    let plausible = |size: Option<u16>| {
        size.is_some_and(|n| {
            let end = usize::from(n).saturating_add(25);
            (2..=1024).contains(&n) && head.get(end) == Some(&0) && !head[26..end].contains(&0)
        })
    };
    (head.starts_with(&[0xc7, 0x71]) && plausible(name_size(u16::from_le_bytes)))
        || (head.starts_with(&[0x71, 0xc7]) && plausible(name_size(u16::from_be_bytes)))
}

/// `60 EA`, a header size within the format's bound, and the header's own CRC-32.
fn is_arj(probe: &Probe<'_>) -> bool {
    let Some(size) = probe.head.get(2..4).and_then(|b| b.try_into().ok()).map(u16::from_le_bytes) else { return false };
    let end = usize::from(size).saturating_add(4);
    let sum = probe.head.get(end..end.saturating_add(4)).and_then(|b| b.try_into().ok()).map(u32::from_le_bytes);
    probe.head.starts_with(&[0x60, 0xea])
        && (1..=2600).contains(&size)
        && probe.head.get(4..end).is_some_and(|header| sum == Some(crc32fast::hash(header)))
}

impl Container for Recognised {
    fn id(&self) -> &'static str {
        self.id
    }

    fn probe(&self, probe: &Probe<'_>) -> bool {
        (self.is)(probe)
    }

    fn expand(&self, _: &Probe<'_>, _: &mut dyn ReadSeek, budget: &mut Budget, sink: &mut dyn MemberSink) -> Expanded {
        let mut walk = Walk::new(self.id, budget, sink);
        walk.shortfall(GapReason::UnsupportedContainer, "the format is recognised but not opened");
        walk.finish()
    }
}

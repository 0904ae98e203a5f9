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

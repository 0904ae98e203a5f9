//! Compressed streams: formats that hold one unnamed file. Each is a [`Stream`]; all share the reading of
//! several frames one behind the other, padding, and what is left behind the last one.

use std::cell::RefCell;
use std::io::{self, Read};
use std::rc::Rc;

use super::meter::Input;
use super::walk::{Walk, named};
use super::{Budget, Container, Expanded, Limits, MemberSink, Probe, ReadSeek};
use crate::model::{MemberFacts, Time};

pub mod bz2;
pub mod compress;
pub mod gz;
pub mod lz4;
pub mod lzma;
mod peek;
#[cfg(test)]
mod tests;
pub mod xz;
pub mod zst;

pub(super) use peek::Shared;

/// Decodes the frames of one format.
pub(super) trait Codec<'a> {
    /// Whether another frame starts with these (up to 16) bytes.
    fn starts(&self, head: &[u8]) -> bool;

    /// Reads the header of a frame.
    fn begin(&mut self, input: &Shared<'a>) -> io::Result<()>;

    /// Reads content; 0 says that the frame is complete and its checks agree.
    fn read(&mut self, input: &Shared<'a>, out: &mut [u8]) -> io::Result<usize>;
}

/// What the reading of a stream remarked; for the container's notes.
pub(super) type Remarks = Rc<RefCell<Vec<&'static str>>>;

enum State {
    Start,
    Inside,
    Between,
    Done,
}

/// The content of all frames.
pub(super) struct Frames<'a> {
    input: Shared<'a>,
    codec: Box<dyn Codec<'a> + 'a>,
    state: State,
    remarks: Remarks,
}

impl<'a> Frames<'a> {
    pub(super) fn new(input: Shared<'a>, codec: Box<dyn Codec<'a> + 'a>, remarks: Remarks) -> Self {
        Self { input, codec, state: State::Start, remarks }
    }

    /// Skips zero padding and looks for another frame.
    fn between(&mut self) -> io::Result<State> {
        self.input.skip_zeros()?;
        let head = self.input.peek(16)?;
        if head.is_empty() {
            return Ok(State::Done);
        }
        if self.codec.starts(&head) {
            return Ok(State::Start);
        }
        self.remarks.borrow_mut().push("trailing_data");
        Ok(State::Done)
    }
}

impl Read for Frames<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if buf.is_empty() {
            return Ok(0);
        }
        loop {
            match self.state {
                State::Start => {
                    self.codec.begin(&self.input)?;
                    self.state = State::Inside;
                }
                State::Inside => match self.codec.read(&self.input, buf)? {
                    0 => self.state = State::Between,
                    n => return Ok(n),
                },
                State::Between => self.state = self.between()?,
                State::Done => return Ok(0),
            }
        }
    }
}

/// What a stream's own header says of its one member.
#[derive(Default)]
pub(super) struct Stored {
    name: Option<Vec<u8>>,
    mtime: Option<Time>,
    size: Option<u64>,
}

/// A format of one compressed file.
pub struct Stream {
    id: &'static str,
    /// File name endings, each with what takes its place.
    endings: &'static [(&'static str, &'static str)],
    probe: fn(&[u8]) -> bool,
    stored: fn(&[u8]) -> Stored,
    codec: for<'a> fn(&Shared<'a>, &Limits) -> Box<dyn Codec<'a> + 'a>,
}

/// Nothing but content.
fn nothing_stored(_: &[u8]) -> Stored {
    Stored::default()
}

impl Stream {
    /// The member's name where the stream doesn't hold it.
    fn derived(&self, name: &[u8]) -> Vec<u8> {
        let base = match name.iter().rposition(|b| *b == b'/' || *b == b'\\') {
            Some(at) => name.get(at + 1..).unwrap_or_default(),
            None => name,
        };
        for (ending, instead) in self.endings {
            if let Some(cut) = base.len().checked_sub(ending.len())
                && cut > 0
                && base[cut..].eq_ignore_ascii_case(ending.as_bytes())
            {
                return [&base[..cut], instead.as_bytes()].concat();
            }
        }
        b"data".to_vec()
    }
}

impl Container for Stream {
    fn id(&self) -> &'static str {
        self.id
    }

    fn probe(&self, probe: &Probe<'_>) -> bool {
        (self.probe)(probe.head)
    }

    fn forward_only(&self) -> bool {
        true
    }

    fn expand(&self, probe: &Probe<'_>, input: &mut dyn ReadSeek, budget: &mut Budget, sink: &mut dyn MemberSink) -> Expanded {
        let limits = budget.limits;
        let mut walk = Walk::new(self.id, budget, sink);
        let stored = (self.stored)(probe.head);
        let name = stored.name.unwrap_or_else(|| self.derived(probe.name));
        let mut facts = MemberFacts {
            size: stored.size,
            packed: Some(probe.size),
            mtime: stored.mtime,
            method: Some(self.id.to_owned()),
            ..named(name)
        };
        if walk.admit(&mut facts) {
            let mut reader: &mut dyn ReadSeek = input;
            let input = Input::new(&mut reader);
            let fed = input.fed();
            let remarks = Remarks::default();
            let shared = Shared::new(input);
            let codec = (self.codec)(&shared, &limits);
            let mut frames = Frames::new(shared, codec, remarks.clone());
            walk.deliver(&facts, &mut frames, fed, None);
            for remark in remarks.borrow().iter() {
                walk.note(remark);
            }
        }
        walk.finish()
    }
}

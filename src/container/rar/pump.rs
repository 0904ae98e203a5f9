//! Turns a decoder that pushes into content that is pulled.
//!
//! The decoder runs on a thread of its own for the length of one member and asks this one for packed bytes, since
//! neither the archive nor the sink may leave their thread. At most a few chunks are between them, so a member
//! costs the same memory whatever its size. Small members are decoded at once into memory instead.

use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::decode::{Decoder, Task};
use crate::container::meter::Fault;
use crate::model::GapReason;

/// Packed bytes handed over at a time, and unpacked ones.
const CHUNK: usize = 64 << 10;
/// Chunks that the decoder may be ahead.
const AHEAD: usize = 4;
/// Members up to this size, packed and unpacked, are decoded without a thread.
const SMALL: u64 = 256 << 10;
const STACK: usize = 4 << 20;

fn failed() -> Fault {
    Fault::new(GapReason::ParserFailed, "the decoder failed")
}

/// Hands the content to `with` and gives the decoder back, where it reached the end.
pub(super) fn pull(
    mut decoder: Decoder,
    task: Task,
    packed: u64,
    input: &mut dyn Read,
    with: &mut dyn FnMut(&mut dyn Read),
) -> Option<Decoder> {
    if task.size <= SMALL && packed <= SMALL {
        let mut content = Vec::new();
        let mut source = input.take(SMALL);
        let done = catch_unwind(AssertUnwindSafe(|| decoder.decode(task, &mut source, &mut content)));
        let end = done.unwrap_or_else(|_| Err(failed()));
        let whole = end.is_ok();
        with(&mut content.chain(Ended(end.err())));
        return whole.then_some(decoder);
    }
    let (say, hear) = bounded(AHEAD);
    let (give, get) = bounded(1);
    let mut content = Content { hear, give, input, chunk: Vec::new(), at: 0, end: None };
    std::thread::scope(|scope| {
        let work = move || {
            let mut source = Packed { say: say.clone(), get, chunk: Vec::new(), at: 0 };
            let mut out = Pushed { say: say.clone(), chunk: Vec::with_capacity(CHUNK) };
            let end = decoder.decode(task, &mut source, &mut out).and_then(|()| out.flush().map_err(|_| failed()));
            let whole = end.is_ok();
            let _ = say.send(Said::End(end));
            whole.then_some(decoder)
        };
        match std::thread::Builder::new().name("unrar".to_owned()).stack_size(STACK).spawn_scoped(scope, work) {
            Ok(thread) => {
                with(&mut content);
                let ended = matches!(content.end, Some(None));
                // Whatever the decoder waits for, it waits in vain now.
                drop(content);
                thread.join().ok().flatten().filter(|_| ended)
            }
            Err(_) => {
                with(&mut Ended(Some(Fault::new(GapReason::LimitMemory, "no thread for the decoder can be had"))));
                None
            }
        }
    })
}

/// What the decoder says.
enum Said {
    Wants,
    Has(Vec<u8>),
    End(Result<(), Fault>),
}

/// The decoder's end: packed bytes.
struct Packed {
    say: Sender<Said>,
    get: Receiver<Vec<u8>>,
    chunk: Vec<u8>,
    at: usize,
}

impl Read for Packed {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.chunk.len() {
            let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
            self.say.send(Said::Wants).map_err(|_| gone())?;
            (self.chunk, self.at) = (self.get.recv().map_err(|_| gone())?, 0);
        }
        let left = self.chunk.get(self.at..).unwrap_or_default();
        let n = left.len().min(buf.len());
        buf[..n].copy_from_slice(&left[..n]);
        self.at = self.at.saturating_add(n);
        Ok(n)
    }
}

/// The decoder's end: content.
struct Pushed {
    say: Sender<Said>,
    chunk: Vec<u8>,
}

impl Write for Pushed {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = buf.len().min(CHUNK.saturating_sub(self.chunk.len()));
        self.chunk.extend_from_slice(&buf[..n]);
        if self.chunk.len() >= CHUNK {
            self.flush()?;
        }
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let full = std::mem::replace(&mut self.chunk, Vec::with_capacity(CHUNK));
        self.say.send(Said::Has(full)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// This side.
struct Content<'a> {
    hear: Receiver<Said>,
    give: Sender<Vec<u8>>,
    input: &'a mut dyn Read,
    chunk: Vec<u8>,
    at: usize,
    /// How the decoder ended, once it did.
    end: Option<Option<Fault>>,
}

impl Read for Content<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let left = self.chunk.get(self.at..).unwrap_or_default();
            if !left.is_empty() || buf.is_empty() {
                let n = left.len().min(buf.len());
                buf[..n].copy_from_slice(&left[..n]);
                self.at = self.at.saturating_add(n);
                return Ok(n);
            }
            match &self.end {
                Some(None) => return Ok(0),
                Some(Some(fault)) => return Err(fault.clone().into()),
                None => {}
            }
            match self.hear.recv() {
                Ok(Said::Has(chunk)) => (self.chunk, self.at) = (chunk, 0),
                Ok(Said::End(end)) => self.end = Some(end.err()),
                Ok(Said::Wants) => {
                    let mut chunk = Vec::with_capacity(CHUNK);
                    // An error of the archive is remembered below; the decoder sees an end of its data.
                    if Read::by_ref(&mut self.input).take(CHUNK as u64).read_to_end(&mut chunk).is_err() {
                        chunk.clear();
                    }
                    let _ = self.give.send(chunk);
                }
                // It panicked.
                Err(_) => self.end = Some(Some(failed())),
            }
        }
    }
}

/// Nothing more, or an error.
struct Ended(Option<Fault>);

impl Read for Ended {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        match &self.0 {
            Some(fault) => Err(fault.clone().into()),
            None => Ok(0),
        }
    }
}

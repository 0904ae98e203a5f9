//! Messages and mailboxes: what is attached, decoded, and messages inside them; and bodies whose transfer encoding
//! hides them from rules. Bodies in plain text are part of the file's own bytes.
//!
//! Members of a mailbox stand below the number of their message. Notes: `irregular_encoding`.

use std::io::{self, Read};
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::meter::Input;
use super::walk::Walk;
use super::{Budget, Container, Expanded, MemberSink, Probe, ReadSeek};
use crate::mail::{is_mailbox, is_message, nests_too_deep, next_message, without_separator};
use crate::model::GapReason;

mod parts;
#[cfg(test)]
mod tests;

/// Bytes of a mailbox that are read at a time.
const PIECE: u64 = 256 << 10;

/// One message.
pub struct Eml;
/// Messages one after another.
pub struct Mbox;

impl Container for Eml {
    fn id(&self) -> &'static str {
        "eml"
    }

    fn probe(&self, probe: &Probe<'_>) -> bool {
        is_message(probe.head) && may_carry(probe)
    }

    fn expand(&self, probe: &Probe<'_>, input: &mut dyn ReadSeek, budget: &mut Budget, sink: &mut dyn MemberSink) -> Expanded {
        let mut walk = Walk::new(self.id(), budget, sink);
        // All of it, where it is held anyway.
        if probe.body.len() as u64 == probe.size {
            message(probe.body, b"", &mut walk);
            return walk.finish();
        }
        let most = walk.budget().limits.decoder_memory;
        let mut bytes = Vec::new();
        let mut reader: &mut dyn ReadSeek = input;
        match Read::by_ref(&mut reader).take(most.saturating_add(1)).read_to_end(&mut bytes) {
            Ok(n) if n as u64 > most => too_long(&mut walk),
            Ok(_) => message(&bytes, b"", &mut walk),
            Err(e) => walk.failed(&e),
        }
        walk.finish()
    }
}

impl Container for Mbox {
    fn id(&self) -> &'static str {
        "mbox"
    }

    fn probe(&self, probe: &Probe<'_>) -> bool {
        is_mailbox(probe.head) && may_carry(probe)
    }

    fn expand(&self, _: &Probe<'_>, input: &mut dyn ReadSeek, budget: &mut Budget, sink: &mut dyn MemberSink) -> Expanded {
        let mut walk = Walk::new(self.id(), budget, sink);
        let most = usize::try_from(walk.budget().limits.decoder_memory).unwrap_or(usize::MAX);
        let mut messages = Messages::new(input, most);
        let mut number = 0_u64;
        while !walk.ended() {
            match messages.next() {
                Ok(Some(bytes)) => {
                    number = number.saturating_add(1);
                    match bytes {
                        Some(bytes) => message(without_separator(bytes), format!("{number}/").as_bytes(), &mut walk),
                        None => too_long(&mut walk),
                    }
                }
                Ok(None) => break,
                Err(e) => {
                    walk.failed(&e);
                    break;
                }
            }
        }
        walk.finish()
    }
}

/// Words without which a message holds nothing but plain text.
static CARRYING: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("(?i)base64|quoted-printable|attachment|name[*0-9]*=|message/rfc822").expect("a constant"));

/// Whether there may be members: a store of plain messages is no store of archives.
fn may_carry(probe: &Probe<'_>) -> bool {
    (probe.body.len() as u64) < probe.size || CARRYING.is_match(probe.body)
}

fn too_long(walk: &mut Walk<'_>) {
    walk.shortfall(GapReason::LimitMemory, "a message is longer than it may be to be taken apart");
}

/// The members of one message; `before` stands before their names.
fn message(bytes: &[u8], before: &[u8], walk: &mut Walk<'_>) {
    if nests_too_deep(bytes) {
        return walk.shortfall(GapReason::LimitDepth, "a message holds more messages than the limit");
    }
    let Some(parts) = parts::all(bytes) else {
        return walk.shortfall(GapReason::Malformed, "a message is damaged");
    };
    for part in parts {
        let mut facts = part.facts(before);
        if !walk.admit(&mut facts) {
            return;
        }
        if walk.spent() {
            walk.unread(&facts, GapReason::LimitSize, "the limit of bytes out of one archive was reached");
            continue;
        }
        let (content, sound) = part.content();
        if !sound {
            walk.note("irregular_encoding");
        }
        facts.size = Some(content.len() as u64);
        let mut content = content.as_slice();
        let mut input = Input::new(&mut content);
        let fed = input.fed();
        walk.deliver(&facts, &mut input, fed, None);
    }
}

/// Cuts a mailbox into its messages, of which one at a time is held.
struct Messages<'a> {
    input: &'a mut dyn ReadSeek,
    most: usize,
    buffer: Vec<u8>,
    /// Where the message begins that comes next.
    at: usize,
    ended: bool,
}

impl<'a> Messages<'a> {
    fn new(input: &'a mut dyn ReadSeek, most: usize) -> Self {
        Self { input, most, buffer: Vec::new(), at: 0, ended: false }
    }

    /// The next message; an inner `None` for one that is too long, which is passed over.
    fn next(&mut self) -> io::Result<Option<Option<&[u8]>>> {
        let mut searched = self.at;
        let mut too_long = false;
        loop {
            if let Some(end) = next_message(&self.buffer, searched) {
                let start = std::mem::replace(&mut self.at, end);
                return Ok(Some(self.buffer.get(start..end).filter(|_| !too_long)));
            }
            if self.ended {
                let start = std::mem::replace(&mut self.at, self.buffer.len());
                let rest = self.buffer.get(start..).filter(|rest| !rest.is_empty());
                return Ok(if too_long { Some(None) } else { rest.map(Some) });
            }
            if self.at > 0 {
                self.buffer.drain(..self.at);
                self.at = 0;
            }
            // The line may begin in one piece and end in the next.
            let mut tail = self.buffer.len().saturating_sub(b"\n\r\nFrom ".len());
            if self.buffer.len() > self.most {
                too_long = true;
                self.buffer.drain(..tail);
                tail = 0;
            }
            searched = tail;
            let mut reader: &mut dyn ReadSeek = self.input;
            let n = Read::by_ref(&mut reader).take(PIECE).read_to_end(&mut self.buffer)?;
            self.ended = n == 0;
        }
    }
}

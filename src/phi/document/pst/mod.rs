//! Outlook stores (MS-PST): PST in ANSI and Unicode, and OST, also those of Outlook 2013 and later with pages of 4 KiB.
//!
//! Messages are taken from the tree of nodes, not from the folders: one that no folder shows any more is read as well.
//! Their subjects, bodies and attachments go out as those of `msg`. Source of the pages of 4 KiB: the description of
//! the format in libpff.

#[cfg(test)]
mod build;
mod cipher;
mod heap;
mod nodes;
#[cfg(test)]
mod tests;

use super::msg::{self, Message};
use super::{Document, Parts, Unread};
use crate::model::GapReason;
use heap::Properties;
use nodes::{Node, Store};

/// Attachments of one message.
const MAX_ATTACHMENTS: usize = 2000;
/// Messages inside messages.
const MAX_DEPTH: usize = 16;
/// Kinds of nodes: the lowest five bits of their numbers (2.2.2.1).
const MESSAGE: u32 = 4;
const ATTACHMENT: u32 = 5;

/// `!BDN`.
pub(super) struct Pst;

impl Document for Pst {
    fn id(&self) -> &'static str {
        "pst"
    }

    fn recognise(&self, head: &[u8]) -> bool {
        head.starts_with(b"!BDN") && matches!(head.get(8..10), Some(b"SM" | b"SO" | b"AB"))
    }

    fn read(&self, body: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        let mut store = Store::open(body)?;
        let mut lost = 0_u64;
        for node in store.nodes(MESSAGE) {
            match message(&mut store, node, parts) {
                Ok(()) => {}
                // One damaged message costs itself.
                Err(why) if why.reason == GapReason::Malformed => lost = lost.saturating_add(1),
                Err(why) => return Err(why),
            }
        }
        if lost > 0 {
            return Err(Unread::malformed(format!("{lost} of its messages are damaged")));
        }
        store.check()
    }
}

/// A message and those inside it.
fn message(store: &mut Store<'_>, node: Node, parts: &mut Parts<'_>) -> Result<(), Unread> {
    let mut open = vec![(node, 0)];
    let mut attachments = 0;
    let mut lost = None;
    while let Some((node, depth)) = open.pop() {
        let subnodes = store.subnodes(node.subnodes)?;
        match Properties::read(store, node.data, &subnodes) {
            Ok(properties) => text(store, &properties, parts)?,
            Err(why) => lost = Some(why),
        }
        for inner in subnodes.iter().filter(|n| n.number & 31 == ATTACHMENT) {
            attachments += 1;
            if attachments > MAX_ATTACHMENTS {
                return Err(Unread::new(GapReason::LimitCount, "a message has more than 2,000 attachments"));
            }
            match attachment(store, *inner, parts) {
                Ok(None) => {}
                Ok(Some(inner)) if depth < MAX_DEPTH => open.push((inner, depth.saturating_add(1))),
                Ok(Some(_)) => {
                    return Err(Unread::new(GapReason::LimitDepth, "messages are nested deeper than the limit"));
                }
                Err(why) if why.reason == GapReason::Malformed => lost = Some(why),
                Err(why) => return Err(why),
            }
        }
    }
    lost.map_or(Ok(()), Err)
}

fn text(store: &mut Store<'_>, properties: &Properties, parts: &mut Parts<'_>) -> Result<(), Unread> {
    // Where the subject proper begins stands in front of it (2.5.3.1.1.1).
    let subject = properties.text(store, 0x0037)?.unwrap_or_default();
    let subject = match subject.strip_prefix('\u{1}') {
        Some(rest) => rest.chars().skip(1).collect(),
        None => subject,
    };
    let plain = properties.text(store, 0x1000)?.filter(|text| !text.trim().is_empty());
    let page = match properties.bytes(store, 0x1013)? {
        Some(page) => Some(page),
        None => properties.text(store, 0x1013)?.map(String::into_bytes),
    };
    let rtf = if plain.is_none() && page.is_none() { properties.bytes(store, 0x1009)? } else { None };
    msg::hand_out(&Message { subject, plain, page, rtf }, parts)
}

/// Its bytes, or the message that it is.
fn attachment(store: &mut Store<'_>, node: Node, parts: &mut Parts<'_>) -> Result<Option<Node>, Unread> {
    let subnodes = store.subnodes(node.subnodes)?;
    let properties = Properties::read(store, node.data, &subnodes)?;
    if let Some(bytes) = properties.bytes(store, 0x3701)? {
        parts.nested(&bytes)?;
    } else if let Some(number) = properties.object(0x3701) {
        match subnodes.into_iter().find(|n| n.number == number) {
            Some(inner) if inner.number & 31 == MESSAGE => return Ok(Some(inner)),
            Some(_) => parts.unread(Unread::new(GapReason::PhiFormat, "pst: embedded objects are not read")),
            None => return Err(Unread::malformed("an attached message is missing")),
        }
    }
    Ok(None)
}

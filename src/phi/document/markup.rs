//! XML of office documents, as a run of tags and text.

use std::io::BufRead;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::Unread;
use super::members::Members;

/// A piece of markup. Empty elements are an opening and a closing one.
pub(super) enum Piece<'a> {
    Open(&'a BytesStart<'a>),
    Text(&'a str),
    Close(&'a str),
}

/// Hands every piece of a member to `take`, in order.
pub(super) fn member(
    members: &mut Members<'_>,
    name: &str,
    take: &mut dyn FnMut(Piece<'_>) -> Result<(), Unread>,
) -> Result<(), Unread> {
    let stream = members.markup(name)?;
    match walk(stream, take) {
        Ok(true) => Ok(()),
        Ok(false) => Err(members.why()),
        Err(why) => Err(why),
    }
}

/// The same for any XML; returns whether it ends well.
pub(super) fn walk(source: impl BufRead, take: &mut dyn FnMut(Piece<'_>) -> Result<(), Unread>) -> Result<bool, Unread> {
    let mut reader = Reader::from_reader(source);
    let config = reader.config_mut();
    config.expand_empty_elements = true;
    config.check_end_names = false;
    let mut buffer = Vec::new();
    let mut depth = 0_u64;
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Start(tag)) => {
                depth = depth.saturating_add(1);
                take(Piece::Open(&tag))?;
            }
            Ok(Event::End(tag)) => {
                depth = depth.saturating_sub(1);
                take(Piece::Close(tag.local_name().as_ref()))?;
            }
            Ok(Event::Text(text)) => take(Piece::Text(&text.into_inner()))?,
            Ok(Event::CData(text)) => take(Piece::Text(&text.into_inner()))?,
            Ok(Event::GeneralRef(name)) => {
                if let Ok(Some(c)) = name.resolve_char_ref() {
                    take(Piece::Text(c.encode_utf8(&mut [0; 4])))?;
                } else if let Some(text) = quick_xml::escape::resolve_predefined_entity(&name) {
                    take(Piece::Text(text))?;
                }
            }
            Ok(Event::Eof) => return Ok(depth == 0),
            Ok(_) => {}
            Err(_) => return Ok(false),
        }
    }
}

/// An attribute's value by its local name.
pub(super) fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = tag.attributes().with_checks(false).flatten().find(|a| a.key.local_name().as_ref() == name)?;
    Some(quick_xml::escape::unescape(&found.value).map_or_else(|_| found.value.to_string(), |v| v.into_owned()))
}

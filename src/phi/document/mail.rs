//! Internet messages (RFC 5322, RFC 2045), web archives in their form (RFC 2557), and mailboxes of them (RFC 4155).

use mail_parser::{Message, MessageParser, MimeHeaders, PartType};

use super::{Document, Parts, Unread, html};
use crate::model::GapReason;

/// Messages that a message may hold, all levels together: the library nests as deep as they do.
const MAX_MESSAGES: usize = 100;

/// One message.
pub(super) struct Eml;
/// Messages one after another, each behind a line that begins with `From `.
pub(super) struct Mbox;

impl Document for Eml {
    fn id(&self) -> &'static str {
        "eml"
    }

    fn recognise(&self, head: &[u8]) -> bool {
        has_header(head)
    }

    fn read(&self, body: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        message(body, parts)
    }
}

impl Document for Mbox {
    fn id(&self) -> &'static str {
        "mbox"
    }

    fn recognise(&self, head: &[u8]) -> bool {
        let line = head.iter().position(|b| *b == b'\n').unwrap_or(head.len());
        head.starts_with(b"From ") && has_header(head.get(line.saturating_add(1)..).unwrap_or_default())
    }

    fn read(&self, body: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        let mut from = 0;
        // A new message begins behind a blank line.
        let starts = memchr::memmem::find_iter(body, b"\nFrom ").filter(|at| {
            let before = body.get(..*at).unwrap_or_default();
            before.ends_with(b"\n") || before.ends_with(b"\n\r")
        });
        for end in starts.map(|at| at.saturating_add(1)).chain([body.len()]) {
            let one = body.get(from..end).unwrap_or_default();
            let line = one.iter().position(|b| *b == b'\n').map_or(one.len(), |n| n.saturating_add(1));
            if let Err(why) = message(one.get(line..).unwrap_or_default(), parts) {
                parts.unread(why);
            }
            from = end;
        }
        Ok(())
    }
}

/// Whether lines of a header come first, among them two that messages have.
fn has_header(head: &[u8]) -> bool {
    const NAMES: [&[u8]; 12] = [
        b"from",
        b"to",
        b"cc",
        b"subject",
        b"date",
        b"received",
        b"return-path",
        b"message-id",
        b"mime-version",
        b"delivered-to",
        b"content-type",
        b"reply-to",
    ];
    let mut known = 0;
    for line in head.split(|b| *b == b'\n').take(100) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.first().is_some_and(|b| matches!(b, b' ' | b'\t')) && known > 0 {
            continue;
        }
        let Some(colon) = memchr::memchr(b':', line) else { return false };
        let name = line.get(..colon).unwrap_or_default();
        if name.is_empty() || !name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) {
            return false;
        }
        known += usize::from(NAMES.contains(&name.to_ascii_lowercase().as_slice()));
        if known >= 3 || (known >= 2 && name.eq_ignore_ascii_case(b"mime-version")) {
            return true;
        }
    }
    false
}

fn message(bytes: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
    if memchr::memmem::find_iter(bytes, b"essage/").count() > MAX_MESSAGES {
        return Err(Unread::new(GapReason::LimitDepth, "a message holds more messages than the limit"));
    }
    let Some(outer) = MessageParser::default().parse(bytes) else { return Err(Unread::malformed("a message is damaged")) };
    let mut open: Vec<&Message<'_>> = vec![&outer];
    while let Some(message) = open.pop() {
        let first = parts.mark();
        parts.begin()?;
        parts.text(message.subject().unwrap_or_default())?;
        parts.text("\n")?;
        let attached = |i: usize| message.attachments.iter().any(|a| *a as usize == i);
        for (i, part) in message.parts.iter().enumerate() {
            if let PartType::Text(text) = &part.body
                && !attached(i)
            {
                parts.text(text)?;
                parts.text("\n")?;
            }
        }
        // Text and page say the same, whichever of them a reader shows.
        for (_, page) in message.parts.iter().enumerate().filter(|(i, _)| !attached(*i)) {
            if let PartType::Html(page) = &page.body {
                html::text(page, parts)?;
            }
        }
        parts.alternatives(first);
        for (i, part) in message.parts.iter().enumerate() {
            match &part.body {
                PartType::Text(text) if attached(i) => parts.nested(text.as_bytes())?,
                PartType::Html(page) if attached(i) => html::text(page, parts)?,
                PartType::Binary(_) | PartType::InlineBinary(_) if part.is_content_type("application", "pkcs7-mime") => {
                    parts.unread(Unread::new(GapReason::Encrypted, "a message is encrypted (S/MIME)"));
                }
                PartType::Binary(bytes) | PartType::InlineBinary(bytes) => parts.nested(bytes)?,
                PartType::Message(inner) => open.push(inner),
                PartType::Text(_) | PartType::Html(_) | PartType::Multipart(_) => {}
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phi::document::read;
    use crate::phi::{CaseKey, Outcome};

    #[test]
    fn text_and_page_of_a_message_count_once() {
        let says = "Patient: DOE, JANE MRN: 0012345 DOB: 01/02/1960";
        let mail = |text: &str, page: &str| {
            let body = format!(
                "From: a@example.org\r\nTo: b@example.org\r\nSubject: x\r\nMIME-Version: 1.0\r\n\
                 Content-Type: multipart/alternative; boundary=B\r\n\r\n--B\r\nContent-Type: text/plain\r\n\r\n{text}\r\n\
                 --B\r\nContent-Type: text/html\r\n\r\n<html><body><p>{page}</p></body></html>\r\n--B--\r\n"
            );
            let Outcome { facts, unread, .. } = read(&Eml, body.as_bytes(), &CaseKey::new(&[7; 32]));
            assert_eq!(unread, None);
            facts.unwrap_or_else(|| panic!("nobody: {text} {page}"))
        };
        let both = mail(says, says);
        assert_eq!((both.records, both.individuals.best, both.individuals.high, both.identifiers["mrn"]), (1, 1, 1, 1));
        assert_eq!(mail("only a page", says).identifiers["mrn"], 1);
        assert_eq!(mail(says, "only text").identifiers["mrn"], 1);
        // Where they say different things, nobody is lost.
        let other = mail(says, "Patient: ROE, RICK MRN: 0099999 DOB: 05/06/1971");
        assert_eq!(other.individuals.best, 2);
    }
}

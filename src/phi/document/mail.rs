//! Internet messages (RFC 5322, RFC 2045), web archives in their form (RFC 2557), and mailboxes of them (RFC 4155).

use mail_parser::{Message, MessageParser, MimeHeaders, PartType};

use super::{Document, Parts, Unread, html};
use crate::mail::{is_mailbox, is_message, nests_too_deep, next_message, without_separator};
use crate::model::GapReason;

/// One message.
pub(super) struct Eml;
/// Messages one after another, each behind a line that begins with `From `.
pub(super) struct Mbox;

impl Document for Eml {
    fn id(&self) -> &'static str {
        "eml"
    }

    fn recognise(&self, head: &[u8]) -> bool {
        is_message(head)
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
        is_mailbox(head)
    }

    fn read(&self, body: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        let mut from = Some(0);
        while let Some(start) = from {
            from = next_message(body, start);
            let one = body.get(start..from.unwrap_or(body.len())).unwrap_or_default();
            if let Err(why) = message(without_separator(one), parts) {
                parts.unread(why);
            }
        }
        Ok(())
    }
}

fn message(bytes: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
    if nests_too_deep(bytes) {
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

//! The parts of one message that are members (RFC 2045 to 2047, 2231); the headers are read by `mail-parser`.

use mail_parser::{MessageParser, MessagePart, MimeHeaders, PartType};

use crate::container::walk::named;
use crate::mail::{Encoding, decode};
use crate::model::MemberFacts;

pub(super) struct Part<'a> {
    name: String,
    encoding: Encoding,
    written: &'a [u8],
}

impl Part<'_> {
    pub(super) fn facts(&self, before: &[u8]) -> MemberFacts {
        let method = match self.encoding {
            Encoding::Plain => "plain",
            Encoding::Base64 => "base64",
            Encoding::QuotedPrintable => "quoted-printable",
        };
        let packed = Some(self.written.len() as u64);
        MemberFacts { packed, method: Some(method.to_owned()), ..named([before, self.name.as_bytes()].concat()) }
    }

    /// What it holds, and whether it was written by the rules.
    pub(super) fn content(&self) -> (Vec<u8>, bool) {
        decode(self.encoding, self.written)
    }
}

/// In their order; none where it is no message.
pub(super) fn all(bytes: &[u8]) -> Option<Vec<Part<'_>>> {
    let message = MessageParser::default().parse(bytes)?;
    let attached = |i: usize| message.attachments.iter().any(|a| *a as usize == i);
    let member = |(i, part): (usize, &MessagePart<'_>)| {
        let encoding = Encoding::of(part.content_transfer_encoding());
        let is = match &part.body {
            PartType::Multipart(_) => false,
            // A body that anyone can read is read with the message itself.
            PartType::Text(_) | PartType::Html(_) => {
                attached(i) || part.attachment_name().is_some() || encoding != Encoding::Plain
            }
            PartType::Binary(_) | PartType::InlineBinary(_) | PartType::Message(_) => true,
        };
        let written = bytes.get(part.offset_body as usize..part.offset_end as usize)?;
        is.then(|| Part { name: name(i, part), encoding, written })
    };
    Some(message.parts.iter().enumerate().filter_map(member).collect())
}

/// What the headers call it, or its number and sort.
fn name(number: usize, part: &MessagePart<'_>) -> String {
    if let Some(name) = part.attachment_name().filter(|name| !name.is_empty()) {
        return name.to_owned();
    }
    let ending = match &part.body {
        PartType::Text(_) => "txt",
        PartType::Html(_) => "html",
        PartType::Message(_) => "eml",
        _ => "bin",
    };
    format!("part-{number}.{ending}")
}

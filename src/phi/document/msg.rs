//! Outlook messages (MS-OXMSG): subject, body in its forms, attachments, messages in messages.

use encoding_rs::{UTF_16LE, WINDOWS_1252};

use super::ole::{self, Kind, ROOT, Streams};
use super::{Document, Parts, Unread, html};
use crate::model::GapReason;

/// Attachments of all messages.
const MAX_ATTACHMENTS: usize = 2000;
/// Messages inside messages.
const MAX_DEPTH: usize = 16;

/// `__properties_version1.0` in a compound file.
pub(super) struct Msg;

impl Document for Msg {
    fn id(&self) -> &'static str {
        "msg"
    }

    fn recognise(&self, head: &[u8]) -> bool {
        ole::kind(head) == Some(Kind::Msg)
    }

    fn read(&self, body: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        let mut streams = Streams::open(body)?;
        let mut attachments = 0;
        let mut open = vec![(ROOT, 0)];
        while let Some((storage, depth)) = open.pop() {
            message(&mut streams, storage, parts)?;
            for entry in streams.children(storage) {
                if !streams.name(entry).starts_with("__attach_version1.0_") {
                    continue;
                }
                attachments += 1;
                if attachments > MAX_ATTACHMENTS {
                    return Err(Unread::new(GapReason::LimitCount, "it has more than 2,000 attachments"));
                }
                // Its bytes, or a message or object with streams of its own (2.2.2).
                if let Some(data) = streams.find(entry, "__substg1.0_37010102") {
                    let data = streams.read(data)?;
                    parts.nested(&data)?;
                } else if let Some(inner) = streams.find(entry, "__substg1.0_3701000D") {
                    if streams.find(inner, "__properties_version1.0").is_none() {
                        parts.unread(Unread::new(GapReason::PhiFormat, "msg: embedded objects are not read"));
                    } else if depth < MAX_DEPTH {
                        open.push((inner, depth.saturating_add(1)));
                    } else {
                        return Err(Unread::new(GapReason::LimitDepth, "messages are nested deeper than the limit"));
                    }
                }
            }
        }
        streams.check()
    }
}

fn message(streams: &mut Streams<'_>, storage: usize, parts: &mut Parts<'_>) -> Result<(), Unread> {
    let subject = text(streams, storage, "0037")?.unwrap_or_default();
    let plain = text(streams, storage, "1000")?;
    let page = match streams.find(storage, "__substg1.0_10130102") {
        Some(entry) => Some(streams.read(entry)?),
        None => text(streams, storage, "1013")?.map(String::into_bytes),
    };
    // The same again, where there is another form.
    let rtf = match streams.find(storage, "__substg1.0_10090102") {
        Some(entry) if plain.is_none() && page.is_none() => Some(streams.read(entry)?),
        _ => None,
    };
    hand_out(&Message { subject, plain, page, rtf }, parts)
}

/// A message's subject and its body in the forms that it has: text, HTML, and compressed RTF where it has no other.
pub(super) struct Message {
    pub subject: String,
    pub plain: Option<String>,
    pub page: Option<Vec<u8>>,
    pub rtf: Option<Vec<u8>>,
}

pub(super) fn hand_out(message: &Message, parts: &mut Parts<'_>) -> Result<(), Unread> {
    parts.begin()?;
    parts.text(&message.subject)?;
    parts.text("\n")?;
    if let Some(plain) = &message.plain {
        parts.text(plain)?;
    }
    if let Some(page) = &message.page {
        html::text(&html::decode(page), parts)?;
    }
    if let Some(packed) = &message.rtf {
        let rtf = unpack(packed).ok_or_else(|| Unread::malformed("the message's text is damaged"))?;
        parts.nested(&rtf)?;
    }
    Ok(())
}

/// A property that is text: Unicode, or of the code page.
fn text(streams: &mut Streams<'_>, storage: usize, property: &str) -> Result<Option<String>, Unread> {
    for (kind, encoding) in [("001F", UTF_16LE), ("001E", WINDOWS_1252)] {
        if let Some(entry) = streams.find(storage, &format!("__substg1.0_{property}{kind}")) {
            let bytes = streams.read(entry)?;
            return Ok(Some(encoding.decode_without_bom_handling(&bytes).0.into_owned()));
        }
    }
    Ok(None)
}

/// Compressed RTF (MS-OXRTFCP 2.1 and 3.1): references into a ring of 4096 bytes, which begins with usual words.
fn unpack(data: &[u8]) -> Option<Vec<u8>> {
    const USUAL: &[u8] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";
    const RING: usize = 4096;
    let (header, mut rest) = data.split_at_checked(16)?;
    if header.get(8..12) == Some(b"MELA") {
        return Some(rest.to_vec());
    }
    if header.get(8..12) != Some(b"LZFu") {
        return None;
    }
    // Everything so far, behind the usual words: a place in the ring is the nearest one before.
    let mut out = USUAL.to_vec();
    while let Some((flags, behind)) = rest.split_first() {
        rest = behind;
        for bit in 0..8 {
            if flags >> bit & 1 == 0 {
                let Some((byte, behind)) = rest.split_first() else { return Some(out.split_off(USUAL.len())) };
                out.push(*byte);
                rest = behind;
                continue;
            }
            let Some(([high, low], behind)) = rest.split_first_chunk() else { return Some(out.split_off(USUAL.len())) };
            rest = behind;
            let reference = u16::from_be_bytes([*high, *low]);
            let (place, length) = (usize::from(reference >> 4), usize::from(reference & 15).saturating_add(2));
            let back = (out.len() % RING + RING - place) % RING;
            if back == 0 {
                return Some(out.split_off(USUAL.len()));
            }
            for _ in 0..length {
                // What was never written is blank.
                let byte = out.len().checked_sub(back).and_then(|i| out.get(i)).copied().unwrap_or(b' ');
                out.push(byte);
            }
        }
    }
    Some(out.split_off(USUAL.len()))
}

#[cfg(test)]
mod tests {
    use super::unpack;

    /// The example of MS-OXRTFCP 4.1.1.
    #[test]
    fn compressed_text() {
        let packed = [
            0x2d, 0, 0, 0, 0x2b, 0, 0, 0, 0x4c, 0x5a, 0x46, 0x75, 0xf1, 0xc5, 0xc7, 0xa7, 0x03, 0, 0x0a, 0, 0x72, 0x63, 0x70,
            0x67, 0x31, 0x32, 0x35, 0x42, 0x32, 0x0a, 0xf3, 0x20, 0x68, 0x65, 0x6c, 0x09, 0, 0x20, 0x62, 0x77, 0x05, 0xb0, 0x6c,
            0x64, 0x7d, 0x0a, 0x80, 0x0f, 0xa0,
        ];
        assert_eq!(unpack(&packed).as_deref(), Some(&b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"[..]));
    }
}

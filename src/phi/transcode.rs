//! One object's bytes through every detector that may want them, UTF-16 transcoded on the way.

use std::ops::Range;

use encoding_rs::{Decoder, Encoding, UTF_16BE, UTF_16LE};

use super::{CaseKey, Outcome, PhiStream, REGISTRY, dicom};

/// Bytes of transcoded text passed on at a time.
const PIECE: usize = 16 * 1024;

/// One object on its way through the detectors.
pub struct PhiScan<'k> {
    decoder: Option<Decoder>,
    /// In the order of [`REGISTRY`].
    streams: Vec<Box<dyn PhiStream + 'k>>,
    /// Bytes before the text that are left out.
    skip: usize,
    /// Bytes of text, where something else is known to follow.
    left: Option<usize>,
}

/// Bytes in which the text of a volume may begin: an archive's own headers come before it.
const VOLUME_HEADERS: usize = 4096;
/// Text that must follow.
const VOLUME_TEXT: usize = 1024;

impl<'k> PhiScan<'k> {
    /// Looks at the first bytes (up to 64 KiB) of an object; they come again in [`PhiScan::feed`].
    pub fn start(head: &[u8], key: &'k CaseKey) -> Self {
        let encoding = if dicom::looks_like(head) { None } else { utf16(head) };
        let transcoded = encoding.map(|e| e.decode_without_bom_handling(without_bom(head)).0.into_owned());
        let text = transcoded.as_ref().map_or(head, |t| t.as_bytes());
        let streams = REGISTRY.iter().filter_map(|d| d.start(text, key)).collect();
        Self { decoder: encoding.map(Encoding::new_decoder_with_bom_removal), streams, skip: 0, left: None }
    }

    /// The same for one volume of a set that was packed without compression: behind the headers of the archive its
    /// text lies open, and begins and ends anywhere.
    pub fn volume(head: &[u8], key: &'k CaseKey) -> Self {
        let Some(text) = text_of_volume(head) else { return Self::start(head, key) };
        let left = (text.end < head.len()).then_some(text.len());
        Self { skip: text.start, left, ..Self::start(head.get(text).unwrap_or_default(), key) }
    }

    /// Whether no detector wants the object; feeding it does nothing.
    pub fn is_idle(&self) -> bool {
        self.streams.is_empty()
    }

    /// The next bytes, in order, from the first.
    pub fn feed(&mut self, chunk: &[u8]) {
        if self.is_idle() {
            return;
        }
        let left_out = self.skip.min(chunk.len());
        self.skip -= left_out;
        let mut chunk = chunk.get(left_out..).unwrap_or_default();
        if let Some(left) = &mut self.left {
            chunk = chunk.get(..*left).unwrap_or(chunk);
            *left -= chunk.len();
        }
        match &mut self.decoder {
            None => self.streams.iter_mut().for_each(|s| s.feed(chunk)),
            Some(decoder) => transcode(decoder, &mut self.streams, chunk, false),
        }
    }

    /// What was found. Of several detectors that recognise the object the first of [`REGISTRY`] decides; what
    /// any of them could not read is said.
    pub fn finish(mut self) -> Outcome {
        if let Some(decoder) = &mut self.decoder {
            transcode(decoder, &mut self.streams, &[], true);
        }
        let mut found = Outcome::default();
        for stream in self.streams {
            let outcome = stream.finish();
            found.facts = found.facts.or(outcome.facts);
            found.unread = found.unread.or(outcome.unread);
            found.part2 = found.part2.saturating_add(outcome.part2);
        }
        if let Some(facts) = &mut found.facts {
            facts.part2 = found.part2;
        }
        found
    }
}

fn transcode(decoder: &mut Decoder, streams: &mut [Box<dyn PhiStream + '_>], mut chunk: &[u8], last: bool) {
    let mut piece = [0; PIECE];
    loop {
        let (result, read, written, _) = decoder.decode_to_utf8(chunk, &mut piece, last);
        let text = piece.get(..written).unwrap_or_default();
        streams.iter_mut().for_each(|s| s.feed(text));
        chunk = chunk.get(read..).unwrap_or_default();
        if result == encoding_rs::CoderResult::InputEmpty {
            return;
        }
    }
}

/// The longest text without a control character that begins in the headers' bytes: what comes before belongs to them,
/// and what comes behind to the archive's own list.
fn text_of_volume(head: &[u8]) -> Option<Range<usize>> {
    let control = |b: &u8| (*b < 0x20 && !matches!(b, b'\t' | b'\r' | b'\n')) || *b == 0x7f;
    let ends = head.iter().enumerate().filter(|(_, b)| control(b)).map(|(at, _)| at).chain([head.len()]);
    // The last bytes of 7-Zip's first header are a checksum, which may look like text (7zFormat.txt, SignatureHeader).
    let mut start = if head.starts_with(b"7z\xbc\xaf\x27\x1c") { 32 } else { 0 };
    let mut longest = 0..0;
    for end in ends {
        if start <= VOLUME_HEADERS && end.saturating_sub(start) > longest.len() {
            longest = start..end;
        }
        start = start.max(end + 1);
    }
    let text = head.get(longest.clone())?;
    (text.len() >= VOLUME_TEXT && text.contains(&b'\n')).then_some(longest)
}

fn without_bom(head: &[u8]) -> &[u8] {
    head.strip_prefix(b"\xff\xfe").or_else(|| head.strip_prefix(b"\xfe\xff")).unwrap_or(head)
}

/// UTF-16 by its byte-order mark, or because nine in ten of every second byte are zero and no other is.
fn utf16(head: &[u8]) -> Option<&'static Encoding> {
    match head.get(..2)? {
        // FF FE 00 00 is UTF-32.
        b"\xff\xfe" if head.get(2..4) != Some(b"\0\0") => return Some(UTF_16LE),
        b"\xfe\xff" => return Some(UTF_16BE),
        _ => {}
    }
    let sample = head.get(..head.len().min(512) & !1)?;
    if sample.len() < 16 {
        return None;
    }
    let every = |from: usize| sample.iter().skip(from).step_by(2);
    let mostly_zero = |from: usize| every(from).filter(|b| **b == 0).count() * 10 >= sample.len() / 2 * 9;
    let text = |from: usize| every(from).all(|b| *b >= 0x20 || matches!(b, b'\t' | b'\r' | b'\n' | 0x0b | 0x1c));
    match (mostly_zero(0), mostly_zero(1)) {
        (false, true) if text(0) => Some(UTF_16LE),
        (true, false) if text(1) => Some(UTF_16BE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::model::PhiFacts;

    const TABLE: &str = "mrn,dob,patient name\nM1,1960-01-02,\"Doe, Zoë\"\nM2,1971-05-06,\"Roe, Rick\"\n";
    const ER7: &str = "MSH|^~\\&|A|B|C|D|20240102||ADT^A01|1|P|2.5\rPID|1||M100^^^C^MR||DOE^JANE||19600102|F\r";

    fn scan(bytes: &[u8], size: usize) -> Option<PhiFacts> {
        let key = CaseKey::new(&[3; 32]);
        let mut scan = PhiScan::start(bytes, &key);
        bytes.chunks(size).for_each(|c| scan.feed(c));
        scan.finish().facts
    }

    #[test]
    fn every_encoding_gives_the_same() {
        for text in [TABLE, ER7] {
            let plain = scan(text.as_bytes(), 1000).unwrap();
            let le: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let be: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
            let le_bom = [b"\xff\xfe".as_slice(), &le].concat();
            let be_bom = [b"\xfe\xff".as_slice(), &be].concat();
            for bytes in [le, be, le_bom, be_bom] {
                for size in [1, 3, 1000] {
                    assert_eq!(scan(&bytes, size).as_ref(), Some(&plain));
                }
            }
        }
    }

    #[test]
    fn nothing_in_other_bytes() {
        let key = CaseKey::new(&[3; 32]);
        for bytes in [&b""[..], b"\0", b"\xff\xfe\0\0", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\0\0", b"hello, world\n"] {
            assert!(PhiScan::start(bytes, &key).is_idle());
        }
    }

    #[test]
    fn text_behind_the_headers_of_a_volume() {
        let rows: String = (0..60).map(|i| format!("P{i},19{:02}-01-02,\"Doe, Nr{i}\"\n", 10 + i)).collect();
        let bytes =
            [b"Rar!\x1a\x07\x01\0\x33\x92\xb5\xe5\x0a\x01list.csv\x02".as_slice(), TABLE.as_bytes(), rows.as_bytes()].concat();
        assert_eq!(scan(&bytes, 1000), None);
        let key = CaseKey::new(&[3; 32]);
        for size in [1, 7, 4096] {
            let mut scan = PhiScan::volume(&bytes, &key);
            bytes.chunks(size).for_each(|c| scan.feed(c));
            assert_eq!(scan.finish().facts.map(|f| f.individuals.best), Some(62), "{size}");
        }
        let first =
            [b"7z\xbc\xaf\x27\x1c\0\x04....\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0{%\"<".as_slice(), TABLE.as_bytes(), rows.as_bytes()]
                .concat();
        assert_eq!(text_of_volume(&first).map(|t| t.start), Some(32));
        // The last volume ends in the archive's own list.
        let last = [TABLE.as_bytes(), rows.as_bytes(), b"\x01\x04\x06\0\x01\x09".as_slice()].concat();
        assert_eq!(scan(&last, 1000), None);
        let mut scan = PhiScan::volume(&last, &key);
        last.chunks(100).for_each(|c| scan.feed(c));
        assert_eq!(scan.finish().facts.map(|f| f.individuals.best), Some(62));
        assert_eq!(text_of_volume(&[0; 9000]), None);
        assert_eq!(text_of_volume(b""), None);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..600)) {
            let _ = scan(&bytes, 17);
            let _ = scan(&[b"\xff\xfe".as_slice(), &bytes].concat(), 17);
        }
    }
}

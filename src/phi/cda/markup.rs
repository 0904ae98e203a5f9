//! XML cut into tags and text, byte by byte, so that it may break off anywhere.
//!
//! Source: Extensible Markup Language (XML) 1.0, fifth edition, 2.4 to 2.8 and 3.1.

use super::document::Documents;

/// Bytes of one tag; what is longer is no tag of a clinical document.
const MAX_TAG: usize = 64 * 1024;
/// Bytes of a document type declaration, after which it is taken for broken.
const MAX_DOCTYPE: usize = 1024 * 1024;

#[derive(Clone, Copy)]
enum State {
    Text,
    /// Between `<` and `>`, within the quotation mark given.
    Tag(Option<u8>),
    Comment,
    Data,
    Instruction,
    /// Brackets open and bytes seen. Nothing in it is read, so no entity is ever declared.
    Doctype(usize, usize),
}

/// Where in the markup the bytes seen so far end.
pub(super) struct Markup {
    state: State,
    tag: Vec<u8>,
    /// The last bytes of a comment, section or instruction, newest lowest.
    recent: u32,
}

impl Markup {
    pub fn new() -> Self {
        Self { state: State::Text, tag: Vec::new(), recent: 0 }
    }

    pub fn feed(&mut self, mut chunk: &[u8], out: &mut Documents<'_>) {
        while let Some((&byte, tail)) = chunk.split_first() {
            match self.state {
                State::Text => {
                    let end = memchr::memchr(b'<', chunk);
                    out.text(chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default());
                    let Some(end) = end else { return };
                    self.open();
                    chunk = chunk.get(end.saturating_add(1)..).unwrap_or_default();
                    continue;
                }
                State::Tag(quote) => self.in_tag(byte, quote, out),
                State::Comment => self.until(byte, *b"-->"),
                State::Data => {
                    out.text(&[byte]);
                    self.until(byte, *b"]]>");
                    if matches!(self.state, State::Text) {
                        out.end_data();
                    }
                }
                State::Instruction => self.until(byte, *b"\0?>"),
                State::Doctype(depth, seen) => {
                    self.state = match byte {
                        b'>' if depth == 0 => State::Text,
                        _ if seen >= MAX_DOCTYPE => State::Text,
                        b'[' => State::Doctype(depth.saturating_add(1), seen.saturating_add(1)),
                        b']' => State::Doctype(depth.saturating_sub(1), seen.saturating_add(1)),
                        _ => State::Doctype(depth, seen.saturating_add(1)),
                    };
                }
            }
            chunk = tail;
        }
    }

    fn open(&mut self) {
        self.tag.clear();
        self.recent = 0;
        self.state = State::Tag(None);
    }

    fn in_tag(&mut self, byte: u8, quote: Option<u8>, out: &mut Documents<'_>) {
        match (byte, quote) {
            // No well-formed tag holds one: the tag before it was never closed.
            (b'<', _) => return self.open(),
            (b'>', None) => {
                out.tag(&self.tag);
                self.state = State::Text;
                return;
            }
            (b'"' | b'\'', None) => self.state = State::Tag(Some(byte)),
            (_, Some(quote)) if quote == byte => self.state = State::Tag(None),
            _ => {}
        }
        self.tag.push(byte);
        match self.tag.as_slice() {
            b"!--" => self.state = State::Comment,
            b"![CDATA[" => self.state = State::Data,
            b"!DOCTYPE" => self.state = State::Doctype(0, 0),
            b"?" => self.state = State::Instruction,
            long if long.len() >= MAX_TAG => self.state = State::Text,
            _ => {}
        }
    }

    /// Back to text behind the terminator; a zero byte stands for any.
    fn until(&mut self, byte: u8, terminator: [u8; 3]) {
        self.recent = (self.recent << 8) | u32::from(byte);
        let [_, a, b, c] = self.recent.to_be_bytes();
        let [x, y, z] = terminator;
        if c == z && b == y && (x == 0 || a == x) {
            self.state = State::Text;
        }
    }
}

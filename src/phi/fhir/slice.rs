//! Cuts a stream of JSON into documents and entries of bundles, so that a bundle of any length is never held whole.

/// Bytes of one document or entry that are kept. Most resources have a few KiB; attachments make them larger.
const MAX_SLICE: usize = 8 << 20;
/// Bytes of a key that are compared.
const MAX_KEY: usize = 16;

/// One piece of JSON.
pub(super) enum Slice<'a> {
    /// A value of the outermost level, with the entries of its `entry` list left empty.
    Document(&'a [u8]),
    /// An element of the `entry` list of a document.
    Entry(&'a [u8]),
    /// One of either that is larger than is kept.
    TooLarge,
}

/// Bytes of one piece, up to the bound.
#[derive(Default)]
struct Piece {
    bytes: Vec<u8>,
    too_large: bool,
}

impl Piece {
    fn add(&mut self, bytes: &[u8]) {
        if self.bytes.len().saturating_add(bytes.len()) > MAX_SLICE {
            self.too_large = true;
        } else {
            self.bytes.extend_from_slice(bytes);
        }
    }

    fn take(&mut self, out: &mut dyn FnMut(Slice<'_>), of: fn(&[u8]) -> Slice<'_>) {
        out(if self.too_large { Slice::TooLarge } else { of(&self.bytes) });
        self.bytes.clear();
        self.too_large = false;
    }
}

/// State between two chunks.
#[derive(Default)]
pub(super) struct Slicer {
    document: Piece,
    entry: Piece,
    /// Containers that are open, without a list around all documents.
    depth: u32,
    in_string: bool,
    escaped: bool,
    /// The last string at the first level, cut.
    key: Vec<u8>,
    in_entries: bool,
}

impl Slicer {
    /// Whether a document has begun and not ended.
    pub fn is_open(&self) -> bool {
        self.depth > 0
    }

    pub fn feed(&mut self, mut chunk: &[u8], out: &mut dyn FnMut(Slice<'_>)) {
        while let Some(&first) = chunk.first() {
            let n = if self.in_string { self.string(chunk) } else { self.structure(first, chunk, out) };
            chunk = chunk.get(n.max(1)..).unwrap_or_default();
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.in_entries && self.depth > 2 {
            self.entry.add(bytes);
        } else if self.depth > 0 {
            self.document.add(bytes);
        }
    }

    /// Takes bytes of a string up to its end; returns how many.
    fn string(&mut self, chunk: &[u8]) -> usize {
        if self.escaped {
            self.escaped = false;
            self.keep(chunk.get(..1).unwrap_or_default());
            return 1;
        }
        let end = memchr::memchr3(b'"', b'\\', b'\n', chunk);
        let n = end.map_or(chunk.len(), |at| at.saturating_add(1));
        let part = chunk.get(..n).unwrap_or_default();
        if self.depth == 1 && self.key.len() < MAX_KEY {
            let text = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
            self.key.extend(text.iter().take(MAX_KEY.saturating_sub(self.key.len())));
        }
        self.keep(part);
        match part.last().filter(|_| end.is_some()) {
            Some(b'"') => self.in_string = false,
            Some(b'\\') => self.escaped = true,
            // No JSON string spans lines: the line is broken, and the next one begins afresh.
            Some(b'\n') => *self = Self::default(),
            _ => {}
        }
        n
    }

    /// Takes what stands between strings; returns how many bytes.
    fn structure(&mut self, first: u8, chunk: &[u8], out: &mut dyn FnMut(Slice<'_>)) -> usize {
        let telling = |b: &u8| matches!(b, b'"' | b'{' | b'[' | b'}' | b']');
        if !telling(&first) {
            let n = chunk.iter().position(telling).unwrap_or(chunk.len());
            // Commas between entries would fill the document of a long bundle.
            if !(self.in_entries && self.depth == 2) {
                self.keep(chunk.get(..n).unwrap_or_default());
            }
            return n;
        }
        match first {
            b'"' => {
                self.in_string = true;
                if self.depth == 1 {
                    self.key.clear();
                }
                self.keep(b"\"");
            }
            b'[' if self.depth == 0 => {}
            b']' if self.depth == 0 => {}
            b'{' | b'[' => {
                if self.depth == 1 && first == b'[' {
                    self.in_entries = self.key == b"entry";
                }
                self.depth = self.depth.saturating_add(1);
                self.keep(&[first]);
            }
            _ => {
                self.keep(&[first]);
                self.depth = self.depth.saturating_sub(1);
                match self.depth {
                    2 if self.in_entries => self.entry.take(out, |b| Slice::Entry(b)),
                    1 => self.in_entries = false,
                    0 => self.document.take(out, |b| Slice::Document(b)),
                    _ => {}
                }
            }
        }
        1
    }
}

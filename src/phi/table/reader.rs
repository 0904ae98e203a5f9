//! Delimited records from bytes that arrive in pieces (RFC 4180 quoting, any line ending).

/// Bytes of one field that are kept.
const MAX_FIELD: usize = 512;
/// Columns that are kept.
const MAX_COLUMNS: usize = 1024;
/// A quoted field longer than this is taken for a stray quote.
const MAX_QUOTED: usize = 64 * 1024;

/// One record: its fields, each up to 512 bytes.
#[derive(Clone, Default)]
pub(in crate::phi) struct Record {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Record {
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn get(&self, n: usize) -> Option<&[u8]> {
        let end = *self.ends.get(n)?;
        let start = n.checked_sub(1).and_then(|p| self.ends.get(p).copied()).unwrap_or(0);
        self.bytes.get(start..end)
    }

    pub fn is_blank(&self) -> bool {
        self.bytes.iter().all(u8::is_ascii_whitespace)
    }

    /// What it takes to keep it.
    pub fn bytes(&self) -> usize {
        self.bytes.len().saturating_add(self.ends.len().saturating_mul(size_of::<usize>()))
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    fn start(&self) -> usize {
        self.ends.last().copied().unwrap_or(0)
    }

    /// Adds to the field that is open.
    pub fn push(&mut self, piece: &[u8]) {
        let held = self.bytes.len().saturating_sub(self.start());
        let room = MAX_FIELD.saturating_sub(held).min(piece.len());
        if self.ends.len() < MAX_COLUMNS {
            self.bytes.extend_from_slice(piece.get(..room).unwrap_or_default());
        }
    }

    pub fn end_field(&mut self) {
        if self.ends.len() < MAX_COLUMNS {
            self.ends.push(self.bytes.len());
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    FieldStart,
    Plain,
    Quoted,
    /// After a quote inside a quoted field: doubled, or the end.
    QuoteSeen,
}

/// Splits a stream into records.
pub(super) struct Reader {
    delimiter: u8,
    state: State,
    record: Record,
    quoted: usize,
    /// Something of the current record was seen.
    open: bool,
}

impl Reader {
    pub fn new(delimiter: u8) -> Self {
        Self { delimiter, state: State::FieldStart, record: Record::default(), quoted: 0, open: false }
    }

    /// Gives every whole record to `take`; blank lines are left out.
    pub fn feed(&mut self, mut chunk: &[u8], mut take: impl FnMut(&Record)) {
        while let Some(&b) = chunk.first() {
            match self.state {
                State::Quoted => {
                    let at = memchr::memchr(b'"', chunk).unwrap_or(chunk.len());
                    self.record.push(chunk.get(..at).unwrap_or_default());
                    self.quoted = self.quoted.saturating_add(at);
                    if at < chunk.len() {
                        self.state = State::QuoteSeen;
                        chunk = chunk.get(at.saturating_add(1)..).unwrap_or_default();
                    } else {
                        chunk = &[];
                        if self.quoted > MAX_QUOTED {
                            self.state = State::Plain;
                        }
                    }
                    continue;
                }
                State::QuoteSeen if b == b'"' => {
                    self.record.push(b"\"");
                    self.state = State::Quoted;
                }
                State::FieldStart if b == b'"' => {
                    self.open = true;
                    self.quoted = 0;
                    self.state = State::Quoted;
                }
                _ if b == self.delimiter => {
                    self.open = true;
                    self.record.end_field();
                    self.state = State::FieldStart;
                }
                _ if matches!(b, b'\r' | b'\n') => self.end_record(&mut take),
                _ => {
                    let stop = memchr::memchr3(self.delimiter, b'\r', b'\n', chunk).unwrap_or(chunk.len());
                    self.record.push(chunk.get(..stop).unwrap_or_default());
                    self.open = true;
                    self.state = State::Plain;
                    chunk = chunk.get(stop..).unwrap_or_default();
                    continue;
                }
            }
            chunk = chunk.get(1..).unwrap_or_default();
        }
    }

    /// Ends the last record.
    pub fn finish(&mut self, mut take: impl FnMut(&Record)) {
        self.end_record(&mut take);
    }

    fn end_record(&mut self, take: &mut impl FnMut(&Record)) {
        if self.open {
            self.record.end_field();
            if !self.record.is_blank() {
                take(&self.record);
            }
        }
        self.record.clear();
        self.open = false;
        self.state = State::FieldStart;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8], size: usize) -> Vec<Vec<String>> {
        let mut out = Vec::new();
        let mut reader = Reader::new(b',');
        let mut take = |r: &Record| {
            out.push((0..r.len()).map(|i| String::from_utf8_lossy(r.get(i).unwrap()).into_owned()).collect());
        };
        text.chunks(size).for_each(|c| reader.feed(c, &mut take));
        reader.finish(&mut take);
        out
    }

    #[test]
    fn quoting_and_line_endings() {
        let text = b"a,\"b \"\"x\"\", c\",\r\n\"two\nlines\",,z\n\n\rlast,1";
        for size in [1, 2, 3, 100] {
            assert_eq!(read(text, size), [vec!["a", "b \"x\", c", ""], vec!["two\nlines", "", "z"], vec!["last", "1"]], "{size}");
        }
    }

    #[test]
    fn a_stray_quote_does_not_swallow_the_rest() {
        let mut text = b"a,\"b\n".to_vec();
        for _ in 0..20_000 {
            text.extend_from_slice(b"row,1\n");
        }
        assert!(read(&text, 4096).len() > 1000);
    }

    proptest::proptest! {
        #[test]
        fn pieces_do_not_matter(text in proptest::collection::vec(proptest::sample::select(b"a,\"\r\n ".to_vec()), 0..64)) {
            proptest::prop_assert_eq!(read(&text, 1), read(&text, 1000));
        }
    }
}

//! A document that must be there whole before it can be read, kept up to a bound.

/// See the module.
pub(super) struct Held {
    bytes: Vec<u8>,
    bound: usize,
    cut: bool,
}

impl Held {
    pub fn new(bound: usize) -> Self {
        Self { bytes: Vec::new(), bound, cut: false }
    }

    pub fn feed(&mut self, chunk: &[u8]) {
        let room = self.bound.saturating_sub(self.bytes.len());
        self.cut |= chunk.len() > room;
        self.bytes.extend_from_slice(chunk.get(..room.min(chunk.len())).unwrap_or_default());
    }

    /// The text, and whether there was more than is kept.
    pub fn text(&self) -> (std::borrow::Cow<'_, str>, bool) {
        (String::from_utf8_lossy(&self.bytes), self.cut)
    }
}

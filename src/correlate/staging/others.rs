//! Files of other cases, as their inventories remember them: what `--match-against` compares locked members with.

/// A file of another case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct OtherFile {
    /// Number of the case, in the order in which they were given.
    pub case: usize,
    /// As that case shows it, names of people masked.
    pub path: String,
    /// Distinct people that were counted in it.
    pub people: u64,
}

impl OtherFile {
    /// Lower case.
    pub fn base_name(&self) -> String {
        self.path.rsplit(['/', '\\']).next().unwrap_or_default().to_lowercase()
    }
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Others {
    /// By size and CRC-32.
    files: Vec<(u64, u32, OtherFile)>,
}

impl Others {
    pub fn new(mut files: Vec<(u64, u32, OtherFile)>) -> Self {
        files.sort();
        Self { files }
    }

    /// Files with this content; none for an empty one.
    pub fn of(&self, size: u64, crc: u32) -> impl Iterator<Item = &OtherFile> {
        let from = self.files.partition_point(|f| (f.0, f.1) < (size, crc));
        let rest = self.files.get(from..).unwrap_or_default();
        rest.iter().take_while(move |f| size > 0 && (f.0, f.1) == (size, crc)).map(|f| &f.2)
    }
}

//! From relative virtual addresses to the file's bytes.

use goblin::pe::section_table::SectionTable;

/// A file and what turns a relative virtual address into an offset in it.
pub(super) struct Map<'a> {
    pub bytes: &'a [u8],
    pub sections: &'a [SectionTable],
    pub file_alignment: u32,
    pub section_alignment: u32,
}

impl<'a> Map<'a> {
    /// The bytes from `rva` to the end of the file.
    pub fn at(&self, rva: u32) -> Option<&'a [u8]> {
        self.bytes.get(usize::try_from(self.offset(rva)?).ok()?..)
    }

    /// As the Windows loader maps it: the last fitting section counts, its offset rounded down to the
    /// alignment; before the first section address and offset are the same.
    pub fn offset(&self, rva: u32) -> Option<u32> {
        let lowest = self.sections.iter().map(|s| s.virtual_address).min();
        if lowest.is_some_and(|l| rva < l) {
            return Some(rva);
        }
        let (mut start, mut offset, mut raw) = (0u32, 0u32, 0u32);
        for s in self.sections {
            let end = s.virtual_address.saturating_add(s.virtual_size.max(s.size_of_raw_data));
            if start <= s.virtual_address && (s.virtual_address..end).contains(&rva) {
                start = s.virtual_address;
                offset = self.aligned(s.pointer_to_raw_data);
                raw = s.size_of_raw_data;
            }
        }
        let within = rva.checked_sub(start)?;
        (within < raw).then(|| offset.saturating_add(within))
    }

    fn aligned(&self, offset: u32) -> u32 {
        let mut offset = offset;
        if let Some(rest) = offset.checked_rem(self.file_alignment.min(0x200)) {
            offset -= rest;
        }
        if self.section_alignment >= 0x1000 {
            offset -= offset % 0x200;
        }
        offset
    }
}

/// The little-endian number at `at`.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_le_bytes)
}

/// The little-endian number at `at`.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_le_bytes)
}

/// Up to the first NUL, at most `max` bytes.
pub(super) fn until_nul(bytes: &[u8], max: usize) -> &[u8] {
    let bytes = bytes.get(..max).unwrap_or(bytes);
    bytes.split(|&b| b == 0).next().unwrap_or_default()
}

//! Reparse points of Windows by their tags (MS-FSCC section 2.1.2.1, ntifs.h).

/// How an object with a tag is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// Stored as any other.
    Plain,
    /// Stands for another object: recorded, never followed.
    Link,
    /// Its bytes are on this disk and come from a filter, as those of compressed and deduplicated files.
    ByFilter,
    /// Holds no bytes: a socket, a pipe, the alias of an app.
    NoData,
    /// Only its own driver knows.
    Unknown,
}

/// The tag says that the object stands for another.
const SURROGATE: u32 = 0x2000_0000;
/// Bits that tell the twelve kinds of cloud tags apart.
const CLOUD_KINDS: u32 = 0xf000;

const TAGS: &[(u32, Treatment, &str)] = &[
    (0xa000_0003, Treatment::Link, "mount point or junction"),
    (0xa000_000c, Treatment::Link, "symbolic link"),
    (0xa000_001d, Treatment::Link, "symbolic link of Linux"),
    (0x8000_0013, Treatment::ByFilter, "deduplicated"),
    (0x8000_0017, Treatment::ByFilter, "compressed by Windows Overlay"),
    (0x8000_0007, Treatment::ByFilter, "single instance storage"),
    (0x8000_0018, Treatment::ByFilter, "container isolation"),
    (0x9000_1018, Treatment::ByFilter, "container isolation"),
    (0x9000_001a, Treatment::Plain, "cloud"),
    (0x8000_0021, Treatment::Plain, "OneDrive"),
    (0x8000_001b, Treatment::NoData, "alias of an app"),
    (0x8000_0023, Treatment::NoData, "socket"),
    (0x8000_0024, Treatment::NoData, "pipe of Linux"),
    (0x8000_0025, Treatment::NoData, "character device of Linux"),
    (0x8000_0026, Treatment::NoData, "block device of Linux"),
];

fn known(tag: u32) -> Option<&'static (u32, Treatment, &'static str)> {
    let plain = if tag & !CLOUD_KINDS == 0x9000_001a { 0x9000_001a } else { tag };
    TAGS.iter().find(|(known, _, _)| *known == plain)
}

/// How an object with this tag is treated. What a cloud holds and this disk doesn't is told by attributes, not by the tag.
pub fn treatment(tag: u32) -> Treatment {
    match known(tag) {
        Some((_, treatment, _)) => *treatment,
        None if tag & SURROGATE != 0 => Treatment::Link,
        None => Treatment::Unknown,
    }
}

/// The tag for people.
pub fn name(tag: u32) -> String {
    known(tag).map_or_else(|| format!("reparse point {tag:#010x}"), |(_, _, name)| format!("{name}, reparse point {tag:#010x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_told_apart() {
        assert_eq!(treatment(0xa000_0003), Treatment::Link);
        assert_eq!(treatment(0xa000_0099), Treatment::Link, "any tag that says so");
        assert_eq!(treatment(0x9000_601a), Treatment::Plain, "every kind of cloud");
        assert_eq!(treatment(0x8000_0017), Treatment::ByFilter);
        assert_eq!(treatment(0x8000_0099), Treatment::Unknown);
        assert_eq!(name(0xa000_000c), "symbolic link, reparse point 0xa000000c");
        assert_eq!(name(0x8000_0099), "reparse point 0x80000099");
    }
}

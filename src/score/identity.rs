//! The name of a finding: a hash of what was found and where, the same on every run and machine.

use sha2::{Digest, Sha256};

use crate::model::text::hex;
use crate::model::{Category, Locator, Reason, Step};

/// The first 16 hexadecimal digits of SHA-256 over category, locator and the ids and sources of the reasons.
/// Each part goes in with its length, so that two different findings can't be spelled alike.
pub fn id(category: Category, locator: &Locator, reasons: &[Reason]) -> String {
    let mut hash = Sha256::new();
    let mut put = |bytes: &[u8]| {
        hash.update(u64::try_from(bytes.len()).unwrap_or(u64::MAX).to_le_bytes());
        hash.update(bytes);
    };
    put(category.id().as_bytes());
    for step in locator.steps() {
        match step {
            Step::Os(name) => {
                put(b"os");
                put(name.bytes());
            }
            Step::Member { name, index } => {
                put(b"member");
                put(name.bytes());
                put(&index.to_le_bytes());
            }
        }
    }
    put(b"reasons");
    let mut all: Vec<_> = reasons.iter().map(|r| (r.id.as_str(), r.source.as_str())).collect();
    all.sort_unstable();
    all.dedup();
    for (id, source) in all {
        put(id.as_bytes());
        put(source.as_bytes());
    }
    let digest = hash.finalize();
    hex(&digest[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_and_where_and_nothing_else() {
        let reason = |id: &str, text: &str| Reason::new(id, "g", 50, text, "s");
        let at = Locator::os("/a!b");
        let one = id(Category::Ioc, &at, &[reason("x", "1"), reason("y", "2")]);
        assert_eq!(one.len(), 16);
        assert_eq!(one, id(Category::Ioc, &at, &[reason("y", "other words"), reason("x", "1")]));
        for other in [
            id(Category::Yara, &at, &[reason("x", ""), reason("y", "")]),
            id(Category::Ioc, &at, &[reason("x", "")]),
            // Shown alike, yet another object.
            id(Category::Ioc, &Locator::os("/a").member("b", 0), &[reason("x", ""), reason("y", "")]),
        ] {
            assert_ne!(one, other);
        }
        let member = |i| id(Category::Ioc, &Locator::os("/a").member("b", i), &[]);
        assert_ne!(member(0), member(1));
    }
}

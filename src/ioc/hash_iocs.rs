//! `hash-iocs`: the hash lists of signature-base, LOKI and THOR, and OTX exports of the same shape.
//!
//! `HASH [";" SCORE] ";" TEXT`, comments in lines that begin with `#`. The score is one only where the second
//! field is a number and a third field follows; the text may hold `;` and quotes.

use super::decode::{convinces, entries, named};
use super::hash_list::{load, read};
use super::{IocFormat, Loader};

/// See the module.
pub struct HashIocs;

impl IocFormat for HashIocs {
    fn id(&self) -> &'static str {
        "hash-iocs"
    }

    fn looks_like(&self) -> &'static str {
        "HASH;TEXT or HASH;SCORE;TEXT"
    }

    fn sniff(&self, name: &[u8], head: &[u8]) -> bool {
        let lines = entries(head);
        let good: Vec<_> = lines.iter().filter(|l| read(l).is_ok()).collect();
        let fields = good.iter().any(|l| l.bytes().take(160).any(|b| b == b';'));
        fields && convinces(good.len(), lines.len(), named(name, &["hash"]))
    }

    fn parse(&self, text: &str, loader: &mut Loader<'_>) {
        load(text, loader);
    }
}

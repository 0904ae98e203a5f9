//! Which hosts should have reported.

use std::collections::{BTreeMap, BTreeSet};

/// Names of hosts, one a line; `#` begins a comment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// As they are written, by their comparable form.
    names: BTreeMap<String, String>,
}

/// Names of hosts compare without case, and a dot at the end says nothing (RFC 1034 section 3.1).
fn comparable(name: &str) -> String {
    name.trim().trim_end_matches('.').to_lowercase()
}

/// The first label.
fn short(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}

impl Expected {
    pub fn new(text: &str) -> Self {
        let lines = text.trim_start_matches('\u{feff}').lines().map(|l| l.split('#').next().unwrap_or_default().trim());
        Self { names: lines.filter(|l| !l.is_empty()).map(|l| (comparable(l), l.to_owned())).collect() }
    }

    pub fn len(&self) -> usize {
        self.names.len()
    }

    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Expected hosts without a case, and hosts with one that weren't expected. A name with a domain and one without are
    /// the same host where only one host on either side could be meant.
    pub fn compare<'h>(&self, reported: impl Iterator<Item = &'h str>) -> (Vec<String>, Vec<String>) {
        let reported: BTreeMap<String, &str> = reported.map(|name| (comparable(name), name)).collect();
        let mut missing: BTreeMap<&str, &str> =
            self.names.iter().filter(|(k, _)| !reported.contains_key(*k)).map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let mut unexpected: BTreeMap<&str, &str> =
            reported.iter().filter(|(k, _)| !self.names.contains_key(*k)).map(|(k, v)| (k.as_str(), *v)).collect();
        let labels: BTreeSet<String> = missing.keys().map(|k| short(k).to_owned()).collect();
        for label in labels {
            let of = |map: &BTreeMap<&str, &str>| {
                map.keys().filter(|k| short(k) == label).map(|k| (*k).to_owned()).collect::<Vec<_>>()
            };
            if let ([a], [b]) = (of(&missing).as_slice(), of(&unexpected).as_slice())
                && a.contains('.') != b.contains('.')
            {
                missing.remove(a.as_str());
                unexpected.remove(b.as_str());
            }
        }
        let list = |map: BTreeMap<&str, &str>| map.into_values().map(str::to_owned).collect();
        (list(missing), list(unexpected))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_as_names_of_hosts_are() {
        let expected =
            Expected::new("\u{feff}Front-1\nfront-2.clinic.test. # desk\n\n# none\nlab.a.test\nlab.b.test\nxray.a.test\n");
        assert_eq!(expected.len(), 5);
        let (missing, unexpected) = expected.compare(["FRONT-1", "front-2.clinic.test", "lab", "XRAY", "other"].into_iter());
        // `lab` could be either of two.
        assert_eq!(missing, ["lab.a.test", "lab.b.test"]);
        assert_eq!(unexpected, ["lab", "other"]);
        assert!(Expected::new("#\n \n").is_empty());
    }
}

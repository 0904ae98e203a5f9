//! Ids that are the same for the same content: UUIDs of version 5 (RFC 9562 section 5.5).

use uuid::Uuid;

/// The namespace of SCO ids (STIX 2.1 section 2.9).
const SCO: Uuid = Uuid::from_u128(0x00ab_edb4_aa42_466c_9c01_fed2_3315_a9b7);

/// An id in a namespace of our own, from what it stands for.
pub fn own(parts: &[&str]) -> Uuid {
    let space = Uuid::new_v5(&Uuid::NAMESPACE_URL, b"urn:wardround:export:1");
    // NUL ends each part, so that ["ab", "c"] and ["a", "bc"] differ.
    let mut name = Vec::new();
    for part in parts {
        name.extend_from_slice(part.as_bytes());
        name.push(0);
    }
    Uuid::new_v5(&space, &name)
}

/// The id of a STIX Cyber-observable Object from its ID Contributing Properties, which must come with sorted keys: their
/// canonical form (RFC 8785) is the name.
pub fn sco(kind: &str, contributing: &std::collections::BTreeMap<&str, serde_json::Value>) -> String {
    // Strings and flat maps of strings only: for these serde_json writes what RFC 8785 asks for.
    let name = serde_json::to_string(contributing).unwrap_or_default();
    format!("{kind}--{}", Uuid::new_v5(&SCO, name.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn ids_follow_content() {
        assert_eq!(own(&["a", "b"]), own(&["a", "b"]));
        assert_ne!(own(&["ab", "c"]), own(&["a", "bc"]));
        assert_eq!(own(&["a"]).get_version_num(), 5);
    }

    #[test]
    fn sco_ids_are_those_of_another_implementation() {
        // Python: uuid.uuid5(UUID of section 2.9, '{"name":"a.zip"}').
        let file = BTreeMap::from([("name", "a.zip".into())]);
        assert_eq!(sco("file", &file), "file--33d0106c-b5cf-5293-ba57-9ac91fcd03ef");
        let directory = BTreeMap::from([("path", "/srv".into())]);
        assert_eq!(sco("directory", &directory), "directory--8e55d420-1bde-59e7-8a37-722d44ec7bf0");
    }
}

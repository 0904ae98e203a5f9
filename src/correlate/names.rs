//! What names tell: archives under a foreign extension, volumes of one set, series, member lists.

use std::sync::LazyLock;

use regex::{Regex, RegexSet};

use super::place::{pattern, set};
use crate::clue::VOLUME;
use crate::model::Priors;

static HABIT: LazyLock<RegexSet> = LazyLock::new(|| set(Priors::get().profile.patterns("archive_names.habit")));
static MASQUERADE: LazyLock<RegexSet> = LazyLock::new(|| set(Priors::get().profile.patterns("archive_names.masquerade")));
static MARKERS: LazyLock<RegexSet> = LazyLock::new(|| set(Priors::get().types.markers.iter().map(|m| &m.member)));
static DIGITS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\d+"));

/// How a name disguises what the bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Disguise {
    /// The extension of a well-known other type.
    Mismatch,
    /// An extension that says nothing (`.dat`, `.tmp`).
    Generic,
    /// The name of an update or a part of the system.
    SystemName,
}

impl Disguise {
    /// The id of its reason.
    pub fn reason(self) -> &'static str {
        match self {
            Disguise::Mismatch => "staging.ext_mismatch",
            Disguise::Generic => "staging.ext_generic",
            Disguise::SystemName => "staging.masq_name",
        }
    }
}

/// Text after the last dot of a lower-case base name; none for a name that only begins with one.
pub fn extension(name: &str) -> Option<&str> {
    name.rsplit_once('.').filter(|(stem, ext)| !stem.is_empty() && !ext.is_empty()).map(|(_, ext)| ext)
}

/// Whether an archive's lower-case base name hides its format. `markers` are those of [`marker`] that its
/// members showed, where the listing is complete.
pub fn archive_disguise(name: &str, format: &str, markers: Option<u32>) -> Option<Disguise> {
    let types = &Priors::get().types;
    let has = |list: &[String], ext: &str| list.iter().any(|e| e == ext);
    let by_extension = extension(name).and_then(|ext| {
        let rightly = types.archives.get(format).is_some_and(|list| has(list, ext));
        if rightly {
            let claims = types.markers.iter().position(|m| has(&m.extensions, ext));
            let (Some(claim), Some(seen), "zip") = (claims, markers, format) else { return None };
            (seen & bit(claim) == 0).then_some(Disguise::Mismatch)
        } else if has(&types.other, ext) {
            Some(Disguise::Mismatch)
        } else {
            has(&types.generic, ext).then_some(Disguise::Generic)
        }
    });
    by_extension.or_else(|| MASQUERADE.is_match(name).then_some(Disguise::SystemName))
}

/// Whether a file of text has the extension of a type that is none.
pub fn text_disguise(name: &str) -> Option<Disguise> {
    let ext = extension(name)?;
    Priors::get().types.binary.iter().any(|e| e == ext).then_some(Disguise::Mismatch)
}

/// Whether it is the sort of short name that hand-made archives get.
pub fn is_habit(name: &str) -> bool {
    HABIT.is_match(name)
}

/// Which markers of zip-based types a lower-case member name is, as bits.
pub fn marker(member: &str) -> u32 {
    MARKERS.matches(member).iter().fold(0, |bits, i| bits | bit(i))
}

fn bit(i: usize) -> u32 {
    u32::try_from(i).ok().and_then(|i| 1_u32.checked_shl(i)).unwrap_or(0)
}

/// Which family a lower-case base name belongs to, and its number there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Numbered {
    pub family: String,
    pub number: u64,
    pub volume: bool,
}

/// A volume's set, or the series of names that differ in their digits.
pub fn numbered(name: &str) -> Option<Numbered> {
    if let Some(found) = VOLUME.captures(name) {
        let number = ["a", "b", "c", "d", "e"].iter().find_map(|g| found.name(g))?.as_str().parse().ok()?;
        return Some(Numbered { family: volume_family(found.name("stem")?.as_str()), number, volume: true });
    }
    // The digits of `.7z` are no number.
    let (stem, ext) = name.rsplit_once('.').unwrap_or((name, ""));
    let digits: String = DIGITS.find_iter(stem).map(|m| m.as_str()).collect();
    let number = digits.parse().ok()?;
    Some(Numbered { family: format!("{}.{ext}", DIGITS.replace_all(stem, "#")), number, volume: false })
}

/// The family that an unnumbered first or last volume (`x.zip` of `x.z01`, `x.rar` of `x.r00`) belongs to.
pub fn volume_head(name: &str) -> Option<String> {
    let (stem, ext) = name.rsplit_once('.')?;
    matches!(ext, "zip" | "rar").then(|| volume_family(stem))
}

fn volume_family(stem: &str) -> String {
    format!("{stem}.<volume>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clue::patient_name;

    #[test]
    fn foreign_extensions_and_those_that_zip_based_types_have() {
        use Disguise::*;
        for (name, format, markers, want) in [
            ("a.zip", "zip", Some(0), None),
            ("a.jpg", "zip", Some(0), Some(Mismatch)),
            ("a.log", "gz", Some(0), Some(Mismatch)),
            ("a.dat", "zip", Some(0), Some(Generic)),
            ("kb5034441.zip", "zip", Some(0), Some(SystemName)),
            ("kb12.zip", "zip", Some(0), None),
            ("a", "zip", Some(0), None),
            (".jpg", "zip", Some(0), None),
            ("a.unheard", "zip", Some(0), None),
            ("a.jar", "zip", Some(marker("meta-inf/manifest.mf")), None),
            ("a.apk", "zip", Some(0), None),
            ("a.docx", "zip", Some(marker("[content_types].xml")), None),
            ("a.docx", "zip", Some(marker("meta-inf/manifest.mf")), Some(Mismatch)),
            // Nothing is claimed of a listing that is not complete.
            ("a.docx", "zip", None, None),
            ("a.tgz", "gz", Some(0), None),
            ("a.dat", "7z", None, Some(Generic)),
        ] {
            assert_eq!(archive_disguise(name, format, markers), want, "{name} as {format}");
        }
        assert_eq!(text_disguise("a.dll"), Some(Mismatch));
        assert_eq!([text_disguise("a.csv"), text_disguise("a.dat"), text_disguise("a")], [None; 3]);
    }

    #[test]
    fn families() {
        let is = |name: &str| numbered(name).map(|n| (n.family, n.number, n.volume));
        assert_eq!(is("x.part02.rar"), Some(("x.<volume>".into(), 2, true)));
        assert_eq!(is("x.7z.001"), Some(("x.7z.<volume>".into(), 1, true)));
        assert_eq!(is("x.z01").map(|n| n.0), volume_head("x.zip"));
        assert_eq!(is("x.r00").map(|n| n.0), volume_head("x.rar"));
        assert_eq!(is("backup_2026-10-31.zip"), Some(("backup_#-#-#.zip".into(), 20_261_031, false)));
        assert_eq!(is("7.zip"), Some(("#.zip".into(), 7, false)));
        assert_eq!(is("notes.zip"), None);
        assert_eq!(is("data.7z"), None);
        assert_eq!(is(&"9".repeat(40)), None);
    }

    #[test]
    fn member_names_that_speak() {
        for name in ["out/claims_0412.837", "patients.csv", "scan/adt.hl7", "img/1.dcm", "front desk/chart notes.docx"] {
            assert_eq!(patient_name(name), 2, "{name}");
        }
        assert_eq!(patient_name("radiology/readme.txt"), 1);
        for name in ["setup.exe", "inpatient_care.dll", "src/parser.rs", "opera/x.txt.gz"] {
            assert_eq!(patient_name(name), 0, "{name}");
        }
    }

    #[test]
    fn habits() {
        for name in ["1.zip", "data.7z", "fs.rar", "abc123.tar.gz", "users.zip"] {
            assert!(is_habit(name), "{name}");
        }
        for name in ["quarterly-report.zip", "setup.zip", "data.csv"] {
            assert!(!is_habit(name), "{name}");
        }
    }
}

//! Where an object lies: places that intruders use, and places where such objects belong.

use std::sync::LazyLock;

use regex::{Regex, RegexSet};

use crate::clue::paths::lower;
use crate::model::profile::{Location, regex_set};
use crate::model::{Name, Priors};

/// A sort of place, the most telling first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Spot {
    Webroot,
    Recycle,
    Strong,
    /// Nearly all software writes there.
    Medium,
}

impl Spot {
    /// The id of its reason.
    pub fn reason(self) -> &'static str {
        match self {
            Spot::Webroot => "staging.location_webroot",
            Spot::Recycle => "staging.location_recycle",
            Spot::Strong => "staging.location_strong",
            Spot::Medium => "staging.location_medium",
        }
    }
}

/// A place that intruders use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub spot: Spot,
    /// What to call it.
    pub words: &'static str,
}

static PLACES: LazyLock<(RegexSet, Vec<Place>)> = LazyLock::new(|| {
    let lists: [(Spot, &'static [Location]); 4] = [
        (Spot::Webroot, "staging_folders.webroot"),
        (Spot::Recycle, "staging_folders.recycle"),
        (Spot::Strong, "staging_folders.strong"),
        (Spot::Medium, "staging_folders.medium"),
    ]
    .map(|(spot, list)| (spot, Priors::get().profile.locations(list)));
    let all = lists.iter().flat_map(|(spot, list)| list.iter().map(|l| (&l.pattern, Place { spot: *spot, words: &l.words })));
    let (patterns, places): (Vec<_>, Vec<_>) = all.unzip();
    (set(patterns), places)
});
static BENIGN: LazyLock<RegexSet> =
    LazyLock::new(|| set(Priors::get().profile.locations("benign_places").iter().map(|l| &l.pattern)));
/// Where the system's own programs lie: a copying tool there came with the system.
static SYSTEM: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:^|/)(?:windows/(?:system32|syswow64|winsxs|servicing)|usr/(?:local/)?(?:s?bin|lib\w*|libexec|share)|s?bin|snap|opt)/",
    )
});
static DOCUMENTS: LazyLock<RegexSet> = LazyLock::new(|| set(Priors::get().profile.patterns("own_documents")));

/// A set of patterns of the model, which were compiled when it was made.
pub(super) fn set<'a>(patterns: impl IntoIterator<Item = &'a String>) -> RegexSet {
    regex_set(patterns).expect("compiled before")
}

/// One embedded pattern.
pub(super) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("embedded and tested")
}

/// A path as the patterns expect it: lower case, `/` between names, without a device prefix (`\\?\`).
pub fn normal(path: &Name) -> String {
    lower(&path.lossy())
}

/// The most telling place of a normalised path.
pub fn place(path: &str) -> Option<Place> {
    let (patterns, places) = &*PLACES;
    patterns.matches(path).iter().next().and_then(|i| places.get(i)).copied()
}

/// Who keeps archives there rightly, in words: a backup product, the system, an export job.
pub fn benign_place(path: &str) -> Option<&'static str> {
    let first = BENIGN.matches(path).iter().next()?;
    Priors::get().profile.locations("benign_places").get(first).map(|l| l.words.as_str())
}

/// Whether a normalised path is one of the system's own programs.
pub fn is_system(path: &str) -> bool {
    SYSTEM.is_match(path)
}

/// Whether it is a person's own documents.
pub fn is_own_documents(path: &str) -> bool {
    DOCUMENTS.is_match(path)
}

/// For something in a recycle bin: where its index entry would be. Windows keeps the name and date of a deleted
/// `X` in `$I…`, its content in `$R…`, in one folder a user; what lies there without that twin was put there.
pub fn recycle_index(path: &str) -> Option<String> {
    let start = path.find("$recycle.bin/")? + "$recycle.bin/".len();
    let (folder, below) = path.split_at(start);
    let (user, below) = below.split_once('/')?;
    let deleted = below.split('/').next()?.strip_prefix("$r")?;
    user.starts_with("s-1-").then(|| format!("{folder}{user}/$i{deleted}"))
}

/// Whether a path is such an index entry.
pub fn is_recycle_index(path: &str) -> bool {
    path.contains("$recycle.bin/") && path.rsplit('/').next().is_some_and(|n| n.starts_with("$i"))
}

/// Position of the last separator of a path as the evidence holds it; `\` separates where no `/` is there.
pub fn folder_end(path: &[u8]) -> Option<usize> {
    path.iter().rposition(|b| *b == b'/').or_else(|| path.iter().rposition(|b| *b == b'\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(path: &str) -> Option<Spot> {
        place(&normal(&Name::from(path))).map(|p| p.spot)
    }

    #[test]
    fn windows_and_unix_mapped_and_not() {
        for path in [
            "C:\\PerfLogs\\1\\a.zip",
            "\\\\?\\C:\\PerfLogs\\a.zip",
            "/mnt/evidence/PERFLOGS/a.zip",
            "samples/workstation/C/PerfLogs/a.zip",
            "C:\\Users\\Public\\Music\\a.zip",
            "/mnt/e/Windows/Debug/x.log",
            "C:\\Intel\\a.7z",
            "/dev/shm/x.jpg",
            "/var/tmp/a/b/c",
            "/tmp/.cache-1/x",
        ] {
            assert_eq!(spot(path), Some(Spot::Strong), "{path}");
        }
        assert_eq!(spot("C:\\inetpub\\wwwroot\\a.zip"), Some(Spot::Webroot));
        assert_eq!(spot("/var/www/html/a.zip"), Some(Spot::Webroot));
        assert_eq!(spot("D:\\$Recycle.Bin\\S-1-5-21-1\\a.7z"), Some(Spot::Recycle));
        for path in ["C:\\ProgramData\\a.zip", "C:\\Users\\ann\\AppData\\Local\\Temp\\a.zip", "/tmp/a.zip", "C:\\Temp\\x\\a.zip"]
        {
            assert_eq!(spot(path), Some(Spot::Medium), "{path}");
        }
    }

    #[test]
    fn ordinary_places_are_none() {
        for path in [
            "C:\\Users\\ann\\Documents\\a.xlsx",
            "/usr/lib/intel/a.zip",
            "/home/ann/project/templates/a.zip",
            "/srv/data/tmp/build/deep/down/a.zip",
            "/home/ann/perflogs.zip",
            "/tmp/clone/samples/workstation/C/x.csv",
            "/tmp/.tmpAb12/samples/workstation/C/x.csv",
            "C:\\Program Files\\Vendor\\a.zip",
        ] {
            assert_eq!(spot(path), None, "{path}");
        }
    }

    #[test]
    fn homes_of_backups_and_documents() {
        let is = |f: fn(&str) -> bool, path: &str| f(&normal(&Name::from(path)));
        let words = |path: &str| benign_place(&normal(&Name::from(path)));
        assert_eq!(words("D:\\Veeam\\job\\a.vbk"), Some("Veeam keeps its backups there"));
        assert_eq!(words("C:\\Program Files\\ClinicDesk\\Backup\\a.zip"), Some("an installed product keeps its backups there"));
        assert!(words("/var/backups/a.gz").is_some());
        assert_eq!(words("C:\\PerfLogs\\backup\\a.zip"), None);
        assert_eq!(words("E:\\NextGen\\EHI\\2026.zip"), Some("NextGen keeps its exports there"));
        assert_eq!(words("E:\\Availity\\Outbox\\claims.zip"), Some("a clearing-house exchanges claims there"));
        assert_eq!(words("E:\\Shares\\2026.zip"), None);
        assert!(is(is_own_documents, "C:\\Users\\ann\\Documents\\a.xlsx"));
        assert!(!is(is_own_documents, "C:\\Users\\Public\\a.xlsx"));
    }

    #[test]
    fn deleted_by_a_user_has_a_twin() {
        let path = normal(&Name::from("C:\\$Recycle.Bin\\S-1-5-21-7\\$RABC123.zip"));
        let index = recycle_index(&path).unwrap();
        assert_eq!(index, "c:/$recycle.bin/s-1-5-21-7/$iabc123.zip");
        assert!(is_recycle_index(&index) && !is_recycle_index(&path));
        assert!(recycle_index("c:/$recycle.bin/s-1-5-21-7/loot.7z").is_none());
        assert!(recycle_index("c:/$recycle.bin/$rabc").is_none());
    }
}

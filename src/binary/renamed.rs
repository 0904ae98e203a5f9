//! Whether a known tool lies under a name that isn't its own, and what that weighs.

use super::facts::Facts;
use super::tools::{Class, Tool, Tools};

/// A name of at least so many letters counts anywhere inside a file name; a shorter one as a word.
const LONG: usize = 5;
/// What browsers, people and programs add to the names of copies.
const ADDED: &[&str] = &[
    ".exe",
    ".com",
    ".scr",
    ".dll",
    ".bin",
    ".bak",
    ".old",
    ".orig",
    ".disabled",
    ".crdownload",
    ".part",
    ".partial",
    ".download",
    ".opdownload",
    ".vir",
];

/// A name in the light of the tool that lies under it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// Its own, or a copy's or version's.
    Own,
    /// Given by a program that renames everything: a digest, a GUID, the recycle bin's.
    Neutral,
    Other,
    /// That of a part of the system, or close to one.
    Imitation,
}

/// Judges `name` (any case, any extension).
pub(super) fn named(tool: &Tool, facts: &Facts, name: &str, tools: &Tools) -> Named {
    let name = name.trim().to_lowercase();
    let stem = stem(&name);
    let version = facts.version.as_ref();
    let own = [version.and_then(|v| v.original_filename.as_deref()), version.and_then(|v| v.internal_name.as_deref())];
    let own = own.into_iter().flatten().map(|n| self::stem(&n.to_lowercase()).to_owned()).filter(|n| n.chars().count() > 1);
    let names: Vec<String> = tool.names.iter().cloned().chain(own).collect();
    if names.iter().any(|n| holds(stem, n) || short_name(stem, n)) {
        return Named::Own;
    }
    if recycled(stem) || digest(stem) {
        return Named::Neutral;
    }
    if imitates(stem, tools) { Named::Imitation } else { Named::Other }
}

/// Without what is added behind the name, in any number.
fn stem(name: &str) -> &str {
    let mut stem = name.trim_end_matches([' ', '.']);
    let mui = stem.strip_suffix(".mui").unwrap_or(stem);
    stem = mui;
    while let Some(shorter) = ADDED.iter().find_map(|a| stem.strip_suffix(a)).filter(|s| !s.is_empty()) {
        stem = shorter.trim_end();
    }
    stem
}

/// `rclone` in `rclone-v1.66`, `my rclone (2)`, `win_rclone`; `nc` in `nc64` but not in `sync`.
fn holds(stem: &str, name: &str) -> bool {
    if name.chars().count() >= LONG {
        return stem.contains(name);
    }
    stem.match_indices(name).any(|(at, _)| {
        let before = stem[..at].chars().next_back();
        let after = stem[at + name.len()..].chars().next();
        ![before, after].into_iter().flatten().any(char::is_alphabetic)
    })
}

/// `RCLONE~1`: the name that DOS programs see.
fn short_name(stem: &str, name: &str) -> bool {
    let Some((head, number)) = stem.rsplit_once('~') else { return false };
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).collect();
    let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    digits && head.chars().count() >= 2 && plain.starts_with(head)
}

/// `$R` and six characters: what Windows calls a file in the recycle bin.
fn recycled(stem: &str) -> bool {
    stem.strip_prefix("$r").is_some_and(|id| id.len() == 6 && id.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// A digest or a GUID: names in stores and quarantines.
fn digest(stem: &str) -> bool {
    let hex = stem.bytes().filter(u8::is_ascii_hexdigit).count();
    hex >= 32 && stem.bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b'-' | b'{' | b'}'))
}

/// The system's name itself, with digits behind it, or one slip away from it.
fn imitates(stem: &str, tools: &Tools) -> bool {
    let plain = stem.trim_end_matches(|c: char| c.is_ascii_digit());
    let close = |known: &String| known.len() >= LONG && one_slip(plain, known);
    tools.imitated.contains(stem) || tools.imitated.contains(plain) || tools.imitated.iter().any(close)
}

/// One character more, less, other, or two neighbours exchanged.
fn one_slip(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let (short, long) = if a.len() <= b.len() { (&a, &b) } else { (&b, &a) };
    if long.len() - short.len() > 1 {
        return false;
    }
    let same = short.iter().zip(long).take_while(|(x, y)| x == y).count();
    let (short, long) = (&short[same..], &long[same..]);
    match (short, long) {
        ([], []) => true,
        (short, [_, rest @ ..]) if short == rest => true,
        ([_, s @ ..], [_, l @ ..]) if s == l => true,
        ([s1, s2, s @ ..], [l1, l2, l @ ..]) => s1 == l2 && s2 == l1 && s == l,
        _ => false,
    }
}

/// Where the object lies, as far as it matters here. `path` may have either separator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Where installers put what belongs to a program.
    Program,
    /// Where intruders gather.
    Staging,
    Elsewhere,
}

pub(super) fn place(path: &str, tool: &Tool, tools: &Tools) -> Place {
    let path = path.to_lowercase().replace('\\', "/");
    // A program has a folder of its own below; what lies right there was dropped.
    let below = |folder: &String| path.find(folder.as_str()).is_some_and(|at| path[at + folder.len()..].contains('/'));
    if tool.homes.iter().any(|h| path.contains(h.as_str())) || tools.program_folders.iter().any(below) {
        Place::Program
    } else if tools.staging_folders.iter().any(|s| path.contains(s.as_str())) {
        Place::Staging
    } else {
        Place::Elsewhere
    }
}

/// Expert priors. Archivers are bundled under other names, remote control is sold under other brands.
pub(super) fn weight(class: Class, named: Named, place: Place) -> i32 {
    match (named, place, class) {
        (Named::Own, ..) => 0,
        (Named::Neutral, ..) => 30,
        (Named::Imitation, Place::Program, _) => 60,
        (Named::Imitation, Place::Staging, _) => 90,
        (Named::Imitation, Place::Elsewhere, _) => 85,
        (Named::Other, Place::Program, Class::Archiver) => 20,
        (Named::Other, Place::Program, Class::RemoteAccess) => 30,
        (Named::Other, Place::Program, _) => 45,
        (Named::Other, Place::Staging, Class::Archiver | Class::RemoteAccess) => 75,
        (Named::Other, Place::Staging, _) => 80,
        (Named::Other, Place::Elsewhere, Class::Archiver) => 45,
        (Named::Other, Place::Elsewhere, Class::RemoteAccess) => 60,
        (Named::Other, Place::Elsewhere, Class::Credential | Class::Evasion) => 75,
        (Named::Other, Place::Elsewhere, _) => 70,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(id: &str, name: &str) -> Named {
        let tools = Tools::embedded();
        let tool = tools.iter().find(|t| t.id == id).unwrap();
        named(tool, &Facts::new(super::super::facts::Format::Pe), name, &tools)
    }

    #[test]
    fn habits_of_copying() {
        for name in [
            "rclone.exe",
            "Rclone.EXE",
            "rclone",
            "rclone-v1.66.0-windows-amd64.exe",
            "rclone (1).exe",
            "rclone - Copy.exe",
            "Copy of rclone.exe",
            "rclone.exe.bak",
            "rclone.exe.old",
            "RCLONE~1.EXE",
            "rclone64.exe",
            "Unconfirmed rclone.exe.crdownload",
            "my-rclone.exe",
            "rclone.exe ",
        ] {
            assert_eq!(of("rclone", name), Named::Own, "{name}");
        }
        assert_eq!(of("ncat", "nc64.exe"), Named::Own);
        assert_eq!(of("ncat", "sync.exe"), Named::Other);
        for name in ["$RA1B2C3.exe", "0123456789abcdef0123456789abcdef", "{6B29FC40-CA47-1067-B31D-00DD010662DA}.exe"] {
            assert_eq!(of("rclone", name), Named::Neutral, "{name}");
        }
        for name in ["backup.exe", "a.exe", "x~1.exe", "rc.exe", "r.tmp", "$R.exe", "deadbeef.exe", ".exe"] {
            assert_eq!(of("rclone", name), Named::Other, "{name}");
        }
    }

    #[test]
    fn imitations() {
        for name in [
            "svchost.exe",
            "svhost.exe",
            "scvhost.exe",
            "SVCHOST32.exe",
            "winupdate.exe",
            "lsass.exe",
            "1sass.exe",
            "jucheck.exe",
        ] {
            assert_eq!(of("rclone", name), Named::Imitation, "{name}");
        }
        for name in ["host.exe", "svc.exe", "las.exe", "backup-job.exe"] {
            assert_eq!(of("rclone", name), Named::Other, "{name}");
        }
    }

    #[test]
    fn one_slip_and_no_more() {
        for (a, b, close) in [
            ("svhost", "svchost", true),
            ("scvhost", "svchost", true),
            ("svchosts", "svchost", true),
            ("svchast", "svchost", true),
            ("svchost", "svchost", true),
            ("vschots", "svchost", false),
            ("", "a", true),
            ("", "ab", false),
            ("host", "svchost", false),
        ] {
            assert_eq!((one_slip(a, b), one_slip(b, a)), (close, close), "{a} {b}");
        }
    }

    #[test]
    fn places() {
        let tools = Tools::embedded();
        let tool = tools.iter().find(|t| t.id == "rclone").unwrap();
        for (path, expected) in [
            (r"C:\Program Files\Backup\bin\copy.exe", Place::Program),
            (r"C:\Program Files\copy.exe", Place::Elsewhere),
            ("/opt/vendor/copy", Place::Program),
            ("/opt/copy", Place::Elsewhere),
            (r"C:\PerfLogs\1\copy.exe", Place::Staging),
            ("/dev/shm/.x", Place::Staging),
            (r"C:\Users\ann\Desktop\copy.exe", Place::Elsewhere),
        ] {
            assert_eq!(place(path, tool, &tools), expected, "{path}");
        }
    }
}

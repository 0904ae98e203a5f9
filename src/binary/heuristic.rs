//! First heuristics on executables. Weights are expert priors: a reason that also occurs in ordinary
//! software stays below the level of a notice by itself.

use serde_json::json;

use crate::model::Reason;

use super::facts::{Facts, Format};
use super::name::{SOURCE, extension, name_reasons, opens, runs};
use super::pe::SignatureState;
use super::renamed::{Named, Place, named, place, weight};
use super::script::script;
use super::tools::Tools;

/// Of a tool without an honest use, under any name.
const HOSTILE: i32 = 85;
/// Of a broken signature alone: infected and patched files have one, and now and then a careless vendor's.
const MISMATCH: i32 = 45;

/// An object as the heuristics see it.
pub struct Subject<'a> {
    /// Base name, as the file system or archive holds it.
    pub name: &'a [u8],
    /// The whole path with `/` or `\`, on the system the evidence came from where that is known.
    pub path: &'a str,
    /// First bytes of the content.
    pub head: &'a [u8],
    pub facts: Option<&'a Facts>,
}

/// Folders that any user can write to and that programs are not installed in.
const TEMPORARY: &[&str] = &[
    "/temp/",
    "/tmp/",
    "/var/tmp/",
    "/dev/shm/",
    "/downloads/",
    "/users/public/",
    "/perflogs/",
    "/$recycle.bin/",
    "/appdata/local/temp/",
    "/windows/temp/",
];

/// What speaks against an object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Judgement {
    pub reasons: Vec<Reason>,
    /// MITRE ATT&CK techniques that known tools among the reasons serve.
    pub techniques: Vec<String>,
}

/// Everything that speaks against an object by its name, headers and place. Nothing for nearly every file.
pub fn judge(subject: &Subject<'_>, tools: &Tools) -> Judgement {
    let format = subject.facts.map(|f| f.format).or_else(|| Format::sniff(subject.head));
    let mut out = Judgement { reasons: name_reasons(subject.name, Some(format.is_some())), techniques: Vec::new() };
    let name = String::from_utf8_lossy(subject.name);
    out.reasons.extend(disguised(format, &name, subject.head));
    if let Some(facts) = subject.facts {
        known_tool(facts, &name, subject.path, tools, &mut out);
        if out.techniques.is_empty() {
            out.reasons.extend(other_name(facts, &name));
        }
        out.reasons.extend(packed(facts, subject.path));
        out.reasons.extend(signature(facts));
    }
    out
}

/// A program, or a script that its first line names, under the extension of a document.
fn disguised(format: Option<Format>, name: &str, head: &[u8]) -> Option<Reason> {
    let ext = extension(name).filter(|e| opens(e))?;
    let (weight, what) = match format {
        Some(Format::Pe) => (65, Format::Pe.words().to_owned()),
        Some(format) => (50, format.words().to_owned()),
        // Manuals hold scripts as .txt, and tables begin with anything.
        None if matches!(ext.as_str(), "txt" | "csv") => return None,
        None => (50, format!("script for {}", script(head)?.language)),
    };
    let words = format!("a {what} under the extension .{ext}");
    Some(Reason::new("binary.disguised", "binary.disguise", weight, words, SOURCE))
}

/// A known tool under another name, or one that has no honest use under any.
fn known_tool(facts: &Facts, name: &str, path: &str, tools: &Tools, out: &mut Judgement) {
    let Some((tool, claim)) = tools.identify(facts).filter(|_| facts.kind != "library") else { return };
    let (named, place) = (named(tool, facts, name, tools), place(path, tool, tools));
    let what = format!("by its {} this is {}", claim.words(), tool.name);
    let mut weight = weight(tool.class, named, place);
    let id = if named == Named::Own {
        if !tool.hostile {
            return;
        }
        weight = HOSTILE;
        "binary.intrusion_tool"
    } else {
        "binary.renamed_tool"
    };
    if tool.hostile {
        weight = weight.max(HOSTILE);
    }
    let how = match named {
        Named::Own => "",
        Named::Neutral => ", under a name that only a program gives",
        Named::Other => ", under another name",
        Named::Imitation => ", under a name that imitates a part of the system",
    };
    let at = if place == Place::Staging { ", in a folder where intruders gather" } else { "" };
    let detail = json!({ "tool": { "id": tool.id, "class": tool.class, "sources": tool.sources } });
    out.reasons.push(Reason::new(id, "binary.renamed", weight, format!("{what}{how}{at}"), SOURCE).with(detail));
    out.techniques.extend(tool.techniques.iter().cloned());
    if named == Named::Imitation {
        out.techniques.push("T1036.005".to_owned());
    }
}

/// The name that the program carries in its version information, against the one it lies under. Installers,
/// versioned names and copies keep a part of the name; vendors' version information is careless.
fn other_name(facts: &Facts, name: &str) -> Option<Reason> {
    let original = normal(facts.version.as_ref()?.original_filename.as_deref()?);
    let now = normal(name);
    let ext = extension(name)?;
    let kin = now.contains(&original) || original.contains(&now) || common_prefix(&now, &original) >= 4;
    let program = facts.kind == "executable" && runs(&ext);
    (program && !kin && !original.is_empty()).then(|| {
        let words = "its version information gives another file name";
        Reason::new("binary.other_name", "binary.renamed", 10, words, SOURCE)
    })
}

/// An embedded signature over another content.
fn signature(facts: &Facts) -> Option<Reason> {
    let signature = facts.pe.as_ref().map(|p| &p.signature).filter(|s| s.state == SignatureState::DigestMismatch)?;
    let signer = signature.signer.as_ref().and_then(|s| s.common_name.as_deref().or(s.organization.as_deref()));
    let words = format!(
        "its embedded signature ({}) states another digest: the file was changed after it was signed, or carries another file's signature",
        signer.map_or_else(|| "no signer is named".to_owned(), |s| format!("signer, not verified: {s}"))
    );
    Some(Reason::new("binary.signature_mismatch", "binary.signature", MISMATCH, words, SOURCE))
}

/// Lower case, without `.mui` and the extension of a program.
fn normal(name: &str) -> String {
    let lower = name.trim().to_ascii_lowercase();
    let base = lower.rsplit(['/', '\\']).next().unwrap_or_default();
    let base = base.strip_suffix(".mui").unwrap_or(base);
    let stem = [".exe", ".dll", ".com", ".scr"].iter().find_map(|x| base.strip_suffix(x));
    stem.unwrap_or(base).to_owned()
}

fn common_prefix(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count()
}

/// Packed code, weighed by where it lies and whether anyone put a signature on it.
fn packed(facts: &Facts, path: &str) -> Option<Reason> {
    if !facts.packed() || facts.kind == "object" {
        return None;
    }
    let how = if facts.upx { "packed with UPX" } else { "packed (its code looks random)" };
    let unsigned = facts.signed != Some(true);
    if unsigned && temporary(path) {
        let words = format!("{how}, without a signature, in a folder for temporary or downloaded files");
        return Some(Reason::new("binary.packed_unsigned_temp", "binary.packed", 50, words, SOURCE));
    }
    Some(Reason::new("binary.packed", "binary.packed", 10, how, SOURCE))
}

fn temporary(path: &str) -> bool {
    let path = path.to_ascii_lowercase().replace('\\', "/");
    TEMPORARY.iter().any(|t| path.contains(t))
}

#[cfg(test)]
mod tests {
    use super::super::facts::{Section, Version};
    use super::super::go::Go;
    use super::*;

    fn facts(original: Option<&str>) -> Facts {
        let mut f = Facts::new(Format::Pe);
        f.kind = "executable".to_owned();
        f.signed = Some(false);
        f.version = original.map(|o| Version { original_filename: Some(o.to_owned()), ..Version::default() });
        f
    }

    fn found(name: &str, path: &str, facts: &Facts) -> Vec<(String, i32)> {
        let subject = Subject { name: name.as_bytes(), path, head: b"", facts: Some(facts) };
        judge(&subject, &Tools::embedded()).reasons.into_iter().map(|r| (r.id, r.weight)).collect()
    }

    fn renamed(weight: i32) -> Vec<(String, i32)> {
        vec![("binary.renamed_tool".to_owned(), weight)]
    }

    #[test]
    fn renamed_tools() {
        let rclone = facts(Some("rclone.exe"));
        assert_eq!(found("backup.exe", r"C:\Users\ann\backup.exe", &rclone), renamed(70));
        assert_eq!(found("svchost.exe", r"C:\Users\ann\svchost.exe", &rclone), renamed(85));
        assert_eq!(found("x.exe", r"C:\PerfLogs\x.exe", &rclone), renamed(80));
        assert_eq!(found("svhost.exe", r"C:\PerfLogs\svhost.exe", &rclone), renamed(90));
        assert_eq!(found("copyd.exe", r"C:\Program Files\Vendor\copyd.exe", &rclone), renamed(45));
        assert_eq!(found("helper.exe", "", &facts(Some("psexec.c"))), renamed(70));
        for (name, original) in [
            ("rclone-v1.66.exe", "rclone.exe"),
            ("PsExec64.exe", "psexec.c"),
            ("7za.exe", "7za.exe"),
            ("pscp64.exe", "PSCP"),
            ("ping.exe.mui", "ping.exe.mui"),
            ("Setup (2).exe", "setup.exe"),
        ] {
            assert!(found(name, "", &facts(Some(original))).is_empty(), "{name}");
        }
        // Careless version information is nearly nothing.
        assert_eq!(found("viewer.exe", "", &facts(Some("app_main.exe"))), [("binary.other_name".to_owned(), 10)]);
        assert!(found("a.exe", "", &facts(None)).is_empty());
        // A library isn't the tool.
        let mut library = facts(Some("rclone.exe"));
        library.kind = "library".to_owned();
        assert!(found("copy.dll", "", &library).is_empty());
    }

    #[test]
    fn archivers_are_bundled_under_other_names() {
        let archiver = facts(Some("7za.exe"));
        assert_eq!(found("unpack.exe", r"C:\Program Files\Vendor\App\unpack.exe", &archiver), renamed(20));
        assert_eq!(found("unpack.exe", r"C:\Tools\unpack.exe", &archiver), renamed(45));
        assert_eq!(found("jucheck.exe", r"C:\Tools\jucheck.exe", &archiver), renamed(85));
    }

    #[test]
    fn tools_without_an_honest_use() {
        let stealer = facts(Some("mimikatz.exe"));
        assert_eq!(found("mimikatz.exe", "", &stealer), [("binary.intrusion_tool".to_owned(), 85)]);
        assert_eq!(found("notes.exe", "", &stealer), renamed(85));
        let judged = judge(&Subject { name: b"lsass.exe", path: "", head: b"", facts: Some(&stealer) }, &Tools::embedded());
        assert!(judged.techniques.contains(&"T1003.001".to_owned()) && judged.techniques.contains(&"T1036.005".to_owned()));
        assert_eq!(judged.reasons[0].detail.as_ref().unwrap()["tool"]["id"], "mimikatz");
    }

    #[test]
    fn go_programs_by_their_module() {
        let mut f = Facts::new(Format::Elf);
        f.kind = "executable".to_owned();
        f.go = Some(Go { module: Some("github.com/restic/restic".to_owned()), ..Go::default() });
        assert_eq!(found("winupdate.exe", r"C:\windows\system32\winupdate.exe", &f), renamed(85));
        assert_eq!(found("dbus", "/dev/shm/dbus", &f), renamed(80));
        assert!(found("restic_0.16_linux", "/home/a/restic_0.16_linux", &f).is_empty());
        f.go = Some(Go { module: Some("example.org/backup".to_owned()), ..Go::default() });
        assert!(found("winupdate.exe", "", &f).is_empty());
    }

    #[test]
    fn packed_programs_by_place() {
        let mut f = facts(None);
        f.sections.push(Section { name: "x".to_owned(), offset: 0, size: 9_000, entropy_milli: 7_900, executable: true });
        assert_eq!(found("a.exe", r"C:\Users\x\AppData\Local\Temp\a.exe", &f), [("binary.packed_unsigned_temp".to_owned(), 50)]);
        assert_eq!(found("a.exe", r"C:\Program Files\a.exe", &f), [("binary.packed".to_owned(), 10)]);
        f.signed = Some(true);
        assert_eq!(found("a.exe", r"C:\Windows\Temp\a.exe", &f), [("binary.packed".to_owned(), 10)]);
        f.sections[0].executable = false;
        assert!(found("a.exe", r"C:\Windows\Temp\a.exe", &f).is_empty());
    }

    #[test]
    fn programs_in_disguise() {
        assert_eq!(found("photo.jpg", "", &facts(None)), [("binary.disguised".to_owned(), 65)]);
        assert!(found("photo.exe", "", &facts(None)).is_empty());
        let elf = Subject { name: b"notes.pdf", path: "", head: b"\x7fELF\x02", facts: None };
        assert_eq!(judge(&elf, &Tools::default()).reasons[0].weight, 50);
        let text = Subject { name: b"notes.pdf", path: "", head: b"MZ is a text", facts: None };
        assert!(judge(&text, &Tools::default()).reasons.is_empty());
        let script = Subject { name: b"letter.pdf", path: "", head: b"#!/bin/sh\nexit", facts: None };
        assert_eq!(judge(&script, &Tools::default()).reasons[0].text, "a script for sh under the extension .pdf");
        let manual = Subject { name: b"manual.txt", path: "", head: b"#!/bin/sh\nexit", facts: None };
        assert!(judge(&manual, &Tools::default()).reasons.is_empty());
    }
}

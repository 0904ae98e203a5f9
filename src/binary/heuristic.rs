//! First heuristics on executables. Weights are expert priors: a reason that also occurs in ordinary
//! software stays below the level of a notice by itself.

use crate::model::Reason;

use super::facts::{Facts, Format};
use super::name::{SOURCE, extension, name_reasons, opens, runs};

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

/// What ordinary and attackers' tools call themselves in their version information, when they are often
/// renamed to pass unnoticed: the original name's stem, the stems it is found under, the weight of any other name, words.
struct Tool {
    originals: &'static [&'static str],
    names: &'static [&'static str],
    weight: i32,
    what: &'static str,
}

const TOOLS: &[Tool] = &[
    Tool { originals: &["rclone"], names: &["rclone"], weight: 70, what: "the cloud copy tool rclone" },
    Tool { originals: &["restic"], names: &["restic"], weight: 65, what: "the backup tool restic" },
    Tool { originals: &["megasync", "megacmd", "megacmdserver"], names: &["mega"], weight: 65, what: "the MEGA client" },
    Tool { originals: &["winscp"], names: &["winscp"], weight: 65, what: "the transfer tool WinSCP" },
    Tool { originals: &["pscp", "psftp"], names: &["pscp", "psftp", "putty"], weight: 65, what: "the transfer tool of PuTTY" },
    Tool { originals: &["plink", "putty"], names: &["plink", "putty", "klink", "kitty"], weight: 65, what: "PuTTY" },
    Tool { originals: &["rar", "unrar", "winrar"], names: &["rar"], weight: 60, what: "the archiver RAR" },
    Tool {
        originals: &["7z", "7za", "7zr", "7zg", "7zfm"],
        names: &["7z", "7-z", "7_z", "sevenz", "zip"],
        weight: 60,
        what: "the archiver 7-Zip",
    },
    Tool {
        originals: &["psexec.c", "psexec", "psexesvc"],
        names: &["psexe"],
        weight: 70,
        what: "the remote execution tool PsExec",
    },
    Tool { originals: &["procdump"], names: &["procdump"], weight: 70, what: "the memory dump tool ProcDump" },
    Tool { originals: &["mimikatz"], names: &[], weight: 90, what: "the credential stealer Mimikatz" },
    Tool { originals: &["sharphound", "rubeus", "seatbelt", "certify"], names: &[], weight: 85, what: "an intrusion tool" },
    Tool { originals: &["adfind"], names: &["adfind"], weight: 65, what: "the directory query tool AdFind" },
    Tool { originals: &["nc", "netcat", "ncat"], names: &["nc", "netcat"], weight: 60, what: "netcat" },
    Tool { originals: &["anydesk"], names: &["anydesk"], weight: 60, what: "the remote access tool AnyDesk" },
    Tool { originals: &["cmd"], names: &["cmd"], weight: 60, what: "the Windows command interpreter" },
    Tool { originals: &["powershell"], names: &["powershell"], weight: 60, what: "PowerShell" },
    Tool { originals: &["certutil"], names: &["certutil"], weight: 60, what: "the Windows tool certutil" },
    Tool { originals: &["ntdsutil"], names: &["ntdsutil"], weight: 65, what: "the Windows tool ntdsutil" },
    Tool { originals: &["wevtutil"], names: &["wevtutil"], weight: 60, what: "the Windows tool wevtutil" },
];

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

/// Everything that speaks against an object by its name, headers and place. Empty for nearly every file.
pub fn reasons(subject: &Subject<'_>) -> Vec<Reason> {
    let format = subject.facts.map(|f| f.format).or_else(|| Format::sniff(subject.head));
    let mut out = name_reasons(subject.name, Some(format.is_some()));
    let Some(format) = format else { return out };
    let name = String::from_utf8_lossy(subject.name);
    let ext = extension(&name);

    if let Some(ext) = ext.as_deref().filter(|e| opens(e)) {
        let weight = if format == Format::Pe { 65 } else { 50 };
        let words = format!("a {} under the extension .{ext}", format.words());
        out.push(Reason::new("binary.disguised", "binary.disguise", weight, words, SOURCE));
    }
    if let Some(facts) = subject.facts {
        out.extend(renamed(facts, &name));
        out.extend(packed(facts, subject.path));
    }
    out
}

/// The name that the program carries in its version information, against the one it lies under.
fn renamed(facts: &Facts, name: &str) -> Option<Reason> {
    let version = facts.version.as_ref()?;
    let original = normal(version.original_filename.as_deref()?);
    let now = normal(name);
    if original.is_empty() {
        return None;
    }
    let tool = TOOLS.iter().find(|t| t.originals.contains(&original.as_str()));
    if let Some(tool) = tool.filter(|_| facts.kind != "library") {
        if tool.names.iter().any(|n| now.contains(n)) {
            return None;
        }
        let words = match tool.names {
            [] => format!("by its version information this is {}", tool.what),
            _ => format!("by its version information this is {}, under another name", tool.what),
        };
        return Some(Reason::new("binary.renamed_tool", "binary.renamed", tool.weight, words, SOURCE));
    }
    // Installers, versioned names and copies keep a part of the name; vendors' version information is careless.
    let ext = extension(name)?;
    let kin = now.contains(&original) || original.contains(&now) || common_prefix(&now, &original) >= 4;
    let program = facts.kind == "executable" && runs(&ext);
    (program && !kin).then(|| {
        let words = "its version information gives another file name";
        Reason::new("binary.other_name", "binary.renamed", 10, words, SOURCE)
    })
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
        reasons(&subject).into_iter().map(|r| (r.id, r.weight)).collect()
    }

    #[test]
    fn renamed_tools() {
        assert_eq!(found("svchost.exe", "", &facts(Some("rclone.exe"))), [("binary.renamed_tool".to_owned(), 70)]);
        assert_eq!(found("update.exe", "", &facts(Some("psexec.c"))), [("binary.renamed_tool".to_owned(), 70)]);
        assert_eq!(found("mimikatz.exe", "", &facts(Some("mimikatz.exe"))), [("binary.renamed_tool".to_owned(), 90)]);
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
    }

    #[test]
    fn packed_programs_by_place() {
        let mut f = facts(None);
        f.sections.push(Section { name: "x".to_owned(), size: 9_000, entropy_milli: 7_900, executable: true });
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
        assert_eq!(reasons(&elf)[0].weight, 50);
        let text = Subject { name: b"notes.pdf", path: "", head: b"MZ is a text", facts: None };
        assert!(reasons(&text).is_empty());
    }
}

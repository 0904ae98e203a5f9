//! Files whose answers are known: what they hold was made up here, and what a scan has to say of them follows from
//! published test vectors and from counting.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use zip::write::SimpleFileOptions;

use super::{Check, program};
use crate::report::{self, OldCase};

/// FIPS 180-4 and RFC 1321: the digests of `abc`.
const ABC: &[u8] = b"abc";
const ABC_SHA256: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const ABC_SHA1: &str = "a9993e364706816aba3e25717850c26c9cd0d89d";
const ABC_MD5: &str = "900150983cd24fb0d6963f7d28e17f72";

const RULE: &str = r#"rule selftest { strings: $a = "wardround selftest marker" ascii condition: $a }"#;
const MARKED: &str = "a line\nwardround selftest marker\n";
const HARMLESS: &str = "minutes of a meeting about parking\n";
const HEADER: &str = "MRN,Last Name,First Name,Date of Birth,SSN,Diagnosis\n";
const FIRST: &str = "\
70113,Abernathy,Ruth,03/14/1951,536-22-8731,E11.9
70114,Okafor,Daniel,11/02/1978,412-55-1987,I10
70115,Lindqvist,Maja,07/29/1990,223-81-4466,J45.909
70116,Moreau,Henri,01/17/1963,601-34-7712,M54.5
70117,Castellano,Pia,09/08/1984,318-72-6054,F32.9
";
const SECOND: &str = "\
80921,Brandvold,Erik,05/23/1947,477-90-3125,I25.10
80922,Tanaka,Yui,12/30/1995,549-13-8820,E78.5
80923,Delacroix,Noor,08/11/1969,262-47-5903,N18.3
";

/// Lays the files out in `folder`, scans them with this program as anybody would, and compares.
pub fn check(folder: &Path) -> Vec<Check> {
    match scan(folder) {
        Ok(code) => answers(&folder.join("case"), code).unwrap_or_else(|why| vec![Check::new("report", "readable", why)]),
        Err(e) => vec![Check::new("scan", "runs", e)],
    }
}

fn scan(folder: &Path) -> io::Result<String> {
    let evidence = folder.join("evidence");
    std::fs::create_dir(&evidence)?;
    std::fs::write(evidence.join("abc.bin"), ABC)?;
    std::fs::write(evidence.join("marked.txt"), MARKED)?;
    std::fs::write(evidence.join("harmless.txt"), HARMLESS)?;
    std::fs::write(evidence.join("patients.csv"), format!("{HEADER}{FIRST}"))?;
    let mut archive = zip::ZipWriter::new(File::create(evidence.join("archive.zip"))?);
    archive.start_file("more/patients.csv", SimpleFileOptions::default())?;
    archive.write_all(format!("{HEADER}{SECOND}").as_bytes())?;
    archive.finish()?;
    std::fs::write(folder.join("hash-iocs.txt"), format!("{ABC_SHA256};known content\n"))?;
    std::fs::write(folder.join("rule.yar"), RULE)?;
    let status = Command::new(program())
        .args(["scan", "--quiet", "--no-default-iocs", "--no-default-rules", "--ioc"])
        .arg(folder.join("hash-iocs.txt"))
        .arg("--rules")
        .arg(folder.join("rule.yar"))
        .arg("--case")
        .arg(folder.join("case"))
        .arg(evidence)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()?;
    Ok(status.code().map_or_else(|| status.to_string(), |code| code.to_string()))
}

fn answers(case: &Path, code: String) -> Result<Vec<Check>, String> {
    let old = OldCase::open(case).map_err(|e| e.to_string())?;
    let report = &old.report;
    let about = |category: &str, name: &str| {
        let found = report.findings.iter().find(|f| f.category.id() == category && f.path.ends_with(name));
        found.map_or_else(|| "nothing".to_owned(), |f| f.level.word().to_owned())
    };
    let (mut rows, mut abc) = (0_u64, (String::new(), String::new(), String::new()));
    for row in old.inventory().map_err(|e| e.to_string())? {
        let row = row.map_err(|e| e.to_string())?;
        rows += 1;
        if row.path.ends_with("abc.bin") {
            abc = (row.sha256.unwrap_or_default(), row.sha1.unwrap_or_default(), row.md5.unwrap_or_default());
        }
    }
    let verified = match report::verify(case, None) {
        Ok(verified) if verified.is_intact() && verified.sealed => "intact".to_owned(),
        Ok(_) => "altered".to_owned(),
        Err(e) => e.to_string(),
    };
    Ok(vec![
        Check::new("exit code", 2, code),
        Check::new("objects (a folder, five files, a member)", 7, report.coverage.discovered),
        Check::new("objects examined whole", 7, report.coverage.examined),
        Check::new("rows of the inventory", 7, rows),
        Check::new("SHA-256", ABC_SHA256, abc.0),
        Check::new("SHA-1", ABC_SHA1, abc.1),
        Check::new("MD5", ABC_MD5, abc.2),
        Check::new("file on the list of hashes", "alert", about("ioc", "abc.bin")),
        Check::new("file with the marker of a rule", "found", seen(&about("yara", "marked.txt"))),
        Check::new("harmless file", 0, report.findings.iter().filter(|f| f.path.ends_with("harmless.txt")).count()),
        Check::new("people in a table and in an archive", 8, report.phi.individuals.best),
        Check::new("case folder", "intact", verified),
    ])
}

/// The level of a rule's finding follows from the rule's own words; that it was found is what counts.
fn seen(level: &str) -> &str {
    if level == "nothing" { level } else { "found" }
}

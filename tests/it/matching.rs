//! Which files of a host lie in its locked archives, from outside: with archives of 7-Zip, Info-ZIP and the old RAR.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::scenarios::{claims, has_seven, noise, scan, scene, seven, table, zip};
use crate::support::{Case, Scene, program};

/// A host of `n` files of patient data and others, some of equal size.
fn host(s: &Scene, n: usize) {
    for i in 0..n {
        let folder = format!("srv/share{}/d{}", i % 4, i % 13);
        match i % 3 {
            0 => s.file(&format!("{folder}/claims-{i}.837"), claims(i, 2)),
            1 => s.file(&format!("{folder}/list {i}.csv"), table(i, 30)),
            _ => s.file(&format!("{folder}/note{i}.bin"), noise(900 + i).split_off(i)),
        };
    }
}

/// Copies some of them to where they are packed; gives their paths on the host.
fn taken(s: &Scene, pick: impl Fn(usize) -> bool, rename: bool) -> BTreeSet<String> {
    let (root, dir) = (s.target().join("srv"), s.beside("taken"));
    let _ = std::fs::remove_dir_all(&dir);
    let files =
        walkdir::WalkDir::new(&root).sort_by_file_name().into_iter().map(Result::unwrap).filter(|e| e.file_type().is_file());
    let mut paths = BTreeSet::new();
    for (i, entry) in files.enumerate().filter(|(i, _)| pick(*i)) {
        let below = entry.path().strip_prefix(&root).unwrap();
        let to = dir.join(if rename { Path::new(&format!("x{i}")).to_owned() } else { below.to_owned() });
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(entry.path(), to).unwrap();
        paths.insert(entry.path().to_string_lossy().into_owned());
    }
    paths
}

/// The reason that names the files, of the finding on an archive.
fn named(case: &Case, archive: &str) -> Option<Value> {
    let finding = case.of("staging").into_iter().find(|f| f["path"].as_str().is_some_and(|p| p.ends_with(archive)))?;
    let reasons = finding["reasons"].as_array()?;
    reasons.iter().find(|r| r["id"] == "content.crc_match" || r["id"] == "member.match").cloned()
}

fn objects(reason: &Value) -> BTreeSet<String> {
    reason["objects"].as_array().into_iter().flatten().filter_map(|o| o.as_str().map(str::to_owned)).collect()
}

#[test]
fn all_archived_files_are_named_and_no_other() {
    let s = scene();
    host(&s, 600);
    let first = taken(&s, |i| i % 17 == 3, false);
    let packed = s.beside("taken");
    if !has_seven() || !zip(&s, "C/PerfLogs/a.zip", &packed, "S3cret") {
        return;
    }
    assert!(seven(&s, "C/PerfLogs/b.7z", &packed, &["-mx1", "-pS3cret"]));
    let renamed = taken(&s, |i| i % 41 == 5, true);
    assert!(seven(&s, "C/Users/Public/c.7z", &packed, &["-mx0", "-pS3cret"]));
    // AES of the second kind stores no checksum: nothing may be said of its members.
    assert!(seven(&s, "C/PerfLogs/d.zip", &packed, &["-tzip", "-mem=AES256", "-pS3cret"]));
    let case = scan(&s, &[]);
    for (archive, want, same_name) in [("a.zip", &first, true), ("b.7z", &first, true), ("c.7z", &renamed, false)] {
        let reason = named(&case, archive).unwrap_or_else(|| panic!("{archive}: {:?}", case.of("staging")));
        assert_eq!(&objects(&reason), want, "{archive}");
        let detail = &reason["detail"];
        assert_eq!(detail["matched"].as_u64(), Some(want.len() as u64), "{archive}: {detail}");
        assert_eq!(detail["same_name"].as_u64(), Some(if same_name { want.len() as u64 } else { 0 }), "{archive}: {detail}");
        assert_eq!(reason["id"], "content.crc_match");
    }
    assert!(named(&case, "d.zip").is_none());
    let people = case.of("staging").iter().filter_map(|f| f["phi"]["individuals"]["best"].as_u64()).max();
    assert!(people > Some(100), "{people:?}");
}

/// An archive of RAR 4 with one locked member, by its headers (technote of RAR 4.20).
fn rar4(name: &str, size: u32, crc: u32) -> Vec<u8> {
    let block = |kind: u8, flags: u16, body: &[u8]| {
        let length = u16::try_from(7 + body.len()).unwrap();
        let header = [&[kind][..], &flags.to_le_bytes(), &length.to_le_bytes(), body].concat();
        let sum = (crc32fast::hash(&header) & 0xffff) as u16;
        [&sum.to_le_bytes()[..], &header].concat()
    };
    let packed = noise(64);
    let mut body = Vec::new();
    for n in [packed.len() as u32, size] {
        body.extend(n.to_le_bytes());
    }
    body.push(2);
    body.extend(crc.to_le_bytes());
    body.extend(0x5d61_6000_u32.to_le_bytes());
    body.extend([29, 0x33]);
    body.extend(u16::try_from(name.len()).unwrap().to_le_bytes());
    body.extend(0x20_u32.to_le_bytes());
    body.extend(name.as_bytes());
    body.extend([7; 8]);
    let file = block(0x74, 0x8000 | 0x0400 | 0x0004, &body);
    [b"Rar!\x1a\x07\0".to_vec(), block(0x73, 0, &[0; 6]), file, packed, block(0x7b, 0x4000, &[])].concat()
}

#[test]
fn old_rar_tells_what_it_holds() {
    let s = scene();
    let list = table(0, 40);
    s.file("srv/share/list.csv", &list);
    s.file("srv/share/other.csv", table(5, 40));
    let crc = crc32fast::hash(list.as_bytes());
    s.file("C/PerfLogs/q.rar", rar4("list.csv", u32::try_from(list.len()).unwrap(), crc));
    let case = scan(&s, &[]);
    let reason = named(&case, "q.rar").unwrap_or_else(|| panic!("{:?}", case.of("staging")));
    let named = objects(&reason);
    assert_eq!(named.len(), 1);
    assert!(named.iter().all(|p| p.ends_with("srv/share/list.csv")));
}

#[test]
fn files_of_another_case_are_recognised() {
    let server = scene();
    server.file("shares/billing/patients.csv", table(0, 50));
    let old = scan(&server, &[]);
    let s = scene();
    let dir = s.beside("taken");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("patients.csv"), table(0, 50)).unwrap();
    if !zip(&s, "C/PerfLogs/p.zip", &dir, "S3cret") {
        return;
    }
    let alone = scan(&s, &[]);
    assert!(named(&alone, "p.zip").is_none());
    let case = scan(&s, &["--match-against", old.dir.to_str().unwrap()]);
    let reason = named(&case, "p.zip").unwrap_or_else(|| panic!("{:?}", case.of("staging")));
    assert_eq!(reason["id"], "content.crc_match");
    assert!(reason["detail"]["other_cases"][0].as_str().unwrap().ends_with("shares/billing/patients.csv"));
    assert!(reason["text"].as_str().unwrap().contains("50 people"), "{reason}");

    let wrong = s.scan(&["--match-against", s.target().to_str().unwrap()]);
    assert_eq!(wrong.exit(), 64);
    assert!(wrong.stderr().contains("no case folder"), "{}", wrong.stderr());
}

#[test]
fn a_finding_is_explained_in_words() {
    let s = scene();
    s.file("C/PerfLogs/1/patients.csv", table(0, 40));
    s.file("C/PerfLogs/1/up.txt", "open 203.0.113.9\nuser a b\nbinary\nput C:\\PerfLogs\\1\\patients.csv\nbye\n");
    let case = scan(&s, &["--window", "2020-01-01.."]);
    let finding = case.of("staging")[0];
    assert_eq!(finding["level"], "alert", "{finding}");
    let explain = |args: &[&str]| {
        let out = program().arg("explain").arg(&case.dir).args(args).output().unwrap();
        (out.status.code(), String::from_utf8(out.stdout).unwrap(), String::from_utf8(out.stderr).unwrap())
    };
    let (code, text, _) = explain(&[&finding["id"].as_str().unwrap()[..10]]);
    assert_eq!(code, Some(0));
    for words in [
        "What it holds",
        "What looks like preparation",
        "ftp names this path",
        "up.txt",
        "Score = 100 x sqrt(",
        "This is no proof",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }
    let score = finding["score"].as_u64().unwrap();
    assert!(text.contains(&format!("= {score}\n")), "{score} in {text}");
    let (code, list, _) = explain(&[]);
    assert!(code == Some(0) && list.lines().count() == case.findings().len(), "{list}");
    let (code, _, why) = explain(&["zz"]);
    assert!(code == Some(64) && why.contains("no finding"), "{why}");
    for bad in [["--window", "yesterday"], ["--window", "2026-02-01..2026-01-01"]] {
        assert_eq!(s.scan(&bad).exit(), 64);
    }
}

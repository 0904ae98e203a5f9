//! The worked examples of the staging score as trees of files: loot that must be seen, even without any one of its
//! signs, and harmless trees that must stay quiet.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::programs::pe;
use crate::support::{Case, Scene, has_tool};

/// Below the build folder, since a path through `/tmp` would itself be a sign.
pub fn scene() -> Scene {
    Scene::below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("target/scenes"))
}

/// Invented people, the same everywhere: `n` of them from `from` on.
fn people(from: usize, n: usize) -> impl Iterator<Item = (String, String, String, String)> {
    const FAMILY: [&str; 12] =
        ["Harlow", "Quist", "Banner", "Okafor", "Delgado", "Ishii", "Marsh", "Vance", "Roper", "Lindt", "Castel", "Umber"];
    const GIVEN: [&str; 10] = ["Mara", "Theo", "June", "Otis", "Nell", "Rafe", "Ida", "Cyrus", "Wren", "Hugo"];
    (from..from + n).map(|i| {
        let family = format!("{}{}", FAMILY[i % 12], ["", "son", "ley", "ton", "wood"][i / 12 % 5]);
        let birth = format!("{}{:02}{:02}", 1930 + i * 7 % 80, 1 + i * 5 % 12, 1 + i * 11 % 28);
        (family, GIVEN[i / 3 % 10].to_owned(), birth, format!("{:08}", 40_000_000 + i * 7919))
    })
}

pub fn claims(from: usize, n: usize) -> String {
    let mut x = String::from(
        "ISA*00*          *00*          *ZZ*CLINIC         *ZZ*PAYER          *261101*1200*^*00501*000000905*0*P*:~GS*HC*CLINIC*PAYER*20261101*1200*1*X*005010X222A1~ST*837*0001*005010X222A1~BHT*0019*00*1*20261101*1200*CH~NM1*85*2*CLINIC*****XX*1234567893~",
    );
    for (i, (family, given, birth, id)) in people(from, n).enumerate() {
        let _ = write!(
            x,
            "HL*{}**22*0~SBR*P*18*******MC~NM1*IL*1*{family}*{given}****MI*W{id}~N3*1 MAIN~N4*TAMPA*FL*33601~DMG*D8*{birth}*F~CLM*A{i}*100***11:B:1*Y*A*Y*Y~HI*ABK:E119~LX*1~SV1*HC:99213*100*UN*1***1~",
            i + 1
        );
    }
    x.push_str("SE*1*0001~GE*1*1~IEA*1*000000905~");
    x
}

pub fn messages(from: usize, n: usize) -> String {
    people(from, n).fold(String::new(), |mut out, (family, given, birth, id)| {
        let _ = write!(
            out,
            "MSH|^~\\&|ADT|CLINIC|LAB|HOSP|20261101120000||ADT^A08|{id}|P|2.5\rPID|1||{id}^^^CLINIC^MR||{family}^{given}||{birth}|F|||1 Main^^Tampa^FL^33601\rPV1|1|O\rDG1|1||E11.9^Diabetes^I10\r"
        );
        out
    })
}

pub fn table(from: usize, n: usize) -> String {
    let mut out = String::from("mrn,last_name,first_name,date_of_birth,ssn,primary_diagnosis,insurance_plan\n");
    for (i, (family, given, birth, id)) in people(from, n).enumerate() {
        let (y, rest) = birth.split_at(4);
        let _ = writeln!(
            out,
            "{id},{family},{given},{y}-{}-{},{:03}-{:02}-{:04},E11.9,Acme Health",
            &rest[..2],
            &rest[2..],
            212 + i % 300,
            11 + i % 80,
            1001 + (from + i) % 8000
        );
    }
    out
}

/// Bytes that nothing packs.
pub fn noise(n: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252_u64;
    std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    })
    .flatten()
    .take(n)
    .collect()
}

/// A list of patient folders on servers, as an intruder keeps one.
fn list() -> String {
    (0..30).map(|i| format!("\\\\FS0{}\\billing\\claims 2026\\patients {i}\r\n", i % 3)).collect()
}

/// Whether 7-Zip is there, under either of the names that Debian gives it.
pub fn has_seven() -> bool {
    ["7zz", "7z"].into_iter().any(has_tool)
}

/// Packs what lies outside of the target, with 7-Zip; the archive lands below the target.
pub fn seven(scene: &Scene, out: &str, from: &Path, flags: &[&str]) -> bool {
    // Debian calls it by either name.
    let Some(tool) = ["7zz", "7z"].into_iter().find(|t| has_tool(t)) else { return false };
    let out = scene.target().join(out);
    std::fs::create_dir_all(out.parent().unwrap()).unwrap();
    let done =
        Command::new(tool).arg("a").args(flags).arg("-bd").arg("-y").arg(&out).arg(".").current_dir(from).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    true
}

/// Packs the same way with Info-ZIP and its old encryption.
pub fn zip(scene: &Scene, out: &str, from: &Path, password: &str) -> bool {
    if !has_tool("zip") {
        return false;
    }
    let out = scene.target().join(out);
    std::fs::create_dir_all(out.parent().unwrap()).unwrap();
    let done = Command::new("zip").args(["-q", "-r", "-P", password]).arg(&out).arg(".").current_dir(from).output().unwrap();
    assert!(done.status.success());
    true
}

pub fn outside(scene: &Scene, files: &[(&str, Vec<u8>)]) -> PathBuf {
    let dir = scene.beside("outside");
    for (name, bytes) in files {
        let path = dir.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    dir
}

fn rclone(scene: &Scene, at: &str) {
    scene.file(at, pe(&[("OriginalFilename", "rclone.exe"), ("FileDescription", "Rsync for cloud storage")]));
}

pub fn scan(scene: &Scene, flags: &[&str]) -> Case {
    let mut all = vec!["--no-default-rules", "--no-default-iocs"];
    all.extend(flags);
    let case = scene.scan(&all);
    case.assert_adds_up();
    case
}

/// The strongest staging finding: level, score, ids of its reasons.
pub fn staged(case: &Case) -> (String, u64, Vec<String>) {
    let strongest = case.of("staging").into_iter().max_by_key(|f| f["score"].as_u64());
    let Some(f) = strongest else { return ("none".into(), 0, Vec::new()) };
    let ids = f["reasons"].as_array().unwrap().iter().map(|r| text(&r["id"])).collect();
    (text(&f["level"]), f["score"].as_u64().unwrap(), ids)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// The time of the intrusion, which is now.
const WINDOW: [&str; 2] = ["--window", "2020-01-01.."];

/// One example: builds its tree without the named sign.
type Build = fn(&Scene, &str) -> Option<Vec<&'static str>>;

/// Alert as a whole, and still a warning without any one of its signs.
fn stands(name: &str, signs: &[&str], build: Build) {
    for without in std::iter::once(&"").chain(signs) {
        let scene = scene();
        let Some(flags) = build(&scene, without) else { return };
        let case = scan(&scene, &flags);
        let (level, score, ids) = staged(&case);
        println!("{name} without {without:?}: {level} {score} {ids:?}");
        let enough = if without.is_empty() { level == "alert" } else { matches!(level.as_str(), "alert" | "warning") };
        assert!(enough, "{name} without {without:?}: {level} {score} {ids:?}");
    }
}

#[test]
fn t1_header_encrypted_volumes_with_a_list_beside() {
    stands("T1", &["place", "encryption", "volumes", "tool", "window", "list"], |scene, without| {
        let from = outside(scene, &[("a.bin", noise(300_000)), ("claims.837", claims(0, 40).into_bytes())]);
        let folder = if without == "place" { "srv/work/1" } else { "C/PerfLogs/1" };
        let mut flags = vec!["-mx1"];
        if without != "encryption" {
            flags.extend(["-pS3cret", "-mhe=on"]);
        } else {
            flags.push("-pS3cret");
        }
        if without != "volumes" {
            flags.push("-v100k");
        }
        if !seven(scene, &format!("{folder}/backup.7z"), &from, &flags) {
            return None;
        }
        if without != "tool" {
            rclone(scene, "C/ProgramData/svc/rclone.exe");
        }
        if without != "list" {
            scene.file(&format!("{folder}/l.txt"), list());
        }
        Some(if without == "window" { vec![] } else { WINDOW.to_vec() })
    });
}

#[test]
fn t2_locked_archive_of_this_hosts_own_claims() {
    stands("T2", &["place", "archiver", "shares", "window"], |scene, without| {
        let folder = if without == "place" { "srv/work" } else { "C/Users/Public/Music" };
        let mut files = Vec::new();
        for (i, share) in ["FS01/claims", "FS02/billing", "FS03/era", "FS04/labs"].into_iter().enumerate() {
            let bytes = claims(i * 20, 20).into_bytes();
            scene.file(&format!("shares/{share}/c{i}.837"), &bytes);
            let inside = if without == "shares" { format!("c{i}.837") } else { format!("{share}/c{i}.837") };
            files.push((inside, bytes));
        }
        let files: Vec<(&str, Vec<u8>)> = files.iter().map(|(n, b)| (n.as_str(), b.clone())).collect();
        let from = outside(scene, &files);
        if !zip(scene, &format!("{folder}/m.zip"), &from, "S3cret") {
            return None;
        }
        if without != "archiver" {
            scene.file(&format!("{folder}/rar.exe"), pe(&[("OriginalFilename", "Rar.exe"), ("ProductName", "WinRAR")]));
        }
        Some(if without == "window" { vec![] } else { WINDOW.to_vec() })
    });
}

#[test]
#[cfg(unix)]
fn t3_a_dump_in_shared_memory_under_a_pictures_name() {
    stands("T3", &["place", "name", "owner"], |scene, without| {
        let rows: String =
            people(0, 60).map(|(f, g, b, id)| format!("{id}\t{f}\t{g}\t{}-{}-{}\tE11.9\n", &b[..4], &b[4..6], &b[6..])).collect();
        let dump = format!(
            "--\n-- PostgreSQL database dump\n--\n\nCREATE TABLE public.patients (\n    mrn text,\n    last_name text,\n    first_name text,\n    birth_date date,\n    diagnosis text\n);\n\nCOPY public.patients (mrn, last_name, first_name, birth_date, diagnosis) FROM stdin;\n{rows}\\.\n"
        );
        let name = if without == "name" { "out.sql" } else { "cache.jpg" };
        let folder = if without == "place" { "srv/work" } else { "dev/shm" };
        let path = scene.file(&format!("{folder}/{name}"), dump);
        if without != "owner" {
            if !crate::support::is_root() {
                return None;
            }
            std::os::unix::fs::chown(path, Some(33), Some(33)).unwrap();
        }
        Some(vec![])
    });
}

#[test]
fn t4_mailboxes_under_a_web_root() {
    stands("T4", &["place", "mailboxes", "name"], |scene, without| {
        let boxes = ["out-a", "out-b", "out-c", "out-d"];
        let files: Vec<(String, Vec<u8>)> = (0..4)
            .map(|i| {
                let inside = if without == "mailboxes" { format!("c{i}.837") } else { format!("{}/c{i}.837", boxes[i]) };
                (inside, claims(i * 15, 15).into_bytes())
            })
            .collect();
        let files: Vec<(&str, Vec<u8>)> = files.iter().map(|(n, b)| (n.as_str(), b.clone())).collect();
        let from = outside(scene, &files);
        let name = if without == "name" { "site-assets.zip" } else { "1.zip" };
        let folder = if without == "place" { "srv/work" } else { "C/inetpub/wwwroot/aspnet_client" };
        let out = scene.target().join(folder).join(name);
        std::fs::create_dir_all(out.parent().unwrap()).unwrap();
        if !has_tool("zip") {
            return None;
        }
        assert!(Command::new("zip").args(["-q", "-r"]).arg(&out).arg(".").current_dir(&from).status().unwrap().success());
        Some(WINDOW.to_vec())
    });
}

#[test]
fn t5_stored_volumes_in_the_recycle_bin() {
    stands("T5", &["place", "window"], |scene, without| {
        let from = outside(scene, &[("adt.hl7", messages(0, 900).into_bytes())]);
        let bin = "C/$Recycle.Bin/S-1-5-21-1-2-3-1001";
        let folder = if without == "place" { "srv/work" } else { bin };
        if !seven(scene, &format!("{folder}/x.7z"), &from, &["-mx0", "-v60k"]) {
            return None;
        }
        Some(if without == "window" { vec![] } else { WINDOW.to_vec() })
    });
}

#[test]
fn t6_a_copied_tree_without_any_archive() {
    stands("T6", &["tool", "machines", "window"], |scene, without| {
        for (i, server) in ["FS01", "FS02", "FS03", "FS04"].into_iter().enumerate() {
            let server = if without == "machines" { "data" } else { server };
            scene.file(&format!("C/ProgramData/upd/{server}/frontdesk/2026/patients-{i}.csv"), table(i * 30, 30));
        }
        if without != "tool" {
            scene.file(
                "C/ProgramData/MEGA/megasync.exe",
                pe(&[("OriginalFilename", "MEGAsync.exe"), ("ProductName", "MEGAsync"), ("CompanyName", "Mega Limited")]),
            );
        }
        Some(if without == "window" { vec![] } else { WINDOW.to_vec() })
    });
}

/// Below notice, whatever is found.
fn quiet(name: &str, scene: &Scene, flags: &[&str]) -> Case {
    let case = scan(scene, flags);
    let (level, score, ids) = staged(&case);
    println!("{name}: {level} {score} {ids:?}");
    assert!(matches!(level.as_str(), "none" | "info"), "{name}: {level} {score} {ids:?}");
    case
}

#[test]
fn b1_nightly_encrypted_backups() {
    let scene = scene();
    let from = outside(&scene, &[("dump.sql", noise(40_000)), ("patients.csv", table(0, 40).into_bytes())]);
    for day in 1..=30 {
        let out = format!("C/Program Files/ClinicDesk/Backup/nightly-202610{day:02}.7z");
        if !seven(&scene, &out, &from, &["-mx1", "-pS3cret", "-mhe=on"]) {
            return;
        }
    }
    scene.file("C/Program Files/ClinicDesk/Backup/clinicdesk.vbm", "<BackupMeta/>");
    quiet("B1", &scene, &[]);
}

#[test]
fn b2_to_b5_things_that_only_look_like_loot() {
    let s = scene();
    let mut research = String::from("age_group,zip3,sex,icd10,visit_year\n");
    (0..400).for_each(|i| {
        let _ = writeln!(research, "{}-{},{},{},E11.{},2025", i % 8 * 10, i % 8 * 10 + 9, 336 + i % 5, ["F", "M"][i % 2], i % 9);
    });
    s.file("srv/research/export.csv", research);
    s.file("srv/research/README.txt", "De-identified by expert determination, 45 CFR 164.514(b)(1).\n");
    quiet("B2", &s, &WINDOW);

    let s = scene();
    let phones: String = (0..400).map(|i| format!("617-{:03}-{:04}\n", 200 + i, i * 7 % 10_000)).collect();
    s.file("C/Windows/Temp/call list.csv", format!("phone\n{phones}"));
    quiet("B3", &s, &WINDOW);

    let s = scene();
    let from = outside(&s, &[("setup.bin", noise(60_000)), ("readme.txt", b"install".to_vec())]);
    if zip(&s, "C/ProgramData/Vendor/Update/setup-4.2.zip", &from, "vendor") {
        quiet("B4", &s, &WINDOW);
    }

    let s = scene();
    let mut invented = String::from("mrn,last_name,first_name,date_of_birth,ssn,primary_diagnosis\n");
    people(0, 60).enumerate().for_each(|(i, (f, g, b, id))| {
        let _ =
            writeln!(invented, "{id},{f},{g},{}-{}-{},000-{:02}-{:04},E11.9", &b[..4], &b[4..6], &b[6..], 10 + i % 80, 1000 + i);
    });
    let from = outside(&s, &[("patients.csv", invented.into_bytes())]);
    let out = s.target().join("C/Temp/data.zip");
    std::fs::create_dir_all(out.parent().unwrap()).unwrap();
    if has_tool("zip") && Command::new("zip").args(["-q", "-r"]).arg(&out).arg(".").current_dir(from).status().unwrap().success()
    {
        quiet("B5", &s, &[]);
    }
}

#[test]
fn b6_own_documents_are_at_rest() {
    let s = scene();
    s.file("C/Users/ann/Documents/recalls.csv", table(0, 40));
    let case = quiet("B6", &s, &[]);
    let held = case.of("phi_at_rest");
    assert_eq!(held.len(), 1);
    assert_eq!(held[0]["phi"]["individuals"]["best"], 40);
}

/// The level of the strongest staging finding.
fn level(name: &str, s: &Scene, flags: &[&str], want: &[&str]) {
    let case = scan(s, flags);
    let (level, score, ids) = staged(&case);
    println!("{name}: {level} {score} {ids:?}");
    assert!(want.contains(&level.as_str()), "{name}: {level} {score} {ids:?}");
}

#[test]
fn e1_and_e2_nothing_but_staging_is_known() {
    let s = scene();
    let from = outside(&s, &[("a.bin", noise(300_000))]);
    if !seven(&s, "C/PerfLogs/1/q.7z", &from, &["-mx1", "-pS3cret", "-mhe=on", "-v100k"]) {
        return;
    }
    rclone(&s, "C/ProgramData/svc/rclone.exe");
    level("E1", &s, &[], &["warning"]);

    let s = scene();
    let from = outside(&s, &[("a.bin", noise(300_000))]);
    for day in 1..=4 {
        assert!(seven(&s, &format!("D/data/backup_2026110{day}.7z"), &from, &["-mx1", "-pS3cret", "-mhe=on", "-v100k"]));
    }
    s.file("D/data/list.txt", list());
    let conf = "[m]\ntype = mega\nuser = x\n\n# rclone copy D:\\data m:in\n";
    s.file("C/Users/svc/AppData/Roaming/rclone/rclone.conf", conf);
    level("E2", &s, &[], &["alert", "warning"]);
}

#[test]
fn e3_to_e6() {
    let export = |s: &Scene, folder: &str| {
        for i in 0..3 {
            s.file(&format!("{folder}/export/part{i}.hl7"), messages(i * 20, 20));
        }
        s.file(
            &format!("{folder}/export/README.txt"),
            "EHI export under 45 CFR 170.315(b)(10). Format: https://vendor.example/ehi\n",
        );
    };
    let s = scene();
    export(&s, "C/ProgramData/Vendor");
    level("E3", &s, &WINDOW, &["notice", "info"]);
    let s = scene();
    export(&s, "C/Users/Public");
    level("E4", &s, &WINDOW, &["warning", "alert"]);
    let s = scene();
    s.file("C/Users/Public/x.csv", table(0, 40));
    level("E5", &s, &[], &["notice"]);
    let s = scene();
    let from = outside(&s, &[("notes.txt", b"passwords of the printers".to_vec())]);
    if zip(&s, "C/Windows/Temp/tools.zip", &from, "x") {
        level("E6", &s, &[], &["none", "info"]);
    }
}

#[test]
fn plain_text_in_stored_volumes_is_seen_in_every_part() {
    let s = scene();
    let from = outside(&s, &[("list.csv", table(0, 3000).into_bytes())]);
    if !seven(&s, "C/Users/Public/x.7z", &from, &["-mx0", "-v30k"]) {
        return;
    }
    let case = scan(&s, &[]);
    let parts = std::fs::read_dir(s.target().join("C/Users/Public")).unwrap().count();
    let held: Vec<String> = case.of("phi_at_rest").iter().map(|f| text(&f["path"])).collect();
    assert!(parts >= 6, "{parts}");
    // The last one holds little but the archive's own list.
    for n in 1..parts {
        assert!(held.iter().any(|p| p.ends_with(&format!("x.7z.{n:03}"))), "part {n} of {parts}: {held:?}");
    }
    assert_eq!(case.of("staging").len(), 1, "one finding a set");
    let people = case.report["phi"]["individuals"]["best"].as_u64().unwrap();
    assert!((2950..=3050).contains(&people), "{people}");
}

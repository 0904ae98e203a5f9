//! Contents: known-bad files inside archives, changing files, mapped volumes, names.

use std::process::{Command, Stdio};

use crate::support::{Scene, corpus, has_tool, program};

/// The EICAR test file, put together here so that this source isn't one.
fn eicar() -> Vec<u8> {
    [r"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR", "-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"].concat().into_bytes()
}

#[test]
fn eicar_is_found_plain_in_zip_and_in_tar_gz() {
    let scene = Scene::new();
    let plain = scene.file("eicar.com", eicar());
    if let Some(corpus) = corpus() {
        assert_eq!(std::fs::read(corpus.join("binaries/eicar/eicar.com")).unwrap()[..68], eicar()[..]);
    }
    let pack = r#"
import sys, zipfile, tarfile
plain, out = sys.argv[1:]
with zipfile.ZipFile(out + "/a.zip", "w", zipfile.ZIP_DEFLATED) as z: z.write(plain, "docs/x.com")
with tarfile.open(out + "/b.tar.gz", "w:gz") as t: t.add(plain, "y.com")
with zipfile.ZipFile(out + "/c.zip", "w") as z: z.write(out + "/b.tar.gz", "deep/b.tgz")
"#;
    assert!(Command::new("python3").args(["-c", pack]).arg(&plain).arg(scene.target()).status().unwrap().success());
    let case = scene.scan(&[]);
    case.assert_adds_up();
    assert_eq!(case.exit(), 2, "{}", case.stderr());
    let mut hits: Vec<String> =
        case.of("ioc").iter().map(|f| f["path"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()).collect();
    hits.sort();
    assert_eq!(hits.len(), 4, "{hits:?}");
    let paths: Vec<&str> = case.of("ioc").iter().map(|f| f["path"].as_str().unwrap()).collect();
    for end in ["/eicar.com", "a.zip!docs/x.com", "b.tar.gz!b.tar!y.com", "c.zip!deep/b.tgz!b.tar!y.com"] {
        assert!(paths.iter().any(|p| p.ends_with(end)), "{end} in {paths:?}");
    }
    assert_eq!(case.of("yara").len(), 4);
}

#[test]
fn a_name_like_a_folders_hides_nothing() {
    let scene = Scene::new();
    let plain = scene.beside("eicar.com");
    std::fs::write(&plain, eicar()).unwrap();
    let pack = r#"
import sys, zipfile
plain, out = sys.argv[1:]
with zipfile.ZipFile(out, "w") as z: z.write(plain, "folder_")
data = open(out, "rb").read()
open(out, "wb").write(data.replace(b"folder_", b"folder/"))
"#;
    let zip = scene.target().join("a.zip");
    assert!(Command::new("python3").args(["-c", pack]).arg(&plain).arg(&zip).status().unwrap().success());
    let case = scene.scan(&[]);
    assert_eq!(case.exit(), 2, "{}", case.stderr());
    assert!(case.of("ioc")[0]["path"].as_str().unwrap().ends_with("a.zip!folder/"));
}

#[test]
fn members_of_large_archives_are_still_held() {
    let scene = Scene::new();
    let plain = scene.beside("eicar.com");
    std::fs::write(&plain, eicar()).unwrap();
    // An archive just below the bound, with an archive in it that is larger than what the bound leaves.
    let pack = r#"
import os, sys, zipfile
plain, out = sys.argv[1:]
inner = os.path.join(os.path.dirname(plain), "inner.zip")
with zipfile.ZipFile(inner, "w") as z: z.writestr("pad", os.urandom(1 << 20)); z.write(plain, "x.com")
with zipfile.ZipFile(out, "w") as z: z.writestr("pad", os.urandom(700 << 10)); z.write(inner, "inner.zip")
"#;
    let zip = scene.target().join("a.zip");
    assert!(Command::new("python3").args(["-c", pack]).arg(&plain).arg(&zip).status().unwrap().success());
    for bound in ["2M", "8M"] {
        let case = scene.scan(&["--max-body", bound]);
        assert_eq!(case.exit(), 2, "{bound}: {}", case.stderr());
    }
    // A member that can't be held is named as an archive that was not opened.
    let case = scene.scan(&["--max-body", "1M"]);
    let row = case.inventory().into_iter().find(|r| r["path"].as_str().unwrap().ends_with("a.zip!inner.zip")).unwrap();
    assert_eq!((row["disposition"].as_str(), row["container"]["format"].as_str()), (Some("partial"), Some("zip")), "{row}");
}

#[test]
fn archives_of_real_tools_are_read() {
    let scene = Scene::new();
    let plain = scene.beside("payload.txt");
    std::fs::write(&plain, "the same content in every archive\n").unwrap();
    let run = |tool: &str, args: &[&str]| {
        has_tool(tool)
            && Command::new(tool)
                .args(args)
                .current_dir(scene.beside(""))
                .stdout(Stdio::null())
                .status()
                .is_ok_and(|s| s.success())
    };
    let target = scene.target().display().to_string();
    let mut made = 0;
    for (tool, args) in [
        ("7z", vec!["a", "-tzip", "-mm=LZMA", "OUT/lzma.zip", "payload.txt"]),
        ("7z", vec!["a", "-tzip", "-mm=BZip2", "OUT/bzip2.zip", "payload.txt"]),
        ("7z", vec!["a", "-tzip", "-mm=Deflate64", "OUT/deflate64.zip", "payload.txt"]),
        ("7z", vec!["a", "-txz", "OUT/one.xz", "payload.txt"]),
        ("bsdtar", vec!["-cJf", "OUT/pax.tar.xz", "payload.txt"]),
        ("bsdtar", vec!["--format=gnutar", "-cjf", "OUT/gnu.tar.bz2", "payload.txt"]),
        ("zstd", vec!["-q", "payload.txt", "-o", "OUT/one.zst"]),
    ] {
        let args: Vec<String> = args.iter().map(|a| a.replace("OUT", &target)).collect();
        made += usize::from(run(tool, &args.iter().map(String::as_str).collect::<Vec<_>>()));
    }
    let locked = run("7z", &["a", "-tzip", "-mem=AES256", "-psecret", &format!("{target}/locked.zip"), "payload.txt"]);
    let case = scene.scan(&[]);
    case.assert_adds_up();
    let rows = case.inventory();
    let same: Vec<_> = rows.iter().filter(|r| r["kind"] == "member" && r["size"] == 34 && r["sha256"].is_string()).collect();
    assert_eq!(same.len(), made, "{rows:#?}");
    assert!(same.windows(2).all(|w| w[0]["sha256"] == w[1]["sha256"]));
    if locked {
        let row = rows.iter().find(|r| r["path"].as_str().unwrap().ends_with("locked.zip!payload.txt")).unwrap();
        assert_eq!(
            (row["disposition"].as_str(), row["reason"].as_str(), row["size"].as_u64()),
            (Some("skipped"), Some("encrypted"), Some(34))
        );
        assert_eq!(case.row(&scene.target().join("locked.zip"))["container"]["encrypted"], "all");
        assert_eq!(case.exit(), 3, "coverage is incomplete");
    }
}

#[test]
fn a_file_that_grows_has_no_digest() {
    let scene = Scene::new();
    let path = scene.file("log.txt", vec![b'x'; 64 << 20]);
    let mut child = Command::new("sh")
        .args(["-c", "while :; do echo more >> \"$0\"; done"])
        .arg(&path)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let case = scene.scan(&[]);
    child.kill().unwrap();
    child.wait().unwrap();
    case.assert_adds_up();
    let row = case.row(&path);
    assert_eq!((row["disposition"].as_str(), row["reason"].as_str()), (Some("partial"), Some("changed_during_read")), "{row}");
    assert!(row["sha256"].is_null());
    assert_eq!(case.exit(), 3);
}

#[test]
fn windows_patterns_match_on_mapped_and_plain_paths() {
    let scene = Scene::new();
    scene.file("Users/x/AppData/evil-tool.exe", "MZ");
    let list = scene.beside("filename-iocs.txt");
    std::fs::write(&list, "# Tool of the test\nC:\\\\Users\\\\[^\\\\]+\\\\AppData\\\\evil-tool\\.exe;80\n").unwrap();
    let list = list.display().to_string();
    let map = format!("{}=C:", scene.target().display());
    let mapped = scene.scan(&["--ioc", &list, "--map", &map]);
    let hit = &mapped.of("ioc")[0];
    assert_eq!(hit["origin_path"], "C:\\Users\\x\\AppData\\evil-tool.exe");
    assert_eq!(mapped.report["targets"][0]["kind"], "mounted");
    let plain = scene.scan(&["--ioc", &list]);
    assert_eq!(plain.of("ioc").len(), 1);
    // Negative control: another drive.
    let other = format!("{}=D:", scene.target().display());
    assert!(scene.scan(&["--ioc", &list, "--map", &other]).of("ioc").is_empty());
}

#[test]
fn objects_above_max_body_are_seen_in_windows() {
    let scene = Scene::new();
    let mut body = vec![b'.'; 40 << 20];
    let at = (16 << 20) - 4;
    body[at..at + 12].copy_from_slice(b"NEEDLE-99812");
    let path = scene.file("large.bin", &body);
    let rules = scene.beside("needle.yar");
    std::fs::write(&rules, "rule needle { strings: $a = \"NEEDLE-99812\" condition: $a }").unwrap();
    let case = scene.scan(&["--rules", rules.to_str().unwrap(), "--max-body", "1M"]);
    case.assert_adds_up();
    let hit = &case.of("yara")[0]["reasons"][0]["detail"]["patterns"][0];
    assert_eq!(hit["offset"].as_u64(), Some(at as u64), "{hit}");
    let row = case.row(&path);
    assert_eq!((row["disposition"].as_str(), row["reason"].as_str()), (Some("partial"), Some("limit_body")));
    assert!(row["sha256"].is_string(), "the digest is of the whole object");
}

#[test]
fn a_report_on_standard_output_is_one_json_object() {
    let scene = Scene::new();
    scene.file("a.txt", "a");
    let mut child = program()
        .arg("scan")
        .arg(scene.target())
        .args(["--format", "json", "--case"])
        .arg(scene.beside("j"))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let out = std::io::read_to_string(child.stdout.take().unwrap()).unwrap();
    assert!(child.wait().unwrap().success());
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((value["exit"].as_u64(), value["findings"]["alert"].as_u64()), (Some(0), Some(0)));
}

#[test]
fn known_passwords_open_archives_and_are_written_nowhere() {
    let scene = Scene::new();
    let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/container");
    let archives = ["7z-locked.7z", "7z-hidden.7z", "zip-aes.zip", "zip-crypto.zip"];
    for name in archives {
        scene.file(name, std::fs::read(fixtures.join(name)).unwrap());
    }
    let list = scene.beside("known.txt");
    std::fs::write(&list, "quite-another-one\r\nclinic-17\r\n").unwrap();
    let flags = ["--passwords", list.to_str().unwrap()];
    let case = scene.scan(&flags);
    case.assert_adds_up();
    for name in archives {
        let row = case.row(&scene.target().join(name));
        let facts = &row["container"];
        assert_eq!((row["disposition"].as_str(), facts["passwords"].as_u64()), (Some("examined"), Some(2)), "{row}");
        assert!(facts["notes"].as_array().unwrap().contains(&"opened_with_password".into()), "{row}");
        assert_ne!(facts["encrypted"], "no", "it stays told");
    }
    let read = |rows: &[serde_json::Value]| rows.iter().filter(|r| r["kind"] == "member" && r["sha256"].is_string()).count();
    assert_eq!(read(&case.inventory()), 10, "six files of 7z, one of them empty in each, and four of zip");
    // Nothing of a password is in anything that was written or said.
    let mut written = vec![case.stderr().into_bytes()];
    for entry in walkdir::WalkDir::new(&case.dir).into_iter().flatten().filter(|e| e.file_type().is_file()) {
        written.push(std::fs::read(entry.path()).unwrap());
    }
    written.push(case.inventory().iter().map(|row| row.to_string()).collect::<String>().into_bytes());
    for secret in ["clinic-17", "quite-another-one"] {
        assert!(written.iter().all(|bytes| memchr::memmem::find(bytes, secret.as_bytes()).is_none()), "{secret}");
    }
    // Without the right one everything is as it was.
    std::fs::write(&list, "quite-another-one\n").unwrap();
    let wrong = scene.scan(&flags);
    assert!(archives.iter().all(|name| wrong.row(&scene.target().join(name))["disposition"] == "partial"));
    assert_eq!(wrong.exit(), 3);
}

#[test]
fn a_list_of_passwords_that_cannot_be_read_is_a_usage_error() {
    let scene = Scene::new();
    let list = scene.beside("known.txt");
    for content in [None, Some(&b"hunter2-secret\n\xff\xfe\n"[..]), Some(b"\n")] {
        if let Some(content) = content {
            std::fs::write(&list, content).unwrap();
        }
        let out = program().arg("scan").arg(scene.target()).arg("--passwords").arg(&list).output().unwrap();
        let told = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(64), "{told}");
        assert!(told.contains("--passwords") && !told.contains("hunter2"), "{told}");
    }
}

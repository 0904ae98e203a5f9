//! A sealed case folder verifies, with us and with ordinary tools alone; any change of it is found by both.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::{Scene, has_tool, program};

fn verify(case: &Path, flags: &[&str]) -> Output {
    program().arg("verify").arg(case).args(flags).output().expect("the program")
}

/// The commands that VERIFY.txt tells, run as it says.
fn by_hand(page: &str, case: &Path) -> Output {
    let (_, rest) = page.split_once("---- begin\n").expect("a mark");
    let (script, _) = rest.split_once("---- end").expect("a mark");
    Command::new("sh").arg("-c").arg(script).current_dir(case).output().expect("a shell")
}

#[cfg(unix)]
fn every_file(dir: &Path) -> Vec<PathBuf> {
    let walk = walkdir::WalkDir::new(dir).sort_by_file_name();
    walk.into_iter().flatten().filter(|e| e.file_type().is_file()).map(walkdir::DirEntry::into_path).collect()
}

/// A small generator: the same changes in every run.
#[cfg(unix)]
struct Dice(u64);

#[cfg(unix)]
impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }
}

fn sealed(scene: &Scene, flags: &[&str]) -> PathBuf {
    scene.file("a.txt", "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*");
    scene.file("b/c.txt", "hello");
    scene.scan(flags).dir
}

fn tools() -> bool {
    ["openssl", "jq", "sha256sum"].iter().all(|t| has_tool(t))
}

#[test]
fn an_untouched_case_verifies_by_us_and_by_hand() {
    let scene = Scene::new();
    let case = sealed(&scene, &[]);
    let ours = verify(&case, &[]);
    let text = String::from_utf8_lossy(&ours.stdout).into_owned();
    assert_eq!(ours.status.code(), Some(0), "{text}");
    assert!(text.starts_with("INTACT"), "{text}");
    let key = text.lines().find_map(|l| l.strip_prefix("key")).expect("the key").trim().to_owned();
    assert_eq!(verify(&case, &["--key", &key]).status.code(), Some(0));
    assert_eq!(verify(&case, &["--key", &"0".repeat(64)]).status.code(), Some(2));
    assert_eq!(verify(&case, &["--key", "short"]).status.code(), Some(64));
    assert_eq!(verify(&scene.beside("none"), &[]).status.code(), Some(64));
    if !tools() {
        eprintln!("skipped: openssl, jq or sha256sum is missing");
        return;
    }
    let page = fs::read_to_string(case.join("VERIFY.txt")).expect("the page");
    let by_hand = by_hand(&page, &case);
    let told = String::from_utf8_lossy(&by_hand.stdout).into_owned();
    assert!(by_hand.status.success() && told.ends_with("INTACT\n"), "{told}");
    assert!(told.contains(&key), "the same fingerprint: {told}");
}

#[test]
#[cfg(unix)]
fn every_change_is_found_by_us_and_by_hand() {
    let scene = Scene::new();
    let case = sealed(&scene, &[]);
    let page = fs::read_to_string(case.join("VERIFY.txt")).expect("the page");
    let (files, tools) = (every_file(&case), tools());
    let found = |what: &str| {
        let ours = verify(&case, &[]);
        assert_eq!(ours.status.code(), Some(2), "{what}: {}", String::from_utf8_lossy(&ours.stdout));
        if tools {
            let by_hand = by_hand(&page, &case);
            assert!(!by_hand.status.success(), "{what} by hand: {}", String::from_utf8_lossy(&by_hand.stdout));
        }
    };
    // WARDROUND_CHANGES=1000 for the full figure: as many bits, a tenth of truncations and of swaps.
    let bits: usize = std::env::var("WARDROUND_CHANGES").ok().and_then(|n| n.parse().ok()).unwrap_or(40);
    let mut dice = Dice(0x5eed);
    for n in 0..bits + bits / 5 {
        let path = &files[dice.below(files.len())];
        let before = fs::read(path).expect("a file");
        let mut bytes = before.clone();
        let what = if n < bits {
            let (at, bit) = (dice.below(bytes.len()), dice.below(8));
            bytes[at] ^= 1 << bit;
            format!("bit {bit} of byte {at}")
        } else if n % 2 == 0 {
            bytes.truncate(dice.below(before.len()));
            format!("cut to {}", bytes.len())
        } else {
            // Two lines, or halves where there are none that differ.
            let mut lines: Vec<&[u8]> = before.split_inclusive(|b| *b == b'\n').collect();
            let (a, b) = (dice.below(lines.len()), dice.below(lines.len()));
            lines.swap(a, b);
            bytes = lines.concat();
            if bytes == before {
                bytes.rotate_left(before.len() / 2);
            }
            format!("lines {a} and {b} changed places")
        };
        if bytes == before {
            continue;
        }
        fs::write(path, &bytes).expect("a file");
        found(&format!("{} {what}", path.display()));
        fs::write(path, &before).expect("a file");
    }
    for path in &files {
        let before = fs::read(path).expect("a file");
        fs::remove_file(path).expect("a file");
        found(&format!("{} removed", path.display()));
        fs::write(path, before).expect("a file");
    }
    #[cfg(unix)]
    {
        let (report, away) = (case.join("report.html"), scene.beside("away.html"));
        fs::rename(&report, &away).expect("a file");
        std::os::unix::fs::symlink(&away, &report).expect("a link");
        let told = verify(&case, &[]);
        assert_eq!(told.status.code(), Some(2), "the same bytes behind a link: {}", String::from_utf8_lossy(&told.stdout));
        fs::remove_file(&report).expect("the link");
        fs::rename(&away, &report).expect("a file");
    }
    fs::write(case.join("added.txt"), "x").expect("a file");
    found("a file added");
    fs::remove_file(case.join("added.txt")).expect("a file");
    assert_eq!(verify(&case, &[]).status.code(), Some(0), "put back, it verifies again");
}

#[test]
fn differences_are_told_where_they_are() {
    let scene = Scene::new();
    let case = sealed(&scene, &[]);
    let journal = case.join("journal/journal.jsonl");
    let text = fs::read_to_string(&journal).expect("the journal");
    fs::write(&journal, text.replacen("\"seq\":1,", "\"seq\":7,", 1)).expect("the journal");
    let told = String::from_utf8_lossy(&verify(&case, &[]).stdout).into_owned();
    assert!(
        told.contains("journal/journal.jsonl: its SHA-256 is") && told.contains("line 2: its number is not the next one"),
        "{told}"
    );
    fs::write(&journal, text).expect("the journal");
    // A manifest that was made anew over a changed report lacks only the signature.
    let report = fs::read_to_string(case.join("report.json")).expect("the report");
    fs::write(case.join("report.json"), report.replacen("EICAR", "EICAX", 1)).expect("the report");
    let told = verify(&case, &["--format", "json"]);
    let told: serde_json::Value = serde_json::from_slice(&told.stdout).expect("JSON");
    assert_eq!((&told["intact"], &told["exit"]), (&false.into(), &2.into()));
    assert!(told["differences"].as_array().expect("them").iter().all(|d| d["file"] == "report.json"), "{told}");
}

#[test]
fn the_examiners_key_signs() {
    if !has_tool("openssl") {
        eprintln!("skipped: openssl is missing");
        return;
    }
    let scene = Scene::new();
    let (key, public) = (scene.beside("key.pem"), scene.beside("key.pub"));
    let run = |args: &[&str]| assert!(Command::new("openssl").args(args).output().expect("openssl").status.success());
    let (key, public) = (key.to_str().expect("text"), public.to_str().expect("text"));
    run(&["genpkey", "-algorithm", "ed25519", "-out", key]);
    run(&["pkey", "-in", key, "-pubout", "-out", public]);
    let case = sealed(&scene, &["--sign-key", key, "--timestamp-request"]);
    assert_eq!(fs::read(case.join("manifest.pub")).expect("a key"), fs::read(public).expect("a key"));
    assert_eq!(verify(&case, &[]).status.code(), Some(0));
    let query = case.join("manifest.tsq");
    let text = Command::new("openssl").args(["ts", "-query", "-text", "-in"]).arg(&query).output().expect("openssl");
    let text = String::from_utf8_lossy(&text.stdout).into_owned();
    assert!(text.contains("sha256") && text.contains("Certificate required: yes"), "{text}");
    // A file that is no key is told before anything is made.
    let refused =
        program().arg("scan").arg(scene.target()).args(["--sign-key", public, "--case"]).arg(scene.beside("none")).output();
    let refused = refused.expect("the program");
    assert_eq!(refused.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("openssl genpkey"));
    assert!(!scene.beside("none").exists());
}

/// A time-stamping authority of our own, as openssl makes one.
const AUTHORITY: &str = "\
[req]
distinguished_name = dn
x509_extensions = ext
prompt = no
[dn]
CN = Stamp of Test
[ext]
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = critical,timeStamping
[tsa]
default_tsa = own
[own]
serial = serial
crypto_device = builtin
signer_digest = sha256
default_policy = 1.2.3.4
digests = sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_chain = no
";

#[test]
fn an_authoritys_answer_is_checked() {
    if !has_tool("openssl") {
        eprintln!("skipped: openssl is missing");
        return;
    }
    let scene = Scene::new();
    let case = sealed(&scene, &["--timestamp-request"]);
    let home = scene.beside("authority");
    fs::create_dir(&home).expect("a folder");
    fs::write(home.join("a.cnf"), AUTHORITY).expect("a file");
    fs::write(home.join("serial"), "01").expect("a file");
    let run = |args: &[&str]| {
        let out = Command::new("openssl").args(args).current_dir(&home).output().expect("openssl");
        assert!(out.status.success(), "{args:?}: {}", String::from_utf8_lossy(&out.stderr));
    };
    let query = case.join("manifest.tsq");
    let reply = case.join("manifest.tsr");
    let (query, reply_name) = (query.to_str().expect("text"), reply.to_str().expect("text"));
    for key in [&["rsa:2048"][..], &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], &["ec", "-pkeyopt", "ec_paramgen_curve:P-384"]]
    {
        let mut make =
            vec!["req", "-x509", "-config", "a.cnf", "-nodes", "-days", "2", "-keyout", "k.pem", "-out", "c.pem", "-newkey"];
        make.extend(key);
        run(&make);
        let answer =
            ["ts", "-reply", "-config", "a.cnf", "-section", "own", "-queryfile", query, "-signer", "c.pem", "-inkey", "k.pem"];
        run(&[&answer[..], &["-out", reply_name]].concat());
        let told = verify(&case, &[]);
        let text = String::from_utf8_lossy(&told.stdout).into_owned();
        assert_eq!(told.status.code(), Some(0), "{key:?}: {text}");
        assert!(text.contains("stamp") && text.contains("Stamp of Test"), "{text}");
        run(&[
            "ts",
            "-verify",
            "-in",
            reply_name,
            "-data",
            case.join("manifest.json").to_str().expect("text"),
            "-CAfile",
            "c.pem",
        ]);
        // Controls: a changed token, and one about something else.
        let token = fs::read(&reply).expect("a token");
        for at in [token.len() / 3, token.len() / 2, token.len() - 3] {
            let mut changed = token.clone();
            changed[at] ^= 1;
            fs::write(&reply, changed).expect("a token");
            // Fields that nobody signed (the status, other certificates) may change; most of it may not.
            let told = verify(&case, &[]);
            assert!(at != token.len() - 3 || told.status.code() == Some(2), "{key:?} {at}");
        }
        run(&["ts", "-query", "-digest", &"ab".repeat(32), "-sha256", "-cert", "-out", "other.tsq"]);
        let other = [
            "ts",
            "-reply",
            "-config",
            "a.cnf",
            "-section",
            "own",
            "-queryfile",
            "other.tsq",
            "-signer",
            "c.pem",
            "-inkey",
            "k.pem",
        ];
        run(&[&other[..], &["-out", reply_name]].concat());
        let told = String::from_utf8_lossy(&verify(&case, &[]).stdout).into_owned();
        assert!(told.contains("manifest.tsr: it is not about this manifest"), "{told}");
    }
}

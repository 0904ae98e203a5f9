//! Every export of a real case, held against somebody else's validator, each with a broken document that it must refuse.
//! `tests/tools/validators.sh` installs the validators; without them the tests say that they were skipped.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

use super::support::{Case, has_tool, program};

/// One case for all tests: the samples, and a folder of names that try to be something else.
fn case() -> &'static Path {
    static CASE: OnceLock<PathBuf> = OnceLock::new();
    CASE.get_or_init(|| {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exports");
        let _ = std::fs::remove_dir_all(&root);
        let hostile = root.join("hostile");
        std::fs::create_dir_all(&hostile).unwrap();
        let bad = "planted content";
        for name in [
            "<script>alert(1)<script>.txt",
            "=cmd|' C calc'!A0",
            "new\nline\r.exe",
            "x\u{202e}gpj.exe",
            "a\"b]c\\d=e|f",
            "![x](http:e.test) @admin #1 **b** `c` www.evil.com evil.com",
            "]]><![CDATA[&amp;",
            "-->",
            "\u{feff}\u{85}\u{2028}é",
        ] {
            std::fs::write(hostile.join(name), bad).unwrap();
        }
        #[cfg(target_os = "linux")]
        std::fs::write(hostile.join(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"bad\xff")), bad).unwrap();
        let list = root.join("hashes.txt");
        std::fs::write(&list, format!("{};80;Planted\n", sha256(bad.as_bytes()))).unwrap();
        let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
        let case = root.join("case");
        let output = program()
            .arg("scan")
            .args([&samples, &hostile])
            .arg("--case")
            .arg(&case)
            .arg("--ioc")
            .arg(&list)
            .args(["--case-id", "=2026-17", "--examiner", "R. \"Example\" <x>"])
            .output()
            .unwrap();
        let case = Case::read(case, output);
        assert_eq!(case.exit(), 2, "{}", case.stderr());
        let planted = case.findings().iter().filter(|f| f["path"].as_str().unwrap().contains("hostile")).count();
        assert!(planted >= 9, "{planted} hostile names are findings");
        case.dir
    })
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    wardround::model::text::hex(&sha2::Sha256::digest(bytes))
}

fn report(case: &Path, format: &str) -> Output {
    program().arg("report").arg(case).args(["--format", format]).output().unwrap()
}

/// The export of the case.
fn export(format: &str) -> String {
    let output = report(case(), format);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A scratch folder of one test.
fn scratch(name: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("exports-scratch").join(name);
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

/// A validator, by its path below the folder of validators or its name on the PATH.
fn validator(below: &str) -> Option<PathBuf> {
    let name = Path::new(below).file_name().unwrap();
    let folder = std::env::var_os("WARDROUND_VALIDATORS").map(|dir| PathBuf::from(dir).join(below)).filter(|p| p.exists());
    let found = folder.or_else(|| std::env::split_paths(&std::env::var_os("PATH")?).map(|d| d.join(name)).find(|p| p.is_file()));
    if found.is_none() {
        eprintln!("skipped: {below} is not installed (tests/tools/validators.sh)");
    }
    found
}

/// Whether the validator accepts the document; never through a pipe, whose last command's status would be seen instead.
fn accepts(tool: &mut Command, file: &Path, text: &str) -> Result<(), String> {
    std::fs::write(file, text).unwrap();
    let output = tool.arg(file).output().unwrap();
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(()) } else { Err(format!("{}{}", said(&output.stdout), said(&output.stderr))) }
}

/// The good document is accepted, each broken one isn't.
fn hold(make: impl Fn() -> Command, file: &Path, good: &str, broken: &[String]) {
    accepts(&mut make(), file, good).unwrap_or_else(|e| panic!("{e}"));
    for (n, bad) in broken.iter().enumerate() {
        assert!(bad != good, "breakage {n} changed nothing");
        assert!(accepts(&mut make(), file, bad).is_err(), "breakage {n} was accepted");
    }
}

/// A Python script of the validators' environment; the document is its argument.
fn python(module: &str, script: &str) -> Option<impl Fn() -> Command> {
    let python = validator("bin/python3")?;
    let there = Command::new(&python).args(["-c", &format!("import {module}")]).output().is_ok_and(|o| o.status.success());
    if !there {
        eprintln!("skipped: the Python package {module} is not installed (tests/tools/validators.sh)");
        return None;
    }
    let script = script.to_owned();
    Some(move || {
        let mut command = Command::new(&python);
        command.args(["-c", &script]);
        command
    })
}

fn changed(text: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut value: Value = serde_json::from_str(text).unwrap();
    change(&mut value);
    value.to_string()
}

/// JSON lines as one array.
fn array(lines: &str) -> String {
    let rows: Vec<Value> = lines.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    Value::from(rows).to_string()
}

fn schema(file: &str) -> Option<impl Fn() -> Command> {
    let tool = validator("bin/check-jsonschema")?;
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    Some(move || {
        let mut command = Command::new(&tool);
        command.arg("--schemafile").arg(&schema);
        command
    })
}

#[test]
fn every_export_is_the_same_twice_and_goes_to_a_private_file() {
    let dir = scratch("same");
    for export in wardround::report::EXPORTS {
        let out = dir.join(format!("x.{}", export.extension()));
        let output = program().arg("report").arg(case()).args(["--format", export.id(), "--out"]).arg(&out).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}: {}", export.id(), String::from_utf8_lossy(&output.stderr));
        let text = std::fs::read(&out).unwrap();
        assert!(text == self::export(export.id()).into_bytes(), "{}", export.id());
        assert!(text.len() > 500, "{}", export.id());
        #[cfg(unix)]
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&out).unwrap().permissions()) & 0o777, 0o600);
    }
    assert_eq!(
        std::fs::read_dir(&dir).unwrap().flatten().filter(|e| e.file_name().to_string_lossy().starts_with('.')).count(),
        0
    );
}

#[test]
fn what_can_not_be_exported_is_said_in_one_sentence() {
    let dir = scratch("bad");
    let said = |case: &Path, exit: i32, words: &str| {
        let output = report(case, "dfxml");
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(exit), "{words}: {stderr}");
        assert!(stderr.contains(words) && stderr.lines().count() == 1, "{words}: {stderr}");
        assert!(!stderr.chars().any(|c| c.is_control() && c != '\n'), "{stderr:?}");
    };
    said(&dir.join("none"), 64, "is no case folder");
    let copy = |name: &str| {
        let to = dir.join(name);
        std::fs::create_dir(&to).unwrap();
        for file in ["report.json", "inventory.jsonl.zst"] {
            std::fs::copy(case().join(file), to.join(file)).unwrap();
        }
        to
    };
    let other = copy("other");
    let text = std::fs::read_to_string(other.join("report.json")).unwrap();
    std::fs::write(other.join("report.json"), text.replacen("wardround/report/1", "wardround/report/9", 1)).unwrap();
    said(&other, 64, "is of the schema wardround/report/9");
    std::fs::write(other.join("report.json"), "[1]").unwrap();
    said(&other, 64, "is not what wardround writes");
    let changed = copy("changed");
    let mut packed = std::fs::read(changed.join("inventory.jsonl.zst")).unwrap();
    packed.truncate(packed.len() / 2);
    std::fs::write(changed.join("inventory.jsonl.zst"), &packed).unwrap();
    said(&changed, 64, "was changed after the scan");
    // Cut, and the report made to agree: the rows themselves tell.
    let mut value: Value = serde_json::from_str(&text).unwrap();
    value["integrity"]["inventory_sha256"] = sha256(&packed).into();
    std::fs::write(changed.join("report.json"), value.to_string()).unwrap();
    said(&changed, 64, "is not what wardround writes");

    let out = |path: &Path| {
        let output = program().arg("report").arg(case()).args(["--format", "csv", "--out"]).arg(path).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(out(&dir.join("no/such/folder.csv")).0, Some(73));
    assert_eq!(out(&dir).0, Some(73));
    let inside = out(&case().join("x.csv"));
    assert_eq!(inside.0, Some(64), "{}", inside.1);
    assert!(inside.1.contains("manifest") && !case().join("x.csv").exists());
    #[cfg(target_os = "linux")]
    {
        let full = program()
            .arg("report")
            .arg(case())
            .args(["--format", "jsonl"])
            .stdout(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap())
            .output()
            .unwrap();
        assert_eq!(full.status.code(), Some(73));
    }
}

/// Holds a page against the checkers that are installed.
pub fn page_is_valid(name: &str, html: &str) {
    let file = scratch(name).join("page.html");
    let broken = [html.replacen("<h1>", "<h1><table>", 1), html.replacen("</head>", "<p onclick=x>", 1)];
    if let Some(tool) = validator("node_modules/.bin/html-validate").filter(|_| has_tool("node")) {
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas/html-validate.json");
        let make = || {
            let mut command = Command::new(&tool);
            command.arg("--config").arg(&config);
            command
        };
        hold(make, &file, html, &broken);
    }
    if let Some(jar) = validator("node_modules/vnu-jar/build/dist/vnu.jar").filter(|_| has_tool("java")) {
        let make = || {
            let mut command = Command::new("java");
            command.args(["-Xss8m", "-jar"]).arg(&jar);
            command
        };
        hold(make, &file, html, &broken);
    }
}

#[test]
fn html_is_valid_and_inert() {
    let html = export("html");
    assert_eq!(html, std::fs::read_to_string(case().join("report.html")).unwrap(), "the case folder holds the same page");
    assert!(html.contains("default-src 'none'") && !html.contains("<script"));
    page_is_valid("html", &html);
}

#[test]
fn csv_holds_no_formula_and_is_read_by_another_reader() {
    let Some(make) = python(
        "csv",
        "import csv, sys, base64, json\n\
         rows = list(csv.reader(open(sys.argv[1], newline='', encoding='utf-8'), strict=True))\n\
         assert len(rows) > 10 and all(len(r) == len(rows[0]) for r in rows)\n\
         assert not [c for r in rows for c in r if c[:1] and c[0] in '=+-@\\t\\r\\0'], 'formula'\n\
         [json.loads(base64.b64decode(r[-1], validate=True)) for r in rows[1:]]",
    ) else {
        return;
    };
    let csv = export("csv");
    assert!(csv.contains(",'=2026-17,"));
    let broken = [csv.replacen(",'=2026-17,", ",=2026-17,", 1), csv.replacen('"', "\"x\"", 1)];
    hold(make, &scratch("csv").join("x.csv"), &csv, &broken);
}

#[test]
fn jsonl_is_findings_jsonl() {
    assert_eq!(export("jsonl"), std::fs::read_to_string(case().join("findings.jsonl")).unwrap());
}

#[test]
fn report_json_is_accepted() {
    let Some(make) = schema("schema/report-1.schema.json") else { return };
    let good = std::fs::read_to_string(case().join("report.json")).unwrap();
    let broken = [changed(&good, |v| v["coverage"]["verdict"] = "clean".into())];
    hold(make, &scratch("report").join("report.json"), &good, &broken);
}

#[test]
fn markdown_makes_no_links_of_names() {
    // Linkify finds bare addresses as trackers do.
    let Some(make) = python(
        "markdown_it, linkify_it",
        "import sys\nfrom markdown_it import MarkdownIt\n\
         md = MarkdownIt('commonmark', {'html': True, 'linkify': True}).enable(['table', 'strikethrough', 'linkify'])\n\
         kinds = set()\n\
         def walk(tokens):\n\
         \x20for t in tokens:\n\
         \x20 kinds.add(t.type)\n\
         \x20 walk(t.children or [])\n\
         walk(md.parse(open(sys.argv[1], encoding='utf-8').read()))\n\
         bad = kinds & {'link_open', 'image', 'html_inline', 'html_block', 'code_inline', 'fence', 'code_block', 'em_open'}\n\
         assert not bad and 'table_open' in kinds, bad",
    ) else {
        return;
    };
    let text = export("markdown");
    let broken = ["[x](http://e.test/)", "<b>x</b>", "see http://e.test/x", "see www.evil.com", "see evil.com", "`x`"]
        .map(|bad| format!("{text}\n{bad}\n"));
    hold(make, &scratch("markdown").join("x.md"), &text, &broken);
}

#[test]
fn stix_is_accepted() {
    let Some(tool) = validator("bin/stix2_validator") else { return };
    let good = export("stix");
    let of = |v: &mut Value, kind: &str| v["objects"].as_array().unwrap().iter().position(|o| o["type"] == kind).unwrap();
    let broken = [
        changed(&good, |v| {
            let at = of(v, "sighting");
            v["objects"][at].as_object_mut().unwrap().remove("sighting_of_ref");
        }),
        changed(&good, |v| {
            let at = of(v, "file");
            v["objects"][at]["size"] = "large".into();
        }),
        changed(&good, |v| {
            let at = of(v, "indicator");
            v["objects"][at]["pattern"] = "[file:name = 'x]".into();
        }),
    ];
    hold(|| Command::new(&tool), &scratch("stix").join("x.json"), &good, &broken);
}

#[test]
fn case_is_accepted() {
    let Some(tool) = validator("bin/case_validate") else { return };
    let good = export("case");
    let broken = [
        good.replacen("\"@type\": \"xsd:hexBinary\"", "\"@type\": \"xsd:string\"", 1),
        good.replacen("uco-types:hashMethod", "uco-types:hashMethods", 1),
    ];
    hold(|| Command::new(&tool), &scratch("case").join("x.jsonld"), &good, &broken);
}

#[test]
fn timesketch_is_accepted() {
    let Some(make) = schema("tests/schemas/timesketch.schema.json") else { return };
    let good = array(&export("timesketch"));
    let broken = [
        changed(&good, |v| v[3]["datetime"] = "24 Nov 2026".into()),
        changed(&good, |v| {
            v[0].as_object_mut().unwrap().remove("timestamp_desc");
        }),
    ];
    hold(make, &scratch("timesketch").join("x.json"), &good, &broken);
}

#[test]
fn ecs_is_accepted() {
    let Some(make) = schema("tests/schemas/ecs.schema.json") else { return };
    let good = array(&export("ecs"));
    let broken = [
        changed(&good, |v| v[0]["event"]["kind"] = "finding".into()),
        changed(&good, |v| v[0]["file"]["size"] = "9".into()),
        changed(&good, |v| v[0]["surprise"] = 1.into()),
    ];
    hold(make, &scratch("ecs").join("x.json"), &good, &broken);
}

#[test]
fn ocsf_is_accepted() {
    let Some(make) = python(
        "py_ocsf_models",
        "import json, sys\nfrom py_ocsf_models.events.findings.detection_finding import DetectionFinding\n\
         for event in json.load(open(sys.argv[1], encoding='utf-8')):\n\
         \x20read = DetectionFinding(**event)\n\
         \x20assert read.type_uid.value == event['class_uid'] * 100 + event['activity_id']",
    ) else {
        return;
    };
    let good = array(&export("ocsf"));
    let broken = [
        changed(&good, |v| v[0]["severity_id"] = 42.into()),
        changed(&good, |v| {
            v[0].as_object_mut().unwrap().remove("finding_info");
        }),
        changed(&good, |v| v[0]["type_uid"] = 1.into()),
    ];
    hold(make, &scratch("ocsf").join("x.json"), &good, &broken);
}

#[test]
fn dfxml_is_accepted() {
    let xsd = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas/dfxml.xsd").display().to_string();
    let script =
        format!("import sys\nfrom lxml import etree\netree.XMLSchema(file={xsd:?}).assertValid(etree.parse(sys.argv[1]))");
    let Some(make) = python("lxml", &script) else {
        return;
    };
    let good = export("dfxml");
    let case = Case::read(case().to_owned(), report(case(), "dfxml"));
    assert_eq!(good.matches("<fileobject>").count(), case.inventory().len());
    let broken = [
        good.replacen("<filesize>", "<filesize>x", 1),
        good.replacen("type=\"sha1\"", "type=\"sha0\"", 1),
        good.replacen("<source>", "<sauce>", 1),
    ];
    hold(make, &scratch("dfxml").join("x.xml"), &good, &broken);
}

#[test]
fn syslog_is_accepted() {
    let Some(make) = python(
        "syslog_rfc5424_parser",
        "import sys\nfrom syslog_rfc5424_parser import SyslogMessage\n\
         lines = open(sys.argv[1], encoding='utf-8', newline='\\n').read().split('\\n')[:-1]\n\
         read = [SyslogMessage.parse(l) for l in lines]\n\
         assert read and all(m.sd['wardround@32473']['level'] and m.msg for m in read)\n\
         assert any('b\\\\]c' in m.sd['wardround@32473']['path'] for m in read)",
    ) else {
        return;
    };
    let good = export("syslog");
    let broken = [good.replacen(">1 ", "> ", 1), good.replacen("\" level=", " level=", 1)];
    hold(make, &scratch("syslog").join("x.log"), &good, &broken);
}

#[test]
fn cef_is_accepted() {
    let Some(make) = python(
        "pycef",
        "import sys, pycef\n\
         lines = open(sys.argv[1], encoding='utf-8', newline='\\n').read().split('\\n')[:-1]\n\
         read = [pycef.parse(l) for l in lines]\n\
         assert read and all(r and r['DeviceProduct'] == 'wardround' and r['externalId'] and r['filePath'] for r in read)\n\
         assert any('=e|f' in r['filePath'] for r in read)",
    ) else {
        return;
    };
    let good = export("cef");
    let broken = [good.replacen("CEF:0|", "CEX:0|", 1), good.replacen("|wardround|wardround|", "|wardround|", 1)];
    hold(make, &scratch("cef").join("x.cef"), &good, &broken);
}

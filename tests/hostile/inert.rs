//! Names and texts of the evidence steer nothing: no terminal, log, table, page or other program. Every hostile name is a
//! file, a folder, a link, a member and an attachment, stands in programs, rules and lists, and then every output is read.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use regex::Regex;
use serde_json::Value;
use sha2::{Digest, Sha256};
use wardround::model::text::hex;

use super::make::zip::{stored, zip};
use super::names;
use crate::programs::pe;
use crate::support::{Case, Scene, has_tool, program};

/// Characters that steer, hide or reorder. A list of its own: what the program escapes is what is tried.
fn steers(c: char) -> bool {
    let ranges = [
        (0, 0x1f),
        (0x7f, 0x9f),
        (0xad, 0xad),
        (0x61c, 0x61c),
        (0x180e, 0x180e),
        (0x200b, 0x200f),
        (0x2028, 0x202e),
        (0x2060, 0x206f),
        (0xfeff, 0xfeff),
        (0xfff9, 0xfffb),
        (0xe0000, 0xe007f),
    ];
    c != '\n' && ranges.iter().any(|(from, to)| (*from..=*to).contains(&u32::from(c)))
}

/// The places in a text at which it steers, with what stands around them.
fn steered(bytes: &[u8]) -> Vec<String> {
    let Ok(text) = std::str::from_utf8(bytes) else { return vec!["it is no UTF-8".to_owned()] };
    let chars: Vec<char> = text.chars().collect();
    let around = |at: usize| chars[at.saturating_sub(20)..(at + 20).min(chars.len())].iter().collect::<String>();
    (0..chars.len()).filter(|at| steers(chars[*at])).take(5).map(|at| format!("{:?}", around(at))).collect()
}

/// What file `n` holds: a megabyte, so that the display gets to show its name.
fn content(n: usize) -> String {
    format!("planted {n} by nobody\n").repeat(40_000)
}

/// Lines of a list can hold no line feed, and fields none of their separators.
fn in_a_list(name: &[u8]) -> String {
    String::from_utf8_lossy(name).chars().filter(|c| !matches!(c, '\n' | '\r' | ';')).collect()
}

fn plant(root: &Path) {
    let target = root.join("target");
    let (mut hashes, mut source, mut mail) = (String::new(), String::new(), String::new());
    mail.push_str(
        "From: a@example.org\nTo: b@example.org\nSubject: s\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n",
    );
    for folder in ["names", "folders", "links", "programs"] {
        std::fs::create_dir_all(target.join(folder)).expect("a folder");
    }
    for (n, name) in names::each().enumerate() {
        let file = names::of_file(name);
        let at = |folder: &str| target.join(folder).join(std::ffi::OsStr::from_bytes(&file));
        std::fs::write(at("names"), content(n)).expect("a file");
        std::fs::create_dir(at("folders")).expect("a folder");
        std::fs::write(at("folders").join("file.txt"), content(n)).expect("a file");
        std::os::unix::fs::symlink(at("nowhere"), at("links")).expect("a link");
        let text = in_a_list(name);
        let program = pe(&[
            ("OriginalFilename", "rclone.exe"),
            ("ProductName", &text),
            ("CompanyName", &text),
            ("FileVersion", &text),
            ("InternalName", &text),
        ]);
        std::fs::write(target.join(format!("programs/{n}.exe")), program).expect("a file");
        let _ = writeln!(hashes, "{};100;{text}", hex(&Sha256::digest(content(n))));
        let quoted = text.replace('\\', "\\\\").replace('"', "\\\"");
        let _ = writeln!(
            source,
            "rule Planted{n} : hostile {{ meta: description = \"{quoted}\" author = \"{quoted}\" reference = \"{quoted}\" score = 70 strings: $a = \"planted {n} by\" condition: $a }}"
        );
        let named: String = name.iter().fold(String::new(), |s, b| s + &format!("%{b:02X}"));
        let _ = write!(
            mail,
            "\n--b\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename*=utf-8''{named}\n\n{}",
            &content(n)[..200]
        );
    }
    let members: Vec<_> = names::each().enumerate().map(|(n, name)| stored(name, content(n).as_bytes())).collect();
    let files = [
        ("target/mail.eml", mail.into_bytes()),
        ("target/archive.zip", zip(&members)),
        (LIST, hashes.into_bytes()),
        (RULES, source.into_bytes()),
    ];
    files.into_iter().for_each(|(name, bytes)| std::fs::write(root.join(name), bytes).expect("a file"));
}

/// Runs a command on a terminal of 150 columns; gives all that it wrote to it.
fn on_a_terminal(command: &Command) -> Vec<u8> {
    let script = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
    let mut python = Command::new("python3");
    python
        .args(["-c", script, "sh", "-c", "stty cols 150 rows 50; exec \"$0\" \"$@\""])
        .arg(command.get_program())
        .args(command.get_args());
    python.env("TERM", "xterm-256color").stdin(std::process::Stdio::null()).output().expect("python3").stdout
}

/// What is left of terminal output without the sequences that the program itself draws with.
fn undrawn(bytes: &[u8]) -> Vec<u8> {
    let own = Regex::new(r"\x1b\[[0-9;]*m|\x1b\[[0-9]*[ABCDGK]|\x1b\[\?25[lh]|\r").expect("a pattern");
    own.replace_all(&String::from_utf8_lossy(bytes), "").into_owned().into_bytes()
}

const LIST: &str = "intel.txt";
const RULES: &str = "rules.yar";

struct Scanned {
    root: PathBuf,
    case: Case,
    /// All that the scan wrote to its terminal.
    terminal: Vec<u8>,
}

/// One scan for all tests.
fn scanned() -> Option<&'static Scanned> {
    static SCANNED: OnceLock<Option<Scanned>> = OnceLock::new();
    let make = || {
        if !has_tool("python3") {
            return None;
        }
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("inert");
        let _ = std::fs::remove_dir_all(&root);
        plant(&root);
        let dir = root.join("case");
        let mut command = program();
        command.arg("scan").arg(root.join("target")).arg("--case").arg(&dir).arg("--ioc").arg(root.join(LIST));
        command.arg("--rules").arg(root.join(RULES)).args(["--threads", "1", "--no-default-rules", "--no-default-iocs"]);
        let terminal = on_a_terminal(&command);
        let none = Output { status: Default::default(), stdout: Vec::new(), stderr: Vec::new() };
        Some(Scanned { case: Case::read(dir, none), root, terminal })
    };
    SCANNED.get_or_init(make).as_ref()
}

fn run(args: &[&dyn AsRef<std::ffi::OsStr>]) -> Output {
    let mut command = program();
    args.iter().for_each(|a| _ = command.arg(a));
    command.output().expect("the program")
}

#[test]
fn the_terminal_is_steered_by_the_program_alone() {
    let Some(s) = scanned() else { return };
    s.case.assert_adds_up();
    let shown = String::from_utf8_lossy(&s.terminal);
    assert!(shown.contains("\u{1b}["), "nothing was drawn");
    assert!(shown.contains("\\u{") || shown.contains("\\x"), "no name was shown escaped, so nothing was tried");
    assert_eq!(steered(&undrawn(&s.terminal)), Vec::<String>::new(), "scan");
    let mut explain = program();
    explain.arg("explain").arg(&s.case.dir);
    assert_eq!(steered(&undrawn(&on_a_terminal(&explain))), Vec::<String>::new(), "explain");
}

#[test]
fn commands_write_lines_that_are_lines() {
    let Some(s) = scanned() else { return };
    let empty = Scene::new();
    empty.file("a.txt", "a");
    let other = empty.scan(&["--no-default-rules", "--no-default-iocs"]);
    let (case, fleet, list, rules) = (&s.case.dir, empty.beside("fleet"), s.root.join(LIST), s.root.join(RULES));
    let mut outputs = vec![
        ("diff", run(&[&"diff", case, &other.dir, &"--all"])),
        ("diff as JSON", run(&[&"diff", case, &other.dir, &"--format", &"json"])),
        ("merge", run(&[&"merge", case, &other.dir, &"--out", &fleet])),
        ("verify", run(&[&"verify", case])),
        ("explain", run(&[&"explain", case])),
        ("recheck", run(&[&"recheck", case, &"--ioc", &list, &"--case", &empty.beside("rechecked")])),
        ("ioc check", run(&[&"ioc", &"check", &list])),
        ("rules check", run(&[&"rules", &"check", &rules])),
        ("rules list", run(&[&"rules", &"list", &rules])),
        ("resume", run(&[&"scan", &"--resume", &"--case", case])),
    ];
    for finding in s.case.findings().iter().step_by(7) {
        outputs.push(("explain a finding", run(&[&"explain", case, &finding["id"].as_str().expect("an id")])));
    }
    for (name, output) in &mut outputs {
        if *name == "rules list" {
            // Tabs part its columns, and nothing else.
            let columns: BTreeSet<usize> =
                output.stdout.split(|b| *b == b'\n').map(|l| l.iter().filter(|b| **b == b'\t').count()).collect();
            assert!(columns.len() <= 2, "{columns:?}");
            output.stdout.iter_mut().filter(|b| **b == b'\t').for_each(|b| *b = b' ');
        }
        assert!(!output.stdout.is_empty(), "{name} said nothing: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(steered(&output.stdout), Vec::<String>::new(), "{name}");
        assert_eq!(steered(&output.stderr), Vec::<String>::new(), "{name}, standard error");
    }
    let told = |name: &str| outputs.iter().find(|o| o.0 == name).map(|o| String::from_utf8_lossy(&o.1.stdout)).expect("it");
    for name in ["diff", "explain"] {
        assert!(told(name).contains("invoice\\u{202e}fdp.exe"), "{name} shows no name");
        // One line that the name would have made of itself.
        assert!(told(name).lines().all(|line| !line.starts_with("wardround: no finding")), "{name}");
    }
    for page in ["fleet.json", "fleet.html"] {
        assert_eq!(steered(&std::fs::read(fleet.join(page)).expect("it")), Vec::<String>::new(), "{page}");
    }
}

/// Hostile names of what the operator gives: targets, case folders, lists, and questions while it runs.
#[test]
fn paths_and_questions_are_answered_inertly() {
    let scene = Scene::new();
    let hostile = std::ffi::OsStr::from_bytes(b"t\x1b[2J\n\xff\xe2\x80\xae");
    let target = scene.target().join(hostile);
    std::fs::create_dir(&target).expect("a folder");
    for n in 0..20 {
        std::fs::write(target.join(format!("{n}.txt")), content(n)).expect("a file");
    }
    let case = scene.beside("case").join(hostile);
    std::fs::create_dir(scene.beside("case")).expect("a folder");
    let list = scene.beside("intel").with_file_name(hostile);
    std::fs::write(&list, "nonsense;\u{1b}[2J;x\n").expect("a list");
    let script = r#""$@" & p=$!; for i in 1 2 3 4 5 6; do sleep 0.2; kill -USR1 $p 2>/dev/null; done; wait $p"#;
    let mut command = Command::new("sh");
    command.args(["-c", script, "sh"]).arg(program().get_program()).arg("scan").arg(&target);
    command.arg("--case").arg(&case).arg("--ioc").arg(&list).args(["--threads", "1", "--full-speed"]);
    let mut outputs = vec![command.output().expect("sh")];
    assert!(case.join("report.json").exists(), "{}", String::from_utf8_lossy(&outputs[0].stderr));
    let missing = target.join("\u{1b}[2J");
    outputs.extend([
        run(&[&"scan", &missing, &"--case", &scene.beside("x")]),
        run(&[&"scan", &target, &"--case", &target.join("case")]),
        run(&[&"scan", &target, &"--case", &case]),
        run(&[&"scan", &target, &"--ioc", &missing, &"--case", &scene.beside("y")]),
        run(&[&"scan", &target, &"--rules", &missing, &"--case", &scene.beside("z")]),
        run(&[&"scan", &"--resume", &"--case", &missing]),
        run(&[&"verify", &missing]),
        run(&[&"verify", &case]),
        run(&[&"explain", &missing]),
        run(&[&"report", &missing]),
        run(&[&"diff", &missing, &missing]),
        run(&[&"merge", &missing, &"--out", &scene.beside("f")]),
        run(&[&"ioc", &"check", &missing]),
        run(&[&"rules", &"check", &missing]),
        run(&[&"recheck", &missing, &"--case", &scene.beside("r")]),
    ]);
    for (n, output) in outputs.iter().enumerate() {
        assert!(!output.stdout.is_empty() || !output.stderr.is_empty(), "{n} said nothing");
        assert_eq!(steered(&output.stdout), Vec::<String>::new(), "{n}");
        assert_eq!(steered(&output.stderr), Vec::<String>::new(), "{n}, standard error");
    }
}

/// Every file of the case folder, the inventory unpacked.
fn documents(case: &Case) -> Vec<(String, Vec<u8>)> {
    let files = walkdir::WalkDir::new(&case.dir).into_iter().flatten().filter(|e| e.file_type().is_file());
    let named = files.map(|e| (e.path().display().to_string(), std::fs::read(e.path()).expect("a file")));
    let mut all: Vec<_> = named.filter(|(name, _)| !name.ends_with(".zst") && !name.ends_with(".sig")).collect();
    all.push((
        "inventory".to_owned(),
        case.inventory().iter().fold(String::new(), |s, row| s + &row.to_string() + "\n").into_bytes(),
    ));
    all
}

#[test]
fn the_case_folder_holds_nothing_that_steers() {
    let Some(s) = scanned() else { return };
    let all = documents(&s.case);
    assert!(all.len() >= 6, "{}", all.len());
    for (name, bytes) in &all {
        assert_eq!(steered(bytes), Vec::<String>::new(), "{name}");
        if name.ends_with(".json") || name.ends_with("jsonl") {
            let text = std::str::from_utf8(bytes).expect("text");
            let whole = serde_json::from_str::<Value>(text).is_ok();
            assert!(whole || text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{name}");
        }
    }
}

/// The exact bytes of a row's path.
fn raw(row: &Value) -> Vec<u8> {
    let text = row["path"].as_str().expect("a path").as_bytes().to_vec();
    row["path_raw"].as_str().map_or(text, |packed| STANDARD.decode(packed).expect("base64"))
}

#[test]
fn exact_names_come_back_from_json() {
    let Some(s) = scanned() else { return };
    let rows: BTreeSet<Vec<u8>> = s.case.inventory().iter().map(raw).collect();
    let found: BTreeSet<Vec<u8>> = s.case.findings().iter().map(raw).collect();
    let target = s.root.join("target");
    let target = target.as_os_str().as_bytes();
    let mut names_tried = 0;
    for name in names::each() {
        let file = names::of_file(name);
        for place in [[target, b"/names/", &file].concat(), [target, b"/archive.zip!", name].concat()] {
            assert!(rows.contains(&place), "no row of {:?}", String::from_utf8_lossy(&place));
            assert!(found.contains(&place), "no finding on {:?}", String::from_utf8_lossy(&place));
        }
        for place in [[target, b"/folders/", &file].concat(), [target, b"/links/", &file].concat()] {
            assert!(rows.contains(&place), "no row of {:?}", String::from_utf8_lossy(&place));
        }
        names_tried += 1;
    }
    assert!(names_tried >= 40, "{names_tried}");
    println!("{names_tried} names, each as a file, a folder, a link and a member, come back exactly");
}

fn export(s: &Scanned, id: &str) -> String {
    let output = run(&[&"report", &s.case.dir, &"--format", &id]);
    assert_eq!(output.status.code(), Some(0), "{id}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn no_export_is_steered() {
    let Some(s) = scanned() else { return };
    let findings = s.case.findings().len();
    assert!(findings > 80, "{findings}");
    for format in wardround::report::EXPORTS {
        let id = format.id();
        let mut text = export(s, id);
        match id {
            "csv" => text = text.replace("\r\n", "\n"),
            // RFC 5424 section 6.4: a byte order mark begins a message in UTF-8.
            "syslog" => text = text.replace("] \u{feff}", "] "),
            _ => {}
        }
        assert_eq!(steered(text.as_bytes()), Vec::<String>::new(), "{id}");
        if ["jsonl", "ecs", "ocsf", "syslog", "cef"].contains(&id) {
            assert_eq!(text.lines().count(), findings, "{id}: one line a finding");
        }
        if ["jsonl", "ecs", "ocsf", "timesketch"].contains(&id) {
            assert!(text.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{id}");
        }
        if ["stix", "case"].contains(&id) {
            assert!(serde_json::from_str::<Value>(&text).is_ok(), "{id}");
        }
        if id == "syslog" {
            assert!(text.lines().all(|line| line.starts_with('<') && line.split(' ').next().is_some_and(|p| p.ends_with(">1"))));
        }
        if id == "cef" {
            assert!(text.lines().all(|line| line.starts_with("CEF:0|wardround|wardround|")));
        }
    }
}

#[test]
fn no_cell_is_a_formula_and_its_exact_value_stays() {
    let Some(s) = scanned() else { return };
    let text = export(s, "csv");
    let mut rows = csv::Reader::from_reader(text.as_bytes());
    let titles = rows.headers().expect("titles").clone();
    let records: Vec<csv::StringRecord> = rows.records().map(|r| r.expect("a row")).collect();
    assert_eq!(records.len(), s.case.findings().len());
    assert!(records.iter().flat_map(csv::StringRecord::iter).all(|cell| !cell.starts_with(['=', '+', '-', '@', '\t', '\r'])));
    let last = titles.iter().position(|t| t == "raw").expect("a column");
    for (record, finding) in records.iter().zip(s.case.findings()) {
        let raw: Value = serde_json::from_slice(&STANDARD.decode(&record[last]).expect("base64")).expect("JSON");
        assert_eq!((&raw["path"], &raw["title"]), (&finding["path"], &finding["title"]));
    }
}

/// Reads a page as a browser does, and says what is in it that no report of ours has.
const PAGE: &str = r##"
import html.parser, sys
ALLOWED = set(sys.argv[2].split())
bad = []
class Page(html.parser.HTMLParser):
    styles = 0
    def handle_starttag(self, tag, attrs):
        if tag not in ALLOWED: bad.append(f"<{tag}>")
        self.styles += tag == "style"
        for key, value in attrs:
            if key.startswith("on") or key in ("src", "style", "srcdoc", "action", "formaction"): bad.append(f"{tag} {key}={value!r}")
            if key == "href" and not (value or "").startswith("#"): bad.append(f"{tag} {key}={value!r}")
page = Page(convert_charrefs=True)
page.feed(open(sys.argv[1], encoding="utf-8").read())
page.close()
if page.styles != 1: bad.append(f"{page.styles} style elements")
print("\n".join(bad[:20]))
"##;
const TAGS: &str = "html head meta title style body header footer main nav section article div span p a h1 h2 h3 h4 ul ol li dl dt dd \
    table thead tbody tfoot tr th td caption colgroup col code pre small strong em b i br hr details summary abbr time bdi wbr figure figcaption \
    aside svg g rect path line circle text label input";

fn injected(scene: &Scene, page: &str) -> String {
    let file = scene.beside("page.html");
    std::fs::write(&file, page).expect("a page");
    let output = Command::new("python3").args(["-c", PAGE]).arg(&file).arg(TAGS).output().expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn pages_hold_the_programs_own_elements_alone() {
    let Some(s) = scanned() else { return };
    let scene = Scene::new();
    let written = std::fs::read_to_string(s.case.dir.join("report.html")).expect("a page");
    let fleet = scene.beside("fleet");
    run(&[&"merge", &s.case.dir, &"--out", &fleet]);
    for page in [&written, &export(s, "html"), &std::fs::read_to_string(fleet.join("fleet.html")).expect("a page")] {
        assert_eq!(injected(&scene, page), "");
        assert!(page.contains("default-src 'none'"), "no policy");
    }
    assert!(written.contains("{{7*7}}") && !written.contains("49${"), "a template in a name was filled in");
    // Control: the same page with one name as it is.
    for name in ["<script>alert(1)</script>", "<b onclick=x>", "</style><style>", "<a href=javascript:1>"] {
        let broken = written.replacen("</body>", &format!("{name}</body>"), 1);
        assert_ne!(injected(&scene, &broken), "", "{name}");
    }
}

#[test]
fn a_ticket_holds_no_markup_of_names() {
    let Some(s) = scanned() else { return };
    let text = export(s, "markdown");
    let escaped = Regex::new(r"\\[[:punct:]]").expect("a pattern");
    let bare = escaped.replace_all(&text, "");
    for mark in ["<", "[", "](", "`", "![", "http:", "javascript:", "@SUM"] {
        assert!(!bare.contains(mark), "{mark}: {:?}", bare.lines().find(|l| l.contains(mark)));
    }
    for line in bare.lines().filter(|l| l.starts_with("| alert") || l.starts_with("| warning") || l.starts_with("| notice")) {
        assert_eq!(line.matches('|').count(), 6, "{line}");
    }
}

#[test]
fn xml_is_sound() {
    let Some(s) = scanned() else { return };
    let scene = Scene::new();
    let file = scene.beside("case.xml");
    std::fs::write(&file, export(s, "dfxml")).expect("a file");
    let read =
        Command::new("python3").args(["-c", "import sys, xml.etree.ElementTree as e; e.parse(sys.argv[1])"]).arg(&file).status();
    assert!(read.expect("python3").success());
    std::fs::write(&file, "<a>\u{1b}</a>").expect("a file");
    let read =
        Command::new("python3").args(["-c", "import sys, xml.etree.ElementTree as e; e.parse(sys.argv[1])"]).arg(&file).output();
    assert!(!read.expect("python3").status.success(), "control");
}

/// What is searched for is found where it stands.
#[test]
fn a_text_that_steers_is_told() {
    let raw = names::each().filter(|name| !steered(name).is_empty()).count();
    assert!(raw >= 22, "{raw} of the names steer");
    assert_eq!(steered("plain é ’ text\nand more".as_bytes()), Vec::<String>::new());
    assert!(!steered(&undrawn(b"\x1b[2J")).is_empty() && !steered(&undrawn(b"\x1b]0;x\x07")).is_empty());
    assert!(steered(&undrawn(b"\x1b[1;31mred\x1b[0m\r\n")).is_empty());
}

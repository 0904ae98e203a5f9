//! What `deploy/` holds fits the program, and other people's checkers accept it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{has_tool, program};

fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(deploy().join(name)).expect("a file of deploy/")
}

fn help(command: &str) -> String {
    let output = program().args([command, "--help"]).output().expect("the program");
    String::from_utf8(output.stdout).expect("text")
}

/// Long flags in a text.
fn flags(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("--") {
        let before = text[..at].chars().next_back();
        let flag: String = text[at + 2..].chars().take_while(|c| c.is_ascii_lowercase() || *c == '-').collect();
        if before.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '-' && c != '!')
            && flag.starts_with(|c: char| c.is_ascii_lowercase())
        {
            found.push(format!("--{flag}"));
        }
    }
    found
}

fn unknown(text: &str, help: &str) -> Vec<String> {
    let known = flags(help);
    flags(text).into_iter().filter(|f| !known.contains(f)).collect()
}

#[test]
fn every_flag_exists() {
    let help = help("sweep") + &help("scan") + &help("verify") + &help("merge");
    let mut seen = 0;
    // How releases are made has flags of other programs.
    let ours = |e: &walkdir::DirEntry| e.file_name() != "release";
    for entry in walkdir::WalkDir::new(deploy()).into_iter().filter_entry(ours).flatten().filter(|e| e.file_type().is_file()) {
        let text = std::fs::read_to_string(entry.path()).expect("text");
        seen += flags(&text).len();
        assert_eq!(unknown(&text, &help), Vec::<String>::new(), "{}", entry.path().display());
    }
    assert!(seen > 10, "the flags were not found");
    assert_eq!(unknown("wardround sweep --polices x --policy y", &help), ["--polices"]);
}

#[test]
fn the_example_policy_is_accepted() {
    let check = |policy: &Path| program().args(["sweep", "--check", "--policy"]).arg(policy).output().expect("the program");
    let output = check(&deploy().join("policy.toml"));
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    // So is every key that it shows in a comment.
    let text = read("policy.toml");
    let is_key = |line: &str| line.strip_prefix('#').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_lowercase()));
    let keys = text.lines().filter(|line| is_key(line)).count();
    assert!(keys > 20, "{keys}");
    let all: Vec<&str> = text.lines().map(|line| if is_key(line) { &line[1..] } else { line }).collect();
    let dir = tempfile::tempdir().expect("a folder");
    let policy = dir.path().join("policy.toml");
    std::fs::write(&policy, all.join("\n")).expect("a policy");
    let output = check(&policy);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    // And no key is left out.
    let source = include_str!("../../src/cli/sweep/policy.rs");
    let fields = source.lines().filter_map(|l| l.trim().strip_prefix("pub ")?.split_once(": ").filter(|_| l.ends_with(',')));
    for (field, _) in fields {
        assert!(all.iter().any(|line| line.starts_with(&format!("{field} ="))), "{field} is not in deploy/policy.toml");
    }
}

#[test]
fn systemd_accepts_the_units() {
    if !has_tool("systemd-analyze") {
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    // The program has to exist where the unit says.
    let service = read("linux/wardround-sweep.service").replace("/usr/local/bin/wardround", env!("CARGO_BIN_EXE_wardround"));
    let service = service.lines().filter(|l| !l.starts_with("Documentation=")).collect::<Vec<_>>().join("\n");
    let timer =
        read("linux/wardround-sweep.timer").lines().filter(|l| !l.starts_with("Documentation=")).collect::<Vec<_>>().join("\n");
    // What opens the network for a delivery is verified with them.
    let delivery = dir.path().join("wardround-sweep.service.d/delivery.conf");
    std::fs::create_dir(delivery.parent().expect("a folder")).expect("a folder");
    std::fs::write(&delivery, read("linux/delivery.conf")).expect("a drop-in");
    let verify = |service: &str| {
        std::fs::write(dir.path().join("wardround-sweep.service"), service).expect("a unit");
        std::fs::write(dir.path().join("wardround-sweep.timer"), &timer).expect("a unit");
        let mut command = Command::new("systemd-analyze");
        command.arg("verify").args(["wardround-sweep.service", "wardround-sweep.timer"].map(|n| dir.path().join(n)));
        let output = command.output().expect("systemd-analyze");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    // Its exit code says nothing, what it writes does.
    assert_eq!(verify(&service), "");
    assert!(verify(&service.replace("ProtectSystem=", "ProtectSytem=")).contains("ProtectSytem"));
    assert!(verify(&service.replace("IOSchedulingClass=idle", "IOSchedulingClass=idel")).contains("idel"));
    std::fs::write(&delivery, read("linux/delivery.conf").replace("IPAddressAllow=", "IPAdressAllow=")).expect("a drop-in");
    assert!(verify(&service).contains("IPAdressAllow"));
}

/// Elements and texts, to the end of the document.
fn parse(text: &str) -> Result<usize, String> {
    let mut reader = quick_xml::Reader::from_str(text);
    let (mut depth, mut elements) = (0_i32, 0);
    loop {
        match reader.read_event().map_err(|e| e.to_string())? {
            quick_xml::events::Event::Start(_) => (depth, elements) = (depth + 1, elements + 1),
            quick_xml::events::Event::End(_) => depth -= 1,
            quick_xml::events::Event::Eof if depth == 0 => return Ok(elements),
            quick_xml::events::Event::Eof => return Err("it ends too early".into()),
            _ => {}
        }
    }
}

#[test]
fn tasks_are_well_formed_and_hold_what_is_relied_on() {
    let task = read("windows/wardround-sweep.xml");
    let plist = read("macos/org.wardround.sweep.plist");
    for text in [&task, &plist] {
        assert!(parse(text).is_ok_and(|n| n > 10));
        assert!(parse(&text.replacen("</", "<", 1)).is_err());
    }
    for setting in [
        "<MultipleInstancesPolicy>IgnoreNew<",
        "<StartWhenAvailable>true<",
        "<RandomDelay>PT3H<",
        "<DisallowStartIfOnBatteries>true<",
        "<UserId>S-1-5-18<",
        "<Priority>8<",
    ] {
        assert!(task.contains(setting), "{setting}");
    }
    if has_tool("xmllint") {
        for name in ["windows/wardround-sweep.xml", "macos/org.wardround.sweep.plist"] {
            let output = Command::new("xmllint").args(["--noout", "--nonet"]).arg(deploy().join(name)).output().expect("xmllint");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

#[test]
fn ansible_accepts_the_role() {
    if !has_tool("ansible-lint") {
        return;
    }
    let lint = |folder: &Path| {
        let mut command = Command::new("ansible-lint");
        command.args(["--offline", "--profile", "production", "-q"]).current_dir(folder).env("HOME", folder);
        command.output().expect("ansible-lint")
    };
    let dir = tempfile::tempdir().expect("a folder");
    for entry in walkdir::WalkDir::new(deploy().join("ansible")).into_iter().flatten().filter(|e| e.file_type().is_file()) {
        let to = dir.path().join(entry.path().strip_prefix(deploy().join("ansible")).expect("below it"));
        std::fs::create_dir_all(to.parent().expect("a parent")).expect("folders");
        std::fs::copy(entry.path(), to).expect("a file");
    }
    let sound = lint(dir.path());
    assert!(sound.status.success(), "{}{}", String::from_utf8_lossy(&sound.stdout), String::from_utf8_lossy(&sound.stderr));
    let tasks = dir.path().join("roles/wardround/tasks/main.yml");
    let text = std::fs::read_to_string(&tasks).expect("tasks");
    std::fs::write(&tasks, text.replace("ansible.builtin.copy", "copy").replace("mode: \"0600\"", "mode: 0600")).expect("tasks");
    assert!(!lint(dir.path()).status.success());
}

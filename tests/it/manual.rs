//! The commands in `iocs/README.md` print what it says they print. `UPDATE_GOLDENS=1` writes it anew.

use std::path::Path;

use crate::support::program;

const FENCE: &str = "```";

/// The text with the output of every `$ wardround …` line of its console blocks as it is now.
fn replayed(text: &str) -> String {
    let mut out = String::new();
    let mut lines = text.lines().peekable();
    let mut console = false;
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        if line.starts_with(FENCE) {
            console = line == "```console";
        }
        let Some(command) = line.strip_prefix("$ wardround ").filter(|_| console) else { continue };
        while lines.peek().is_some_and(|l| !l.starts_with(FENCE) && !l.starts_with("$ ")) {
            lines.next();
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let output = program().args(command.split(' ')).current_dir(root).output().expect("the program runs");
        // What is typed, not what a shell would make of it.
        out.push_str(String::from_utf8_lossy(&output.stdout).trim_end());
        out.push_str(&String::from_utf8_lossy(&output.stderr));
        out.push('\n');
    }
    out
}

#[test]
fn documented_commands_print_what_is_documented() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("iocs/README.md");
    let text = std::fs::read_to_string(&path).expect("iocs/README.md").replace("\r\n", "\n");
    assert!(text.matches("$ wardround ").count() >= 12, "a command for every format");
    let now = replayed(&text);
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::write(&path, &now).expect("written");
        return;
    }
    for (n, (written, got)) in text.lines().zip(now.lines()).enumerate() {
        assert_eq!(written, got, "iocs/README.md:{}: run the tests with UPDATE_GOLDENS=1", n + 1);
    }
    assert_eq!(text.lines().count(), now.lines().count());
}

#[test]
fn a_changed_output_is_seen() {
    let text = "```console\n$ wardround ioc check tests/fixtures/ioc/hash-iocs.txt\nnothing\n```\n";
    assert_ne!(replayed(text), text);
}

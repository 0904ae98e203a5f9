//! What the machine and whoever starts the program do to it: streams that are closed, limits, surroundings, places for the
//! case folder. It says what is wrong and never ends as if all had been well.

use std::collections::BTreeSet;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Output};

use crate::support::{Case, Scene, program};

/// One way to start a scan. `$0` is the program, `$1` the target, `$2` the case folder.
struct Fault {
    class: &'static str,
    name: &'static str,
    script: &'static str,
    /// Exit codes of which one has to come.
    exits: &'static [i32],
}

const fn fault(class: &'static str, name: &'static str, script: &'static str, exits: &'static [i32]) -> Fault {
    Fault { class, name, script, exits }
}

/// The tree below holds a listed file: a scan that comes to its end finds it.
const FOUND: &[i32] = &[2];
/// Begun and not done, or not begun: said, and never 0.
const TOLD: &[i32] = &[2, 3, 64, 73];

const FAULTS: &[Fault] = &[
    fault("streams that are closed", "no standard output", r#""$0" scan "$1" --case "$2" >&-"#, FOUND),
    fault("streams that are closed", "no standard error", r#""$0" scan "$1" --case "$2" 2>&-"#, FOUND),
    fault("streams that are closed", "no standard input", r#""$0" scan "$1" --case "$2" <&-"#, FOUND),
    fault("streams that are closed", "none at all", r#""$0" scan "$1" --case "$2" <&- >&- 2>&-"#, FOUND),
    fault(
        "streams that are closed",
        "a reader that goes away",
        r#"{ "$0" scan "$1" --case "$2"; echo $? >"$2.exit"; } | head -c 1 >/dev/null; exit $(cat "$2.exit")"#,
        FOUND,
    ),
    fault("streams that are closed", "output that is full", r#""$0" scan "$1" --case "$2" >/dev/full 2>/dev/full"#, FOUND),
    fault("surroundings", "no surroundings", r#"env -i "$0" scan "$1" --case "$2""#, FOUND),
    fault("surroundings", "a language that is none", r#"LANG=xx_YY LC_ALL=C.wrong LANGUAGE=% "$0" scan "$1" --case "$2""#, FOUND),
    fault(
        "surroundings",
        "no place for temporary files",
        r#"TMPDIR=/no/such/place HOME=/no/such/place "$0" scan "$1" --case "$2""#,
        FOUND,
    ),
    fault(
        "surroundings",
        "switches of libraries",
        r#"RUST_LOG=trace RUST_BACKTRACE=full RAYON_NUM_THREADS=0 RUST_MIN_STACK=1 NO_COLOR= TERM=%s COLUMNS=0 "$0" scan "$1" --case "$2""#,
        FOUND,
    ),
    fault(
        "surroundings",
        "a hundred variables of 100 KiB",
        r#"v=$(head -c 100000 /dev/zero | tr '\0' x); for i in $(seq 15); do export V$i="$v"; done; "$0" scan "$1" --case "$2""#,
        FOUND,
    ),
    fault(
        "surroundings",
        "a folder that is gone",
        r#"mkdir "$2.gone" && cd "$2.gone" && rmdir "$2.gone"; "$0" scan "$1" --case "$2""#,
        FOUND,
    ),
    fault("surroundings", "no time zone", r#"TZ=:/dev/zero "$0" scan "$1" --case "$2""#, FOUND),
    fault("limits of the process", "no more than 1 MiB in a file", r#"ulimit -f 64; "$0" scan "$1" --case "$2""#, TOLD),
    fault("limits of the process", "no byte in a file", r#"ulimit -f 0; "$0" scan "$1" --case "$2""#, TOLD),
    fault("limits of the process", "16 open files", r#"ulimit -n 16; "$0" scan "$1" --case "$2""#, TOLD),
    fault("limits of the process", "6 open files", r#"ulimit -n 6; "$0" scan "$1" --case "$2""#, TOLD),
    fault("limits of the process", "256 MiB of addresses", r#"ulimit -v 262144; "$0" scan "$1" --case "$2""#, TOLD),
    fault("limits of the process", "64 KiB of stack", r#"ulimit -s 64; "$0" scan "$1" --case "$2""#, &[64]),
    fault(
        "limits of the process",
        "a second of processor time",
        r#"ulimit -t 1; "$0" scan "$1" --case "$2""#,
        &[2, 3, 64, 73, 137, 152],
    ),
    fault(
        "limits of the process",
        "signals that are ignored",
        r#"trap '' PIPE HUP TERM INT USR1; "$0" scan "$1" --case "$2""#,
        FOUND,
    ),
    fault("places for the case folder", "in the target", r#""$0" scan "$1" --case "$1/case""#, &[73]),
    fault("places for the case folder", "the target", r#""$0" scan "$1" --case "$1""#, &[64, 73]),
    fault(
        "places for the case folder",
        "behind a link into the target",
        r#"ln -s "$1" "$2.link"; "$0" scan "$1" --case "$2.link/case""#,
        &[73],
    ),
    fault("places for the case folder", "a link", r#"mkdir "$2.real"; ln -s "$2.real" "$2"; "$0" scan "$1" --case "$2""#, FOUND),
    fault("places for the case folder", "a link to nowhere", r#"ln -s "$2.real" "$2"; "$0" scan "$1" --case "$2""#, &[64, 73]),
    fault("places for the case folder", "a file", r#"echo x >"$2"; "$0" scan "$1" --case "$2""#, &[64, 73]),
    fault(
        "places for the case folder",
        "a folder that holds something",
        r#"mkdir "$2"; echo x >"$2/x"; "$0" scan "$1" --case "$2""#,
        &[64, 73],
    ),
    fault("places for the case folder", "below a file", r#"echo x >"$2"; "$0" scan "$1" --case "$2/case""#, &[64, 73]),
    fault("places for the case folder", "among the kernel's", r#""$0" scan "$1" --case /proc/self/case"#, &[64, 73]),
    fault(
        "places for the case folder",
        "with escapes in its name",
        r#""$0" scan "$1" --case "$2$(printf '\033[2J\n\202')""#,
        FOUND,
    ),
    fault("targets that are none", "nowhere", r#""$0" scan "$1/$(printf '\033[2J')" --case "$2""#, &[64]),
    fault("targets that are none", "nothing", r#""$0" scan "" --case "$2""#, &[64]),
    fault("targets that are none", "an option", r#"cd "$1" && "$0" scan -- -rf --case "$2""#, &[64]),
    fault("targets that are none", "twice the same", r#""$0" scan "$1" "$1/." "$1" --case "$2""#, FOUND),
];

/// Runs it; gives its output and the case folder.
fn started(scene: &Scene, fault: &Fault) -> (Output, PathBuf) {
    let case = scene.beside("case");
    let tool = program().get_program().to_owned();
    // A scan that hangs has an exit code that none of them may have.
    let mut command = Command::new("timeout");
    command.args(["-k", "5", "120", "sh", "-c", fault.script]).arg(tool).arg(scene.target()).arg(&case).env("LC_ALL", "C");
    (command.output().expect("sh"), case)
}

/// What is wrong with how it ended.
fn judged(fault: &Fault, output: &Output, case: &std::path::Path) -> Vec<String> {
    let mut wrong = Vec::new();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    let code = output.status.code().unwrap_or(-1);
    if !fault.exits.contains(&code) {
        wrong.push(format!("exit code {code}: {stderr}"));
    }
    if stderr.contains("panicked") || stderr.contains(['\u{1b}', '\u{fffd}']) {
        wrong.push(format!("said {stderr:?}"));
    }
    if (64..128).contains(&code)
        && !stderr.contains("wardround: ")
        && !stderr.starts_with("error: ")
        && !fault.script.contains("2>")
    {
        wrong.push(format!("exit code {code} without a word: {stderr:?}"));
    }
    // A case folder that was sealed is whole, whatever else went wrong.
    if case.join("manifest.json").exists() {
        let verified = program().arg("verify").arg(case).output().expect("the program");
        if verified.status.code() != Some(0) {
            wrong.push(format!("doesn't verify: {}", String::from_utf8_lossy(&verified.stdout)));
        }
        Case::read(case.to_owned(), output.clone()).assert_adds_up();
    }
    wrong.into_iter().map(|what| format!("{} / {}: {what}", fault.class, fault.name)).collect()
}

#[test]
fn each_ends_with_a_word() {
    let classes: BTreeSet<&str> = FAULTS.iter().map(|f| f.class).collect();
    println!("{} faults in {} classes", FAULTS.len(), classes.len());
    let mut wrong = Vec::new();
    for fault in FAULTS {
        let scene = Scene::new();
        scene.file("eicar.txt", "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*");
        for n in 0..20 {
            scene.file(&format!("d{n}/{n}.txt"), format!("file {n} ").repeat(2000));
        }
        symlink("nowhere", scene.target().join("link")).expect("a link");
        let before = listing(&scene);
        let (output, case) = started(&scene, fault);
        wrong.extend(judged(fault, &output, &case));
        if listing(&scene) != before {
            wrong.push(format!("{} / {}: the target is not what it was", fault.class, fault.name));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

fn listing(scene: &Scene) -> Vec<PathBuf> {
    walkdir::WalkDir::new(scene.target()).sort_by_file_name().into_iter().flatten().map(|e| e.into_path()).collect()
}

//! `wardround diff`: two scans of one tree between which something happened.

use serde_json::Value;

use super::support::{Case, Scene, program};

fn diff(old: &Case, new: &Case, flags: &[&str]) -> (i32, String, String) {
    let output = program().arg("diff").arg(&old.dir).arg(&new.dir).args(flags).output().unwrap();
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    (output.status.code().unwrap_or(-1), text(&output.stdout), text(&output.stderr))
}

fn json(old: &Case, new: &Case) -> (i32, Value) {
    let (exit, out, err) = diff(old, new, &["--format", "json"]);
    let value: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{err}"));
    assert_eq!(value["exit"], exit);
    (exit, value)
}

fn paths(value: &Value, change: &str) -> Vec<String> {
    let all = value["objects"]["changes"].as_array().unwrap().iter();
    let name = |c: &Value| c["path"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    all.filter(|c| c["change"] == change).map(name).collect()
}

const QUICK: &[&str] = &["--no-default-rules", "--no-default-iocs"];

#[test]
fn what_came_went_and_changed_is_told() {
    let scene = Scene::new();
    for n in 0..300 {
        scene.file(&format!("many/{n:03}.txt"), format!("text {n}"));
    }
    scene.file("stays\u{202e}.txt", "same");
    let gone = scene.file("gone.txt", "gone");
    let edited = scene.file("edited.txt", "before");
    let old = scene.scan(QUICK);
    let same = scene.scan(QUICK);
    let (exit, value) = json(&old, &same);
    assert_eq!((exit, value["objects"]["changes"].as_array().unwrap().len()), (0, 0), "{value}");
    assert_eq!(value["inputs"]["options"], false);
    assert!(diff(&old, &same, &[]).1.contains("The same rules, indicators, options and targets."));

    std::fs::remove_file(gone).unwrap();
    std::fs::write(edited, "after it all").unwrap();
    scene.file("came\u{1b}[2J.txt", "new");
    let list = scene.beside("hashes.txt");
    let bad = scene.file("evil.bin", "planted content");
    use sha2::Digest as _;
    let sha256 = wardround::model::text::hex(&sha2::Sha256::digest(std::fs::read(bad).unwrap()));
    std::fs::write(&list, format!("{sha256};90;Planted\n")).unwrap();
    let new = scene.scan(&[QUICK, &["--ioc", list.to_str().unwrap()]].concat());
    assert_eq!(new.exit(), 2, "{}", new.stderr());

    let (exit, value) = json(&old, &new);
    assert_eq!(exit, 2);
    assert_eq!(paths(&value, "appeared"), ["came\\u{1b}[2J.txt", "evil.bin"]);
    assert_eq!(paths(&value, "vanished"), ["gone.txt"]);
    // The folder's own times and the edited file.
    assert!(paths(&value, "changed").contains(&"edited.txt".to_owned()), "{value}");
    assert_eq!(value["findings"]["appeared"].as_array().unwrap().len(), 1);
    assert_eq!(value["inputs"]["indicators"]["added"].as_array().unwrap().len(), 1);
    let counts = &value["objects"]["counts"];
    assert!(counts["unchanged"].as_u64().unwrap() >= 301, "{counts}");

    // Back again: the finding vanished, so nothing is new.
    let (exit, value) = json(&new, &old);
    assert_eq!(exit, 0);
    assert_eq!(value["findings"]["vanished"].as_array().unwrap().len(), 1);
    let (exit, text, _) = diff(&old, &new, &[]);
    assert_eq!(exit, 2);
    for part in ["+ alert 90", "Findings: 1 appeared, 0 vanished", "+ indicators: ", "edited.txt: ", "content", "size 6 → 12"] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.chars().any(|c| c.is_control() && c != '\n' || c == '\u{202e}'), "{text:?}");
}

#[test]
fn names_that_are_masked_are_compared_by_shape() {
    let scene = Scene::new();
    let row = |name: &str| format!("mrn,first,last,dob,ssn\n8812345,Ana,{name},1971-03-04,212-09-8877\n");
    scene.file("patients/Garcia, Ana.csv", row("Garcia"));
    scene.file("patients/Lopez, Eva.csv", row("Lopez").replace("Ana", "Eva").replace("8812345", "8812399"));
    let old = scene.scan(QUICK);
    let masked = old.inventory().iter().filter(|r| r["path_masked"] == true).count();
    assert!(masked >= 2, "{:?}", old.inventory());
    let (exit, value) = json(&old, &scene.scan(QUICK));
    assert_eq!((exit, value["objects"]["changes"].as_array().unwrap().len()), (0, 0), "{value}");
    std::fs::remove_file(scene.target().join("patients/Lopez, Eva.csv")).unwrap();
    let (_, value) = json(&old, &scene.scan(QUICK));
    assert_eq!(value["objects"]["counts"]["vanished"], 1, "{value}");
}

#[test]
fn what_can_not_be_compared_is_said() {
    let scene = Scene::new();
    scene.file("a", "a");
    let case = scene.scan(QUICK);
    let output = program().arg("diff").arg(&case.dir).arg(scene.target()).output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).contains("is no case folder"));
}

//! The reader of registry hives beside an independent one (hivexregedit of libhivex), on real hives.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::Command;

use wardround::registry::{Kind, recognise, walk};

use crate::support::{corpus, has_tool};

fn hives() -> Vec<PathBuf> {
    let Some(corpus) = corpus() else { return Vec::new() };
    ["artefacts/plaso/regf/SAM", "artefacts/plaso/NTUSER-CCLEANER.DAT", "artefacts/plaso/NTUSER-RunTests.DAT"]
        .iter()
        .map(|p| corpus.join(p))
        .filter(|p| p.is_file())
        .collect()
}

/// Key, value and a spelling of its data that both readers have.
type Row = (String, String, String);

fn rows(kind: Kind, bytes: &[u8], strip: &str) -> BTreeSet<Row> {
    let mut out = BTreeSet::new();
    walk(kind, bytes, b"", &mut |key| {
        let path = key.path.strip_prefix(strip).unwrap_or(key.path).trim_matches('\\').to_owned();
        out.insert((path.clone(), String::new(), String::new()));
        for value in key.values {
            out.insert((path.clone(), value.name.to_string(), format!("{}:{}", value.kind, value.texts().join("|"))));
        }
        ControlFlow::Continue(())
    })
    .expect("a hive");
    out
}

/// Both readers see the same keys, values and data: one reads the hive, the other its export by hivexregedit.
#[test]
fn hives_and_their_exports_agree() {
    if !has_tool("hivexregedit") {
        return;
    }
    for hive in hives() {
        let bytes = std::fs::read(&hive).expect("a hive");
        assert_eq!(recognise(&bytes), Some(Kind::Hive));
        let export = Command::new("hivexregedit")
            .args(["--export", "--prefix", "ROOT"])
            .arg(&hive)
            .arg("\\")
            .output()
            .expect("hivexregedit runs");
        assert!(export.status.success(), "{}", String::from_utf8_lossy(&export.stderr));
        assert_eq!(recognise(&export.stdout), Some(Kind::Export));
        let mut mount = String::new();
        walk(Kind::Hive, &bytes, b"", &mut |key| {
            mount = key.path.to_owned();
            ControlFlow::Break(())
        })
        .expect("a root key");
        let own = rows(Kind::Hive, &bytes, &mount);
        let other = rows(Kind::Export, &export.stdout, "ROOT");
        assert!(own.len() > 50, "{}: {} rows", hive.display(), own.len());
        let first: Vec<&Row> = own.symmetric_difference(&other).take(5).collect();
        assert!(first.is_empty(), "{}: {first:#?}", hive.display());
    }
}

//! From objects and patient data to findings: correlator and score together, on the shape of the samples.

use std::path::Path;
use std::sync::Arc;

use wardround::correlate::Correlator;
use wardround::correlate::staging::Staging;
use wardround::model::{
    Category, ContainerFacts, Disposition, Encrypted, Evidence, Finding, GapReason, Individuals, Kind, Level, Locator, Meta,
    Object, Person, PhiFacts, Token, TokenKind,
};
use wardround::score::weigh;

use crate::support::Scene;

fn object(locator: Locator) -> Object {
    let kind = if locator.depth() > 0 { Kind::Member } else { Kind::File };
    Object::new(locator, kind, Meta { size: 5000, ..Meta::default() })
}

fn zip(path: &str, encrypted: Encrypted) -> Object {
    let container = Some(ContainerFacts { format: "zip".into(), encrypted, ..ContainerFacts::default() });
    Object { container, ..object(Locator::os(path)) }
}

fn at_rest(locator: Locator, format: &str, people: std::ops::Range<u64>) -> Evidence {
    let n = people.end - people.start;
    let tokens = |i: u64| [TokenKind::Ssn, TokenKind::NameBirth].map(|kind| Token { kind, hash: i.into() }).to_vec();
    let facts = PhiFacts {
        format: format.into(),
        records: n,
        people: people.map(|i| Person { tokens: tokens(i), state: Some(*b"FL") }).collect(),
        individuals: Individuals { low: n, best: n, high: n },
        clinical: true,
        ..PhiFacts::default()
    };
    Evidence {
        locator,
        category: Category::PhiAtRest,
        title: "patient data at rest".into(),
        reasons: Vec::new(),
        phi: Some(Arc::new(facts)),
        techniques: Vec::new(),
    }
}

fn findings(objects: Vec<Object>, mut evidence: Vec<Evidence>) -> Vec<Finding> {
    let mut staging = Staging::new();
    objects.iter().for_each(|o| staging.object(o));
    evidence.iter().for_each(|e| staging.evidence(e));
    evidence.extend(staging.finish());
    weigh(evidence)
}

#[test]
fn the_samples_by_their_shape() {
    let c = "/samples/workstation/C";
    let loot = Locator::os(format!("{c}/PerfLogs/Admin/perfmon.log").as_str());
    let table = Locator::os(format!("{c}/Windows/Temp/svc/msvcx90.dll").as_str());
    let locked = Locator::os(format!("{c}/Users/Public/Music/data.zip").as_str());
    let mut objects = vec![zip(&loot.shown(), Encrypted::No), object(table.clone()), zip(&locked.shown(), Encrypted::All)];
    for (i, name) in ["front-office/patients_2026.csv", "billing/claims_october.837", "lab/adt_feed.hl7"].into_iter().enumerate()
    {
        let member = locked.member(name, u32::try_from(i).unwrap());
        objects.push(Object { disposition: Disposition::Skipped, reason: Some(GapReason::Encrypted), ..object(member) });
    }
    let mut evidence = vec![
        at_rest(loot.member("podiatry/a.837", 0), "x12-837", 0..14),
        at_rest(loot.member("podiatry/b.837", 1), "x12-837", 10..22),
        at_rest(loot.member("dermatology/c.837", 2), "x12-837", 22..34),
        at_rest(loot.member("billing/d.837", 3), "x12-837", 34..46),
        at_rest(table.clone(), "csv", 30..90),
    ];
    for day in 22..30 {
        let path = format!("{c}/Program Files/ClinicDesk/Backup/nightly-202610{day}.zip");
        evidence.push(at_rest(Locator::os(path.as_str()).member("clinicdesk/patients.csv", 0), "csv", 0..80));
        objects.push(zip(&path, Encrypted::No));
    }
    let all = findings(objects, evidence);
    let staged: Vec<_> = all.iter().filter(|f| f.category == Category::Staging).collect();
    let level = |l: &Locator| staged.iter().find(|f| f.locator == *l).map(|f| f.level);
    assert_eq!(level(&loot), Some(Level::Alert));
    assert_eq!(level(&table), Some(Level::Alert));
    assert_eq!(level(&locked), Some(Level::Warning));
    assert_eq!(staged.len(), 3, "backups are no staging");
    assert!(all.iter().filter(|f| f.category == Category::PhiAtRest).all(|f| f.level == Level::Info));
    let people = staged.iter().find(|f| f.locator == loot).and_then(|f| f.phi.as_ref()).map(|p| p.individuals.best);
    assert_eq!(people, Some(46));
}

#[test]
fn every_sample_is_spoken_of() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let expected = std::fs::read_to_string(root.join("EXPECTED.md")).unwrap();
    let base = root.join("workstation/C");
    let mut bytes = 0;
    for entry in walkdir::WalkDir::new(&base).into_iter().map(Result::unwrap).filter(|e| e.file_type().is_file()) {
        bytes += entry.metadata().unwrap().len();
        let path = entry.path().strip_prefix(&base).unwrap().to_string_lossy().replace('\\', "/");
        let nightly = path.starts_with("Program Files/ClinicDesk/Backup/nightly-202610");
        assert!(nightly || expected.contains(&format!("`{path}`")), "{path}");
    }
    assert!((50_000..300_000).contains(&bytes));
}

#[test]
fn scripts_that_are_not_weighed_make_coverage_incomplete() {
    let scan = |count: usize| {
        let scene = Scene::new();
        for n in 0..count {
            scene.file(&format!("s/{n:05}.bat"), "rclone copy C:\\lists remote:x\r\n");
        }
        let case = scene.scan(&["--no-default-rules", "--no-default-iocs"]);
        (scene, case)
    };
    let (_scene, case) = scan(10_003);
    case.assert_adds_up();
    let gaps = case.report["gaps"].as_array().expect("gaps");
    let told = gaps.iter().filter(|gap| gap["detail"] == "3 of the scripts of this host are not weighed; 10000 are").count();
    assert_eq!((told, case.exit(), case.report["coverage"]["verdict"].as_str()), (1, 3, Some("incomplete")), "{gaps:?}");
    let (_scene, few) = scan(3);
    assert_eq!(few.report["coverage"]["verdict"], "complete");
}

use super::*;
use crate::correlate::content::tests::facts;
use crate::model::{Category, ContainerFacts, Disposition, Kind, Meta, Name};

fn object(locator: &Locator, size: u64) -> Object {
    let kind = if locator.depth() > 0 { Kind::Member } else { Kind::File };
    Object::new(locator.clone(), kind, Meta { size, ..Meta::default() })
}

fn archive(path: &str, format: &str, encrypted: Encrypted) -> Object {
    let mut o = object(&Locator::os(path), 1000);
    o.container = Some(ContainerFacts { format: format.into(), encrypted, ..ContainerFacts::default() });
    o
}

fn phi(locator: &Locator, facts: Arc<PhiFacts>) -> Evidence {
    Evidence {
        locator: locator.clone(),
        category: Category::PhiAtRest,
        title: String::new(),
        reasons: Vec::new(),
        phi: Some(facts),
        techniques: Vec::new(),
    }
}

/// A zip of three claims files with 60 people in all.
fn loot(path: &str) -> (Vec<Object>, Vec<Evidence>) {
    let zip = Locator::os(path);
    let mut objects = vec![archive(path, "zip", Encrypted::No)];
    let mut evidence = Vec::new();
    for i in 0..3 {
        let member = zip.member(format!("c{i}.837").as_str(), u32::try_from(i).unwrap());
        objects.push(object(&member, 10));
        evidence.push(phi(&member, facts("x12-837", i * 20, 20)));
    }
    (objects, evidence)
}

fn run(objects: &[Object], evidence: &[Evidence]) -> Vec<Evidence> {
    let mut staging = Staging::new();
    objects.iter().for_each(|o| staging.object(o));
    evidence.iter().for_each(|e| staging.evidence(e));
    staging.finish()
}

fn ids(e: &Evidence) -> Vec<&str> {
    e.reasons.iter().map(|r| r.id.as_str()).collect()
}

fn score(e: &Evidence) -> u8 {
    super::super::axes::Axes::of(&e.reasons).score
}

#[test]
fn disguised_claims_in_perflogs() {
    let (objects, evidence) = loot("/mnt/c/PerfLogs/thumbs.jpg");
    let found = run(&objects, &evidence);
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert_eq!(ids(one), ["content.std_multi", "content.rows_ssn_dob", "staging.location_strong", "staging.ext_mismatch"]);
    assert_eq!(one.title, "Patient data staged for theft: 60 people in a disguised archive in PerfLogs");
    assert_eq!(one.techniques, ["T1036.008", "T1074.001", "T1560.001"]);
    assert_eq!(one.phi.as_ref().unwrap().individuals.best, 60);
    assert!(score(one) >= 80);
}

#[test]
fn order_does_not_matter() {
    let (mut objects, mut evidence) = loot("/mnt/c/PerfLogs/thumbs.jpg");
    let (more, other) = loot("/srv/x/tmp/1.zip");
    objects.extend(more);
    evidence.extend(other);
    let forth = format!("{:?}", run(&objects, &evidence));
    objects.reverse();
    evidence.reverse();
    let mut staging = Staging::new();
    evidence.iter().for_each(|e| staging.evidence(e));
    objects.iter().for_each(|o| staging.object(o));
    assert_eq!(format!("{:?}", staging.finish()), forth);
}

#[test]
fn patient_data_in_ordinary_places_is_not_staged() {
    for path in ["/home/ann/Documents/claims.zip", "/srv/clearinghouse/out/claims.zip", "/mnt/c/ProgramData/Vendor/claims.zip"] {
        let (objects, evidence) = loot(path);
        assert!(run(&objects, &evidence).is_empty(), "{path}");
    }
    // The place alone, without patient data.
    assert!(run(&[archive("/mnt/c/PerfLogs/thumbs.jpg", "zip", Encrypted::No)], &[]).is_empty());
}

#[test]
fn origin_tells_the_place() {
    let (mut objects, evidence) = loot("/mnt/public/claims.zip");
    assert!(run(&objects, &evidence).is_empty());
    objects[0].origin = Some(Name::from("C:\\Users\\Public\\claims.zip"));
    assert_eq!(ids(&run(&objects, &evidence)[0])[2], "staging.location_strong");
    let file = Locator::os("/mnt/public/p.csv");
    let mut o = object(&file, 10);
    o.origin = Some(Name::from("C:\\Users\\Public\\p.csv"));
    assert_eq!(run(&[o], &[phi(&file, facts("csv", 0, 40))]).len(), 1);
}

#[test]
fn files_are_judged_by_folder() {
    let one = Locator::os("/mnt/c/PerfLogs/1/stats.dll");
    let found = run(&[object(&one, 10)], &[phi(&one, facts("csv", 0, 40))]);
    assert_eq!(found[0].locator, one);
    assert_eq!(found[0].title, "Patient data staged for theft: 40 people in a file in PerfLogs");
    assert!(score(&found[0]) >= 80);

    let two = Locator::os("/mnt/c/PerfLogs/1/b.csv");
    let all = [phi(&one, facts("csv", 0, 40)), phi(&two, facts("csv", 20, 40))];
    let found = run(&[object(&one, 10), object(&two, 10)], &all);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].locator, Locator::os("/mnt/c/PerfLogs/1"));
    assert_eq!(found[0].phi.as_ref().unwrap().individuals.best, 60);
    assert!(!found[0].techniques.contains(&"T1560.001".to_owned()));
}

#[test]
fn a_single_plain_table_stays_below_warning() {
    let file = Locator::os("/mnt/c/Users/Public/list.csv");
    let found = run(&[object(&file, 10)], &[phi(&file, facts("csv", 0, 40))]);
    assert_eq!(score(&found[0]), 54);
    let temp = Locator::os("/mnt/c/Temp/list.csv");
    assert!(run(&[object(&temp, 10)], &[phi(&temp, facts("csv", 0, 40))]).is_empty());
}

#[test]
fn encrypted_archives_speak_by_their_names() {
    let path = "/mnt/c/Users/Public/data.zip";
    let mut objects = vec![archive(path, "zip", Encrypted::All)];
    let zip = Locator::os(path);
    let names = ["front/patients.csv", "billing/claims 1.837", "lab/adt.hl7"];
    for (i, name) in names.iter().enumerate() {
        let mut o = object(&zip.member(*name, u32::try_from(i).unwrap()), 10);
        (o.disposition, o.reason) = (Disposition::Skipped, Some(GapReason::Encrypted));
        objects.push(o);
    }
    let found = run(&objects, &[]);
    let got = ids(&found[0]);
    for id in ["content.opaque", "content.names_phi", "staging.enc_visible", "staging.aggregate", "staging.name_habit"] {
        assert!(got.contains(&id), "{id} in {got:?}");
    }
    assert!(score(&found[0]) >= 60 && found[0].phi.is_none());
    assert!(!format!("{found:?}").contains("adt"), "no name of a member may be told");

    for o in &mut objects[1..] {
        o.locator = zip.member("setup.bin", 0);
    }
    assert!(score(&run(&objects, &[])[0]) < 40);
    // The same beside no sign but its encryption.
    objects[0].locator = Locator::os("/home/ann/data-of-mine.zip");
    assert!(run(&objects[..1], &[]).is_empty());
}

#[test]
fn unreadable_volumes_with_several_signs_reach_the_floor() {
    let mut objects = Vec::new();
    for i in 1..=4 {
        let mut o = archive(&format!("/mnt/c/PerfLogs/fs.7z.00{i}"), "7z", Encrypted::Headers);
        o.meta.size = if i == 4 { 10 } else { 1000 };
        if i > 1 {
            o.container = None;
        }
        objects.push(o);
    }
    let found = run(&objects, &[]);
    assert_eq!(found.len(), 1);
    for id in ["staging.split", "staging.enc_hdr", "staging.location_strong"] {
        assert!(ids(&found[0]).contains(&id), "{id}");
    }
    assert_eq!(score(&found[0]), 60);
}

#[test]
fn parts_cut_by_size_and_nightly_series() {
    let mut found = Vec::new();
    for (i, size) in [(1, 500), (2, 500), (3, 70)] {
        let (mut objects, evidence) = loot(&format!("/srv/x/{i}.zip"));
        objects[0].meta.size = size;
        found.push((objects, evidence));
    }
    let (objects, evidence): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    let parts = run(&objects.concat(), &evidence.concat());
    assert_eq!(parts.len(), 3);
    assert!(parts.iter().all(|e| ids(e).contains(&"staging.split")));

    for (folder, want) in [("Backup", true), ("PerfLogs", false)] {
        let (mut objects, mut evidence) = (Vec::new(), Vec::new());
        for day in 10..18 {
            let (o, e) = loot(&format!("/mnt/c/Program Files/Desk/{folder}/nightly-202610{day}.dat"));
            objects.extend(o);
            evidence.extend(e);
        }
        let nights = run(&objects, &evidence);
        assert_eq!(nights.len(), 8);
        assert_eq!(nights.iter().all(|e| ids(e).contains(&"benign.rotation")), want, "{folder}");
        assert_eq!(nights.iter().all(|e| score(e) < 40), want, "{folder}");
    }
}

#[test]
fn an_archive_gathered_from_several_folders() {
    let zip = Locator::os("/var/www/html/assets.zip");
    let objects = [archive("/var/www/html/assets.zip", "zip", Encrypted::No)];
    let member = |name: &str, i| phi(&zip.member(name, i), facts("hl7v2", u64::from(i) * 10, 10));
    let gathered = [member("all/adt/1.hl7", 0), member("all/lab/1.hl7", 1), member("all/rad/1.hl7", 2)];
    let found = run(&objects, &gathered);
    assert!(ids(&found[0]).contains(&"staging.aggregate") && ids(&found[0]).contains(&"staging.location_webroot"));
    assert!(score(&found[0]) >= 80);
    let plain = [member("all/adt/1.hl7", 0), member("all/adt/2.hl7", 1), member("all/adt/3.hl7", 2)];
    assert!(!ids(&run(&objects, &plain)[0]).contains(&"staging.aggregate"));
}

#[test]
fn deleted_by_its_user_is_not_hidden() {
    let path = "/mnt/c/$Recycle.Bin/S-1-5-21-1/$RQ1.zip";
    let (mut objects, evidence) = loot(path);
    assert!(ids(&run(&objects, &evidence)[0]).contains(&"staging.location_recycle"));
    objects.push(object(&Locator::os("/mnt/c/$Recycle.Bin/S-1-5-21-1/$IQ1.zip"), 100));
    assert!(run(&objects, &evidence).is_empty());
}

#[test]
fn test_data_is_discounted() {
    let (objects, mut evidence) = loot("/mnt/c/PerfLogs/thumbs.jpg");
    for e in &mut evidence {
        let mut f = (**e.phi.as_ref().unwrap()).clone();
        f.synthetic = true;
        e.phi = Some(Arc::new(f));
    }
    let found = run(&objects, &evidence);
    assert!(ids(&found[0]).contains(&"not_real.synthetic"));
    assert!(score(&found[0]) < 60);
}

#[test]
fn an_archive_inside_is_judged_for_its_own_signs_only() {
    let outer = "/mnt/c/PerfLogs/out.zip";
    let inner = Locator::os(outer).member("pic.jpg", 0);
    let mut nested = object(&inner, 10);
    nested.container = Some(ContainerFacts { format: "zip".into(), ..ContainerFacts::default() });
    let mut objects = vec![archive(outer, "zip", Encrypted::No), nested];
    let evidence = [phi(&inner.member("a.837", 0), facts("x12-837", 0, 60))];
    let found = run(&objects, &evidence);
    assert_eq!(found.len(), 2);
    let of = |l: &Locator| found.iter().find(|e| e.locator == *l).unwrap();
    assert!(ids(of(&Locator::os(outer))).contains(&"staging.location_strong"));
    assert!(!ids(of(&inner)).contains(&"staging.location_strong"));
    objects[1].locator = Locator::os(outer).member("inner.zip", 0);
    let evidence = [phi(&objects[1].locator.member("a.837", 0), facts("x12-837", 0, 60))];
    assert_eq!(run(&objects, &evidence).len(), 1);
}

#[test]
fn hostile_names_are_only_names() {
    for name in
        ["", "/", "\\", "//", "\u{202e}gpj.piz", "....", "$recycle.bin/", "99999999999999999999999.zip", "a.part99999.rar"]
    {
        for bytes in [name.as_bytes().to_vec(), [name.as_bytes(), b"\xff\x00"].concat()] {
            let locator = Locator::os(bytes.clone());
            let member = locator.member(bytes, u32::MAX);
            let mut a = object(&locator, u64::MAX);
            a.container = Some(ContainerFacts { format: "zip".into(), encrypted: Encrypted::Some, ..ContainerFacts::default() });
            let _ = run(&[a, object(&member, 0)], &[phi(&member, facts("csv", 0, 40)), phi(&locator, facts("csv", 0, 40))]);
        }
    }
}

#[test]
fn every_reason_it_gives_has_a_weight() {
    let sources =
        [include_str!("judge.rs"), include_str!("../content.rs"), include_str!("../place.rs"), include_str!("../names.rs")];
    let mut seen = 0;
    for id in sources.iter().flat_map(|s| s.split('"')) {
        if let Some((axis @ ("content" | "staging" | "benign" | "not_real"), rest)) = id.split_once('.')
            && rest.chars().all(|c| c.is_ascii_lowercase() || c == '_')
        {
            assert!(Priors::get().weights.contains_key(id), "{axis}.{rest}");
            seen += 1;
        }
    }
    assert!(seen > 20);
}

fn clue(path: &str, kind: crate::model::ClueKind) -> Clue {
    Clue { locator: Locator::os(path), times: crate::model::Times::default(), kind }
}

#[test]
fn what_was_encrypted_for_ransom_is_nobodys_loot() {
    let files: Vec<String> = (0..12).map(|i| format!("/mnt/c/Users/Public/d{}/report{i}.docx.locked", i % 3)).collect();
    let around = |files: &[String], note: bool| {
        let mut around = Around::default();
        files.iter().for_each(|f| around.note(&clue(f, crate::model::ClueKind::Uniform)));
        if note {
            around.note(&clue("/mnt/c/Users/Public/d0/READ_ME.txt", crate::model::ClueKind::RansomNote));
        }
        around.ransomed().len()
    };
    assert_eq!(around(&files, false), 12);
    assert_eq!(around(&files[..4], false), 0, "a few are no cluster");
    assert_eq!(around(&files[..4], true), 4, "but beside a note they are");
    let parts: Vec<String> = (2..20).map(|i| format!("/mnt/c/PerfLogs/{}/x.7z.{i:03}", i % 2)).collect();
    assert_eq!(around(&parts, true), 0, "volumes are no victims");
}

#[test]
fn files_that_look_encrypted_count_where_intruders_put_things() {
    let judged = |path: &str, more: &[Clue]| {
        let mut staging = Staging::new();
        staging.object(&object(&Locator::os(path), 1 << 20));
        staging.clue(&clue(path, crate::model::ClueKind::Uniform));
        more.iter().for_each(|c| staging.clue(c));
        staging.finish()
    };
    assert!(judged("/srv/vault/container", &[]).is_empty());
    let rclone = clue("/mnt/c/PerfLogs/r.exe", crate::model::ClueKind::Transfer { tool: "the copying tool".into() });
    let found = judged("/mnt/c/PerfLogs/blob", std::slice::from_ref(&rclone));
    let [one] = found.as_slice() else { panic!("{found:?}") };
    assert!(ids(one).contains(&"staging.headerless") && ids(one).contains(&"staging.tool_present"), "{:?}", ids(one));
    assert!(one.title.contains("a file that looks encrypted"), "{}", one.title);
}

#[test]
fn a_system_tool_speaks_of_nothing() {
    let (objects, evidence) = loot("/mnt/c/PerfLogs/claims.zip");
    let run = |tool: &str| {
        let mut staging = Staging::new();
        objects.iter().for_each(|o| staging.object(o));
        evidence.iter().for_each(|e| staging.evidence(e));
        staging.clue(&clue(tool, crate::model::ClueKind::Transfer { tool: "curl".into() }));
        ids(&staging.finish()[0]).iter().any(|id| id.starts_with("staging.tool"))
    };
    assert!(run("/mnt/c/PerfLogs/curl.exe"));
    assert!(!run("/mnt/c/Windows/System32/curl.exe") && !run("/usr/bin/curl"));
}

#[test]
fn scripts_without_room_are_a_gap() {
    let gaps = |count: usize| {
        let mut staging = Staging::new();
        for n in 0..count {
            let kind = crate::model::ClueKind::Script { tool: "rclone".into(), transfer: true, paths: Arc::from(Vec::new()) };
            staging.clue(&clue(&format!("/mnt/c/s/{n:05}.bat"), kind));
        }
        let _ = staging.finish();
        staging.gaps().into_iter().map(|gap| (gap.locator.shown(), gap.reason)).collect::<Vec<_>>()
    };
    assert_eq!(gaps(10_000), []);
    assert_eq!(gaps(10_002), [("/mnt/c/s/10000.bat".to_owned(), GapReason::LimitMemory)]);
}

/// Files with claims of 20 people each, in a folder that intruders use; in letters they lie in an attached zip.
fn claims(count: u64, in_letters: bool) -> Vec<Vec<String>> {
    let (mut objects, mut evidence) = (Vec::new(), Vec::new());
    for i in 0..count {
        let path = format!("/mnt/c/PerfLogs/claims{i}.eml");
        let file = Locator::os(path.as_str());
        let zip = file.member("claims.zip", 0);
        let held = if in_letters { zip.member("c.837", 0) } else { file.clone() };
        objects.push(if in_letters { archive(&path, "eml", Encrypted::No) } else { object(&file, 1000) });
        if in_letters {
            let mut inner = object(&zip, 1000);
            inner.container = Some(ContainerFacts { format: "zip".into(), ..ContainerFacts::default() });
            objects.extend([inner, object(&held, 10)]);
        }
        evidence.push(phi(&held, facts("x12-837", i * 20, 20)));
    }
    let found = run(&objects, &evidence);
    found.iter().map(|e| [e.locator.shown()].into_iter().chain(ids(e).iter().map(|id| (*id).to_owned())).collect()).collect()
}

#[test]
fn a_letter_is_judged_as_a_file() {
    for count in [1, 3] {
        let plain = claims(count, false);
        assert_eq!(claims(count, true), plain);
        assert_eq!(plain.len(), 1, "{plain:?}");
    }
}

//! Sets of volumes on disk, made by real programs: members that run over several of them, and sets that lack one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use sha2::{Digest, Sha256};
use wardround::model::text::hex;

use crate::support::{Case, Scene, corpus, has_tool};

/// Content that no program packs well, the same each time.
fn noise(bytes: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    std::iter::repeat_with(next).take(bytes).collect()
}

/// Files that a set is made of: the digest of each.
struct Loot {
    folder: tempfile::TempDir,
    digests: BTreeMap<String, String>,
}

impl Loot {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut digests = BTreeMap::new();
        let text = "a line that packs well\n".repeat(4000).into_bytes();
        let files = [
            ("large.bin", noise(300_000, 1)),
            ("text.txt", text),
            ("small.txt", b"NEEDLE-71230".to_vec()),
            ("last.bin", noise(90_000, 2)),
        ];
        for (name, bytes) in files {
            std::fs::write(folder.path().join(name), &bytes).expect("a file");
            digests.insert(name.to_owned(), hex(&Sha256::digest(&bytes)));
        }
        Self { folder, digests }
    }

    /// Runs a program that packs them into `archive`.
    fn pack(&self, tool: &str, flags: &[&str], archive: &Path) {
        let names = self.digests.keys();
        let packed = status_of(Command::new(tool).args(flags).arg(archive).args(names).current_dir(self.folder.path()));
        assert!(packed, "{tool} {flags:?}");
    }

    /// Members of `archive` with the content that they should have.
    fn read(&self, case: &Case, archive: &Path) -> usize {
        let rows = case.inventory();
        let right = |(name, digest): &(&String, &String)| {
            let path = format!("{}!{name}", archive.display());
            rows.iter().any(|row| row["path"] == path && row["sha256"] == **digest && row["disposition"] == "examined")
        };
        self.digests.iter().filter(right).count()
    }
}

fn status_of(command: &mut Command) -> bool {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

fn missing(case: &Case, volume: &Path) -> Vec<String> {
    let row = case.row(volume);
    let names = row["container"]["missing_volumes"].as_array().cloned().unwrap_or_default();
    names.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all: Vec<_> = std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path()).collect();
    all.sort();
    all
}

/// What every whole set must be: nothing missing, nothing left unread, the later volumes rows without members.
fn assert_whole(scene: &Scene, loot: &Loot, lead: &Path, flags: &[&str]) {
    let case = scene.scan(flags);
    case.assert_adds_up();
    assert_eq!(loot.read(&case, lead), loot.digests.len(), "{}: {:?}", lead.display(), case.report["gaps"]);
    assert_eq!(case.report["coverage"]["verdict"], "complete", "{}", case.report["gaps"]);
    let members: Vec<Value> = case.inventory().into_iter().filter(|row| row["kind"] == "member").collect();
    assert_eq!(members.len(), loot.digests.len(), "each member is told once");
    for volume in files(&scene.target()) {
        let row = case.row(&volume);
        assert_eq!((row["disposition"].as_str(), row["sha256"].is_string()), (Some("examined"), true), "{row}");
    }
}

#[test]
fn sets_of_real_programs_are_joined() {
    let tools = [has_tool("7zz"), has_tool("zip")];
    let loot = Loot::new();
    let sets: [(usize, &str, &[&str], &str, &str); 5] = [
        (0, "7zz", &["a", "-v100k"], "set.7z", "set.7z.001"),
        (0, "7zz", &["a", "-v64k", "-mx0"], "set.7z", "set.7z.001"),
        (0, "7zz", &["a", "-v100k", "-tzip"], "set.zip", "set.zip.001"),
        (1, "zip", &["-q", "-s", "100k"], "set.zip", "set.zip"),
        (1, "zip", &["-q", "-0", "-s", "64k"], "set.zip", "set.zip"),
    ];
    for (tool, program, flags, archive, lead) in sets {
        if !tools[tool] {
            continue;
        }
        let scene = Scene::new();
        loot.pack(program, flags, &scene.target().join(archive));
        assert!(files(&scene.target()).len() > 3, "it was split");
        assert_whole(&scene, &loot, &scene.target().join(lead), &[]);
    }
}

#[test]
fn locked_sets_open_with_their_password() {
    if !has_tool("7zz") {
        return;
    }
    let loot = Loot::new();
    let scene = Scene::new();
    loot.pack("7zz", &["a", "-v100k", "-pclinic-17", "-mhe=on"], &scene.target().join("set.7z"));
    let list = scene.beside("known.txt");
    std::fs::write(&list, "clinic-17\n").unwrap();
    assert_whole(&scene, &loot, &scene.target().join("set.7z.001"), &["--passwords", list.to_str().unwrap()]);
    // Without it, the whole set says that names are hidden.
    let case = scene.scan(&[]);
    let row = case.row(&scene.target().join("set.7z.001"));
    assert_eq!((row["container"]["encrypted"].as_str(), row["reason"].as_str()), (Some("headers"), Some("encrypted")));
}

#[test]
fn rules_and_indicators_see_what_runs_over_volumes() {
    if !has_tool("7zz") {
        return;
    }
    let scene = Scene::new();
    let folder = tempfile::tempdir().unwrap();
    // Packed, so that no volume holds the words in clear.
    let text = [&b"NEEDLE-40182\n"[..], &noise(200_000, 3)].concat();
    std::fs::write(folder.path().join("found.txt"), &text).unwrap();
    let archive = scene.target().join("set.7z");
    assert!(status_of(
        Command::new("7zz").args(["a", "-v50k", "-mx9", "-psecret"]).arg(&archive).arg(folder.path().join("found.txt"))
    ));
    let (rules, known, list) = (scene.beside("needle.yar"), scene.beside("known.txt"), scene.beside("hash-iocs.txt"));
    std::fs::write(&rules, "rule needle { strings: $a = \"NEEDLE-40182\" condition: $a }").unwrap();
    std::fs::write(&known, "secret\n").unwrap();
    std::fs::write(&list, format!("{};the stolen list\n", hex(&Sha256::digest(&text)))).unwrap();
    let flags = ["--rules", rules.to_str().unwrap(), "--ioc", list.to_str().unwrap()];
    let with = [&flags[..], &["--passwords", known.to_str().unwrap()]].concat();
    let case = scene.scan(&with);
    let path = format!("{}.001!found.txt", archive.display());
    let hit = |case: &Case, category: &str| case.of(category).iter().any(|finding| finding["path"] == path);
    assert!(hit(&case, "yara") && hit(&case, "ioc"), "{}", case.report["findings"]);
    let without = scene.scan(&flags);
    assert!(!hit(&without, "yara") && !hit(&without, "ioc"));
}

/// The RAR sets of the corpus: the first volume, all volumes.
const RAR_SETS: &[(&str, [&str; 3])] = &[
    ("rar3-old.rar", ["rar3-old.rar", "rar3-old.r00", "rar3-old.r01"]),
    ("rar3-vols.part1.rar", ["rar3-vols.part1.rar", "rar3-vols.part2.rar", "rar3-vols.part3.rar"]),
    ("rar5-vols.part1.rar", ["rar5-vols.part1.rar", "rar5-vols.part2.rar", "rar5-vols.part3.rar"]),
];
/// ARCHIVE-MEMBERS.tsv: `vols/bigfile.txt` and `vols/smallfile.txt`, the same in each of them.
const RAR_MEMBERS: [(&str, &str); 2] = [
    ("vols/bigfile.txt", "57613b4a0d18b31472c9abe90780dcaf834f4edf48e79008f027a99710cf3632"),
    ("vols/smallfile.txt", "6805973b24128edda3148235c77a7f7b5a7a9be6272bc882a6e030871b2b18d1"),
];

fn rar_scene(corpus: &Path) -> Scene {
    let scene = Scene::new();
    for (_, volumes) in RAR_SETS {
        for name in volumes {
            scene.file(name, std::fs::read(corpus.join("archives/rarfile").join(name)).expect("a volume"));
        }
    }
    scene
}

/// Members that were read whole, of the set that the file leads.
fn whole(case: &Case, lead: &Path) -> usize {
    let rows = case.inventory();
    let read = |(name, digest): &&(&str, &str)| {
        let path = format!("{}!{name}", lead.display());
        rows.iter().any(|row| row["path"] == path && row["sha256"] == *digest)
    };
    RAR_MEMBERS.iter().filter(read).count()
}

#[test]
fn rar_sets_are_joined_whatever_the_threads() {
    let Some(corpus) = corpus() else { return };
    let scene = rar_scene(&corpus);
    let mut results = Vec::new();
    for threads in ["1", "2", "8"] {
        let case = scene.scan(&["--threads", threads]);
        case.assert_adds_up();
        for (lead, _) in RAR_SETS {
            assert_eq!(whole(&case, &scene.target().join(lead)), 2, "{lead}: {}", case.report["gaps"]);
        }
        assert_eq!(case.report["coverage"]["verdict"], "complete", "{}", case.report["gaps"]);
        results.push(["findings", "coverage", "phi", "gaps"].map(|part| case.report[part].to_string()));
    }
    assert!(results.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn a_missing_or_swapped_volume_is_told() {
    let Some(corpus) = corpus() else { return };
    let scene = rar_scene(&corpus);
    for (_, volumes) in RAR_SETS {
        std::fs::remove_file(scene.target().join(volumes[1])).unwrap();
    }
    let case = scene.scan(&[]);
    case.assert_adds_up();
    assert_eq!(case.exit(), 3, "coverage is incomplete");
    for (lead, volumes) in RAR_SETS {
        let path = scene.target().join(lead);
        assert_eq!(whole(&case, &path), 0, "{lead}");
        assert_eq!(missing(&case, &path), [volumes[1]]);
        assert_eq!(case.row(&path)["disposition"], "partial");
        // The third begins anew and names what it lacks; what lies in it alone is read.
        let third = scene.target().join(volumes[2]);
        assert_eq!(missing(&case, &third), [volumes[1]]);
        assert_eq!(case.row(&PathBuf::from(format!("{}!vols/smallfile.txt", third.display())))["sha256"], RAR_MEMBERS[1].1);
    }
    // The third in the place of the second: nothing of it is taken for what it isn't.
    let scene = rar_scene(&corpus);
    for (_, volumes) in RAR_SETS {
        std::fs::copy(scene.target().join(volumes[2]), scene.target().join(volumes[1])).unwrap();
    }
    let case = scene.scan(&[]);
    case.assert_adds_up();
    for (lead, _) in RAR_SETS {
        let path = scene.target().join(lead);
        let big = case.row(&PathBuf::from(format!("{}!vols/bigfile.txt", path.display())));
        assert_eq!((big["disposition"].as_str(), big["sha256"].is_null()), (Some("partial"), true), "{lead}: {big}");
        assert_eq!(case.row(&path)["disposition"], "partial", "{lead}");
    }
}

#[test]
fn parts_of_7z_and_zip_that_are_missing_are_named() {
    if !has_tool("7zz") || !has_tool("zip") {
        return;
    }
    let loot = Loot::new();
    let lacking = |program: &str, flags: &[&str], archive: &str, gone: &str| {
        let scene = Scene::new();
        loot.pack(program, flags, &scene.target().join(archive));
        std::fs::remove_file(scene.target().join(gone)).expect("a volume");
        let case = scene.scan(&[]);
        case.assert_adds_up();
        assert_eq!(case.report["coverage"]["verdict"], "incomplete", "{flags:?} without {gone}");
        (scene, case)
    };
    let (scene, case) = lacking("7zz", &["a", "-v100k"], "set.7z", "set.7z.002");
    assert_eq!(missing(&case, &scene.target().join("set.7z.001")), ["set.7z.002"]);
    // Stored members that lie in the volumes that are there are read; the directory is in the last one.
    let (scene, case) = lacking("zip", &["-q", "-0", "-s", "64k"], "set.zip", "set.z02");
    let lead = scene.target().join("set.zip");
    assert_eq!(missing(&case, &lead), ["set.z02"]);
    assert!((1..4).contains(&loot.read(&case, &lead)), "{}", loot.read(&case, &lead));
    let (scene, case) = lacking("zip", &["-q", "-0", "-s", "64k"], "set.zip", "set.zip");
    assert_eq!(missing(&case, &scene.target().join("set.z01")), ["set.zip"]);
    assert!(loot.read(&case, &scene.target().join("set.z01")) >= 2, "by their own headers");
    let (scene, case) = lacking("7zz", &["a", "-v64k", "-tzip", "-mx0"], "set.zip", "set.zip.003");
    assert_eq!(missing(&case, &scene.target().join("set.zip.001")), ["set.zip.003"]);
    let last = files(&scene.target()).pop().unwrap();
    assert!(loot.read(&case, &last) >= 1, "what lies behind the gap is read from the last part");
}

#[cfg(unix)]
#[test]
#[cfg(unix)]
fn access_times_of_volumes_stay() {
    use std::os::unix::fs::MetadataExt;
    let Some(corpus) = corpus() else { return };
    let scene = rar_scene(&corpus);
    let all: Vec<_> = files(&scene.target());
    // Older than the last change: any plain reading would renew them.
    assert!(status_of(Command::new("touch").args(["-a", "-d", "2001-01-01"]).args(&all).arg(scene.target())));
    let times = || {
        let all = all.iter().cloned().chain([scene.target()]);
        all.map(|path| std::fs::metadata(path).map(|meta| (meta.atime(), meta.atime_nsec())).expect("a file")).collect::<Vec<_>>()
    };
    let before = times();
    let case = scene.scan(&[]);
    assert_eq!(whole(&case, &scene.target().join("rar5-vols.part1.rar")), 2);
    assert_eq!(times(), before);
}

#[cfg(unix)]
#[test]
#[cfg(unix)]
fn links_and_pipes_are_no_volumes() {
    let Some(corpus) = corpus() else { return };
    let scene = rar_scene(&corpus);
    // The right content, but outside of the target, behind a link; and a pipe that somebody waits to write to.
    let outside = scene.beside("outside.rar");
    std::fs::rename(scene.target().join("rar5-vols.part2.rar"), &outside).unwrap();
    std::os::unix::fs::symlink(&outside, scene.target().join("rar5-vols.part2.rar")).unwrap();
    let pipe = scene.target().join("rar3-old.r00");
    std::fs::remove_file(&pipe).unwrap();
    assert!(status_of(Command::new("mkfifo").arg(&pipe)));
    let mut writer = Command::new("sh").args(["-c", "echo x > \"$0\""]).arg(&pipe).spawn().unwrap();
    let case = scene.scan(&[]);
    case.assert_adds_up();
    assert!(writer.try_wait().unwrap().is_none(), "the pipe was opened");
    writer.kill().unwrap();
    writer.wait().unwrap();
    for (lead, gone) in [("rar5-vols.part1.rar", "rar5-vols.part2.rar"), ("rar3-old.rar", "rar3-old.r00")] {
        assert_eq!(missing(&case, &scene.target().join(lead)), [gone]);
        assert_eq!(whole(&case, &scene.target().join(lead)), 0);
    }
    // Control: the set that is all there.
    assert_eq!(whole(&case, &scene.target().join("rar3-vols.part1.rar")), 2);
}

#[test]
fn what_is_no_target_is_no_volume() {
    let Some(corpus) = corpus() else { return };
    let scene = rar_scene(&corpus);
    let volumes = RAR_SETS[2].1.map(|name| scene.target().join(name));
    let case = scene.scan_of(&[&volumes[0]], &[]);
    assert_eq!((whole(&case, &volumes[0]), missing(&case, &volumes[0])), (0, vec![RAR_SETS[2].1[1].to_owned()]));
    // Named one by one they are one set.
    let case = scene.scan_of(&volumes.each_ref().map(PathBuf::as_path), &[]);
    case.assert_adds_up();
    assert_eq!((whole(&case, &volumes[0]), missing(&case, &volumes[0])), (2, vec![]));
}

#[test]
fn sets_inside_archives_stay_gaps() {
    let Some(corpus) = corpus() else { return };
    if !has_tool("zip") {
        return;
    }
    let (scene, inner) = (Scene::new(), rar_scene(&corpus));
    let archive = scene.target().join("outer.zip");
    assert!(status_of(Command::new("zip").args(["-q", "-r"]).arg(&archive).arg(".").current_dir(inner.target())));
    let case = scene.scan(&[]);
    case.assert_adds_up();
    let lead = PathBuf::from(format!("{}!rar5-vols.part1.rar", archive.display()));
    assert_eq!((whole(&case, &lead), missing(&case, &lead)), (0, vec!["rar5-vols.part2.rar".to_owned()]));
    assert_eq!(case.report["coverage"]["verdict"], "incomplete");
}

#[test]
fn budgets_hold_for_sets() {
    let Some(corpus) = corpus() else { return };
    let scene = rar_scene(&corpus);
    let case = scene.scan(&["--max-expand", "100K"]);
    case.assert_adds_up();
    for (lead, _) in RAR_SETS {
        let path = scene.target().join(lead);
        assert_eq!(whole(&case, &path), 0, "{lead}");
        assert_eq!(case.row(&path)["container"]["limits"][0], "limit_size", "{lead}");
    }
}

//! Twenty ordinary trees in which nobody staged anything: no staging finding at notice or above. Patient data in them
//! is still counted as data at rest.

use std::path::Path;
use std::process::Command;

use crate::scenarios::{claims, has_seven, messages, noise, outside, scan, scene, seven, staged, table, zip};
use crate::support::{Scene, has_tool};

type Build = fn(&Scene);

/// Name, what is in it, and whether patients are.
const TREES: &[(&str, Build, bool)] = &[
    ("developer's machine", developer, false),
    ("image archive", pacs, false),
    ("mail store", mail, false),
    ("backup server", backups, true),
    ("game library", games, false),
    ("training data", training, false),
    ("package caches", packages, false),
    ("clearing-house mailboxes", clearing_house, true),
    ("interface engine", interfaces, true),
    ("practice management server", practice, true),
    ("fax server", faxes, false),
    ("web server with downloads", downloads, false),
    ("database server with a copy job", database, true),
    ("personnel share", personnel, false),
    ("software deployment share", deployment, false),
    ("virtual machines", machines, false),
    ("student's home", student, false),
    ("photographs", photographs, false),
    ("rotated logs", logs, false),
    ("clinician's documents", clinician, true),
];

fn plain_zip(s: &Scene, out: &str, from: &Path) {
    let out = s.target().join(out);
    std::fs::create_dir_all(out.parent().unwrap()).unwrap();
    if has_tool("zip") {
        assert!(Command::new("zip").args(["-q", "-r"]).arg(&out).arg(".").current_dir(from).status().unwrap().success());
    }
}

fn developer(s: &Scene) {
    for i in 0..30 {
        s.file(&format!("home/dev/src/app/module_{i}.rs"), format!("pub fn f{i}() -> u32 {{ {i} }}\n").repeat(40));
        s.file(&format!("home/dev/.cache/build/obj_{i}.o"), noise(3000 + i));
    }
    s.file(
        "home/dev/src/deploy.sh",
        "#!/bin/sh\nrsync -a target/release/ build@ci.example:/srv/app\ncurl -T app.tar.gz https://repo.example/\n",
    );
    s.file("home/dev/src/.github/release.sh", "7z a -mx9 dist/app.7z target/release\n");
    let from = outside(s, &[("app.bin", noise(70_000)), ("README.md", b"# app\n".to_vec())]);
    plain_zip(s, "home/dev/src/dist/app-1.2.zip", &from);
    plain_zip(s, "tmp/build/1.zip", &from);
    let list: String = (0..40).map(|i| format!("/home/dev/src/app/module_{i}.rs\n")).collect();
    s.file("home/dev/src/files.txt", list);
}

fn pacs(s: &Scene) {
    for i in 0..12 {
        s.file(&format!("srv/orthanc/storage/{i:02x}/a{i}"), noise(90_000));
    }
    s.file("srv/orthanc/orthanc.json", "{\"Name\": \"PACS\"}");
}

fn mail(s: &Scene) {
    for i in 0..20 {
        s.file(
            &format!("var/vmail/clinic.example/ann/cur/{i}.eml"),
            format!("From: a@clinic.example\r\nTo: b@clinic.example\r\nSubject: rota {i}\r\n\r\nSee you on Monday.\r\n"),
        );
    }
    let from = outside(s, &[("minutes.txt", b"minutes of the meeting".to_vec())]);
    zip(s, "var/vmail/clinic.example/ann/attachments/minutes.zip", &from, "minutes");
}

fn backups(s: &Scene) {
    let from = outside(s, &[("db/patients.csv", table(0, 60).into_bytes()), ("db/pad.bin", noise(30_000))]);
    for day in 1..=14 {
        seven(s, &format!("srv/veeam/Repository/nightly-202610{day:02}.7z"), &from, &["-mx1", "-pbackup", "-mhe=on"]);
        plain_zip(s, &format!("D/Backups/Veeam/ehr-2026-10-{day:02}.zip"), &from);
    }
    s.file("srv/veeam/Repository/nightly.vbm", "<BackupMeta/>");
    s.file("etc/cron.d/copy", "5 3 * * * root rclone sync /srv/veeam/Repository offsite:veeam\n");
}

fn games(s: &Scene) {
    for i in 0..6 {
        s.file(&format!("C/Program Files (x86)/Steam/steamapps/common/Game/pak{i:02}.dat"), noise(120_000));
        s.file(&format!("C/Program Files (x86)/Steam/steamapps/common/Game/data.{:03}", i + 1), noise(100_000));
    }
    s.file("C/ProgramData/Game/cache/shader.bin", noise(80_000));
}

fn training(s: &Scene) {
    for i in 0..8 {
        s.file(&format!("data/ml/shards/train-{i:05}-of-00008.tar.zst"), noise(70_000));
        s.file(&format!("data/ml/weights/model-{i}.safetensors"), noise(70_000));
    }
    let rows: String = (0..500).map(|i| format!("{i},{}.{},{}\n", i % 90, i % 7, i % 2)).collect();
    s.file("data/ml/labels.csv", format!("id,score,label\n{rows}"));
    let manifest: String = (0..60).map(|i| format!("/data/ml/shards/train-{i:05}.tar\n")).collect();
    s.file("data/ml/shards/manifest.txt", manifest);
}

fn packages(s: &Scene) {
    let from = outside(s, &[("lib/a.py", b"x = 1\n".to_vec()), ("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\n".to_vec())]);
    for i in 0..6 {
        plain_zip(s, &format!("home/dev/.m2/repository/org/x/{i}/x-{i}.jar"), &from);
        plain_zip(s, &format!("home/dev/.cache/pip/wheels/{i}/x-{i}.whl"), &from);
    }
    s.file("var/cache/apt/archives/x.deb", noise(70_000));
}

fn clearing_house(s: &Scene) {
    for i in 0..6 {
        s.file(&format!("D/Availity/Outbox/claim{i}.837"), claims(i * 10, 10));
        s.file(&format!("D/Availity/Archive/claim{i}.837"), claims(i * 10, 10));
    }
    let from = outside(s, &[("c.837", claims(0, 30).into_bytes())]);
    plain_zip(s, "D/Availity/Archive/2026-10.zip", &from);
}

fn interfaces(s: &Scene) {
    for i in 0..8 {
        s.file(&format!("opt/mirth connect/appdata/archive/adt-{i}.hl7"), messages(i * 5, 5));
    }
    let from = outside(s, &[("adt.hl7", messages(0, 40).into_bytes())]);
    plain_zip(s, "opt/mirth connect/appdata/archive/adt-2026-10.zip", &from);
}

fn practice(s: &Scene) {
    for i in 0..4 {
        s.file(&format!("C/ProgramData/PracticeOne/data/exports/run{i}/patients.csv"), table(i * 20, 20));
    }
    s.file(
        "C/ProgramData/PracticeOne/bin/7za.exe",
        crate::programs::pe(&[("OriginalFilename", "7za.exe"), ("ProductName", "7-Zip")]),
    );
    s.file("C/Program Files/PracticeOne/tools/winscp.exe", crate::programs::pe(&[("OriginalFilename", "winscp.exe")]));
}

fn faxes(s: &Scene) {
    for i in 0..10 {
        s.file(&format!("D/efax/spool/2026110{}12000{i}_6175550{i}.tif", i % 9), [b"II*\0".as_slice(), &noise(4000)].concat());
    }
}

fn downloads(s: &Scene) {
    let from = outside(s, &[("brochure.txt", b"Welcome to our clinic.".to_vec()), ("map.bin", noise(50_000))]);
    plain_zip(s, "var/www/html/downloads/brochures.zip", &from);
    plain_zip(s, "C/inetpub/wwwroot/media/site.zip", &from);
    s.file("var/www/html/index.html", "<html><body>Our clinic</body></html>");
}

fn database(s: &Scene) {
    for day in 1..=8 {
        s.file(&format!("var/lib/pgsql/backups/ehr-2026-10-{day:02}.csv"), table(0, 40));
    }
    s.file("usr/local/bin/offsite.sh", "#!/bin/sh\nrestic -r s3:s3.example/ehr backup /var/lib/pgsql/backups\naws s3 sync /var/lib/pgsql/backups s3://ehr-copies\n");
}

fn personnel(s: &Scene) {
    let from = outside(s, &[("contract.txt", b"contract of employment".to_vec())]);
    for name in ["miller", "jones", "smith"] {
        zip(s, &format!("shares/personnel/contracts/{name}.zip"), &from, "hr");
    }
    s.file("shares/personnel/phones.csv", "name,phone\nFront desk,617-555-0100\nLab,617-555-0101\n");
}

fn deployment(s: &Scene) {
    let from =
        outside(s, &[("setup.exe", crate::programs::pe(&[("OriginalFilename", "setup.exe")])), ("data.bin", noise(90_000))]);
    plain_zip(s, "shares/software/Office/setup.zip", &from);
    zip(s, "C/ProgramData/Package Cache/vendor/payload.zip", &from, "x");
    s.file("shares/software/tools/rclone.exe", crate::programs::pe(&[("OriginalFilename", "rclone.exe")]));
    s.file(
        "shares/software/install.cmd",
        "robocopy \\\\deploy\\software C:\\Install /e\r\n7z a C:\\Install\\log.7z C:\\Install\\logs\r\n",
    );
}

fn machines(s: &Scene) {
    s.file("D/Hyper-V/disk.vhdx", [b"vhdxfile".as_slice(), &noise(120_000)].concat());
    s.file("var/lib/libvirt/images/locked.img", noise(131_072));
}

fn student(s: &Scene) {
    let from = outside(s, &[("essay.txt", b"An essay.".to_vec())]);
    plain_zip(s, "home/kim/Downloads/1.zip", &from);
    plain_zip(s, "tmp/kim/data.zip", &from);
    zip(s, "home/kim/private.zip", &from, "kim");
    s.file("home/kim/.config/rclone/rclone.conf", "[drive]\ntype = drive\nscope = drive\n");
}

fn photographs(s: &Scene) {
    for i in 0..10 {
        s.file(
            &format!("home/kim/Pictures/2026/IMG_{i:04}.jpg"),
            [b"\xff\xd8\xff\xe0\0\x10JFIF\0".as_slice(), &noise(60_000)].concat(),
        );
    }
}

fn logs(s: &Scene) {
    let from = outside(s, &[("access.log", b"10.0.0.1 - - GET /\n".repeat(400).to_vec())]);
    for day in 1..=10 {
        plain_zip(s, &format!("C/inetpub/logs/archive/u_ex2610{day:02}.zip"), &from);
        s.file(&format!("var/log/nginx/access.log.{day}"), "10.0.0.1 - - GET /\n".repeat(50));
    }
}

fn clinician(s: &Scene) {
    s.file("C/Users/ann/Documents/recalls.csv", table(0, 40));
    let from = outside(s, &[("recalls.csv", table(0, 40).into_bytes())]);
    plain_zip(s, "C/Users/ann/Documents/recalls-2026.zip", &from);
    s.file("C/Users/ann/AppData/Local/Temp/~recalls.csv", table(0, 40));
}

#[test]
fn ordinary_trees_are_no_staging() {
    let _ = has_seven();
    for (name, build, patients) in TREES {
        let s = scene();
        build(&s);
        let case = scan(&s, &[]);
        let (level, score, ids) = staged(&case);
        println!("{name}: {level} {score} {ids:?}");
        assert!(matches!(level.as_str(), "none" | "info"), "{name}: {level} {score} {ids:?}");
        assert_eq!(!case.of("phi_at_rest").is_empty(), *patients, "{name}");
    }
}

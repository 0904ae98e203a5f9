//! `--case-key` and `--sealed-annex`: people of several hosts counted once, and full names for one reader.

use std::io::Read;

use wardround::report::RegistersFile;

use crate::support::{Case, Scene};

const TABLE: &str = "mrn,last name,first name,dob,diagnosis\n00412345,Zweigenthal,Araminta,1947-08-13,E11.9\n00412346,Quillfeather,Ambrose,1951-02-03,I10.1\n";

fn registers(case: &Case) -> RegistersFile {
    let text = std::fs::read(case.dir.join("registers.json")).expect("registers.json");
    serde_json::from_slice(&text).expect("registers")
}

#[test]
fn people_of_two_hosts_under_one_key() {
    let scene = Scene::new();
    let key = scene.beside("clinic.key");
    std::fs::write(&key, "00112233445566778899aabbccddeeff102132435465768798a9babbdcdedfef\n").unwrap();
    scene.file("east.csv", TABLE);
    let flags = ["--case-key", key.to_str().unwrap(), "--no-default-rules"];
    let east = registers(&scene.scan(&flags));
    // The other host knows one of them and another.
    scene.file("east.csv", TABLE.replace("00412345", "00500000").replace("Zweigenthal", "Kwozubita"));
    let case = scene.scan(&flags);
    let west = registers(&case);
    assert_eq!(east.key_id, west.key_id);
    let mut both = east.people().unwrap();
    both.union(&west.people().unwrap());
    assert_eq!((east.people().unwrap().estimate(), west.people().unwrap().estimate(), both.estimate()), (2, 2, 3));
    // Neither the key nor a name is anywhere in the case.
    for entry in walkdir::WalkDir::new(&case.dir).into_iter().flatten().filter(|e| e.file_type().is_file()) {
        let text = String::from_utf8_lossy(&std::fs::read(entry.path()).unwrap()).to_lowercase();
        assert!(!text.contains("00112233445566778899") && !text.contains("kwozubita"), "{}", entry.path().display());
    }
    // Another key, other registers; and without one there are none.
    std::fs::write(&key, [1, 2].repeat(16)).unwrap();
    let other = registers(&scene.scan(&flags));
    assert!(other.key_id != east.key_id && other.people() != west.people());
    assert!(!scene.scan(&["--no-default-rules"]).dir.join("registers.json").exists());
}

#[test]
fn a_file_that_is_no_key_is_a_usage_error() {
    let scene = Scene::new();
    scene.file("a.txt", "nothing");
    let key = scene.beside("short.key");
    std::fs::write(&key, "secret-but-short").unwrap();
    let case = scene.scan(&["--case-key", key.to_str().unwrap()]);
    assert_eq!(case.exit(), 64);
    assert!(case.stderr().contains("64 hexadecimal digits") && !case.stderr().contains("secret"), "{}", case.stderr());
    let annex = scene.scan(&["--sealed-annex", "nobody"]);
    assert_eq!(annex.exit(), 64);
    assert!(annex.stderr().contains("age1"), "{}", annex.stderr());
}

#[test]
fn what_is_masked_is_in_the_annex_for_one_reader() {
    let scene = Scene::new();
    scene.file("Zweigenthal, Araminta.csv", TABLE);
    scene.file("stock.csv", "sku,count\nA,1\n");
    let identity = age::x25519::Identity::generate();
    let recipient = identity.to_public().to_string();
    let case = scene.scan(&["--sealed-annex", &recipient, "--no-default-rules"]);
    case.assert_adds_up();
    let sealed = std::fs::read(case.dir.join("annex.jsonl.age")).expect("an annex");
    let mut text = String::new();
    let decryptor = age::Decryptor::new(sealed.as_slice()).unwrap();
    decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).unwrap().read_to_string(&mut text).unwrap();
    let rows: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(rows.len(), 1, "{text}");
    assert!(rows[0]["full"].as_str().unwrap().ends_with("/Zweigenthal, Araminta.csv"));
    assert!(rows[0]["path"].as_str().unwrap().ends_with("/Aa, Aa.csv"));
    let manifest = std::fs::read_to_string(case.dir.join("manifest.json")).unwrap();
    assert!(manifest.contains("annex.jsonl.age"));
}

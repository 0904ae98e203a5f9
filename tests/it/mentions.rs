//! Listed addresses in content, from outside.

use crate::support::Scene;
use serde_json::Value;

const LIST: &str =
    "# Group X\nevil.com;95\nhxxp://files.bad[.]org/Drop/gate.php;90\nbad@evil.com;85\n10.66.0.0/16;80\nbücher.example;70\n";

fn scene(files: &[(&str, &[u8])]) -> crate::support::Case {
    let scene = Scene::new();
    for (name, content) in files {
        scene.file(name, content);
    }
    let list = scene.beside("c2-iocs.txt");
    std::fs::write(&list, LIST).unwrap();
    let case = scene.scan(&["--no-default-iocs", "--no-default-rules", "--ioc", list.to_str().unwrap()]);
    case.assert_adds_up();
    case
}

/// Reason ids with weights of the finding on a file, strongest first.
fn reasons(case: &crate::support::Case, name: &str) -> Vec<(String, i64)> {
    let finding = case.of("ioc").into_iter().find(|f| f["path"].as_str().is_some_and(|p| p.ends_with(name)));
    let list = finding.and_then(|f| f["reasons"].as_array().cloned()).unwrap_or_default();
    list.iter().map(|r| (r["id"].as_str().unwrap_or_default().to_owned(), r["weight"].as_i64().unwrap_or(0))).collect()
}

fn sqlite(tables: &str, content: &str) -> Vec<u8> {
    [b"SQLite format 3\0".as_slice(), tables.as_bytes(), &[0; 64], content.as_bytes()].concat()
}

#[test]
fn a_record_of_contact_weighs_more_than_a_mention() {
    let squid = "1286536309.586 92 10.0.0.1 TCP_MISS/200 507 GET http://evil.com/x - DIRECT/1.2.3.4 text/html\n";
    let dns = "1/2/2026 1:00:00 PM 0E4C PACKET  00000 UDP Rcv 10.0.0.1 A (3)www(4)evil(3)com(0)\n";
    let history = sqlite("CREATE TABLE urls(id)CREATE TABLE visits(id)", "http://evil.com/x");
    let case = scene(&[
        ("report.txt", b"the group used evil.com"),
        ("access.log", squid.as_bytes()),
        ("dns.log", dns.as_bytes()),
        ("History", &history),
        ("clean.log", squid.replace("evil", "fine").as_bytes()),
    ]);
    let one = |id: &str, weight| vec![(id.to_owned(), weight)];
    assert_eq!(reasons(&case, "report.txt"), one("c2.content", 60));
    assert_eq!(reasons(&case, "access.log"), one("c2.log", 80));
    assert_eq!(reasons(&case, "dns.log"), one("c2.log", 80));
    assert_eq!(reasons(&case, "History"), one("c2.browser", 80));
    assert!(reasons(&case, "clean.log").is_empty());
    let text = case.of("ioc").iter().map(|f| f.to_string()).collect::<String>();
    assert!(!text.contains("TCP_MISS") && !text.contains("10.0.0.1"), "no surroundings of a match");
}

#[test]
fn a_hosts_file_that_blocks_is_no_contact() {
    let case = scene(&[
        ("a/etc/hosts", b"127.0.0.1 localhost\n0.0.0.0 evil.com\n"),
        ("b/etc/hosts", b"127.0.0.1 localhost\n10.66.1.2 update.vendor.com\n# evil.com\n"),
        ("c/etc/hosts", b"127.0.0.1 localhost\n"),
    ]);
    assert_eq!(reasons(&case, "a/etc/hosts"), [("c2.hosts".to_owned(), 20)]);
    assert_eq!(reasons(&case, "b/etc/hosts"), [("c2.hosts".to_owned(), 80), ("c2.hosts".to_owned(), 20)]);
    assert!(reasons(&case, "c/etc/hosts").is_empty());
}

#[test]
fn urls_mail_and_other_scripts() {
    let wide: Vec<u8> = "see https://BÜCHER.example/ now".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let program = [
        b"\x7f\x01\x02".as_slice(),
        &"files.bad.org/Drop/gate.php?id=1".encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>(),
    ]
    .concat();
    let case = scene(&[
        ("json.txt", br#"{"u":"https:\/\/files.bad.org:8443\/Drop\/gate.php"}"#),
        ("nested.txt", b"x?u=https%3A%2F%2Ffiles.bad.org%2FDrop%2Fgate.php&y"),
        ("case.txt", b"https://files.bad.org/drop/gate.php https://files.bad.org/ files.bad.org/Drop/gate.phpx"),
        ("mail.txt", b"To: <BAD@Evil.com>"),
        ("othermail.txt", b"To: <xbad@evil.com.au>"),
        ("wide.txt", &wide),
        ("puny.txt", b"xn--bcher-kva.example"),
        ("strings.bin", &program),
        ("mapped.txt", b"from ::ffff:0a42:0102"),
    ]);
    let sources = |name: &str| -> Vec<i64> {
        let mut lines: Vec<i64> = case
            .of("ioc")
            .into_iter()
            .filter(|f| f["path"].as_str().is_some_and(|p| p.ends_with(&format!("/{name}"))))
            .flat_map(|f| f["reasons"].as_array().cloned().unwrap_or_default())
            .filter_map(|r: Value| r["source"].as_str()?.rsplit(':').next()?.parse().ok())
            .collect();
        lines.sort_unstable();
        lines
    };
    for name in ["json.txt", "nested.txt", "strings.bin"] {
        assert_eq!(sources(name), [3], "{name}");
    }
    assert_eq!(sources("case.txt"), [0i64; 0]);
    assert_eq!(sources("mail.txt"), [2, 4]);
    assert_eq!(sources("othermail.txt"), [0i64; 0]);
    assert_eq!(sources("wide.txt"), [6]);
    assert_eq!(sources("puny.txt"), [6]);
    assert_eq!(sources("mapped.txt"), [5]);
}

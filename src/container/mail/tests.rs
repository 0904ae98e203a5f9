use std::io::Cursor;

use super::*;
use crate::container::Limits;
use crate::container::testing::*;

/// `email.message` of Python: a letter in text and HTML with a zip, a table in Latin-1 and a letter attached; and three
/// letters in a mailbox, of which the second has the zip.
const LETTER: &[u8] = include_bytes!("../../../tests/fixtures/container/eml.eml");
const MAILBOX: &[u8] = include_bytes!("../../../tests/fixtures/container/mbox.mbox");

fn letter(headers: &str, body: &str) -> Vec<u8> {
    format!("From: a@b.example\r\nTo: c@d.example\r\nSubject: x\r\nMIME-Version: 1.0\r\n{headers}\r\n\r\n{body}").into_bytes()
}

/// A part behind the boundary `B`.
fn part(headers: &str, body: &str) -> String {
    format!("--B\r\n{headers}\r\n\r\n{body}\r\n")
}

fn mixed(parts: &[String]) -> Vec<u8> {
    letter("Content-Type: multipart/mixed; boundary=B", &format!("{}--B--\r\n", parts.concat()))
}

#[test]
fn what_is_attached_comes_out() {
    let tree = open_with(LETTER, "x.eml", Limits::default(), Tree { recurse: true, ..Tree::default() });
    assert_eq!(tree.gaps(), []);
    assert_eq!(
        tree.names(),
        ["part-2.txt", "part-3.html", "records.zip", "one.txt", "f\u{fc}r Sie.csv", "part-6.eml", "inner.bin"]
    );
    assert_eq!(tree.content("one.txt"), Some(&b"in the attached archive\n"[..]));
    assert_eq!(tree.content("f\u{fc}r Sie.csv"), Some(&b"name;ort\r\nX;K\xf6ln\r\n"[..]), "as it was attached, not as UTF-8");
    assert_eq!(tree.content("inner.bin"), Some(&[0, 1, 2, 255][..]));
    assert_eq!(tree.opened.iter().map(|e| e.facts.format.as_str()).collect::<Vec<_>>(), ["zip", "eml", "eml"]);
}

#[test]
fn mailboxes() {
    let tree = open_with(MAILBOX, "x.mbox", Limits::default(), Tree { recurse: true, ..Tree::default() });
    assert_eq!((tree.names(), tree.gaps()), (["2/records.zip", "one.txt"].map(str::to_owned).to_vec(), vec![]));
    // However it is cut into pieces.
    let long = [b"From a\nFrom: x\nTo: y\nSubject: z\n\n", &b"line\n".repeat(200_000)[..], b"\n", MAILBOX].concat();
    let tree = open(&long, "x.mbox");
    assert_eq!(tree.names(), ["3/records.zip"]);
    let mut input = Cursor::new(long.clone());
    let mut messages = Messages::new(&mut input, 100_000);
    let mut lengths = Vec::new();
    while let Some(message) = messages.next().unwrap() {
        lengths.push(message.map(<[u8]>::len));
    }
    assert_eq!((lengths.len(), lengths[0]), (4, None), "{lengths:?}");
    assert_eq!(lengths[1..].iter().flatten().sum::<usize>(), MAILBOX.len());
    let tree = open_with(&long, "x.mbox", Limits { decoder_memory: 100_000, ..Limits::default() }, Tree::default());
    assert_eq!((tree.names(), tree.gaps()), (vec!["3/records.zip".to_owned()], vec![GapReason::LimitMemory]));
}

#[test]
fn names_of_every_kind() {
    let named = |headers: &str| {
        let tree = open(&mixed(&[part(&format!("{headers}\r\nContent-Transfer-Encoding: base64"), "AAEC")]), "x.eml");
        assert_eq!(tree.seen[0].content.as_deref(), Some(&[0, 1, 2][..]), "{headers}");
        tree.names().remove(0)
    };
    let octets = "Content-Type: application/octet-stream";
    assert_eq!(named(&format!("{octets}; name=a.bin")), "a.bin");
    assert_eq!(named(&format!("{octets}\r\nContent-Disposition: attachment; filename=\"b c.bin\"")), "b c.bin");
    assert_eq!(named(&format!("{octets}\r\nContent-Disposition: attachment; filename*=UTF-8''f%C3%BCr.bin")), "f\u{fc}r.bin");
    assert_eq!(
        named(&format!("{octets}\r\nContent-Disposition: attachment; filename*0=\"long-\"; filename*1=\"name.bin\"")),
        "long-name.bin"
    );
    assert_eq!(named(&format!("{octets}\r\nContent-Disposition: attachment; filename=\"=?utf-8?B?w7wuYmlu?=\"")), "\u{fc}.bin");
    assert_eq!(named(octets), "part-1.bin");
}

#[test]
fn bodies_that_hide_nothing_are_no_members() {
    let plain = letter("Content-Type: text/plain", "Only text, and no attachment.");
    let probe = Probe { head: &plain, tail: &plain, body: &plain, size: plain.len() as u64, name: b"x", volumes: None };
    assert!(Eml.probe(&probe), "the word alone");
    assert_eq!(open(&plain, "x.eml").seen.len(), 0);
    let plain = letter("Content-Type: text/plain", "Only text.");
    assert!(open(&plain, "x.eml").opened.is_empty());
    // The same in base64 can't be seen by a rule otherwise.
    let hidden = letter("Content-Type: text/plain\r\nContent-Transfer-Encoding: base64", "T25seSB0ZXh0Lg==");
    let tree = open(&hidden, "x.eml");
    assert_eq!((tree.names(), tree.content("part-0.txt")), (vec!["part-0.txt".to_owned()], Some(&b"Only text."[..])));
}

#[test]
fn odd_encodings_are_read_as_programs_do() {
    let attached = "Content-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64";
    let tree = open(&mixed(&[part(attached, "UEsD*BA==")]), "x.eml");
    assert_eq!((tree.content("a.zip"), tree.gaps()), (Some(&b"PK\x03\x04"[..]), vec![]));
    assert_eq!(opened(&tree).facts.notes, ["irregular_encoding"]);
    let eight = "Content-Type: application/octet-stream; name=b\r\nContent-Transfer-Encoding: 8bit";
    assert_eq!(open(&mixed(&[part(eight, "as it is")]), "x.eml").content("b"), Some(&b"as it is"[..]));
}

#[test]
fn limits_hold() {
    let many: Vec<String> = (0..20)
        .map(|n| part(&format!("Content-Type: text/csv; name={n}.csv\r\nContent-Transfer-Encoding: base64"), "MQ=="))
        .collect();
    let tree = open_with(&mixed(&many), "x.eml", Limits { members: 5, ..Limits::default() }, Tree::default());
    assert_eq!((tree.seen.len(), tree.gaps()), (5, vec![GapReason::LimitCount]));
    let tree = open_with(LETTER, "x.eml", Limits { total_bytes: 20, ..Limits::default() }, Tree::default());
    assert!(tree.gaps().contains(&GapReason::LimitSize));
    // Messages inside each other end at the limit of nesting.
    let mut deep = letter("Content-Type: text/plain; name=a.txt", "x");
    for _ in 0..20 {
        deep = [&letter("Content-Type: message/rfc822", "")[..], &deep].concat();
    }
    let tree = open_with(&deep, "x.eml", Limits { depth: 4, ..Limits::default() }, Tree { recurse: true, ..Tree::default() });
    assert_eq!(tree.gaps(), [GapReason::LimitDepth]);
    let more = letter("Content-Type: message/rfc822", "").repeat(200);
    assert_eq!(open(&more, "x.eml").gaps(), [GapReason::LimitDepth]);
}

#[test]
fn damage_does_no_harm() {
    for (bytes, name) in [(LETTER, "x.eml"), (MAILBOX, "x.mbox")] {
        for cut in (0..bytes.len()).step_by(7) {
            let tree = open_with(&bytes[..cut], name, Limits::default(), Tree { recurse: true, ..Tree::default() });
            assert!(tree.seen.len() < 20);
        }
    }
    mutations(&mixed(&[part("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64", "RnJvbTogYQ0K")]), "x.eml");
}

//! Contents so common that their digests accuse nobody.
//!
//! Feeds list the digests of empty files, single newlines and words such as `test` again and again
//! (Neo23x0/Loki issues 8, 99 and 100); they are refused when an indicator file is read.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::hash::{HashValue, digests_of};

/// What a digest belongs to, where that is a trivial content.
pub fn trivial(hash: &HashValue) -> Option<&'static str> {
    static TABLE: OnceLock<BTreeMap<HashValue, String>> = OnceLock::new();
    TABLE.get_or_init(table).get(hash).map(String::as_str)
}

const WORDS: &[&str] = &[
    "test",
    "Test",
    "TEST",
    "testing",
    "foo",
    "bar",
    "foobar",
    "baz",
    "yes",
    "no",
    "ok",
    "OK",
    "true",
    "false",
    "null",
    "none",
    "None",
    "0",
    "1",
    "a",
    "A",
    "x",
    "hello",
    "Hello",
    "hello world",
    "Hello World",
    "Hello, World!",
    "Hello World!",
    "password",
    "admin",
    "{}",
    "[]",
    "-",
];

/// One-pixel images as web pages have used them for decades.
const PIXELS: &[(&str, &[u8])] = &[
    (
        "a one-pixel GIF",
        b"GIF89a\x01\0\x01\0\x80\0\0\xff\xff\xff\0\0\0!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;",
    ),
    ("a one-pixel GIF", b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x01D\0;"),
    ("a one-pixel GIF", b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\0\0\0!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;"),
];

/// The end-of-directory record alone: a zip without members, also an empty Office or Java package.
const EMPTY_ZIP: &[u8] = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

fn table() -> BTreeMap<HashValue, String> {
    let mut table = BTreeMap::new();
    let mut add = |content: &[u8], words: String| {
        for digest in digests_of(content) {
            table.entry(digest).or_insert_with(|| words.clone());
        }
    };
    add(b"", "an empty file".into());
    for (content, words) in [
        (&b"\n"[..], "a single line feed"),
        (b"\r\n", "a single line end"),
        (b"\r", "a single carriage return"),
        (b"\n\n", "two line feeds"),
        (b"\r\n\r\n", "two line ends"),
        (b"\0", "a single zero byte"),
        (b" ", "a single blank"),
        (b"\xef\xbb\xbf", "a byte order mark"),
        (b"\xff\xfe", "a byte order mark"),
        (EMPTY_ZIP, "an empty zip archive"),
    ] {
        add(content, words.into());
    }
    for (words, content) in PIXELS {
        add(content, (*words).into());
    }
    for power in 1..=20u32 {
        let size = 1usize << power;
        add(&vec![0; size], format!("{size} zero bytes"));
    }
    for word in WORDS {
        for end in ["", "\n", "\r\n"] {
            add(format!("{word}{end}").as_bytes(), format!("the text \"{word}\""));
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_digests_of_nothing_are_known() {
        for (hex, words) in [
            ("d41d8cd98f00b204e9800998ecf8427e", "an empty file"),
            ("da39a3ee5e6b4b0d3255bfef95601890afd80709", "an empty file"),
            ("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "an empty file"),
            ("68b329da9893e34099c7d8ad5cb9c940", "a single line feed"),
            ("81051bcc2cf1bedf378224b0a93e2877", "a single line end"),
            ("93b885adfe0da089cdf634904fd59f71", "a single zero byte"),
            ("a94a8fe5ccb19ba61c4c0873d391e987982fbbd3", "the text \"test\""),
            ("acbd18db4cc2f85cedef654fccc4a4d8", "the text \"foo\""),
            ("bf619eac0cdf3f68d496ea9344137e8b", "512 zero bytes"),
            ("620f0b67a91f7f74151bc5be745b7110", "4096 zero bytes"),
        ] {
            assert_eq!(trivial(&HashValue::parse(hex).unwrap()), Some(words), "{hex}");
        }
        assert_eq!(trivial(&HashValue::parse("44d88612fea8a8f36de82e1278abb02f").unwrap()), None);
    }
}

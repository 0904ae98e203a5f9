//! Names that steer a terminal, read as markup, a formula or a command, hide or reorder text, or are no text at all.

use super::make::zip::{stored, zip};
use super::{Input, classes};

/// What a name does, and such names. `/` and NUL are in none that becomes a file's: no file system takes them.
const NAMES: &[(&str, &[&[u8]])] = &[
    ("names that are no UTF-8", &[b"bad\xff\xfe", b"over\xc0\xaflong", b"wtf\xed\xa0\x80", b"caf\xe9"]),
    (
        "names with control characters",
        &[
            b"x\nwardround: no finding, coverage complete",
            b"x\rALL CLEAR",
            b"\ttab",
            b"a\x1b[2J\x1b[1;1Hb",
            b"\x1b]0;owned\x07x",
            b"a\x08\x08\x07b",
            b"del\x7fx",
            "\u{9b}2Jc1".as_bytes(),
            "\u{9d}0;t\u{9c}c1".as_bytes(),
            "\u{85}nel".as_bytes(),
        ],
    ),
    (
        "names that reorder or hide text",
        &[
            "invoice\u{202e}fdp.exe".as_bytes(),
            "\u{202a}\u{202b}\u{202c}\u{202d}embed".as_bytes(),
            "\u{2066}a\u{2067}b\u{2068}c\u{2069}".as_bytes(),
            "\u{61c}\u{200e}\u{200f}marks".as_bytes(),
            "zero\u{200b}\u{200c}\u{200d}\u{2060}width".as_bytes(),
            "\u{feff}bom".as_bytes(),
            "a\u{2028}b\u{2029}c".as_bytes(),
            "soft\u{ad}hy\u{180e}phen".as_bytes(),
            "\u{e0041}\u{e007f}tags".as_bytes(),
            "\u{fff9}a\u{fffa}b\u{fffb}c".as_bytes(),
        ],
    ),
    ("names that are formulas", &[b"=cmd|' /C calc'!A1", b"+1+1", b"-2+3", b"@SUM(1+1)"]),
    (
        "names that are markup",
        &[
            b"<script>alert(1)</script>",
            b"\"><img src=x onerror=alert(1)>",
            b"</style><svg onload=alert(1)>",
            b"![x](http://evil.test/a) [l](javascript:1)",
            b"| a | b | `c` **d** # e",
            b"]]>&lt;<![CDATA[&xxe;",
            b"{{7*7}}${7*7}<%=7*7%>",
        ],
    ),
    ("names that are commands", &[b"-rf", b"$(id)`id`;id&&id", b"%s%n%x%08d", b"a\"b]c\\d=e|f"]),
    (
        "names that look like others",
        &["caf\u{e9}".as_bytes(), "cafe\u{301}".as_bytes(), b"end ", b"end.", b"CON", b"a\\u{202e}b\\x1b\\n", b"'quoted'"],
    ),
    ("names as long as they can be", &[&[b'l'; 255]]),
];

/// Every name.
pub fn each() -> impl Iterator<Item = &'static [u8]> {
    NAMES.iter().flat_map(|(_, names)| names.iter().copied())
}

/// The name as a file can have it.
pub fn of_file(name: &[u8]) -> Vec<u8> {
    name.iter().map(|b| if *b == b'/' { b'_' } else { *b }).collect()
}

pub fn all() -> Vec<Input> {
    let files = NAMES
        .iter()
        .flat_map(|&(class, names)| names.iter().map(move |name| Input { class, ..Input::new(of_file(name), "named", &[]) }));
    let members = each()
        .enumerate()
        .map(|(n, name)| Input { rows: Some(1), ..Input::new(format!("member-{n}.zip"), zip(&[stored(name, b"named")]), &[]) });
    files.chain(classes([("names of members", members.collect())])).collect()
}

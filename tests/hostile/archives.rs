//! Archives made to hurt. The list is that of the hostile inputs every scanner of archives is tried with.

use sha2::{Digest, Sha256};

use super::make::packed::{bz2, cpio, gz, lzip, lzma, rar4, rar5, sevenz, xz, xz_dictionary, zst};
use super::make::quine;
use super::make::tar::{Head, binary, entry, file, link, octal, old_sparse, pax, record, tape};
use super::make::zip::{
    Part, central, deflate, deflated, end, halves, local, many_names, nested, quoting, stored, wide, zip, zip64,
};
use super::{Input, classes};

pub fn all() -> Vec<Input> {
    [nesting(), names(), headers(), giants(), windows(), ratios(), counts(), damage()].into_iter().flatten().collect()
}

fn fixture(name: &str) -> Vec<u8> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/container");
    std::fs::read(folder.join(name)).expect("a fixture")
}

/// The fixture with its byte `from_end` before the end changed.
fn flipped(name: &str, from_end: usize) -> Vec<u8> {
    let mut bytes = fixture(name);
    let at = bytes.len() - from_end;
    bytes[at] ^= 0x55;
    bytes
}

fn half(name: &str) -> Vec<u8> {
    let bytes = fixture(name);
    bytes[..bytes.len() * 2 / 3].to_vec()
}

fn bomb(name: &'static str, bytes: Vec<u8>, says: &'static [&'static str], notes: &'static [&'static str], rows: usize) -> Input {
    Input { notes: Some(notes), rows: (rows != usize::MAX).then_some(rows), ..Input::new(name, bytes, says) }
}

fn with(flags: &'static [&'static str], input: Input) -> Input {
    Input { flags, ..input }
}

/// Names that leave a folder, can't be written, or look like others.
fn slips() -> Vec<Vec<u8>> {
    let long = "long".repeat(16_000);
    let deep = "d/".repeat(3_000) + "x";
    let names: [&[u8]; 20] = [
        b"../../etc/cron.d/x",
        b"..\\..\\Windows\\x.exe",
        b"/etc/passwd",
        b"//server/share/x",
        b"\\\\server\\share\\x",
        b"\\\\?\\C:\\x",
        b"C:\\Windows\\System32\\x.dll",
        b"C:relative",
        b"a/\0b",
        b"a.txt\0.exe",
        b"CON",
        b"nul.txt",
        b"COM1.log",
        b"x.txt:stream",
        b"trailing. ",
        "invoice\u{202e}fdp.exe".as_bytes(),
        "zero\u{200b}width".as_bytes(),
        b"\xff\xfe\x80",
        b"Twin.TXT",
        b"twin.txt",
    ];
    names.into_iter().map(<[u8]>::to_vec).chain([long.into_bytes(), deep.into_bytes()]).collect()
}

/// Each of the inner members stands behind a name of 60,000 bytes.
fn names_around() -> Vec<u8> {
    let inner: Vec<Part> = (0..3_000).map(|n| stored(format!("{n}"), b"")).collect();
    zip(&[deflated("n".repeat(60_000), &zip(&inner))])
}

fn nesting() -> Vec<Input> {
    let mut gzip = gz(b"core");
    for _ in 0..20 {
        gzip = gz(&gzip);
    }
    let megabyte = vec![0; 1 << 20];
    classes([
        (
            "archives in archives",
            vec![
                with(
                    &["--max-expand", "48M"],
                    bomb("levels-bytes.zip", nested(6, 16, &megabyte), &["limit_size"], &[], usize::MAX),
                ),
                with(&["--max-members", "500"], bomb("levels-members.zip", nested(6, 16, &megabyte), &["limit_count"], &[], 500)),
                bomb("levels-depth.zip", nested(20, 1, b"core"), &["limit_depth"], &[], 8),
                bomb("levels-depth.gz", gzip, &["limit_depth"], &[], 8),
                bomb("mixed.tar.gz", gz(&tape(&[file(b"a.zip", &nested(9, 1, b"core"))])), &["limit_depth"], &[], 8),
                bomb("names-around.zip", names_around(), &["limit_memory"], &[], usize::MAX),
            ],
        ),
        (
            "archives that hold themselves",
            vec![
                bomb("quine.zip", quine::zip(), &["limit_depth"], &[], 8),
                bomb("quine.gz", quine::gz(), &["limit_depth"], &[], 8),
            ],
        ),
        (
            "entries that share bytes",
            vec![
                bomb(
                    "one-entry-many-names.zip",
                    many_names(300, &deflated("kernel", &vec![0; 4 << 20])),
                    &["limit_ratio"],
                    &["header_mismatch", "overlapping_entries"],
                    300,
                ),
                bomb(
                    "quoting-entries.zip",
                    quoting(200, &deflated("kernel", &vec![0; 1 << 20])),
                    // What the entries hold starts with a header of the next: a zip without a directory.
                    &["limit_ratio", "malformed"],
                    &["overlapping_entries"],
                    221,
                ),
            ],
        ),
    ])
}

fn names() -> Vec<Input> {
    let parts: Vec<Part> = slips().iter().map(|name| stored(name, name)).collect();
    let entries: Vec<Vec<u8>> =
        slips().iter().flat_map(|name| [pax(b'x', &[record("path", name)]), file(b"short", name)]).collect();
    let megabyte = vec![b'n'; (1 << 20) - 20];
    let global = pax(b'g', &[record("path", &megabyte)]);
    let many: Vec<Vec<u8>> = std::iter::once(global).chain((0..600).map(|_| file(b"a", b""))).collect();
    let link_then_file = [Part { mode: 0o120_777, ..stored("door", b"/etc") }, stored("door/passwd", b"root::0:0")];
    classes([
        (
            "names that lead elsewhere",
            vec![bomb("slips.zip", zip(&parts), &[], &[], 22), bomb("slips.tar", tape(&entries), &[], &[], 22)],
        ),
        (
            "names that come twice, or not at all",
            vec![
                bomb(
                    "twins.zip",
                    zip(&[stored("a", b"one"), stored("a", b"two"), deflated("a", b"three")]),
                    &[],
                    &["duplicate_name"],
                    3,
                ),
                bomb("twins.tar", tape(&[file(b"a", b"one"), file(b"a", b"two")]), &[], &[], 2),
                bomb("empty-name.zip", zip(&[stored("", b"x"), stored("/", b"y")]), &[], &[], 2),
                bomb("a-name-for-all.tar.gz", gz(&tape(&many)), &["limit_memory"], &[], 129),
                bomb("through-a-link.zip", zip(&link_then_file), &[], &[], 2),
            ],
        ),
        (
            "links in archives",
            vec![bomb(
                "links.tar",
                tape(&[
                    link(b"a", b'2', b"b"),
                    link(b"b", b'2', b"a"),
                    link(b"self", b'2', b"self"),
                    link(b"hard", b'1', b"hard"),
                    link(b"out", b'1', b"/etc/shadow"),
                    link(b"up", b'2', b"../../.."),
                    file(b"up/x", b"through the link"),
                ]),
                &["link_member"],
                &[],
                7,
            )],
        ),
    ])
}

fn headers() -> Vec<Input> {
    let text = b"Nobody in this text is real. ".repeat(9);
    let mismatch = |part: Part| zip(&[part, stored("after", b"after")]);
    let other = |name: &'static str, part: Part, says, rows| bomb(name, mismatch(part), says, &["header_mismatch"], rows);
    let (body, directory) = halves(&[stored("a", b"first"), stored("b", b"second")]);
    let between = [&body[..36], &b"garbage ".repeat(50)[..], &local(&stored("hidden", b"third")), b"more"].concat();
    let listed = central(&stored("a", b"first"), 0);
    let one = |before: &[u8], behind: &[u8], comment: &[u8]| {
        let end = end(1, listed.len(), body[..36].len(), comment);
        [before, &body[..36], &listed, &end, behind].concat()
    };
    let second = one(b"", b"", b"");
    let mut cut_comment = one(b"MZ program", b"", b"");
    *cut_comment.last_mut().expect("an end record") = 0x80;
    let mut wrong_sum = file(b"a", b"x");
    wrong_sum[0] ^= 1;
    classes([
        (
            "two headers that differ",
            vec![
                other("name.zip", Part { local_name: Some(b"invoice.exe".to_vec()), ..stored("invoice.txt", &text) }, &[], 2),
                other("size.zip", Part { local_size: Some(5), ..stored("a", &text) }, &[], 2),
                other("method.zip", Part { local_method: Some(0), ..deflated("a", &text) }, &["malformed"], 3),
                bomb(
                    "flags.zip",
                    mismatch(Part { local_flags: Some(1), ..stored("a", &text) }),
                    &[],
                    &["false_encryption_flag", "header_mismatch"],
                    3,
                ),
                bomb(
                    "flag-lies.zip",
                    zip(&[Part { flags: 1, ..stored("a", &text) }, Part { flags: 1, ..stored("b", b"") }]),
                    &[],
                    &["false_encryption_flag"],
                    2,
                ),
            ],
        ),
        (
            "methods and sums that are wrong",
            vec![
                bomb("method-unknown.zip", zip(&[Part { method: 77, ..stored("a", &text) }]), &["unsupported_method"], &[], 1),
                bomb(
                    "crc.zip",
                    zip(&[Part { crc: 1, ..stored("a", &text) }, Part { crc: 1, ..deflated("b", &text) }]),
                    &["malformed"],
                    &[],
                    2,
                ),
            ],
        ),
        (
            "where a zip ends",
            vec![
                bomb(
                    "garbage-between.zip",
                    [&between[..], &listed, &end(1, listed.len(), between.len(), b"")].concat(),
                    &[],
                    &["hidden_member"],
                    2,
                ),
                bomb("prefix.zip", one(&b"MZ program".repeat(100), b"", b""), &[], &["prefix_data"], 1),
                bomb("cut-comment.exe", cut_comment, &[], &["prefix_data"], 1),
                bomb("trailing.zip", one(b"", &b"trailing ".repeat(100), b""), &[], &["trailing_data"], 1),
                bomb("two-ends.zip", [&second[..], &one(b"", b"", b"")].concat(), &[], &["hidden_member", "prefix_data"], 2),
                bomb(
                    "end-in-comment.zip",
                    one(b"", b"", &[&body[36..], &end(0, 0, 0, b"")].concat()),
                    &[],
                    &["ambiguous_end", "hidden_member"],
                    2,
                ),
                bomb("no-directory.zip", body.clone(), &["malformed"], &[], 2),
                bomb(
                    "count.zip",
                    [&body[..], &directory, &end(9, directory.len(), body.len(), b"")].concat(),
                    &["malformed"],
                    &["count_mismatch"],
                    2,
                ),
            ],
        ),
        (
            "tapes behind tapes",
            vec![
                bomb("sum.tar", tape(&[file(b"b", b"y"), wrong_sum, file(b"c", b"z")]), &["malformed"], &[], 2),
                bomb("two-tapes.tar", [tape(&[file(b"a", b"x")]), tape(&[file(b"b", b"y")])].concat(), &[], &[], 2),
                bomb(
                    "garbage-behind.tar",
                    [tape(&[file(b"a", b"x")]), b"garbage ".repeat(128)].concat(),
                    &[],
                    &["trailing_data"],
                    1,
                ),
                bomb("endless-zeros.tar.gz", gz(&[&tape(&[file(b"a", b"x")])[..], &vec![0; 48 << 20]].concat()), &[], &[], 2),
            ],
        ),
        (
            "locked archives",
            vec![
                bomb("zip-aes.zip", fixture("zip-aes.zip"), &["encrypted"], &[], 2),
                bomb("7z-hidden.7z", fixture("7z-hidden.7z"), &["encrypted"], &[], 0),
            ],
        ),
    ])
}

fn giants() -> Vec<Input> {
    let one = |size: [u8; 12]| [&Head { name: b"a", kind: b'0', size, link: b"" }.block()[..], b"few bytes"].concat();
    let long =
        [&Head { name: b"././@LongLink", kind: b'L', size: octal(2 << 30), link: b"" }.block()[..], &[b'n'; 4096]].concat();
    let wide = |size| wide(stored("a", b"x"), size);
    let pax_size = |size: &[u8]| tape(&[pax(b'x', &[record("size", size)]), file(b"a", b"x")]);
    classes([
        (
            "sizes that lie in zip",
            vec![
                bomb("stored-2^63.zip", zip(&[wide(1 << 63)]), &["malformed"], &[], 1),
                bomb("deflated-4gib.zip", zip(&[Part { size: 0xffff_fffe, ..deflated("a", b"x") }]), &["malformed"], &[], 1),
                bomb("imploded-2^63.zip", zip(&[Part { method: 6, ..wide(1 << 63) }]), &["limit_memory"], &[], 1),
                bomb("entries-2^32.zip", zip64(&[stored("a", b"x")], 1 << 32), &["malformed"], &["count_mismatch"], 1),
                bomb("entries-2^64.zip", zip64(&[stored("a", b"x")], u64::MAX), &["malformed"], &["count_mismatch"], 1),
            ],
        ),
        (
            "sizes that lie in tar",
            vec![
                bomb("octal-8gib.tar", one(*b"777777777777"), &["malformed"], &[], 1),
                bomb("binary-2^63.tar", one(binary(i64::MAX)), &["malformed"], &[], 1),
                bomb("negative.tar", one(binary(-1)), &["malformed"], &[], 0),
                bomb("pax-size-2^64.tar", pax_size(b"18446744073709551615"), &["malformed"], &[], 1),
                bomb("pax-size-negative.tar", pax_size(b"-5"), &["malformed"], &[], 1),
                bomb("long-name-2gib.tar", long, &["malformed"], &[], 0),
                bomb(
                    "pax-8mib.tar.gz",
                    gz(&tape(&[pax(b'x', &[record("comment", &vec![b'c'; 8 << 20])]), file(b"a", b"x")])),
                    &["limit_memory"],
                    &[],
                    2,
                ),
                bomb(
                    "pax-many-keys.tar.gz",
                    gz(&tape(&[pax(b'x', &vec![record("k", b"v"); 100_000]), file(b"a", b"x")])),
                    &[],
                    &[],
                    2,
                ),
            ],
        ),
        (
            "sizes that lie in 7z, RAR and cpio",
            vec![
                bomb("copy-2^62.7z", sevenz(b"few bytes", &[&[1, 0]], 1 << 62, 1), &["malformed"], &[], 1),
                bomb("files-2^32.7z", sevenz(b"few bytes", &[&[1, 0]], 9, 1 << 32), &["malformed"], &[], 0),
                bomb("list-2^40.7z", far_list(), &["malformed"], &[], 0),
                bomb("stored-2^62.rar", rar5(b"a", 0, 1 << 62, 0, b"few bytes", 1 << 62), &["malformed"], &[], 1),
                bomb("packed-2^62.rar", rar5(b"a", 1 << 7, 1 << 62, 0, b"few bytes", 9), &["malformed"], &[], 1),
                bomb("stored-2^62-old.rar", rar4(1 << 62, b"few bytes"), &["malformed"], &[], 1),
                bomb("4gib.cpio", cpio(), &["unsupported_container|malformed"], &[], usize::MAX),
            ],
        ),
        (
            "sparse members",
            vec![
                bomb("sparse-1tib.tar", tape(&[old_sparse(&[(0, 512)], 1 << 40, &[7; 512])]), &["limit_ratio"], &[], 1),
                bomb(
                    "sparse-overlap.tar",
                    tape(&[old_sparse(&[(0, 512), (100, 512)], 1024, &[7; 1024])]),
                    &["malformed"],
                    &[],
                    1,
                ),
                bomb(
                    "sparse-1tib-pax.tar",
                    tape(&[
                        pax(b'x', &[record("GNU.sparse.realsize", b"1099511627776"), record("GNU.sparse.map", b"0,5")]),
                        file(b"a", b"seven"),
                    ]),
                    &["limit_ratio"],
                    &[],
                    1,
                ),
                bomb("sparse-map-2^40.tar", sparse_map(), &["limit_memory"], &[], 1),
            ],
        ),
    ])
}

/// A sound start header that points far behind the end.
fn far_list() -> Vec<u8> {
    let mut bytes = sevenz(b"few bytes", &[&[1, 0]], 9, 1);
    bytes[12..20].copy_from_slice(&(1_u64 << 40).to_le_bytes());
    let sum = crc32fast::hash(&bytes[12..32]).to_le_bytes();
    bytes[8..12].copy_from_slice(&sum);
    bytes
}

/// A map in the data that says it has 2^40 segments.
fn sparse_map() -> Vec<u8> {
    let records = [record("GNU.sparse.major", b"1"), record("GNU.sparse.minor", b"0"), record("GNU.sparse.realsize", b"5")];
    let mut map = b"1099511627776\n".to_vec();
    map.resize(512, b'0');
    tape(&[pax(b'x', &records), file(b"a", &map)])
}

fn windows() -> Vec<Input> {
    let memory = |name, bytes, rows| bomb(name, bytes, &["limit_memory"], &[], rows);
    let lzma_props = |dictionary: u32| [&[0x23, 3, 1, 1, 5, 0x5d][..], &dictionary.to_le_bytes()].concat();
    let ppmd = [&[0x23, 3, 4, 1, 5, 32][..], &(u32::MAX - 36).to_le_bytes()].concat();
    let alone = lzma(b"few bytes", 1 << 16);
    let in_zip = [&[9, 20, 5, 0, 0x5d, 0xff, 0xff, 0xff, 0xff][..], &alone[13..]].concat();
    let copies: Vec<&[u8]> = vec![&[1, 0]; 32];
    let part = |method, packed: Vec<u8>| zip(&[Part { method, stored: packed, ..stored("a", b"few bytes") }]);
    classes([
        (
            "windows of xz and zstd",
            vec![
                memory("1.5gib.xz", xz_dictionary(b"few bytes", 37), 1),
                memory("4gib.xz", xz_dictionary(b"few bytes", 40), 1),
                memory("2gib.zst", zst(0xa8, 2), 1),
                memory("huge.zst", zst(0xf8, 2), 1),
            ],
        ),
        (
            "dictionaries of LZMA and PPMd",
            vec![
                memory("2gib.lzma", lzma(b"few bytes", 1 << 31), 1),
                memory("4gib.lzma", lzma(b"few bytes", u32::MAX), 1),
                memory("512mib.lz", lzip(b"few bytes", 29), 1),
                memory("lzma-4gib.zip", part(14, in_zip), 1),
                memory("ppmd-256mib.zip", part(98, vec![0xf5, 0x0f, 0, 0, 0, 0, 0]), 1),
                memory("zstd-2gib.zip", part(93, zst(0xa8, 1)), 1),
                memory("xz-1.5gib.zip", part(95, xz_dictionary(b"few bytes", 37)), 1),
                memory("lzma-3gib.7z", sevenz(&alone[13..], &[&lzma_props(3 << 30)], 9, 1), 1),
                // More than its decoder can ever take.
                bomb("lzma-4gib.7z", sevenz(&alone[13..], &[&lzma_props(u32::MAX)], 9, 1), &["malformed|limit_memory"], &[], 1),
                memory("lzma2-4gib.7z", sevenz(&[1, 0, 0, b'x', 0], &[&[0x21, 0x21, 1, 40]], 1, 1), 1),
                memory("ppmd-4gib.7z", sevenz(&[0; 9], &[&ppmd], 9, 1), 1),
                bomb("32-coders.7z", sevenz(b"few bytes", &copies, 9, 1), &[], &[], 1),
            ],
        ),
        (
            "dictionaries of RAR",
            vec![
                memory("dictionary-4gib.rar", rar5(b"a", 1 << 7 | 15 << 10, 1 << 40, 0, b"few bytes", 9), 1),
                memory("dictionary-64gib.rar", rar5(b"a", 1 | 1 << 7 | 19 << 10, 1 << 40, 0, b"few bytes", 9), 1),
            ],
        ),
    ])
}

fn ratios() -> Vec<Input> {
    let zeros = vec![0; 80 << 20];
    let ratio = |name, bytes| bomb(name, bytes, &["limit_ratio"], &[], 1);
    classes([(
        "zeros without end",
        vec![
            ratio("zeros.gz", gz(&zeros)),
            ratio("zeros.bz2", bz2(&zeros)),
            ratio("zeros.xz", xz(&zeros)),
            ratio("zeros.zst", zst(0x38, 640)),
            ratio("zeros.zip", zip(&[Part { method: 8, stored: deflate(&zeros), ..stored("a", &zeros) }])),
        ],
    )])
}

/// Members without content; how many of them is a matter of time, since each is an object of its own.
fn counts() -> Vec<Input> {
    let names: Vec<Part> = (0..20_001).map(|n| stored(format!("{n:x}"), b"")).collect();
    let heads: Vec<Vec<u8>> = (0..20_001).map(|n| file(format!("{n:x}").as_bytes(), b"")).collect();
    let limit: &[&str] = &["--max-members", "20000"];
    classes([
        (
            "members without number",
            vec![
                with(limit, bomb("members.zip", zip64(&names, 20_001), &["limit_count"], &[], 20_000)),
                with(limit, bomb("members.tar", tape(&heads), &["limit_count"], &[], 20_000)),
            ],
        ),
        (
            "streams without number",
            vec![
                bomb("members-2^20.gz", gz(b"").repeat(1 << 20), &[], &[], 1),
                bomb("streams-2^14.bz2", bz2(b"").repeat(1 << 14), &[], &[], 1),
                bomb("streams-2^16.xz", xz(b"").repeat(1 << 16), &[], &[], 1),
                bomb("members-2^16.lz", lzip(b"", 12).repeat(1 << 16), &[], &[], 1),
                bomb("frames-2^18.zst", [0x28, 0xb5, 0x2f, 0xfd, 0, 0, 1, 0, 0].repeat(1 << 18), &[], &[], 1),
                bomb(
                    "entry-types.tar",
                    tape(&(1..=255).map(|kind| entry(b"a", kind, b"")).collect::<Vec<_>>()),
                    &["link_member", "missing_volume", "special_file"],
                    &[],
                    249,
                ),
            ],
        ),
    ])
}

fn damage() -> Vec<Input> {
    let noise: Vec<u8> = (0..128_u32).flat_map(|n| Sha256::digest(n.to_le_bytes())).collect();
    let damaged = |name, bytes, rows| bomb(name, bytes, &["malformed"], &[], rows);
    classes([
        (
            "cut archives",
            vec![
                damaged("cut.zip", half("zip.zip"), 1),
                damaged("cut.tar", half("tar.tar"), usize::MAX),
                damaged("cut.gz", half("gz.gz"), 1),
                damaged("cut.bz2", half("bz2.bz2"), 1),
                damaged("cut.xz", half("xz.xz"), 1),
                damaged("cut.zst", half("zst.zst"), 1),
                damaged("cut.lz", half("lzip.lz"), 1),
                damaged("cut.lzma", lzma(&noise, 1 << 16)[..3000].to_vec(), 1),
                damaged("cut.7z", half("7z.7z"), 0),
                damaged("cut.rar", half("rar.rar"), usize::MAX),
                damaged("cut-4.rar", half("rar-4.rar"), usize::MAX),
            ],
        ),
        (
            "sums that don't fit",
            vec![
                damaged("crc.gz", flipped("gz.gz", 8), 1),
                damaged("crc.bz2", flipped("bz2.bz2", 3), 1),
                damaged("crc.lz", flipped("lzip.lz", 20), 1),
                damaged("crc.zst", [&[0x28, 0xb5, 0x2f, 0xfd, 4, 0, 9 << 3 | 1, 0, 0][..], b"few bytes", &[0; 4]].concat(), 1),
                damaged("crc.7z", flipped("7z.7z", 1), 0),
                damaged("crc.rar", rar5(b"a", 0, 9, 1, b"few bytes", 9), 1),
            ],
        ),
    ])
}

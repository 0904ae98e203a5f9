//! What the fuzz targets have in common: one object through one detector, one reader of documents or one container
//! format.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use wardround::container::{self, Budget, Limits, MemberSink, Passwords, Probe, ReadSeek, Shortfall, Volumes};
use wardround::model::MemberFacts;
use wardround::phi::{CaseKey, REGISTRY, document};

const HEAD: usize = 65_536;

/// The bytes through a registered detector, whole and in pieces: both must tell the same.
///
/// # Panics
/// When they don't, or when nothing is registered under the name.
pub fn detector(id: &str, data: &[u8]) {
    let detector = REGISTRY.iter().find(|d| d.id() == id).expect("a registered detector");
    let key = CaseKey::new(&[7; 32]);
    let fed = |size: usize| {
        let mut stream = detector.start(&data[..data.len().min(HEAD)], &key)?;
        data.chunks(size).for_each(|chunk| stream.feed(chunk));
        Some(stream.finish())
    };
    let whole = fed(1 << 20);
    if data.len() < 4096 {
        assert_eq!(whole, fed(13), "the outcome depends on how the bytes are cut");
    }
}

/// The bytes as a document of a registered format, whether or not they look like one.
///
/// # Panics
/// When nothing is registered under the name.
pub fn document(id: &str, data: &[u8]) {
    let reader = document::REGISTRY.iter().find(|d| d.id() == id).expect("a registered document");
    let key = CaseKey::new(&[7; 32]);
    let outcome = document::read(*reader, data, &key);
    // A panic that was caught is still one.
    let failed = outcome.unread.is_some_and(|u| u.reason == wardround::model::GapReason::ParserFailed);
    assert!(!failed, "the reader panicked");
}

/// The bytes as an archive of a registered format, whether or not they look like one, with a password to try.
///
/// # Panics
/// When nothing is registered under the name, or a member gives more than the limit.
pub fn container(id: &str, data: &[u8]) {
    let format = container::formats().find(|format| format.id() == id).expect("a registered format");
    let limits = Limits { total_bytes: 8 << 20, members: 1000, decoder_memory: 16 << 20, ..Limits::default() };
    let mut budget = Budget::new(limits).with_passwords(&Passwords::parse(b"password").expect("a list"));
    let head = &data[..data.len().min(HEAD)];
    let probe = Probe { head, tail: data, body: data, size: data.len() as u64, name: b"x.part1.rar", volumes: None };
    let mut drain = Drain(0);
    format.expand(&probe, &mut Cursor::new(data), &mut budget, &mut drain);
    assert!(drain.0 <= limits.total_bytes, "the limit doesn't hold");
}

/// The bytes as an executable.
///
/// # Panics
/// When the parser did.
pub fn executable(data: &[u8]) {
    let inspected = wardround::binary::inspect(data);
    assert!(!matches!(inspected, wardround::binary::Inspected::Panicked(_)), "the parser panicked");
}

/// The bytes as a hive or an export of the registry.
pub fn registry(data: &[u8]) {
    let Some(kind) = wardround::registry::recognise(data) else { return };
    let _ = wardround::registry::walk(kind, data, b"SOFTWARE", &mut |_| std::ops::ControlFlow::Continue(()));
}

/// The bytes as a script, a list or a configuration that names paths.
pub fn clues(data: &[u8]) {
    let _ = wardround::clue::read(data);
}

/// What parts the volumes of a set in the input of [`volumes`].
const CUT: &[u8] = b"--CUT--";

/// The bytes as sets of volumes of every way of naming, each volume opened beside the others.
///
/// # Panics
/// When a member gives more than the limit.
pub fn volumes(data: &[u8]) {
    let mut parts = vec![data];
    while let Some((last, at)) = parts.last().and_then(|last| Some((*last, last.windows(CUT.len()).position(|w| w == CUT)?))) {
        parts.pop();
        parts.extend([&last[..at], &last[at + CUT.len()..]]);
    }
    let limits = Limits { total_bytes: 8 << 20, members: 1000, decoder_memory: 16 << 20, ..Limits::default() };
    let count = parts.len();
    let names: [&dyn Fn(usize) -> String; 4] = [
        &|n| format!("x.part{}.rar", n + 1),
        &|n| if n == 0 { "x.rar".into() } else { format!("x.r{:02}", n - 1) },
        &|n| format!("x.zip.{:03}", n + 1),
        &|n| if n + 1 == count { "x.zip".into() } else { format!("x.z{:02}", n + 1) },
    ];
    for name in names {
        let shelf = Shelf(parts.iter().enumerate().map(|(n, part)| (name(n).into_bytes(), *part)).collect());
        for (name, part) in &shelf.0 {
            let head = &part[..part.len().min(HEAD)];
            let probe = Probe { head, tail: part, body: part, size: part.len() as u64, name, volumes: Some(&shelf) };
            let mut drain = Drain(0);
            container::expand(&probe, &mut Cursor::new(part), &mut Budget::new(limits), &mut drain);
            assert!(drain.0 <= limits.total_bytes, "the limit doesn't hold");
        }
    }
}

/// The volumes of a set by their names.
struct Shelf<'a>(BTreeMap<Vec<u8>, &'a [u8]>);

impl Volumes for Shelf<'_> {
    fn size(&self, name: &[u8]) -> Option<u64> {
        self.0.get(name).map(|part| part.len() as u64)
    }

    fn open(&self, name: &[u8]) -> std::io::Result<Box<dyn ReadSeek>> {
        let part = self.0.get(name).ok_or(std::io::ErrorKind::NotFound)?;
        Ok(Box::new(Cursor::new(part.to_vec())))
    }
}

/// Reads everything, keeps nothing.
struct Drain(u64);

impl MemberSink for Drain {
    fn member(&mut self, _: &MemberFacts, content: &mut dyn Read, _: &mut Budget) {
        let mut chunk = [0; 4096];
        while let Ok(n) = content.read(&mut chunk) {
            if n == 0 {
                return;
            }
            self.0 += n as u64;
        }
    }

    fn unread(&mut self, _: &MemberFacts, _: Shortfall) {}
}

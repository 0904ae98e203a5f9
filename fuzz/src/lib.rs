//! What the fuzz targets have in common: one object through one detector or one reader of documents.

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

//! Driving a detector in tests: whole, and cut into pieces, with the same outcome.

use super::{CaseKey, Outcome, PhiDetector};
use crate::model::PhiFacts;

pub(crate) fn run(detector: &dyn PhiDetector, bytes: &[u8]) -> Option<PhiFacts> {
    outcome(detector, bytes).facts
}

pub(crate) fn outcome(detector: &dyn PhiDetector, bytes: &[u8]) -> Outcome {
    let key = CaseKey::new(&[7; 32]);
    let head = &bytes[..bytes.len().min(65_536)];
    let fed = |size: usize| {
        let Some(mut stream) = detector.start(head, &key) else { return Outcome::default() };
        bytes.chunks(size).for_each(|chunk| stream.feed(chunk));
        stream.finish()
    };
    let whole = fed(1 << 20);
    assert_eq!(whole, fed(7), "the outcome depends on how the bytes are cut");
    whole
}

//! The case key: random, or the operator's.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::PlanError;
use crate::model::text::escape;

/// Bytes of the key.
const KEY: usize = 32;

/// From the file, or from the system's random numbers. Nothing of a file that is no key is repeated.
pub(super) fn bytes(file: Option<&Path>) -> Result<[u8; KEY], PlanError> {
    let Some(path) = file else {
        let mut key = [0; KEY];
        return getrandom::fill(&mut key)
            .map(|()| key)
            .map_err(|e| PlanError::Usage(format!("the system gives no random numbers for the case key: {e}")));
    };
    let fault = |why: &str| PlanError::Usage(format!("--case-key {}: {why}", escape(path.as_os_str().as_encoded_bytes())));
    let mut content = Vec::new();
    let read = File::open(path).and_then(|f| f.take(256).read_to_end(&mut content));
    read.map_err(|e| fault(&format!("it can't be read: {e}")))?;
    parse(&content).ok_or_else(|| fault("it must hold 32 bytes, or 64 hexadecimal digits, that are not all the same"))
}

fn parse(content: &[u8]) -> Option<[u8; KEY]> {
    let key: [u8; KEY] = match content.len() {
        KEY => content.try_into().ok()?,
        _ => {
            let text = std::str::from_utf8(content).ok()?.trim();
            let pair = |i: usize| u8::from_str_radix(text.get(2 * i..2 * i + 2)?, 16).ok();
            let bytes: Option<Vec<u8>> = (0..KEY).map(pair).collect();
            bytes.filter(|_| text.len() == 2 * KEY && text.bytes().all(|b| b.is_ascii_hexdigit()))?.try_into().ok()?
        }
    };
    key.iter().any(|b| *b != key[0]).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_as_bytes_and_as_text() {
        let raw: Vec<u8> = (0..32).collect();
        let text: String = raw.iter().map(|b| format!("{b:02X}")).collect();
        assert_eq!(parse(&raw).map(Vec::from), Some(raw.clone()));
        assert_eq!(parse(format!("{text}\r\n").as_bytes()).map(Vec::from), Some(raw.clone()));
        for wrong in [&b""[..], &raw[..31], &[7; 32], &text.as_bytes()[..62], format!("{text}00").as_bytes(), &[b'+'; 64]] {
            assert_eq!(parse(wrong), None);
        }
        assert!(bytes(None).unwrap() != bytes(None).unwrap());
        let missing = bytes(Some(Path::new("/nonexistent/key"))).unwrap_err();
        assert!(missing.to_string().contains("can't be read"));
    }
}

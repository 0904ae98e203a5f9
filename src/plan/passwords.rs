//! The examiner's known passwords of archives, from their file.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::PlanError;
use crate::container::Passwords;
use crate::model::text::escape;

/// Bytes of the longest list: each line with its end, and a byte-order mark.
const LARGEST: u64 = (Passwords::MAX * (Passwords::MAX_BYTES + 2) + 3) as u64;

/// None without a file. Nothing of its content is repeated in an error.
pub(super) fn load(file: Option<&Path>) -> Result<Passwords, PlanError> {
    let Some(path) = file else { return Ok(Passwords::default()) };
    let fault = |why: &str| PlanError::Usage(format!("--passwords {}: {why}", escape(path.as_os_str().as_encoded_bytes())));
    let mut content = Vec::new();
    let read = File::open(path).and_then(|f| f.take(LARGEST + 1).read_to_end(&mut content));
    read.map_err(|e| fault(&format!("it can't be read: {e}")))?;
    if content.len() as u64 > LARGEST {
        return Err(fault(&format!("it is larger than a list of {} passwords can be", Passwords::MAX)));
    }
    Passwords::parse(&content).map_err(|why| fault(&why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("known.txt");
        assert!(load(None).unwrap().is_empty());
        std::fs::write(&path, "one\r\ntwo\n").unwrap();
        assert_eq!(load(Some(&path)).unwrap().len(), 2);
        for bad in [&b"hunter2\n\xff\n"[..], b"", &vec![b'x'; 2 << 20]] {
            std::fs::write(&path, bad).unwrap();
            let told = load(Some(&path)).unwrap_err().to_string();
            assert!(told.starts_with("--passwords ") && !told.contains("hunter2") && !told.contains("xxx"), "{told}");
        }
        assert!(load(Some(Path::new("/nonexistent/list"))).unwrap_err().to_string().contains("can't be read"));
        assert!(load(Some(dir.path())).is_err());
    }
}

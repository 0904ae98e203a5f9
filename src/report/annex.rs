//! The sealed annex: what the report hides of addresses, encrypted to whoever may read it (age v1,
//! <https://age-encryption.org/v1>). Without the recipient's key nobody reads it, its writer included.

use std::fs::File;
use std::io::Write;
use std::str::FromStr;

use base64::Engine as _;
use serde_json::json;

use super::casefolder::{CaseError, CaseFolder};
use super::rows::Shown;
use crate::model::Locator;

/// The annex's file in the case folder.
pub const ANNEX: &str = "annex.jsonl.age";

/// Whom the annex is for: an age X25519 recipient, `age1…`.
#[derive(Clone, Debug)]
pub struct Recipient(age::x25519::Recipient);

impl FromStr for Recipient {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.trim()
            .parse()
            .map(Self)
            .map_err(|why: &str| format!("not an age recipient ({why}): write age1…, as age-keygen prints it"))
    }
}

/// An annex that is being written: one JSON row for each address of which a part is hidden.
pub struct Annex {
    out: age::stream::StreamWriter<File>,
}

impl Annex {
    /// # Errors
    /// When the case folder can't take it.
    pub fn create(folder: &CaseFolder, recipient: &Recipient) -> Result<Self, CaseError> {
        let failed = |e: std::io::Error| CaseError::new(&folder.path().join(ANNEX), e);
        let encryptor = age::Encryptor::with_recipients(std::iter::once(&recipient.0 as &dyn age::Recipient))
            .map_err(|e| failed(std::io::Error::other(e)))?;
        let out = encryptor.wrap_output(folder.create_file(ANNEX)?).map_err(failed)?;
        Ok(Self { out })
    }

    /// Adds an address, where the report shows less than it is.
    pub fn row(&mut self, shown: &Shown, locator: &Locator) -> std::io::Result<()> {
        if !shown.masked {
            return Ok(());
        }
        let steps: Vec<String> =
            locator.steps().iter().map(|s| base64::engine::general_purpose::STANDARD.encode(s.name().bytes())).collect();
        serde_json::to_writer(&mut self.out, &json!({ "path": shown.path, "full": locator.shown(), "raw": steps }))?;
        self.out.write_all(b"\n")
    }

    /// Ends the encryption; without it the file is cut short, which its reader sees.
    pub fn finish(self) -> std::io::Result<()> {
        self.out.finish()?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::report::Masker;

    #[test]
    fn only_the_recipient_reads_what_is_hidden() {
        let dir = tempfile::tempdir().unwrap();
        let folder = CaseFolder::create(&dir.path().join("case")).unwrap();
        let identity = age::x25519::Identity::generate();
        let recipient: Recipient = identity.to_public().to_string().parse().unwrap();
        let masker = Masker { mask_path: |p| p.replace("Roe", "Aa").into(), ..Masker::OFF };
        let mut annex = Annex::create(&folder, &recipient).unwrap();
        for path in ["/srv/Roe.pdf", "/srv/plain.pdf"] {
            let locator = Locator::os(path);
            annex.row(&Shown::new(&locator, &masker), &locator).unwrap();
        }
        annex.finish().unwrap();
        let bytes = std::fs::read(folder.path().join(ANNEX)).unwrap();
        assert!(memchr::memmem::find(&bytes, b"Roe").is_none());
        let mut text = String::new();
        let decryptor = age::Decryptor::new(bytes.as_slice()).unwrap();
        decryptor.decrypt(std::iter::once(&identity as &dyn age::Identity)).unwrap().read_to_string(&mut text).unwrap();
        let rows: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0]["path"].as_str(), rows[0]["full"].as_str()), (Some("/srv/Aa.pdf"), Some("/srv/Roe.pdf")));
        let other = age::x25519::Identity::generate();
        assert!(age::Decryptor::new(bytes.as_slice()).unwrap().decrypt(std::iter::once(&other as &dyn age::Identity)).is_err());
        assert!("age1nonsense".parse::<Recipient>().is_err() && "".parse::<Recipient>().is_err());
    }
}

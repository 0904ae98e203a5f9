//! `wardround verify`: is the case folder what it was when it was sealed?

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::args::Format;
use super::exit::Exit;
use crate::model::text::{escape, thousands};
use crate::report::{self, Verified};

const AFTER: &str = "\
EXIT CODES
  0 intact · 2 something differs from what was sealed · 3 the scan in it has not ended: nothing is sealed
  yet, or all but its working files · 64 no case folder, or it can't be read

The same can be checked without this program: VERIFY.txt in the case folder says how.";

#[derive(ClapArgs, Debug)]
#[command(after_help = AFTER)]
pub struct VerifyArgs {
    /// Case folder
    #[arg(value_name = "CASE")]
    pub case: PathBuf,
    /// Fingerprint that the signing key must have, as it was written down when the scan ended (SHA-256, hexadecimal)
    #[arg(long, value_name = "HEX", value_parser = fingerprint)]
    pub key: Option<String>,
    /// How the result is told
    #[arg(long, value_enum, default_value = "human")]
    pub format: Format,
}

fn fingerprint(text: &str) -> Result<String, String> {
    let hex: String = text.chars().filter(|c| !matches!(c, ' ' | ':')).collect();
    let sound = hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit());
    sound.then_some(hex).ok_or_else(|| "a fingerprint has 64 hexadecimal digits".into())
}

/// Checks a case folder.
pub fn run(args: &VerifyArgs) -> Exit {
    // A link that the user names is followed, once.
    let case = args.case.canonicalize().unwrap_or_else(|_| args.case.clone());
    let verified = match report::verify(&case, args.key.as_deref()) {
        Ok(verified) => verified,
        Err(e) => {
            eprintln!("wardround: {e}");
            return Exit::Usage;
        }
    };
    let exit = match (verified.is_intact(), verified.unfinished) {
        (false, _) => Exit::Alert,
        (true, true) => Exit::Incomplete,
        (true, false) => Exit::Clean,
    };
    let text = match args.format {
        Format::Human => words(&verified, args.key.is_some()),
        Format::Json => {
            let mut line = serde_json::json!({ "exit": exit as u8, "intact": verified.is_intact() });
            if let (Some(line), Ok(serde_json::Value::Object(facts))) = (line.as_object_mut(), serde_json::to_value(&verified)) {
                line.extend(facts);
            }
            format!("{line}\n")
        }
    };
    use std::io::Write;
    // A closed pipe is the reader's choice.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    exit
}

fn words(verified: &Verified, key_asked: bool) -> String {
    let mut out = String::new();
    for d in &verified.differences {
        out.push_str(&format!("DIFFERS  {}: {}\n", escape(d.file.as_bytes()), d.what));
    }
    let agreed = format!("{} files and {} lines of the journal", thousands(verified.files), thousands(verified.journal_lines));
    out.push_str(&match verified.is_intact() {
        true if !verified.sealed => {
            "UNSEALED a scan was begun in this case folder and has not ended: nothing is sealed yet\n".to_owned()
        }
        true => format!("INTACT   {agreed} are as they were sealed{}\n", at(verified)),
        false => format!("ALTERED  this case folder is not what was sealed{}; {agreed} agree\n", at(verified)),
    });
    if let Some(key) = &verified.key_sha256 {
        out.push_str(&format!("key      {key}\n"));
        if !key_asked {
            out.push_str("         compare it with the one written down when the scan ended, or give that with --key\n");
        }
    }
    if let Some(stamp) = &verified.stamp {
        out.push_str(&format!("stamp    {} by {}: check that authority with openssl ts -verify\n", stamp.time, stamp.authority));
    }
    if verified.unfinished {
        out.push_str("note     the scan in it runs, or can go on with scan --resume\n");
    }
    out
}

fn at(verified: &Verified) -> String {
    verified.created.as_ref().map_or_else(String::new, |t| format!(" at {}", escape(t.as_bytes())))
}

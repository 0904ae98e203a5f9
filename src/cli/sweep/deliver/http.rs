//! Delivery with the system's `curl`: a PUT for every file, the manifest last, so that where a manifest is a whole case is.
//! A file that was cut off is sent anew, since there is no way to go on in the middle of a PUT.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::Command;

use super::DeliverError;
use super::place::Url;
use super::tool::{ToolError, run};
use crate::cli::sweep::cases::Cases;
use crate::cli::sweep::policy::Policy;
use crate::model::text::escape;
use crate::report::ManifestFile;

/// A secret is never longer, in bytes.
const MAX_SECRET: u64 = 4096;
/// Where the answers go: only their codes count.
const NOWHERE: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };

/// Sends the files of a case that no earlier try has sent to `place`, and notes each.
///
/// # Errors
/// Where curl fails, or the server's answer isn't one of success.
pub fn deliver(
    cases: &Cases,
    name: &str,
    files: &[ManifestFile],
    (to, place): (&Url, &str),
    policy: &Policy,
) -> Result<(), DeliverError> {
    let secret = policy.deliver_secret.as_deref().map(secret).transpose()?;
    let common = common(to, policy, secret.as_deref());
    let mut sent = cases.sent(name, place);
    for file in files {
        if sent.contains(&file.path) {
            continue;
        }
        let mut config = format!("{common}upload-file = {}\nurl = {}\n", quoted(&file.path), quoted(&to.of(name, &file.path)));
        if policy.deliver_region.is_some() {
            // It is signed, and the server holds what arrives against it.
            config += &format!("header = \"x-amz-content-sha256: {}\"\n", file.sha256);
        }
        // `-q` has to be the first, or a configuration of the user is read before.
        let mut curl = Command::new("curl");
        let code = run("curl", curl.args(["-q", "--config", "-"]).current_dir(cases.path(name)), &config)?;
        // What leads elsewhere is no failure to curl, and nothing was stored.
        if !code.starts_with('2') {
            return Err(
                ToolError::Failed { tool: "curl", said: format!("the server answered {}", escape(code.as_bytes())) }.into()
            );
        }
        sent.insert(file.path.clone());
        cases.note_sent(name, place, &sent).map_err(|e| DeliverError::Local(e.to_string()))?;
    }
    Ok(())
}

/// What curl is told about every file.
fn common(to: &Url, policy: &Policy, secret: Option<&str>) -> String {
    let mut config = format!(
        "silent\nshow-error\nfail\ngloboff\ntlsv1.2\nproto = \"={}\"\nmax-redirs = 0\nconnect-timeout = 30\nspeed-limit = 1\n\
         speed-time = 120\noutput = \"{NOWHERE}\"\nwrite-out = \"%{{http_code}}\"\n",
        to.scheme()
    );
    let mut also = |key: &str, value: Option<String>| {
        if let Some(value) = value {
            config += &format!("{key} = {}\n", quoted(&value));
        }
    };
    also("cacert", policy.deliver_ca.as_ref().map(|path| path.display().to_string()));
    also("user", secret.map(str::to_owned));
    also("aws-sigv4", policy.deliver_region.as_ref().map(|region| format!("aws:amz:{region}:s3")));
    config
}

/// `USER:PASSWORD`, or the two halves of an S3 key, from the first line of a file.
fn secret(path: &Path) -> Result<String, DeliverError> {
    let shown = || escape(path.as_os_str().as_encoded_bytes());
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_SECRET).read_to_string(&mut text));
    read.map_err(|e| DeliverError::Local(format!("{}, named under deliver_secret, can't be read: {e}", shown())))?;
    match text.lines().next() {
        Some(line) if line.contains(':') && !line.contains(char::is_control) => Ok(line.to_owned()),
        _ => Err(DeliverError::Local(format!("{}, named under deliver_secret, holds no USER:PASSWORD", shown()))),
    }
}

/// A value of curl's configuration.
fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

//! The system's own tools, which open the connections. Each gets its arguments as they are, and what to do on standard
//! input, where nobody else on the machine sees it.

use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::Ordering::Relaxed;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::cli::signals::asked_to_stop;
use crate::model::text::escape;

/// Of what a tool says, in bytes; the rest is dropped.
const MAX_SAID: u64 = 1 << 20;
/// The end of a tool is looked for this often.
const LOOK: Duration = Duration::from_millis(20);

/// Why a tool didn't do its work.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    #[error("{0} is not installed here: install it, or name a folder under `deliver`")]
    Missing(&'static str),
    #[error("{tool} can't be run: {source}")]
    NotRun { tool: &'static str, source: io::Error },
    #[error("{tool} says: {said}{}", way_out(said))]
    Failed { tool: &'static str, said: String },
    #[error("the sweep was asked to end")]
    Stopped,
}

/// What helps, where that is known.
fn way_out(said: &str) -> &'static str {
    let known = [
        ("Host key verification failed", "; put the server's key into the file named under deliver_known_hosts"),
        ("Permission denied (", "; name a key under deliver_key whose public half the server knows"),
        ("SSL certificate problem", "; name the authority's certificate under deliver_ca"),
        ("Connection refused", "; check host and port under `deliver`, and the firewall"),
        ("Failed to connect", "; check host and port under `deliver`, and the firewall"),
    ];
    known.iter().find(|(what, _)| said.contains(what)).map_or("", |(_, way)| way)
}

/// Runs a tool to its end and gives what it wrote to standard output.
///
/// # Errors
/// Where it is missing, ends with another code than 0, or the sweep is asked to end meanwhile.
pub fn run(tool: &'static str, command: &mut Command, input: &str) -> Result<String, ToolError> {
    let not_run = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => ToolError::Missing(tool),
        _ => ToolError::NotRun { tool, source },
    };
    // What it says is read by a program.
    command.env("LC_ALL", "C").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(not_run)?;
    let (out, err) = (said(child.stdout.take()), said(child.stderr.take()));
    if let Some(mut stdin) = child.stdin.take() {
        // One that ends early says why itself.
        let _ = stdin.write_all(input.as_bytes());
    }
    let status = wait(&mut child).map_err(not_run)?;
    let text = |words: JoinHandle<String>| words.join().unwrap_or_default();
    match status {
        None => Err(ToolError::Stopped),
        Some(status) if status.success() => Ok(text(out)),
        Some(status) => Err(ToolError::Failed { tool, said: reason(&text(err), status) }),
    }
}

/// Waits for a child; none where it was ended because the sweep has to end.
fn wait(child: &mut Child) -> io::Result<Option<ExitStatus>> {
    let stop = asked_to_stop();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if stop.load(Relaxed) {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(LOOK);
    }
}

fn said(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.by_ref().take(MAX_SAID).read_to_end(&mut bytes);
            let _ = io::copy(&mut pipe, &mut io::sink());
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// The line that tells most: the one that curl marks, or the last, but for that which says that a connection ended because of
/// what was said before.
fn reason(err: &str, status: ExitStatus) -> String {
    let lines = || err.lines().map(str::trim).filter(|line| !line.is_empty());
    let marked = lines().find_map(|line| line.strip_prefix("curl: "));
    let telling = marked.or_else(|| lines().rfind(|line| !line.starts_with("Connection closed"))).or_else(|| lines().next_back());
    telling.map_or_else(|| format!("nothing, and ended with {status}"), |line| escape(line.trim_end_matches('.').as_bytes()))
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn what_a_tool_says_is_passed_on() {
        let sh = |script: &str, input: &str| run("sh", Command::new("sh").args(["-c", script]), input).map_err(|e| e.to_string());
        assert_eq!(sh("cat", "to do").unwrap(), "to do");
        // More than a pipe holds, on both.
        assert_eq!(sh("head -c 300000 /dev/zero >&2; head -c 300000 /dev/zero", "").unwrap().len(), 300_000);
        let failed =
            sh("printf 'a banner\\nHost key verification failed.\\r\\nConnection closed\\n' >&2; exit 255", "").unwrap_err();
        assert!(failed.starts_with("sh says: Host key verification failed; put the server's key"), "{failed}");
        let curl = sh("printf 'curl: (60) SSL certificate problem: x\\nMore details here: y\\n' >&2; exit 60", "").unwrap_err();
        assert!(curl.starts_with("sh says: (60) SSL certificate problem: x; name the authority"), "{curl}");
        assert!(sh("exit 7", "unread").unwrap_err().contains('7'));
        assert!(sh("echo Connection closed >&2; exit 1", "").unwrap_err().ends_with("Connection closed"));
        let missing = run("sftp", &mut Command::new("no-such-tool-here"), "").unwrap_err().to_string();
        assert!(missing.contains("sftp is not installed"), "{missing}");
    }
}

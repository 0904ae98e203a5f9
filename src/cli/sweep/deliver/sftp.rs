//! Delivery with the system's `sftp`. What is there is asked first, so that a case that was cut off is gone on with, in the
//! middle of a file too; it gets its name when every file there has the size that it has here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use super::DeliverError;
use super::place::Server;
use super::tool::run;
use crate::cli::sweep::policy::Policy;
use crate::report::ManifestFile;

/// Sends the files of a case.
///
/// # Errors
/// Where sftp fails, or what arrived isn't whole.
pub fn deliver(case: &Path, name: &str, files: &[ManifestFile], to: &Server, policy: &Policy) -> Result<(), DeliverError> {
    let session = |batch: &str| run("sftp", sftp(to, policy).current_dir(case), batch);
    let (done, part) = (to.path(name), to.path(&format!(".{name}.part")));
    let folders = folders(files);
    let there = sizes(&session(&[list(&done, &folders), list(&part, &folders)].concat())?);
    let missing = |there: &BTreeMap<String, u64>, at: &str| {
        files.iter().find(|f| there.get(&format!("{at}/{}", f.path)) != Some(&f.size)).map(|f| f.path.clone())
    };
    // It was named, and the connection was lost before that was heard.
    if missing(&there, &done).is_none() {
        return Ok(());
    }
    let there = sizes(&session(&(upload(files, &folders, &part, &there) + &list(&part, &folders)))?);
    if let Some(file) = missing(&there, &part) {
        return Err(DeliverError::NotWhole(file));
    }
    session(&format!("rename \"{part}\" \"{done}\"\n"))?;
    Ok(())
}

/// Nothing is asked of anybody, no host is believed that isn't known, and no configuration of a user or the system adds to
/// what is said here.
fn sftp(to: &Server, policy: &Policy) -> Command {
    let mut command = Command::new("sftp");
    command.args(["-F", "none", "-b", "-"]);
    command.args(
        ["BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=30", "ServerAliveInterval=20"].map(|o| format!("-o{o}")),
    );
    if let Some(file) = &policy.deliver_known_hosts {
        command.args(["UserKnownHostsFile", "GlobalKnownHostsFile"].map(|o| format!("-o{o}=\"{}\"", file.display())));
    }
    if let Some(key) = &policy.deliver_key {
        command.arg("-oIdentitiesOnly=yes").arg(format!("-oIdentityFile=\"{}\"", key.display()));
    }
    command.args(to.port.map(|port| format!("-P{port}"))).arg("--").arg(&to.account);
    command
}

/// Folders of a case that hold files, its own first, each after the one that it lies in.
fn folders(files: &[ManifestFile]) -> BTreeSet<String> {
    let above = files.iter().flat_map(|f| Path::new(&f.path).ancestors().skip(1));
    above.filter_map(|folder| folder.to_str().map(|f| if f.is_empty() { String::new() } else { format!("/{f}") })).collect()
}

/// Asks what is there; that nothing is there is an answer, too.
fn list(at: &str, folders: &BTreeSet<String>) -> String {
    folders.iter().map(|folder| format!("-ls -ln \"{at}{folder}\"\n")).collect()
}

/// The sizes in what `ls -ln` says: mode, links, owner, group, size, three words of time, and the path as it was asked for.
/// Owner and group may be of several words.
fn sizes(said: &str) -> BTreeMap<String, u64> {
    let row = |line: &str| {
        let mut words = line.split_whitespace().rev();
        let (path, size) = (words.next()?, words.nth(3)?.parse().ok()?);
        line.starts_with('-').then(|| (path.to_owned(), size))
    };
    said.lines().filter_map(row).collect()
}

/// Sends what isn't there, and the rest of what is there in part.
fn upload(files: &[ManifestFile], folders: &BTreeSet<String>, part: &str, there: &BTreeMap<String, u64>) -> String {
    // Made by an earlier try, maybe.
    let mut batch: String = folders.iter().map(|folder| format!("-mkdir \"{part}{folder}\"\n")).collect();
    for file in files {
        let to = format!("{part}/{}", file.path);
        let command = match there.get(&to) {
            Some(size) if *size == file.size => continue,
            Some(size) if (1..file.size).contains(size) => "reput",
            _ => "put",
        };
        batch += &format!("{command} -f \"{}\" \"{to}\"\n", file.path);
    }
    batch
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_not_sent_again() {
        let file = |path: &str, size| ManifestFile { path: path.to_owned(), size, sha256: String::new() };
        let files = [file("a", 5), file("journal/b", 70), file("journal/c", 70), file("d", 0), file("e", 9)];
        let folders = folders(&files);
        assert_eq!(list("/in/x", &folders), "-ls -ln \"/in/x\"\n-ls -ln \"/in/x/journal\"\n");
        let there = sizes(
            "sftp> -ls -ln \"/in/.x.part\"\n\
             -rw-------    ? 0        0               5 Nov 30 01:15 /in/.x.part/a\n\
             drwx------    ? 0        0            4096 Nov 30 01:15 /in/.x.part/journal\n\
             -rw-------    ? 0        Domain Users   30 Nov 30  2025 /in/.x.part/journal/b\n\
             -rw-------    ? 0        0              71 Nov 30  2025 /in/.x.part/journal/c\n\
             -rw-------    ? 0        0               0 Nov 30  2025 /in/.x.part/d\n",
        );
        assert_eq!(there.len(), 4);
        assert_eq!(
            upload(&files, &folders, "/in/.x.part", &there),
            "-mkdir \"/in/.x.part\"\n-mkdir \"/in/.x.part/journal\"\n\
             reput -f \"journal/b\" \"/in/.x.part/journal/b\"\nput -f \"journal/c\" \"/in/.x.part/journal/c\"\n\
             put -f \"e\" \"/in/.x.part/e\"\n"
        );
    }
}

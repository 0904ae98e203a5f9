//! Where cases are delivered, as the policy says it. What comes from there ends on a command line, in a batch of sftp or
//! in a configuration of curl, so nothing passes that could be more than a name in one of them.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;

use serde::Deserialize;

use crate::model::text::escape;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Place {
    Folder(PathBuf),
    Sftp(Server),
    Http(Url),
}

/// Why a place is none. It isn't repeated here, since it may hold a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("key deliver: {0}")]
pub struct PlaceError(&'static str);

impl TryFrom<String> for Place {
    type Error = PlaceError;

    fn try_from(text: String) -> Result<Self, PlaceError> {
        match text.split_once("://") {
            None => Ok(Self::Folder(text.into())),
            Some(("sftp", rest)) => Server::parse(rest).map(Self::Sftp),
            Some((scheme @ ("https" | "http"), rest)) => Url::parse(scheme, rest).map(Self::Http),
            Some(_) => Err(PlaceError("write a folder, sftp://USER@HOST/FOLDER, or https://HOST/PATH")),
        }
    }
}

/// As it may be told: without what is secret.
impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => f.write_str(&escape(path.as_os_str().as_encoded_bytes())),
            Self::Sftp(server) => server.fmt(f),
            Self::Http(url) => f.write_str(url.0.split('?').next().unwrap_or_default()),
        }
    }
}

/// A folder on a server of SFTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// `HOST` or `USER@HOST`.
    pub account: String,
    pub port: Option<u16>,
    /// Ends with `/`, or is empty for the folder that a session begins in.
    folder: String,
}

impl Server {
    fn parse(text: &str) -> Result<Self, PlaceError> {
        let (authority, path) = text.split_once('/').unwrap_or((text, "~"));
        let (user, address) = match authority.rsplit_once('@') {
            Some((user, address)) => (Some(user), address),
            None => (None, authority),
        };
        if user.is_some_and(|user| !is_plain(user)) {
            return Err(PlaceError(
                "the user may hold letters, digits, '.', '_' and '-'; a key stands for a password (deliver_key)",
            ));
        }
        let (host, port) = host_and_port(address)?;
        let (root, path) = match path.strip_prefix('~') {
            Some(path) if path.is_empty() || path.starts_with('/') => ("", path),
            _ => ("/", path),
        };
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        if !parts.iter().all(|part| is_plain(part)) {
            return Err(PlaceError(
                "the names of folders may hold letters, digits, '.', '_' and '-', and be none of '.' and '..'",
            ));
        }
        let account = user.map_or(host.to_owned(), |user| format!("{user}@{host}"));
        Ok(Self { account, port, folder: parts.iter().fold(root.to_owned(), |path, part| path + part + "/") })
    }

    /// The path of what lies in the folder.
    pub fn path(&self, name: &str) -> String {
        format!("{}{name}", self.folder)
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let port = self.port.map(|port| format!(":{port}")).unwrap_or_default();
        let home = if self.folder.starts_with('/') { "" } else { "/~/" };
        write!(f, "sftp://{}{port}{home}{}", self.account, self.folder)
    }
}

/// Where files are put, with what an endpoint was told to look for in its query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url(String);

impl Url {
    /// Stands for a file's name, with its case before it.
    const FILE: &str = "{file}";

    fn parse(scheme: &str, rest: &str) -> Result<Self, PlaceError> {
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(PlaceError("no user in a URL: put USER:PASSWORD into a file and name it under deliver_secret"));
        }
        let (host, _) = host_and_port(authority)?;
        if scheme == "http" && !is_loopback(host) {
            return Err(PlaceError("http:// is for this machine alone: cases go over a network with https://"));
        }
        let after = rest.get(authority.len()..).unwrap_or_default().replace(Self::FILE, "");
        if !after.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~:/?@!$&'()*+,;=%[]".contains(&b)) {
            return Err(PlaceError("after the host there may be a path, a query and {file}, with all else in percent signs"));
        }
        Ok(Self(format!("{scheme}://{rest}")))
    }

    /// The URL of a file of a case. Both names are plain ones.
    pub fn of(&self, case: &str, file: &str) -> String {
        let file = format!("{case}/{file}");
        if self.0.contains(Self::FILE) {
            return self.0.replace(Self::FILE, &file);
        }
        let (path, query) = self.0.split_at(self.0.find('?').unwrap_or(self.0.len()));
        format!("{}/{file}{query}", path.trim_end_matches('/'))
    }

    /// The only scheme that may be spoken.
    pub fn scheme(&self) -> &str {
        self.0.split(':').next().unwrap_or_default()
    }
}

/// Whether a name is a name whatever reads it: no option, no pattern, no other folder.
pub fn is_plain(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    !name.is_empty() && name.bytes().all(plain) && !name.starts_with('-') && name != "." && name != ".."
}

fn host_and_port(text: &str) -> Result<(&str, Option<u16>), PlaceError> {
    let end = text.rfind(':').filter(|at| !text.get(*at..).is_some_and(|rest| rest.contains(']'))).unwrap_or(text.len());
    let (host, port) = text.split_at(end);
    let v6 = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    if !v6.map_or_else(|| is_plain(host) && !host.starts_with('.'), |address| address.parse::<Ipv6Addr>().is_ok()) {
        return Err(PlaceError("the host has to be a name or an address, an IPv6 one in brackets"));
    }
    match port.strip_prefix(':') {
        None => Ok((host, None)),
        // A sign would be accepted as part of a number.
        Some(digits) => match digits.parse() {
            Ok(port) if port > 0 && digits.bytes().all(|b| b.is_ascii_digit()) => Ok((host, Some(port))),
            _ => Err(PlaceError("the port has to be a number from 1 up to 65535")),
        },
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host == "[::1]" || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(text: &str) -> Result<Place, PlaceError> {
        Place::try_from(text.to_owned())
    }

    fn server(text: &str) -> Server {
        match place(text) {
            Ok(Place::Sftp(server)) => server,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn url(text: &str) -> Url {
        match place(text) {
            Ok(Place::Http(url)) => url,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn folders_are_what_they_were() {
        for text in ["share", "/mnt/sweeps", r"\\server\share", r"C:\sweeps", "a:b", "sftp:/x"] {
            assert_eq!(place(text), Ok(Place::Folder(text.into())));
        }
    }

    #[test]
    fn servers_are_read() {
        let all = server("sftp://drop@collector.example:2222/in//sweeps/");
        assert_eq!((all.account.as_str(), all.port), ("drop@collector.example", Some(2222)));
        assert_eq!(all.path("x"), "/in/sweeps/x");
        assert_eq!(all.to_string(), "sftp://drop@collector.example:2222/in/sweeps/");
        for (text, path) in
            [("sftp://h", "x"), ("sftp://h/", "/x"), ("sftp://h/~", "x"), ("sftp://h/~/in", "in/x"), ("sftp://h/in", "/in/x")]
        {
            assert_eq!((server(text).path("x").as_str(), server(text).port), (path, None), "{text}");
        }
        assert_eq!(server("sftp://u@[::1]:22/in").account, "u@[::1]");
    }

    #[test]
    fn urls_are_read() {
        let plain = url("https://collector.example:8443/in/?sig=a%2Fb&se=1");
        assert_eq!(plain.of("h-1", "journal/a"), "https://collector.example:8443/in/h-1/journal/a?sig=a%2Fb&se=1");
        assert_eq!(Place::Http(plain).to_string(), "https://collector.example:8443/in/");
        let asked = url("https://x.example/up?to=sweeps/{file}&sig=s");
        assert_eq!(asked.of("h-1", "a"), "https://x.example/up?to=sweeps/h-1/a&sig=s");
        assert_eq!(url("https://x.example").of("h-1", "a"), "https://x.example/h-1/a");
        assert_eq!(url("https://x.example?s").of("h-1", "a"), "https://x.example/h-1/a?s");
        for text in ["http://127.0.0.1:8000/x", "http://localhost/x", "http://[::1]:1/x"] {
            assert_eq!(url(text).scheme(), "http");
        }
    }

    #[test]
    fn nothing_becomes_an_option_a_command_or_another_folder() {
        for text in [
            "sftp://",
            "sftp:///in",
            "sftp://-oProxyCommand=sh/in",
            "sftp://-u@host/in",
            "sftp://u:secret@host/in",
            "sftp://u@v@host/in",
            "sftp://u@ho st/in",
            "sftp://u@host\n/in",
            "sftp://u@.host/in",
            "sftp://u@host:22x/in",
            "sftp://u@host:+22/in",
            "sftp://u@host:0/in",
            "sftp://u@host:70000/in",
            "sftp://u@[::1/in",
            "sftp://u@[::1]x/in",
            "sftp://u@[-F]/in",
            "sftp://u@::1/in",
            "sftp://host/in/../etc",
            "sftp://host/-in",
            "sftp://host/in*",
            "sftp://host/~root",
            "sftp://host/a\"\nrm b",
            "sftp://host/in\r!sh",
            "https://",
            "https:///x",
            "https://u:p@host/x",
            "https://-host/x",
            "https://host /x",
            "https://host/x y",
            "https://host/\"\nurl = \"file:///etc/passwd",
            "https://host/x\\",
            "https://host/x#y",
            "https://host/{a,b}",
            "https://host/{file",
            "https://host/é",
            "http://collector.example/x",
            "http://127.0.0.1.example/x",
            "http://localhost@collector.example/x",
            "http://10.0.0.1/x",
            "file:///etc",
            "scp://host/in",
            "HTTPS://host/in",
        ] {
            assert!(place(text).is_err(), "{text:?}: {:?}", place(text));
        }
    }

    #[test]
    fn what_is_refused_is_not_repeated() {
        let error = place("https://u:hunter2@host/x").unwrap_err().to_string();
        assert!(error.contains("deliver_secret") && !error.contains("hunter2"));
    }
}

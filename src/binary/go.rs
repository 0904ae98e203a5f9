//! Go's build information: which module a program was built from, whatever it is called now (Go's own
//! `debug/buildinfo` and `runtime/debug.BuildInfo`; the build id is that of `cmd/internal/buildid`).

use std::collections::BTreeMap;

use serde::Serialize;

use super::facts::{Listed, shown};

const MAGIC: &[u8] = b"\xff Go buildinf:";
/// The information is aligned so; places elsewhere are quotations of the magic.
const ALIGN: usize = 16;
/// Length of the header before inline strings.
const HEADER: usize = 32;
/// Places with the magic that are tried.
const MAX_PLACES: usize = 32;
/// Longest version and longest module text that are read.
const MAX_VERSION: usize = 256;
const MAX_MODULES: usize = 1 << 20;
/// The build id lies at the very start of the code.
const BUILD_ID_REACH: usize = 128 << 10;
const BUILD_ID: &[u8] = b"\xff Go build ID: \"";
const MAX_BUILD_ID: usize = 256;

/// Settings that a report may hold: others (`-ldflags`, `CGO_CFLAGS`) are free text with paths.
const SETTINGS: &[&str] =
    &["-buildmode", "-compiler", "CGO_ENABLED", "GOAMD64", "GOARCH", "GOOS", "vcs", "vcs.modified", "vcs.revision", "vcs.time"];

/// What Go's linker wrote down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Go {
    /// As `go1.22.1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Path of the main package.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Path of the main module.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module_version: Option<String>,
    /// Build settings that say what was built, from which revision.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: BTreeMap<String, String>,
    /// Modules it depends on, each as `path version`.
    pub dependencies: Listed,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_id: Option<String>,
}

/// Looks for build information. `at` turns a virtual address into an offset in `bytes` (programs before Go 1.18
/// hold pointers).
pub(super) fn go(bytes: &[u8], at: &dyn Fn(u64) -> Option<usize>) -> Option<Go> {
    let places = memchr::memmem::find_iter(bytes, MAGIC).filter(|p| p % ALIGN == 0).take(MAX_PLACES);
    let info = places.into_iter().find_map(|place| read(bytes, place, at));
    let build_id = build_id(bytes.get(..BUILD_ID_REACH).unwrap_or(bytes));
    match (info, build_id) {
        (Some(info), build_id) => Some(Go { build_id, ..info }),
        // The marker alone is quoted by tools that look for it; with a well-formed id it is a program's.
        (None, Some(id)) => Some(Go { build_id: Some(id), ..Go::default() }),
        (None, None) => None,
    }
}

fn read(bytes: &[u8], place: usize, at: &dyn Fn(u64) -> Option<usize>) -> Option<Go> {
    let header = bytes.get(place..place.checked_add(HEADER)?)?;
    let (pointer_size, flags) = (usize::from(header[14]), header[15]);
    let (version, modules) = if flags & 2 != 0 {
        let mut rest = bytes.get(place + HEADER..)?;
        (inline(&mut rest)?, inline(&mut rest).unwrap_or_default())
    } else {
        let words = Words { bytes, size: pointer_size, big: flags & 1 != 0, at };
        let first = words.word(place + 16)?;
        let second = words.word((place + 16).checked_add(pointer_size)?)?;
        (words.string(first)?, words.string(second).unwrap_or_default())
    };
    let version = std::str::from_utf8(version.get(..MAX_VERSION).unwrap_or(version)).ok()?;
    if !(version.starts_with("go") || version.starts_with("devel")) {
        return None;
    }
    let mut go = Go { version: Some(shown(version)), ..Go::default() };
    modules_of(modules, &mut go);
    Some(go)
}

/// A string behind its length as an unsigned varint.
fn inline<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let mut length = 0u64;
    let mut used = 0usize;
    for (i, &b) in rest.iter().take(10).enumerate() {
        length |= u64::from(b & 0x7f).checked_shl(u32::try_from(i).ok()? * 7)?;
        used = i + 1;
        if b & 0x80 == 0 {
            break;
        }
    }
    let end = used.checked_add(usize::try_from(length).ok()?)?;
    let found = rest.get(used..end)?;
    *rest = rest.get(end..)?;
    Some(found)
}

/// Pointers of the program's own width and byte order.
struct Words<'a> {
    bytes: &'a [u8],
    size: usize,
    big: bool,
    at: &'a dyn Fn(u64) -> Option<usize>,
}

impl<'a> Words<'a> {
    fn word(&self, offset: usize) -> Option<u64> {
        if !matches!(self.size, 4 | 8) {
            return None;
        }
        let raw = self.bytes.get(offset..offset.checked_add(self.size)?)?;
        let push = |v: u64, b: &u8| (v << 8) | u64::from(*b);
        Some(if self.big { raw.iter().fold(0, push) } else { raw.iter().rev().fold(0, push) })
    }

    /// The string whose header (pointer, length) lies at an address.
    fn string(&self, header: u64) -> Option<&'a [u8]> {
        let place = (self.at)(header)?;
        let start = (self.at)(self.word(place)?)?;
        let length = usize::try_from(self.word(place.checked_add(self.size)?)?).ok()?;
        self.bytes.get(start..start.checked_add(length)?)
    }
}

/// The text of `runtime/debug.BuildInfo` between two marks of 16 bytes.
fn modules_of(raw: &[u8], go: &mut Go) {
    let n = raw.len();
    if n < 33 || raw.get(n - 17) != Some(&b'\n') {
        return;
    }
    let text = raw.get(16..n - 16).unwrap_or_default();
    let text = String::from_utf8_lossy(text.get(..MAX_MODULES).unwrap_or(text));
    for line in text.lines() {
        let mut fields = line.split('\t');
        let (kind, first, second) = (fields.next().unwrap_or(""), fields.next().unwrap_or(""), fields.next());
        let version = second.filter(|v| !v.is_empty());
        match kind {
            "path" => go.path = Some(shown(first)),
            "mod" => {
                go.module = Some(shown(first));
                go.module_version = version.map(shown);
            }
            "dep" => go.dependencies.push(shown(&format!("{first} {}", version.unwrap_or("")))),
            "build" => {
                if let Some((key, value)) = first.split_once('=')
                    && SETTINGS.contains(&key)
                {
                    go.settings.insert(key.to_owned(), shown(value.trim_matches('"')));
                }
            }
            _ => {}
        }
    }
}

/// Four base-64 words with slashes between, or what `-buildid` set, in quotes.
fn build_id(head: &[u8]) -> Option<String> {
    let start = memchr::memmem::find(head, BUILD_ID)? + BUILD_ID.len();
    let rest = head.get(start..)?;
    let rest = rest.get(..MAX_BUILD_ID).unwrap_or(rest);
    let id = &rest[..memchr::memchr(b'"', rest)?];
    let plain = !id.is_empty() && id.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'_' | b'.'));
    plain.then(|| String::from_utf8_lossy(id).into_owned())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn varint(mut n: usize) -> Vec<u8> {
        let mut out = Vec::new();
        while n > 0x7f {
            out.push((n & 0x7f) as u8 | 0x80);
            n >>= 7;
        }
        out.push(n as u8);
        out
    }

    fn text(module: &str) -> Vec<u8> {
        let lines = format!(
            "path\t{module}/cmd\nmod\t{module}\tv1.2.3\th1:abc=\ndep\tgolang.org/x/sys\tv0.1.0\th1:x=\n=>\tgithub.com/fork/sys\tv0.2.0\t\n\
             build\t-ldflags=\"-X main.key=secret\"\nbuild\tvcs.revision=0123abcd\nbuild\tGOOS=linux\n"
        );
        [&[7u8; 16][..], lines.as_bytes(), &[9; 16]].concat()
    }

    /// Build information of Go 1.18 and later.
    pub(crate) fn blob(module: &str) -> Vec<u8> {
        let mut out = [MAGIC, &[8, 2]].concat();
        out.resize(HEADER, 0);
        for part in [b"go1.22.1".to_vec(), text(module)] {
            out.extend(varint(part.len()));
            out.extend(part);
        }
        out
    }

    const NOWHERE: &dyn Fn(u64) -> Option<usize> = &|_| None;

    fn good(go: &Go) {
        assert_eq!(go.version.as_deref(), Some("go1.22.1"));
        assert_eq!(go.module.as_deref(), Some("github.com/rclone/rclone"));
        assert_eq!((go.path.as_deref(), go.module_version.as_deref()), (Some("github.com/rclone/rclone/cmd"), Some("v1.2.3")));
        assert_eq!(go.dependencies.names, ["golang.org/x/sys v0.1.0"]);
        assert_eq!(go.settings.len(), 2, "free text stays out");
        assert!(!serde_json::to_string(go).unwrap().contains("secret"));
    }

    #[test]
    fn inline_strings() {
        let mut bytes = b"quoted here: \xff Go buildinf: and not aligned".to_vec();
        bytes.resize(64, 0);
        bytes.extend(blob("github.com/rclone/rclone"));
        bytes.extend_from_slice(b"code");
        good(&go(&bytes, NOWHERE).unwrap());
        // Unaligned is no build information.
        bytes.insert(0, 0);
        assert_eq!(go(&bytes, NOWHERE), None);
    }

    #[test]
    fn pointers_in_both_orders() {
        for (big, size) in [(false, 8usize), (true, 8), (false, 4), (true, 4)] {
            let base = 0x40_0000u64;
            let word = |n: u64| {
                let le = &n.to_le_bytes()[..size];
                if big { le.iter().rev().copied().collect::<Vec<u8>>() } else { le.to_vec() }
            };
            let (version, modules) = (b"go1.22.1".to_vec(), text("github.com/rclone/rclone"));
            let mut bytes = [MAGIC, &[size as u8, u8::from(big)]].concat();
            bytes.extend([word(base + 64), word(base + 96)].concat());
            bytes.resize(64, 0);
            bytes.extend([word(base + 128), word(version.len() as u64)].concat());
            bytes.resize(96, 0);
            bytes.extend([word(base + 160), word(modules.len() as u64)].concat());
            bytes.resize(128, 0);
            bytes.extend(&version);
            bytes.resize(160, 0);
            bytes.extend(&modules);
            let length = bytes.len();
            let at = move |v: u64| usize::try_from(v.checked_sub(base)?).ok().filter(|&o| o < length);
            good(&go(&bytes, &at).unwrap());
        }
    }

    #[test]
    fn every_damage_is_harmless() {
        let bytes = blob("github.com/rclone/rclone");
        for at in 0..bytes.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut changed = bytes.clone();
                changed[at] = value;
                let _ = go(&changed, NOWHERE);
            }
            let _ = go(&bytes[..at], NOWHERE);
        }
        let mut endless = bytes[..HEADER].to_vec();
        endless.extend([0xff; 64]);
        assert_eq!(go(&endless, NOWHERE), None);
    }

    #[test]
    fn build_ids() {
        let code = b"\xff Go build ID: \"aB-1/c_2/d/e\"\n \xff".to_vec();
        assert_eq!(go(&code, NOWHERE).unwrap().build_id.as_deref(), Some("aB-1/c_2/d/e"));
        assert_eq!(go(b"\xff Go build ID: \"%s\" in a tool's text", NOWHERE), None);
    }
}

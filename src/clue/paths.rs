//! Paths in texts, in the one form in which they are compared: lower case, `/` between names.

use std::collections::BTreeSet;

/// Longest path that is taken, bytes.
const MAX_PATH: usize = 1024;
/// Folders of a file that are looked up, the nearest.
const MAX_FOLDERS: usize = 64;

/// `C:\Users\x\` as `c:/users/x/`, without a device prefix (`\\?\`).
pub fn lower(path: &str) -> String {
    let text = path.to_lowercase().replace('\\', "/");
    match text.strip_prefix("//?/").or_else(|| text.strip_prefix("//./")) {
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

/// The same without separators at its end.
pub fn normal(path: &str) -> String {
    let mut text = lower(path);
    text.truncate(text.trim_end_matches('/').len());
    text
}

/// Bytes of the start of an absolute path: `C:\`, `\\server\share`, `/srv/x`. A lone `/x` is an option of some program.
fn starts(text: &str) -> bool {
    let b = text.as_bytes();
    match b {
        [drive, b':', b'\\' | b'/', next, ..] => drive.is_ascii_alphabetic() && !matches!(next, b'/' | b'\\'),
        [b'\\', b'\\', next, rest @ ..] => (next.is_ascii_alphanumeric() || matches!(next, b'?' | b'.')) && rest.contains(&b'\\'),
        [b'/', next, rest @ ..] => (next.is_ascii_alphanumeric() || matches!(next, b'.' | b'_')) && rest.contains(&b'/'),
        _ => false,
    }
}

/// The path that a line of a list begins with, if it does: bare, quoted, or as `dir` announces a folder.
pub fn listed(line: &str) -> Option<&str> {
    let line = line.trim_start_matches('\u{feff}').trim();
    let line = line.strip_prefix("Directory of ").unwrap_or(line);
    let path = match line.strip_prefix(['"', '\'']) {
        Some(quoted) => quoted.split(['"', '\'']).next()?,
        None => line.split(['\t', '|', '"']).next()?,
    };
    (path.len() <= MAX_PATH && starts(path)).then_some(path.trim_end())
}

/// All absolute paths that a text names, at most `most`: quoted ones whole, others up to the next blank, and what a
/// line is from its first path to its end.
pub fn named(text: &str, most: usize) -> Vec<String> {
    let mut found = BTreeSet::new();
    for line in text.lines() {
        let mut add = |path: &str| {
            let path = path.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ';' | ')' | '>'));
            if path.len() <= MAX_PATH && starts(path) {
                found.insert(normal(path));
            }
        };
        // Every other piece between quotes is inside of them.
        for (i, piece) in line.split(['"', '\'']).enumerate() {
            if i % 2 == 1 {
                add(piece);
            } else {
                piece.split([' ', '\t', '=', '<', '>', ',', ';', '(', ')']).for_each(&mut add);
            }
        }
        if let Some(value) = line.split_once('=').map(|(_, v)| v) {
            add(value);
        }
        if let Some(path) = listed(line) {
            add(path);
        }
        if found.len() >= most {
            break;
        }
    }
    found.into_iter().take(most).collect()
}

/// What a path that a text names is looked up by: without its drive or server, since evidence is read where it is
/// mounted, and without a pattern of files at its end.
pub fn key(mention: &str) -> Option<&str> {
    let bare = below_root(mention);
    let bare = match bare.find(['*', '?']) {
        Some(pattern) => bare.get(..pattern)?.rsplit_once('/')?.0,
        None => bare,
    };
    (bare.len() > 1 && bare.starts_with('/')).then_some(bare)
}

/// The keys of all that names a file: itself, the folder it lies in, and those above that are not shared by everything.
/// One name alone (`/tmp`, `c:/users`) speaks of what lies in it and in its folders, and of nothing deeper.
pub fn keys(file: &str) -> impl Iterator<Item = &str> {
    let mut cuts: Vec<usize> = file.match_indices('/').map(|(at, _)| at).chain([file.len()]).collect();
    cuts.drain(..cuts.len().saturating_sub(MAX_FOLDERS));
    let count = cuts.len();
    (0..count).flat_map(move |from| {
        let cuts = cuts.clone();
        (from + 1..count).filter_map(move |to| {
            let alone_and_far = to - from < 2 && count - 1 - to > 2;
            file.get(*cuts.get(from)?..*cuts.get(to)?).filter(|_| !alone_and_far)
        })
    })
}

fn below_root(path: &str) -> &str {
    if let Some(rest) = path.strip_prefix("//") {
        // The server, then the share.
        return rest.split_once('/').and_then(|(_, r)| r.find('/').map(|at| &r[at..])).unwrap_or_default();
    }
    match path.as_bytes() {
        [drive, b':', ..] if drive.is_ascii_alphabetic() => &path[2..],
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(mention: &str, file: &str) -> bool {
        key(mention).is_some_and(|key| keys(file).any(|k| k == key))
    }

    #[test]
    fn paths_are_found_in_every_dress() {
        let text = "rclone copy \"C:\\Program Data\\upd\" mega:x --log=C:\\Windows\\Temp\\l.txt\n7z a /tmp/x/1.7z \\\\FS01\\billing\\claims\nopen host /ssl\n<LocalFile>D:\\out\\a.zip</LocalFile>";
        let want = ["//fs01/billing/claims", "/tmp/x/1.7z", "c:/program data/upd", "c:/windows/temp/l.txt", "d:/out/a.zip"];
        assert_eq!(named(text, 100), want);
        assert_eq!(named(text, 1).len(), 1);
    }

    #[test]
    fn lists() {
        for (line, want) in [
            ("C:\\a b\\c.txt", Some("C:\\a b\\c.txt")),
            ("\"\\\\srv\\share\\x y\",12", Some("\\\\srv\\share\\x y")),
            (" Directory of C:\\Users", Some("C:\\Users")),
            ("/srv/a/b", Some("/srv/a/b")),
            ("/usage", None),
            ("// a comment", None),
            ("http://a/b", None),
        ] {
            assert_eq!(listed(line), want, "{line}");
        }
    }

    #[test]
    fn what_a_mention_is_about() {
        let file = "/mnt/c/perflogs/1/data.7z";
        for mention in ["c:/perflogs/1/data.7z", "c:/perflogs/1", "c:/perflogs", "d:/perflogs/1/*", "//host/c$/perflogs/1"] {
            assert!(names(mention, file), "{mention}");
        }
        for mention in ["c:/perf", "c:/perflogs/2", "c:", "c:/", "/mnt", "//host/c$", "1/data.7z/x"] {
            assert!(!names(mention, file), "{mention}");
        }
        assert!(!names("/tmp", "/srv/tmp/a/b/c.zip"));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics(text in ".{0,200}", file in ".{0,40}") {
            for path in named(&text, 10) {
                let _ = names(&path, &normal(&file));
            }
            let _ = listed(&text);
        }
    }
}

//! File-name patterns as lists write them, made to match wherever a Windows volume is seen from.

/// Longest pattern that is compiled, in bytes.
pub const MAX_PATTERN: usize = 8 * 1024;

/// Memory for one compiled pattern; beyond it the line is rejected.
const SIZE_LIMIT: usize = 2 << 20;

/// Compiles one pattern. The error is the compiler's own, in one line.
pub fn compile(pattern: &str) -> Result<regex::Regex, String> {
    regex::RegexBuilder::new(pattern).size_limit(SIZE_LIMIT).build().map_err(|e| match e {
        regex::Error::CompiledTooBig(_) => "the pattern needs too much memory".to_owned(),
        other => {
            let text = other.to_string();
            let last = text.lines().map(str::trim).rfind(|l| !l.is_empty()).unwrap_or_default();
            last.strip_prefix("error:").unwrap_or(last).trim().to_owned()
        }
    })
}

/// Folders behind the variables of Windows, whatever the user and the drive. They are never taken from the
/// scanning system's own environment, which knows nothing of the evidence.
const FOLDERS: &[(&str, &str)] = &[
    ("allusersprofile", r"(?i:\\ProgramData|\\Documents and Settings\\All Users)"),
    ("appdata", r"(?i:\\AppData(?:\\Roaming)?|\\Application Data)"),
    ("commonprogramfiles", r"(?i:\\Program Files(?: \(x86\))?\\Common Files)"),
    ("homepath", r"(?i:\\(?:Users|Documents and Settings)\\[^\\]+)"),
    ("localappdata", r"(?i:\\AppData\\Local|\\Local Settings\\Application Data)"),
    ("programdata", r"(?i:\\ProgramData|\\Application Data)"),
    ("programfiles", r"(?i:\\Program Files(?: \(x86\))?)"),
    ("programfiles(x86)", r"(?i:\\Program Files \(x86\))"),
    ("public", r"(?i:\\Users\\Public)"),
    ("system", r"(?i:\\Windows\\(?:System32|SysWOW64))"),
    ("systemdrive", r"[A-Za-z]:"),
    ("systemroot", r"(?i:\\(?:Windows|WINNT))"),
    ("temp", r"(?i:\\(?:Temp|Tmp))"),
    ("tmp", r"(?i:\\(?:Temp|Tmp))"),
    ("userprofile", r"(?i:\\(?:Users|Documents and Settings)\\[^\\]+)"),
    ("windir", r"(?i:\\(?:Windows|WINNT))"),
];

/// Replaces `%NAME%` (also `@%NAME%`) of well-known folders by a pattern for them; others stay.
pub fn expand_folders(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(open) = rest.find('%') {
        let (before, from) = rest.split_at(open);
        let tail = from.get(1..).unwrap_or_default();
        let name = tail.split('%').next().unwrap_or_default();
        let folder = tail
            .get(name.len()..)
            .is_some_and(|r| r.starts_with('%'))
            .then(|| FOLDERS.iter().find(|(n, _)| name.replace('\\', "").eq_ignore_ascii_case(n)))
            .flatten();
        match folder {
            Some((_, regex)) => {
                out.push_str(before.strip_suffix('@').unwrap_or(before));
                out.push_str(regex);
                rest = tail.get(name.len() + 1..).unwrap_or_default();
            }
            None => {
                out.push_str(before);
                out.push('%');
                rest = tail;
            }
        }
    }
    out.push_str(rest);
    out
}

/// The same pattern without its drives (`C:\\`, `^[A-Z]:\\`, `\w:\\`), for trees whose drive isn't known; the
/// start of such a path isn't known either, so an anchor before the drive goes too. `None` where the pattern
/// demands no drive.
pub fn without_drive(pattern: &str) -> Option<String> {
    let tokens = tokens(pattern);
    let mut out = String::with_capacity(pattern.len());
    let mut found = false;
    let mut i = 0;
    while let Some(token) = tokens.get(i) {
        if is_drive(&tokens, i) {
            if out.ends_with('^') && !out.ends_with("\\^") {
                out.pop();
            }
            found = true;
            i += 2;
            continue;
        }
        out.push_str(token);
        i += 1;
    }
    found.then_some(out)
}

/// A letter, letter class or wildcard, a colon, a separator; and no letter before it.
fn is_drive(tokens: &[&str], i: usize) -> bool {
    let letter = |t: &str| t.len() == 1 && t.bytes().all(|b| b.is_ascii_alphabetic());
    let class = |t: &str| {
        t.strip_prefix('[')
            .and_then(|t| t.strip_suffix(']'))
            .is_some_and(|t| !t.is_empty() && t.bytes().all(|b| b.is_ascii_alphabetic() || b == b'-'))
    };
    let drive = tokens.get(i).is_some_and(|t| letter(t) || class(t) || *t == "." || *t == "\\w");
    let colon = tokens.get(i + 1).is_some_and(|t| *t == ":" || *t == "\\:");
    let separator = tokens.get(i + 2).is_some_and(|t| *t == "\\\\" || t.starts_with("[\\\\") || *t == "(");
    let alone = i.checked_sub(1).and_then(|p| tokens.get(p)).is_none_or(|t| !letter(t));
    drive && colon && separator && alone
}

/// Escapes, classes and single characters of a pattern.
fn tokens(pattern: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let len = match first {
            '\\' => 1 + rest.chars().nth(1).map_or(0, char::len_utf8),
            '[' => class_len(rest),
            c => c.len_utf8(),
        };
        let (token, after) = rest.split_at_checked(len).unwrap_or((rest, ""));
        out.push(token);
        rest = after;
    }
    out
}

/// Bytes of a character class, escapes and a leading `]` respected; nested classes are rare and end early,
/// which costs at most the variant.
fn class_len(text: &str) -> usize {
    let mut escaped = false;
    for (i, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ']' if i > 1 => return i + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drives_are_recognised_and_dropped() {
        for (pattern, variant) in [
            (r"C:\\PerfLogs\\1", Some(r"\\PerfLogs\\1")),
            (r"^C:\\m\.vbs$", Some(r"\\m\.vbs$")),
            (r"(?i)^[C-Z]:\\x", Some(r"(?i)\\x")),
            (r"[Cc]:\\Inetpub\.lnk", Some(r"\\Inetpub\.lnk")),
            (r"\w:\\a|D:\\b", Some(r"\\a|\\b")),
            (r"(C:\\a|D:\\b)\\x", Some(r"(\\a|\\b)\\x")),
            (r"https:\\x", None),
            (r"\\Temp\\C:x", None),
            (r"\\config\\a", None),
            (r"\d:\\x", None),
            (r"abc:\\x", None),
        ] {
            assert_eq!(without_drive(pattern).as_deref(), variant, "{pattern}");
        }
    }

    #[test]
    fn folders_are_not_the_scanners() {
        let p = compile(&expand_folders(r"%AppData%\\Roaming\\warriors\.dat")).unwrap();
        assert!(!p.is_match(r"C:\Users\a\warriors.dat"));
        let p = compile(&expand_folders(r"@%AppData%\\warriors\.dat")).unwrap();
        assert!(p.is_match(r"C:\Users\a\AppData\Roaming\warriors.dat"));
        let p = compile(&expand_folders(r"%SystemDrive%\\x\.exe")).unwrap();
        assert!(p.is_match(r"D:\x.exe"));
        assert_eq!(expand_folders(r"100%_%User%_/x"), r"100%_%User%_/x");
        assert_eq!(expand_folders("%"), "%");
    }

    #[test]
    fn errors_are_one_line() {
        assert_eq!(compile(r"\e").unwrap_err(), "unrecognized escape sequence");
        assert!(compile(r"(?<!x)y").unwrap_err().contains("look-around"));
        assert!(compile(r"(?:\w{1000}){1000}").unwrap_err().contains("memory"));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(pattern: String) {
            let _ = without_drive(&pattern);
            let _ = expand_folders(&pattern);
        }
        #[test]
        fn variants_compile(pattern in r"(\^?[A-Z]:\\\\|\[A-Z\]|%temp%|\(\?i\)|\\\.|x|\$){1,6}") {
            if compile(&pattern).is_ok() && let Some(v) = without_drive(&pattern) {
                proptest::prop_assert!(compile(&v).is_ok(), "{v}");
            }
        }
    }
}

//! Published addresses are written so that nobody follows them by mistake; this takes it back.

/// What stands for what, in any case of letters.
const MARKS: &[(&str, &str)] = &[
    ("[.]", "."),
    ("(.)", "."),
    ("{.}", "."),
    ("[.", "."),
    (".]", "."),
    ("[dot]", "."),
    ("(dot)", "."),
    ("{dot}", "."),
    (" dot ", "."),
    ("[://]", "://"),
    ("[:]", ":"),
    ("[/]", "/"),
    ("[@]", "@"),
    ("(@)", "@"),
    ("[at]", "@"),
    ("(at)", "@"),
    ("{at}", "@"),
    (" at ", "@"),
];

const SCHEMES: &[(&str, &str)] =
    &[("hxxps", "https"), ("hxxp", "http"), ("h**ps", "https"), ("h**p", "http"), ("meow", "http"), ("fxp", "ftp")];

/// `hxxps[:]//evil[.]com` as `https://evil.com`; quotation marks and blanks around it are dropped.
pub fn refang(entry: &str) -> String {
    let mut text = entry.trim().trim_matches('"').to_owned();
    if text.contains(['[', ']', '(', '{', ' ']) {
        for (from, to) in MARKS {
            text = replace(&text, from, to);
        }
    }
    for (from, to) in SCHEMES {
        let starts = text.get(..from.len()).is_some_and(|s| s.eq_ignore_ascii_case(from));
        if starts && text.get(from.len()..).is_some_and(|rest| rest.starts_with(':')) {
            text.replace_range(..from.len(), to);
            break;
        }
    }
    text
}

/// ASCII letters of any case; everything else keeps its bytes.
fn replace(text: &str, from: &str, to: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (found, _) in lower.match_indices(from) {
        out.push_str(text.get(at..found).unwrap_or_default());
        out.push_str(to);
        at = found.saturating_add(from.len());
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_in_any_case() {
        for (entry, plain) in [
            ("hXXps[:]//Evil[.]com/A", "https://Evil.com/A"),
            ("a[AT]b(DOT)c", "a@b.c"),
            ("\"1[.]2[.]3[.]4\"", "1.2.3.4"),
            ("evil dot com", "evil.com"),
            ("hxxpd.com", "hxxpd.com"),
            ("plain.com", "plain.com"),
        ] {
            assert_eq!(refang(entry), plain);
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(entry: String) {
            let _ = refang(&entry);
        }
    }
}

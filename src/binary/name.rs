//! What a file name alone gives away: reordered text, a second extension, padding before the real one.

use crate::model::{Reason, text};

/// Source of every reason here.
pub(super) const SOURCE: &str = "heuristic:binary";

/// Extensions that Windows runs on a double click. `js`, `jar` and `lnk` are left out: build trees and the
/// folder of recent documents are full of `a.pdf.js` and `report.pdf.lnk`.
const RUNS: &[&str] = &["exe", "scr", "pif", "com", "bat", "cmd", "cpl", "hta", "jse", "ps1", "vbe", "vbs", "wsf"];
/// Extensions of what people open without a thought.
const OPENS: &[&str] = &[
    "avi", "bmp", "csv", "dcm", "doc", "docx", "gif", "jpeg", "jpg", "mov", "mp3", "mp4", "odt", "pdf", "png", "ppt", "pptx",
    "rtf", "tif", "tiff", "txt", "xls", "xlsx",
];

/// The part behind the last dot, lower case, without trailing spaces; `None` for `.profile` and `name`.
pub(super) fn extension(name: &str) -> Option<String> {
    let (stem, ext) = name.trim_end_matches([' ', '.']).rsplit_once('.')?;
    let plain = !ext.is_empty() && ext.len() <= 5 && ext.bytes().all(|b| b.is_ascii_alphanumeric());
    (plain && !stem.trim().is_empty()).then(|| ext.to_ascii_lowercase())
}

pub(super) fn runs(ext: &str) -> bool {
    RUNS.contains(&ext)
}

pub(super) fn opens(ext: &str) -> bool {
    OPENS.contains(&ext)
}

/// Reasons from a base name (bytes as the file system holds them). `program` says whether the content is an
/// executable; `None` where it isn't known.
pub fn name_reasons(name: &[u8], program: Option<bool>) -> Vec<Reason> {
    let lossy = String::from_utf8_lossy(name);
    let mut out = Vec::new();
    let ext = extension(&lossy);
    let runnable = program == Some(true) || ext.as_deref().is_some_and(runs);

    if lossy.contains(['\u{202e}', '\u{202d}']) {
        // An override has no place in a name of any language; marks and embeddings do.
        let weight = if runnable { 90 } else { 75 };
        let words = "the file name holds a character that reverses the text behind it, so that it reads as another name";
        out.push(Reason::new("name.bidi_override", "binary.name.bidi", weight, words, SOURCE));
    } else if runnable && lossy.contains(['\u{202a}', '\u{202b}', '\u{2066}', '\u{2067}', '\u{2068}']) {
        let words = "the name of a program holds characters that change the direction of text";
        out.push(Reason::new("name.bidi_embedding", "binary.name.bidi", 50, words, SOURCE));
    }

    if let Some(ext) = ext.filter(|e| runs(e)) {
        let trimmed = lossy.trim_end_matches([' ', '.']);
        let stem = &trimmed[..trimmed.len().saturating_sub(ext.len() + 1)];
        let before = stem.trim_end();
        if let Some(shown) = extension(before).filter(|e| opens(e)) {
            let padded = stem.len() - before.len() >= 4;
            // A text file of that name happens (a script that handles PDFs); a program of that name doesn't.
            let weight = match (padded, program) {
                (true, _) => 75,
                (false, Some(false)) if !script(&ext) => 40,
                (false, _) => 60,
            };
            let words = format!("the name shows the extension .{shown} before the real one, .{ext}");
            out.push(Reason::new(
                "name.double_extension",
                "binary.name.extension",
                weight,
                text::escape(words.as_bytes()),
                SOURCE,
            ));
        } else if stem.len() - before.len() >= 10 {
            let words = format!("many spaces push the extension .{ext} out of sight");
            out.push(Reason::new("name.padded_extension", "binary.name.extension", 60, words, SOURCE));
        }
    }
    out
}

/// Runnable extensions whose content is text.
fn script(ext: &str) -> bool {
    !matches!(ext, "exe" | "scr" | "pif" | "com" | "cpl")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weight(name: &str, program: Option<bool>) -> i32 {
        name_reasons(name.as_bytes(), program).iter().map(|r| r.weight).max().unwrap_or(0)
    }

    #[test]
    fn double_extensions() {
        assert_eq!(weight("invoice.pdf.exe", Some(true)), 60);
        assert_eq!(weight("Invoice.PDF.EXE", None), 60);
        assert_eq!(weight("scan.jpg.vbs", Some(false)), 60);
        assert_eq!(weight("invoice.pdf.exe", Some(false)), 40);
        assert_eq!(weight("invoice.pdf                    .exe", Some(true)), 75);
        assert_eq!(weight("invoice                        .exe", Some(true)), 60);
    }

    #[test]
    fn ordinary_names_say_nothing() {
        for name in [
            "setup.exe",
            "setup-1.2.3.exe",
            "pdf.worker.js",
            "a.pdf.js",
            "report.pdf.lnk",
            "notes.txt",
            ".txt.exe.bak",
            "node.js.exe",
            "txt.exe",
            ".pdf.exe.txt",
            "7.txt",
            "",
            ".",
            " .exe",
        ] {
            assert_eq!(weight(name, None), 0, "{name}");
        }
    }

    #[test]
    fn reordered_names() {
        assert_eq!(weight("ann\u{202e}fdp.exe", Some(true)), 90);
        assert_eq!(weight("ann\u{202e}fdp.txt", Some(false)), 75);
        assert_eq!(weight("\u{202b}דוח.exe", None), 50);
        assert_eq!(weight("\u{202b}דוח.pdf", None), 0);
        assert_eq!(weight("\u{200f}דוח.pdf", None), 0);
    }

    #[test]
    fn any_bytes_are_harmless() {
        for name in [&b"\xff\xfe.pdf.exe"[..], b"a.pdf .exe ..", b"\xe2\x80.exe", b"...", b"x.pdf\xc2\xa0.exe"] {
            let _ = name_reasons(name, None);
        }
    }
}

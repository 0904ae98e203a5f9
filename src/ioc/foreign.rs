//! Indicator files of formats that aren't read: naming them is better than misreading them.

use super::decode::lines;
use super::{misp, openioc};

/// What a text is, where it is recognisably something else.
pub fn foreign(name: &[u8], text: &str) -> Option<&'static str> {
    if misp::is_json(text) || openioc::is_openioc(text) {
        return None;
    }
    let body = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    json(body).or_else(|| markup(body)).or_else(|| sigma(text)).or_else(|| table(text)).or_else(|| by_name(name))
}

fn json(body: &str) -> Option<&'static str> {
    let inner = body.strip_prefix('[').map(str::trim_start);
    if !body.starts_with('{') && !inner.is_some_and(|i| i.starts_with(['{', '"', '['])) {
        return None;
    }
    let has = |words: &[&str]| words.iter().any(|w| body.contains(w));
    if has(&["\"spec_version\"", "\"bundle\"", "\"indicator--", "\"pattern_type\""]) {
        return None;
    }
    Some(if has(&["\"misp-attribute\""]) {
        "a template for objects of MISP, which holds no indicators"
    } else if has(&["wardround/tools/1"]) {
        "a list of known tools; give it with --tools"
    } else if has(&["\"GalaxyCluster\""]) {
        "a galaxy of MISP, which holds no indicators"
    } else {
        "a JSON document"
    })
}

fn markup(body: &str) -> Option<&'static str> {
    if !body.starts_with('<') {
        return None;
    }
    Some("an XML or HTML document")
}

/// Whether a text is a file of YARA rules.
pub fn is_yara(text: &str) -> bool {
    let (mut rule, mut condition) = (false, false);
    for (_, line) in lines(text).take(5000) {
        rule |= ["rule ", "private rule ", "global rule "].iter().any(|w| line.starts_with(w));
        condition |= line.starts_with("condition") || line.split("condition").skip(1).any(|r| r.trim_start().starts_with(':'));
    }
    rule && condition
}

fn sigma(text: &str) -> Option<&'static str> {
    let (mut title, mut detection) = (false, false);
    for (_, line) in lines(text).take(5000) {
        title |= line.starts_with("title:");
        detection |= line.starts_with("detection:");
    }
    (title && detection).then_some("a Sigma rule, which is not read")
}

fn table(text: &str) -> Option<&'static str> {
    let (_, header) = lines(text).find(|(_, l)| !l.is_empty() && !l.starts_with('#'))?;
    let header = header.get(..header.len().min(2000)).unwrap_or_default().to_ascii_lowercase().replace('"', "");
    let columns: Vec<&str> = header.split([',', ';', '\t']).map(str::trim).collect();
    if columns.contains(&"crc32") && columns.contains(&"productcode") {
        Some("an NSRL list of known software, which accuses nobody")
    } else {
        None
    }
}

/// Lists whose lines look like those of another format; only their names tell them apart (the tags of THOR).
fn by_name(name: &[u8]) -> Option<&'static str> {
    let name = String::from_utf8_lossy(name).to_ascii_lowercase();
    let base = name.rsplit('/').next().unwrap_or_default();
    let mut words = base.split(|c: char| !c.is_ascii_alphanumeric());
    words.find_map(|w| (w == "excludes").then_some("a list of exclusions, which is not read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_named() {
        for (name, text, word) in [
            ("a.json", r#"{"attributes":{"x":{"misp-attribute":"text"}}}"#, "template"),
            ("a.json", r#"{"uuid":"x","GalaxyCluster":[]}"#, "galaxy"),
            ("a.json", r#"{"x":1}"#, "JSON"),
            ("a.xml", "\u{feff}<?xml version='1.0'?><rss>", "XML"),
            ("a.yml", "title: x\nlogsource:\ndetection:\n", "Sigma"),
            ("a.csv", "\"SHA-1\",\"MD5\",\"CRC32\",\"FileName\",\"FileSize\",\"ProductCode\"\n", "NSRL"),
            ("excludes.txt", "x", "exclusions"),
        ] {
            assert!(foreign(name.as_bytes(), text).is_some_and(|w| w.contains(word)), "{text}");
        }
        assert!(is_yara("import \"pe\"\nrule x : tag {\n condition:\n  true\n}") && !is_yara("rule of thumb"));
        for text in ["[2001:db8::1]:443", "evil.com", "rule of thumb", "md5,sha1\n"] {
            assert_eq!(foreign(b"iocs.txt", text), None);
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text: String) {
            let _ = foreign(text.as_bytes(), &text);
        }
    }
}

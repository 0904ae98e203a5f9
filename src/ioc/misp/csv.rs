//! `misp-csv`: attributes as MISP exports them in a table, and as PyMISP's examples do with semicolons.
//!
//! Columns are found by their titles, in any number and order. Without a header the column of types is found by
//! its vocabulary, and the others by their place in MISP's export.

use super::super::csv::{Row, rows};
use super::super::decode::raw_lines;
use super::attribute::is_type;
use super::{DELETED, Details, NO_TO_IDS, is_uuid, load, truthy};
use crate::ioc::{IocFormat, Loader, Place};

/// Rows that decide about the layout.
const SAMPLE: usize = 200;

/// See the module.
pub struct MispCsv;

impl IocFormat for MispCsv {
    fn id(&self) -> &'static str {
        "misp-csv"
    }

    fn looks_like(&self) -> &'static str {
        "MISP CSV export with the columns type and value"
    }

    fn sniff(&self, _: &[u8], head: &[u8]) -> bool {
        Layout::of(std::str::from_utf8(head).unwrap_or_default()).is_some()
    }

    fn parse(&self, text: &str, loader: &mut Loader<'_>) {
        let Some(layout) = Layout::of(text) else { return };
        if layout.to_ids.is_none() {
            loader.adjust(&Place::Line(1), "no column says to_ids; all attributes are in force");
        }
        let mut header = layout.header;
        for row in rows(text, layout.separator, is_uuid) {
            match row {
                Err((line, why)) => loader.reject(line, why),
                Ok(_) if std::mem::take(&mut header) => {}
                // Exports that were joined repeat their header.
                Ok(row) if layout.header && row.cell(layout.kind) == "type" && row.cell(layout.value) == "value" => {}
                Ok(row) => layout.load(&row, loader),
            }
        }
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Layout {
    separator: char,
    header: bool,
    kind: usize,
    value: usize,
    to_ids: Option<usize>,
    deleted: Option<usize>,
    uuid: Option<usize>,
    comment: Option<usize>,
    info: Option<usize>,
    author: Option<usize>,
    tags: Vec<usize>,
}

impl Layout {
    fn of(text: &str) -> Option<Self> {
        [',', ';', '\t'].into_iter().find_map(|separator| {
            let sample: Vec<Row> = rows(text, separator, is_uuid).take(SAMPLE).flatten().collect();
            Self::titled(text, separator, &sample).or_else(|| Self::untitled(separator, &sample))
        })
    }

    fn titled(text: &str, separator: char, sample: &[Row]) -> Option<Self> {
        let head = sample.first()?;
        // A header that isn't the first line with something in it is a row.
        let (line, _) = raw_lines(text).find(|(_, l)| !l.trim().is_empty() && !l.starts_with('#'))?;
        if head.line != line {
            return None;
        }
        let titles: Vec<String> = head.cells.iter().map(|c| c.trim().to_ascii_lowercase().replace('-', "_")).collect();
        let find = |name: &str| titles.iter().position(|t| t == name);
        let (kind, value) = (find("type")?, find("value")?);
        // `type` and `value` alone could be any table: its types must be MISP's.
        let known = ["uuid", "event_id", "category", "to_ids", "object_relation", "attribute_tag"];
        let typed = sample.iter().skip(1).any(|r| is_type(r.cell(kind)));
        if !typed && !known.iter().any(|k| find(k).is_some()) {
            return None;
        }
        let tags =
            titles.iter().enumerate().filter(|(_, t)| matches!(t.as_str(), "attribute_tag" | "event_tag" | "tag" | "tags"));
        Some(Self {
            separator,
            header: true,
            kind,
            value,
            to_ids: find("to_ids"),
            deleted: find("deleted"),
            uuid: find("uuid"),
            comment: find("comment"),
            info: find("event_info"),
            author: find("event_source_org"),
            tags: tags.map(|(i, _)| i).collect(),
        })
    }

    /// By MISP's order `uuid,event_id,category,type,value,comment,to_ids,date,…`, of which the first ones may be
    /// missing, or PyMISP's `value;category;type;comment;to_ids;…`.
    fn untitled(separator: char, sample: &[Row]) -> Option<Self> {
        let widest = sample.iter().map(|r| r.cells.len()).max()?.min(SAMPLE);
        let good = |i: usize| sample.iter().filter(|r| is_type(r.cell(i))).count();
        let kind = (0..widest).find(|i| good(*i) > 0 && good(*i).saturating_mul(2) > sample.len())?;
        let identified = sample.iter().any(|r| is_uuid(r.cell(0)));
        let first = kind == 2 && !identified && separator == ';';
        let (value, comment) = if first { (0, kind.checked_add(1)?) } else { (kind.checked_add(1)?, kind.checked_add(2)?) };
        // One word a line, or a table of something else that has such a word.
        if value >= widest || sample.iter().filter(|r| !r.cell(value).is_empty()).count().saturating_mul(2) <= sample.len() {
            return None;
        }
        let flag = |i: usize| sample.iter().all(|r| matches!(r.cell(i), "0" | "1" | ""));
        let to_ids = comment.checked_add(1).filter(|i| *i < widest && flag(*i));
        // Two columns of which one holds types are too little to tell.
        if to_ids.is_none() && !identified {
            return None;
        }
        Some(Self {
            separator,
            kind,
            value,
            to_ids,
            comment: (comment < widest).then_some(comment),
            uuid: identified.then_some(0),
            ..Self::default()
        })
    }

    fn load(&self, row: &Row, loader: &mut Loader<'_>) {
        let cell = |i: Option<usize>| i.map_or("", |i| row.cell(i));
        if self.deleted.is_some_and(|i| truthy(row.cell(i))) {
            return loader.context(1, DELETED);
        }
        let place = Place::Line(row.line);
        match self.to_ids.map(|i| row.cell(i)) {
            Some(flag) if truthy(flag) => {}
            Some("0" | "false" | "False" | "FALSE") => return loader.context(1, NO_TO_IDS),
            Some(_) => return loader.reject(place, "to_ids is neither 1 nor 0"),
            None => {}
        }
        let (kind, value) = (row.cell(self.kind), row.cell(self.value));
        if kind.is_empty() {
            return loader.reject(place, "an attribute without type");
        }
        let tags = self.tags.iter().flat_map(|i| row.cell(*i).split(',')).map(str::trim).filter(|t| !t.is_empty()).collect();
        let details = Details {
            uuid: cell(self.uuid),
            comment: cell(self.comment),
            info: cell(self.info),
            author: cell(self.author),
            tags,
            beside_hash: false,
        };
        load(loader, place, kind, value, &details);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts() {
        let full = "uuid,event_id,category,type,value,comment,to_ids,date\n";
        assert_eq!(Layout::of(full).map(|l| (l.kind, l.value, l.to_ids)), Some((3, 4, Some(6))));
        let semicolon = "value;category;type;comment;to_ids;first_seen\nevil.com;Network activity;domain;x;1;\n";
        assert_eq!(Layout::of(semicolon).map(|l| (l.separator, l.kind, l.value)), Some((';', 2, 0)));
        let subset = "value,type\nevil.com,domain\n";
        assert_eq!(Layout::of(subset).map(|l| (l.kind, l.value, l.to_ids)), Some((1, 0, None)));
        let bare = "\"5a3c3045-ab0c-4d38-8efe-459002de0b81\",1,\"Network activity\",\"domain\",\"evil.com\",\"\",1,1513893957\n";
        assert_eq!(Layout::of(bare).map(|l| (l.header, l.kind, l.value, l.to_ids)), Some((false, 3, 4, Some(6))));
        for text in ["md5, sha1, sha256\na,b,c\n", "SHA1,fileName,size\n", "type,value\napple,1\n", "url\nlink\n", ""] {
            assert_eq!(Layout::of(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "(type|value|to_ids|domain|[,;\"\\n\\t01]){0,40}") {
            let _ = Layout::of(&text);
        }
    }
}

//! `indicator-csv`: tables of indicators of several kinds, as platforms, reports and spreadsheets export them.
//!
//! Columns are found by the titles of a header, in any of the usual spellings: one for the value and, beside it
//! or not, one for its type (`Indicator type,Indicator,Description` of OTX, `ioc_type,ioc_value` of ThreatFox), or one for
//! each kind (`domain,ip,url,sha256,path`). A name beside a digest describes the digest and accuses nobody.

use super::csv::Row;
use super::decode::{convinces, named};
use super::expr::{Case, Part, Pattern, Registry, Term, Text, TextOp};
use super::hash::{HashKind, HashValue, why_not};
use super::hash_csv::{plain, rows};
use super::hash_list::{integer, tlsh};
use super::indicator_list::{self, Entry};
use super::loader::About;
use super::set::Place;
use super::{IocFormat, Loader, address};

/// See the module.
pub struct IndicatorCsv;

impl IocFormat for IndicatorCsv {
    fn id(&self) -> &'static str {
        "indicator-csv"
    }

    fn looks_like(&self) -> &'static str {
        "CSV or TSV with a header that names columns of indicators, as type,indicator,description or domain,ip,url"
    }

    fn sniff(&self, name: &[u8], head: &[u8]) -> bool {
        let text = std::str::from_utf8(head).unwrap_or_default();
        let Some(layout) = Layout::of(text) else { return false };
        let data: Vec<Row> = rows(text, layout.separator).flatten().skip(1).take(400).collect();
        let good = data.iter().filter(|r| layout.cells(r).iter().any(|c| !matches!(c, Cell::Wrong(_)))).count();
        convinces(good, data.len(), named(name, &[".csv", ".tsv"]))
    }

    fn parse(&self, text: &str, loader: &mut Loader<'_>) {
        let Some(layout) = Layout::of(text) else { return };
        let mut header = true;
        for row in rows(text, layout.separator) {
            match row {
                Err((line, why)) => loader.reject(line, why),
                Ok(_) if std::mem::take(&mut header) => {}
                Ok(row) => layout.load(&row, loader),
            }
        }
    }
}

/// What a column or a type word says of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The value's own shape tells.
    Any,
    Hash(Option<HashKind>),
    Imphash,
    Tlsh,
    Address,
    Name,
    Path,
    Registry,
    /// What no file answers, in words.
    Unanswered(&'static str),
}

impl Kind {
    /// By a title or type word without its blanks and marks, in lower case.
    fn named(word: &str) -> Option<Self> {
        if let Some(kind) = HashKind::named(word) {
            return Some(Kind::Hash(Some(kind)));
        }
        Some(match word {
            "indicator" | "indicators" | "ioc" | "iocs" | "iocvalue" | "indicatorvalue" | "value" | "observable" | "artifact"
            | "artefact" | "pattern" | "data" => Kind::Any,
            "hash" | "hashes" | "filehash" | "hashvalue" | "checksum" | "digest" => Kind::Hash(None),
            "imphash" | "importhash" | "filehashimphash" => Kind::Imphash,
            "tlsh" => Kind::Tlsh,
            "ip" | "ips" | "ipv4" | "ipv6" | "ipaddress" | "ipaddresses" | "ipv4address" | "ipv6address" | "ipv4addr"
            | "ipv6addr" | "ipsrc" | "ipdst" | "ipport" | "address" | "cidr" | "network" | "netblock" | "srcip" | "dstip"
            | "sourceip" | "destip" | "destinationip" | "remoteip" | "c2" | "c2ip" | "cnc" | "domain" | "domains"
            | "domainname" | "hostname" | "hostnames" | "host" | "fqdn" | "dns" | "url" | "urls" | "uri" | "link" | "c2url"
            | "c2domain" | "email" | "emails" | "emailaddress" | "emailaddr" | "emailsrc" | "emaildst" | "sender" | "mail" => {
                Kind::Address
            }
            "filename" | "filenames" | "filenamepattern" => Kind::Name,
            "filepath" | "filepaths" | "path" | "fullpath" | "directory" => Kind::Path,
            "registry" | "registrykey" | "regkey" | "windowsregistrykey" | "winregistrykey" => Kind::Registry,
            "mutex" | "mutexes" => Kind::Unanswered("the name of a mutex"),
            "process" | "processname" => Kind::Unanswered("the name of a running process"),
            "commandline" | "cmdline" => Kind::Unanswered("a command line"),
            "useragent" | "httpuseragent" => Kind::Unanswered("a user agent"),
            "cve" | "vulnerability" => Kind::Unanswered("a vulnerability"),
            "yara" | "yararule" | "snort" | "suricata" | "sigma" => Kind::Unanswered("a rule within a table"),
            "sha512" | "sha384" | "sha224" | "ssdeep" | "pehash" | "vhash" | "authentihash" | "ja3" | "ja3s" | "jarm" => {
                Kind::Unanswered("a digest that is not computed")
            }
            "asn"
            | "bitcoinaddress"
            | "btc"
            | "servicename"
            | "pipe"
            | "namedpipe"
            | "certificate"
            | "certificatefingerprint"
            | "phonenumber" => Kind::Unanswered("what no file answers"),
            _ => return None,
        })
    }

    /// A type word as platforms write it: `FileHash-SHA256`, `ip:port`, `domain-name`, `Network.Domain`.
    fn of_type(word: &str) -> Option<Self> {
        let word = plain(word);
        Self::named(&word).or_else(|| {
            ["sha256", "sha1", "md5", "domain", "hostname", "url", "ipv4", "ipv6", "email", "filepath", "filename"]
                .into_iter()
                .find(|w| word.contains(w))
                .and_then(Self::named)
        })
    }
}

const TYPES: &[&str] =
    &["type", "indicatortype", "ioctype", "iocindicatortype", "kind", "datatype", "observabletype", "category"];
const SCORES: &[&str] = &["score", "weight", "confidence", "confidencelevel", "threatscore", "riskscore"];
const DESCRIPTIONS: &[&str] = &[
    "description",
    "desc",
    "comment",
    "comments",
    "info",
    "threat",
    "malware",
    "malwareprintable",
    "malwarefamily",
    "family",
    "detection",
    "signature",
    "title",
    "label",
    "note",
    "notes",
    "context",
    "name",
    "tags",
    "reference",
    "source",
    "campaign",
    "actor",
];

struct Layout {
    separator: char,
    columns: Vec<(usize, Kind)>,
    types: Option<usize>,
    score: Option<usize>,
    description: Vec<usize>,
}

/// What became of one cell.
enum Cell {
    Term(Term),
    Unanswered(String),
    Wrong(String),
}

impl Layout {
    /// From the header, which is the first row with anything in it.
    fn of(text: &str) -> Option<Self> {
        [',', '\t', ';', '|'].into_iter().find_map(|separator| {
            let head = rows(text, separator).flatten().next()?;
            if head.cells.len() < 2 || head.cells.iter().any(|c| HashValue::parse(c.trim()).is_some()) {
                return None;
            }
            let titles: Vec<String> = head.cells.iter().map(|c| plain(c)).collect();
            let find = |words: &[&str]| words.iter().find_map(|w| titles.iter().position(|t| t == w));
            let types = find(TYPES);
            let columns: Vec<(usize, Kind)> = titles
                .iter()
                .enumerate()
                .filter(|(i, _)| Some(*i) != types)
                .filter_map(|(i, t)| Kind::named(t).map(|k| (i, k)))
                .collect();
            // Tables of digests alone have a format of their own; names beside nothing else describe.
            let beyond =
                |k: &Kind| matches!(k, Kind::Any | Kind::Address | Kind::Path | Kind::Registry | Kind::Imphash | Kind::Tlsh);
            let names_alone = !columns.is_empty() && columns.iter().all(|(_, k)| *k == Kind::Name);
            if !names_alone && !columns.iter().any(|(_, k)| beyond(k)) {
                return None;
            }
            let description = DESCRIPTIONS.iter().filter_map(|w| titles.iter().position(|t| t == w)).collect();
            Some(Self { separator, columns, types, score: find(SCORES), description })
        })
    }

    fn load(&self, row: &Row, loader: &mut Loader<'_>) {
        // A fraction is a confidence of 0 to 1 in some exports; it says nothing that a weight could use.
        let score = self.score.and_then(|i| integer(row.cell(i))).filter(|s| *s != 0);
        let description = self.description.iter().map(|i| row.cell(*i)).find(|t| !t.is_empty()).unwrap_or_default();
        let cells = self.cells(row);
        if cells.is_empty() {
            return loader.reject(row.line, "no indicator in this row");
        }
        for cell in cells {
            match cell {
                Cell::Term(term) => {
                    let about = About { place: Place::Line(row.line), score, description, marks: None };
                    loader.pattern(about, Pattern::Object(super::Node::Term(term)));
                }
                Cell::Unanswered(words) => loader.unanswered(row.line, format!("{words}, which a scan of files can't answer")),
                Cell::Wrong(why) => loader.reject(row.line, why),
            }
        }
    }

    fn cells(&self, row: &Row) -> Vec<Cell> {
        let typed = self.types.map(|i| row.cell(i)).filter(|t| !t.is_empty());
        let filled = |i: usize| {
            let cell = row.cell(i);
            let none = ["-", "n/a", "na", "null", "none", "unknown"].iter().any(|n| cell.eq_ignore_ascii_case(n));
            (!cell.is_empty() && !none).then_some(cell)
        };
        let digest = |kind: &Kind| matches!(kind, Kind::Hash(_));
        let has_digest = self.columns.iter().any(|(i, k)| digest(k) && filled(*i).is_some());
        let mut out = Vec::new();
        for (i, kind) in &self.columns {
            let Some(cell) = filled(*i) else { continue };
            let kind = match (kind, typed) {
                (Kind::Any, Some(word)) => Kind::of_type(word).unwrap_or(Kind::Any),
                (Kind::Name | Kind::Path, _) if has_digest => continue,
                (kind, _) => *kind,
            };
            out.push(cell_of(kind, cell));
        }
        out
    }
}

fn cell_of(kind: Kind, cell: &str) -> Cell {
    let text = |part| match Text::new(TextOp::Is, cell, Case::Source) {
        Ok(test) => Cell::Term(Term::Path { part, test }),
        Err(why) => Cell::Wrong(why),
    };
    match kind {
        Kind::Any => match indicator_list::term(cell, None) {
            Ok(Entry::Term(term)) => Cell::Term(term),
            Ok(Entry::Unanswered(words)) => Cell::Unanswered(words),
            Err(why) => Cell::Wrong(why),
        },
        Kind::Hash(kind) => match HashValue::parse(cell) {
            Some(value) if kind.is_none_or(|k| k == value.kind()) => Cell::Term(Term::Hash(value)),
            Some(value) => Cell::Wrong(format!("a {} in another hash's place", value.kind().words())),
            None => Cell::Wrong(why_not(cell)),
        },
        Kind::Imphash => match HashValue::parse(cell) {
            Some(HashValue::Md5(digest)) => Cell::Term(Term::Imphash(digest)),
            _ => Cell::Wrong("an import hash has 32 hexadecimal digits".into()),
        },
        Kind::Tlsh => tlsh(cell).map_or_else(|| Cell::Wrong("a TLSH has 70 hexadecimal digits".into()), Cell::Term),
        Kind::Address => match address::parse(cell) {
            Ok(address) => Cell::Term(Term::Mention(address)),
            Err(why) => Cell::Wrong(why),
        },
        Kind::Name if cell.contains(['/', '\\']) => text(Part::Full),
        Kind::Name => text(Part::Name),
        Kind::Path => text(Part::Full),
        Kind::Registry => match Text::new(TextOp::Is, cell, Case::Fold) {
            Ok(key) => Cell::Term(Term::Registry(Registry { key: Some(key), ..Registry::default() })),
            Err(why) => Cell::Wrong(why),
        },
        Kind::Unanswered(words) => Cell::Unanswered(words.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use crate::ioc::IndicatorSet;

    fn read(text: &str) -> (Option<String>, u64, usize, usize) {
        let (_, reports) = IndicatorSet::from_contents(&[("t.csv", text.as_bytes())]).unwrap();
        let r = &reports[0];
        (r.kind.clone(), r.loaded, r.unanswered.len(), r.rejected.len())
    }

    #[test]
    fn headers_as_platforms_write_them() {
        let own = |loaded, unanswered, rejected| (Some("indicator-csv".to_owned()), loaded, unanswered, rejected);
        let md5 = "7a1f0c3d9b52e4866a0d1c2b3e4f5a69";
        assert_eq!(
            read(&format!(
                "Indicator type,Indicator,Description\nFileHash-MD5,{md5},x\ndomain,evil-one.example.com,y\nMutex,abc,z\n"
            )),
            own(2, 1, 0)
        );
        assert_eq!(
            read(
                "\"ioc_type\",\"ioc_value\",\"malware\"\n\"ip:port\",\"198.51.100.7:4444\",\"x\"\n\"url\",\"http://evil.example.com/a\",\"x\"\n"
            ),
            own(2, 0, 0)
        );
        assert_eq!(read("domain;ip;comment\nevil.example.com;198.51.100.7;x\n;198.51.100.8;\n"), own(3, 0, 0));
        assert_eq!(read("file path\tnote\nC:\\Temp\\x.exe\ty\nD:\\a\\b.dll\tz\n"), own(2, 0, 0));
        assert_eq!(read("url,threat\nhttp://a.example.com/x,t\nnot an address at all,t\n"), own(1, 0, 1));
        assert_eq!(read(&format!("sha256,md5,filename\n,{md5},x.exe\n")).0.as_deref(), Some("hash-csv"));
        assert_eq!(read("name,phone\nJo,555\n").0, None);
    }

    #[test]
    fn a_name_beside_a_digest_describes_it() {
        let md5 = "7a1f0c3d9b52e4866a0d1c2b3e4f5a69";
        assert_eq!(read(&format!("domain,md5,filename\nevil.example.com,{md5},svchost.exe\n")).1, 2);
        assert_eq!(read("domain,md5,filename\nevil.example.com,,odd-name-x.exe\n").1, 2);
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "(indicator|type|ip|domain|path)[,;\t](value|url|ioc)\n(.{0,30}[,;\t\"].{0,30}\n){0,5}") {
            read(&text);
        }
    }
}

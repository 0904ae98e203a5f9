//! Labels that say what the value behind them is, and how that value looks.

use std::sync::OnceLock;

use aho_corasick::AhoCorasick;
use regex::bytes::{Captures, Regex};

use super::part2;
use crate::phi::{dates, identifiers, names};

/// Every label begins with one of these, in any case.
const ANCHORS: [&str; 20] = [
    "mrn",
    "medrec",
    "med rec",
    "med. rec",
    "medical",
    "patient",
    "chart",
    "dob",
    "d.o.b",
    "dateofbirth",
    "date of b",
    "date_of_b",
    "birth",
    "ssn",
    "ss#",
    "social",
    "mbi",
    "medicare",
    "member",
    "subscriber",
];
/// Names in records of fields; only what belongs to a record that has more.
const NAME_ANCHORS: [&str; 6] = ["last name", "lastname", "last_name", "first name", "firstname", "first_name"];
/// Bytes of the longest anchor, those of `part2` among them.
pub(super) const LONGEST: usize = 22;

/// Bytes within which a value begins behind its label.
const VALUE: usize = 96;

/// A labelled value, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Field {
    /// A number of the patient, under the label's first word: one record can have several kinds.
    Mrn(&'static str, String),
    /// `YYYYMMDD`.
    Birth(u32),
    Ssn(String),
    Mbi([u8; 11]),
    Hicn(String),
    Member(String),
    /// Family and given, folded.
    Name(String, String),
    Family(String),
    Given(String),
}

fn anchors() -> Option<&'static AhoCorasick> {
    static CELL: OnceLock<Option<AhoCorasick>> = OnceLock::new();
    let build = || {
        let all = ANCHORS.iter().chain(&NAME_ANCHORS).chain(&part2::CODES).chain(&part2::WORDS);
        AhoCorasick::builder().ascii_case_insensitive(true).kind(Some(aho_corasick::AhoCorasickKind::DFA)).build(all)
    };
    CELL.get_or_init(|| build().ok()).as_ref()
}

/// Where the next label may begin.
pub(super) fn find(window: &[u8], from: usize) -> Option<usize> {
    let rest = window.get(from..)?;
    anchors()?.find(rest).map(|m| from.saturating_add(m.start()))
}

/// Between label and value: quotes, marks, tags and blanks, as text, JSON, XML and tables have them.
const MARKED: &str = r#"["'’]?[ \t]{0,8}(?:[:=#>|,\t]|-{1,2}[ >])[ \t\r\n"'(\[]{0,16}"#;
const LOOSE: &str = r#"["'’]?[ \t]{0,8}[:=#>|,.\t]{0,2}[ \t\r\n"'(\[]{0,16}"#;
const DATE: &str = r"(?-u:\d{8}|\d{4}[-./]\d{1,2}[-./]\d{1,2}|\d{1,2}[-./]\d{1,2}[-./](?:\d{4}|\d{2})|\d{1,2}[- ][a-z]{3,9}[- ,]{1,2}\d{4}|[a-z]{3,9}\.? \d{1,2},? \d{4})";
const NUMBER: &str = r"(?:[ ._-]{0,2}(?:number|numbers|num|no|id|identifier|nbr|#)\.?)";

struct Grammar {
    mrn: Regex,
    birth: Regex,
    ssn: Regex,
    medicare: Regex,
    member: Regex,
    name: Regex,
    part: Regex,
}

fn grammar() -> Option<&'static Grammar> {
    static CELL: OnceLock<Option<Grammar>> = OnceLock::new();
    CELL.get_or_init(|| build().ok()).as_ref()
}

fn build() -> Result<Grammar, regex::Error> {
    // Letters of the number don't run on from the label: `mrnxk-432` is a part.
    let id = r"(?:\b([a-z]{1,4}-?\d[0-9a-z-]{2,15})|(\d[0-9a-z-]{2,15}))";
    let kind = |pattern: &str| Regex::new(&format!("^(?i){pattern}"));
    Ok(Grammar {
        // With a word for number, or one that stands for it, blanks are enough; otherwise a mark must part them.
        mrn: kind(&format!(
            r"(?:(?:mrn|(?:medical|med\.?)[ ._-]?rec(?:ord)?s?{NUMBER}|patient{NUMBER}|chart{NUMBER}){NUMBER}?{LOOSE}|(?:medical|med\.?)[ ._-]?rec(?:ord)?{MARKED}){id}(?:[^0-9a-z@%/]|$)"
        ))?,
        birth: kind(&format!(
            r"(?:patient[ ._'’s-]{{0,3}})?(?:d\.?o\.?b\.?|date[ ._-]?of[ ._-]?birth|birth[ ._-]?(?:date|day|dt))(?:[ ]?\([a-z/ -]{{2,12}}\))?{LOOSE}({DATE})(?:[^0-9a-z]|t\d\d:|$)"
        ))?,
        ssn: kind(&format!(
            r"(?:patient[ ._'’s-]{{0,3}})?(?:ssn|ss#|social[ ._-]?sec(?:urity)?){NUMBER}?{LOOSE}(\d{{3}}-\d{{2}}-\d{{4}}|\d{{3}} \d{{2}} \d{{4}}|\d{{9}})(?:[^0-9a-z]|$)"
        ))?,
        medicare: kind(&format!(
            r"(?:mbi|medicare(?:[ ._-](?:beneficiary|claim|health|insurance)){{0,2}}){NUMBER}?(?:[ ]?\(?(?:mbi|hicn?)\)?)?{LOOSE}([0-9a-z]{{4}}-?[0-9a-z]{{3}}-?[0-9a-z]{{4}}|\d{{9}}[a-z][0-9a-z]?)(?:[^0-9a-z]|$)"
        ))?,
        member: kind(&format!(r"(?:member|subscriber)(?:[’']s)?{NUMBER}{LOOSE}([0-9a-z][0-9a-z-]{{4,19}})(?:[^0-9a-z@%/]|$)"))?,
        name: kind(&format!(
            r"patient(?:[’']s)?(?:[ ._-]?(?:full[ ._-]?)?name)?{MARKED}(\pL[\pL'’.-]*(?:,? {{1,2}}\pL[\pL'’.-]*){{1,4}}|\pL[\pL'’-]+,\pL[\pL'’-]+)"
        ))?,
        part: kind(&format!(r"(last|first)[ _]?name{MARKED}(\pL[\pL'’-]*(?: \pL[\pL'’-]*)?)"))?,
    })
}

/// The value that a label at the start of `behind` has, and the bytes both take.
pub(super) fn read(before: &[u8], behind: &[u8]) -> Option<(Field, usize)> {
    if !begins_a_word(before, behind) || !may_have_a_value(behind) {
        return None;
    }
    let of_another = is_of_another(before);
    let g = grammar()?;
    match behind.first()?.to_ascii_lowercase() {
        b'd' | b'b' if !of_another => birth(g, behind),
        b's' if !of_another => ssn(g, behind).or_else(|| member(g, behind)),
        b's' => member(g, behind),
        b'm' => mrn(g, behind).or_else(|| medicare(g, behind)).or_else(|| member(g, behind)),
        b'p' => mrn(g, behind).or_else(|| birth(g, behind)).or_else(|| ssn(g, behind)).or_else(|| name(g, behind)),
        b'c' => mrn(g, behind),
        b'l' | b'f' if !of_another => part(g, behind),
        _ => None,
    }
}

/// Words of labels stand in every text; values have digits, and names a mark before them.
fn may_have_a_value(behind: &[u8]) -> bool {
    let near = behind.get(..VALUE.min(behind.len())).unwrap_or_default();
    let named = matches!(behind.first(), Some(b'p' | b'P' | b'l' | b'L' | b'f' | b'F'));
    near.iter().any(|b| b.is_ascii_digit() || (named && matches!(b, b':' | b'=' | b'>' | b'|' | b',' | b'\t' | b'#' | b'-')))
}

/// Not the middle of a word, except behind a prefix as `patientDob`, `PAT_DOB`.
fn begins_a_word(before: &[u8], behind: &[u8]) -> bool {
    match before.last() {
        None => true,
        Some(b) if b.is_ascii_lowercase() => behind.first().is_some_and(u8::is_ascii_uppercase),
        Some(b) => !b.is_ascii_alphanumeric() && !matches!(b, b'%' | b'@'),
    }
}

/// The words in front say that it is somebody else's.
fn is_of_another(before: &[u8]) -> bool {
    const OTHERS: [&[u8]; 17] = [
        b"guarantor",
        b"subscriber",
        b"insured",
        b"mother",
        b"father",
        b"spouse",
        b"provider",
        b"physician",
        b"employee",
        b"parent",
        b"guardian",
        b"doctor",
        b"user",
        b"holder",
        b"contact",
        b"author",
        b"staff",
    ];
    let line = memchr::memrchr2(b'\n', b'\r', before).map_or(before, |at| before.get(at..).unwrap_or_default());
    let line = line.to_ascii_lowercase();
    let words = line.split(|b| !b.is_ascii_alphabetic()).filter(|w| !w.is_empty()).rev();
    words.take(2).any(|w| OTHERS.contains(&w.strip_suffix(b"s").unwrap_or(w)))
}

fn value(c: &Captures<'_>, group: usize) -> Option<(String, usize)> {
    let m = c.get(group)?;
    Some((names::decode(m.as_bytes()).into_owned(), m.end()))
}

fn mrn(g: &Grammar, text: &[u8]) -> Option<(Field, usize)> {
    let captures = g.mrn.captures(text)?;
    let (id, end) = value(&captures, 1).or_else(|| value(&captures, 2))?;
    let digits = id.bytes().filter(u8::is_ascii_digit).count();
    let kind = match text.first().map(u8::to_ascii_lowercase) {
        Some(b'p') => "patient",
        Some(b'c') => "chart",
        _ => "",
    };
    (digits >= 3 && dates_apart(&id)).then_some((Field::Mrn(kind, id), end))
}

/// A date with dashes is no number of a record.
fn dates_apart(id: &str) -> bool {
    !(id.contains('-') && dates::date(id).is_some())
}

fn birth(g: &Grammar, text: &[u8]) -> Option<(Field, usize)> {
    let (date, end) = value(&g.birth.captures(text)?, 1)?;
    dates::date(&date).map(|d| (Field::Birth(d), end))
}

fn ssn(g: &Grammar, text: &[u8]) -> Option<(Field, usize)> {
    value(&g.ssn.captures(text)?, 1).map(|(v, end)| (Field::Ssn(v), end))
}

fn medicare(g: &Grammar, text: &[u8]) -> Option<(Field, usize)> {
    let (id, end) = value(&g.medicare.captures(text)?, 1)?;
    let id = id.to_ascii_uppercase();
    let field = identifiers::mbi(&id).map(Field::Mbi).or_else(|| identifiers::hicn(&id).then_some(Field::Hicn(id)))?;
    Some((field, end))
}

fn member(g: &Grammar, text: &[u8]) -> Option<(Field, usize)> {
    let (id, end) = value(&g.member.captures(text)?, 1)?;
    let digits = id.bytes().filter(u8::is_ascii_digit).count();
    (digits >= 4 && dates_apart(&id)).then_some((Field::Member(id), end))
}

/// Words that begin the next label, or are none of a person.
const NO_NAMES: [&str; 48] = [
    "DOB",
    "MRN",
    "SSN",
    "DATE",
    "SEX",
    "AGE",
    "ID",
    "NAME",
    "ADDRESS",
    "ACCOUNT",
    "PHONE",
    "GENDER",
    "INFORMATION",
    "RECORD",
    "NUMBER",
    "BIRTH",
    "MEDICAL",
    "PATIENT",
    "VISIT",
    "ADMIT",
    "FIRST",
    "LAST",
    "IS",
    "WAS",
    "HAS",
    "THE",
    "AND",
    "OF",
    "FOR",
    "TO",
    "WITH",
    "IN",
    "NOT",
    "NO",
    "A",
    "AN",
    "THIS",
    "THAT",
    "ROOM",
    "STATUS",
    "PROVIDER",
    "TYPE",
    "CLASS",
    "EMAIL",
    "STRING",
    "NULL",
    "HISTORY",
    "CARE",
];

fn name(g: &Grammar, text: &[u8]) -> Option<(Field, usize)> {
    let captures = g.name.captures(text)?;
    let (full, end) = value(&captures, 1)?;
    let other = |word: &&str| NO_NAMES.contains(&names::fold(word).as_str());
    let kept: Vec<&str> = full.split(' ').take_while(|w| !other(w)).collect();
    let full = kept.join(" ");
    // Names are capitalised; sentences go on in small letters.
    if !kept.iter().all(|w| w.chars().next().is_none_or(char::is_uppercase)) {
        return None;
    }
    // The next label, which the words ran into, is still to be read.
    let end = captures.get(1).map_or(end, |m| m.start().saturating_add(full.len()).min(end));
    let (family, given) = names::split_full(&full);
    (family.chars().count() > 1 && !given.is_empty()).then_some((Field::Name(family, given), end))
}

fn part(g: &Grammar, text: &[u8]) -> Option<(Field, usize)> {
    let captures = g.part.captures(text)?;
    let last = captures.get(1)?.as_bytes().eq_ignore_ascii_case(b"last");
    let (text, end) = value(&captures, 2)?;
    let folded = if last { names::family(&text) } else { names::given(&text) };
    if NO_NAMES.contains(&folded.as_str()) {
        return None;
    }
    Some((if last { Field::Family(folded) } else { Field::Given(folded) }, end))
}

//! Files made to cost: each ends soon, in bounded memory, and says what was not read.

use std::fmt::Write;
use std::io::Write as _;
use std::time::Instant;

use super::*;
use crate::model::GapReason;

fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in members {
        let method = if *name == "mimetype" { zip::CompressionMethod::Stored } else { zip::CompressionMethod::Deflated };
        out.start_file(*name, zip::write::SimpleFileOptions::default().compression_method(method)).unwrap();
        out.write_all(content).unwrap();
    }
    out.finish().unwrap().into_inner()
}

fn sheet(rows: &str) -> Vec<u8> {
    let sheet = format!("<worksheet><sheetData>{rows}</sheetData></worksheet>");
    zip(&[("xl/workbook.xml", b"<workbook/>"), ("xl/worksheets/sheet1.xml", sheet.as_bytes())])
}

/// Reads it, in a few seconds even where nothing is optimised.
fn soon(bytes: &[u8]) -> Outcome {
    let start = Instant::now();
    let document = detect(&bytes[..bytes.len().min(65_536)]).expect("a document");
    let outcome = read(document, bytes, &CaseKey::new(&[7; 32]));
    assert!(start.elapsed().as_secs() < 20, "{:?} for {}", start.elapsed(), document.id());
    outcome
}

fn reason(bytes: &[u8]) -> Option<GapReason> {
    soon(bytes).unread.map(|u| u.reason)
}

#[test]
fn sheets_that_claim_to_be_large() {
    let people = "<row><c t=\"inlineStr\"><is><t>mrn</t></is></c><c t=\"inlineStr\"><is><t>dob</t></is></c><c t=\"inlineStr\"><is><t>dx</t></is></c></row>\
        <row><c t=\"inlineStr\"><is><t>A17</t></is></c><c t=\"d\"><v>1960-01-02</v></c><c t=\"str\"><v>E11.9</v></c></row>";
    let corner = format!("{people}<row r=\"1048576\"><c r=\"XFD1048576\"><v>1</v></c></row>");
    let outcome = soon(&sheet(&corner));
    assert_eq!((outcome.facts.map(|f| f.individuals.best), outcome.unread), (Some(1), None));
    // Blank rows without end.
    let blank = "<row><c/><c/></row>".repeat(200_000);
    assert_eq!(soon(&sheet(&format!("{people}{blank}"))).facts.map(|f| f.individuals.best), Some(1));
    let strings = zip(&[
        ("xl/workbook.xml", b"<workbook/>"),
        ("xl/sharedStrings.xml", b"<sst uniqueCount=\"4294967295\"><si><t>a</t></si></sst>"),
    ]);
    assert_eq!(reason(&strings), None);
    let ods = "<table><table-row number-rows-repeated=\"4000000000\"><table-cell number-columns-repeated=\"4000000000\"><p>x</p></table-cell></table-row></table>";
    assert_eq!(
        reason(&zip(&[("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"), ("content.xml", ods.as_bytes())])),
        None
    );
}

#[test]
fn zips_that_inflate() {
    let long = vec![b'a'; 20 << 20];
    assert_eq!(reason(&zip(&[("word/document.xml", &long)])), Some(GapReason::LimitMemory));
    assert_eq!(reason(&zip(&[("word/document.xml", b"<a>")])[..60]), Some(GapReason::Malformed));
}

#[test]
fn markup_without_end() {
    let deep = "<w:tbl><w:tr><w:tc>".repeat(100_000);
    assert_eq!(reason(&zip(&[("word/document.xml", format!("<d>{deep}").as_bytes())])), Some(GapReason::Malformed));
    assert_eq!(reason(format!("<html>{}", "<table><tr><td>".repeat(100_000)).as_bytes()), None);
    assert_eq!(reason(format!("<html>{}", "<a title='".repeat(50_000)).as_bytes()), None);
    assert_eq!(reason(format!("{{\\rtf1 {}", "{".repeat(1_000_000)).as_bytes()), Some(GapReason::LimitDepth));
}

#[test]
fn pdf_that_turns_in_circles() {
    assert_eq!(reason(format!("%PDF-1.4\n1 0 obj {}", "[".repeat(1_000_000)).as_bytes()), Some(GapReason::Malformed));
    // A form that shows itself, pages that are their own parents, and a length that is itself.
    let circle = b"%PDF-1.4\n1 0 obj <</Type/Page/Parent 1 0 R/Contents 2 0 R/Resources<</XObject<</F 2 0 R>>>>>>\n\
        2 0 obj <</Subtype/Form/Length 2 0 R>> stream\n/F Do /F Do\nendstream\n";
    assert_eq!(reason(circle), Some(GapReason::LimitCount));
    let strings: String = (0..100_000).map(|i| format!("{i} 0 obj (")).collect();
    assert_eq!(reason(format!("%PDF-1.4\n{strings}").as_bytes()), Some(GapReason::LimitSize));
    let mut many = "%PDF-1.4\n".to_owned();
    for i in 1..20_000 {
        writeln!(many, "{i} 0 obj <</Type/Page/Contents 1 0 R>>").unwrap();
    }
    assert_eq!(reason(many.as_bytes()), None);
}

#[test]
fn mail_in_mail() {
    let mut mail = String::new();
    for i in 0..5000 {
        write!(mail, "From: a\nTo: b\nSubject: {i}\nMIME-Version: 1.0\nContent-Type: message/rfc822\n\n").unwrap();
    }
    assert_eq!(reason(mail.as_bytes()), Some(GapReason::LimitDepth));
}

#[test]
fn compound_files_in_circles() {
    // Every sector follows itself, and so does the directory's tree.
    let mut file = vec![0_u8; 512 * 8];
    file[..8].copy_from_slice(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1");
    file[30] = 9;
    file[60..64].copy_from_slice(&1_u32.to_le_bytes());
    file[68..72].copy_from_slice(&0_u32.to_le_bytes());
    assert_ne!(reason(&file), Some(GapReason::ParserFailed));
}

#[test]
fn tiff_pages_in_a_circle() {
    let file = b"II*\0\x08\0\0\0\x02\0\x03\x01\x03\0\x01\0\0\0\x04\0\0\0\x06\x01\x03\0\x01\0\0\0\0\0\0\0\x08\0\0\0";
    assert_eq!(soon(file).unread.map(|u| u.detail.into_owned()).as_deref(), Some("tiff: 1 pages are images without text"));
}

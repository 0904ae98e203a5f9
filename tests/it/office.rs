//! Smallest files of office formats around some text.

use std::fmt::Write as _;
use std::io::Write as _;

use base64::Engine as _;

/// A zip of these members.
pub fn zip(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        zip.start_file(name.as_str(), zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

pub fn rtf(lines: &[String]) -> Vec<u8> {
    let text = lines.iter().fold(String::new(), |s, line| s + line + "\\par\n");
    format!("{{\\rtf1\\ansi {text}}}").into_bytes()
}

pub fn eml(subject: &str, text: &[u8]) -> Vec<u8> {
    let body = base64::engine::general_purpose::STANDARD.encode(text);
    let body: Vec<&str> = body.as_bytes().chunks(76).map(|c| std::str::from_utf8(c).unwrap()).collect();
    format!(
        "From: a@example.org\r\nTo: b@example.org\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n",
        body.join("\r\n")
    )
    .into_bytes()
}

pub fn docx(lines: &[String]) -> Vec<u8> {
    let text = lines
        .iter()
        .fold(String::new(), |s, line| s + "<w:p><w:r><w:t xml:space=\"preserve\">" + &escaped(line) + "</w:t></w:r></w:p>");
    let document = format!(
        "<?xml version=\"1.0\"?><w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body>{text}</w:body></w:document>"
    );
    zip(&[("[Content_Types].xml".to_owned(), b"<Types/>".to_vec()), ("word/document.xml".to_owned(), document.into_bytes())])
}

/// One sheet, from lines of cells between commas.
pub fn xlsx(csv: &str) -> Vec<u8> {
    let mut rows = String::new();
    for line in csv.lines() {
        let cells = line.split(',').fold(String::new(), |s, c| s + "<c t=\"inlineStr\"><is><t>" + &escaped(c) + "</t></is></c>");
        let _ = write!(rows, "<row>{cells}</row>");
    }
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let workbook = format!(
        "<workbook xmlns=\"{main}\" xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\"><sheets><sheet name=\"s\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
    );
    let links = "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>";
    let sheet = format!("<worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData></worksheet>");
    let member = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
    zip(&[
        member("[Content_Types].xml", "<Types/>"),
        member("xl/workbook.xml", &workbook),
        member("xl/_rels/workbook.xml.rels", links),
        member("xl/worksheets/sheet1.xml", &sheet),
    ])
}

pub fn pdf(lines: &[String]) -> Vec<u8> {
    let text = lines.iter().fold(String::new(), |s, line| s + "(" + &line.replace(['(', ')', '\\'], " ") + ") Tj T*\n");
    let content = format!("BT /F1 12 Tf 14 TL 50 750 Td\n{text}ET");
    format!(
        "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n\
         3 0 obj<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>endobj\n\
         4 0 obj<</Length {}>>stream\n{content}\nendstream endobj\n5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n",
        content.len()
    )
    .into_bytes()
}

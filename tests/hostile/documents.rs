//! Documents and data files whose structure lies, turns in circles or has no end.

use std::fmt::Write as _;

use super::make::packed::gz;
use super::make::zip::{deflate, deflated, stored, zip};
use super::{Input, classes};

pub fn all() -> Vec<Input> {
    classes([
        ("PDF that nests", pdf_nests()),
        ("PDF that unpacks", pdf_unpacks()),
        ("PDF in circles", pdf_circles()),
        ("workbooks that claim to be large", workbooks()),
        ("entities of XML", entities()),
        ("markup without end", markup()),
        ("compound files in circles", compound()),
        ("DICOM that nests", dicom()),
        ("JSON and FHIR that nest", json()),
        ("tables without lines", tables()),
        ("databases that are damaged", databases()),
        ("mail in mail", mail()),
        ("messages between systems", messages()),
        ("two formats at once", polyglots()),
        ("scripts and texts without lines", texts()),
    ])
}

/// A zlib stream, as FlateDecode and SQL dumps have it.
fn zlib(content: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    std::io::Write::write_all(&mut writer, content).expect("a write to memory");
    writer.finish().expect("a write to memory")
}

fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
}

fn pdf_nests() -> Vec<Input> {
    let one = |object: String| format!("%PDF-1.4\n1 0 obj {object}");
    vec![
        Input::new("arrays-10000.pdf", one("[".repeat(10_000)), &["malformed"]),
        Input::new("arrays-1000000.pdf", one("[".repeat(1_000_000)), &["malformed"]),
        Input::new("arrays-closed.pdf", one(format!("{}{} endobj", "[".repeat(10_000), "]".repeat(10_000))), &["malformed"]),
        Input::new("dictionaries.pdf", one("<</A".repeat(100_000)), &["malformed"]),
        Input::new("strings.pdf", one("(".repeat(1_000_000)), &["malformed"]),
        Input::new("names.pdf", one(format!("/{}", "#".repeat(4 << 20))), &["malformed"]),
    ]
}

/// A page whose content is this stream.
fn page(dictionary: &str, stream: &[u8]) -> Vec<u8> {
    let head = format!(
        "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n\
         3 0 obj<</Type/Page/Parent 2 0 R/Contents 4 0 R>>endobj\n4 0 obj<</Length {}{dictionary}>>stream\n",
        stream.len()
    );
    [head.as_bytes(), stream, b"\nendstream endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"].concat()
}

fn pdf_unpacks() -> Vec<Input> {
    let mut stacked = vec![b' '; 8 << 20];
    (0..20).for_each(|_| stacked = zlib(&stacked));
    let filters = format!("/Filter[{}]", "/FlateDecode".repeat(20));
    let hex = format!("/Filter[{}/FlateDecode]", "/ASCIIHexDecode".repeat(10_000));
    vec![
        Input::new("stacked-flate.pdf", page(&filters, &stacked), &[]),
        Input::new("flate-96mib.pdf", page("/Filter/FlateDecode", &zlib(&vec![b' '; 96 << 20])), &[]),
        Input::new("flate-300mib.pdf", page("/Filter/FlateDecode", &zlib(&vec![b' '; 300 << 20])), &["limit_size"]),
        Input::new("filters-10000.pdf", page(&hex, b"00>"), &[]),
        Input::new(
            "predictor.pdf",
            page("/Filter/FlateDecode/DecodeParms<</Predictor 15/Columns 4294967295/Colors 255>>", &zlib(b"x")),
            &[],
        ),
        Input::new("lzw-cut.pdf", page("/Filter/LZWDecode", &[0x80, 0x0b, 0xff]), &[]),
        Input::new("runs.pdf", page("/Filter/RunLengthDecode", &b"\x81 ".repeat(1 << 20)), &[]),
    ]
}

fn pdf_circles() -> Vec<Input> {
    let head = "%PDF-1.5\n";
    let circle = "1 0 obj <</Type/Page/Parent 1 0 R/Contents 2 0 R/Resources<</XObject<</F 2 0 R>>>>>>\n\
        2 0 obj <</Subtype/Form/Length 2 0 R>> stream\n/F Do /F Do\nendstream\n";
    let kids = "1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[2 0 R 2 0 R 2 0 R]/Count 4294967295>>endobj trailer<</Root 1 0 R>>";
    let widths = "1 0 obj<</Type/XRef/W[8 8 4294967295]/Index[0 4294967295]/Size 4294967295/Length 3>>stream\nabc\nendstream endobj\nstartxref\n9\n%%EOF";
    let objects = "1 0 obj<</Type/ObjStm/N 4294967295/First 4294967295/Length 3/Extends 1 0 R>>stream\n1 0\nendstream endobj";
    let previous = "1 0 obj<<>>endobj\nxref\n0 4294967295\ntrailer<</Root 1 0 R/Prev 25/Size 4294967295>>\nstartxref\n25\n%%EOF";
    let many: String = (1..20_000).fold(String::new(), |mut s, i| {
        let _ = writeln!(s, "{i} 0 obj <</Type/Page/Contents 1 0 R>>");
        s
    });
    vec![
        Input::new("form-shows-itself.pdf", format!("{head}{circle}"), &["limit_count"]),
        Input::new("pages-of-themselves.pdf", format!("{head}{kids}"), &["malformed"]),
        Input::new("xref-widths.pdf", format!("{head}{widths}"), &["malformed"]),
        Input::new("object-streams.pdf", format!("{head}{objects}"), &["malformed"]),
        Input::new("xref-of-itself.pdf", format!("{head}{previous}"), &["malformed"]),
        Input::new("one-content-many-pages.pdf", format!("{head}{many}"), &[]),
        Input::new("lengths.pdf", page("/Length 18446744073709551615", b"x"), &[]),
    ]
}

const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";

/// A workbook of these members beside what every one has.
fn workbook(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut parts = vec![stored("[Content_Types].xml", b"<Types/>"), stored("xl/workbook.xml", b"<workbook/>")];
    parts.extend(members.iter().map(|(name, content)| deflated(name, content)));
    zip(&parts)
}

fn workbooks() -> Vec<Input> {
    let sheet = |rows: &str| {
        workbook(&[(
            "xl/worksheets/sheet1.xml",
            format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{rows}</sheetData></worksheet>").as_bytes(),
        )])
    };
    let strings = |text: &str| workbook(&[("xl/sharedStrings.xml", text.as_bytes())]);
    let open = "<table><table-row number-rows-repeated=\"4000000000\"><table-cell number-columns-repeated=\"4000000000\"><p>x</p></table-cell></table-row></table>";
    let ods =
        zip(&[stored("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"), stored("content.xml", open.as_bytes())]);
    let binary = zip(&[
        stored("[Content_Types].xml", b"<Types/>"),
        stored("xl/workbook.bin", b"\x83\x01\0"),
        stored("xl/worksheets/sheet1.bin", &[0x81, 1, 0xff, 0xff, 0xff, 0x7f]),
    ]);
    vec![
        Input::new("corner.xlsx", sheet("<row r=\"1048576\"><c r=\"XFD1048576\"><v>1</v></c></row>"), &[]),
        Input::new("beyond-the-corner.xlsx", sheet("<row r=\"4294967295\"><c r=\"ZZZZZZZ4294967295\"><v>1</v></c></row>"), &[]),
        Input::new(
            "unique-count.xlsx",
            strings("<sst count=\"4294967295\" uniqueCount=\"4294967295\"><si><t>a</t></si></sst>"),
            &[],
        ),
        Input::new("string-2^32.xlsx", sheet("<row><c t=\"s\"><v>4294967295</v></c><c t=\"s\"><v>-1</v></c></row>"), &[]),
        Input::new("blank-rows.xlsx", sheet(&"<row><c/><c/></row>".repeat(200_000)), &[]),
        Input::new("sheet-of-32mib.xlsx", sheet(&" ".repeat(32 << 20)), &["limit_memory"]),
        Input::new("repeated.ods", ods, &[]),
        Input::new("record-of-2^28.xlsb", binary, &["malformed"]),
        Input::new("relations.docx", relations(), &[]),
    ]
}

/// A document that points outside and at itself.
fn relations() -> Vec<u8> {
    let links = "<Relationships><Relationship Id=\"rId1\" Target=\"../../../../etc/passwd\" TargetMode=\"External\"/><Relationship Id=\"rId1\" Target=\"document.xml\"/></Relationships>";
    zip(&[
        stored("[Content_Types].xml", b"<Types/>"),
        stored("word/document.xml", b"<d/>"),
        stored("word/_rels/document.xml.rels", links.as_bytes()),
    ])
}

/// Ten entities of ten of the one before, and one that is a file of this host.
fn entities() -> Vec<Input> {
    let mut laughs = "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY e0 \"ha\">".to_owned();
    for n in 1..10 {
        let _ = write!(laughs, "<!ENTITY e{n} \"{}\">", format!("&e{};", n - 1).repeat(10));
    }
    let laughing = |root: &str, body: &str| format!("{laughs}]><{root}>{body}</{root}>");
    let outside = "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY f SYSTEM \"file:///etc/passwd\"><!ENTITY % p SYSTEM \"http://127.0.0.1/x\">%p;]>";
    let word = |text: &str| zip(&[stored("[Content_Types].xml", b"<Types/>"), deflated("word/document.xml", text.as_bytes())]);
    let quadratic = format!(
        "<!DOCTYPE x [<!ENTITY a \"{}\">]><ClinicalDocument>{}</ClinicalDocument>",
        "a".repeat(50_000),
        "&a;".repeat(50_000)
    );
    vec![
        Input::new("laughs.xml", laughing("x", "&e9;"), &[]),
        Input::new("laughs-cda.xml", laughing("ClinicalDocument", "<recordTarget>&e9;</recordTarget>"), &[]),
        Input::new("laughs.docx", word(&laughing("w:document", "<w:p><w:r><w:t>&e9;</w:t></w:r></w:p>")), &[]),
        Input::new("laughs.svg", laughing("svg", "&e9;"), &[]),
        Input::new("outside.xml", format!("{outside}<Patient>&f;</Patient>"), &[]),
        Input::new("outside.docx", word(&format!("{outside}<w:document><w:t>&f;</w:t></w:document>")), &[]),
        Input::new("quadratic.xml", quadratic, &[]),
        Input::new("itself.xml", "<!DOCTYPE x [<!ENTITY a \"&b;\"><!ENTITY b \"&a;\">]><Patient>&a;</Patient>", &[]),
    ]
}

fn markup() -> Vec<Input> {
    let deep = "<w:tbl><w:tr><w:tc>".repeat(100_000);
    let word = zip(&[stored("[Content_Types].xml", b"<Types/>"), deflated("word/document.xml", format!("<d>{deep}").as_bytes())]);
    let attributes: String = (0..100_000).fold(String::new(), |mut s, n| {
        let _ = write!(s, " a{n}=\"\"");
        s
    });
    vec![
        Input::new("tables.docx", word, &["malformed"]),
        Input::new("tables.html", format!("<html>{}", "<table><tr><td>".repeat(100_000)), &[]),
        Input::new("quotes.html", format!("<html>{}", "<a title='".repeat(50_000)), &[]),
        Input::new("comment.html", format!("<html><!--{}", "-".repeat(4 << 20)), &[]),
        Input::new("attributes.xml", format!("<?xml version=\"1.0\"?><ClinicalDocument{attributes}/>"), &[]),
        Input::new(
            "deep-cda.xml",
            format!("<ClinicalDocument xmlns=\"urn:hl7-org:v3\">{}", "<component>".repeat(200_000)),
            &["malformed"],
        ),
        Input::new("braces.rtf", format!("{{\\rtf1 {}", "{".repeat(1_000_000)), &["limit_depth"]),
        Input::new("binary.rtf", "{\\rtf1 \\bin4294967295 x", &["malformed"]),
        Input::new("unicode.rtf", format!("{{\\rtf1 \\uc2147483647 {}}}", "\\u-32768".repeat(100_000)), &[]),
    ]
}

/// A compound file (MS-CFB): 512-byte sectors, the first of the FAT and of the directory as said.
fn cfb(fats: u32, fat_at: u32, directory: u32, difat: u32, sectors: &[&[u32]]) -> Vec<u8> {
    let mut file = vec![0_u8; 512];
    file[..8].copy_from_slice(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1");
    file[24..34].copy_from_slice(&[0x3e, 0, 3, 0, 0xfe, 0xff, 9, 0, 6, 0]);
    file[44..76].copy_from_slice(&words(&[
        fats,
        directory,
        0,
        4096,
        u32::MAX - 1,
        0,
        difat,
        if difat < 100 { u32::MAX } else { 0 },
    ]));
    file[76..512].fill(0xff);
    file[76..80].copy_from_slice(&fat_at.to_le_bytes());
    for sector in sectors {
        let mut bytes = words(sector);
        bytes.resize(512, 0xff);
        file.extend(bytes);
    }
    file
}

/// A directory entry that is its own sibling and child.
fn circular_directory() -> Vec<u32> {
    let mut entry = vec![0_u32; 32];
    entry[0] = u32::from(b'R');
    // Length of the name, kind 5 (root), colour; then siblings, child, and far behind a start and a size.
    entry[16] = 4 | 5 << 16 | 1 << 24;
    (entry[17], entry[18], entry[19], entry[29], entry[30], entry[31]) = (0, 0, 0, 1, u32::MAX, u32::MAX);
    entry
}

fn compound() -> Vec<Input> {
    let root = circular_directory();
    let itself: Vec<u32> = (0..128).collect();
    let backwards: Vec<u32> = (0..128).map(|n| if n == 0 { 127 } else { n - 1 }).collect();
    let entries = root.repeat(4);
    let shift = |value: u8| {
        let mut file = cfb(1, 0, 1, u32::MAX - 1, &[&itself, &entries]);
        file[30] = value;
        file
    };
    vec![
        Input::new("sectors-of-themselves.doc", cfb(1, 0, 1, u32::MAX - 1, &[&itself, &entries]), &["phi_format_not_read"]),
        Input::new("sectors-in-a-ring.xls", cfb(1, 0, 1, u32::MAX - 1, &[&backwards, &entries]), &["phi_format_not_read"]),
        Input::new("fats-2^32.doc", cfb(u32::MAX, 0, 1, u32::MAX - 1, &[&itself, &entries]), &["phi_format_not_read"]),
        Input::new("difat-in-a-ring.msi", cfb(1, 0, 1, 0, &[&itself, &entries]), &["phi_format_not_read"]),
        Input::new("directory-nowhere.msg", cfb(1, 0, 0x7fff_ffff, u32::MAX - 1, &[&itself, &entries]), &["malformed"]),
        Input::new("shift-0.ppt", shift(0), &["phi_format_not_read"]),
        Input::new("shift-255.ppt", shift(255), &["phi_format_not_read"]),
        Input::new("only-a-header.doc", cfb(1, 0, 1, u32::MAX - 1, &[]), &["malformed"]),
    ]
}

/// A DICOM file with this data set behind the meta group of a transfer syntax.
fn dicom_file(preamble: &[u8], syntax: &str, data: &[u8]) -> Vec<u8> {
    let mut file = preamble.to_vec();
    file.resize(128, 0);
    let mut uid = syntax.as_bytes().to_vec();
    uid.resize(uid.len().next_multiple_of(2), 0);
    let length = (uid.len() as u16).to_le_bytes();
    [&file[..], b"DICM\x02\0\0\0UL\x04\0", &(8 + uid.len() as u32).to_le_bytes(), b"\x02\0\x10\0UI", &length, &uid, data].concat()
}

const EXPLICIT: &str = "1.2.840.10008.1.2.1";

fn dicom() -> Vec<Input> {
    let open = b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff";
    let nested = [&dicom_file(b"", EXPLICIT, b"")[..], &open.repeat(100_000)].concat();
    let closed = [&nested[..], &b"\xfe\xff\x0d\xe0\0\0\0\0\xfe\xff\xdd\xe0\0\0\0\0".repeat(100_000)].concat();
    let long = |vr: &[u8; 2]| [&b"\x10\0\x10\0"[..], vr, b"\0\0\xfe\xff\xff\xff"].concat();
    let deflated = dicom_file(b"", "1.2.840.10008.1.2.1.99", &deflate(&vec![0; 64 << 20]));
    vec![
        Input::new("nested-100000.dcm", nested, &["malformed"]),
        Input::new("nested-and-closed.dcm", closed, &["malformed"]),
        Input::new("length-2^32.dcm", dicom_file(b"", EXPLICIT, &long(b"UN")), &["malformed"]),
        Input::new("pixels-2^32.dcm", dicom_file(b"", EXPLICIT, b"\xe0\x7f\x10\0OW\0\0\xfe\xff\xff\xff"), &[]),
        Input::new("implicit-2^32.dcm", dicom_file(b"", "1.2.840.10008.1.2", b"\x10\0\x10\0\xfe\xff\xff\xff"), &["malformed"]),
        Input::new("deflated-64mib.dcm", deflated, &[]),
        Input::new("program-and-picture.dcm", dicom_file(b"MZ\x90\0", EXPLICIT, b"\x10\0\x10\0PN\x04\0A^B "), &[]),
        Input::new("meta-2^32.dcm", [&[0; 128][..], b"DICM\x02\0\0\0UL\x04\0\xff\xff\xff\xff"].concat(), &[]),
    ]
}

fn json() -> Vec<Input> {
    let patient = r#"{"resourceType":"Patient","contained":"#;
    vec![
        Input::new("arrays-1000000.json", "[".repeat(1_000_000), &[]),
        Input::new("objects-1000000.json", r#"{"a":"#.repeat(1_000_000), &[]),
        Input::new("arrays-closed.json", format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000)), &[]),
        Input::new("patient-in-patient.json", patient.repeat(100_000), &["malformed"]),
        Input::new("bundle-deep.json", format!(r#"{{"resourceType":"Bundle","entry":{}"#, "[".repeat(1_000_000)), &["malformed"]),
        Input::new("number.json", format!(r#"{{"resourceType":"Patient","n":{}}}"#, "9".repeat(4 << 20)), &["malformed"]),
        Input::new("string.json", format!(r#"{{"resourceType":"Patient","n":"{}"#, "\\u0000".repeat(1 << 20)), &["malformed"]),
        Input::new(
            "keys.json",
            (0..100_000).map(|n| format!("{{\"resourceType\":\"Patient\",\"k{n}\":1}}\n")).collect::<String>(),
            &[],
        ),
    ]
}

fn tables() -> Vec<Input> {
    let titles = "mrn,last_name,first_name,date_of_birth,ssn\n";
    vec![
        Input::new("one-line-24mib.csv", format!("mrn,last_name,{}", "a,".repeat(12 << 20)), &[]),
        Input::new("titles-1000000.csv", format!("mrn,last_name,dob{}\n1,2,3\n", ",ssn".repeat(1_000_000)), &[]),
        Input::new("open-quote.csv", format!("{titles}\"{}", "a\n".repeat(4 << 20)), &[]),
        Input::new("quotes.csv", format!("{titles}{}", "\"".repeat(4 << 20)), &[]),
        Input::new("one-cell-16mib.tsv", format!("mrn\tlast_name\n{}", "a".repeat(16 << 20)), &[]),
        Input::new("zeros.csv", [titles.as_bytes(), &[0; 8 << 20]].concat(), &[]),
        Input::new("utf-16-cut.csv", [&b"\xff\xfe"[..], &b"m\0r\0n\0,\0\xd8".repeat(100_000)].concat(), &[]),
        Input::new(
            "statement.sql",
            format!("CREATE TABLE p (mrn text);\nINSERT INTO p VALUES {}", "('a'),".repeat(1 << 20)),
            &[],
        ),
        Input::new("parentheses.sql", format!("CREATE TABLE p (mrn text);\nINSERT INTO p VALUES {}", "(".repeat(1 << 20)), &[]),
    ]
}

/// A database of these pages of 512 bytes; the first page's tree begins behind the file's header.
fn sqlite(page_size: u16, pages: u32, first: &[u8], others: &[&[u8]]) -> Vec<u8> {
    let mut file = b"SQLite format 3\0".to_vec();
    file.extend(page_size.to_be_bytes());
    file.extend([1, 1, 0, 64, 32, 32]);
    file.extend([0, 0, 0, 1]);
    file.extend(pages.to_be_bytes());
    file.resize(56, 0);
    file.extend([0, 0, 0, 1]);
    file.resize(100, 0);
    file.extend(first);
    file.resize(512, 0);
    for page in others {
        let mut page = page.to_vec();
        page.resize(512, 0);
        file.extend(page);
    }
    file
}

fn databases() -> Vec<Input> {
    // An inner page whose one cell and right-most pointer lead to page 1, itself.
    let inner = [&[5, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1][..], &[1, 0x90]].concat();
    let leaf = [&[13, 0, 0, 0xff, 0xff, 0, 0, 0][..], &[0xff; 100]].concat();
    // A schema row whose payload says it is of 2^62 bytes and overflows into page 2, which goes on in page 2.
    let long = [&[13, 0, 0, 0, 1, 0, 200, 0][..], &[0, 200]].concat();
    let mut overflow = sqlite(512, 2, &long, &[&[0, 0, 0, 2]]);
    overflow[200..212].copy_from_slice(&[0xc0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 1, 7, 23]);
    let dbf = [
        &[3, 126, 1, 1][..],
        &u32::MAX.to_le_bytes(),
        &[0xff; 4],
        &[0; 20],
        b"MRN\0\0\0\0\0\0\0\0C\0\0\0\0\xff\0",
        &[0; 14],
        b"\r",
    ]
    .concat();
    let pst = [&b"!BDN\0\0\0\0SM\x17\0\x13\0\x01\x01"[..], &[0xff; 500]].concat();
    let access = [&b"\0\x01\0\0Standard ACE DB\0"[..], &[0xff; 8172]].concat();
    let parquet = [&b"PAR1"[..], &[0x15, 4].repeat(32), &u32::MAX.to_le_bytes(), b"PAR1"].concat();
    let hive =
        [&b"regf"[..], &[0xff; 32], &words(&[0x20, u32::MAX, 1]), &[0; 4048], b"hbin", &words(&[0, u32::MAX]), &[0xff; 100]]
            .concat();
    vec![
        Input::new("tree-in-a-circle.sqlite", sqlite(512, 1, &inner, &[]), &["malformed"]),
        Input::new("cells-65535.sqlite", sqlite(512, 1, &leaf, &[]), &["malformed"]),
        Input::new("payload-2^62.sqlite", overflow, &["malformed"]),
        Input::new("page-size-0.sqlite", sqlite(0, 1, &leaf, &[]), &["malformed"]),
        Input::new("page-size-3.sqlite", sqlite(3, u32::MAX, &leaf, &[]), &["malformed"]),
        Input::new("only-a-header.sqlite", sqlite(4096, u32::MAX, &[], &[])[..100].to_vec(), &["malformed"]),
        Input::new("records-2^32.dbf", dbf, &[]),
        Input::new("ones.pst", pst, &["malformed"]),
        Input::new("ones.accdb", access, &["encrypted"]),
        Input::new("footer-2^32.parquet", parquet, &["malformed"]),
        Input::new("NTUSER.DAT", hive, &[]),
    ]
}

fn mail() -> Vec<Input> {
    let head = "From: a@example.org\nTo: b@example.org\nSubject: s\nMIME-Version: 1.0\n";
    let inside: String = (0..5000).map(|_| format!("{head}Content-Type: message/rfc822\n\n")).collect();
    let parts: String = (0..10_000).fold(head.to_owned(), |mut s, n| {
        let _ = write!(s, "Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n");
        s
    });
    let same = format!("{head}Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\n".repeat(200_000));
    let folded = format!("{head}Subject: {}\n\nx", "a\n ".repeat(1 << 20));
    let packed = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, gz(&vec![0; 96 << 20]));
    let attached =
        format!("{head}Content-Type: application/gzip; name=\"x.gz\"\nContent-Transfer-Encoding: base64\n\n{packed}\n");
    vec![
        Input::new("messages-5000.eml", inside, &["limit_depth"]),
        Input::new("parts-10000.eml", parts, &[]),
        Input::new("one-boundary.eml", same, &[]),
        Input::new("folded.eml", folded, &[]),
        Input::new("bomb-attached.eml", attached, &["limit_ratio"]),
        Input::new("lines.mbox", format!("From a@example.org Mon Jan  1 00:00:00 2026\n{head}\nx\n").repeat(20_000), &[]),
        Input::new("encoded-words.eml", format!("{head}Subject: {}\n\nx", "=?utf-8?B?=1B[2J?= ".repeat(50_000)), &[]),
    ]
}

fn messages() -> Vec<Input> {
    let msh = "MSH|^~\\&|A|B|C|D|20240102||ADT^A01|1|P|2.5\r";
    let isa = "ISA*00*          *00*          *ZZ*SENDER         *ZZ*RECEIVER       *240102*1200*^*00501*000000001*0*P*:~";
    vec![
        Input::new("segment-8mib.hl7", format!("{msh}PID|1||{}", "a".repeat(8 << 20)), &[]),
        Input::new("repeats.hl7", format!("{msh}PID|1||{}\r", "1^^^A^MR~".repeat(1 << 20)), &[]),
        Input::new("heads-100000.hl7", msh.repeat(100_000), &[]),
        Input::new("separators.hl7", "MSH\r\r\r\r\r|A|B\rPID\r1", &[]),
        Input::new("heads-10000.837", isa.repeat(10_000), &[]),
        Input::new("separators.837", format!("ISA{}", "*".repeat(1 << 20)), &[]),
        Input::new("loops.837", format!("{isa}{}", "HL*1*1*22*1~NM1*IL*1*A*B****MI*1~".repeat(50_000)), &[]),
        Input::new("count-2^32.ncpdp", format!("\x0200T{}\x03", "9".repeat(100_000)), &[]),
    ]
}

fn polyglots() -> Vec<Input> {
    let zipped = zip(&[stored("a.txt", b"inside")]);
    let pdf = page("", b"BT ET");
    vec![
        Input { rows: Some(1), ..Input::new("pdf-and-zip.pdf", [&pdf[..], &zipped].concat(), &[]) },
        Input { rows: Some(1), ..Input::new("gif-and-zip.gif", [b"GIF89a\x01\0\x01\0\0\0\0;", &zipped[..]].concat(), &[]) },
        Input::new("zip-and-pdf.zip", [&zipped[..], &pdf].concat(), &[]),
        Input::new("html-and-zip.html", [b"<html><body>x</body></html>", &zipped[..]].concat(), &[]),
        Input { notes: Some(&["trailing_data"]), ..Input::new("gzip-and-zip.gz", [gz(b"x"), zipped].concat(), &[]) },
        Input::new(
            "tiff-in-a-ring.tif",
            b"II*\0\x08\0\0\0\x02\0\x03\x01\x03\0\x01\0\0\0\x04\0\0\0\x06\x01\x03\0\x01\0\0\0\0\0\0\0\x08\0\0\0",
            &["phi_format_not_read"],
        ),
    ]
}

fn texts() -> Vec<Input> {
    let shell = format!("powershell -enc {}", "QQBB".repeat(1 << 20));
    vec![
        Input::new("encoded.ps1", shell, &[]),
        Input::new("carets.bat", "^".repeat(2 << 20), &[]),
        Input::new("digits.txt", "9".repeat(8 << 20), &[]),
        Input::new("numbers.txt", "123-45-678".repeat(400_000), &[]),
        Input::new("dates.txt", "DOB: 1/".repeat(400_000), &[]),
        Input::new("marks.txt", "\u{feff}".repeat(1 << 20), &[]),
        Input::new("combining.txt", format!("a{}", "\u{301}".repeat(1 << 20)), &[]),
        Input::new("paths.txt", "C:\\".repeat(1 << 20), &[]),
        Input::new("addresses.txt", "http://a.".repeat(400_000), &[]),
    ]
}

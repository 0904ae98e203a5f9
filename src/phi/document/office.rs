//! Office Open XML (ECMA-376): text documents (part 1, 17) and presentations (19, 21), and what stands beside the cells
//! of workbooks. Text of every story is read: body, headers, footers, notes, comments, text boxes; embedded files too.

use quick_xml::events::BytesStart;

use super::flow::Flow;
use super::markup::{Piece, member};
use super::members::{Members, local_names};
use super::{Document, Parts, Unread};

/// What a zip of Office Open XML holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Docx,
    Pptx,
    Xlsx,
    Xlsb,
    /// Office Open XML, of which the first bytes don't say more.
    Undecided,
}

/// The kind by the members whose headers stand in these bytes.
pub(super) fn kind(bytes: &[u8]) -> Option<Kind> {
    if !bytes.starts_with(b"PK\x03\x04") {
        return None;
    }
    let mut office = false;
    let mut sheets = false;
    for name in local_names(bytes) {
        office |= name == b"[Content_Types].xml" || name.starts_with(b"_rels/");
        if name.starts_with(b"word/") {
            return Some(Kind::Docx);
        } else if name.starts_with(b"ppt/") {
            return Some(Kind::Pptx);
        } else if name == b"xl/workbook.bin" || (name.starts_with(b"xl/worksheets/") && name.ends_with(b".bin")) {
            return Some(Kind::Xlsb);
        } else if name == b"xl/workbook.xml" || (name.starts_with(b"xl/worksheets/") && name.ends_with(b".xml")) {
            return Some(Kind::Xlsx);
        }
        sheets |= name.starts_with(b"xl/");
    }
    match (sheets, office) {
        (true, _) => Some(Kind::Xlsx),
        (false, true) => Some(Kind::Undecided),
        _ => None,
    }
}

/// `word/document.xml` in a zip; asked last of its kin, for zips of which the head doesn't tell the kind.
pub(super) struct Docx;
/// `ppt/presentation.xml` in a zip.
pub(super) struct Pptx;

impl Document for Docx {
    fn id(&self) -> &'static str {
        "docx"
    }

    fn recognise(&self, head: &[u8]) -> bool {
        matches!(kind(head), Some(Kind::Docx | Kind::Undecided))
    }

    fn closer(&self, body: &[u8]) -> Option<&'static dyn Document> {
        match kind(body)? {
            Kind::Pptx => Some(&Pptx),
            Kind::Xlsx => Some(&super::xlsx::Xlsx),
            Kind::Xlsb => Some(&super::xlsb::Xlsb),
            Kind::Docx | Kind::Undecided => None,
        }
    }

    fn read(&self, body: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        let mut members = Members::open(body)?;
        if members.between("word/", ".xml").is_empty() {
            return Err(Unread::new(crate::model::GapReason::PhiFormat, "office open xml of another kind"));
        }
        let mut flow = Flow::default();
        // Headers first: they say whom the pages are about.
        let stories =
            ["word/header", "word/document", "word/footer", "word/footnotes", "word/endnotes", "word/comments", "word/glossary/"];
        read_stories(&mut members, &stories, &mut flow, parts)?;
        flow.finish(parts)?;
        embedded(&mut members, "word/", parts)
    }
}

impl Document for Pptx {
    fn id(&self) -> &'static str {
        "pptx"
    }

    fn recognise(&self, head: &[u8]) -> bool {
        kind(head) == Some(Kind::Pptx)
    }

    fn read(&self, body: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        let mut members = Members::open(body)?;
        let mut flow = Flow::default();
        let stories = ["ppt/slides/", "ppt/notesSlides/", "ppt/comments/", "ppt/diagrams/data"];
        read_stories(&mut members, &stories, &mut flow, parts)?;
        flow.finish(parts)?;
        embedded(&mut members, "ppt/", parts)
    }
}

/// Comments and text boxes of a workbook, and what is embedded in it.
pub(super) fn beside(members: &mut Members<'_>, folder: &str, parts: &mut Parts<'_>) -> Result<(), Unread> {
    let stories = ["comments", "threadedComments/", "drawings/drawing", "diagrams/data"].map(|s| format!("{folder}{s}"));
    let mut flow = Flow::default();
    read_stories(members, &stories.each_ref().map(String::as_str), &mut flow, parts)?;
    flow.finish(parts)?;
    embedded(members, folder, parts)
}

fn read_stories(members: &mut Members<'_>, stories: &[&str], flow: &mut Flow, parts: &mut Parts<'_>) -> Result<(), Unread> {
    for story in stories {
        for name in members.between(story, ".xml") {
            story_text(members, &name, flow, parts)?;
            flow.line();
        }
    }
    Ok(())
}

/// Text in `t` and `delText`; paragraphs, tables and breaks have the same local names in documents, slides and comments.
fn story_text(members: &mut Members<'_>, name: &str, flow: &mut Flow, parts: &mut Parts<'_>) -> Result<(), Unread> {
    let mut text = false;
    // Inside properties, and alternatives of what was read already.
    let mut skipped = 0_u32;
    member(members, name, &mut |piece| {
        match piece {
            Piece::Open(tag) if is_skipped(tag.local_name().as_ref()) => skipped = skipped.saturating_add(1),
            Piece::Close(tag) if is_skipped(tag) => skipped = skipped.saturating_sub(1),
            _ if skipped > 0 => {}
            Piece::Open(tag) => text = open(tag, flow) || text,
            Piece::Text(t) if text => flow.text(t),
            Piece::Text(_) => {}
            Piece::Close(tag) => {
                match tag {
                    "p" | "comment" | "threadedComment" | "cm" => flow.line(),
                    "tbl" => flow.close_table(),
                    _ => {}
                }
                text = text && !is_text(tag);
            }
        }
        flow.pass(parts)
    })
}

fn is_skipped(tag: &str) -> bool {
    matches!(tag, "pPr" | "Fallback" | "instrText")
}

fn is_text(tag: &str) -> bool {
    matches!(tag, "t" | "delText" | "text")
}

fn open(tag: &BytesStart<'_>, flow: &mut Flow) -> bool {
    match tag.local_name().as_ref() {
        "tbl" => flow.open_table(),
        "tr" => flow.open_row(),
        "tc" => flow.open_cell(),
        "tab" | "ptab" => flow.text("\t"),
        "br" | "cr" => flow.line(),
        name => return is_text(name),
    }
    false
}

/// Embedded workbooks and documents.
fn embedded(members: &mut Members<'_>, folder: &str, parts: &mut Parts<'_>) -> Result<(), Unread> {
    for name in members.between(&format!("{folder}embeddings/"), "") {
        if !name.ends_with('/') {
            let bytes = members.bytes(&name)?;
            parts.nested(&bytes)?;
        }
    }
    Ok(())
}

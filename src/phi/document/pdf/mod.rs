//! PDF (ISO 32000-1): text of pages, form fields, notes, XFA forms. Pages that are pictures are told.
//!
//! Objects are found by looking for them, so that broken files are read as far as they go.

mod file;
mod filter;
mod font;
mod page;
mod value;

use std::collections::HashMap;

use super::flow::Flow;
use super::{Document, Parts, Unread};
use crate::model::GapReason;
use file::File;
use font::text_string;
use page::{Fonts, Page};
use value::{Lexer, Value};

/// Levels of the tree of pages, from which they inherit.
const MAX_LEVELS: u32 = 32;

/// `%PDF-` near the beginning.
pub(super) struct Pdf;

impl Document for Pdf {
    fn id(&self) -> &'static str {
        "pdf"
    }

    fn recognise(&self, head: &[u8]) -> bool {
        head.trim_ascii_start().starts_with(b"%PDF-")
    }

    fn read(&self, body: &[u8], parts: &mut Parts<'_>) -> Result<(), Unread> {
        if is_encrypted(body) {
            return Err(Unread::new(GapReason::Encrypted, "the document is encrypted"));
        }
        let mut file = File::open(body)?;
        let mut flow = Flow::default();
        let mut shared = Shared { fonts: Fonts(HashMap::new()), resources: HashMap::new(), names: HashMap::new() };
        let mut count = Count::default();
        let mut xfa = Vec::new();
        for number in file.numbers() {
            let object = file.object(number);
            if object.get(b"Type").is_name(b"Page") {
                count.pages = count.pages.saturating_add(1);
                page(&mut file, &object, &mut shared, &mut flow, &mut count);
            }
            field(&file, &object, &mut shared.names, &mut flow);
            let form = file.resolve(object.get(b"AcroForm"));
            let list = [file.resolve(object.get(b"XFA")), file.resolve(form.get(b"XFA"))];
            xfa.extend(list.iter().flat_map(Value::elements).filter_map(|v| if let Value::Ref(n) = v { Some(*n) } else { None }));
            if let Value::Ref(n) = form.get(b"XFA") {
                xfa.push(*n);
            }
            flow.pass(parts)?;
        }
        flow.finish(parts)?;
        xfa.sort_unstable();
        xfa.dedup();
        for number in xfa {
            let form = file.stream(number);
            if form.trim_ascii_start().starts_with(b"<") {
                parts.nested(&form)?;
            }
        }
        if let Some(why) = count.unread() {
            parts.unread(why);
        }
        if file.is_spent() {
            return Err(Unread::new(GapReason::LimitSize, "reading it costs more than 256 MiB"));
        }
        match file.fault.take() {
            Some(why) => Err(why),
            None if count.pages == 0 => Err(Unread::malformed("no pages are found in it")),
            None => Ok(()),
        }
    }
}

/// What pages and fields have from others.
struct Shared {
    fonts: Fonts,
    resources: HashMap<u32, Value>,
    names: HashMap<u32, Value>,
}

/// Pages, and why some gave no text.
#[derive(Default)]
struct Count {
    pages: u64,
    pictures: u64,
    unmapped: u64,
    cut: u64,
}

impl Count {
    fn unread(&self) -> Option<Unread> {
        let Self { pages, pictures, unmapped, cut } = *self;
        let gap = |text: String| Some(Unread::new(GapReason::PhiFormat, text));
        if pictures > 0 && pictures == pages {
            gap(format!("pdf: {pictures} pages are images without text"))
        } else if pictures > 0 {
            gap(format!("pdf: {pictures} of {pages} pages are images without text"))
        } else if unmapped > 0 {
            gap(format!("pdf: {unmapped} of {pages} pages have fonts without characters"))
        } else if cut > 0 {
            Some(Unread::new(GapReason::LimitCount, format!("pdf: {cut} of {pages} pages have more text than the limit")))
        } else {
            None
        }
    }
}

/// `/Encrypt` with a reference or dictionary, as trailers have it (7.6.1).
fn is_encrypted(body: &[u8]) -> bool {
    memchr::memmem::find_iter(body, b"/Encrypt").any(|at| {
        let mut lexer = Lexer::new(body, at.saturating_add(8));
        let named = body.get(lexer.at).is_some_and(|b| b.is_ascii_whitespace() || *b == b'<');
        let (first, second, third) = (lexer.value(), lexer.value(), lexer.value());
        named && (matches!(first, Some(Value::Dict(_))) || (second.is_some() && third == Some(Value::Word(b"R".to_vec()))))
    })
}

fn page(file: &mut File<'_>, object: &Value, shared: &mut Shared, flow: &mut Flow, count: &mut Count) {
    let mut content = Vec::new();
    let contents = match object.get(b"Contents") {
        Value::Ref(number) => match file.object(*number) {
            Value::Array(list) => list,
            _ => vec![Value::Ref(*number)],
        },
        Value::Array(list) => list.clone(),
        _ => Vec::new(),
    };
    for part in contents.iter().take(10_000) {
        if let Value::Ref(number) = part {
            content.extend(file.stream(*number));
            content.push(b'\n');
        }
    }
    let mut shown = Page::default();
    let resources = inherited(file, object, b"Resources", &mut shared.resources);
    shown.run(file, &content, &resources, &mut shared.fonts);
    if shown.is_unmapped() {
        count.unmapped = count.unmapped.saturating_add(1);
    } else if !shown.has_text() && shown.images {
        count.pictures = count.pictures.saturating_add(1);
    }
    count.cut = count.cut.saturating_add(u64::from(shown.cut));
    shown.finish(flow);
    flow.line();
}

/// A value of an object, or of one above it. What is above is looked at once.
fn inherited(file: &File<'_>, object: &Value, key: &[u8], above: &mut HashMap<u32, Value>) -> Value {
    let own = file.resolve(object.get(key));
    let Value::Ref(parent) = object.get(b"Parent") else { return own };
    if own != Value::Null {
        return own;
    }
    if let Some(known) = above.get(parent) {
        return known.clone();
    }
    let mut node = file.object(*parent);
    let mut found = file.resolve(node.get(key));
    for _ in 0..MAX_LEVELS {
        if found != Value::Null {
            break;
        }
        node = file.resolve(node.get(b"Parent"));
        found = file.resolve(node.get(key));
    }
    above.insert(*parent, found.clone());
    found
}

/// A form field (12.7.3) as `name: value`, or a note (12.5.6).
fn field(file: &File<'_>, object: &Value, names: &mut HashMap<u32, Value>, flow: &mut Flow) {
    let text = |value: &Value| match file.resolve(value) {
        Value::Text(bytes) => Some(text_string(&bytes)),
        Value::Name(name) => Some(text_string(&name)),
        _ => None,
    };
    let own = object.get(b"V");
    if *own != Value::Null
        && let Some(value) = text(own)
        && let Some(name) = text(&inherited(file, object, b"T", names))
    {
        flow.text(&format!("{name}: {value}"));
        flow.line();
    }
    if object.get(b"Subtype").is_name(b"FreeText") || object.get(b"Subtype").is_name(b"Text") {
        flow.text(&text(object.get(b"Contents")).unwrap_or_default());
        flow.line();
    }
}

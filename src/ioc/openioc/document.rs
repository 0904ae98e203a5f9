//! OpenIOC as XML: from the text to trees of items.
//!
//! One pass. Only the five entities of XML and numeric ones are known; a DTD is passed over and expands
//! nothing. Where the text breaks off or is no XML any more, what was read before it remains, and groups that
//! were not closed say so: an AND without its end would be wider than its author meant.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::super::expr::MAX_DEPTH;

/// Characters of one text that are kept; longer ones make their item wrong.
const MAX_TEXT: usize = 16 * 1024;
/// Items of one document.
const MAX_ITEMS: usize = 200_000;
/// Elements that are open at a time.
const MAX_OPEN: usize = 512;
/// Texts kept of one kind (keywords, links).
const MAX_LINKS: usize = 50;

/// One `ioc` or `OpenIOC` element.
#[derive(Debug, Default)]
pub struct Document {
    pub id: String,
    pub name: String,
    pub description: String,
    pub keywords: Vec<String>,
    pub author: String,
    pub date: String,
    /// Relation and text or address.
    pub links: Vec<(String, String)>,
    pub roots: Vec<Tree>,
}

/// A group of the definition, or one item.
#[derive(Debug)]
pub enum Tree {
    Group(Group),
    Item(Item),
}

#[derive(Debug, Default)]
pub struct Group {
    pub all: bool,
    pub negate: bool,
    pub children: Vec<Tree>,
    /// Why its end isn't known.
    pub broken: Option<String>,
}

/// One `IndicatorItem`.
#[derive(Debug, Default)]
pub struct Item {
    pub id: String,
    pub line: u64,
    pub condition: String,
    pub negate: bool,
    pub preserve_case: bool,
    pub document: String,
    pub search: String,
    pub kind: String,
    pub content: String,
    /// What makes it unreadable.
    pub fault: Option<String>,
}

/// Where in a document a text stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Slot {
    Name,
    Description,
    Keywords,
    Author,
    Date,
    Link(String, Option<String>),
    Content,
}

#[derive(Default)]
struct State {
    document: Option<Document>,
    groups: Vec<Group>,
    item: Option<Item>,
    text: Option<(Slot, String)>,
    open: usize,
    items: usize,
}

/// Hands over every document. The error is where and why the text is no further readable.
pub fn read(text: &str, each: &mut impl FnMut(Document)) -> Result<(), (u64, String)> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().allow_dangling_amp = true;
    let mut state = State::default();
    let (mut line, mut counted) = (1u64, 0usize);
    let end = loop {
        let at = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX).min(text.len());
        let passed = text.as_bytes().get(counted..at).unwrap_or_default();
        line = line.saturating_add(passed.iter().filter(|b| **b == b'\n').count() as u64);
        counted = at;
        match reader.read_event() {
            Err(e) => break Err((line, format!("no XML from here on: {e}"))),
            Ok(Event::Eof) if state.open > 0 => break Err((line, "the document breaks off".into())),
            Ok(Event::Eof) => break Ok(()),
            Ok(event) => {
                if let Err(why) = state.event(event, line, each) {
                    break Err((line, why));
                }
            }
        }
    };
    if let Err((_, why)) = &end {
        state.close(why, each);
    }
    end
}

impl State {
    fn event(&mut self, event: Event<'_>, line: u64, each: &mut impl FnMut(Document)) -> Result<(), String> {
        match event {
            Event::Start(e) => {
                self.open = self.open.saturating_add(1);
                if self.open > MAX_OPEN {
                    return Err(format!("nested more than {MAX_OPEN} elements deep"));
                }
                self.start(&e, line)?;
            }
            Event::Empty(e) => {
                self.start(&e, line)?;
                self.end(e.local_name().as_ref(), each);
            }
            Event::End(e) => {
                self.open = self.open.saturating_sub(1);
                self.end(e.local_name().as_ref(), each);
            }
            Event::Text(t) => self.add(&t.into_inner()),
            Event::CData(t) => self.add(&t.into_inner()),
            Event::GeneralRef(r) => match (r.resolve_char_ref(), entity(&r.xml10_content())) {
                (Ok(Some(c)), _) | (_, Some(c)) => self.add(c.encode_utf8(&mut [0; 4])),
                _ => self.spoil("an entity that isn't one of XML's own"),
            },
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Eof => {}
        }
        Ok(())
    }

    fn start(&mut self, element: &BytesStart<'_>, line: u64) -> Result<(), String> {
        let attribute = |name: &str| value(element, name);
        self.spoil("markup within its value");
        match element.local_name().as_ref() {
            "ioc" | "OpenIOC" => {
                self.document = Some(Document { id: attribute("id").unwrap_or_default(), ..Document::default() });
                self.groups.clear();
                self.items = 0;
            }
            _ if self.document.is_none() => {}
            "Indicator" => {
                if self.groups.len() >= MAX_DEPTH / 2 {
                    return Err(format!("groups nested more than {} levels deep", MAX_DEPTH / 2));
                }
                let operator = attribute("operator").unwrap_or_default();
                let broken = match operator.to_ascii_uppercase().as_str() {
                    "AND" | "OR" => None,
                    _ => Some("its group's operator is neither AND nor OR".to_owned()),
                };
                // A group whose operator isn't known must not be wider than its author meant.
                let all = !operator.eq_ignore_ascii_case("or");
                self.groups.push(Group { all, negate: truthy(attribute("negate")), children: Vec::new(), broken });
            }
            "IndicatorItem" => {
                self.items = self.items.saturating_add(1);
                if self.items > MAX_ITEMS {
                    return Err(format!("more than {MAX_ITEMS} items"));
                }
                self.item = Some(Item {
                    id: attribute("id").unwrap_or_default(),
                    line,
                    condition: attribute("condition").unwrap_or_default(),
                    negate: truthy(attribute("negate")),
                    preserve_case: truthy(attribute("preserve-case")),
                    ..Item::default()
                });
            }
            "Context" => {
                if let Some(item) = &mut self.item {
                    item.document = attribute("document").unwrap_or_default();
                    item.search = attribute("search").unwrap_or_default();
                }
            }
            "Content" => {
                if let Some(item) = &mut self.item {
                    item.kind = attribute("type").unwrap_or_default();
                    self.text = Some((Slot::Content, String::new()));
                }
            }
            "short_description" => self.text = Some((Slot::Name, String::new())),
            "description" => self.text = Some((Slot::Description, String::new())),
            "keywords" => self.text = Some((Slot::Keywords, String::new())),
            "authored_by" => self.text = Some((Slot::Author, String::new())),
            "authored_date" => self.text = Some((Slot::Date, String::new())),
            "link" => self.text = Some((Slot::Link(attribute("rel").unwrap_or_default(), attribute("href")), String::new())),
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, name: &str, each: &mut impl FnMut(Document)) {
        match name {
            "ioc" | "OpenIOC" => {
                if let Some(document) = self.document.take() {
                    each(document);
                }
            }
            "Indicator" => self.end_group(None),
            "IndicatorItem" => {
                if let Some(item) = self.item.take() {
                    self.place(Tree::Item(item));
                }
            }
            _ => {
                if let (Some((slot, text)), Some(document)) = (self.text.take(), &mut self.document) {
                    let text = text.trim().to_owned();
                    match slot {
                        Slot::Content => {
                            if let Some(item) = &mut self.item {
                                item.content = text;
                            }
                        }
                        Slot::Name => document.name = text,
                        Slot::Description => document.description = text,
                        Slot::Author => document.author = text,
                        Slot::Date => document.date = text,
                        Slot::Keywords => {
                            let words = text.split([',', ';']).map(str::trim).filter(|w| !w.is_empty()).map(str::to_owned);
                            document.keywords.extend(words.take(MAX_LINKS));
                        }
                        Slot::Link(rel, href) => {
                            if document.links.len() < MAX_LINKS {
                                document.links.push((rel, href.filter(|h| !h.is_empty()).unwrap_or(text)));
                            }
                        }
                    }
                }
            }
        }
    }

    fn end_group(&mut self, broken: Option<&str>) {
        if let Some(mut group) = self.groups.pop() {
            if let Some(why) = broken {
                group.broken.get_or_insert_with(|| why.to_owned());
            }
            self.place(Tree::Group(group));
        }
    }

    fn place(&mut self, tree: Tree) {
        match (self.groups.last_mut(), &mut self.document) {
            (Some(group), _) => group.children.push(tree),
            (None, Some(document)) => document.roots.push(tree),
            (None, None) => {}
        }
    }

    fn add(&mut self, piece: &str) {
        if let Some((_, text)) = &mut self.text {
            if text.len().saturating_add(piece.len()) <= MAX_TEXT {
                text.push_str(piece);
            } else {
                self.spoil("a value that is too long");
            }
        }
    }

    /// Marks the item that is being read as wrong.
    fn spoil(&mut self, why: &str) {
        if let (Some((Slot::Content, _)), Some(item)) = (&self.text, &mut self.item) {
            item.fault = Some(why.to_owned());
        }
    }

    /// Ends everything that is open.
    fn close(&mut self, why: &str, each: &mut impl FnMut(Document)) {
        if let Some(mut item) = self.item.take() {
            item.fault = Some(why.to_owned());
            self.place(Tree::Item(item));
        }
        while !self.groups.is_empty() {
            self.end_group(Some(why));
        }
        if let Some(document) = self.document.take() {
            each(document);
        }
    }
}

fn value(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let mut attributes = element.attributes();
    let found = attributes.with_checks(false).flatten().find(|a| a.key.local_name().as_ref() == name)?;
    let raw: &str = &found.value;
    let value = quick_xml::escape::unescape(raw).map_or_else(|_| raw.to_owned(), |v| v.into_owned());
    Some(value.trim().chars().take(1000).collect())
}

fn truthy(value: Option<String>) -> bool {
    value.is_some_and(|v| v == "1" || v.eq_ignore_ascii_case("true"))
}

fn entity(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(text: &str) -> (Vec<Document>, Result<(), (u64, String)>) {
        let mut out = Vec::new();
        let end = read(text, &mut |d| out.push(d));
        (out, end)
    }

    const HEAD: &str = "<?xml version='1.0'?>\n<OpenIOC xmlns='http://openioc.org/schemas/OpenIOC_1.1' id='x'>\n\
        <metadata><short_description>A &amp; B</short_description><keywords>k, l</keywords>\
        <links><link rel='family' href='http://example.org'>F</link></links></metadata>\n<criteria>";

    #[test]
    fn a_document_of_the_second_version() {
        let text = format!(
            "{HEAD}<Indicator id='a' operator='OR'>\n<IndicatorItem id='i' condition='contains' preserve-case='true' negate='true'>\
             <Context document='FileItem' search='FileItem/FileName' type='mir'/>\
             <Content type='string'>a&lt;&#x62;&quot;<![CDATA[&c]]> & d</Content></IndicatorItem></Indicator></criteria></OpenIOC>"
        );
        let (documents, end) = documents(&text);
        assert_eq!(end, Ok(()));
        let document = &documents[0];
        assert_eq!((document.name.as_str(), document.keywords.len()), ("A & B", 2));
        assert_eq!(document.links, [("family".to_owned(), "http://example.org".to_owned())]);
        let [Tree::Group(group)] = &document.roots[..] else { panic!("{document:?}") };
        let [Tree::Item(item)] = &group.children[..] else { panic!("{group:?}") };
        assert_eq!((item.content.as_str(), item.line, item.id.as_str()), ("a<b\"&c & d", 5, "i"));
        assert!(item.negate && item.preserve_case && item.fault.is_none());
    }

    #[test]
    fn entities_expand_to_nothing() {
        let text = format!(
            "<!DOCTYPE x [<!ENTITY a 'aaaa'><!ENTITY b SYSTEM 'file:///etc/passwd'>]>{HEAD}<Indicator operator='OR'>\
             <IndicatorItem id='i' condition='is'><Context document='FileItem' search='FileItem/FileName'/>\
             <Content type='string'>&b;</Content></IndicatorItem></Indicator></criteria></OpenIOC>"
        );
        let (documents, _) = documents(&text.replace("<?xml version='1.0'?>\n", ""));
        let [Tree::Group(group)] = &documents[0].roots[..] else { panic!() };
        let [Tree::Item(item)] = &group.children[..] else { panic!() };
        assert!(item.content.is_empty() && item.fault.as_ref().is_some_and(|f| f.contains("entity")));
    }

    #[test]
    fn what_breaks_off_says_so() {
        let text = format!(
            "{HEAD}<Indicator operator='OR'><IndicatorItem id='1'/><Indicator operator='AND'><IndicatorItem id='2'/>\
             <IndicatorItem id='3'><Content>x"
        );
        let (documents, end) = documents(&text);
        assert!(end.is_err());
        let [Tree::Group(or)] = &documents[0].roots[..] else { panic!() };
        let [Tree::Item(_), Tree::Group(and)] = &or.children[..] else { panic!("{or:?}") };
        assert!(and.broken.is_some() && and.children.len() == 2);
    }

    #[test]
    fn a_value_is_text_alone() {
        let text = format!("{HEAD}<Indicator operator='OR'><IndicatorItem id='1'><Content>a<b/>c</Content></IndicatorItem>");
        let (documents, _) = documents(&text);
        let [Tree::Group(group)] = &documents[0].roots[..] else { panic!() };
        let [Tree::Item(item)] = &group.children[..] else { panic!() };
        assert!(item.fault.is_some(), "{item:?}");
    }

    #[test]
    fn depth_has_a_limit() {
        let (documents, end) = documents(&format!("{HEAD}{}", "<Indicator operator='AND'>".repeat(100_000)));
        assert!(end.is_err_and(|(_, why)| why.contains("levels deep")));
        assert_eq!(documents.len(), 1);
        assert!(documents_of("<a>".repeat(100_000)).is_err());
    }

    fn documents_of(text: String) -> Result<(), (u64, String)> {
        documents(&text).1
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[<>/!&;a-c'\" =\\n]{0,80}") {
            let _ = documents(&text);
            let _ = documents(&format!("{HEAD}{text}"));
        }
    }
}

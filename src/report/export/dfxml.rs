//! Digital Forensics XML (schema 1.2.0): every file of the inventory with its size, times and digests, for hash tools and
//! differences. Elements stand in the order of the schema's sequences, which is fixed.

use std::io::Write;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

use super::view::{inert, millis, started, time};
use super::{Export, ExportError};
use crate::report::{InventoryRow, OldCase, Report};

pub struct Dfxml;

const NAMESPACE: &str = "http://www.forensicswiki.org/wiki/Category:Digital_Forensics_XML";
const DUBLIN_CORE: &str = "http://purl.org/dc/elements/1.1/";

impl Export for Dfxml {
    fn id(&self) -> &'static str {
        "dfxml"
    }

    fn about(&self) -> &'static str {
        "Digital Forensics XML: every file of the inventory with its digests"
    }

    fn extension(&self) -> &'static str {
        "xml"
    }

    fn write(&self, case: &OldCase, out: &mut dyn Write) -> Result<(), ExportError> {
        let mut xml = Xml(Writer::new_with_indent(out, b' ', 1));
        xml.event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        xml.start("dfxml", &[("version", "1.2.0"), ("xmlns", NAMESPACE), ("xmlns:dc", DUBLIN_CORE)])?;
        head(&mut xml, &case.report)?;
        for row in case.inventory()? {
            object(&mut xml, &row?)?;
        }
        xml.end("dfxml")?;
        Ok(xml.0.into_inner().write_all(b"\n")?)
    }
}

struct Xml<'o>(Writer<&'o mut dyn Write>);

impl Xml<'_> {
    fn event(&mut self, event: Event<'_>) -> Result<(), ExportError> {
        Ok(self.0.write_event(event)?)
    }

    fn start(&mut self, name: &str, attributes: &[(&str, &str)]) -> Result<(), ExportError> {
        self.event(Event::Start(BytesStart::new(name).with_attributes(attributes.iter().copied())))
    }

    fn end(&mut self, name: &str) -> Result<(), ExportError> {
        self.event(Event::End(BytesEnd::new(name)))
    }

    /// Text without characters that XML 1.0 has no way to write (section 2.2): they are escaped before.
    fn text(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) -> Result<(), ExportError> {
        let text: String = inert(text).chars().filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}')).collect();
        self.start(name, attributes)?;
        self.event(Event::Text(BytesText::new(&text)))?;
        self.end(name)
    }

    fn time(&mut self, name: &str, at: Option<&String>) -> Result<(), ExportError> {
        at.and_then(|t| time(t)).map_or(Ok(()), |t| self.text(name, &[], &millis(t)))
    }
}

fn head(xml: &mut Xml<'_>, r: &Report) -> Result<(), ExportError> {
    xml.start("metadata", &[])?;
    xml.text("dc:type", &[], "File inventory")?;
    xml.end("metadata")?;
    xml.start("creator", &[])?;
    xml.text("program", &[], &r.tool.name)?;
    xml.text("version", &[], &r.tool.version)?;
    xml.start("execution_environment", &[])?;
    xml.text("os_sysname", &[], &r.host.os)?;
    xml.text("host", &[], &r.host.name)?;
    xml.text("command_line", &[], &r.run.command.join(" "))?;
    xml.text("start_time", &[], &millis(started(r)?))?;
    xml.end("execution_environment")?;
    xml.end("creator")?;
    xml.start("source", &[])?;
    for target in &r.targets {
        xml.text("image_filename", &[], &target.path)?;
    }
    xml.end("source")
}

fn object(xml: &mut Xml<'_>, row: &InventoryRow) -> Result<(), ExportError> {
    xml.start("fileobject", &[])?;
    xml.text("filename", &[], &row.path)?;
    xml.text("name_type", &[], name_type(&row.kind))?;
    xml.text("filesize", &[], &row.size.to_string())?;
    xml.text("alloc", &[], "1")?;
    // There the mode is a decimal number.
    if let Some(mode) = row.mode.as_deref().and_then(|m| u32::from_str_radix(m, 8).ok()) {
        xml.text("mode", &[], &mode.to_string())?;
    }
    xml.time("mtime", row.times.mtime.as_ref())?;
    xml.time("ctime", row.times.ctime.as_ref())?;
    xml.time("atime", row.times.atime.as_ref())?;
    xml.time("crtime", row.times.btime.as_ref())?;
    for (word, digest) in [("md5", &row.md5), ("sha1", &row.sha1), ("sha256", &row.sha256)] {
        if let Some(digest) = digest {
            xml.text("hashdigest", &[("type", word)], digest)?;
        }
    }
    xml.end("fileobject")
}

/// Values of `name_type`: r regular, d folder, l link, v virtual, `-` unknown.
fn name_type(kind: &str) -> &'static str {
    match kind {
        "file" | "member" => "r",
        "dir" => "d",
        "symlink" => "l",
        "stream" => "v",
        _ => "-",
    }
}

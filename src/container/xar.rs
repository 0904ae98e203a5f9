//! xar (the format's description in xar's wiki; Apple's packages): a header, a list in compressed XML, and a heap in
//! which the members' data lie. Members come in the order of the list.

use std::io::{self, Read, SeekFrom};

use flate2::read::ZlibDecoder;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use sha1::{Digest, Sha1};

use super::forward::{Checked, Sum};
use super::meter::{Fault, Input, fault_of};
use super::read::read_at;
use super::stream::bz2::Bunzip;
use super::stream::xz::Unxz;
use super::stream::{Frames, Remarks, Shared};
use super::walk::{Walk, named};
use super::{Budget, Container, Expanded, MemberSink, Probe, ReadSeek};
use crate::model::{GapReason, MemberFacts, Time};

/// Bytes of the list, packed and unpacked.
const LIST: u64 = 64 << 20;
/// Folders inside folders, and bytes of a path.
const DEPTH: usize = 200;
const PATH: usize = 16 << 10;

pub struct Xar;

impl Container for Xar {
    fn id(&self) -> &'static str {
        "xar"
    }

    fn probe(&self, probe: &Probe<'_>) -> bool {
        probe.head.starts_with(b"xar!")
    }

    fn expand(&self, _: &Probe<'_>, input: &mut dyn ReadSeek, budget: &mut Budget, sink: &mut dyn MemberSink) -> Expanded {
        let mut walk = Walk::new(self.id(), budget, sink);
        let outcome = list(input).and_then(|(list, heap)| members(&list, heap, input, &mut walk));
        if let Err(e) = outcome {
            walk.failed(&e);
        }
        walk.finish()
    }
}

fn damaged() -> io::Error {
    Fault::malformed("the list of members is damaged")
}

/// The list, and where the heap begins.
fn list(input: &mut dyn ReadSeek) -> io::Result<(Vec<u8>, u64)> {
    let header = read_at(input, 0, 28)?;
    let size = header.get(4..).and_then(|b| b.first_chunk()).map(|b| u16::from_be_bytes(*b)).ok_or_else(damaged)?;
    let packed = header.get(8..).and_then(|b| b.first_chunk()).map(|b| u64::from_be_bytes(*b)).ok_or_else(damaged)?;
    let too_large = || Fault::new(GapReason::LimitMemory, "the list of members is larger than it may be").into();
    if packed > LIST {
        return Err(too_large());
    }
    let bytes = read_at(input, u64::from(size), usize::try_from(packed).unwrap_or(usize::MAX))?;
    if (bytes.len() as u64) < packed {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut list = Vec::new();
    ZlibDecoder::new(bytes.as_slice()).take(LIST + 1).read_to_end(&mut list).map_err(|_| damaged())?;
    if list.len() as u64 > LIST { Err(too_large()) } else { Ok((list, u64::from(size).saturating_add(packed))) }
}

/// A `file` of the list, as far as it was read.
#[derive(Default)]
struct File {
    name: Vec<u8>,
    kind: String,
    mtime: Option<Time>,
    mode: Option<String>,
    uid: Option<String>,
    gid: Option<String>,
    data: Option<Data>,
    delivered: bool,
}

#[derive(Default)]
struct Data {
    offset: u64,
    length: u64,
    size: u64,
    encoding: String,
    sum: Option<String>,
    sum_style: String,
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    let found = tag.try_get_attribute(name).ok().flatten()?;
    Some(found.value.into_owned())
}

/// Where in the list the reader stands: open files, and the elements inside the innermost one.
#[derive(Default)]
struct Place {
    files: Vec<File>,
    inside: Vec<String>,
    base64: bool,
}

fn members(list: &[u8], heap: u64, input: &mut dyn ReadSeek, walk: &mut Walk<'_>) -> io::Result<()> {
    let mut reader = Reader::from_reader(list);
    let mut place = Place::default();
    let mut depth = 0_usize;
    let mut text = Vec::new();
    loop {
        match reader.read_event().map_err(|_| damaged())? {
            Event::Start(tag) => {
                depth += 1;
                if depth > 4 * DEPTH || place.files.len() > DEPTH {
                    return Err(Fault::new(GapReason::LimitDepth, "folders are nested deeper than the limit").into());
                }
                text.clear();
                if tag.local_name().as_ref() == "file" {
                    // A folder comes before what is in it.
                    deliver(&mut place, heap, input, walk)?;
                    place.files.push(File::default());
                    place.inside.clear();
                } else if !place.files.is_empty() {
                    place.inside.push(tag.local_name().as_ref().to_owned());
                    begin(&mut place, &tag);
                }
            }
            Event::Empty(tag) if !place.files.is_empty() => {
                place.inside.push(tag.local_name().as_ref().to_owned());
                begin(&mut place, &tag);
                place.inside.pop();
            }
            Event::Text(part) => text.extend_from_slice(part.as_ref().as_bytes()),
            Event::GeneralRef(reference) => text.extend_from_slice(resolved(&reference).as_bytes()),
            Event::CData(part) => text.extend_from_slice(part.as_ref().as_bytes()),
            Event::End(tag) => {
                depth = depth.saturating_sub(1);
                if tag.local_name().as_ref() == "file" {
                    deliver(&mut place, heap, input, walk)?;
                    place.files.pop();
                } else if !place.files.is_empty() {
                    end(&mut place, &text)?;
                    place.inside.pop();
                }
                text.clear();
            }
            Event::Eof if depth == 0 => return Ok(()),
            Event::Eof => return Err(damaged()),
            _ => {}
        }
        if walk.ended() {
            return Ok(());
        }
    }
}

/// The five names of XML and numbers; others aren't defined here.
fn resolved(reference: &quick_xml::events::BytesRef<'_>) -> String {
    if let Ok(Some(c)) = reference.resolve_char_ref() {
        return c.to_string();
    }
    match reference.as_ref() {
        "amp" => "&",
        "lt" => "<",
        "gt" => ">",
        "quot" => "\"",
        "apos" => "'",
        _ => "",
    }
    .to_owned()
}

/// Attributes that matter.
fn begin(place: &mut Place, tag: &BytesStart<'_>) {
    let path: Vec<&str> = place.inside.iter().map(String::as_str).collect();
    let Some(file) = place.files.last_mut() else { return };
    match path.as_slice() {
        ["data"] => file.data = Some(Data::default()),
        ["data", "encoding"] => {
            if let Some(data) = &mut file.data {
                data.encoding = attribute(tag, "style").unwrap_or_default();
            }
        }
        ["data", "extracted-checksum"] => {
            if let Some(data) = &mut file.data {
                data.sum_style = attribute(tag, "style").unwrap_or_default();
            }
        }
        ["name"] => place.base64 = attribute(tag, "enctype").as_deref() == Some("base64"),
        _ => {}
    }
}

/// Text of an element.
fn end(place: &mut Place, text: &[u8]) -> io::Result<()> {
    use base64::Engine;
    let path: Vec<&str> = place.inside.iter().map(String::as_str).collect();
    let Some(file) = place.files.last_mut() else { return Ok(()) };
    let word = || String::from_utf8_lossy(text).trim().to_owned();
    let number = || word().parse().map_err(|_| damaged());
    match (path.as_slice(), &mut file.data) {
        (["name"], _) => {
            let decoded = base64::engine::general_purpose::STANDARD.decode(text.trim_ascii());
            file.name = if place.base64 { decoded.map_err(|_| damaged())? } else { text.to_vec() };
        }
        (["type"], _) => file.kind = word(),
        (["mode"], _) => file.mode = Some(word()),
        (["uid"], _) => file.uid = Some(word()),
        (["gid"], _) => file.gid = Some(word()),
        (["mtime"], _) => {
            file.mtime = word().parse::<jiff::Timestamp>().ok().map(|stamp| Time(stamp.as_nanosecond()));
        }
        (["data", "offset"], Some(data)) => data.offset = number()?,
        (["data", "length"], Some(data)) => data.length = number()?,
        (["data", "size"], Some(data)) => data.size = number()?,
        (["data", "extracted-checksum"], Some(data)) => data.sum = Some(word()),
        _ => {}
    }
    Ok(())
}

/// Hands over the innermost file, once.
fn deliver(place: &mut Place, heap: u64, input: &mut dyn ReadSeek, walk: &mut Walk<'_>) -> io::Result<()> {
    let path = place.files.iter().map(|file| file.name.as_slice()).collect::<Vec<_>>().join(&b'/');
    let Some(file) = place.files.last_mut().filter(|file| !file.delivered) else { return Ok(()) };
    file.delivered = true;
    if path.len() > PATH {
        return Err(Fault::new(GapReason::LimitMemory, "a path is longer than the limit").into());
    }
    let data = file.data.take();
    let mut facts = MemberFacts {
        is_dir: file.kind == "directory",
        is_link: matches!(file.kind.as_str(), "symlink" | "hardlink"),
        size: Some(data.as_ref().map_or(0, |data| data.size)),
        packed: data.as_ref().map(|data| data.length),
        mtime: file.mtime,
        owner: file.uid.take().zip(file.gid.take()).map(|(uid, gid)| format!("{uid}:{gid}")),
        mode: file.mode.take(),
        method: data.as_ref().map(|data| data.encoding.strip_prefix("application/").unwrap_or(&data.encoding).to_owned()),
        ..named(path)
    };
    if !walk.admit(&mut facts) {
        return Ok(());
    }
    let Some(data) = data else {
        match file.kind.as_str() {
            "symlink" | "hardlink" => walk.unread(&facts, GapReason::LinkMember, "a link; its target is not followed"),
            "fifo" | "character special" | "block special" | "socket" => {
                walk.unread(&facts, GapReason::SpecialFile, "a device or pipe; it holds no bytes");
            }
            _ => walk.empty(&facts),
        }
        return Ok(());
    };
    if walk.spent() && data.length > 0 {
        walk.unread(&facts, GapReason::LimitSize, "the limit of bytes out of one archive was reached");
        return Ok(());
    }
    input.seek(SeekFrom::Start(heap.saturating_add(data.offset)))?;
    let mut reader: &mut dyn ReadSeek = input;
    let mut stored = Read::by_ref(&mut reader).take(data.length);
    content(&data, &mut stored, &facts, walk);
    Ok(())
}

fn content(data: &Data, stored: &mut dyn Read, facts: &MemberFacts, walk: &mut Walk<'_>) {
    let limits = walk.budget().limits;
    let input = Input::new(stored);
    let fed = input.fed();
    let plain: Box<dyn Read + '_> = match data.encoding.as_str() {
        "" | "application/octet-stream" => Box::new(input),
        // zlib in spite of its name.
        "application/x-gzip" | "application/zlib" => Box::new(ZlibDecoder::new(input)),
        "application/x-bzip2" => Box::new(Frames::new(Shared::new(input), Box::<Bunzip>::default(), Remarks::default())),
        "application/x-xz" => Box::new(Frames::new(Shared::new(input), Box::new(Unxz::new(&limits)), Remarks::default())),
        "application/x-lzma" => {
            let kib = u32::try_from(limits.decoder_memory >> 10).unwrap_or(u32::MAX);
            match lzma_rust2::LzmaReader::new_mem_limit(input, kib, None) {
                Ok(reader) => Box::new(reader),
                Err(e) => {
                    let fault = fault_of(&e);
                    return walk.unread(facts, fault.reason, fault.detail);
                }
            }
        }
        _ => return walk.unread(facts, GapReason::UnsupportedMethod, "the encoding is not supported"),
    };
    let sum = data.sum.as_ref().filter(|_| data.sum_style.eq_ignore_ascii_case("sha1"));
    let sum = sum.map(|want| Box::new(Sha { hasher: Sha1::new(), want: want.to_ascii_lowercase() }) as Box<dyn Sum>);
    let mut content = Sized { inner: Checked::new(plain, sum), size: 0, want: data.size };
    walk.deliver(facts, &mut content, fed, None);
}

/// The content must be as long as the list says.
struct Sized<R> {
    inner: R,
    size: u64,
    want: u64,
}

impl<R: Read> Read for Sized<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.size = self.size.saturating_add(n as u64);
        if n == 0 && !buf.is_empty() && self.size != self.want {
            return Err(Fault::malformed("size mismatch"));
        }
        Ok(n)
    }
}

struct Sha {
    hasher: Sha1,
    want: String,
}

impl Sum for Sha {
    fn add(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
    }

    fn agrees(&self) -> bool {
        crate::model::text::hex(&self.hasher.clone().finalize()) == self.want
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{mutations, open};
    use super::*;

    const LIST: &[u8] = b"Nobody in this list is real.\n";
    const ZLIB: &[u8] = include_bytes!("../../tests/fixtures/container/xar.xar");
    const OTHERS: [(&str, &[u8]); 3] = [
        ("none", include_bytes!("../../tests/fixtures/container/xar-none.xar")),
        ("bzip2", include_bytes!("../../tests/fixtures/container/xar-bzip2.xar")),
        ("xz", include_bytes!("../../tests/fixtures/container/xar-xz.xar")),
    ];

    #[test]
    fn every_encoding() {
        for (encoding, bytes) in OTHERS.into_iter().chain([("gzip", ZLIB)]) {
            let tree = open(bytes, "x.xar");
            assert_eq!(tree.content("dir/list.txt"), Some(LIST), "{encoding}");
            assert_eq!(tree.gaps(), [GapReason::LinkMember], "{encoding}");
            assert_eq!(tree.names().len(), 3);
            let facts = &tree.seen.iter().find(|seen| seen.name() == "dir/list.txt").unwrap().facts;
            assert_eq!(facts.mtime.and_then(Time::rfc3339).as_deref(), Some("2024-01-01T12:00:00Z"));
        }
    }

    #[test]
    fn damage() {
        mutations(ZLIB, "x.xar");
        // bsdtar leaves 20 bytes behind the last member.
        for cut in (4..ZLIB.len() - 20).step_by(3) {
            assert!(open(&ZLIB[..cut], "x.xar").gaps().contains(&GapReason::Malformed), "cut at {cut}");
        }
        let mut bad = OTHERS[0].1.to_vec();
        let at = memchr::memmem::find(&bad, b"Nobody").unwrap();
        bad[at] ^= 1;
        assert!(open(&bad, "x.xar").gaps().contains(&GapReason::Malformed));
    }
}

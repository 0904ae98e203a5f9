//! Objects of a file (ISO 32000-1, 7.3.10 and 7.5), found by looking for them: cross-reference tables are not believed.

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::io::Read;

use super::super::Unread;
use super::filter;
use super::value::{Lexer, Value};
use crate::model::GapReason;

/// Objects of a file.
const MAX_OBJECTS: usize = 2_000_000;
/// Bytes of objects and inflated streams that are read.
const MAX_BYTES: usize = 256 << 20;
/// What each stream costs besides its bytes.
const STREAM_COST: usize = 1024;
/// Bytes of streams of objects, which are held.
const MAX_HELD: usize = 64 << 20;

/// Where an object stands: in the file, or in one of the inflated streams of objects.
#[derive(Clone, Copy)]
enum Place {
    File(usize),
    Held(usize, usize),
}

pub(super) struct File<'a> {
    body: &'a [u8],
    places: BTreeMap<u32, Place>,
    held: Vec<Vec<u8>>,
    /// What reading may still cost, in bytes: objects and streams may be used over and over.
    left: Cell<usize>,
    /// The first stream that could not be decoded, or limit that was hit.
    pub fault: Option<Unread>,
}

impl<'a> File<'a> {
    pub fn open(body: &'a [u8]) -> Result<Self, Unread> {
        let mut out = Self { body, places: BTreeMap::new(), held: Vec::new(), left: Cell::new(MAX_BYTES), fault: None };
        let mut streams = Vec::new();
        for at in memchr::memmem::find_iter(body, b" obj") {
            let Some((number, start)) = number_before(body, at) else { continue };
            let behind = at.saturating_add(4);
            // The later of two is the valid one.
            out.places.insert(number, Place::File(behind));
            let head = body.get(start..body.len().min(behind.saturating_add(300))).unwrap_or_default();
            if memchr::memmem::find(head, b"ObjStm").is_some() {
                streams.push(number);
            }
            if out.places.len() > MAX_OBJECTS {
                return Err(Unread::new(GapReason::LimitCount, "it has more than 2,000,000 objects"));
            }
        }
        streams.dedup();
        for number in streams {
            out.unpack(number);
        }
        Ok(out)
    }

    /// Objects in a stream (7.5.7).
    fn unpack(&mut self, number: u32) {
        let dict = self.object(number);
        if !dict.get(b"Type").is_name(b"ObjStm") {
            return;
        }
        let (Some(count), Some(first)) = (self.resolve(dict.get(b"N")).index(), self.resolve(dict.get(b"First")).index()) else {
            return;
        };
        let data = self.stream(number);
        if self.held.iter().map(Vec::len).sum::<usize>().saturating_add(data.len()) > MAX_HELD {
            self.fault.get_or_insert(Unread::new(GapReason::LimitMemory, "its streams of objects need more than 64 MiB"));
            return;
        }
        let mut pairs = Lexer::new(&data, 0);
        for _ in 0..count.min(data.len()) {
            let (Some(number), Some(offset)) = (pairs.value().and_then(|v| v.index()), pairs.value().and_then(|v| v.index()))
            else {
                break;
            };
            if let Ok(number) = u32::try_from(number) {
                self.places.entry(number).or_insert(Place::Held(self.held.len(), first.saturating_add(offset)));
            }
        }
        self.held.push(data);
    }

    pub fn numbers(&self) -> Vec<u32> {
        self.places.keys().copied().collect()
    }

    /// Takes from what reading may cost.
    pub fn charge(&self, cost: usize) {
        self.left.set(self.left.get().saturating_sub(cost));
    }

    /// Whether the limit of what reading may cost was hit.
    pub fn is_spent(&self) -> bool {
        self.left.get() == 0
    }

    pub fn object(&self, number: u32) -> Value {
        let place = match self.places.get(&number) {
            Some(Place::File(at)) => Some((self.body, *at)),
            Some(Place::Held(i, at)) => self.held.get(*i).map(|data| (data.as_slice(), *at)),
            None => None,
        };
        let Some((bytes, at)) = place.filter(|_| !self.is_spent()) else { return Value::Null };
        let mut lexer = Lexer::new(bytes, at);
        let value = lexer.value();
        self.charge(lexer.at.saturating_sub(at));
        value.unwrap_or(Value::Null)
    }

    /// What a reference leads to.
    pub fn resolve(&self, value: &Value) -> Value {
        let mut value = value.clone();
        for _ in 0..8 {
            match value {
                Value::Ref(number) => value = self.object(number),
                other => return other,
            }
        }
        Value::Null
    }

    /// A stream's content, decoded; empty where it is none, or where it can't be decoded.
    pub fn stream(&mut self, number: u32) -> Vec<u8> {
        let Some(Place::File(at)) = self.places.get(&number).filter(|_| !self.is_spent()) else { return Vec::new() };
        let mut lexer = Lexer::new(self.body, *at);
        let Some(dict @ Value::Dict(_)) = lexer.value() else { return Vec::new() };
        if lexer.value() != Some(Value::Word(b"stream".to_vec())) {
            return Vec::new();
        }
        let rest = self.body.get(lexer.at..).unwrap_or_default();
        let rest =
            rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")).or_else(|| rest.strip_prefix(b"\r")).unwrap_or(rest);
        let declared = self.resolve(dict.get(b"Length")).index().filter(|n| {
            let behind = rest.get(*n..).unwrap_or_default().trim_ascii_start();
            behind.starts_with(b"endstream")
        });
        let length = declared.or_else(|| memchr::memmem::find(rest, b"endstream")).unwrap_or(rest.len());
        let raw = rest.get(..length).unwrap_or_default();
        let filters = match self.resolve(dict.get(b"Filter")) {
            Value::Array(list) => list.iter().map(|f| self.resolve(f)).collect(),
            Value::Null => Vec::new(),
            one => vec![one],
        };
        let parameters = match self.resolve(dict.get(b"DecodeParms")) {
            Value::Array(list) => list.iter().map(|f| self.resolve(f)).collect(),
            one => vec![one],
        };
        let mut data = raw.to_vec();
        for (i, filter) in filters.iter().enumerate().take(8) {
            match filter::decode(filter, parameters.get(i).unwrap_or(&Value::Null), &data, self.left.get()) {
                Ok(decoded) => data = decoded,
                Err(why) => {
                    self.fault.get_or_insert(why);
                    return Vec::new();
                }
            }
        }
        self.charge(raw.len().max(data.len()).saturating_add(STREAM_COST));
        data
    }
}

/// The number in front of `0 obj`, and where it begins.
fn number_before(body: &[u8], at: usize) -> Option<(u32, usize)> {
    let digits = |end: usize| {
        let before = body.get(end.saturating_sub(10)..end)?;
        let n = before.iter().rev().take_while(|b| b.is_ascii_digit()).count();
        (n > 0).then(|| end.saturating_sub(n))
    };
    let generation = digits(at)?;
    let end = generation.checked_sub(1).filter(|i| body.get(*i).is_some_and(|b| b.is_ascii_whitespace()))?;
    let start = digits(end)?;
    let number = std::str::from_utf8(body.get(start..end)?).ok()?.parse().ok()?;
    Some((number, start))
}

/// Inflates as much as there is; what comes before damage counts.
pub(super) fn inflate(data: &[u8], most: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let _ = flate2::read::ZlibDecoder::new(data).take(most as u64).read_to_end(&mut out);
    if out.is_empty() && data.len() > 8 {
        // Without its header.
        let _ = flate2::read::DeflateDecoder::new(data.get(2..)?).take(most as u64).read_to_end(&mut out);
    }
    (!out.is_empty() || data.len() <= 16).then_some(out)
}

/// Fonts and forms by number, so that each is made once.
pub(super) type Cache<T> = HashMap<u32, T>;

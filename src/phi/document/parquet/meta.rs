//! The footer of a file: its columns, and where their values are (`parquet.thrift`).

use super::thrift::{Thrift, varint};

/// Columns of one file, and pieces of columns in all its groups of rows.
const MAX_COLUMNS: usize = 10_000;
const MAX_CHUNKS: usize = 2_000_000;
/// Groups of columns around a column.
const MAX_DEPTH: usize = 64;

/// What a value means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Plain,
    Text,
    Decimal(usize),
    Date,
    /// Parts of a second.
    Moment(i64),
    Uuid,
    Unsigned,
}

/// A column that holds values.
#[derive(Clone, Debug)]
pub(super) struct Column {
    /// With the names of the groups around it.
    pub name: String,
    pub kind: i64,
    /// Bytes of a value of fixed length.
    pub width: usize,
    pub meaning: Meaning,
    /// Levels of what may be missing, and of what may stand there many times.
    pub defined: u32,
    pub repeated: u32,
}

/// The values of a column in a group of rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Chunk {
    pub codec: i64,
    /// Where its pages begin, and their bytes.
    pub start: usize,
    pub size: usize,
    /// Levels and values, those that are missing too.
    pub values: u64,
    pub encrypted: bool,
    /// In a file of its own.
    pub elsewhere: bool,
}

#[derive(Debug, Default)]
pub(super) struct Meta {
    pub columns: Vec<Column>,
    pub groups: Vec<Vec<Chunk>>,
    pub encrypted: bool,
}

/// An element of the schema, which is written depth first.
#[derive(Default)]
struct Element {
    name: String,
    kind: Option<i64>,
    width: usize,
    repetition: i64,
    children: u64,
    converted: Option<i64>,
    scale: usize,
    logical: Option<Meaning>,
}

pub(super) fn meta(footer: &[u8]) -> Option<Meta> {
    let mut meta = Meta::default();
    let mut chunks = 0_usize;
    Thrift::new(footer).fields(|thrift, (number, _)| {
        match number {
            2 => meta.columns = schema(thrift)?,
            4 => {
                for _ in 0..thrift.list()? {
                    let mut group = Vec::new();
                    thrift.fields(|thrift, (number, _)| {
                        if number != 1 {
                            return Some(false);
                        }
                        for _ in 0..thrift.list()? {
                            group.push(chunk(thrift)?);
                            chunks = chunks.checked_add(1).filter(|n| *n <= MAX_CHUNKS)?;
                        }
                        Some(true)
                    })?;
                    meta.groups.push(group);
                }
            }
            8 => {
                meta.encrypted = true;
                return Some(false);
            }
            _ => return Some(false),
        }
        Some(true)
    })?;
    Some(meta)
}

fn chunk(thrift: &mut Thrift<'_>) -> Option<Chunk> {
    let mut chunk = Chunk::default();
    let (mut data, mut dictionary, mut inside) = (0, 0, false);
    thrift.fields(|thrift, (number, _)| {
        match number {
            1 => chunk.elsewhere = !thrift.bytes()?.is_empty(),
            3 => {
                inside = true;
                thrift.fields(|thrift, (number, _)| {
                    match number {
                        4 => chunk.codec = thrift.number()?,
                        5 => chunk.values = u64::try_from(thrift.number()?).ok()?,
                        7 => chunk.size = thrift.size()?,
                        9 => data = thrift.size()?,
                        11 => dictionary = thrift.size()?,
                        _ => return Some(false),
                    }
                    Some(true)
                })?;
            }
            8 | 9 => {
                chunk.encrypted = true;
                return Some(false);
            }
            _ => return Some(false),
        }
        Some(true)
    })?;
    // Some writers leave the dictionary's place out, or write zero.
    chunk.start = if dictionary > 0 && dictionary < data { dictionary } else { data };
    chunk.encrypted |= !inside;
    Some(chunk)
}

fn schema(thrift: &mut Thrift<'_>) -> Option<Vec<Column>> {
    let mut columns = Vec::new();
    // Groups that are open: children still to come, name, levels.
    let mut open: Vec<(u64, String, u32, u32)> = Vec::new();
    for i in 0..thrift.list()? {
        let element = element(thrift)?;
        while open.pop_if(|(left, ..)| *left == 0).is_some() {}
        if i == 0 {
            open.push((element.children, String::new(), 0, 0));
            continue;
        }
        let (left, around, defined, repeated) = open.last_mut()?;
        *left = left.checked_sub(1)?;
        let name = join(around, &element.name);
        let defined = defined.checked_add(u32::from(element.repetition != 0))?;
        let repeated = repeated.checked_add(u32::from(element.repetition == 2))?;
        match element.kind {
            None => open.push((element.children, name, defined, repeated)),
            Some(kind) => {
                let meaning = element.meaning();
                columns.push(Column { name, kind, width: element.width, meaning, defined, repeated });
            }
        }
        if columns.len() > MAX_COLUMNS || open.len() > MAX_DEPTH {
            return None;
        }
    }
    Some(columns)
}

/// Names with points between; what lists are made of is no name.
fn join(around: &str, name: &str) -> String {
    match (around, name) {
        ("", name) => name.to_owned(),
        (around, "list" | "element" | "array" | "bag" | "item" | "key_value" | "map") => around.to_owned(),
        (around, name) => format!("{around}.{name}"),
    }
}

fn element(thrift: &mut Thrift<'_>) -> Option<Element> {
    let mut out = Element::default();
    thrift.fields(|thrift, (number, _)| {
        match number {
            1 => out.kind = Some(thrift.number()?),
            2 => out.width = thrift.size()?,
            3 => out.repetition = thrift.number()?,
            4 => out.name = thrift.text()?,
            5 => out.children = u64::try_from(thrift.number()?).ok()?,
            6 => out.converted = Some(thrift.number()?),
            7 => out.scale = thrift.size()?,
            10 => out.logical = logical(thrift)?,
            _ => return Some(false),
        }
        Some(true)
    })?;
    Some(out)
}

/// The union `LogicalType`.
fn logical(thrift: &mut Thrift<'_>) -> Option<Option<Meaning>> {
    let mut out = None;
    thrift.fields(|thrift, (number, _)| {
        let mut scale = 0;
        let mut unit = 1000;
        out = match number {
            1 | 4 | 12 => Some(Meaning::Text),
            5 => {
                thrift.fields(|thrift, (number, _)| {
                    if number == 1 {
                        scale = thrift.size()?;
                    }
                    Some(number == 1)
                })?;
                Some(Meaning::Decimal(scale))
            }
            6 => Some(Meaning::Date),
            8 => {
                thrift.fields(|thrift, (number, _)| {
                    if number == 2 {
                        thrift.fields(|_, (number, _)| {
                            unit = match number {
                                1 => 1000,
                                2 => 1_000_000,
                                _ => 1_000_000_000,
                            };
                            Some(false)
                        })?;
                    }
                    Some(number == 2)
                })?;
                Some(Meaning::Moment(unit))
            }
            14 => Some(Meaning::Uuid),
            _ => None,
        };
        Some(matches!(number, 5 | 8))
    })?;
    Some(out)
}

impl Element {
    fn meaning(&self) -> Meaning {
        self.logical.unwrap_or(match self.converted {
            Some(0 | 4 | 19) => Meaning::Text,
            Some(5) => Meaning::Decimal(self.scale),
            Some(6) => Meaning::Date,
            Some(9) => Meaning::Moment(1000),
            Some(10) => Meaning::Moment(1_000_000),
            Some(11..=14) => Meaning::Unsigned,
            _ => Meaning::Plain,
        })
    }
}

/// The header of a page.
#[derive(Debug, Default)]
pub(super) struct Head {
    /// 0 of values, 1 of an index, 2 of the dictionary, 3 of values in the second form.
    pub kind: i64,
    pub plain: usize,
    pub packed: usize,
    pub values: u64,
    pub encoding: i64,
    /// Of the second form: bytes of levels, which are never packed.
    pub defined: usize,
    pub repeated: usize,
    pub stored: bool,
    /// Levels in the old form of bits (`BIT_PACKED`): of what may be missing, of what may repeat.
    pub old: [bool; 2],
}

/// A page's header, and its bytes.
pub(super) fn head(data: &[u8]) -> Option<(Head, usize)> {
    let mut head = Head::default();
    let mut thrift = Thrift::new(data);
    thrift.fields(|thrift, (number, _)| {
        match number {
            1 => head.kind = thrift.number()?,
            2 => head.plain = thrift.size()?,
            3 => head.packed = thrift.size()?,
            5 | 7 | 8 => {
                let form = number;
                thrift.fields(|thrift, (number, kind)| {
                    match (number, form) {
                        (1, _) => head.values = u64::try_from(thrift.number()?).ok()?,
                        (2, 5 | 7) | (4, 8) => head.encoding = thrift.number()?,
                        (3, 5) => head.old[0] = thrift.number()? == 4,
                        (4, 5) => head.old[1] = thrift.number()? == 4,
                        (5, 8) => head.defined = thrift.size()?,
                        (6, 8) => head.repeated = thrift.size()?,
                        // A truth stands in the field's kind: 2 is false.
                        (7, 8) => {
                            head.stored = kind == 2;
                            return Some(false);
                        }
                        _ => return Some(false),
                    }
                    Some(true)
                })?;
            }
            _ => return Some(false),
        }
        Some(true)
    })?;
    Some((head, thrift.at()))
}

/// A number of the formats of pages.
pub(super) fn count(data: &[u8], at: &mut usize) -> Option<usize> {
    usize::try_from(varint(data, at)?).ok()
}

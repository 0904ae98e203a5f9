//! The text of a page (ISO 32000-1, 9.4) by where it is shown: pieces on one height are a line, and wide gaps part cells.

use super::super::flow::Flow;
use super::file::{Cache, File};
use super::font::Font;
use super::value::{Lexer, Value};

/// Pieces of text on a page.
const MAX_PIECES: usize = 200_000;
/// Forms inside forms, and saved states.
const MAX_DEPTH: usize = 8;
const MAX_STATES: usize = 64;
/// Operands that one operator may have.
const MAX_OPERANDS: usize = 1000;

/// A gap that parts cells, in units of the font's size; a blank has about a quarter.
const WIDE: f64 = 0.7;

type Matrix = [f64; 6];
const UNIT: Matrix = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0];

/// `a` applied before `b`.
fn times(a: Matrix, b: Matrix) -> Matrix {
    let [a0, a1, a2, a3, a4, a5] = a;
    let [b0, b1, b2, b3, b4, b5] = b;
    [a0 * b0 + a1 * b2, a0 * b1 + a1 * b3, a2 * b0 + a3 * b2, a2 * b1 + a3 * b3, a4 * b0 + a5 * b2 + b4, a4 * b1 + a5 * b3 + b5]
}

struct Piece {
    x: f64,
    y: f64,
    end: f64,
    size: f64,
    text: String,
}

/// What a page shows.
#[derive(Default)]
pub(super) struct Page {
    pieces: Vec<Piece>,
    pub images: bool,
    codes: u32,
    unknown: u32,
    /// Whether a limit ended it.
    pub cut: bool,
}

#[derive(Clone, Copy)]
struct State {
    place: Matrix,
    font: u32,
    size: f64,
    leading: f64,
}

pub(super) struct Fonts(pub Cache<Font>);

impl Page {
    /// Whether there is text, and most of it has no characters.
    pub fn is_unmapped(&self) -> bool {
        self.unknown.saturating_mul(2) > self.codes
    }

    pub fn has_text(&self) -> bool {
        self.pieces.iter().any(|p| !p.text.trim().is_empty())
    }

    pub fn run(&mut self, file: &mut File<'_>, content: &[u8], resources: &Value, fonts: &mut Fonts) {
        self.content(file, content, resources, fonts, UNIT, 0);
    }

    fn content(
        &mut self,
        file: &mut File<'_>,
        content: &[u8],
        resources: &Value,
        fonts: &mut Fonts,
        place: Matrix,
        depth: usize,
    ) {
        let mut state = State { place, font: 0, size: 1.0, leading: 0.0 };
        let mut states: Vec<State> = Vec::new();
        let (mut line, mut at) = (UNIT, UNIT);
        let (font_names, object_names) = (file.resolve(resources.get(b"Font")), file.resolve(resources.get(b"XObject")));
        let mut lexer = Lexer::new(content, 0);
        let mut operands: Vec<Value> = Vec::new();
        while let Some(value) = lexer.value() {
            let Value::Word(operator) = value else {
                if operands.len() < MAX_OPERANDS {
                    operands.push(value);
                }
                continue;
            };
            let n = |i: usize| operands.get(i).and_then(Value::number).unwrap_or(0.0);
            let matrix = || [n(0), n(1), n(2), n(3), n(4), n(5)];
            let mut go = |x: f64, y: f64, at: &mut Matrix| {
                line = times([1.0, 0.0, 0.0, 1.0, x, y], line);
                *at = line;
            };
            match operator.as_slice() {
                b"q" if states.len() < MAX_STATES => states.push(state),
                b"Q" => state = states.pop().unwrap_or(state),
                b"cm" => state.place = times(matrix(), state.place),
                b"BT" => (line, at) = (UNIT, UNIT),
                b"Tf" => {
                    state.size = n(1);
                    if let Some(Value::Name(name)) = operands.first() {
                        file.charge(font_names.len());
                        let font = font_names.get(name);
                        state.font = if let Value::Ref(number) = font { *number } else { 0 };
                        // Those without a number are read anew: their names are the page's own.
                        let known = state.font != 0 && fonts.0.contains_key(&state.font);
                        if !known {
                            let dict = file.resolve(font);
                            let font = Font::read(file, &dict);
                            fonts.0.insert(state.font, font);
                        }
                    }
                }
                b"TL" => state.leading = n(0),
                b"Td" => go(n(0), n(1), &mut at),
                b"TD" => {
                    state.leading = -n(1);
                    go(n(0), n(1), &mut at);
                }
                b"T*" => go(0.0, -state.leading, &mut at),
                b"Tm" => (line, at) = (matrix(), matrix()),
                b"Tj" => self.show(&operands, &state, fonts, &mut at),
                b"'" | b"\"" => {
                    go(0.0, -state.leading, &mut at);
                    self.show(&operands, &state, fonts, &mut at);
                }
                b"TJ" => self.show(operands.first().map(Value::elements).unwrap_or_default(), &state, fonts, &mut at),
                b"BI" => {
                    self.images = true;
                    // The picture's bytes are no operators.
                    let rest = content.get(lexer.at..).unwrap_or_default();
                    let end = memchr::memmem::find(rest, b"EI").map_or(rest.len(), |n| n.saturating_add(2));
                    lexer.at = lexer.at.saturating_add(end);
                }
                b"Do" => {
                    if let Some(Value::Name(name)) = operands.first() {
                        file.charge(object_names.len());
                        self.draw(file, object_names.get(name), resources, fonts, state.place, depth);
                    }
                }
                _ => {}
            }
            operands.clear();
            if self.pieces.len() >= MAX_PIECES {
                self.cut = true;
                return;
            }
        }
    }

    fn draw(&mut self, file: &mut File<'_>, object: &Value, resources: &Value, fonts: &mut Fonts, place: Matrix, depth: usize) {
        let dict = file.resolve(object);
        if dict.get(b"Subtype").is_name(b"Image") {
            self.images = true;
        } else if dict.get(b"Subtype").is_name(b"Form")
            && let Value::Ref(number) = object
        {
            if depth >= MAX_DEPTH {
                self.cut = true;
                return;
            }
            let content = file.stream(*number);
            let own = file.resolve(dict.get(b"Resources"));
            let m = file.resolve(dict.get(b"Matrix"));
            let list: Vec<f64> = m.elements().iter().filter_map(Value::number).collect();
            let place = <Matrix>::try_from(list).map_or(place, |m| times(m, place));
            let resources = if own == Value::Null { resources } else { &own };
            self.content(file, &content, resources, fonts, place, depth.saturating_add(1));
        }
    }

    /// Strings, and numbers that move between them.
    fn show(&mut self, list: &[Value], state: &State, fonts: &Fonts, at: &mut Matrix) {
        let usual = Font::default();
        let font = fonts.0.get(&state.font).unwrap_or(&usual);
        for value in list {
            match value {
                Value::Number(n) => *at = times([1.0, 0.0, 0.0, 1.0, -n / 1000.0 * state.size, 0.0], *at),
                Value::Text(bytes) => {
                    let shown = font.decode(bytes);
                    self.codes = self.codes.saturating_add(shown.codes);
                    self.unknown = self.unknown.saturating_add(shown.unknown);
                    let [a, b, _, _, x, y] = times(*at, state.place);
                    let size = a.hypot(b) * state.size.abs();
                    *at = times([1.0, 0.0, 0.0, 1.0, shown.width * state.size, 0.0], *at);
                    let [_, _, _, _, end, _] = times(*at, state.place);
                    if !shown.text.is_empty() && self.pieces.len() < MAX_PIECES {
                        self.pieces.push(Piece { x, y, end, size, text: shown.text });
                    }
                }
                _ => {}
            }
        }
    }

    /// Lines from top to bottom; lines that have the same number of cells are rows of a table.
    pub fn finish(mut self, flow: &mut Flow) {
        self.pieces.sort_by(|a, b| b.y.total_cmp(&a.y));
        let mut rows: Vec<Vec<String>> = Vec::new();
        let mut pieces = self.pieces.into_iter().peekable();
        while let Some(first) = pieces.next() {
            let (y, reach) = (first.y, (first.size * 0.4).max(1.0));
            let mut line = vec![first];
            while let Some(next) = pieces.next_if(|p| (y - p.y).abs() <= reach) {
                line.push(next);
            }
            line.sort_by(|a, b| a.x.total_cmp(&b.x));
            let cells = cells(&line);
            if rows.last().is_some_and(|r| r.len() != cells.len()) {
                flow.table(std::mem::take(&mut rows));
            }
            rows.push(cells);
        }
        flow.table(rows);
    }
}

fn cells(line: &[Piece]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut end: Option<f64> = None;
    for piece in line {
        let gap = end.map_or(f64::INFINITY, |end| piece.x - end) / piece.size.abs().max(0.1);
        match out.last_mut() {
            Some(cell) if gap < WIDE => {
                if gap > 0.15 && !cell.ends_with(' ') && !piece.text.starts_with(' ') {
                    cell.push(' ');
                }
                cell.push_str(&piece.text);
            }
            _ => out.push(piece.text.clone()),
        }
        end = Some(end.map_or(piece.end, |e| e.max(piece.end)));
    }
    out
}

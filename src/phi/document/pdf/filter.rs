//! Filters of streams (ISO 32000-1, 7.4): Flate and LZW with predictors, ASCII85, ASCIIHex, RunLength. Filters of
//! pictures are none of text.

use super::super::Unread;
use super::file::inflate;
use super::value::Value;
use crate::model::GapReason;

pub(super) fn decode(filter: &Value, parameters: &Value, data: &[u8], most: usize) -> Result<Vec<u8>, Unread> {
    let Value::Name(name) = filter else { return Err(Unread::malformed("a stream is damaged")) };
    let out = match name.as_slice() {
        b"FlateDecode" | b"Fl" => inflate(data, most).map(|d| predicted(d, parameters)),
        b"LZWDecode" | b"LZW" => Some(predicted(lzw(data, parameters.get(b"EarlyChange").index() != Some(0), most), parameters)),
        b"ASCII85Decode" | b"A85" => Some(ascii85(data)),
        b"ASCIIHexDecode" | b"AHx" => Some(ascii_hex(data)),
        b"RunLengthDecode" | b"RL" => Some(run_length(data, most)),
        b"Crypt" => return Err(Unread::new(GapReason::Encrypted, "a stream is encrypted")),
        _ => return Err(Unread::new(GapReason::UnsupportedMethod, "a text stream is packed as a picture")),
    };
    let out = out.ok_or_else(|| Unread::malformed("a stream is damaged"))?;
    if out.len() >= most {
        return Err(Unread::new(GapReason::LimitSize, "its streams inflate to more than 256 MiB"));
    }
    Ok(out)
}

/// Undoes the prediction of PNG (7.4.4.4); that of TIFF is for pictures.
fn predicted(data: Vec<u8>, parameters: &Value) -> Vec<u8> {
    let parameter = |key: &[u8], usual: usize| parameters.get(key).index().unwrap_or(usual).min(1 << 20);
    if parameter(b"Predictor", 1) < 10 {
        return data;
    }
    let bits = parameter(b"Colors", 1).saturating_mul(parameter(b"BitsPerComponent", 8));
    let pixel = bits.div_ceil(8).max(1);
    let width = bits.saturating_mul(parameter(b"Columns", 1)).div_ceil(8).max(1);
    let mut out = Vec::with_capacity(data.len());
    let mut above = vec![0_u8; width];
    for row in data.chunks(width.saturating_add(1)) {
        let Some((kind, row)) = row.split_first() else { break };
        let mut line: Vec<u8> = Vec::with_capacity(width);
        for (i, byte) in row.iter().enumerate() {
            let left = i.checked_sub(pixel).and_then(|i| line.get(i)).copied().unwrap_or(0);
            let up = above.get(i).copied().unwrap_or(0);
            let corner = i.checked_sub(pixel).and_then(|i| above.get(i)).copied().unwrap_or(0);
            line.push(byte.wrapping_add(match kind {
                1 => left,
                2 => up,
                3 => u8::midpoint(left, up),
                4 => paeth(left, up, corner),
                _ => 0,
            }));
        }
        out.extend_from_slice(&line);
        line.resize(width, 0);
        above = line;
    }
    out
}

fn paeth(a: u8, b: u8, c: u8) -> u8 {
    let [x, y, z] = [a, b, c].map(i32::from);
    let p = x + y - z;
    let (da, db, dc) = ((p - x).abs(), (p - y).abs(), (p - z).abs());
    if da <= db && da <= dc {
        a
    } else if db <= dc {
        b
    } else {
        c
    }
}

fn lzw(data: &[u8], early: bool, most: usize) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::new();
    // Where in the output each entry's text begins, and how long it is.
    let mut table: Vec<(usize, usize)> = Vec::new();
    let (mut bits, mut held, mut width) = (0_u32, 0_u32, 9_u32);
    let mut last: Option<(usize, usize)> = None;
    for byte in data {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        if bits < width {
            continue;
        }
        bits -= width;
        let code = (held >> bits & ((1 << width) - 1)) as usize;
        held &= (1 << bits) - 1;
        match code {
            256 => {
                table.clear();
                (width, last) = (9, None);
                continue;
            }
            257 => break,
            _ => {}
        }
        let start = out.len();
        if code < 256 {
            out.push((code & 0xff) as u8);
        } else if let Some((from, length)) =
            table.get(code - 258).copied().or_else(|| last.map(|(f, l)| (f, l.saturating_add(1))))
        {
            for i in 0..length {
                let Some(byte) = out.get(from.saturating_add(i)).copied() else { break };
                out.push(byte);
            }
        } else {
            break;
        }
        // The new entry is the last text and the first byte of this one, which follows it in the output.
        if let Some((from, length)) = last
            && table.len() < 4096 - 258
        {
            table.push((from, length.saturating_add(1)));
        }
        last = Some((start, out.len().saturating_sub(start)));
        let next = table.len() + 258 + usize::from(early) + 1;
        width = if next > 2048 {
            12
        } else if next > 1024 {
            11
        } else if next > 512 {
            10
        } else {
            9
        };
        if out.len() >= most {
            break;
        }
    }
    out
}

fn ascii85(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut group: Vec<u8> = Vec::with_capacity(5);
    for b in data.iter().take_while(|b| **b != b'~') {
        match b {
            b'z' if group.is_empty() => out.extend([0; 4]),
            b'!'..=b'u' => group.push(b.saturating_sub(b'!')),
            _ => {}
        }
        if group.len() == 5 {
            out.extend(word85(&group));
            group.clear();
        }
    }
    if group.len() > 1 {
        let n = group.len() - 1;
        group.resize(5, 84);
        out.extend(word85(&group).into_iter().take(n));
    }
    out
}

fn word85(group: &[u8]) -> [u8; 4] {
    group.iter().fold(0_u32, |n, d| n.wrapping_mul(85).wrapping_add(u32::from(*d))).to_be_bytes()
}

fn ascii_hex(data: &[u8]) -> Vec<u8> {
    let digits: Vec<u8> =
        data.iter().take_while(|b| **b != b'>').filter_map(|b| char::from(*b).to_digit(16)).map(|d| (d & 15) as u8).collect();
    digits.chunks(2).map(|c| c.first().copied().unwrap_or(0) << 4 | c.get(1).copied().unwrap_or(0)).collect()
}

fn run_length(data: &[u8], most: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = data;
    while let Some((length, behind)) = rest.split_first() {
        match length {
            128 => break,
            n @ 0..128 => {
                let n = usize::from(*n).saturating_add(1).min(behind.len());
                out.extend_from_slice(behind.get(..n).unwrap_or_default());
                rest = behind.get(n..).unwrap_or_default();
            }
            n => {
                let Some((byte, behind)) = behind.split_first() else { break };
                out.extend(std::iter::repeat_n(*byte, 257 - usize::from(*n)));
                rest = behind;
            }
        }
        if out.len() >= most {
            break;
        }
    }
    out
}

//! The separators that an interchange declares for itself.

/// Bytes that hold any interchange header, line wrapping and sloppy widths included.
pub(super) const WINDOW: usize = 256;

/// Transaction sets of health care, and the acknowledgements.
const SETS: [&[u8]; 13] =
    [b"837", b"835", b"834", b"270", b"271", b"276", b"277", b"278", b"820", b"997", b"999", b"275", b"824"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Separators {
    pub element: u8,
    pub component: u8,
    pub terminator: u8,
}

/// Without a byte-order mark and blanks in front.
pub(super) fn skip_blank(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let n = bytes.iter().take_while(|b| b.is_ascii_whitespace() || **b == 0).count();
    bytes.get(n..).unwrap_or_default()
}

/// Where something that may be an interchange header begins.
pub(super) fn find(bytes: &[u8]) -> Option<usize> {
    (0..bytes.len()).find(|&i| {
        let at = bytes.get(i..).unwrap_or_default();
        [&b"ISA"[..], b"GS", b"ST"]
            .iter()
            .any(|tag| at.strip_prefix(*tag).is_some_and(|rest| rest.first().is_some_and(|s| is_separator(*s))))
            || b"ISA".starts_with(at)
    })
}

fn is_separator(b: u8) -> bool {
    !b.is_ascii_alphanumeric() && b != b' ' && b < 0x80 && !matches!(b, b'\r' | b'\n' | 0)
}

impl Separators {
    /// From the bytes of `ISA…`, or of a fragment that begins at `GS` or `ST`.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        match bytes.get(..2)? {
            b"IS" if bytes.get(2) == Some(&b'A') => Self::from_isa(bytes),
            b"GS" => Self::from_gs(bytes),
            b"ST" => Self::from_st(bytes),
            _ => None,
        }
    }

    /// ISA: 16 elements; the last is the component separator, and the byte after it ends the segment.
    /// Widths are fixed by the standard, but not every writer keeps to them, so elements are counted.
    fn from_isa(bytes: &[u8]) -> Option<Self> {
        let element = *bytes.get(3).filter(|b| is_separator(**b))?;
        let mut elements: Vec<Vec<u8>> = Vec::new();
        let mut at = 4;
        let mut current = Vec::new();
        while elements.len() < 15 {
            match *bytes.get(at).filter(|_| at < WINDOW)? {
                b if b == element => elements.push(std::mem::take(&mut current)),
                // Line wrapping; never part of an element.
                b'\r' | b'\n' => {}
                b if b < 0x20 => return None,
                b => current.push(b),
            }
            at += 1;
        }
        let mut component = *bytes.get(at)?;
        while matches!(component, b'\r' | b'\n') {
            at += 1;
            component = *bytes.get(at).filter(|_| at < WINDOW)?;
        }
        let terminator = *bytes.get(at.checked_add(1)?)?;
        let digits = |i: usize, n: usize| elements.get(i).is_some_and(|e| e.len() == n && e.iter().all(u8::is_ascii_digit));
        let plausible = elements.first().is_some_and(|e| e.len() == 2)
            && digits(8, 6)
            && digits(11, 5)
            && elements.get(14).is_some_and(|e| e.len() == 1)
            && terminator != element
            && !terminator.is_ascii_alphanumeric();
        plausible.then_some(Self { element, component, terminator })
    }

    /// GS: eight elements; the version (GS08) is letters and digits, and what follows ends the segment.
    fn from_gs(bytes: &[u8]) -> Option<Self> {
        let element = *bytes.get(2).filter(|b| is_separator(**b))?;
        let line = bytes.get(..WINDOW.min(bytes.len()))?;
        let mut parts = line.splitn(9, |b| *b == element);
        let code = parts.nth(1)?;
        if !matches!(code, b"HC" | b"HP" | b"BE" | b"HS" | b"HB" | b"HR" | b"HN" | b"HI" | b"RA" | b"FA") {
            return None;
        }
        let version = parts.nth(6)?;
        let end = version.iter().position(|b| !b.is_ascii_alphanumeric())?;
        (end >= 6 && version.starts_with(b"00")).then_some(())?;
        let terminator = *version.get(end)?;
        (terminator != element).then_some(Self { element, component: b':', terminator })
    }

    /// ST: set, control number, and in 5010 the version.
    fn from_st(bytes: &[u8]) -> Option<Self> {
        let element = *bytes.get(2).filter(|b| is_separator(**b))?;
        let set = bytes.get(3..6)?;
        if !SETS.contains(&set) || bytes.get(6) != Some(&element) {
            return None;
        }
        let rest = bytes.get(7..)?;
        let end = rest.iter().position(|b| !b.is_ascii_alphanumeric() && *b != element)?;
        let terminator = *rest.get(end)?;
        // The next segment of every set has an upper-case tag.
        let next = rest.get(end.checked_add(1)?..)?;
        let next = skip_blank(next);
        let tag = next.iter().position(|b| *b == element)?;
        let named = (2..=3).contains(&tag) && next.iter().take(tag).all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        ((4..60).contains(&end) && named).then_some(Self { element, component: b':', terminator })
    }
}

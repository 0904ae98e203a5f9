//! Names of the volumes beside one.

use crate::container::parts::{cased, ending, number, stem};

/// Names of the volume before and of the one behind, by this one's name (`x.part2.rar`; `x.rar`, `x.r00`, `x.s00`), the
/// likeliest first. The first volume may be a program.
#[derive(Debug, Default)]
pub(super) struct Beside {
    pub before: Vec<Vec<u8>>,
    pub behind: Vec<Vec<u8>>,
}

pub(super) fn beside(name: &[u8]) -> Beside {
    let (stem, own) = (stem(name), ending(name));
    let program = own.eq_ignore_ascii_case(b"exe");
    if program || own.eq_ignore_ascii_case(b"rar") {
        return parts(stem, own).unwrap_or_else(|| Beside { before: Vec::new(), behind: cased(stem, own, "r00") });
    }
    let Some((letter, digits)) = own.split_first().filter(|_| own.len() == 3) else { return Beside::default() };
    let letter = letter.to_ascii_lowercase();
    let Some(n) = number(digits).filter(|_| (b'r'..=b'z').contains(&letter)) else { return Beside::default() };
    let named = |letter: u8, n: u32| cased(stem, own, &format!("{}{n:02}", char::from(letter)));
    let before = match n.checked_sub(1) {
        Some(n) => named(letter, n),
        None if letter == b'r' => ["rar", "exe"].iter().flat_map(|first| cased(stem, own, first)).collect(),
        None => named(letter.wrapping_sub(1), 99),
    };
    let behind = match (letter, n) {
        (b'z', 99) => Vec::new(),
        (_, 99) => named(letter.wrapping_add(1), 0),
        _ => named(letter, n.saturating_add(1)),
    };
    Beside { before, behind }
}

/// `.part1`, `.part01` and so on before the last ending.
fn parts(stem: &[u8], own: &[u8]) -> Option<Beside> {
    let digits = stem.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let (front, digits) = stem.split_at(stem.len().saturating_sub(digits));
    let n = number(digits)?;
    front.to_ascii_lowercase().ends_with(b".part").then_some(())?;
    let named = |n: u32, last: &str| cased(&[front, format!("{n:0width$}", width = digits.len()).as_bytes()].concat(), own, last);
    let before = match n.checked_sub(1) {
        Some(1) => [named(1, "rar"), named(1, "exe")].concat(),
        Some(n) if n > 0 => named(n, "rar"),
        _ => Vec::new(),
    };
    // Behind a program the case of its ending says nothing.
    Some(Beside { before, behind: n.checked_add(1).map(|n| named(n, "rar")).unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use super::beside;

    #[test]
    fn volume_names() {
        let of = |name: &str| {
            let beside = beside(name.as_bytes());
            let first = |names: &[Vec<u8>]| String::from_utf8(names.first().cloned().unwrap_or_default()).unwrap();
            format!("{}|{}", first(&beside.before), first(&beside.behind))
        };
        assert_eq!(of("x.part1.rar"), "|x.part2.rar");
        assert_eq!(of("x.part1.exe"), "|x.part2.rar");
        assert_eq!(of("X.Part09.RAR"), "X.Part08.RAR|X.Part10.RAR");
        assert_eq!(of("x.rar"), "|x.r00");
        assert_eq!(of("x.r00"), "x.rar|x.r01");
        assert_eq!(of("X.R00"), "X.RAR|X.R01");
        assert_eq!(of("x.r99"), "x.r98|x.s00");
        assert_eq!(of("x.s00"), "x.r99|x.s01");
        assert_eq!(of("x.z99"), "x.z98|");
        assert_eq!(of("x"), "|");
        assert_eq!(of("x.\u{fc}00"), "|");
        let both = beside(b"x.part2.rar").before;
        assert!(both.contains(&b"x.part1.exe".to_vec()) && both.contains(&b"x.part1.RAR".to_vec()));
    }
}

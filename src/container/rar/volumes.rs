//! Names of the volumes beside one.

/// Names of the volume before and of the one behind, by this one's name (`x.part2.rar`; `x.rar`, `x.r00`, `x.s00`).
pub(super) fn beside(name: &[u8]) -> (Option<String>, Option<String>) {
    let name = crate::model::Name::from(name).shown();
    let lower = name.to_ascii_lowercase();
    if let Some(stem) = lower.strip_suffix(".rar").or_else(|| lower.strip_suffix(".exe"))
        && let Some(at) = stem.rfind(".part")
        && let Some(digits) = stem.get(at + 5..)
        && let Ok(number) = digits.parse::<u32>()
        && digits.bytes().all(|b| b.is_ascii_digit())
        && let Some(before) = name.get(..at + 5)
    {
        let named = |n: u32| format!("{before}{n:0width$}.rar", width = digits.len());
        return (number.checked_sub(1).filter(|n| *n > 0).map(named), number.checked_add(1).map(named));
    }
    let Some((stem, ending)) = name.rsplit_once('.') else { return (None, None) };
    if ending.eq_ignore_ascii_case("rar") || ending.eq_ignore_ascii_case("exe") {
        return (None, Some(format!("{stem}.r00")));
    }
    let Some((letter, number)) = ending.split_at_checked(1) else { return (None, None) };
    let (Some(letter), Ok(number)) = (letter.bytes().next(), number.parse::<u8>()) else { return (None, None) };
    if ending.len() != 3 || !matches!(letter.to_ascii_lowercase(), b'r'..=b'z') {
        return (None, None);
    }
    let named = |letter: u8, n: u8| format!("{stem}.{}{n:02}", char::from(letter));
    let first = number == 0 && letter.eq_ignore_ascii_case(&b'r');
    let before = match number.checked_sub(1) {
        Some(n) => named(letter, n),
        None if first => format!("{stem}.rar"),
        None => named(letter.wrapping_sub(1), 99),
    };
    let behind = if number == 99 { named(letter.wrapping_add(1), 0) } else { named(letter, number.wrapping_add(1)) };
    (Some(before), Some(behind))
}

#[cfg(test)]
mod tests {
    use super::beside;

    #[test]
    fn volume_names() {
        let of = |name: &str| {
            let (before, behind) = beside(name.as_bytes());
            [before, behind].map(Option::unwrap_or_default).join("|")
        };
        assert_eq!(of("x.part1.rar"), "|x.part2.rar");
        assert_eq!(of("X.Part09.RAR"), "X.Part08.rar|X.Part10.rar");
        assert_eq!(of("x.rar"), "|x.r00");
        assert_eq!(of("x.r00"), "x.rar|x.r01");
        assert_eq!(of("x.r99"), "x.r98|x.s00");
        assert_eq!(of("x.s00"), "x.r99|x.s01");
        assert_eq!(of("x"), "|");
        assert_eq!(of("x.\u{fc}00"), "|");
    }
}

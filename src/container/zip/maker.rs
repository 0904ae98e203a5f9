//! Which program made a zip, by the habits of the first header of its directory: the version and system it names
//! (APPNOTE.TXT 6.3.10, §4.4.2) and the extra fields it adds. A habit is no proof; the words say "as … writes".

use super::entry::{Entry, u16_at};

/// Host system and version of the header, and whose habit they are.
pub(super) fn maker(header: &[u8]) -> Option<String> {
    let (version, system) = (*header.get(4)?, *header.get(5)?);
    let host = match system {
        0 => "MS-DOS".to_owned(),
        3 => "Unix".to_owned(),
        6 => "OS/2".to_owned(),
        7 => "Macintosh".to_owned(),
        10 => "NTFS".to_owned(),
        11 => "MVS".to_owned(),
        14 => "VFAT".to_owned(),
        19 => "macOS".to_owned(),
        other => format!("system {other}"),
    };
    let name_end = Entry::CENTRAL + usize::from(u16_at(header, 28)?);
    let extra = header.get(name_end..name_end + usize::from(u16_at(header, 30)?)).unwrap_or_default();
    let has = |id: u16| ids(extra).any(|found| found == id);
    let habit = match (system, version) {
        (_, 63) => " (as 7-Zip writes)",
        (3, 30) if has(0x5455) && has(0x7875) => " (as Info-ZIP writes)",
        (3, 21) if has(0x7875) => " (as macOS writes)",
        (3, 20) if extra.is_empty() => " (as Python writes)",
        (10, _) => " (as WinZip writes)",
        (0, 20) if extra.is_empty() => " (as Windows and .NET write)",
        (0, 31 | 50) => " (as WinRAR writes)",
        _ => "",
    };
    Some(format!("{host}, version {}.{}{habit}", version / 10, version % 10))
}

fn ids(mut extra: &[u8]) -> impl Iterator<Item = u16> {
    std::iter::from_fn(move || {
        let (id, size) = (u16_at(extra, 0)?, u16_at(extra, 2)?);
        extra = extra.get(4 + usize::from(size)..).unwrap_or_default();
        Some(id)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(version: u8, system: u8, extra: &[u8]) -> Vec<u8> {
        let mut header = vec![0; Entry::CENTRAL];
        header[..4].copy_from_slice(b"PK\x01\x02");
        (header[4], header[5]) = (version, system);
        header[28] = 1;
        header[30] = u8::try_from(extra.len()).unwrap();
        header.push(b'x');
        header.extend_from_slice(extra);
        header
    }

    #[test]
    fn programs_and_their_habits() {
        for (version, system, extra, want) in [
            (30, 3, &b"UT\x05\0\x03....ux\x0b\0..........."[..], "Unix, version 3.0 (as Info-ZIP writes)"),
            (63, 3, b"\x0a\0\x04\0....", "Unix, version 6.3 (as 7-Zip writes)"),
            (20, 3, b"", "Unix, version 2.0 (as Python writes)"),
            (45, 3, b"", "Unix, version 4.5"),
            (20, 99, b"", "system 99, version 2.0"),
        ] {
            assert_eq!(maker(&header(version, system, extra)).as_deref(), Some(want));
        }
        let whole = header(30, 3, b"UT\x05\0");
        (0..whole.len()).for_each(|n| drop(maker(&whole[..n])));
    }
}

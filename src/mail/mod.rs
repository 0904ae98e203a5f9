//! Internet messages (RFC 5322) and mailboxes of them (RFC 4155): what is one, and where the next begins. Who reads
//! patients and who opens attachments must agree on that, so that nothing is counted twice or by nobody.

mod decode;

pub use decode::{Encoding, decode};

/// Messages that a message may hold, all levels together: the library that parses them nests as deep as they do.
pub const MAX_MESSAGES: usize = 100;

/// Whether lines of a header come first, among them two that messages have.
pub fn is_message(head: &[u8]) -> bool {
    const NAMES: [&[u8]; 12] = [
        b"from",
        b"to",
        b"cc",
        b"subject",
        b"date",
        b"received",
        b"return-path",
        b"message-id",
        b"mime-version",
        b"delivered-to",
        b"content-type",
        b"reply-to",
    ];
    let mut known = 0;
    for line in head.split(|b| *b == b'\n').take(100) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.first().is_some_and(|b| matches!(b, b' ' | b'\t')) && known > 0 {
            continue;
        }
        let Some(colon) = memchr::memchr(b':', line) else { return false };
        let name = line.get(..colon).unwrap_or_default();
        if name.is_empty() || !name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')) {
            return false;
        }
        known += usize::from(NAMES.contains(&name.to_ascii_lowercase().as_slice()));
        if known >= 3 || (known >= 2 && name.eq_ignore_ascii_case(b"mime-version")) {
            return true;
        }
    }
    false
}

/// Whether a message follows a line that begins with `From `.
pub fn is_mailbox(head: &[u8]) -> bool {
    let line = head.iter().position(|b| *b == b'\n').unwrap_or(head.len());
    head.starts_with(b"From ") && is_message(head.get(line.saturating_add(1)..).unwrap_or_default())
}

/// Where, from `from` on, the next message of a mailbox begins: behind a blank line.
pub fn next_message(mailbox: &[u8], from: usize) -> Option<usize> {
    let rest = mailbox.get(from..)?;
    let starts = memchr::memmem::find_iter(rest, b"\nFrom ").map(|at| from.saturating_add(at));
    let blank = |at: &usize| {
        let before = mailbox.get(..*at).unwrap_or_default();
        before.ends_with(b"\n") || before.ends_with(b"\n\r")
    };
    starts.into_iter().find(blank).map(|at| at.saturating_add(1))
}

/// A message of a mailbox without the line that parts it from the one before.
pub fn without_separator(message: &[u8]) -> &[u8] {
    let line = message.iter().position(|b| *b == b'\n').map_or(message.len(), |n| n.saturating_add(1));
    message.get(line..).unwrap_or_default()
}

/// Whether it may hold more messages inside each other than the parser can take.
pub fn nests_too_deep(message: &[u8]) -> bool {
    memchr::memmem::find_iter(message, b"essage/").count() > MAX_MESSAGES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_message() {
        let one = b"From: a@b.example\r\nTo: c@d.example\r\nSubject: x\r\n\r\ntext";
        assert!(is_message(one) && !is_mailbox(one));
        assert!(is_mailbox(&[b"From a@b Mon Jan 1 2024\n", &one[..]].concat()));
        for none in [
            &b"From here on, a text.\nSubject: none\n"[..],
            b"Date: today\nPatient: nobody\n\nFrom: x",
            b"",
            b"a: b\nc: d\ne: f\n",
        ] {
            assert!(!is_message(none) && !is_mailbox(none));
        }
    }

    #[test]
    fn messages_of_a_mailbox() {
        let mailbox = b"From a\nSubject: 1\n\nFrom the first line on\n text\n\nFrom b\r\nSubject: 2\r\n\r\nx\r\n\r\nFrom c\n\n";
        let mut starts = Vec::new();
        let mut at = 0;
        while let Some(next) = next_message(mailbox, at) {
            starts.push(&mailbox[next..next + 6]);
            at = next;
        }
        // A line behind the header's blank line looks like one: readers of mailboxes say the same.
        assert_eq!(starts, [b"From t", b"From b", b"From c"]);
        assert_eq!(without_separator(b"From a\nSubject: 1\n"), b"Subject: 1\n");
        assert_eq!(without_separator(b"From a"), b"");
    }
}

//! Addresses that a list should not hold, because they are everywhere: they are taken, and warned of.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::address::Address;

/// First address, prefix length, what it is. From the IANA special-purpose registries (RFC 6890), and
/// the resolvers that clients are set to.
const NETS4: &[([u8; 4], u8, &str)] = &[
    ([10, 0, 0, 0], 8, "a private network (RFC 1918)"),
    ([172, 16, 0, 0], 12, "a private network (RFC 1918)"),
    ([192, 168, 0, 0], 16, "a private network (RFC 1918)"),
    ([100, 64, 0, 0], 10, "shared by providers for address translation (RFC 6598)"),
    ([169, 254, 0, 0], 16, "link-local (RFC 3927)"),
    ([127, 0, 0, 0], 8, "the host itself"),
    ([0, 0, 0, 0], 8, "\"this network\" (RFC 791)"),
    ([192, 0, 2, 0], 24, "reserved for documentation (RFC 5737)"),
    ([198, 51, 100, 0], 24, "reserved for documentation (RFC 5737)"),
    ([203, 0, 113, 0], 24, "reserved for documentation (RFC 5737)"),
    ([198, 18, 0, 0], 15, "reserved for benchmarks (RFC 2544)"),
    ([224, 0, 0, 0], 4, "multicast"),
    ([240, 0, 0, 0], 4, "reserved (RFC 1112)"),
    ([8, 8, 8, 8], 32, "a public resolver"),
    ([8, 8, 4, 4], 32, "a public resolver"),
    ([1, 1, 1, 1], 32, "a public resolver"),
    ([1, 0, 0, 1], 32, "a public resolver"),
    ([9, 9, 9, 9], 32, "a public resolver"),
    ([149, 112, 112, 112], 32, "a public resolver"),
    ([208, 67, 222, 222], 32, "a public resolver"),
    ([208, 67, 220, 220], 32, "a public resolver"),
    ([4, 2, 2, 1], 32, "a public resolver"),
    ([4, 2, 2, 2], 32, "a public resolver"),
    ([94, 140, 14, 14], 32, "a public resolver"),
    ([114, 114, 114, 114], 32, "a public resolver"),
];

const NETS6: &[([u16; 8], u8, &str)] = &[
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, "a private network (RFC 4193)"),
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, "link-local (RFC 4291)"),
    ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, "multicast"),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, "reserved for documentation (RFC 3849)"),
    ([0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8888], 128, "a public resolver"),
    ([0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8844], 128, "a public resolver"),
    ([0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1111], 128, "a public resolver"),
    ([0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1001], 128, "a public resolver"),
    ([0x2620, 0xfe, 0, 0, 0, 0, 0, 0xfe], 128, "a public resolver"),
];

const POPULAR: &str = "a site that nearly every computer visits";
const SHARED: &str = "a service shared by many customers; list the host or the URL instead";
const TOP: &str = "a suffix under which anybody can register names";
const RESERVED: &str = "a name reserved for documentation or local use (RFC 2606, RFC 6761)";

/// Sorted by name.
const NAMES: &[(&str, &str)] = &[
    ("adobe.com", POPULAR),
    ("akamai.net", SHARED),
    ("akamaiedge.net", SHARED),
    ("amazon.com", POPULAR),
    ("amazonaws.com", SHARED),
    ("aol.com", POPULAR),
    ("apple.com", POPULAR),
    ("archive.org", POPULAR),
    ("azure.com", SHARED),
    ("azureedge.net", SHARED),
    ("azurewebsites.net", SHARED),
    ("baidu.com", POPULAR),
    ("bing.com", POPULAR),
    ("bit.ly", SHARED),
    ("bitbucket.org", SHARED),
    ("blogspot.com", SHARED),
    ("cdc.gov", POPULAR),
    ("cloudflare.com", POPULAR),
    ("cloudfront.net", SHARED),
    ("cms.gov", POPULAR),
    ("co.jp", TOP),
    ("co.uk", TOP),
    ("com.au", TOP),
    ("com.br", TOP),
    ("com.cn", TOP),
    ("digicert.com", POPULAR),
    ("discord.com", SHARED),
    ("discordapp.com", SHARED),
    ("docs.google.com", SHARED),
    ("drive.google.com", SHARED),
    ("dropbox.com", SHARED),
    ("duckdns.org", SHARED),
    ("duckduckgo.com", POPULAR),
    ("ebay.com", POPULAR),
    ("epic.com", POPULAR),
    ("example.com", RESERVED),
    ("example.net", RESERVED),
    ("example.org", RESERVED),
    ("facebook.com", POPULAR),
    ("fbcdn.net", POPULAR),
    ("firebaseapp.com", SHARED),
    ("github.com", SHARED),
    ("github.io", SHARED),
    ("githubusercontent.com", SHARED),
    ("gitlab.com", SHARED),
    ("gmail.com", POPULAR),
    ("google.com", POPULAR),
    ("googleapis.com", SHARED),
    ("googleusercontent.com", SHARED),
    ("gstatic.com", POPULAR),
    ("herokuapp.com", SHARED),
    ("hhs.gov", POPULAR),
    ("hotmail.com", POPULAR),
    ("icloud.com", POPULAR),
    ("instagram.com", POPULAR),
    ("letsencrypt.org", POPULAR),
    ("linkedin.com", POPULAR),
    ("live.com", POPULAR),
    ("mega.nz", SHARED),
    ("microsoft.com", POPULAR),
    ("microsoftonline.com", POPULAR),
    ("mozilla.org", POPULAR),
    ("msn.com", POPULAR),
    ("netflix.com", POPULAR),
    ("ngrok.io", SHARED),
    ("nih.gov", POPULAR),
    ("no-ip.com", SHARED),
    ("office.com", POPULAR),
    ("office365.com", POPULAR),
    ("onedrive.live.com", SHARED),
    ("outlook.com", POPULAR),
    ("pastebin.com", SHARED),
    ("paypal.com", POPULAR),
    ("proton.me", POPULAR),
    ("protonmail.com", POPULAR),
    ("raw.githubusercontent.com", SHARED),
    ("reddit.com", POPULAR),
    ("s3.amazonaws.com", SHARED),
    ("sharepoint.com", SHARED),
    ("skype.com", POPULAR),
    ("slack.com", SHARED),
    ("sourceforge.net", SHARED),
    ("t.co", SHARED),
    ("t.me", SHARED),
    ("telegram.org", POPULAR),
    ("tinyurl.com", SHARED),
    ("twitter.com", POPULAR),
    ("weebly.com", SHARED),
    ("wetransfer.com", SHARED),
    ("whatsapp.com", POPULAR),
    ("wikipedia.org", POPULAR),
    ("windows.com", POPULAR),
    ("windows.net", SHARED),
    ("windowsupdate.com", POPULAR),
    ("wordpress.com", SHARED),
    ("workers.dev", SHARED),
    ("www.google.com", POPULAR),
    ("www.microsoft.com", POPULAR),
    ("x.com", POPULAR),
    ("yahoo.com", POPULAR),
    ("yandex.ru", POPULAR),
    ("youtube.com", POPULAR),
    ("zendesk.com", SHARED),
    ("zoom.us", POPULAR),
];

const TOP_RESERVED: &[&str] = &["arpa", "corp", "example", "home", "internal", "invalid", "lan", "local", "localdomain", "test"];

/// Why an address would be found where no intruder ever was; `None` for others. A URL or an e-mail address at
/// a popular host is exact enough.
pub fn broad(address: &Address) -> Option<&'static str> {
    match address {
        Address::Ip4(ip) => net4(*ip, 32),
        Address::Net4(_, bits) if *bits < 16 => Some("a network of more than 65,536 addresses"),
        Address::Net4(ip, bits) => net4(*ip, *bits),
        Address::Net6(_, bits) if *bits < 32 => Some("a network larger than what one provider has"),
        Address::Net6(ip, bits) => net6(*ip, *bits),
        Address::Domain(name, _) => domain(name),
        Address::Text(text) if text.len() < 6 => Some("a text so short that it occurs by chance"),
        Address::Url(_) | Address::Email(_) | Address::Text(_) => None,
    }
}

fn domain(name: &str) -> Option<&'static str> {
    let top = name.rsplit('.').next().unwrap_or_default();
    if TOP_RESERVED.contains(&top) {
        return Some(RESERVED);
    }
    let at = NAMES.binary_search_by(|(n, _)| (*n).cmp(name)).ok()?;
    NAMES.get(at).map(|(_, why)| *why)
}

fn net4(ip: Ipv4Addr, bits: u8) -> Option<&'static str> {
    NETS4
        .iter()
        .find(|(base, within, _)| {
            let mask = u32::MAX.checked_shl(32u32.saturating_sub(u32::from(*within))).unwrap_or(0);
            *within <= bits && u32::from(ip) & mask == u32::from_be_bytes(*base)
        })
        .map(|(_, _, why)| *why)
}

fn net6(ip: Ipv6Addr, bits: u8) -> Option<&'static str> {
    NETS6
        .iter()
        .find(|(base, within, _)| {
            let mask = u128::MAX.checked_shl(128u32.saturating_sub(u32::from(*within))).unwrap_or(0);
            *within <= bits && u128::from(ip) & mask == u128::from(Ipv6Addr::from(*base))
        })
        .map(|(_, _, why)| *why)
}

#[cfg(test)]
mod tests {
    use super::super::address::parse;
    use super::*;

    #[test]
    fn what_is_everywhere_is_told() {
        for entry in [
            "10.1.2.3",
            "192.168.4.0/24",
            "172.31.0.1",
            "100.64.0.1",
            "8.8.8.8",
            "1.0.0.0/8",
            "fd00::1",
            "fe80::1",
            "2001:db8::/48",
            "2001::/16",
            "google.com",
            "www.microsoft.com",
            "github.com",
            "printer.local",
            "203.0.113.7",
        ] {
            assert!(broad(&parse(entry).unwrap()).is_some(), "{entry}");
        }
        for entry in [
            "172.32.0.1",
            "58.64.143.244",
            "8.8.8.9",
            "58.64.0.0/16",
            "2a01:4f8::1",
            "evil.com",
            "google.com.evil.com",
            "github.com/evil/x",
            "somebody@gmail.com",
            "abcdefghij.onion",
        ] {
            assert_eq!(broad(&parse(entry).unwrap()), None, "{entry}");
        }
    }

    #[test]
    fn the_table_is_sorted() {
        assert!(NAMES.is_sorted_by(|a, b| a.0 < b.0));
    }
}

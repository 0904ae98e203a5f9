//! Addresses as lists write them: plain, defanged, as URL, with port; e-mail addresses; texts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::defang::refang;
use super::punycode;

pub use super::broad::broad;

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// Lower case; the second form is the internationalised spelling where there is one.
    Domain(String, Option<String>),
    Ip4(Ipv4Addr),
    /// First address and prefix length.
    Net4(Ipv4Addr, u8),
    /// First address and prefix length; a single address has 128.
    Net6(Ipv6Addr, u8),
    /// Host and path with query, without scheme, user and port: the host alone is not accused.
    Url(String),
    /// `local@domain` in lower case, the domain as it goes over the wire.
    Email(String),
    /// Any text, letter for letter; see [`Address::text`].
    Text(String),
}

impl Address {
    /// A text that content is searched for, with a bound on both sides: shorter ones are found everywhere.
    pub fn text(text: &str) -> Result<Self, String> {
        match text.len() {
            0..MIN_TEXT => Err(format!("a text of fewer than {MIN_TEXT} bytes")),
            MIN_TEXT..=MAX_TEXT => Ok(Address::Text(text.to_owned())),
            _ => Err(format!("a text of more than {MAX_TEXT} bytes")),
        }
    }
}

/// Length of texts, in bytes.
const MIN_TEXT: usize = 4;
const MAX_TEXT: usize = 1024;
/// Longest path of a URL with its query, in bytes.
pub(super) const MAX_PATH: usize = 2048;

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Address::Domain(text, _) | Address::Url(text) | Address::Email(text) | Address::Text(text) => f.write_str(text),
            Address::Ip4(ip) => write!(f, "{ip}"),
            Address::Net4(ip, bits) => write!(f, "{ip}/{bits}"),
            Address::Net6(ip, 128) => write!(f, "{ip}"),
            Address::Net6(ip, bits) => write!(f, "{ip}/{bits}"),
        }
    }
}

/// Extensions of files that are no top-level domain: such words are file names.
const EXTENSIONS: &[&str] = &[
    "bat", "bin", "bmp", "cache", "cfg", "chm", "class", "cmd", "conf", "cpl", "csv", "dat", "db", "dll", "doc", "docx", "exe",
    "gif", "hta", "htm", "html", "ini", "iso", "jar", "jpeg", "jpg", "js", "json", "kb", "lnk", "lock", "log", "msi", "pdf",
    "php", "plist", "png", "ps1", "rar", "rtf", "scr", "service", "sqlite", "swf", "sys", "temp", "tmp", "txt", "vbs", "xls",
    "xlsx", "xml", "yaml", "yml",
];

/// First labels of reversed domain names (`com.vendor.product`), as applications are named.
const REVERSED: &[&str] = &["com", "org", "net", "edu", "gov", "android", "io"];

/// Last labels under which a name that starts like a reversed one is a host all the same.
const COMMON_TLDS: &[&str] = &[
    "com", "net", "org", "info", "biz", "edu", "gov", "mil", "int", "arpa", "xyz", "top", "online", "site", "club", "shop",
    "live",
];

/// Reads one entry. The error says in words what is wrong with it.
pub fn parse(entry: &str) -> Result<Address, String> {
    let text = refang(entry);
    if let Some(email) = email(&text) {
        return email;
    }
    let (host, path) = split_url(&text)?;
    if path.is_empty()
        && !text.contains("://")
        && let Some((base, bits)) = text.split_once('/')
    {
        return network(base, bits);
    }
    if host.len() < 4 {
        return Err("shorter than four characters".into());
    }
    let address = match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => single4(ip)?,
        Ok(IpAddr::V6(ip)) => single6(ip)?,
        Err(_) => domain(host)?,
    };
    if path.is_empty() {
        return Ok(address);
    }
    let host = match address {
        Address::Net6(ip, _) => format!("[{ip}]"),
        host => host.to_string(),
    };
    Ok(Address::Url(format!("{host}{path}")))
}

/// `None` where the entry is no e-mail address.
fn email(text: &str) -> Option<Result<Address, String>> {
    let text = match text.split_once(':') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("mailto") => rest.split('?').next().unwrap_or_default(),
        _ => text,
    };
    let (local, host) = text.rsplit_once('@')?;
    if local.contains('/') || host.contains('/') {
        return None;
    }
    // RFC 5322 section 3.2.3, without quoted forms.
    let sound = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-=?^_`{|}~.".contains(c);
    if local.is_empty() || local.len() > 64 || !local.chars().all(sound) {
        return Some(Err("no e-mail address".into()));
    }
    Some(domain(host).and_then(|domain| match domain {
        Address::Domain(name, _) => Ok(Address::Email(format!("{}@{name}", local.to_ascii_lowercase()))),
        _ => Err("no e-mail address".into()),
    }))
}

/// Host and path (empty where there is none, or only `/`), without scheme, port and user.
fn split_url(text: &str) -> Result<(&str, &str), String> {
    let (had_scheme, rest) = match text.split_once("://") {
        Some((_, rest)) => (true, rest),
        None => (false, text),
    };
    let cut = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(cut);
    // `1.2.3.0/24` and `2001:db8::/32` are networks.
    if !had_scheme && path.strip_prefix('/').is_some_and(|b| b.parse::<u8>().is_ok()) && authority.parse::<IpAddr>().is_ok() {
        return Ok((authority, ""));
    }
    // A user name is no part of where a URL leads.
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = if let Some(rest) = authority.strip_prefix('[') {
        rest.split(']').next().unwrap_or_default()
    } else if authority.parse::<Ipv6Addr>().is_ok() {
        authority
    } else {
        match authority.rsplit_once(':') {
            Some((host, port)) if port.parse::<u16>().is_ok() => host,
            Some(_) => return Err("not an address".into()),
            None => authority,
        }
    };
    let path = if path == "/" { "" } else { path };
    if path.contains(char::is_whitespace) {
        return Err("blanks in the path of a URL".into());
    }
    if path.len() > MAX_PATH {
        return Err(format!("a path of more than {MAX_PATH} bytes"));
    }
    Ok((host, path))
}

fn single4(ip: Ipv4Addr) -> Result<Address, String> {
    if ip.is_loopback() || ip.is_unspecified() || ip.is_broadcast() || ip.is_multicast() {
        return Err("a loopback, unspecified, broadcast or multicast address".into());
    }
    Ok(Address::Ip4(ip))
}

fn single6(ip: Ipv6Addr) -> Result<Address, String> {
    if let Some(ip) = ip.to_ipv4_mapped() {
        return single4(ip);
    }
    if ip.is_loopback() || ip.is_unspecified() || ip.is_multicast() {
        return Err("a loopback, unspecified or multicast address".into());
    }
    Ok(Address::Net6(ip, 128))
}

/// `BASE/BITS`; networks that cover a large part of the internet are refused.
fn network(base: &str, bits: &str) -> Result<Address, String> {
    let ip: IpAddr = base.trim().parse().map_err(|_| "not an address".to_owned())?;
    let bits: u8 = bits.trim().parse().map_err(|_| "no prefix length after the slash".to_owned())?;
    match ip {
        IpAddr::V4(ip) if bits == 32 => single4(ip),
        IpAddr::V4(ip) if (8..32).contains(&bits) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
            Ok(Address::Net4(Ipv4Addr::from(u32::from(ip) & mask), bits))
        }
        IpAddr::V6(ip) if bits == 128 => single6(ip),
        IpAddr::V6(ip) if (16..128).contains(&bits) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
            Ok(Address::Net6(Ipv6Addr::from(u128::from(ip) & mask), bits))
        }
        IpAddr::V4(_) if bits < 8 => Err("a network larger than /8".into()),
        IpAddr::V6(_) if bits < 16 => Err("a network larger than /16".into()),
        _ => Err("a prefix length beyond the address".into()),
    }
}

fn domain(host: &str) -> Result<Address, String> {
    let host = host.strip_prefix("*.").unwrap_or(host).trim_start_matches('.').trim_end_matches('.').to_lowercase();
    let ascii = punycode::to_ascii(&host).ok_or("no domain name")?;
    if ascii.len() > 253 {
        return Err("longer than a domain name can be".into());
    }
    let labels: Vec<&str> = ascii.split('.').collect();
    let Some(last) = labels.last() else { return Err("no domain name".into()) };
    if labels.len() < 2 {
        return Err("neither an address nor a domain name".into());
    }
    let sound = |l: &&str| {
        (1..=63).contains(&l.len())
            && l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !l.starts_with('-')
            && !l.ends_with('-')
    };
    if !labels.iter().all(sound) {
        return Err("neither an address nor a domain name".into());
    }
    let top_is_sound = last.len() >= 2 && (last.starts_with("xn--") || last.bytes().all(|b| b.is_ascii_alphabetic()));
    if !top_is_sound || EXTENSIONS.contains(last) {
        return Err("ends in no top-level domain; it may be a file name".into());
    }
    let other = (ascii != host).then_some(host);
    Ok(Address::Domain(ascii, other))
}

/// Whether a word has the form `com.vendor.product`: applications are named so, and lists of them would
/// otherwise pass for lists of hosts.
pub fn application_like(word: &str) -> bool {
    let mut labels = word.split('.');
    let (first, last) = (labels.next().unwrap_or_default(), labels.next_back().unwrap_or_default());
    REVERSED.contains(&first) && last.len() > 2 && !COMMON_TLDS.contains(&last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(domain: &str) -> Result<Address, String> {
        Ok(Address::Domain(domain.into(), None))
    }

    #[test]
    fn every_spelling_of_a_host() {
        for entry in [
            "evil.com",
            "EVIL.com ",
            "evil[.]com",
            "evil(dot)com",
            "hxxp://evil[.]com",
            "hxxps://evil[.]com/",
            "hXXp[:]//evil.com:8080/",
            "http[://]evil.com",
            "*.evil.com",
            ".evil.com",
            "evil.com.",
            "evil.com:443",
        ] {
            assert_eq!(parse(entry), plain("evil.com"), "{entry}");
        }
        assert_eq!(parse("bücher.example"), Ok(Address::Domain("xn--bcher-kva.example".into(), Some("bücher.example".into()))));
        assert_eq!(parse("hxxp://evil[.]com/gate.php?x=1"), Ok(Address::Url("evil.com/gate.php?x=1".into())));
    }

    #[test]
    fn mail_addresses() {
        for entry in ["Bad.Guy@Evil.com", "bad.guy[@]evil[.]com", "bad.guy(at)evil(dot)com", "mailto:bad.guy@evil.com?subject=x"]
        {
            assert_eq!(parse(entry), Ok(Address::Email("bad.guy@evil.com".into())), "{entry}");
        }
        assert_eq!(parse("x@bücher.example"), Ok(Address::Email("x@xn--bcher-kva.example".into())));
        assert_eq!(parse("http://google.com@evil.com/a"), Ok(Address::Url("evil.com/a".into())));
        assert_eq!(parse("http://u:p@evil.com"), plain("evil.com"));
    }

    #[test]
    fn paths_keep_their_case_and_hosts_do_not() {
        assert_eq!(parse("http://EVIL.com/Gate"), Ok(Address::Url("evil.com/Gate".into())));
        assert_eq!(parse("http://bücher.example/ä"), Ok(Address::Url("xn--bcher-kva.example/ä".into())));
        assert_eq!(parse("http://[2001:DB8::1]:80/x"), Ok(Address::Url("[2001:db8::1]/x".into())));
        assert!(Address::text("abc").is_err() && Address::text("Abcd").is_ok());
    }

    #[test]
    fn addresses_and_networks() {
        let ip = Ipv4Addr::new(58, 64, 143, 244);
        for entry in ["58.64.143.244", "58[.]64[.]143[.]244", "58.64.143.244:443", "58.64.143.244/32", "http://58.64.143.244/"] {
            assert_eq!(parse(entry), Ok(Address::Ip4(ip)), "{entry}");
        }
        assert_eq!(parse("58.64.143.9/24"), Ok(Address::Net4(Ipv4Addr::new(58, 64, 143, 0), 24)));
        let v6: Ipv6Addr = "2001:db8::1".parse().unwrap();
        assert_eq!(parse("2001:DB8:0:0::1"), Ok(Address::Net6(v6, 128)));
        assert_eq!(parse("[2001:db8::1]:443"), Ok(Address::Net6(v6, 128)));
        assert_eq!(parse("::ffff:58.64.143.244"), Ok(Address::Ip4(ip)));
        assert_eq!(parse("2001:db8::/32"), Ok(Address::Net6("2001:db8::".parse().unwrap(), 32)));
    }

    #[test]
    fn what_would_accuse_everybody_is_refused() {
        for entry in [
            "",
            "a.b",
            "com",
            "127.0.0.1",
            "0.0.0.0",
            "::1",
            "0.0.0.0/0",
            "1.2.3.4/33",
            "::/0",
            "a b@evil.com",
            "@evil.com",
            "a@1.2.3.4",
            "a@localhost",
            "rce_loader.js",
            "com.google.bat",
            "no spaces.com",
            "-bad.com",
            "256.1.1.1",
            "localhost",
            "C:\\\\Windows\\\\x\\.exe",
        ] {
            assert!(parse(entry).is_err(), "{entry}: {:?}", parse(entry));
        }
        assert!(parse("com.example.org").is_ok() && !application_like("com.example.org"));
        assert!(application_like("com.google.android.service"));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(entry: String) {
            let _ = parse(&entry);
        }
        #[test]
        fn never_panics_near_addresses(entry in "[hxtp:/\\[\\].0-9a-f*@]{0,40}") {
            let _ = parse(&entry);
        }
    }
}

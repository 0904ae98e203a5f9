//! What kind of record mentions an address: in a browser's history or a proxy's log a mention is a contact, in a
//! hosts file it decides where a name leads, in other documents it is only a mention.

use std::net::IpAddr;

use memchr::memmem;

/// The kind of record that an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Venue {
    Document,
    Hosts,
    Browser,
    /// What it is called for people.
    Log(&'static str),
}

/// Lines of a log that must be what its format says.
const LINES: usize = 20;

impl Venue {
    /// By path (any separators) and first bytes; content must agree in every case.
    pub fn of(path: &str, head: &[u8]) -> Self {
        let path = path.replace('\\', "/").to_ascii_lowercase();
        if path.ends_with("/etc/hosts") && is_hosts(head) {
            Venue::Hosts
        } else if is_browser(&path, head) {
            Venue::Browser
        } else {
            log(head).map_or(Venue::Document, Venue::Log)
        }
    }
}

/// SQLite files with the tables of Chrome, Firefox or Safari; the databases of Internet Explorer and the first Edge.
fn is_browser(path: &str, head: &[u8]) -> bool {
    let has = |table: &str| memmem::find(head, table.as_bytes()).is_some();
    if head.starts_with(b"SQLite format 3\0") {
        return (has("TABLE urls") && has("TABLE visits"))
            || has("TABLE moz_places")
            || has("TABLE moz_cookies")
            || has("TABLE history_visits")
            || (has("TABLE cookies") && has("host_key"));
    }
    let name = path.rsplit('/').next().unwrap_or_default();
    let write_ahead = matches!(head, [0x37, 0x7f, 0x06, 0x82 | 0x83, ..]);
    (name.starts_with("webcachev") && head.get(4..8) == Some(&[0xef, 0xcd, 0xab, 0x89]))
        || (write_ahead && ["history-wal", "places.sqlite-wal", "history.db-wal", "cookies-wal"].contains(&name))
        || head.starts_with(b"Client UrlCache MMF")
}

/// What kind of log begins so.
fn log(head: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(head.get(..head.len().min(8192)).unwrap_or_default());
    let text = text.trim_start_matches('\u{feff}');
    let cut = head.len() > 8192;
    let mut lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).take(LINES + 1).collect();
    if cut || lines.len() > LINES {
        lines.pop();
    }
    let first = lines.first()?;
    if first.starts_with("#separator ") {
        return Some("Zeek log");
    }
    // Firewall, IIS and proxies that follow W3C's working draft "Extended Log File Format".
    if let Some(fields) = lines.iter().find(|l| l.starts_with("#Fields:")) {
        return Some(if fields.contains("src-ip") || fields.contains("dst-ip") { "Firewall log" } else { "Web or proxy log" });
    }
    if text.contains("DNS Server log") || lines.iter().any(|l| l.contains(" PACKET  ")) {
        return Some("DNS server log");
    }
    let data: Vec<&str> = lines.into_iter().filter(|l| !l.starts_with('#')).collect();
    let most = |is: fn(&str) -> bool| !data.is_empty() && data.iter().filter(|l| is(l)).count() * 2 > data.len();
    if most(is_squid) {
        Some("Proxy log")
    } else if most(is_combined) {
        Some("Web server log")
    } else if most(|l| l.contains(": query: ") && l.contains(" IN "))
        || most(|l| l.contains("dnsmasq[") && l.contains("]: query["))
    {
        Some("DNS server log")
    } else if most(|l| l.starts_with('{') && l.contains("\"id.orig_h\"") && l.contains("\"ts\"")) {
        Some("Zeek log")
    } else {
        None
    }
}

/// `TIME.MS ELAPSED CLIENT CODE/STATUS BYTES METHOD URL USER HIERARCHY/PEER TYPE`
fn is_squid(line: &str) -> bool {
    let mut fields = line.split_ascii_whitespace();
    let time = fields.next().and_then(|f| f.split_once('.'));
    let number = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let slash = |f: Option<&str>| f.is_some_and(|f| f.contains('/'));
    time.is_some_and(|(s, ms)| number(s) && number(ms))
        && fields.next().is_some_and(number)
        && fields.next().is_some()
        && slash(fields.next())
        && fields.next().is_some_and(number)
        && fields.count() >= 4
}

/// `CLIENT IDENT USER [TIME] "REQUEST" STATUS BYTES …`: the common log format and what extends it.
fn is_combined(line: &str) -> bool {
    let Some((before, rest)) = line.split_once(" [") else { return false };
    let Some((time, rest)) = rest.split_once("] \"") else { return false };
    let Some((_, rest)) = rest.rsplit_once("\" ").and(rest.split_once("\" ")) else { return false };
    let status = rest.split(' ').next().unwrap_or_default();
    before.split(' ').count() >= 3 && time.contains(':') && status.len() == 3 && status.bytes().all(|b| b.is_ascii_digit())
}

/// Most lines are remarks or an address with names.
fn is_hosts(head: &[u8]) -> bool {
    let text = String::from_utf8_lossy(head);
    let (mut good, mut bad) = (0usize, 0usize);
    for line in text.lines().map(entry) {
        match line {
            "" => {}
            line if parts(line).is_some() => good = good.saturating_add(1),
            _ => bad = bad.saturating_add(1),
        }
    }
    bad <= good
}

/// A line without its remark.
fn entry(line: &str) -> &str {
    line.split('#').next().unwrap_or_default().trim_start_matches('\u{feff}').trim()
}

/// Address and names.
fn parts(line: &str) -> Option<(IpAddr, &str)> {
    let (address, names) = line.split_once([' ', '\t'])?;
    let address = address.split('%').next().unwrap_or_default();
    Some((address.parse().ok()?, names))
}

/// The lines of a hosts file that lead somewhere: those that block a name (`0.0.0.0 NAME`, `127.0.0.1 NAME`) and
/// remarks are left out.
pub(super) fn leading(hosts: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(hosts);
    let mut out = Vec::new();
    for line in text.lines().map(entry) {
        let blocks = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => ip.is_unspecified() || ip.is_loopback() || ip.is_broadcast(),
            IpAddr::V6(ip) => ip.is_unspecified() || ip.is_loopback(),
        };
        if parts(line).is_some_and(|(ip, _)| !blocks(ip)) {
            out.extend_from_slice(line.as_bytes());
            out.push(b'\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_files_are_told_by_path_and_content() {
        let hosts = b"# a remark\r\n127.0.0.1 localhost\r\n::1 localhost\r\n0.0.0.0 evil.com # blocked\r\n5.6.7.8\tbank.com\r\n";
        for path in ["/etc/hosts", r"C:\Windows\System32\drivers\etc\hosts", "/mnt/x/Windows/System32/Drivers/etc/HOSTS"] {
            assert_eq!(Venue::of(path, hosts), Venue::Hosts, "{path}");
        }
        assert_eq!(Venue::of("/home/x/hosts.txt", hosts), Venue::Document);
        assert_eq!(Venue::of("/etc/hosts", b"some text about\nhosts and things\n"), Venue::Document);
        assert_eq!(leading(hosts), b"5.6.7.8\tbank.com\n");
    }

    #[test]
    fn browsers_are_told_by_their_tables() {
        let db = |sql: &str| [b"SQLite format 3\0".as_slice(), sql.as_bytes()].concat();
        assert_eq!(Venue::of("/x/History", &db("CREATE TABLE urls(id) CREATE TABLE visits(id)")), Venue::Browser);
        assert_eq!(Venue::of("/x/places.sqlite", &db("CREATE TABLE moz_places (id)")), Venue::Browser);
        assert_eq!(Venue::of("/x/History", &db("CREATE TABLE urls(id)")), Venue::Document);
        assert_eq!(Venue::of("/x/History", b"CREATE TABLE urls CREATE TABLE visits"), Venue::Document);
        let ese = [0, 0, 0, 0, 0xef, 0xcd, 0xab, 0x89];
        assert_eq!(Venue::of("/x/WebCacheV01.dat", &ese), Venue::Browser);
        assert_eq!(Venue::of("/x/other.dat", &ese), Venue::Document);
    }

    #[test]
    fn logs_are_told_by_their_lines() {
        for (text, is) in [
            ("#Software: Microsoft IIS\n#Fields: date time c-ip cs-uri\n2026-01-01 x\n", "Web or proxy log"),
            ("#Version: 1.5\n#Fields: date time action protocol src-ip dst-ip\n", "Firewall log"),
            ("#separator \\x09\n#fields\tts\n", "Zeek log"),
            ("1286536309.586    921 10.0.0.1 TCP_MISS/200 507 POST http://a.com/x - DIRECT/1.2.3.4 text/html\n", "Proxy log"),
            ("1.2.3.4 - bob [10/Oct/2000:13:55:36 -0700] \"GET /x HTTP/1.0\" 200 2326 \"-\" \"UA\"\n", "Web server log"),
            ("1/2/2026 1:00:00 PM 0E4C PACKET  00000 UDP Rcv 10.0.0.1 A (4)evil(3)com(0)\n", "DNS server log"),
            ("Jan 1 named[1]: client @0x1 10.0.0.1#5 (evil.com): query: evil.com IN A +E\n", "DNS server log"),
        ] {
            assert_eq!(Venue::of("/x", text.as_bytes()), Venue::Log(is), "{text}");
        }
        for text in ["a report about evil.com\n", "", "name,[x] \"y\" 200\n", "{\"ts\": 1}\n"] {
            assert_eq!(Venue::of("/x.log", text.as_bytes()), Venue::Document, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_bytes(bytes: Vec<u8>) {
            Venue::of("/etc/hosts", &bytes);
            leading(&bytes);
        }
    }
}

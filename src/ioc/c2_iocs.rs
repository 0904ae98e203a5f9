//! `c2-iocs`: domains, addresses and networks of command-and-control servers, one a line.
//!
//! `ADDRESS [";" SCORE]`, where ADDRESS is a domain, an IPv4 or IPv6 address, a network in CIDR form or a URL,
//! plain or defanged. A line that begins with `#` describes the lines up to the next blank line or comment.
//! Exports of older receivers have a description where the score belongs.

use super::address::{application_like, parse};
use super::decode::{MAX_LINE, comment, convinces, entries, lines, named, speaks};
use super::hash_list::integer;
use super::{IocFormat, Loader};

/// See the module.
pub struct C2Iocs;

impl IocFormat for C2Iocs {
    fn id(&self) -> &'static str {
        "c2-iocs"
    }

    fn looks_like(&self) -> &'static str {
        "one domain, IP address, CIDR network or URL a line, with ;SCORE"
    }

    fn sniff(&self, name: &[u8], head: &[u8]) -> bool {
        let lines = entries(head);
        let good = lines.iter().map(|l| read(l).0).filter(|a| !application_like(a) && parse(a).is_ok()).count();
        convinces(good, lines.len(), named(name, &["c2", "domain", "ipv4", "ipv6", "ip-addresses"]))
    }

    fn parse(&self, text: &str, loader: &mut Loader<'_>) {
        let mut description = "";
        for (n, line) in lines(text) {
            if line.len() > MAX_LINE {
                loader.reject(n, format!("a line of more than {MAX_LINE} bytes"));
            } else if let Some(text) = comment(line) {
                if speaks(text) {
                    description = text;
                }
            } else if line.is_empty() {
                description = "";
            } else {
                let (address, score, words) = read(line);
                loader.address(n, address, score, words.unwrap_or(description));
            }
        }
    }
}

/// Address, score and description of a line; ` # text` at its end is a description, too.
fn read(line: &str) -> (&str, Option<i64>, Option<&str>) {
    let (line, remark) = match line.split_once(" #") {
        Some((line, remark)) => (line.trim(), Some(remark.trim())),
        None => (line, None),
    };
    let Some((address, rest)) = line.split_once(';') else { return (line, None, remark) };
    let (second, third) = rest.split_once(';').map_or((rest, None), |(s, t)| (s, Some(t.trim())));
    match integer(second) {
        Some(score) => (address.trim(), Some(score), third.filter(|t| !t.is_empty()).or(remark)),
        None => (address.trim(), None, Some(rest.trim()).filter(|t| !t.is_empty()).or(remark)),
    }
}

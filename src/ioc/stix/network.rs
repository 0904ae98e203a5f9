//! Addresses, domains, URLs and e-mail addresses: a file can mention them, and nothing in it shows that there
//! was a connection.
//!
//! So a mention makes such a comparison true, but the lack of one leaves it open wherever that matters: beside
//! a comparison of another kind, and under a negation.

use super::objects::Beside;
use super::parser::{Literal, ObjectPath, Op, Test};
use super::tree::{all, any, some};
use super::values::{unknown, wrong};
use crate::ioc::address::{self, Address};
use crate::ioc::expr::{Node, Term};
use crate::model::text;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Ip4,
    Ip6,
    Domain,
    Url,
    Email,
    /// An end of a connection: an address or a domain.
    Host,
}

impl Kind {
    /// `None` for paths that aren't about an address.
    pub fn of<S: AsRef<str>>(path: &ObjectPath, keys: &[S]) -> Option<Self> {
        let keys: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
        match (path.object.to_ascii_lowercase().as_str(), keys.as_slice()) {
            ("ipv4-addr", ["value"]) => Some(Kind::Ip4),
            ("ipv6-addr", ["value"]) => Some(Kind::Ip6),
            ("domain-name", ["value"]) => Some(Kind::Domain),
            ("url", ["value"]) => Some(Kind::Url),
            ("email-addr", ["value"]) | ("email-message", ["from_ref" | "sender_ref", "value"]) => Some(Kind::Email),
            ("network-traffic", ["dst_ref" | "src_ref", "value"]) => Some(Kind::Host),
            _ => None,
        }
    }

    fn takes(self, address: &Address) -> bool {
        let ip4 = matches!(address, Address::Ip4(_) | Address::Net4(..));
        let ip6 = matches!(address, Address::Net6(..));
        let domain = matches!(address, Address::Domain(..));
        match self {
            Kind::Ip4 => ip4,
            Kind::Ip6 => ip6,
            Kind::Host => ip4 || ip6 || domain,
            // Lists write addresses and URLs here, too; they are looked for as what they are.
            Kind::Domain => !Kind::Email.takes(address),
            Kind::Url => true,
            Kind::Email => !(ip4 || ip6 || domain || matches!(address, Address::Url(_))),
        }
    }

    fn words(self) -> &'static str {
        match self {
            Kind::Ip4 => "an IPv4 address or network",
            Kind::Ip6 => "an IPv6 address or network",
            Kind::Domain => "a domain name",
            Kind::Url => "a URL",
            Kind::Email => "an e-mail address",
            Kind::Host => "an address or a domain name",
        }
    }
}

pub fn node(test: &Test, kind: Kind, beside: Beside, left_out: &mut Vec<String>) -> Result<Node, String> {
    let parts: Vec<Result<Node, String>> = match test.op {
        Op::Equal | Op::In => test.values.iter().map(|v| mention(test, kind, string(test, v)?)).collect(),
        Op::Subset if matches!(kind, Kind::Ip4 | Kind::Ip6 | Kind::Host) => {
            test.values.iter().map(|v| mention(test, kind, string(test, v)?)).collect()
        }
        Op::Like => test.values.iter().map(|v| like(test, kind, string(test, v)?)).collect(),
        _ => return Ok(unknown(test)),
    };
    let elsewhere = || Node::Unknown(format!("{} beyond what files mention", test.path.words()));
    if test.negated {
        let found = any(parts.into_iter().collect::<Result<_, _>>()?);
        return Ok(all(vec![Node::Not(Box::new(found)), elsewhere()]));
    }
    let mut parts = some(parts, left_out)?;
    if beside.not_network {
        parts.push(elsewhere());
    }
    Ok(any(parts))
}

fn string<'a>(test: &Test, value: &'a Literal) -> Result<&'a str, String> {
    match value {
        Literal::Text(t) => Ok(t),
        _ => Err(wrong(test, "a string")),
    }
}

fn mention(test: &Test, kind: Kind, value: &str) -> Result<Node, String> {
    let shown = || text::shorten(&text::escape(value.as_bytes()), 80);
    let address = address::parse(value).map_err(|why| format!("\"{}\": {why}", shown()))?;
    if kind.takes(&address) {
        Ok(Node::Term(Term::Mention(address)))
    } else {
        Err(format!("{}, and \"{}\" is none", wrong(test, kind.words()), shown()))
    }
}

/// A mention ends at the boundaries of labels: `%.evil.com` is answered by it, and so is what of `%evil.com`
/// and of `%evil.com/%` lies behind such a boundary. Every other wildcard is left open.
fn like(test: &Test, kind: Kind, value: &str) -> Result<Node, String> {
    let lead = value.trim_start_matches('%');
    let core = lead.trim_end_matches('%');
    if core.contains(['%', '_']) {
        return Ok(unknown(test));
    }
    let (leads, trails) = (lead.len() < value.len(), core.len() < lead.len());
    match kind {
        _ if !leads && !trails => mention(test, kind, value),
        Kind::Domain | Kind::Host if leads && !trails => match mention(test, kind, core.trim_start_matches('.')) {
            Ok(node) if core.starts_with('.') => Ok(node),
            Ok(node) => Ok(any(vec![node, unknown(test)])),
            Err(_) => Ok(unknown(test)),
        },
        Kind::Url => {
            let host = core.trim_start_matches([':', '/', '.']);
            let host = host.split_once("://").map_or(host, |(_, h)| h).trim_end_matches('/');
            match address::parse(host) {
                Ok(address @ Address::Domain(..)) => Ok(any(vec![Node::Term(Term::Mention(address)), unknown(test)])),
                _ => Ok(unknown(test)),
            }
        }
        _ => Ok(unknown(test)),
    }
}

//! The policy file: what a sweep scans, how, and what becomes of its cases. Strict, so that a slip of the pen is told
//! and not ignored.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::args_of::Arguments;
use super::deliver::Place;
use crate::model::text::escape;

/// A policy is never larger, in bytes.
const MAX_POLICY: u64 = 1 << 20;

/// Everything that can be said in a policy. Paths are relative to the policy's own folder.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Where cases are kept.
    pub cases: PathBuf,
    /// None means every local fixed volume.
    #[serde(default)]
    pub targets: Vec<PathBuf>,

    pub case_id: Option<String>,
    pub examiner: Option<String>,
    pub authority: Option<String>,
    pub evidence_id: Option<String>,
    pub received_from: Option<String>,
    pub note: Option<String>,
    pub sign_key: Option<PathBuf>,
    #[serde(default)]
    pub timestamp_request: bool,
    pub sealed_annex: Option<String>,
    pub case_key: Option<PathBuf>,
    #[serde(default)]
    pub allow_same_volume: bool,

    #[serde(default)]
    pub ioc: Vec<PathBuf>,
    #[serde(default)]
    pub rules: Vec<PathBuf>,
    #[serde(default)]
    pub known_good: Vec<PathBuf>,
    #[serde(default)]
    pub tools: Vec<PathBuf>,
    pub pack_key: Option<PathBuf>,
    #[serde(default)]
    pub allow_expired: bool,
    #[serde(default = "yes")]
    pub default_iocs: bool,
    #[serde(default = "yes")]
    pub default_rules: bool,
    /// `all` or `needed`.
    pub digests: Option<String>,
    /// Compiled rules are kept in the folder of the cases.
    #[serde(default = "yes")]
    pub rules_cache: bool,

    #[serde(default)]
    pub map: Vec<String>,
    pub passwords: Option<PathBuf>,
    #[serde(default)]
    pub include_network: bool,
    pub threads: Option<u16>,
    pub max_body: Option<String>,
    pub cpu_percent: Option<f64>,
    pub io_mbps: Option<f64>,
    pub deadline_minutes: Option<f64>,
    pub object_deadline_minutes: Option<f64>,
    pub min_free_memory: Option<String>,
    pub min_free_disk: Option<String>,
    #[serde(default)]
    pub full_speed: bool,

    /// Unchanged files aren't read again.
    #[serde(default = "yes")]
    pub baseline: bool,
    #[serde(default = "one")]
    pub reread_percent: f64,
    #[serde(default = "month")]
    pub full_every_days: f64,

    /// Published cases that are kept.
    #[serde(default = "fortnight")]
    pub keep: usize,
    /// Million bytes that they may take together.
    pub keep_mb: Option<u64>,
    #[serde(default)]
    pub jitter_minutes: f64,
    /// Where cases are brought: a folder, `sftp://` or `https://`.
    pub deliver: Option<Place>,
    /// For SFTP: the private key, and the servers that are known.
    pub deliver_key: Option<PathBuf>,
    pub deliver_known_hosts: Option<PathBuf>,
    /// For HTTPS: the authority of the server, a file that holds `USER:PASSWORD`, and the region of S3.
    pub deliver_ca: Option<PathBuf>,
    pub deliver_secret: Option<PathBuf>,
    pub deliver_region: Option<String>,
    /// `syslog`, or `syslog:PATH` of another socket.
    pub notify: Option<String>,
}

fn yes() -> bool {
    true
}

fn one() -> f64 {
    1.0
}

fn month() -> f64 {
    30.0
}

fn fortnight() -> usize {
    14
}

fn is_of_region(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

impl Policy {
    /// Reads a policy.
    ///
    /// # Errors
    /// In one sentence, which names the file, the line and the key.
    pub fn read(path: &Path) -> Result<Self, String> {
        use std::io::Read;
        let name = escape(path.as_os_str().as_encoded_bytes());
        let fail =
            |e: &dyn std::fmt::Display| format!("the policy {name} can't be read: {e}; check the path given with --policy");
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(|e| fail(&e))?;
        file.take(MAX_POLICY).read_to_string(&mut text).map_err(|e| fail(&e))?;
        let folder = std::path::absolute(path).map_err(|e| fail(&e))?.parent().map(Path::to_owned).unwrap_or_default();
        Self::parse(&text, &folder).map_err(|why| format!("the policy {name}, {why}"))
    }

    fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        let mut policy: Self = toml::from_str(text).map_err(|e| told(&e, text))?;
        let at = |why: &str, key: &str| Err(format!("key {key}: {why}"));
        let number = |value: f64| value.is_finite() && value >= 0.0;
        match () {
            () if !(0.0..=100.0).contains(&policy.reread_percent) => {
                return at("write percent from 0 up to 100", "reread_percent");
            }
            () if !number(policy.full_every_days) => return at("write a number of days", "full_every_days"),
            () if !number(policy.jitter_minutes) || policy.jitter_minutes > 7.0 * 24.0 * 60.0 => {
                return at("write minutes, at most those of a week", "jitter_minutes");
            }
            () if policy.keep == 0 => return at("keep at least one case, for the next sweep to compare with", "keep"),
            () if policy.notify.as_deref().is_some_and(|n| n != "syslog" && !n.starts_with("syslog:")) => {
                return at("only \"syslog\" is known", "notify");
            }
            () if policy.deliver_region.as_deref().is_some_and(|r| r.is_empty() || !r.bytes().all(is_of_region)) => {
                return at("a region is letters, digits and '-'", "deliver_region");
            }
            () if policy.deliver_region.is_some() && policy.deliver_secret.is_none() => {
                return at("S3 needs the key in the file named under deliver_secret", "deliver_region");
            }
            () => {}
        }
        let lists = [&mut policy.targets, &mut policy.ioc, &mut policy.rules, &mut policy.known_good, &mut policy.tools];
        let single = [&mut policy.sign_key, &mut policy.case_key, &mut policy.pack_key, &mut policy.passwords];
        let delivery =
            [&mut policy.deliver_key, &mut policy.deliver_known_hosts, &mut policy.deliver_ca, &mut policy.deliver_secret];
        let to = policy.deliver.as_mut().and_then(|place| if let Place::Folder(path) = place { Some(path) } else { None });
        let paths = lists.into_iter().flatten().chain(single.into_iter().chain(delivery).flatten());
        paths.chain(to).chain([&mut policy.cases]).for_each(|path| *path = folder.join(&*path));
        // They are written in quotation marks into options of ssh and a configuration of curl.
        let quoted = [
            ("deliver_key", &policy.deliver_key),
            ("deliver_known_hosts", &policy.deliver_known_hosts),
            ("deliver_ca", &policy.deliver_ca),
        ];
        let odd = |path: &Path| path.to_str().is_none_or(|p| p.contains(['"', '%', '$']) || p.contains(char::is_control));
        if let Some((key, _)) = quoted.iter().find(|(_, path)| path.as_deref().is_some_and(odd)) {
            return at("the path may hold no '\"', '%' and '$'", key);
        }
        Ok(policy)
    }

    /// The scan that a sweep is, but for its case folder and baseline.
    pub fn scan(&self) -> Vec<OsString> {
        let mut a = Arguments::of(["wardround", "scan"]);
        a.each("--ioc", &self.ioc).each("--rules", &self.rules).each("--known-good", &self.known_good);
        a.each("--tools", &self.tools).each("--map", &self.map);
        a.with("--case-id", &self.case_id).with("--examiner", &self.examiner).with("--authority", &self.authority);
        a.with("--evidence-id", &self.evidence_id).with("--received-from", &self.received_from);
        a.with("--note", &self.note).with("--sign-key", &self.sign_key).with("--sealed-annex", &self.sealed_annex);
        a.with("--case-key", &self.case_key).with("--pack-key", &self.pack_key).with("--passwords", &self.passwords);
        a.with("--digests", &self.digests).with("--max-body", &self.max_body);
        a.with("--min-free-memory", &self.min_free_memory).with("--min-free-disk", &self.min_free_disk);
        a.number("--threads", self.threads.map(f64::from)).number("--cpu-percent", self.cpu_percent);
        a.number("--io-mbps", self.io_mbps).number("--deadline", self.deadline_minutes);
        a.number("--object-deadline", self.object_deadline_minutes);
        a.flag("--timestamp-request", self.timestamp_request).flag("--allow-same-volume", self.allow_same_volume);
        a.flag("--allow-expired", self.allow_expired).flag("--no-default-iocs", !self.default_iocs);
        a.flag("--no-default-rules", !self.default_rules).flag("--include-network", self.include_network);
        a.flag("--full-speed", self.full_speed);
        a.with("--cases", &Some(&self.cases));
        a.with("--rules-cache", &self.rules_cache.then(|| self.cases.join(super::cases::RULES_CACHE)));
        if !self.targets.is_empty() {
            a.rest(&self.targets);
        }
        a.take()
    }
}

/// What is wrong with a policy, in one line.
fn told(e: &toml::de::Error, text: &str) -> String {
    let line = e.span().and_then(|s| text.get(..s.start)).map_or(1, |before| before.matches('\n').count() + 1);
    let message = e.message().lines().next().unwrap_or_default();
    let why = match message.split_once(", expected ") {
        Some((unknown, _)) if unknown.starts_with("unknown field") => {
            format!(
                "{}: remove it, or see deploy/policy.toml for the keys that there are",
                unknown.replace("unknown field", "unknown key")
            )
        }
        _ => message.replace("missing field", "missing key"),
    };
    format!("line {line}: {}", escape(why.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Policy::parse(text, Path::new("/etc/wardround")).unwrap_err()
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let unknown = refused("cases = \"c\"\ntargets = []\ncpu_procent = 5\n");
        assert!(unknown.contains("line 3") && unknown.contains("unknown key `cpu_procent`"), "{unknown}");
        assert_eq!(unknown.lines().count(), 1);
        assert!(refused("targets = []").contains("missing key `cases`"));
        assert!(refused("cases = \"c\"\nkeep = \"three\"").contains("line 2"));
        assert!(refused("cases = \"c\"\nreread_percent = 200").contains("reread_percent"));
        assert!(refused("cases = \"c\"\nnotify = \"mail\"").contains("notify"));
        assert!(refused("cases = \"c\"\nkeep = 0").contains("keep"));
        assert!(refused("cases = ").contains("line 1"));
        assert!(refused("cases = \"c\"\ndeliver = \"sftp://-oX/in\"").starts_with("line 2: key deliver: the host"));
        assert!(refused("cases = \"c\"\ndeliver_key = \"a\\\"b\"").contains("deliver_key"));
        assert!(refused("cases = \"c\"\ndeliver_secret = \"s\"\ndeliver_region = \"a:b\"").contains("deliver_region"));
        assert!(refused("cases = \"c\"\ndeliver_region = \"eu-1\"").contains("deliver_secret"));
    }

    #[test]
    fn a_policy_is_a_scan() {
        let text = "cases = \"/c\"\ntargets = [\"/srv\", \"data\"]\nioc = [\"intel\"]\ncpu_percent = 25\ndefault_rules = false\n";
        let policy = Policy::parse(text, Path::new("/etc/w")).unwrap();
        let scan: Vec<_> = policy.scan().into_iter().map(|a| a.to_string_lossy().into_owned()).collect();
        let expected = "wardround scan --ioc /etc/w/intel --cpu-percent 25 --no-default-rules --cases /c --rules-cache \
                        /c/.rules-cache -- /srv /etc/w/data";
        assert_eq!(scan.join(" ").replace(std::path::MAIN_SEPARATOR, "/"), expected);
        assert!(policy.baseline && policy.keep == 14);
    }
}

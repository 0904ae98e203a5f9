//! Keys and values of the registry, as indicators ask for them.
//!
//! A key has several names: it is found under each. `CurrentControlSet` stands for every numbered control set,
//! `Wow6432Node` may be left out, `HKEY_CLASSES_ROOT` is the classes of the machine and of the user, and
//! `HKEY_USERS\SID` is every user's `HKEY_CURRENT_USER`, because a user's hive doesn't hold the SID. A listed
//! path may leave its root out: then it is the end of the key's path. Where only a path is listed, its last
//! part may also be the name of a value.

use std::cell::OnceCell;
use std::collections::HashMap;

use super::expr::{Case, Registry, Text, TextOp};

/// Short names of roots, and those that only the kernel uses.
const ROOTS: &[(&str, &str)] = &[
    ("HKLM", "HKEY_LOCAL_MACHINE"),
    ("HKCU", "HKEY_CURRENT_USER"),
    ("HKCR", "HKEY_CLASSES_ROOT"),
    ("HKU", "HKEY_USERS"),
    (r"REGISTRY\MACHINE", "HKEY_LOCAL_MACHINE"),
    (r"REGISTRY\USER", "HKEY_USERS"),
    ("HKEY_CURRENT_CONFIG", r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Hardware Profiles\Current"),
    ("HKCC", r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Hardware Profiles\Current"),
];

/// One value of a key.
pub trait RegistryValue {
    /// Empty for the default value.
    fn name(&self) -> &str;
    /// The spellings of what it holds.
    fn data(&self) -> Vec<String>;
}

#[derive(Debug)]
enum KeyTest {
    /// In lower case, and whether it begins at a root.
    Equal(String, bool),
    Text(Text),
    Any,
}

#[derive(Debug)]
struct Entry {
    slot: u32,
    key: KeyTest,
    value_name: Option<Text>,
    data: Option<Text>,
}

/// All registry terms of a run.
#[derive(Debug, Default)]
pub struct RegistryTerms {
    entries: Vec<Entry>,
    /// Entries that ask for one path, by its last part in lower case.
    by_last: HashMap<String, Vec<usize>>,
    /// Entries for any key with a value of one name, by that name in lower case.
    by_value: HashMap<String, Vec<usize>>,
    others: Vec<usize>,
}

impl RegistryTerms {
    /// Adds one term. The error says what is wrong with it.
    pub fn add(&mut self, term: Registry, slot: u32) -> Result<(), String> {
        let Registry { key, value_name, data } = term;
        let says = |t: &Option<Text>| t.as_ref().is_some_and(|t| !t.is_empty());
        if !says(&key) && !says(&value_name) && !says(&data) {
            return Err("it fits every key of the registry".into());
        }
        let index = self.entries.len();
        let key = match key {
            None => KeyTest::Any,
            Some(text) if text.op() == TextOp::Is => {
                let (path, rooted) = normal(text.value());
                let parts = path.split('\\').filter(|p| !p.is_empty()).count();
                if parts < 2 && value_name.is_none() && data.is_none() {
                    return Err("a registry key of a single part, which is found in many places".into());
                }
                KeyTest::Equal(path.to_lowercase(), rooted)
            }
            Some(text) if text.op() == TextOp::Matches => KeyTest::Text(text),
            Some(text) => {
                let (path, rooted) = normal(text.value());
                // The end of a beginning is a part of what is asked for.
                let value = if rooted && text.op() != TextOp::EndsWith { path } else { text.value().to_owned() };
                let end = if rooted && text.value().ends_with('\\') { "\\" } else { "" };
                KeyTest::Text(Text::new(text.op(), &format!("{}{end}", value.trim_end_matches('\\')), Case::Fold)?)
            }
        };
        match (&key, &value_name) {
            (KeyTest::Equal(path, _), _) => self.by_last.entry(last(path).to_owned()).or_default().push(index),
            (KeyTest::Any, Some(name)) if name.op() == TextOp::Is => {
                self.by_value.entry(default_name(&name.value().to_lowercase()).to_owned()).or_default().push(index);
            }
            _ => self.others.push(index),
        }
        self.entries.push(Entry { slot, key, value_name, data });
        Ok(())
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn listed<'a>(&'a self, list: Option<&'a Vec<usize>>) -> impl Iterator<Item = &'a Entry> {
        list.into_iter().flatten().filter_map(|i| self.entries.get(*i))
    }

    /// Slots of the terms that hold for a key or one of its values. A term may be told more than once.
    pub fn find<V: RegistryValue>(&self, path: &str, values: &[V], mut hit: impl FnMut(u32)) {
        let spellings = OnceCell::new();
        let spelled = || spellings.get_or_init(|| spellings_of(path)).as_slice();
        for entry in self.listed(self.by_last.get(&last(path).to_lowercase())) {
            if entry.key.holds(spelled()) && entry.values_hold(values) {
                hit(entry.slot);
            }
        }
        for value in values {
            let name = default_name(value.name()).to_lowercase();
            if !self.by_last.is_empty() {
                let whole = |e: &&Entry| e.value_name.is_none() && e.data.is_none();
                for entry in self.listed(self.by_last.get(last(&name))).filter(whole) {
                    let paths: Vec<String> = spelled().iter().map(|p| format!("{p}\\{}", value.name())).collect();
                    if !value.name().is_empty() && entry.key.holds(&paths) {
                        hit(entry.slot);
                    }
                }
            }
            for entry in self.listed(self.by_value.get(&name)) {
                if entry.data_holds(value) {
                    hit(entry.slot);
                }
            }
        }
        for entry in self.listed(Some(&self.others)) {
            let key_holds = matches!(entry.key, KeyTest::Any) || entry.key.holds(spelled());
            if key_holds && entry.values_hold(values) {
                hit(entry.slot);
            }
        }
    }
}

impl KeyTest {
    fn holds(&self, spellings: &[String]) -> bool {
        match self {
            KeyTest::Any => true,
            KeyTest::Text(text) => spellings.iter().any(|s| text.holds(s, true)),
            KeyTest::Equal(path, rooted) => spellings.iter().any(|s| {
                let s = s.to_lowercase();
                s == *path || (!rooted && s.strip_suffix(path.as_str()).is_some_and(|before| before.ends_with('\\')))
            }),
        }
    }
}

impl Entry {
    /// Whether one value is all that is asked for; true where nothing is.
    fn values_hold<V: RegistryValue>(&self, values: &[V]) -> bool {
        (self.value_name.is_none() && self.data.is_none()) || values.iter().any(|v| self.name_holds(v) && self.data_holds(v))
    }

    fn name_holds<V: RegistryValue>(&self, value: &V) -> bool {
        self.value_name.as_ref().is_none_or(|text| {
            let name = value.name();
            text.holds(name, true) || (name.is_empty() && ["(Default)", "@"].iter().any(|n| text.holds(n, true)))
        })
    }

    fn data_holds<V: RegistryValue>(&self, value: &V) -> bool {
        self.data.as_ref().is_none_or(|text| value.data().iter().any(|d| text.holds(d, true)))
    }
}

/// What a listed path is compared as, and whether it begins at a root.
fn normal(path: &str) -> (String, bool) {
    let path = path.trim().replace('/', "\\").replace("\\\\", "\\");
    let path = path.trim_matches('\\');
    let path = path.strip_prefix(r"Computer\").unwrap_or(path);
    // `HKLM:\` of PowerShell, `HKLM/` and the like.
    let rest_of = |root: &str| {
        let start = path.get(..root.len()).filter(|s| s.eq_ignore_ascii_case(root))?;
        let rest = path.get(start.len()..)?;
        let rest = rest.strip_prefix(':').unwrap_or(rest);
        (rest.is_empty() || rest.starts_with('\\')).then_some(rest)
    };
    let short = ROOTS.iter().find_map(|(from, to)| Some(format!("{to}{}", rest_of(from)?)));
    let long = || {
        let roots = ["HKEY_LOCAL_MACHINE", "HKEY_CURRENT_USER", "HKEY_CLASSES_ROOT", "HKEY_USERS"];
        roots.iter().find_map(|root| Some(format!("{root}{}", rest_of(root)?)))
    };
    match short.or_else(long) {
        Some(path) => (without_sid(&path).unwrap_or(path), true),
        None => (path.to_owned(), false),
    }
}

/// `HKEY_USERS\SID\…` as the user's own `HKEY_CURRENT_USER\…`; `None` for others and for the system's accounts.
fn without_sid(path: &str) -> Option<String> {
    let rest = after(path, r"HKEY_USERS\")?;
    let (sid, rest) = rest.split_once('\\').map_or((rest, ""), |(sid, _)| (sid, rest.get(sid.len()..).unwrap_or_default()));
    if [".DEFAULT", "S-1-5-18"].iter().any(|s| sid.eq_ignore_ascii_case(s)) {
        return Some(format!(r"HKEY_USERS\.DEFAULT{rest}"));
    }
    let classes = sid.to_ascii_lowercase().ends_with("_classes");
    Some(format!("{}{rest}", if classes { r"HKEY_CURRENT_USER\Software\Classes" } else { "HKEY_CURRENT_USER" }))
}

/// Every name of a key.
fn spellings_of(path: &str) -> Vec<String> {
    let mut out = vec![normal(path).0];
    let add = |from: usize, make: &dyn Fn(&str) -> Option<String>, out: &mut Vec<String>| {
        for i in from..out.len() {
            if let Some(other) = out.get(i).and_then(|p| make(p))
                && !out.contains(&other)
            {
                out.push(other);
            }
        }
    };
    add(0, &current_control_set, &mut out);
    add(0, &without_wow, &mut out);
    add(0, &|p| Some(format!(r"HKEY_CURRENT_USER\{}", after(p, r"HKEY_USERS\.DEFAULT\")?)), &mut out);
    let classes = |p: &str| {
        let rest =
            after(p, r"HKEY_LOCAL_MACHINE\SOFTWARE\Classes\").or_else(|| after(p, r"HKEY_CURRENT_USER\Software\Classes\"))?;
        Some(format!(r"HKEY_CLASSES_ROOT\{rest}"))
    };
    add(0, &classes, &mut out);
    for root in [r"HKEY_LOCAL_MACHINE\SOFTWARE\Classes\", r"HKEY_CURRENT_USER\Software\Classes\"] {
        // Only an export knows a key by that root.
        if after(path, r"HKEY_CLASSES_ROOT\").is_some() {
            add(0, &|p| Some(format!("{root}{}", after(p, r"HKEY_CLASSES_ROOT\")?)), &mut out);
        }
    }
    out
}

fn after<'a>(path: &'a str, start: &str) -> Option<&'a str> {
    path.get(..start.len()).filter(|s| s.eq_ignore_ascii_case(start)).and_then(|_| path.get(start.len()..))
}

fn current_control_set(path: &str) -> Option<String> {
    let rest = after(path, r"HKEY_LOCAL_MACHINE\SYSTEM\ControlSet")?;
    let digits = rest.get(..3).filter(|d| d.bytes().all(|b| b.is_ascii_digit()))?;
    let rest = rest.get(digits.len()..).filter(|r| r.is_empty() || r.starts_with('\\'))?;
    Some(format!(r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet{rest}"))
}

fn without_wow(path: &str) -> Option<String> {
    let at = path.to_ascii_lowercase().find(r"\wow6432node")?;
    let rest = path.get(at.checked_add(r"\wow6432node".len())?..)?;
    (rest.is_empty() || rest.starts_with('\\')).then(|| format!("{}{rest}", path.get(..at).unwrap_or_default()))
}

/// What is behind the last separator.
fn last(path: &str) -> &str {
    path.rsplit('\\').next().unwrap_or_default()
}

/// The default value has no name; lists call it so.
fn default_name(name: &str) -> &str {
    if name.eq_ignore_ascii_case("(default)") || name == "@" { "" } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed(&'static str, &'static str);

    impl RegistryValue for Fixed {
        fn name(&self) -> &str {
            self.0
        }

        fn data(&self) -> Vec<String> {
            vec![self.1.to_owned()]
        }
    }

    fn term(key: Option<(TextOp, &str)>, name: Option<&str>, data: Option<(TextOp, &str)>) -> Registry {
        let text = |(op, value)| Text::new(op, value, Case::Source).unwrap();
        Registry { key: key.map(text), value_name: name.map(Text::is), data: data.map(text) }
    }

    fn holds(term: Registry, path: &str, values: &[Fixed]) -> bool {
        let mut terms = RegistryTerms::default();
        terms.add(term, 0).unwrap();
        let mut found = false;
        terms.find(path, values, |_| found = true);
        found
    }

    #[test]
    fn one_key_under_all_its_names() {
        for (listed, key) in [
            (r"HKLM\SOFTWARE\X\Y", r"HKEY_LOCAL_MACHINE\Software\x\y"),
            (r"\REGISTRY\MACHINE\SOFTWARE\X\Y\", r"HKEY_LOCAL_MACHINE\SOFTWARE\X\Y"),
            (r"HKLM:\SOFTWARE\X\Y", r"HKEY_LOCAL_MACHINE\SOFTWARE\X\Y"),
            (r"HKEY_LOCAL_MACHINE\\SOFTWARE\\X\\Y", r"HKEY_LOCAL_MACHINE\SOFTWARE\X\Y"),
            (r"Software\X\Y", r"HKEY_LOCAL_MACHINE\SOFTWARE\X\Y"),
            (r"X\Y", r"X\Y"),
            (r"HKLM\SOFTWARE\X", r"HKEY_LOCAL_MACHINE\SOFTWARE\WOW6432Node\X"),
            (r"HKLM\SYSTEM\CurrentControlSet\Services\Evil", r"HKEY_LOCAL_MACHINE\SYSTEM\ControlSet002\Services\evil"),
            (r"HKLM\SYSTEM\ControlSet001\Services\Evil", r"HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Services\evil"),
            (r"HKCR\CLSID\{1}", r"HKEY_LOCAL_MACHINE\SOFTWARE\Classes\CLSID\{1}"),
            (r"HKCR\CLSID\{1}", r"HKEY_CURRENT_USER\Software\Classes\CLSID\{1}"),
            (r"HKLM\Software\Classes\.x", r"HKEY_CLASSES_ROOT\.x"),
            (r"HKU\S-1-5-21-1-2-3-1001\Software\X", r"HKEY_CURRENT_USER\Software\X"),
            (r"HKCU\Software\X", r"HKEY_USERS\S-1-5-21-1-2-3-1001\Software\X"),
            (r"HKU\S-1-5-21-1-2-3-1001_Classes\x", r"HKEY_CURRENT_USER\Software\Classes\x"),
            (r"HKU\S-1-5-18\Software\X", r"HKEY_USERS\.DEFAULT\Software\X"),
            (r"HKCU\Software\X", r"HKEY_USERS\.DEFAULT\Software\X"),
        ] {
            assert!(holds(term(Some((TextOp::Is, listed)), None, None), key, &[]), "{listed} {key}");
        }
        for (listed, key) in [
            (r"HKLM\SOFTWARE\X", r"HKEY_CURRENT_USER\SOFTWARE\X"),
            (r"HKLM\SOFTWARE\X", r"HKEY_LOCAL_MACHINE\SOFTWARE\X\Y"),
            (r"HKLM\SOFTWARE\Wow6432Node\X", r"HKEY_LOCAL_MACHINE\SOFTWARE\X"),
            (r"oftware\X", r"HKEY_LOCAL_MACHINE\SOFTWARE\X"),
            (r"HKLM\SYSTEM\ControlSet001\S", r"HKEY_LOCAL_MACHINE\SYSTEM\ControlSet002\S"),
            (r"HKU\.DEFAULT\Software\X", r"HKEY_CURRENT_USER\Software\X"),
        ] {
            assert!(!holds(term(Some((TextOp::Is, listed)), None, None), key, &[]), "{listed} {key}");
        }
    }

    #[test]
    fn a_path_may_end_in_a_value() {
        let path = r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows\CurrentVersion\Run";
        let listed = term(Some((TextOp::Is, r"HKLM\Software\Microsoft\Windows\CurrentVersion\Run\Evil")), None, None);
        assert!(holds(listed.clone(), path, &[Fixed("other", ""), Fixed("EVIL", "")]));
        assert!(!holds(listed.clone(), path, &[Fixed("other", "")]));
        assert!(!holds(listed, r"HKEY_CURRENT_USER\SOFTWARE\Microsoft\Windows\CurrentVersion\Run", &[Fixed("Evil", "")]));
    }

    #[test]
    fn name_and_data_hold_for_one_value() {
        let path = r"HKEY_CURRENT_USER\Software\Run";
        let listed = || term(Some((TextOp::EndsWith, r"\Run")), Some("a"), Some((TextOp::Contains, "EVIL")));
        assert!(holds(listed(), path, &[Fixed("A", r"c:\evil.exe")]));
        assert!(!holds(listed(), path, &[Fixed("a", "good"), Fixed("b", "evil")]));
        assert!(!holds(listed(), r"HKEY_CURRENT_USER\Software\Other", &[Fixed("a", "evil")]));
        assert!(holds(term(None, Some("(Default)"), Some((TextOp::Is, "x"))), path, &[Fixed("", "X")]));
        assert!(holds(term(None, None, Some((TextOp::Matches, "^e.*l$"))), path, &[Fixed("q", "EVIL")]));
        assert!(holds(term(Some((TextOp::StartsWith, r"HKCU\Soft")), None, None), path, &[]));
        assert!(!holds(term(Some((TextOp::StartsWith, r"HKLM\Soft")), None, None), path, &[]));
    }

    #[test]
    fn what_says_nothing_is_refused() {
        let mut terms = RegistryTerms::default();
        assert!(terms.add(Registry::default(), 0).is_err());
        assert!(terms.add(term(Some((TextOp::Is, "HKLM")), None, None), 0).is_err());
        assert!(terms.add(term(Some((TextOp::Is, "Run")), None, None), 0).is_err());
        assert!(terms.add(term(Some((TextOp::Contains, "")), None, None), 0).is_err());
        assert!(terms.is_empty());
    }

    proptest::proptest! {
        #[test]
        fn never_panics(listed: String, key: String, name: String) {
            let mut terms = RegistryTerms::default();
            let _ = terms.add(term(Some((TextOp::Is, &listed)), None, None), 0);
            let _ = terms.add(term(Some((TextOp::Contains, &listed)), Some(&name), None), 1);
            terms.find(&key, &[Fixed("x", "y")], |_| {});
        }
    }
}

//! One archive, folder or file against the model: its reasons on all four axes, and how to speak of it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::axes::Axes;
use super::super::content::{content, is_one_of};
use super::super::names::{Disguise, is_habit, numbered, text_disguise, volume_head};
use super::super::place::{Place, Spot, benign_place, is_own_documents, normal, place, recycle_index};
use super::super::tally::{MANY, Tally};
use super::around::Seen;
use super::matching::Matches;
use super::signs;
use super::{Archive, Family, HEADERLESS, Staging, base, folder_of, tree};
use crate::model::text::thousands;
use crate::model::{Axis, Category, Encrypted, Evidence, Locator, PhiFacts, Priors, Reason};

/// What is judged, with the objects in it that hold patient data.
pub struct Subject<'a> {
    pub locator: Locator,
    /// None for a folder or a plain file.
    pub archive: Option<(&'a Archive, Option<Disguise>)>,
    pub held: Vec<(&'a Locator, &'a Arc<PhiFacts>)>,
}

/// Evidence of staging, where both axes have something and the score is worth a line.
pub fn judge(all: &Staging, subject: &Subject<'_>) -> Option<Evidence> {
    let p = Priors::get();
    let none = Tally::default();
    let tally = all.tallies.get(&subject.locator).unwrap_or(&none);

    let mut facts: Vec<_> = subject.held.iter().map(|(_, f)| Arc::clone(f)).collect();
    let mut held = content(&facts);
    let mut reasons = std::mem::take(&mut held.reasons);
    if let Some((archive, _)) = subject.archive {
        reasons.extend(unread(archive, tally));
    }
    let paths = paths(all, subject);
    let written = written(all, subject);
    let folder = match subject.archive {
        None if subject.held.iter().all(|(l, _)| l.outer() != subject.locator) => subject.locator.os_name().bytes().to_vec(),
        _ => folder_of(&subject.locator),
    };
    let seen = Seen { paths: &paths, folder, written: &written, locator: &subject.locator };
    reasons.extend(all.around.content(&seen).filter(|_| subject.archive.is_some()));
    let none_matched = Matches::default();
    let matches = all.matches.get(&subject.locator).unwrap_or(&none_matched);
    let copies = signs::copies(all, matches);
    if !copies.is_empty() {
        facts.extend(copies);
        held.facts = content(&facts).facts;
    }
    reasons.extend(signs::matched(all, matches, &held.facts));
    if !reasons.iter().any(|r| r.axis == Some(Axis::Content)) {
        return None;
    }

    let at = staged_at(all, subject, &paths);
    reasons.extend(at.map(|at| p.reason(at.spot.reason(), format!("it lies in {}", at.words))));
    match subject.archive {
        Some((archive, disguise)) => reasons.extend(archive_signs(all, subject, archive, disguise, tally)),
        None => {
            reasons.extend(hidden_text(subject));
            reasons.extend(signs::gathered_tree(all, subject));
        }
    }
    if subject.locator.depth() == 0 {
        reasons.extend(all.around.staging(&seen));
        reasons.extend(signs::owner(all, subject, at));
    }
    reasons.extend(harmless(all, subject, &paths, at));
    if all.around.is_export(&seen) {
        reasons.push(p.reason("benign.ehi_readme", "the notes of a vendor's export of health information lie with it"));
    }

    let axes = Axes::of(&reasons);
    let groups = |skip: &str| {
        let staging = reasons.iter().filter(|r| r.axis == Some(Axis::Staging) && r.group != skip);
        staging.map(|r| r.group.as_str()).collect::<BTreeSet<_>>().len()
    };
    // Where nearly all software writes, the place alone says nothing; and of content that nobody could read,
    // neither place nor name nor encryption alone.
    let only_opaque = reasons.iter().filter(|r| r.axis == Some(Axis::Content)).all(|r| r.group == "opaque");
    let medium = at.is_some_and(|at| at.spot == Spot::Medium);
    let tree = subject.archive.is_none();
    let beyond = |skip: &[&str]| reasons.iter().any(|r| r.axis == Some(Axis::Staging) && !skip.contains(&r.group.as_str()));
    // Time, tools and departments of what lies where it belongs are those of any backup or server.
    let idle = (medium && !beyond(if tree { &["location", "aggregate"] } else { &["location"] }))
        || !beyond(&["time", "tool", "archiver", "manifest"])
        || (tree && !medium && at.is_none() && !beyond(&["time", "tool", "archiver", "manifest", "aggregate", "owner"]));
    if axes.score < p.rules.report_from || groups("") == 0 || idle || (only_opaque && groups("name") < 2) {
        return None;
    }
    let techniques = techniques(subject, &reasons);
    let title = title(subject, tally, &held.facts, at, &axes);
    let phi = (!facts.is_empty()).then(|| Arc::new(held.facts));
    Some(Evidence { locator: subject.locator.clone(), category: Category::Staging, title, reasons, phi, techniques })
}

/// Content that could not be read, and what its names say.
fn unread(archive: &Archive, tally: &Tally) -> Vec<Reason> {
    let p = Priors::get();
    let mut reasons = Vec::new();
    let encrypted = archive.encrypted != Encrypted::No || tally.encrypted;
    if encrypted || !archive.opened || tally.unread > 0 {
        let why = match (encrypted, archive.format == HEADERLESS) {
            (true, _) => "it is encrypted",
            (false, true) => "nothing tells its bytes from random ones (ciphertext, or LZMA without a header)",
            (false, false) => "its format or method is not supported",
        };
        reasons.push(p.reason("content.opaque", format!("content could not be read: {why}")));
    }
    if tally.speaks_of_patients() {
        let n = tally.named.saturating_add(tally.perhaps);
        reasons.push(p.reason("content.names_phi", format!("names of unread members speak of patient data: {}", thousands(n))));
    }
    reasons
}

/// The normalised paths by which the subject's place can be told.
fn paths(all: &Staging, subject: &Subject<'_>) -> Vec<String> {
    // A folder is told by a file in it, as patterns are about files.
    let file = match (&subject.archive, subject.held.first()) {
        (None, Some((file, _))) => file.outer(),
        _ => subject.locator.outer(),
    };
    let mut paths = vec![normal(file.os_name())];
    if subject.archive.is_none() {
        // What lies deep below a place is told by the folder that stands for all of it.
        let mut top = tree::top(&folder_of(&file));
        top.extend_from_slice(b"/x");
        paths.push(normal(&top.into()));
    }
    paths.extend(all.archives.get(&file).and_then(|a| a.origin.clone()));
    paths.extend(all.origins.get(&file).cloned());
    paths
}

/// The place that speaks for staging. An archive in another one was not put there by itself.
fn staged_at(all: &Staging, subject: &Subject<'_>, paths: &[String]) -> Option<Place> {
    if subject.locator.depth() > 0 {
        return None;
    }
    let at = paths.iter().filter_map(|path| place(path)).min()?;
    let deleted = paths.iter().filter_map(|path| recycle_index(path)).any(|index| all.recycle_indexes.contains(&index));
    (at.spot != Spot::Recycle || !deleted).then_some(at)
}

fn archive_signs(
    all: &Staging,
    subject: &Subject<'_>,
    archive: &Archive,
    disguise: Option<Disguise>,
    tally: &Tally,
) -> Vec<Reason> {
    let p = Priors::get();
    let mut reasons = Vec::new();
    if archive.format == HEADERLESS {
        reasons.push(p.reason("staging.headerless", "its bytes look encrypted and carry no format's marks"));
    }
    match archive.encrypted {
        Encrypted::Headers => reasons.push(p.reason("staging.enc_hdr", "it is encrypted with hidden member names")),
        Encrypted::All | Encrypted::Some => {
            reasons.push(p.reason("staging.enc_visible", "it is encrypted with readable member names"))
        }
        Encrypted::No if tally.encrypted => reasons.push(p.reason("staging.enc_visible", "encrypted archives are in it")),
        Encrypted::No => {}
    }
    if let Some(disguise) = disguise {
        let text = match disguise {
            Disguise::Mismatch => format!("its bytes are {}, its name says another type", archive.format),
            Disguise::Generic => format!("its bytes are {}, its extension says nothing of it", archive.format),
            Disguise::SystemName => "it is named like an update or a part of the system".into(),
        };
        reasons.push(p.reason(disguise.reason(), text));
    }
    let name = String::from_utf8_lossy(subject.locator.base_name()).to_lowercase();
    if is_habit(&name) {
        reasons.push(p.reason("staging.name_habit", "the short name of an archive made by hand"));
    }
    if let Some(text) = split(all, &subject.locator, archive) {
        reasons.push(p.reason("staging.split", text));
    }
    if folders(subject) >= MANY || tally.gathered() {
        reasons.push(p.reason("staging.aggregate", "its members come from several users, servers or departments"));
    } else if tally.absolute {
        reasons.push(p.reason("staging.aggregate", "its members are stored with absolute or network paths"));
    }
    reasons
}

/// Whether it is one of several parts.
fn split(all: &Staging, locator: &Locator, archive: &Archive) -> Option<String> {
    if archive.missing_volumes {
        return Some("it is part of a set whose other volumes are missing".into());
    }
    if locator.depth() > 0 {
        return None;
    }
    let (folder, path) = (folder_of(locator), normal(locator.os_name()));
    let name = base(&path);
    let number = numbered(name);
    let head = volume_head(name).and_then(|family| all.volumes.get(&(folder.clone(), family)));
    if let Some(parts) = head.map(|f| f.len().saturating_add(1)) {
        return Some(format!("it is split into {parts} volumes"));
    }
    let number = number?;
    let map = if number.volume { &all.volumes } else { &all.series };
    let family = map.get(&(folder, number.family))?;
    if number.volume {
        return (family.len() > 1).then(|| format!("it is split into {} volumes", family.len()));
    }
    equal_parts(family).then(|| format!("it is one of {} parts, numbered and of equal size but the last", family.len()))
}

/// Numbered one after the other, of equal size, the last one smaller: cut by size, not made by date.
fn equal_parts(family: &Family) -> bool {
    let (Some((first, size)), Some((last, rest))) = (family.first_key_value(), family.last_key_value()) else { return false };
    let n = u64::try_from(family.len()).unwrap_or(u64::MAX);
    n >= 3 && *last < 1000 && last - first == n - 1 && rest < size && family.range(..*last).all(|(_, s)| s == size)
}

/// Different folders of patient data in an archive, below what all of them share.
fn folders(subject: &Subject<'_>) -> usize {
    let skip = subject.locator.steps().len();
    let paths: Vec<Vec<String>> = subject
        .held
        .iter()
        .map(|(locator, _)| {
            let below = locator.steps().get(skip..).unwrap_or_default();
            let whole: Vec<_> = below.iter().map(|s| normal(s.name())).collect();
            let mut parts: Vec<_> = whole.join("/").split('/').map(str::to_owned).collect();
            parts.pop();
            parts
        })
        .collect();
    let Some(shortest) = paths.iter().map(Vec::len).min() else { return 0 };
    let shared = (0..shortest).take_while(|i| paths.iter().all(|p| p.get(*i) == paths.first().and_then(|f| f.get(*i)))).count();
    paths.iter().filter_map(|p| p.get(shared)).collect::<BTreeSet<_>>().len()
}

/// Files of text under the extension of something else.
fn hidden_text(subject: &Subject<'_>) -> Option<Reason> {
    let types = &Priors::get().types;
    let hidden = subject.held.iter().filter(|(locator, facts)| {
        let name = String::from_utf8_lossy(locator.base_name()).to_lowercase();
        is_one_of(&facts.format, &types.text_formats) && text_disguise(&name).is_some()
    });
    let hidden: BTreeSet<_> = hidden.map(|(locator, _)| *locator).collect();
    let text = format!("files of patient data under the extension of another type: {}", hidden.len());
    (!hidden.is_empty()).then(|| Priors::get().reason("staging.ext_mismatch", text))
}

/// Harmless explanations. A name that looks like a backup explains nothing where intruders put things.
fn harmless(all: &Staging, subject: &Subject<'_>, paths: &[String], at: Option<Place>) -> Vec<Reason> {
    let p = Priors::get();
    if at.is_some_and(|at| at.spot != Spot::Medium) || subject.locator.depth() > 0 {
        return Vec::new();
    }
    let mut reasons = Vec::new();
    if let Some(words) = paths.iter().find_map(|path| benign_place(path)) {
        reasons.push(p.reason("benign.expected_place", words));
    } else if paths.iter().any(|path| is_own_documents(path)) {
        reasons.push(p.reason("benign.own_documents", "it lies among a person's own documents"));
    }
    if subject.archive.is_none() {
        return reasons;
    }
    let folder = folder_of(&subject.locator);
    if all.catalogs.contains(&folder) {
        reasons.push(p.reason("benign.backup_catalog", "a backup product's catalog lies beside it"));
    }
    let path = normal(subject.locator.os_name());
    let family = numbered(base(&path)).filter(|n| !n.volume).and_then(|n| all.series.get(&(folder, n.family)));
    if let Some(family) = family.filter(|f| is_series(f) && predates(all, f)) {
        let n = family.len();
        reasons.push(if is_rotation(family) {
            p.reason("benign.rotation", format!("one of {n} archives made at equal intervals"))
        } else {
            p.reason("benign.scheduled_series", format!("one of {n} dated archives of similar size"))
        });
    }
    reasons
}

/// A series that only began with the intrusion is no habit of the host.
fn predates(all: &Staging, family: &Family) -> bool {
    let Some(window) = all.around.window else { return true };
    let first = family.keys().find_map(|n| date(*n));
    let at = first.and_then(|d| jiff::tz::TimeZone::UTC.to_timestamp(d.at(0, 0, 0, 0)).ok()).map(|t| t.as_second());
    at.is_some_and(|at| at < window.from)
}

/// Seconds of the last writes of what is judged.
fn written(all: &Staging, subject: &Subject<'_>) -> Vec<i64> {
    let archive = subject.archive.and_then(|(archive, _)| archive.written);
    let files = subject.held.iter().filter_map(|(l, _)| all.held.get(&l.outer())?.written).filter(|_| subject.archive.is_none());
    let mut all: Vec<i64> = archive.into_iter().chain(files).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// At least three names with dates, of sizes that differ by less than half.
fn is_series(family: &Family) -> bool {
    let dated = family.keys().all(|n| date(*n).is_some());
    let (smallest, largest) = (family.values().min(), family.values().max());
    dated && family.len() >= 3 && smallest.zip(largest).is_some_and(|(s, l)| l / 2 <= *s)
}

/// At least seven, as many days apart each time.
fn is_rotation(family: &Family) -> bool {
    let days: Vec<_> = family.keys().filter_map(|n| date(*n)).collect();
    let steps: BTreeSet<_> = days.windows(2).filter_map(|w| w[0].until(w[1]).ok().map(|s| s.get_days())).collect();
    days.len() >= 7 && steps.len() == 1 && !steps.contains(&0)
}

/// The date that the digits of a name begin with, as `20261031` or `20261031235959`.
fn date(mut number: u64) -> Option<jiff::civil::Date> {
    while number > 99_999_999 {
        number /= 100;
    }
    let part = |n: u64| i8::try_from(n % 100).ok();
    let year = i16::try_from(number / 10_000).ok().filter(|y| (1990..2100).contains(y))?;
    jiff::civil::Date::new(year, part(number / 100)?, part(number)?).ok()
}

/// MITRE ATT&CK (Enterprise): local staging, archive, cut to size, masquerading, hidden files.
fn techniques(subject: &Subject<'_>, reasons: &[Reason]) -> Vec<String> {
    let mut ids = BTreeSet::from(["T1074.001"]);
    if subject.archive.is_some() {
        ids.insert("T1560.001");
    }
    for reason in reasons {
        match reason.id.as_str() {
            "staging.split" => ids.insert("T1030"),
            "staging.ext_mismatch" | "staging.ext_generic" => ids.insert("T1036.008"),
            "staging.masq_name" => ids.insert("T1036.005"),
            "staging.location_recycle" => ids.insert("T1564.001"),
            _ => false,
        };
    }
    ids.into_iter().map(str::to_owned).collect()
}

/// Words and counts; no name from the evidence.
fn title(subject: &Subject<'_>, tally: &Tally, facts: &PhiFacts, at: Option<Place>, axes: &Axes) -> String {
    let noun = match &subject.archive {
        Some((archive, disguise)) => {
            let encrypted = archive.encrypted != Encrypted::No || tally.encrypted;
            match (encrypted, disguise.is_some()) {
                _ if archive.format == HEADERLESS => "a file that looks encrypted",
                (true, true) => "an encrypted and disguised archive",
                (true, false) => "an encrypted archive",
                (false, true) => "a disguised archive",
                (false, false) => "an archive",
            }
        }
        None if subject.held.iter().any(|(l, _)| *l == &subject.locator) => "a file",
        None => "a folder",
    };
    let place = at.map(|at| format!(" in {}", at.words)).unwrap_or_default();
    let likely = axes.score >= Priors::get().staging_thresholds.warning;
    match facts.individuals.best {
        0 if likely => format!("Patient data may be staged for theft: {noun}{place}, content not readable"),
        0 => format!("Could hold patient data: {noun}{place}, content not readable"),
        n => {
            let people = if n == 1 { "1 person".into() } else { format!("{} people", thousands(n)) };
            let head = if likely { "Patient data staged for theft" } else { "Patient data that could be staged" };
            format!("{head}: {people} in {noun}{place}")
        }
    }
}

//! Signs that need the files of the host: which of them a locked archive holds, copies gathered from several folders,
//! owners that don't make archives.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use regex::{Regex, RegexSet};

use super::super::place::{Place, Spot, benign_place, normal, pattern, set};
use super::super::tally::MANY;
use super::around::is_below;
use super::judge::Subject;
use super::matching::Matches;
use super::{Staging, folder_of};
use crate::clue::patient_name;
use crate::model::text::thousands;
use crate::model::{Locator, Name, PhiFacts, Priors, Reason};

static SERVICE: LazyLock<RegexSet> = LazyLock::new(|| set(&Priors::get().types.service_owners));
/// A drive, an administrative share, or a machine by its usual sort of name.
static MACHINE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:[a-z]\$?|(?:[a-z0-9]+-)?(?:fs|file|srv|server|nas|dc|sql|db|app|ws|pc|lt|desktop|laptop|host|share|mail|ex)[a-z0-9_-]*\d\$?|\\\\.+)$",
    )
});

/// Patient data of the host's files that lie in the archive.
pub(super) fn copies(all: &Staging, matches: &Matches) -> Vec<Arc<PhiFacts>> {
    matches.files.iter().filter_map(|k| all.phi.get(&k.locator)).flatten().cloned().collect()
}

/// Says which files of the host lie in the archive, and what that makes of it.
pub(super) fn matched(all: &Staging, matches: &Matches, facts: &PhiFacts) -> Option<Reason> {
    if matches.matched == 0 {
        return None;
    }
    let (patients, other): (Vec<_>, Vec<_>) = matches.files.iter().partition(|k| all.phi.contains_key(&k.locator));
    let mut text = format!(
        "{} of {} locked members are known files by size and CRC-32 ({})",
        thousands(matches.matched),
        thousands(matches.comparable),
        matches.certainty()
    );
    if !patients.is_empty() {
        let (files, people) = (thousands(patients.len() as u64), thousands(facts.individuals.best));
        text.push_str(&format!("; {files} of these files hold patient data, of {people} people"));
    }
    let elsewhere = matches.others.iter().map(|o| o.people).max().unwrap_or(0);
    if !matches.others.is_empty() {
        let (n, people) = (thousands(matches.others.len() as u64), thousands(elsewhere));
        text.push_str(&format!("; {n} are files of other cases, the largest with {people} people"));
    }
    if all.index.left_out > 0 {
        text.push_str(&format!("; {} files of the host could not be compared", thousands(all.index.left_out)));
    }
    let objects = patients.iter().chain(&other).map(|k| k.locator.clone());
    let reason = if patients.is_empty() && elsewhere == 0 {
        Reason::new("member.match", "listing", 0, text, crate::model::priors::SOURCE)
    } else {
        Priors::get().reason("content.crc_match", text)
    };
    let detail = serde_json::json!({
        "members": matches.comparable, "matched": matches.matched, "same_name": matches.named, "several": matches.several,
        "patient_files": patients.len(), "other_cases": matches.others.iter().map(|o| &o.path).take(Reason::MAX_OBJECTS).collect::<Vec<_>>(),
    });
    Some(reason.with(detail).about(objects))
}

/// A folder of copies: from several machines, shares or departments by its own folders' names, or from several
/// folders of this host by its files' content.
pub(super) fn gathered_tree(all: &Staging, subject: &Subject<'_>) -> Option<Reason> {
    let top = subject.locator.os_name().bytes();
    let below = |locator: &Locator| {
        let outer = locator.outer();
        let rest = outer.os_name().bytes().strip_prefix(top)?;
        let rest = normal(&Name::from(rest.to_vec()));
        let rest = rest.trim_start_matches('/');
        rest.split_once('/').map(|(first, _)| first.to_owned())
    };
    let telling = |name: &String| patient_name(name) > 0 || MACHINE.is_match(name);
    let sources: BTreeSet<String> = subject.held.iter().filter_map(|(l, _)| below(l)).filter(telling).collect();
    if sources.len() >= MANY {
        let text = format!("its files come from {} machines, shares or departments", sources.len());
        return Some(Priors::get().reason("staging.aggregate", text));
    }
    let mut origins = BTreeSet::new();
    for known in subject.held.iter().filter_map(|(l, _)| all.held.get(&l.outer())) {
        let twins = all.index.of(known.size, known.crc).map(|k| k.locator);
        origins.extend(twins.map(|l| folder_of(&l)).filter(|folder| folder != top && !is_below(folder, top)));
    }
    let text = format!("its files are copies from {} folders of this host", origins.len());
    (origins.len() >= MANY).then(|| Priors::get().reason("staging.aggregate", text))
}

/// An account of a service, where that service has nothing to write.
pub(super) fn owner(all: &Staging, subject: &Subject<'_>, at: Option<Place>) -> Option<Reason> {
    let archive = subject.archive.and_then(|(archive, _)| archive.owner.clone());
    let file = || subject.held.first().and_then(|(l, _)| all.held.get(&l.outer())).and_then(|k| k.owner.clone());
    let owner = archive.or_else(file)?.to_lowercase();
    let own = at.is_some_and(|at| at.spot == Spot::Webroot) || benign_place(&normal(subject.locator.os_name())).is_some();
    let odd = SERVICE.is_match(&owner) && !own;
    odd.then(|| Priors::get().reason("staging.owner", "it belongs to the account of a service"))
}

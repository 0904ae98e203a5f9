//! Rights of the process: limits, no new privileges, capabilities (capabilities(7)).

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, capabilities as held, set_capabilities};

use super::{Degree, Measure};

/// Descriptors: a few for each worker, and up to 128 folders on the way.
const DESCRIPTORS: u64 = 4096;

/// No core file, no realtime priority, no message queues, a bound on descriptors.
pub fn limits() -> Measure {
    let wanted = [(Resource::Core, 0), (Resource::Rtprio, 0), (Resource::Msgqueue, 0), (Resource::Nofile, DESCRIPTORS)];
    let refused = wanted.iter().filter(|(resource, most)| lower(*resource, *most).is_err()).count();
    let degree = if refused == 0 { Degree::Full } else { Degree::Partial };
    Measure::new("limits", degree, format!("core files 0, realtime priority 0, message queues 0, descriptors {DESCRIPTORS}"))
}

fn lower(resource: Resource, most: u64) -> rustix::io::Result<()> {
    let now = getrlimit(resource);
    let least = |now: Option<u64>| Some(now.map_or(most, |now| now.min(most)));
    setrlimit(resource, Rlimit { current: least(now.current), maximum: least(now.maximum) })
}

/// Nothing that is started from here gains rights (PR_SET_NO_NEW_PRIVS).
pub fn no_new() -> Measure {
    match rustix::thread::set_no_new_privs(true) {
        Ok(()) => Measure::new("no_new_privileges", Degree::Full, ""),
        Err(e) => Measure::new("no_new_privileges", Degree::None, e.to_string()),
    }
}

/// Only what reading needs is kept: CAP_DAC_READ_SEARCH, and CAP_FOWNER where access times are kept by `O_NOATIME`.
pub fn capabilities(owner: bool) -> Measure {
    const NAME: &str = "capabilities";
    let now = match held(None) {
        Ok(now) => now,
        Err(e) => return Measure::new(NAME, Degree::None, e.to_string()),
    };
    // The bounding set goes first: later the right to lower it is gone.
    for one in CapabilitySet::all().iter() {
        let _ = rustix::thread::remove_capability_from_bounding_set(one);
    }
    let mut keep = CapabilitySet::DAC_READ_SEARCH;
    keep.set(CapabilitySet::FOWNER, owner);
    let left = now.permitted & keep;
    let sets = CapabilitySets { effective: left, permitted: left, inheritable: CapabilitySet::empty() };
    match set_capabilities(None, sets) {
        Ok(()) => Measure::new(NAME, Degree::Full, names(left)),
        Err(e) => Measure::new(NAME, Degree::None, e.to_string()),
    }
}

fn names(set: CapabilitySet) -> String {
    let names: Vec<&str> = [(CapabilitySet::DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH"), (CapabilitySet::FOWNER, "CAP_FOWNER")]
        .iter()
        .filter(|(one, _)| set.contains(*one))
        .map(|(_, name)| *name)
        .collect();
    if names.is_empty() { "none kept".to_owned() } else { format!("kept {}", names.join(", ")) }
}

//! Everything that is tested from outside the library, in one binary.

mod analyzers;
mod annex;
mod benign;
mod binary;
#[cfg(unix)]
mod confine;
mod container;
mod contents;
#[cfg(unix)]
mod deaths;
#[cfg(unix)]
mod delivery;
#[cfg(unix)]
mod deploy;
mod diff;
mod differential;
mod engine_faults;
#[cfg(unix)]
mod exports;
#[cfg(unix)]
mod failing_disk;
#[cfg(unix)]
mod fleet;
mod fuzz_seeds;
mod gate;
mod identifiers;
mod ioc;
mod ioc_goldens;
mod known_good;
mod leaks;
mod mail;
mod manual;
mod matching;
mod mentions;
mod misp;
mod office;
mod openioc;
mod ordinary;
mod pack;
mod phi;
mod programs;
mod recheck;
mod registry;
mod report;
mod resume;
mod rules;
#[cfg(unix)]
mod runs;
mod samples;
mod scenarios;
mod sqlite;
mod staging;
mod stix;
mod support;
#[cfg(unix)]
mod sweep;
#[cfg(unix)]
mod unchanged;
mod verify;
mod volumes;
#[cfg(unix)]
mod walk;
#[cfg(windows)]
mod windows;
mod yara;

#[cfg(unix)]
#[path = "../hostile/mod.rs"]
mod hostile;
#[path = "../layers.rs"]
mod layers;
#[path = "../registries.rs"]
mod registries;

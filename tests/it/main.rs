//! Everything that is tested from outside the library, in one binary.

mod analyzers;
mod annex;
mod benign;
mod binary;
mod confine;
mod container;
mod contents;
mod deaths;
mod delivery;
mod deploy;
mod diff;
mod differential;
mod exports;
mod failing_disk;
mod fleet;
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
mod runs;
mod samples;
mod scenarios;
mod sqlite;
mod staging;
mod stix;
mod support;
mod sweep;
mod unchanged;
mod verify;
mod volumes;
mod walk;
mod yara;

#[path = "../hostile/mod.rs"]
mod hostile;
#[path = "../layers.rs"]
mod layers;
#[path = "../registries.rs"]
mod registries;

//! Everything that is tested from outside the library, in one binary.

mod analyzers;
mod binary;
mod container;
mod contents;
mod ioc;
mod mentions;
mod phi;
mod registry;
mod report;
mod runs;
mod samples;
mod staging;
mod support;
mod walk;
mod yara;

#[path = "../layers.rs"]
mod layers;
#[path = "../registries.rs"]
mod registries;

//! Executables: facts from PE, ELF and Mach-O headers, and first heuristics on them and on file names.
//!
//! Everything here takes bytes or names and gives facts or reasons; nothing is opened, run or printed.

mod apple;
mod elf;
mod facts;
mod heuristic;
mod imphash;
mod name;
mod pe;

pub use facts::{Facts, Format, Inspected, Overlay, Section, Version, inspect};
pub use heuristic::{Subject, reasons};
pub use name::name_reasons;

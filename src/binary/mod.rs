//! Executables and scripts: facts from PE, ELF and Mach-O headers, and heuristics on them and on file names.
//!
//! Everything here takes bytes or names and gives facts or reasons; nothing is opened, run or printed.

mod codesign;
mod detail;
mod elf;
mod facts;
mod go;
mod heuristic;
mod macho;
mod name;
mod pe;
mod renamed;
mod rust;
mod script;
mod tools;

pub use codesign::CodeSignature;
pub use detail::detail;
pub use elf::ElfFacts;
pub use facts::{Facts, Format, Inspected, Listed, Overlay, Section, Version, inspect};
pub use go::Go;
pub use heuristic::{Judgement, Subject, judge};
pub use macho::MachoFacts;
pub use name::name_reasons;
pub use pe::{Pdb, Pe, Rich, Signature, SignatureState, Signer};
pub use rust::Rust;
pub use script::{Script, script};
pub use tools::{Class, Identify, Tool, Tools, ToolsError};

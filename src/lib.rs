//! wardround: a compromise-assessment scanner for clinics and hospitals.
//!
//! Data flows one way and layers import only downwards (a test reads the `use crate::` edges):
//! `model sys` ← `sqlite mail confine` ← `hashset` ← `source reader container ioc signature binary clue phi registry` ← `analyze correlate` ←
//! `score report` ← `engine` ← `plan` ← `cli`. See `ARCHITECTURE.md`.
#![deny(unsafe_code)]

pub mod analyze;
pub mod binary;
pub mod cli;
pub mod clue;
pub mod confine;
pub mod container;
pub mod correlate;
pub mod engine;
pub mod hashset;
pub mod ioc;
pub mod mail;
pub mod model;
pub mod phi;
pub mod plan;
pub mod reader;
pub mod registry;
pub mod report;
pub mod score;
pub mod signature;
pub mod source;
pub mod sqlite;
pub mod sys;

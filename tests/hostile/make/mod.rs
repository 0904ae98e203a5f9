//! Archives written by hand, so that each field can lie.

pub mod packed;
pub mod quine;
pub mod tar;
pub mod zip;

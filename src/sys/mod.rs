//! What the system can do and no crate offers without `unsafe`: one small module per platform.

#[cfg(target_os = "linux")]
pub mod linux;

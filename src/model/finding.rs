//! Evidence after it was weighed.

use std::sync::Arc;

use super::{Category, Level, Locator, PhiFacts, Reason};

/// One statement of the report: an object, what speaks against it, and how much.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Hash of what was found and where; the same on every run and machine.
    pub id: String,
    pub level: Level,
    /// 0 to 100, from this finding's reasons alone.
    pub score: u8,
    /// 0 to 100, from all findings on the same object; it decides the level of the strongest of them.
    pub object_score: u8,
    pub category: Category,
    pub title: String,
    pub locator: Locator,
    pub reasons: Vec<Reason>,
    pub phi: Option<Arc<PhiFacts>>,
    pub techniques: Vec<String>,
}

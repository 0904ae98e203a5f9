//! The rules inside the program.

use crate::model::assets;

/// Name and source of each file of the pack, in the order of their names.
pub(super) fn pack() -> impl Iterator<Item = (&'static str, &'static str)> {
    assets::below("signatures/yara")
}

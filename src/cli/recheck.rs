//! `wardround recheck`: tomorrow's indicators against yesterday's inventory.

use std::path::PathBuf;

use clap::Args;

use super::exit::Exit;

#[derive(Args, Debug)]
pub struct RecheckArgs {
    /// Case folder of the earlier scan; only read
    #[arg(value_name = "CASE")]
    pub old: PathBuf,
}

pub fn run(_args: &RecheckArgs) -> Exit {
    Exit::Usage
}

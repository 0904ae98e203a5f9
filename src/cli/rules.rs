//! `wardround rules`: what became of rule files.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::exit::Exit;

#[derive(Args, Debug)]
pub struct RulesArgs {
    #[command(subcommand)]
    pub command: RulesCommand,
}

#[derive(Subcommand, Debug)]
pub enum RulesCommand {
    /// Say for each file which rules load, which are left out and why
    Check(CheckArgs),
}

#[derive(Args, Debug)]
pub struct CheckArgs {
    /// Rule files, folders or zip packs; none means the embedded pack
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

pub fn run(args: RulesArgs) -> Exit {
    match args.command {
        RulesCommand::Check(_) => Exit::Usage,
    }
}

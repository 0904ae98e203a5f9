//! `wardround ioc`: what became of indicator files, and huge lists made small.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::exit::Exit;

#[derive(Args, Debug)]
pub struct IocArgs {
    #[command(subcommand)]
    pub command: IocCommand,
}

#[derive(Subcommand, Debug)]
pub enum IocCommand {
    /// Say for each file what loads, what is rejected and why, what can never match here
    Check(CheckArgs),
    /// Make one sorted file of huge hash lists (NSRL, vendor sets) that scans search without loading it
    Compile(super::compile::CompileArgs),
}

#[derive(Args, Debug)]
pub struct CheckArgs {
    /// Indicator files or folders
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
}

pub fn run(args: IocArgs) -> Exit {
    match args.command {
        IocCommand::Check(_) => Exit::Usage,
        IocCommand::Compile(args) => super::compile::run(&args),
    }
}

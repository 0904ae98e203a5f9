//! `wardround ioc compile`: huge hash lists become one sorted file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::{Args, ValueEnum};

use super::exit::Exit;
use crate::hashset::{Compiled, Compiler, Digest, HashSetError, Kind, MAGIC, Settings, Verdict, read};
use crate::ioc::{HashValue, trivial};
use crate::model::text::{escape, thousands};

const AFTER: &str = "\
INPUTS, told apart by what is in them
  one hash a line, also as sha256sum writes it · CSV or TSV with a column of hashes · NSRLFile.txt (RDS 2) ·
  any of these in gzip or zip · NSRL RDS 3 and other SQLite databases with columns md5, sha1 or sha256 ·
  files that this command made

EXAMPLES
  wardround ioc compile --out nsrl.whs RDS_2026.03.1_modern_minimal.db
  wardround ioc compile --out vendor.whs --known-bad --name \"Vendor feed\" --score 90 feed-*.txt.gz
  wardround scan --known-good nsrl.whs --ioc vendor.whs /mnt/evidence

EXIT CODES
  0 written · 64 an input can't be used · 73 the output cannot be written · 130 interrupted";

#[derive(Args, Debug)]
#[command(after_help = AFTER)]
pub struct CompileArgs {
    /// Lists, databases or compiled files
    #[arg(value_name = "INPUT", required = true)]
    pub inputs: Vec<PathBuf>,
    /// File to write; takes the place of an older compiled file at once, when it is complete
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Published software, for scan --known-good [default]
    #[arg(long, conflicts_with = "known_bad")]
    pub known_good: bool,
    /// An intruder's material, for scan --ioc
    #[arg(long)]
    pub known_bad: bool,
    /// What findings and reports call the set
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub name: String,
    /// Weight of a match with a known-bad set
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(i32).range(1..=100))]
    pub score: i32,
    /// Keep these kinds of hashes [default: the strongest of each line; for known-good no MD5, since two files of one
    /// MD5 can be made at will]
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub kind: Vec<KindArg>,
    /// Memory for sorting, in MiB; what exceeds it goes to unnamed files in the folder of the output
    #[arg(long, value_name = "MIB", default_value_t = 128, value_parser = clap::value_parser!(u32).range(1..=65536))]
    pub memory: u32,
    /// No summary
    #[arg(long, short)]
    pub quiet: bool,
}

/// A kind of hash, as the command line names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KindArg {
    Md5,
    Sha1,
    Sha256,
}

impl From<KindArg> for Kind {
    fn from(kind: KindArg) -> Self {
        match kind {
            KindArg::Md5 => Kind::Md5,
            KindArg::Sha1 => Kind::Sha1,
            KindArg::Sha256 => Kind::Sha256,
        }
    }
}

/// Compiles from arguments to an exit code.
pub fn run(args: &CompileArgs) -> Exit {
    let stop = Arc::new(AtomicBool::new(false));
    let seen = stop.clone();
    // Where it can't be caught, Ctrl-C ends the process; files without a name go with it.
    let _ = ctrlc::set_handler(move || {
        if seen.swap(true, Ordering::Relaxed) {
            std::process::exit(Exit::Killed as i32);
        }
    });
    match compile(args, &stop) {
        Ok(compiled) => {
            if !args.quiet {
                tell(args, &compiled);
            }
            Exit::Clean
        }
        Err(e) => {
            eprintln!("wardround: {e}");
            match e {
                HashSetError::Output { .. } => Exit::CaseFolder,
                HashSetError::Interrupted => Exit::Killed,
                _ => Exit::Usage,
            }
        }
    }
}

fn compile(args: &CompileArgs, stop: &AtomicBool) -> Result<Compiled, HashSetError> {
    check_out(args)?;
    let folder = args.out.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let verdict = if args.known_bad { Verdict::KnownBad } else { Verdict::KnownGood };
    let settings = Settings {
        name: escape(args.name.as_bytes()),
        verdict,
        score: args.score,
        kinds: (!args.kind.is_empty()).then(|| args.kind.iter().copied().map(Kind::from).collect()),
        memory: (args.memory as usize) << 20,
        spill: Some(folder.to_owned()),
        refuse: if args.known_bad { accuses_nobody } else { |_| false },
    };
    let mut compiler = Compiler::new(settings, stop);
    for input in &args.inputs {
        let reading = read(input, &mut compiler)?;
        for (place, why) in reading.examples.iter().filter(|_| !args.quiet) {
            eprintln!("wardround: {}:{place}: rejected: {why}", reading.source.name);
        }
    }
    if compiler.is_empty() {
        let path = args.inputs.iter().map(|p| shown(p)).collect::<Vec<_>>().join(", ");
        return Err(HashSetError::Unusable { path, why: verdict.nothing_left().to_owned() });
    }
    compiler.write(&args.out)
}

/// The output is no input, and takes the place of nothing but a compiled file.
fn check_out(args: &CompileArgs) -> Result<(), HashSetError> {
    let refuse = |why: &str| Err(HashSetError::Unusable { path: shown(&args.out), why: why.to_owned() });
    let Ok(real) = args.out.canonicalize() else { return Ok(()) };
    if args.inputs.iter().any(|i| i.canonicalize().is_ok_and(|i| i == real)) {
        return refuse("is both output and input: name another with --out");
    }
    let head = std::fs::File::open(&args.out).and_then(|file| {
        let mut head = Vec::new();
        std::io::Read::read_to_end(&mut std::io::Read::take(file, MAGIC.len() as u64), &mut head)?;
        Ok(head)
    });
    match head {
        Ok(head) if head == MAGIC => Ok(()),
        _ => refuse("exists and is no compiled set: name another with --out"),
    }
}

/// Empty files and the like, which lists of bad files hold again and again.
fn accuses_nobody(digest: &Digest) -> bool {
    let value = match digest {
        Digest::Md5(d) => HashValue::Md5(*d),
        Digest::Sha1(d) => HashValue::Sha1(*d),
        Digest::Sha256(d) => HashValue::Sha256(*d),
    };
    trivial(&value).is_some()
}

fn tell(args: &CompileArgs, compiled: &Compiled) {
    let info = &compiled.info;
    let mut text = String::new();
    for s in &info.sources {
        text.push_str(&format!("{}: {}, {} rows", s.name, s.format, thousands(s.rows)));
        for (n, word) in [(s.rejected, "rejected"), (s.left_out, "left out")] {
            if n > 0 {
                text.push_str(&format!(", {} {word}", thousands(n)));
            }
        }
        text.push('\n');
    }
    let kinds = info.sections.iter().filter(|s| s.count > 0).map(|s| format!("{} {}", thousands(s.count), s.kind.words()));
    let kinds = kinds.collect::<Vec<_>>().join(", ");
    let size = thousands(compiled.size);
    text.push_str(&format!("{}: {}, {kinds}; {size} bytes; seal {}\n", shown(&args.out), info.verdict.words(), info.seal));
    // A closed pipe is the reader's choice; the file is complete.
    let _ = std::io::Write::write_all(&mut std::io::stdout().lock(), text.as_bytes());
}

fn shown(path: &Path) -> String {
    escape(path.as_os_str().as_encoded_bytes())
}

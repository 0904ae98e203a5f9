//! Where a command's document goes: standard output, or a file that is there whole or not at all.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::model::text::escape;

/// Why a document could not be placed. The sentence names the way out.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    #[error("{0} lies in the case folder, whose manifest lists every file in it: name a place elsewhere with --out")]
    InsideCase(String),
    #[error("{0} is no ordinary file: name another with --out")]
    NotAFile(String),
    #[error("cannot write {path}: {source}; name another file with --out")]
    NotWritable { path: String, source: io::Error },
    #[error("cannot write to standard output: {0}")]
    Stdout(io::Error),
}

/// A document on its way.
pub enum Output {
    Stdout(BufWriter<io::Stdout>),
    File { file: BufWriter<tempfile::NamedTempFile>, path: PathBuf },
}

fn shown(path: &Path) -> String {
    escape(path.as_os_str().as_encoded_bytes())
}

impl Output {
    /// Standard output, or the file `path`, which replaces an ordinary file of that name once it is whole and is
    /// private to its owner. `cases` are folders in which it must not lie.
    pub fn open(path: Option<&Path>, cases: &[&Path]) -> Result<Self, OutputError> {
        let Some(path) = path else { return Ok(Self::Stdout(BufWriter::new(io::stdout()))) };
        let fail = |source| OutputError::NotWritable { path: shown(path), source };
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let real = parent.canonicalize().map_err(fail)?;
        for case in cases.iter().filter_map(|c| c.canonicalize().ok()) {
            if real.starts_with(case) {
                return Err(OutputError::InsideCase(shown(path)));
            }
        }
        if fs::symlink_metadata(path).is_ok_and(|meta| !meta.is_file()) {
            return Err(OutputError::NotAFile(shown(path)));
        }
        // tempfile gives mode 0600 on Unix.
        let file = tempfile::Builder::new().prefix(".wardround-").tempfile_in(&real).map_err(fail)?;
        Ok(Self::File { file: BufWriter::new(file), path: path.to_owned() })
    }

    /// Says where it failed.
    pub fn failed(&self, source: io::Error) -> OutputError {
        match self {
            Self::Stdout(_) => OutputError::Stdout(source),
            Self::File { path, .. } => OutputError::NotWritable { path: shown(path), source },
        }
    }

    /// Makes what was written final.
    pub fn finish(self) -> Result<(), OutputError> {
        match self {
            Self::Stdout(mut out) => out.flush().map_err(OutputError::Stdout),
            Self::File { file, path } => {
                let fail = |source| OutputError::NotWritable { path: shown(&path), source };
                let file = file.into_inner().map_err(|e| fail(e.into_error()))?;
                file.as_file().sync_all().map_err(fail)?;
                file.persist(&path).map(drop).map_err(|e| fail(e.error))
            }
        }
    }
}

impl OutputError {
    /// The reader of standard output went away, which is its choice.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Stdout(e) if e.kind() == io::ErrorKind::BrokenPipe)
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(out) => out.write(bytes),
            Self::File { file, .. } => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(out) => out.flush(),
            Self::File { file, .. } => file.flush(),
        }
    }
}

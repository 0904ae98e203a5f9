//! Where a command's document goes: standard output, or a file that is there whole or not at all.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::model::text::escape;
use crate::report::private_dir;

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

/// A folder that this command made: private, and each file in it whole or absent.
pub struct Folder {
    path: PathBuf,
    /// It was there before, and empty.
    was_there: bool,
}

/// Why there is no such folder.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("{0} already holds files: name another with --out, or move this one away")]
    Exists(String),
    #[error("{0} is a link or no folder: name a folder of its own with --out")]
    NotAFolder(String),
    #[error("{0} lies in a case folder, whose manifest lists every file in it: name a place elsewhere with --out")]
    InsideCase(String),
    #[error("cannot write to {path}: {source}; name a folder with --out that this account may write to")]
    NotWritable { path: String, source: io::Error },
}

impl FolderError {
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::InsideCase(_))
    }
}

impl Folder {
    /// Makes the folder, or takes an empty one. It must not lie in any of `cases`.
    pub fn create(path: &Path, cases: &[&Path]) -> Result<Self, FolderError> {
        let fail = |source| FolderError::NotWritable { path: shown(path), source };
        let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // The nearest folder above that is there decides where it will lie.
        let above = parent.ancestors().map(|p| if p.as_os_str().is_empty() { Path::new(".") } else { p });
        if let Some(real) = above.filter_map(|p| p.canonicalize().ok()).next()
            && cases.iter().any(|case| real.starts_with(case))
        {
            return Err(FolderError::InsideCase(shown(path)));
        }
        let was_there = match fs::symlink_metadata(path) {
            Ok(meta) if !meta.is_dir() => return Err(FolderError::NotAFolder(shown(path))),
            Ok(_) if fs::read_dir(path).map_err(fail)?.next().is_some() => return Err(FolderError::Exists(shown(path))),
            Ok(_) => true,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                fs::create_dir_all(parent).map_err(fail)?;
                private_dir(path).map_err(fail)?;
                false
            }
            Err(e) => return Err(fail(e)),
        };
        #[cfg(unix)]
        if was_there {
            use std::os::unix::fs::PermissionsExt;
            // Someone else's empty folder can't be narrowed; the files in it are private all the same.
            let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o700));
        }
        Ok(Self { path: path.to_owned(), was_there })
    }

    /// Writes a file whole.
    pub fn write(&self, name: &str, fill: &dyn Fn(&mut dyn Write) -> io::Result<()>) -> Result<(), FolderError> {
        let path = self.path.join(name);
        let write = || -> io::Result<()> {
            let mut file = BufWriter::new(tempfile::Builder::new().prefix(".wardround-").tempfile_in(&self.path)?);
            fill(&mut file)?;
            let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.as_file().sync_all()?;
            file.persist_noclobber(&path).map(drop).map_err(|e| e.error)
        };
        write().map_err(|source| FolderError::NotWritable { path: shown(&path), source })
    }

    /// Takes the empty folder away again, where it was made here.
    pub fn abandon(self) {
        if !self.was_there {
            let _ = fs::remove_dir(&self.path);
        }
    }
}

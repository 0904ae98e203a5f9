//! From rows of digests to a compiled file, with bounded memory.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use sha2::{Digest as _, Sha256};

use super::HashSetError;
use super::digest::{Digest, Kind, Row};
use super::format::{Info, PAGE, Section, Source, Trailer, Verdict, bits_for, header};
use super::set::prefix;
use super::sort::Sorter;
use crate::model::text;

/// What a set is to be.
#[derive(Clone, Debug)]
pub struct Settings {
    pub name: String,
    pub verdict: Verdict,
    /// 1 to 100.
    pub score: i32,
    /// The kinds to be kept. `None`: of each row its strongest digest alone, as SHA-256 is always known of an
    /// object; and of known-good rows none that have an MD5 only, as anybody can make two files of one MD5.
    pub kinds: Option<Vec<Kind>>,
    /// Bytes of digests in memory.
    pub memory: usize,
    /// Folder for what exceeds `memory`; `None` where it is not to be exceeded.
    pub spill: Option<PathBuf>,
    /// Digests that are never taken.
    pub refuse: fn(&Digest) -> bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: String::new(),
            verdict: Verdict::KnownGood,
            score: 100,
            kinds: None,
            memory: 128 << 20,
            spill: None,
            refuse: |_| false,
        }
    }
}

/// A compiled file, as it was written.
#[derive(Clone, Debug)]
pub struct Compiled {
    pub info: Info,
    /// Bytes of the file.
    pub size: u64,
}

/// Gathers rows; [`Compiler::write`] makes the file.
pub struct Compiler<'s> {
    settings: Settings,
    stop: &'s AtomicBool,
    md5: Sorter<16>,
    sha1: Sorter<20>,
    sha256: Sorter<32>,
    sources: Vec<Source>,
    /// Rows of the current source of which nothing was taken.
    left_out: u64,
}

impl<'s> Compiler<'s> {
    /// `stop` ends the work early, without a file.
    pub fn new(settings: Settings, stop: &'s AtomicBool) -> Self {
        let (md5, sha1, sha256) = (Sorter::new(), Sorter::new(), Sorter::new());
        Self { settings, stop, md5, sha1, sha256, sources: Vec::new(), left_out: 0 }
    }

    /// Takes a row of the current source.
    ///
    /// # Errors
    /// [`HashSetError::Output`] where what exceeds the memory can't be written, [`HashSetError::Interrupted`].
    pub fn row(&mut self, row: &Row) -> Result<(), HashSetError> {
        let mut taken = false;
        let own = [row.sha256.map(Digest::Sha256), row.sha1.map(Digest::Sha1), row.md5.map(Digest::Md5)];
        for digest in own.into_iter().flatten() {
            let wanted = match &self.settings.kinds {
                Some(kinds) => kinds.contains(&digest.kind()),
                None => !taken && (digest.kind() != Kind::Md5 || self.settings.verdict == Verdict::KnownBad),
            };
            if wanted && !(self.settings.refuse)(&digest) {
                taken = true;
                match digest {
                    Digest::Md5(d) => self.md5.push(d),
                    Digest::Sha1(d) => self.sha1.push(d),
                    Digest::Sha256(d) => self.sha256.push(d),
                }
            } else if wanted && self.settings.kinds.is_none() {
                // A weaker digest of the same refused content would be refused too.
                break;
            }
        }
        self.left_out = self.left_out.saturating_add(u64::from(!taken));
        let sizes = [self.md5.bytes(), self.sha1.bytes(), self.sha256.bytes()];
        if sizes.iter().sum::<usize>() >= self.settings.memory {
            self.spill(sizes)?;
        }
        Ok(())
    }

    /// The largest part goes to disk.
    fn spill(&mut self, sizes: [usize; 3]) -> Result<(), HashSetError> {
        self.check()?;
        let Some(folder) = self.settings.spill.clone() else {
            let path = self.settings.name.clone();
            return Err(HashSetError::Unusable { path, why: "is too large to be held in memory: compile it first".into() });
        };
        let most = sizes.into_iter().max().unwrap_or(0);
        let spilled = match sizes {
            [md5, _, _] if md5 == most => self.md5.spill(&folder),
            [_, sha1, _] if sha1 == most => self.sha1.spill(&folder),
            _ => self.sha256.spill(&folder),
        };
        spilled.map_err(|source| HashSetError::Output { path: text::escape(folder.as_os_str().as_encoded_bytes()), source })
    }

    /// Whether to go on.
    pub(super) fn check(&self) -> Result<(), HashSetError> {
        if self.stop.load(Ordering::Relaxed) { Err(HashSetError::Interrupted) } else { Ok(()) }
    }

    /// Ends a source: what is known of the file that the rows since the last one came from.
    pub fn source(&mut self, source: Source) {
        let left_out = std::mem::take(&mut self.left_out);
        self.sources.push(Source { left_out, ..source });
    }

    /// Whether nothing was taken so far.
    pub fn is_empty(&self) -> bool {
        self.md5.at_most() + self.sha1.at_most() + self.sha256.at_most() == 0
    }

    /// The sources so far.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// Writes the file: under another name first, then it takes its place at once. An interrupted or failed
    /// run leaves nothing behind and an older file as it was.
    ///
    /// # Errors
    /// [`HashSetError::Output`], [`HashSetError::Interrupted`].
    pub fn write(self, path: &Path) -> Result<Compiled, HashSetError> {
        let shown = text::escape(path.as_os_str().as_encoded_bytes());
        let stop = self.stop;
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::Interrupted if stop.load(Ordering::Relaxed) => HashSetError::Interrupted,
            _ => HashSetError::Output { path: shown.clone(), source },
        };
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(std::fs::Permissions::from_mode(0o644));
        }
        let file = builder.prefix(".wardround-compile-").tempfile_in(folder).map_err(failed)?;
        let mut out = BufWriter::with_capacity(1 << 20, file);
        let compiled = self.write_to(&mut out).map_err(failed)?;
        let file = out.into_inner().map_err(|e| failed(e.into_error()))?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(path).map_err(|e| failed(e.error))?;
        Ok(compiled)
    }

    /// The file in memory, for small lists.
    ///
    /// # Errors
    /// [`HashSetError::Interrupted`]
    pub fn into_bytes(self) -> Result<Vec<u8>, HashSetError> {
        let mut out = Vec::new();
        self.write_to(&mut out).map_err(|_| HashSetError::Interrupted)?;
        Ok(out)
    }

    fn write_to(self, out: &mut dyn Write) -> io::Result<Compiled> {
        let mut out = Hashed { out, hasher: Sha256::new(), written: 0 };
        out.put(&header())?;
        let stop = self.stop;
        let md5 = section(self.md5, Kind::Md5, &mut out, stop)?;
        let sha1 = section(self.sha1, Kind::Sha1, &mut out, stop)?;
        let sha256 = section(self.sha256, Kind::Sha256, &mut out, stop)?;
        let sections = [md5, sha1, sha256];
        let indexes = sections.iter().flat_map(|(_, index)| index).flat_map(|n| n.to_le_bytes()).collect::<Vec<u8>>();
        let Settings { name, verdict, score, .. } = self.settings;
        let sections = sections.map(|(section, _)| section);
        let mut info =
            Info { name, verdict, score, sections, sources: self.sources, seal: String::new(), content: String::new() };
        let directory = serde_json::to_vec(&info)?;
        let trailer = Trailer::new(out.hasher.finalize().into(), &indexes, &directory, out.written);
        let mut size = out.written;
        for part in [indexes, directory, trailer.bytes()] {
            out.out.write_all(&part)?;
            size += part.len() as u64;
        }
        out.out.flush()?;
        (info.seal, info.content) = (text::hex(&trailer.seal), text::hex(&trailer.content));
        Ok(Compiled { info, size })
    }
}

/// Header and digests are hashed while they are written.
struct Hashed<'o> {
    out: &'o mut dyn Write,
    hasher: Sha256,
    written: u64,
}

impl Hashed<'_> {
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.written += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

/// Writes the digests of one kind and makes their index.
fn section<const N: usize>(
    sorter: Sorter<N>,
    kind: Kind,
    out: &mut Hashed<'_>,
    stop: &AtomicBool,
) -> io::Result<(Section, Vec<u64>)> {
    // How many there are is known at the end: the index is made for the most and then made coarser.
    let fine = bits_for(sorter.at_most());
    let mut index = vec![0u64; (1 << fine) + 1];
    let mut count = 0u64;
    let mut block: Vec<u8> = Vec::with_capacity(N * 4096);
    sorter.finish(|digest| {
        block.extend_from_slice(digest);
        if block.len() == block.capacity() {
            out.put(&block)?;
            block.clear();
            if stop.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::Interrupted.into());
            }
        }
        count += 1;
        if let Some(n) = index.get_mut(prefix(digest, fine) + 1) {
            *n += 1;
        }
        Ok(())
    })?;
    out.put(&block)?;
    let padding = out.written.next_multiple_of(PAGE) - out.written;
    out.put(&vec![0; padding as usize])?;
    let mut before = 0;
    for n in &mut index {
        before += *n;
        *n = before;
    }
    let bits = bits_for(count);
    let index = index.into_iter().step_by(1 << (fine - bits)).collect();
    Ok((Section { kind, count, bits }, index))
}

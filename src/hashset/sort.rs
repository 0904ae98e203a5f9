//! Sorting more digests than fit into memory: sorted runs in files without a name, then one merge.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use rayon::slice::ParallelSliceMut;

/// Runs of one kind that are open at once; more are merged into one first.
const MAX_RUNS: usize = 64;
/// Buffer of a run that is read.
const READ: usize = 1 << 20;
/// Most bytes by which memory grows at once.
const GROWTH: usize = 16 << 20;

/// Digests of one kind on their way to be sorted.
pub struct Sorter<const N: usize> {
    chunk: Vec<[u8; N]>,
    runs: Vec<Run>,
}

/// A sorted run. The file has no name: it is gone when the program ends, however it ends.
struct Run {
    file: File,
    digests: u64,
}

impl<const N: usize> Sorter<N> {
    pub fn new() -> Self {
        Self { chunk: Vec::new(), runs: Vec::new() }
    }

    pub fn push(&mut self, digest: [u8; N]) {
        if self.chunk.len() == self.chunk.capacity() {
            // Doubling would take twice the bound for a moment.
            self.chunk.reserve_exact(self.chunk.len().clamp(1024, GROWTH / N));
        }
        self.chunk.push(digest);
    }

    /// Bytes in memory.
    pub fn bytes(&self) -> usize {
        self.chunk.len() * N
    }

    /// The digests so far, those listed twice counted twice.
    pub fn at_most(&self) -> u64 {
        self.runs.iter().map(|r| r.digests).fold(self.chunk.len() as u64, u64::saturating_add)
    }

    fn sort(&mut self) {
        self.chunk.par_sort_unstable_by(compare);
        self.chunk.dedup();
    }

    /// Moves what is in memory to a file in `folder`.
    pub fn spill(&mut self, folder: &Path) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        if self.runs.len() >= MAX_RUNS {
            let mut out = BufWriter::with_capacity(READ, tempfile::tempfile_in(folder)?);
            let mut digests = 0;
            merge(std::mem::take(&mut self.runs), &[], |d: &[u8; N]| {
                digests += 1;
                out.write_all(d)
            })?;
            let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
            self.runs.push(Run { file, digests });
        }
        self.sort();
        let mut file = tempfile::tempfile_in(folder)?;
        file.write_all(self.chunk.as_flattened())?;
        self.runs.push(Run { file, digests: self.chunk.len() as u64 });
        self.chunk.clear();
        Ok(())
    }

    /// Hands over every digest once, in ascending order.
    pub fn finish(mut self, each: impl FnMut(&[u8; N]) -> io::Result<()>) -> io::Result<()> {
        self.sort();
        merge(std::mem::take(&mut self.runs), &self.chunk, each)
    }
}

/// As bytes compare; the first eight at once decide nearly always.
fn compare<const N: usize>(a: &[u8; N], b: &[u8; N]) -> Ordering {
    let first = |d: &[u8; N]| d.first_chunk::<8>().map_or(0, |c| u64::from_be_bytes(*c));
    first(a).cmp(&first(b)).then_with(|| a.cmp(b))
}

/// The smallest digest that a run has left.
struct Next<const N: usize> {
    digest: [u8; N],
    from: usize,
}

impl<const N: usize> PartialEq for Next<N> {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest
    }
}

impl<const N: usize> Eq for Next<N> {}

impl<const N: usize> PartialOrd for Next<N> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<const N: usize> Ord for Next<N> {
    /// The smallest is on top.
    fn cmp(&self, other: &Self) -> Ordering {
        compare(&other.digest, &self.digest)
    }
}

fn merge<const N: usize>(runs: Vec<Run>, last: &[[u8; N]], mut each: impl FnMut(&[u8; N]) -> io::Result<()>) -> io::Result<()> {
    if runs.is_empty() {
        return last.iter().try_for_each(each);
    }
    let mut sources: Vec<Box<dyn Read + '_>> = vec![Box::new(last.as_flattened())];
    for mut run in runs {
        run.file.seek(SeekFrom::Start(0))?;
        sources.push(Box::new(BufReader::with_capacity(READ, run.file)));
    }
    let mut heap = BinaryHeap::new();
    for (from, source) in sources.iter_mut().enumerate() {
        heap.extend(next(source)?.map(|digest| Next { digest, from }));
    }
    let mut previous: Option<[u8; N]> = None;
    while let Some(mut top) = heap.peek_mut() {
        if previous.as_ref() != Some(&top.digest) {
            each(&top.digest)?;
            previous = Some(top.digest);
        }
        match sources.get_mut(top.from).map_or(Ok(None), next)? {
            Some(digest) => top.digest = digest,
            None => {
                PeekMut::pop(top);
            }
        }
    }
    Ok(())
}

/// The next digest of a run; `None` at its end.
fn next<const N: usize>(source: &mut Box<dyn Read + '_>) -> io::Result<Option<[u8; N]>> {
    let mut digest = [0; N];
    match source.read_exact(&mut digest) {
        Ok(()) => Ok(Some(digest)),
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(e) => Err(e),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    proptest::proptest! {
        #[test]
        fn runs_and_memory_give_a_sorted_set(numbers: Vec<u16>, every in 1usize..20) {
            let dir = tempfile::tempdir().unwrap();
            let mut sorter = Sorter::<20>::new();
            let digest = |n: u16| { let mut d = [7; 20]; d[6..8].copy_from_slice(&n.to_be_bytes()); d };
            for (i, n) in numbers.iter().enumerate() {
                sorter.push(digest(*n));
                if i % every == every - 1 {
                    sorter.spill(dir.path()).unwrap();
                }
            }
            let mut got = Vec::new();
            sorter.finish(|d| { got.push(*d); Ok(()) }).unwrap();
            let want: Vec<[u8; 20]> = numbers.iter().copied().collect::<BTreeSet<_>>().into_iter().map(digest).collect();
            assert_eq!(got, want);
            assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "runs have no names");
        }
    }
}

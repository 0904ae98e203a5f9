//! Other cases whose files may lie in this host's locked archives.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::PlanError;
use crate::correlate::staging::{OtherFile, Others};
use crate::model::{Category, Input, text};
use crate::report::OldCase;

/// Reads the inventories of other cases: files of the file system with their size, CRC-32 and counted people.
///
/// # Errors
/// Where one is no case folder, or not as its scan left it.
pub fn load(cases: &[PathBuf]) -> Result<(Others, Vec<Input>), PlanError> {
    let usage = |e: &dyn std::fmt::Display| PlanError::Usage(format!("--match-against: {e}"));
    let (mut files, mut inputs) = (Vec::new(), Vec::new());
    for (number, root) in cases.iter().enumerate() {
        let old = OldCase::open(root).map_err(|e| usage(&e))?;
        let mut people: BTreeMap<&str, u64> = BTreeMap::new();
        for finding in old.report.findings.iter().filter(|f| f.category == Category::PhiAtRest) {
            // What lies in an archive counts for the archive.
            let outer = finding.path.split('!').next().unwrap_or_default();
            let best = finding.phi.as_ref().map_or(0, |p| p.individuals.best);
            let held = people.entry(outer).or_default();
            *held = (*held).max(best);
        }
        let before = files.len();
        old.rows(&mut |row| {
            let crc = row.crc32.as_deref().and_then(|c| u32::from_str_radix(c, 16).ok());
            if let (Some(crc), 1.., [_]) = (crc, row.size, row.locator.as_slice()) {
                let people = people.get(row.path.as_str()).copied().unwrap_or(0);
                files.push((row.size, crc, OtherFile { case: number, path: row.path, people }));
            }
        })
        .map_err(|e| usage(&e))?;
        inputs.push(Input {
            name: text::escape(root.as_os_str().as_encoded_bytes()),
            sha256: Some(old.report_sha256.clone()),
            kind: Some("case".to_owned()),
            loaded: files.len().saturating_sub(before) as u64,
            ..Input::default()
        });
    }
    Ok((Others::new(files), inputs))
}

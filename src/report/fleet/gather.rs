//! One case read and reduced, and the sums over all of them.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use jiff::Timestamp;

use super::mix::Mix;
use super::people::{FleetPeople, Joined};
use super::stack::{Seen, Stack, of};
use super::{Expected, FLEET_SCHEMA, Fleet, FleetError, HostRow, LIMITATIONS, LevelCounts, Totals, Unusable, shown};
use crate::model::{Census, Level};
use crate::report::{Levels, REGISTERS, RegistersFile, RereadError, findings_sha256, read_report};

/// Largest file of registers that is read: eight times 16 KiB in base64, and room.
const MAX_REGISTERS: u64 = 4 << 20;

/// What is kept of one case.
pub struct OneCase {
    row: HostRow,
    /// The run whose inventory was matched, where it is a recheck.
    parent: Option<String>,
    started: Timestamp,
    finished: Timestamp,
    values: Vec<Seen>,
    census: Result<Option<(String, Census)>, String>,
    mix: Mix,
}

/// Why a case is in no count.
#[derive(Debug, thiserror::Error)]
pub enum CaseTrouble {
    #[error(transparent)]
    Case(#[from] RereadError),
    #[error("its findings were changed after the scan: their SHA-256 is not the one in the report")]
    Changed,
    #[error("its report has no time of its run")]
    NoTime,
}

impl OneCase {
    pub fn read(folder: &Path) -> Result<Self, CaseTrouble> {
        let (report, _) = read_report(folder)?;
        if findings_sha256(&report.findings) != report.integrity.findings_sha256 {
            return Err(CaseTrouble::Changed);
        }
        let time = |text: &str| text.parse::<Timestamp>().map_err(|_| CaseTrouble::NoTime);
        let (started, finished) = (time(&report.run.started)?, time(&report.run.finished)?);
        let census = registers(folder);
        let levels = Levels::of(&report.findings);
        let (values, mix) = (of(&report.findings), Mix::of(&report));
        let parent = report.parent.map(|p| p.run_id);
        let row = HostRow {
            host: report.host.name,
            machine_id_sha256: report.host.machine_id_sha256,
            os: report.host.os,
            cases: 1,
            folder: shown(folder),
            run_id: report.run.id,
            finished: report.run.finished,
            interrupted: report.run.interrupted,
            findings: LevelCounts { alert: levels.alert, warning: levels.warning, notice: levels.notice, info: levels.info },
            coverage: report.coverage,
            individuals: report.phi.individuals,
            registers: matches!(census, Ok(Some(_))),
            tool_version: report.tool.version,
        };
        Ok(Self { row, parent, started, finished, values, census, mix })
    }
}

fn registers(folder: &Path) -> Result<Option<(String, Census)>, String> {
    let bad = |why: String| format!("{REGISTERS} can't be used: {}", crate::model::text::escape(why.as_bytes()));
    let file = match File::open(folder.join(REGISTERS)) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(bad(e.to_string())),
    };
    let mut bytes = Vec::new();
    file.take(MAX_REGISTERS).read_to_end(&mut bytes).map_err(|e| bad(e.to_string()))?;
    let file: RegistersFile = serde_json::from_slice(&bytes).map_err(|e| bad(e.to_string()))?;
    let census = file.census().ok_or_else(|| bad("it holds no registers of this version".into()))?;
    Ok(Some((file.key_id, census)))
}

/// A host is known by its name and, where there is one, its machine's id: images of one machine share the id.
type HostKey = (String, Option<String>);

/// One host by the case that speaks for it.
struct OneHost {
    row: HostRow,
    recheck: bool,
    finished: Timestamp,
    cases: u64,
    /// Runs that were rechecked later, and what that found.
    rechecks: Vec<(String, LevelCounts)>,
}

impl OneHost {
    /// The newest scan speaks for the host, a recheck only where there is no scan: it saw no content. Of two at one time it
    /// is the one whose folder comes last, so that the order of work doesn't matter.
    fn add(&mut self, row: HostRow, recheck: bool, finished: Timestamp) {
        let rank = |recheck: bool, finished, folder: &str| (!recheck, finished, folder.to_owned());
        if rank(recheck, finished, &row.folder) > rank(self.recheck, self.finished, &self.row.folder) {
            (self.row, self.recheck, self.finished) = (row, recheck, finished);
        }
    }

    fn finish(mut self) -> HostRow {
        self.row.cases = self.cases;
        // What rechecks of this very scan found is the host's, too. The same findings can be in both, so the higher counts.
        for (_, n) in self.rechecks.iter().filter(|(run, _)| *run == self.row.run_id) {
            let own = &mut self.row.findings;
            own.alert = own.alert.max(n.alert);
            own.warning = own.warning.max(n.warning);
            own.notice = own.notice.max(n.notice);
            own.info = own.info.max(n.info);
        }
        self.row
    }
}

/// The sums.
#[derive(Default)]
pub struct Gather {
    pub cases: u64,
    pub unusable: Vec<Unusable>,
    damaged: Vec<Unusable>,
    /// Numbers of hosts, in the order in which they came.
    numbers: HashMap<HostKey, u32>,
    hosts: Vec<OneHost>,
    stack: Stack,
    people: Joined,
    mix: Mix,
}

impl Gather {
    pub fn add(&mut self, one: OneCase) {
        self.cases += 1;
        let OneCase { row, parent, started, finished, values, census, mix } = one;
        let key = (row.host.to_lowercase(), row.machine_id_sha256.clone());
        match census {
            Ok(Some((key_id, census))) => self.people.add(key_id, &census, row.individuals.best, &row.folder),
            Ok(None) => {}
            Err(why) => self.damaged.push(Unusable { folder: row.folder.clone(), why }),
        }
        self.mix.add(mix);
        let next = u32::try_from(self.hosts.len()).unwrap_or(u32::MAX);
        let id = *self.numbers.entry(key).or_insert(next);
        self.stack.add(values, id, &row.host, started);
        let recheck = parent.is_some();
        let rechecked = parent.map(|run| (run, row.findings));
        match self.hosts.get_mut(id as usize) {
            None => self.hosts.push(OneHost { row, recheck, finished, cases: 1, rechecks: rechecked.into_iter().collect() }),
            Some(host) => {
                host.cases += 1;
                host.rechecks.extend(rechecked);
                host.add(row, recheck, finished);
            }
        }
    }

    pub fn finish(mut self, expected: Option<&Expected>, tool_version: &str) -> Result<Fleet, FleetError> {
        let names: Vec<String> = self.hosts.iter().map(|h| h.row.host.clone()).collect();
        let (stack, stack_values, spread) = self.stack.rows(&names);
        let mut hosts: Vec<HostRow> = self.hosts.into_iter().map(OneHost::finish).collect();
        hosts.sort_by(|a, b| {
            let key = |h: &HostRow| (std::cmp::Reverse(h.findings), !h.is_incomplete());
            (key(a), &a.host, &a.folder).cmp(&(key(b), &b.host, &b.folder))
        });
        let (never_reported, unexpected) = match expected {
            Some(expected) => expected.compare(hosts.iter().map(|h| h.host.as_str())),
            None => Default::default(),
        };
        self.unusable.sort();
        self.damaged.sort();
        let with = |h: &&HostRow| h.registers;
        let sum = |n: &mut dyn Iterator<Item = &HostRow>| n.map(|h| h.individuals.best).fold(0, u64::saturating_add);
        let sum_with_registers = sum(&mut hosts.iter().filter(with));
        let joined = self.people.finish()?;
        let without: Vec<&HostRow> = hosts.iter().filter(|h| !h.registers && h.individuals.high > 0).collect();
        let people = FleetPeople {
            distinct: joined.as_ref().map(|(_, people)| *people),
            key_id: joined.map(|(key, _)| key),
            hosts_with_registers: hosts.iter().filter(with).count() as u64,
            sum_with_registers,
            sum_without_registers: sum(&mut without.iter().copied()),
            without_registers: without.iter().map(|h| h.host.clone()).collect(),
            damaged_registers: self.damaged,
        };
        let at = |level: Option<Level>| hosts.iter().filter(|h| h.findings.highest() == level).count() as u64;
        let totals = Totals {
            cases: self.cases,
            hosts: hosts.len() as u64,
            alert: at(Some(Level::Alert)),
            warning: at(Some(Level::Warning)),
            notice: at(Some(Level::Notice)),
            none: at(None),
            incomplete: hosts.iter().filter(|h| h.is_incomplete()).count() as u64,
            never_reported: never_reported.len() as u64,
            unusable: self.unusable.len() as u64,
            stack_values,
            spread,
        };
        Ok(Fleet {
            schema: FLEET_SCHEMA.to_owned(),
            tool_version: tool_version.to_owned(),
            totals,
            stack,
            hosts,
            never_reported,
            unexpected,
            unusable: self.unusable,
            people,
            mix: self.mix,
            limitations: LIMITATIONS.map(str::to_owned).into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Parent, Report, sample};

    fn case(dir: &Path, name: &str, change: impl FnOnce(&mut Report)) -> OneCase {
        let mut report = sample::report();
        change(&mut report);
        report.seal(&crate::report::Masker::OFF).unwrap();
        let folder = dir.join(name);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("report.json"), serde_json::to_vec(&report).unwrap()).unwrap();
        OneCase::read(&folder).unwrap()
    }

    #[test]
    fn the_newest_scan_speaks_for_a_host_and_its_rechecks_add_to_it() {
        let all = |order: &[usize]| {
            let dir = tempfile::tempdir().unwrap();
            let mut cases: Vec<Option<OneCase>> = vec![
                Some(case(dir.path(), "old", |r| r.run.finished = "2026-11-01T00:00:00Z".into())),
                Some(case(dir.path(), "new", |r| {
                    r.run.id = "r-2".into();
                    r.findings.clear();
                })),
                Some(case(dir.path(), "recheck", |r| {
                    r.run.id = "r-3".into();
                    r.run.finished = "2026-11-30T00:00:00Z".into();
                    r.parent = Some(Parent { run_id: "r-2".into(), ..Parent::default() });
                    r.findings.truncate(1);
                })),
            ];
            let mut gather = Gather::default();
            order.iter().for_each(|n| gather.add(cases[*n].take().unwrap()));
            gather.finish(None, "0").unwrap()
        };
        let fleet = all(&[0, 1, 2]);
        assert_eq!(fleet.hosts.len(), 1);
        let host = &fleet.hosts[0];
        assert_eq!((host.run_id.as_str(), host.cases), ("r-2", 3));
        assert_eq!(host.findings.alert + host.findings.warning, 1, "the recheck's finding, not those of the old scan");
        assert!(fleet.stack.iter().any(|s| s.findings == 2), "the stack is of all cases");
        let other = all(&[2, 1, 0]);
        assert_eq!((other.hosts[0].run_id.as_str(), other.hosts[0].findings), ("r-2", host.findings));
    }

    #[test]
    fn a_changed_finding_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        case(dir.path(), "c", |_| ());
        let path = dir.path().join("c/report.json");
        let text = std::fs::read_to_string(&path).unwrap().replacen("x12-837", "x12-835", 1);
        std::fs::write(path, text).unwrap();
        assert!(matches!(OneCase::read(&dir.path().join("c")), Err(CaseTrouble::Changed)));
    }
}

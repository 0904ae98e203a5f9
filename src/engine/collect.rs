//! The collector: one thread that writes the journal, keeps the ledger, feeds the correlators and at the end
//! turns all of it into the parts of the report.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rayon::prelude::*;
use serde_json::json;

use super::inflight::{InFlight, read as read_in_flight};
use super::journal::{Journal, JournalReader, Span};
use super::recovery::Resumed;
use super::state::{Frame, StateLog, has_row, key_of, waits};
use super::{Batch, Counters, Record, Workers};
use crate::correlate::{Correlator, distinct::merge};
use crate::model::{Category, Disposition, Evidence, Finding, Gap, GapReason, Locator, Object, PhiFacts, Stage};
use crate::phi::PeopleIndex;
use crate::report::{
    ANNEX, Annex, CaseError, CaseFolder, Coverage, CoverageVerdict, FindingRow, GAP_ROWS, GapRow, GapTable, IN_FLIGHT,
    InventoryRow, JOURNAL, Masker, PhiTotals, REGISTERS, Recipient, RegistersFile, STATE, Shown, four_factor, has_small_cells,
    sort_findings,
};
use crate::score;

/// Why the collector could not go on.
#[derive(Debug, thiserror::Error)]
pub enum CollectError {
    #[error("no worker threads could be started: {0}")]
    Threads(String),
    #[error(transparent)]
    Case(#[from] CaseError),
    #[error("the journal could not be written: {0}")]
    Journal(#[from] io::Error),
    #[error(
        "this case was begun with {0}, and what is half done can't be finished with another: resume with what it was begun \
         with, or scan again into a new case folder"
    )]
    OtherPlan(&'static str),
}

/// What a run has come to: the parts of the report that only the evidence decides.
pub struct Collected {
    pub findings: Vec<FindingRow>,
    pub coverage: Coverage,
    pub gaps: Vec<GapRow>,
    pub phi: PhiTotals,
    pub journal_head: String,
    pub inventory_sha256: String,
    /// The case folder, for the report.
    pub folder: CaseFolder,
    /// With everything that was learnt about names.
    pub masker: Masker,
    /// Files that were drawn to be read again although nothing about them had changed.
    pub reread: u64,
    /// Why not everything found is in the journal and inventory.
    pub failed: Option<CollectError>,
    /// What resuming needs, to be closed when the case is sealed.
    pub state: Option<StateLog>,
    /// Who the end of the run was shared among.
    pub workers: Workers,
}

/// Receives batches in any order; what it makes of them doesn't depend on the order.
pub struct Collector {
    folder: CaseFolder,
    journal: Journal,
    masker: Masker,
    /// Sort key and place of every inventory row.
    index: Vec<(Vec<u8>, Span)>,
    coverage: Coverage,
    gaps: GapTable,
    incomplete: bool,
    opaque_bytes: u64,
    /// Files passed over as unchanged, and their bytes.
    unchanged: (u64, u64),
    reread: u64,
    evidence: Vec<Evidence>,
    /// Objects that findings may be about.
    objects: BTreeMap<Locator, Object>,
    /// Further names of hard-linked files.
    names: BTreeMap<Locator, Vec<Locator>>,
    /// Their names may name people of contents that come later.
    waiting: Vec<Object>,
    annex: Option<Annex>,
    /// Identifies the case key whose registers are kept.
    shared_key: Option<String>,
    failed: Option<CollectError>,
    state: Option<StateLog>,
}

/// The object that a batch is about; none where it is about the run.
fn outermost(batch: &Batch) -> Option<&Locator> {
    batch.iter().find_map(|r| match r {
        Record::Object(o) if o.hard_link_to.is_none() && o.locator.depth() == 0 => Some(&o.locator),
        _ => None,
    })
}

/// Whether a batch was cut short, so that its object has to be taken again when the scan goes on.
fn cut_short(batch: &Batch) -> bool {
    batch.iter().any(|r| matches!(r, Record::Gap(gap) if gap.reason.passing()))
}

/// Says why a record was cut short, where nobody asked for the scan to end.
fn ended(record: &mut Record, why: GapReason) {
    let reason = match record {
        Record::Gap(gap) => &mut gap.reason,
        Record::Object(object) => match &mut object.reason {
            Some(reason) => reason,
            None => return,
        },
        _ => return,
    };
    if *reason == GapReason::Interrupted {
        *reason = why;
    }
}

/// Whether a batch says of a file only that it is unchanged.
fn passed_over(batch: &Batch) -> bool {
    batch.iter().all(|r| matches!(r, Record::Object(object) if object.proved_by.is_some()))
}

impl Collector {
    /// Starts the journal in a new case folder; the run can't be continued.
    pub fn new(folder: CaseFolder, masker: Masker) -> Result<Self, CollectError> {
        let journal = Journal::new(folder.create_file(JOURNAL)?);
        Ok(Self::with_journal(folder, masker, journal))
    }

    /// Goes on where an earlier process of the scan was, which died of `death` where that is known. The plan is the
    /// options' digest and the program's name.
    ///
    /// # Errors
    /// When the case folder can't be read or written, and when the scan was begun with another plan.
    pub fn resume(
        folder: CaseFolder,
        masker: Masker,
        plan: (&str, &str),
        death: Option<&str>,
        annex: Option<&Recipient>,
        correlators: &mut [Box<dyn Correlator>],
        counters: &Counters,
    ) -> Result<(Self, Resumed), CollectError> {
        let (journal, torn) = Journal::continued(folder.open_file(JOURNAL)?)?;
        let reached = journal.position();
        folder.forget(ANNEX);
        let mut collector = Self::with_journal(folder, masker, journal).with_annex(annex)?;
        let mut log = collector.folder.open_file(STATE)?;
        let mut resumed =
            Resumed::read(&mut log, reached, &mut |batch, spans| collector.again(batch, spans, correlators, counters))?;
        let mut state = StateLog::new(log);
        match &resumed.plan {
            None => state.append(&Frame::Plan { options_sha256: plan.0.to_owned(), tool: plan.1.to_owned() })?,
            Some(was) if was.1 != plan.1 => return Err(CollectError::OtherPlan("another wardround program")),
            Some(was) if was.0 != plan.0 => return Err(CollectError::OtherPlan("other rules, indicators or options")),
            Some(_) => {}
        }
        if let Some(how) = death {
            let table = read_in_flight(&mut collector.folder.read_file(IN_FLIGHT)?)?;
            let death = resumed.died(how, table.into_iter().filter_map(|(_, slot)| slot));
            state.append(&Frame::Death(death))?;
        }
        if !torn.is_empty() {
            collector.folder.set_aside(&torn)?;
        }
        if resumed.plan.is_some() {
            let counts = json!({
                "objects": resumed.recovery.done.len(), "died": death, "torn_bytes": torn.len(),
                "note": "of lines about one object the last counts",
            });
            collector.write("resumed", &counts);
        }
        state.sync()?;
        collector.state = Some(state);
        Ok((collector, resumed))
    }

    /// The table of what is in flight, empty.
    ///
    /// # Errors
    /// When the case folder can't take it.
    pub fn in_flight(&self, workers: usize) -> Result<InFlight, CollectError> {
        Ok(InFlight::new(self.folder.open_file(IN_FLIGHT)?, workers)?)
    }

    fn with_journal(folder: CaseFolder, masker: Masker, journal: Journal) -> Self {
        Self {
            folder,
            journal,
            masker,
            index: Vec::new(),
            coverage: Coverage::default(),
            gaps: GapTable::new(GAP_ROWS),
            incomplete: false,
            opaque_bytes: 0,
            unchanged: (0, 0),
            reread: 0,
            evidence: Vec::new(),
            objects: BTreeMap::new(),
            names: BTreeMap::new(),
            waiting: Vec::new(),
            annex: None,
            shared_key: None,
            failed: None,
            state: None,
        }
    }

    /// Keeps what is masked in a sealed annex.
    ///
    /// # Errors
    /// When the case folder can't take it.
    pub fn with_annex(mut self, recipient: Option<&Recipient>) -> Result<Self, CollectError> {
        self.annex = recipient.map(|r| Annex::create(&self.folder, r)).transpose()?;
        Ok(self)
    }

    /// Keeps registers of the people under the key with this id.
    pub fn with_registers(mut self, key_id: Option<String>) -> Self {
        self.shared_key = key_id;
        self
    }

    /// Takes everything about one outermost object. A journal that can't be written stops the run; what
    /// comes after that is still counted.
    pub fn take(&mut self, mut batch: Batch, correlators: &mut [Box<dyn Correlator>], counters: &Counters) -> bool {
        if let Some(why) = counters.ended_for() {
            batch.iter_mut().for_each(|record| ended(record, why));
        }
        self.learn(&batch);
        let spans: Vec<Option<Span>> = batch.iter().map(|r| self.line(r)).collect();
        self.keep(&batch, &spans);
        let rows: Vec<Option<Span>> = batch.iter().zip(spans).filter(|(r, _)| has_row(r)).map(|(_, s)| s).collect();
        self.fold(batch, &rows, correlators, counters);
        let ticked = self.journal.tick().and_then(|synced| match &mut self.state {
            // Behind the journal, which it refers to.
            Some(state) if synced => state.sync(),
            _ => Ok(()),
        });
        if self.failed.is_none()
            && let Err(e) = ticked
        {
            self.fail(e.into());
        }
        self.failed.is_none()
    }

    /// Takes what an earlier process has taken and written.
    fn again(&mut self, batch: Batch, spans: Vec<Span>, correlators: &mut [Box<dyn Correlator>], counters: &Counters) {
        self.learn(&batch);
        let rows: Vec<Option<Span>> = spans.into_iter().map(Some).collect();
        self.fold(batch, &rows, correlators, counters);
    }

    /// Names that objects are known to hold people by, before the first row that shows one.
    fn learn(&mut self, batch: &Batch) {
        for record in batch {
            if let Record::Mark(mark) = record {
                self.masker.mark(mark.clone());
            }
        }
    }

    /// The journal's line of a record.
    fn line(&mut self, record: &Record) -> Option<Span> {
        match record {
            Record::Object(object) if waits(object) => None,
            Record::Object(object) => self.write("object", &InventoryRow::new(object, &self.masker)),
            Record::Evidence(evidence) => {
                let row = json!({
                    "category": evidence.category, "title": evidence.title,
                    "path": Shown::new(&evidence.locator, &self.masker).path, "reasons": evidence.reasons,
                });
                self.write("evidence", &row)
            }
            Record::Sighting(sighting) => {
                let path = Shown::new(&sighting.locator, &self.masker).path;
                self.write("sighting", &json!({ "path": path, "pattern": sighting.pattern, "part": sighting.part }))
            }
            Record::Clue(clue) => {
                let path = Shown::new(&clue.locator, &self.masker).path;
                self.write("clue", &json!({ "path": path, "kind": clue.kind.id() }))
            }
            Record::Gap(gap) => self.write("gap", &GapRow::new(gap, &self.masker)),
            Record::Mark(_) => None,
        }
    }

    /// Notes a batch in the private log, unless its object has to be taken again. What was passed over as unchanged is
    /// found again faster than it is noted.
    fn keep(&mut self, batch: &Batch, spans: &[Option<Span>]) {
        if self.failed.is_some() || cut_short(batch) || passed_over(batch) {
            return;
        }
        let (Some(state), Some(outermost)) = (&mut self.state, outermost(batch)) else { return };
        let rows: Vec<Span> = batch.iter().zip(spans).filter(|(r, _)| has_row(r)).filter_map(|(_, s)| *s).collect();
        if let Err(e) = state.batch(key_of(outermost), batch, &rows, self.journal.position()) {
            self.fail(e.into());
        }
    }

    /// Adds a batch to what the report will be made of.
    fn fold(&mut self, batch: Batch, rows: &[Option<Span>], correlators: &mut [Box<dyn Correlator>], counters: &Counters) {
        let about: BTreeSet<Locator> =
            batch.iter().filter_map(|r| if let Record::Evidence(e) = r { Some(e.locator.clone()) } else { None }).collect();
        if batch.iter().any(|r| matches!(r, Record::Evidence(e) if e.category != Category::PhiAtRest)) {
            counters.findings.fetch_add(1, Ordering::Relaxed);
        }
        let mut rows = rows.iter();
        for record in batch {
            match record {
                Record::Object(object) => {
                    let span = if waits(&object) { None } else { rows.next().copied().flatten() };
                    self.object(*object, span, &about, correlators);
                }
                Record::Evidence(evidence) => {
                    correlators.iter_mut().for_each(|c| c.evidence(&evidence));
                    self.evidence.push(evidence);
                }
                Record::Sighting(sighting) => correlators.iter_mut().for_each(|c| c.sighting(&sighting)),
                Record::Mark(_) => {}
                Record::Clue(clue) => correlators.iter_mut().for_each(|c| c.clue(&clue)),
                Record::Gap(gap) => self.gap(gap),
            }
        }
    }

    /// A line of the journal about the run itself.
    pub fn note(&mut self, kind: &str, data: &impl serde::Serialize) {
        self.write(kind, data);
    }

    /// Further names of a hard-linked file whose rows come in batches of their own.
    pub fn also_named(&mut self, first: &Locator, names: &[Locator]) {
        self.names.entry(first.clone()).or_default().extend_from_slice(names);
    }

    /// `span` is where its row lies in the journal, unless it waits or the journal is lost.
    fn object(&mut self, object: Object, span: Option<Span>, about: &BTreeSet<Locator>, correlators: &mut [Box<dyn Correlator>]) {
        let c = &mut self.coverage;
        c.discovered += 1;
        *match object.disposition {
            Disposition::Examined => &mut c.examined,
            Disposition::Partial => &mut c.partial,
            Disposition::Skipped => &mut c.skipped,
            Disposition::Failed => &mut c.failed,
        } += 1;
        if object.kind.is_stored() && object.hard_link_to.is_none() {
            c.bytes_discovered = c.bytes_discovered.saturating_add(object.meta.size);
            c.bytes_examined = c.bytes_examined.saturating_add(object.read.min(object.meta.size));
        }
        if object.proved_by.is_some() {
            let bytes = if object.kind.is_stored() && object.hard_link_to.is_none() { object.meta.size } else { 0 };
            self.unchanged = (self.unchanged.0 + 1, self.unchanged.1.saturating_add(bytes));
        }
        self.reread += u64::from(object.reread && object.hard_link_to.is_none());
        if object.known_good {
            c.known_good += 1;
            let bytes = if object.hard_link_to.is_none() { object.read } else { 0 };
            c.bytes_known_good = c.bytes_known_good.saturating_add(bytes);
        }
        if waits(&object) {
            self.waiting.push(object.clone());
        } else {
            self.row(&object, span);
        }
        correlators.iter_mut().for_each(|k| k.object(&object));
        if let Some(first) = &object.hard_link_to {
            if about.contains(first) {
                self.names.entry(first.clone()).or_default().push(object.locator.clone());
            }
        } else if object.container.as_ref().is_some_and(|c| !c.is_document()) || about.contains(&object.locator) {
            self.objects.insert(object.locator.clone(), object);
        }
    }

    /// Keeps the place of an object's row.
    fn row(&mut self, object: &Object, span: Option<Span>) {
        if let Some(annex) = &mut self.annex
            && let Err(e) = annex.row(&Shown::new(&object.locator, &self.masker), &object.locator)
        {
            self.annex = None;
            self.fail(e.into());
        }
        if let Some(span) = span {
            self.index.push((object.locator.sort_key(), span));
        }
    }

    fn gap(&mut self, gap: Gap) {
        self.incomplete |= gap.reason.incomplete();
        if matches!(
            gap.reason,
            GapReason::Encrypted | GapReason::UnsupportedContainer | GapReason::UnsupportedMethod | GapReason::PhiFormat
        ) {
            self.opaque_bytes = self.opaque_bytes.saturating_add(gap.bytes.unwrap_or(0));
        }
        self.gaps.push(gap);
    }

    /// Appends to the journal, unless that has failed before.
    fn write(&mut self, kind: &str, data: &impl serde::Serialize) -> Option<Span> {
        if self.failed.is_some() {
            return None;
        }
        match self.journal.append(kind, data) {
            Ok(span) => Some(span),
            Err(e) => {
                self.fail(e.into());
                None
            }
        }
    }

    /// The journal is lost from here on; the reserve makes room for the report.
    fn fail(&mut self, err: CollectError) {
        self.folder.release_reserve();
        // The room that made is also for the lines that were still waiting to be written.
        let _ = self.journal.sync();
        let root = Locator::os(self.folder.path());
        self.gap(Gap::new(&root, Stage::Run, GapReason::DiskFull, "what followed is not in the inventory"));
        self.failed = Some(err);
    }

    /// Joins, weighs and counts; writes the inventory.
    pub fn finish(mut self, correlators: &mut [Box<dyn Correlator>]) -> Collected {
        for object in std::mem::take(&mut self.waiting) {
            let span = self.write("object", &InventoryRow::new(&object, &self.masker));
            self.row(&object, span);
        }
        let synced = self.journal.sync().and_then(|()| self.state.as_mut().map_or(Ok(()), StateLog::sync));
        if self.failed.is_none()
            && let Err(e) = synced
        {
            self.fail(e.into());
        }
        self.evidence.sort_by(|a, b| a.locator.cmp(&b.locator));
        let held: Vec<Arc<PhiFacts>> =
            self.evidence.iter().filter(|e| e.category == Category::PhiAtRest).filter_map(|e| e.phi.clone()).collect();
        let mut formats: BTreeMap<String, u64> = BTreeMap::new();
        for facts in &held {
            *formats.entry(facts.format.clone()).or_default() += 1;
        }
        if let Err(e) = self.keep_registers(&held) {
            self.fail(e.into());
        }
        let mut evidence = std::mem::take(&mut self.evidence);
        let (total, more) =
            rayon::join(|| merge(&held), || correlators.iter_mut().flat_map(|c| c.finish()).collect::<Vec<Evidence>>());
        evidence.extend(more);
        correlators.iter().flat_map(|c| c.gaps()).for_each(|gap| self.gap(gap));
        self.gaps.many(Stage::Open, GapReason::Unchanged, self.unchanged.0, self.unchanged.1);
        if let Some(annex) = self.annex.take()
            && let Err(e) = annex.finish()
        {
            self.fail(e.into());
        }
        self.index.sort_unstable();
        let inventory_sha256 = match self.inventory() {
            Ok(digest) => digest,
            Err(e) => {
                if self.failed.is_none() {
                    self.fail(e);
                }
                String::new()
            }
        };
        if self.failed.is_none() {
            self.folder.expect(JOURNAL, &self.journal.sha256());
        }
        let (objects, names, masker) = (&self.objects, &self.names, &self.masker);
        let row = |finding: &Finding| {
            let row = FindingRow::new(finding, objects.get(&finding.locator), masker);
            row.with_names(names.get(&finding.locator).map_or(&[][..], Vec::as_slice), masker)
        };
        let mut findings: Vec<FindingRow> = score::weigh(evidence).par_iter().map(row).collect();
        sort_findings(&mut findings);
        self.coverage.by_reason = self.gaps.by_reason();
        self.coverage.verdict = if self.incomplete { CoverageVerdict::Incomplete } else { CoverageVerdict::Complete };
        let phi = PhiTotals {
            individuals: total.individuals.into(),
            method: total.method().to_owned(),
            small_cells: has_small_cells(&total.states),
            by_state: total.states,
            by_identifier: total.identifiers,
            formats,
            opaque_bytes: self.opaque_bytes,
            four_factor_inputs: four_factor(&findings),
            ..PhiTotals::default()
        };
        Collected {
            findings,
            coverage: self.coverage,
            gaps: self.gaps.rows(&self.masker),
            phi,
            journal_head: self.journal.head(),
            inventory_sha256,
            folder: self.folder,
            masker: self.masker,
            reread: self.reread,
            failed: self.failed,
            state: self.state,
            workers: Workers::default(),
        }
    }

    fn keep_registers(&self, held: &[Arc<PhiFacts>]) -> Result<(), CaseError> {
        let Some(key_id) = &self.shared_key else { return Ok(()) };
        let mut index = PeopleIndex::new();
        held.iter().for_each(|facts| index.add(facts));
        let file = RegistersFile::new(key_id.clone(), &index.census());
        self.folder.write_file(REGISTERS, &|out| Ok(serde_json::to_writer_pretty(out, &file)?)).map(|_| ())
    }

    /// The inventory is the journal's objects in canonical order; gives its SHA-256.
    fn inventory(&self) -> Result<String, CollectError> {
        let mut reader = JournalReader::new(File::open(self.folder.path().join(JOURNAL))?);
        let mut out = self.folder.inventory()?;
        let mut failed = None;
        for (_, span) in &self.index {
            match reader.get(*span).map_err(CollectError::from).and_then(|row| Ok(out.push_json(row)?)) {
                Ok(()) => {}
                // Rows that can't be read back or written don't take the others with them.
                Err(e) => failed = failed.or(Some(e)),
            }
        }
        let written = out.finish()?;
        self.folder.expect(&written.name, &written.sha256);
        failed.map_or(Ok(written.sha256), Err)
    }
}

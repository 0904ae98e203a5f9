//! One worker: takes an entry, reads it once, lets the analyzers look, opens what is inside.

use std::cell::Cell;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use super::baseline::{Proof, same};
use super::gate::{Gate, Permit, SMALL};
use super::members::Members;
use super::volumes::Beside;
use super::{Batch, Job, Record};
use crate::analyze::{Examine, Findings, Head, Whole};
use crate::clue::looks_random;
use crate::container::{Budget, Probe, ReadSeek, Volumes, gap_of};
use crate::model::{ContainerFacts, Digests, Disposition, Entry, Gap, GapReason, Kind, Locator, Meta, Name, Object, Stage};
use crate::reader::{CHUNK, HEAD, Hasher, Scratch, Want, drain, file_type, fill};
use crate::source::{Content, Found, Session};

/// Bytes of the end of an object that container formats may ask for.
const TAIL: usize = 64 << 10;

/// First bytes of a large archive that stay in memory while it is open: a program before its data fits.
const KEPT: usize = 2 << 20;

/// What is to be examined: an entry of a source or a member of a container.
pub(super) struct Subject<'a> {
    pub locator: &'a Locator,
    pub kind: Kind,
    pub meta: &'a Meta,
    pub origin: Option<&'a Name>,
    pub other_names: &'a [Locator],
}

/// A body that was read, and what is known of it.
pub(super) struct Examined {
    pub object: Object,
    /// Held where it fitted.
    pub body: Option<Vec<u8>>,
    pub head: Vec<u8>,
}

pub(super) struct Worker<'j> {
    pub job: &'j Job,
    gate: &'j Gate,
    permit: Permit<'j>,
    k: usize,
    sessions: Vec<Option<Box<dyn Session + 'j>>>,
    examiners: Vec<Box<dyn Examine + 'j>>,
    /// Types of the containers that are open around the present object, outermost first.
    containers: Vec<String>,
    scratch: Scratch,
    /// Buffers to use again: growing a new one for every member would leave the heap full of holes.
    spare: Vec<Vec<u8>>,
    pub out: Batch,
}

impl<'j> Worker<'j> {
    pub fn new(job: &'j Job, gate: &'j Gate, k: usize) -> Self {
        Self {
            job,
            gate,
            permit: Permit::new(gate),
            k,
            sessions: job.sources.iter().map(|_| None).collect(),
            examiners: job.analyzers.iter().map(|a| a.worker()).collect(),
            containers: Vec::new(),
            scratch: Scratch::default(),
            spare: Vec::new(),
            out: Vec::new(),
        }
    }

    /// Whether it may hold a large object now; it then may until it has taken one.
    pub fn may_hold_large(&mut self) -> bool {
        self.permit.try_big()
    }

    /// Tells the system that the content of an entry is read soon.
    pub fn announce(&mut self, found: &Found) {
        let (job, entry) = (self.job, &found.entry);
        if found.settled.is_some() || !entry.kind.is_stored() || entry.meta.size == 0 {
            return;
        }
        if job.baseline.as_ref().and_then(|b| b.find(entry, job.want)).is_some_and(|proof| !proof.drawn) {
            return;
        }
        // Opening may hang, as reading may: who is on nothing counts as moving.
        if let Some(table) = &job.in_flight {
            table.enter(self.k, &entry.locator, false);
        }
        job.counters.set_current(self.k, Some(&entry.locator));
        let session = self.sessions[entry.target].get_or_insert_with(|| job.sources[entry.target].session());
        session.announce(entry);
        job.counters.set_current(self.k, None);
        job.counters.step(self.k);
    }

    /// Takes one entry to its end; gives all that is to be recorded of it.
    pub fn take(&mut self, found: Found) -> Batch {
        self.out = Vec::new();
        let entry = found.entry;
        let bytes = bytes_of(&entry);
        self.job.counters.set_current(self.k, Some(&entry.locator));
        match found.settled {
            Some((disposition, gap)) => self.settle(&entry, disposition, gap),
            None if self.job.stopped() => {
                let gap = Gap::new(&entry.locator, Stage::Run, GapReason::Interrupted, "").bytes(bytes);
                self.settle(&entry, Disposition::Skipped, Some(gap));
            }
            None if entry.kind.is_stored() => match self.job.baseline.as_ref().and_then(|b| b.find(&entry, self.job.want)) {
                Some(proof) if !proof.drawn => self.unchanged(&entry, &proof),
                proof => self.file(&entry, proof.as_ref()),
            },
            None => self.settle(&entry, Disposition::Examined, None),
        }
        self.permit = Permit::new(self.gate);
        self.job.counters.set_current(self.k, None);
        self.job.counters.done.fetch_add(1, Ordering::Relaxed);
        self.job.counters.bytes_done.fetch_add(bytes, Ordering::Relaxed);
        std::mem::take(&mut self.out)
    }

    /// Records an object without content; its names still match.
    fn settle(&mut self, entry: &Entry, disposition: Disposition, gap: Option<Gap>) {
        let mut object = bare(&subject(entry));
        object.disposition = disposition;
        object.reason = gap.as_ref().map(|g| g.reason);
        self.name_only(&object);
        self.out.extend(gap.map(Record::Gap));
        for alias in self.aliases(entry, &object) {
            self.name_only(&alias);
            self.record(alias);
        }
        self.record(object);
    }

    /// Records a file that an earlier case examined and that is as it was.
    fn unchanged(&mut self, entry: &Entry, proof: &Proof) {
        let object = proof.object(bare(&subject(entry)));
        for member in proof.members(&object) {
            self.record(member);
        }
        for alias in self.aliases(entry, &object) {
            self.record(alias);
        }
        self.record(object);
    }

    /// Reads a file. With a proof it was drawn to be read although it is unchanged.
    fn file(&mut self, entry: &Entry, proof: Option<&Proof>) {
        let job = self.job;
        let session = self.sessions[entry.target].get_or_insert_with(|| job.sources[entry.target].session());
        let mut content = match session.open(entry) {
            Ok(content) => content,
            Err(e) => {
                let gap = Gap::new(&entry.locator, Stage::Open, e.reason, e.detail).bytes(entry.meta.size);
                return self.settle(entry, Disposition::Failed, Some(gap));
            }
        };
        let meta = Meta { size: content.size(), ..entry.meta.clone() };
        let subject = Subject { meta: &meta, ..subject(entry) };
        let size = content.size();
        let mut examined = self.examine(&subject, &mut Opened::File(&mut content), Some(size), self.job.max_body);
        let mut alone = true;
        if examined.object.reason != Some(GapReason::Interrupted) {
            let budget = &mut Budget::new(job.limits).with_passwords(&job.passwords);
            let beside = Beside::new(job, entry);
            match examined.body.take() {
                // What is left of the bound is enough for members.
                Some(body) if body.len() as u64 <= job.max_body / 4 => {
                    let allowance = job.max_body.saturating_sub(body.len() as u64);
                    self.expand(&mut examined.object, &body, None, Some(&beside), budget, allowance);
                    self.give_back(body);
                }
                // Members of a large archive are read from the file itself, so that they may be held instead.
                Some(mut body) => {
                    body.truncate(KEPT);
                    body.shrink_to_fit();
                    self.expand(&mut examined.object, &body, Some(&mut content), Some(&beside), budget, job.max_body);
                }
                None if size > 0 => {
                    let head = std::mem::take(&mut examined.head);
                    self.expand(&mut examined.object, &head, Some(&mut content), Some(&beside), budget, job.max_body);
                }
                None => {}
            }
            alone = !beside.was_asked();
        }
        self.give_back(examined.head);
        let object = &mut examined.object;
        object.reread = proof.is_some();
        if let Some(evidence) = proof.and_then(|p| p.refuted(object, self.stands(entry))) {
            self.out.push(Record::Evidence(evidence));
        }
        // What has a gap or anything to tell, itself or a member, will be read again, and so will a volume of a set.
        let plain = |r: &Record| matches!(r, Record::Object(member) if member.disposition == Disposition::Examined);
        object.inert = object.disposition == Disposition::Examined && alone && self.out.iter().all(plain);
        for alias in self.aliases(entry, &examined.object) {
            self.record(alias);
        }
        self.record(examined.object);
    }

    /// Whether a file is still what was found on the walk.
    fn stands(&mut self, entry: &Entry) -> bool {
        let session = self.sessions.get_mut(entry.target).and_then(Option::as_mut);
        let now = session.and_then(|s| s.find(entry.locator.os_name()));
        now.is_some_and(|now| same(&now.meta, &entry.meta))
    }

    /// Reads a subject once and lets every analyzer see it. At most `allowance` bytes are held.
    pub fn examine(&mut self, subject: &Subject<'_>, src: &mut Opened<'_, '_>, hint: Option<u64>, allowance: u64) -> Examined {
        let mut object = bare(subject);
        let (job, k) = (self.job, self.k);
        let moved = || job.counters.step(k);
        // What is left of a file; members cost no reading.
        let left = Cell::new(if matches!(src, Opened::File(_)) { subject.meta.size } else { 0 });
        let stop = || {
            moved();
            let next = left.get().min(CHUNK as u64);
            left.set(left.get() - next);
            job.brake.pass(next, &|| {
                moved();
                job.stopped()
            });
            job.stopped()
        };
        moved();
        let limit = usize::try_from(allowance.min(self.job.max_body)).unwrap_or(usize::MAX - 1).max(HEAD);
        // What the containers around it hold counts too.
        let above = usize::try_from(self.job.max_body.saturating_sub(allowance)).unwrap_or(usize::MAX);
        let held_by_hint = hint.is_none_or(|h| h <= limit as u64);
        // Large objects get all digests at once: they won't be there for a second look.
        let mut hasher = Hasher::new(if held_by_hint { self.job.want } else { Want::ALL });
        let mut body = self.spare.pop().unwrap_or_default();
        let mut ended = Ok(false);
        if let (true, Some(size)) = (held_by_hint, hint) {
            // The size that fstat told, at most the limit, so that the body isn't grown and copied on its way.
            self.permit.ensure(above.saturating_add(usize::try_from(size).unwrap_or(usize::MAX)), &moved);
            let _ = body.try_reserve_exact(usize::try_from(size).unwrap_or(0));
        }
        let goals = if held_by_hint { [SMALL.min(limit + 1), limit + 1] } else { [HEAD, HEAD] };
        for goal in goals {
            if above.saturating_add(goal) > SMALL {
                let bytes = above.saturating_add(goal.min(hint.and_then(|h| usize::try_from(h).ok()).unwrap_or(goal)));
                self.permit.ensure(bytes, &moved);
            }
            ended = fill(src, &mut body, goal, &mut hasher, &mut self.scratch, &stop);
            if !matches!(ended, Ok(false)) {
                break;
            }
        }
        let held = held_by_hint && body.len() <= limit;
        let file_type = file_type(&body[..body.len().min(HEAD)]);
        object.file_type = Some(file_type.to_string());
        let mut head_bytes = self.spare.pop().unwrap_or_default();
        head_bytes.extend_from_slice(&body[..body.len().min(HEAD)]);
        let containers = self.containers.clone();
        let head = |bytes| Head {
            locator: subject.locator,
            kind: subject.kind,
            meta: subject.meta,
            origin: subject.origin,
            other_names: subject.other_names,
            bytes,
            file_type: &file_type,
            containers: &containers,
            held,
        };
        self.each(&mut object, |e| e.begin(&head(&head_bytes)));
        self.each(&mut object, |e| {
            for (i, chunk) in body.chunks(CHUNK).enumerate() {
                e.feed((i * CHUNK) as u64, chunk);
            }
        });
        let mut problem = ended.as_ref().err().map(|e| read_gap(subject.locator, e));
        if problem.is_none() && !held {
            let mut at = body.len() as u64;
            self.give_back(std::mem::take(&mut body));
            let examiners = &mut self.examiners;
            let mut broken = false;
            let result = drain(
                src,
                &mut hasher,
                &mut self.scratch,
                &mut |chunk| {
                    let fed = catch_unwind(AssertUnwindSafe(|| examiners.iter_mut().for_each(|e| e.feed(at, chunk))));
                    broken |= fed.is_err();
                    at += chunk.len() as u64;
                },
                &stop,
            );
            if broken {
                self.mend(&mut object, "");
            }
            problem = result.err().map(|e| read_gap(subject.locator, &e));
        }
        object.read = hasher.len();
        if problem.is_none() {
            problem = src.changed(object.read).map(|detail| Gap::new(subject.locator, Stage::Read, GapReason::Changed, detail));
        }
        let size = hasher.len();
        let looks_random = looks_random(&hasher.counts());
        let (digests, entropy) = hasher.finish();
        object.entropy_milli = Some(entropy);
        if subject.kind == Kind::Member {
            object.meta.size = size;
        }
        match problem {
            Some(gap) if gap.reason == GapReason::Interrupted => {
                self.each(&mut object, |e| e.abort());
                self.shortfall(&mut object, gap, Disposition::Skipped);
                return Examined { object, body: None, head: Vec::new() };
            }
            // A digest of a part is no digest of the object; what was read is still looked at.
            Some(gap) => {
                object.digests = Digests::default();
                self.shortfall(&mut object, gap, Disposition::Partial);
            }
            None => object.digests = digests,
        }
        let digests = object.digests.clone();
        let bytes = held.then_some(body.as_slice());
        // Of what isn't held the rules have seen windows before its digests were known.
        object.known_good = held && self.job.known_good.as_ref().is_some_and(|known| known(&digests));
        let found = {
            let whole = Whole::new(head(&head_bytes), size, &digests, entropy, bytes)
                .known_good(object.known_good)
                .looks_random(looks_random);
            self.collect(&mut object, |e, out| e.finish(&whole, out))
        };
        if !found.evidence.is_empty() && object.digests.sha256.is_some() && held {
            let all = Hasher::of(&body, Want::ALL).0;
            object.digests.sha1 = all.sha1;
            object.digests.md5 = all.md5;
        }
        self.keep(&mut object, found);
        if held {
            return Examined { object, body: Some(body), head: head_bytes };
        }
        self.give_back(body);
        Examined { object, body: None, head: head_bytes }
    }

    /// Opens `object` if it is a container. `bytes` is all of it, or with `file` only its beginning; `volumes` is what
    /// lies beside it.
    pub fn expand(
        &mut self,
        object: &mut Object,
        bytes: &[u8],
        file: Option<&mut Box<dyn Content + '_>>,
        volumes: Option<&dyn Volumes>,
        budget: &mut Budget,
        allowance: u64,
    ) {
        if bytes.is_empty() {
            return;
        }
        let name = object.locator.base_name().to_vec();
        let mut tail_buf = Vec::new();
        let held = file.is_none();
        let mut cursor = Cursor::new(bytes);
        let (size, input): (u64, &mut dyn ReadSeek) = match file {
            Some(file) => {
                let size = file.size();
                if read_tail(file, size, &mut tail_buf).is_err() {
                    tail_buf.clear();
                }
                (size, file)
            }
            None => (bytes.len() as u64, &mut cursor),
        };
        let tail = if held { &bytes[bytes.len().saturating_sub(TAIL)..] } else { &tail_buf };
        let probe = Probe { head: &bytes[..bytes.len().min(HEAD)], tail, body: bytes, size, name: &name, volumes };
        let open = self.job.open;
        let around = self.containers.len();
        self.containers.push(object.file_type.clone().unwrap_or_default());
        let mut members = Members::new(self, object, allowance);
        let expanded = catch_unwind(AssertUnwindSafe(|| open(&probe, input, budget, &mut members)));
        let short = members.short;
        self.containers.truncate(around);
        match expanded {
            Ok(None) => return,
            Ok(Some(mut expanded)) => {
                expanded.facts.limits.extend(
                    expanded.shortfalls.iter().map(|s| s.reason.id()).filter(|id| id.starts_with("limit_")).map(str::to_owned),
                );
                expanded.facts.limits.sort();
                expanded.facts.limits.dedup();
                object.container = Some(expanded.facts);
                for s in expanded.shortfalls {
                    let mut gap = Gap::new(&object.locator, Stage::Container, s.reason, s.detail);
                    if matches!(s.reason, GapReason::UnsupportedContainer | GapReason::Encrypted) {
                        gap = gap.bytes(size);
                    }
                    self.shortfall(object, gap, Disposition::Partial);
                }
            }
            Err(_) => {
                let gap = Gap::new(&object.locator, Stage::Container, GapReason::ParserFailed, "opening it as a container");
                self.shortfall(object, gap, Disposition::Partial);
            }
        }
        if short > 0 {
            let gap =
                Gap::new(&object.locator, Stage::Container, GapReason::MembersNotExamined, format!("{short} of its members"));
            self.shortfall(object, gap, Disposition::Partial);
        }
    }

    /// Lets the analyzers see the name of an object whose content isn't read.
    pub fn name_only(&mut self, object: &Object) {
        let mut copy = object.clone();
        let found = self.collect(&mut copy, |e, out| e.name_only(object, out));
        self.keep(&mut copy, found);
    }

    /// Takes a buffer back that isn't needed any more; large ones go to the system.
    pub fn give_back(&mut self, mut buffer: Vec<u8>) {
        if (1..=SMALL).contains(&buffer.capacity()) {
            buffer.clear();
            self.spare.push(buffer);
        }
    }

    /// A member too large to be held: if it is a container, the report says that it wasn't opened.
    pub fn name_unopened(&mut self, object: &mut Object, head: &[u8]) {
        let name = object.locator.base_name().to_vec();
        let probe = Probe { head, tail: &[], body: head, size: object.read, name: &name, volumes: None };
        let detect = self.job.detect;
        if let Ok(Some(format)) = catch_unwind(AssertUnwindSafe(|| detect(&probe))) {
            let limits = vec![GapReason::LimitMemory.id().to_owned()];
            object.container = Some(ContainerFacts { format: format.to_owned(), limits, ..ContainerFacts::default() });
            let detail = "a container inside another, too large to be opened there";
            let gap = Gap::new(&object.locator, Stage::Container, GapReason::LimitMemory, detail).bytes(object.read);
            self.shortfall(object, gap, Disposition::Partial);
        }
    }

    /// The rows of a hard-linked file's further names.
    fn aliases(&self, entry: &Entry, object: &Object) -> Vec<Object> {
        let source = self.job.sources.get(entry.target);
        let alias = |name: &Locator| Object {
            locator: name.clone(),
            origin: source.and_then(|s| s.origin(name.os_name().bytes())),
            hard_link_to: Some(object.locator.clone()),
            // The content was counted under the first name.
            read: 0,
            container: None,
            ..object.clone()
        };
        entry.other_names.iter().map(alias).collect()
    }

    /// Records an object.
    pub fn record(&mut self, object: Object) {
        self.job.counters.step(self.k);
        self.out.push(Record::Object(Box::new(object)));
    }

    /// Notes that `object` was not fully examined; the first reason stands in its row.
    pub fn shortfall(&mut self, object: &mut Object, gap: Gap, disposition: Disposition) {
        if gap.reason.incomplete() && object.disposition == Disposition::Examined {
            object.disposition = disposition;
            object.reason = Some(gap.reason);
        }
        self.out.push(Record::Gap(gap));
    }

    /// Files evidence and gaps of the analyzers.
    fn keep(&mut self, object: &mut Object, found: Findings) {
        for gap in found.gaps {
            self.shortfall(object, gap, Disposition::Partial);
        }
        self.out.extend(found.evidence.into_iter().map(Record::Evidence));
        self.out.extend(found.sightings.into_iter().map(Record::Sighting));
        self.out.extend(found.clues.into_iter().map(Record::Clue));
        self.out.extend(found.marks.into_iter().map(Record::Mark));
    }

    /// Runs one step of every analyzer, each behind a fence.
    fn each(&mut self, object: &mut Object, mut step: impl FnMut(&mut dyn Examine)) {
        for i in 0..self.examiners.len() {
            if catch_unwind(AssertUnwindSafe(|| step(&mut *self.examiners[i]))).is_err() {
                let id = self.job.analyzers[i].id();
                self.mend(object, id);
            }
        }
    }

    fn collect(&mut self, object: &mut Object, mut step: impl FnMut(&mut dyn Examine, &mut Findings)) -> Findings {
        let mut all = Findings::default();
        self.each(object, |e| {
            let mut out = Findings::default();
            step(e, &mut out);
            all.evidence.append(&mut out.evidence);
            all.gaps.append(&mut out.gaps);
            all.sightings.append(&mut out.sightings);
            all.marks.append(&mut out.marks);
            all.clues.append(&mut out.clues);
        });
        all
    }

    /// After a panic: fresh analyzers, and a gap. The panic's text may hold content, so it isn't kept.
    fn mend(&mut self, object: &mut Object, id: &str) {
        self.examiners = self.job.analyzers.iter().map(|a| a.worker()).collect();
        let gap = Gap::new(&object.locator, Stage::Read, GapReason::ParserFailed, id);
        self.shortfall(object, gap, Disposition::Partial);
    }
}

/// The content of a subject while it is read.
pub(super) enum Opened<'a, 'c> {
    File(&'a mut Box<dyn Content + 'c>),
    Member(&'a mut dyn Read),
}

impl Read for Opened<'_, '_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Opened::File(f) => f.read(buf),
            Opened::Member(m) => m.read(buf),
        }
    }
}

impl Opened<'_, '_> {
    /// What changed while it was read.
    fn changed(&mut self, read: u64) -> Option<String> {
        match self {
            Opened::File(f) => {
                f.changed().or_else(|| (read != f.size()).then(|| format!("{read} of {} bytes could be read", f.size())))
            }
            Opened::Member(_) => None,
        }
    }
}

/// Bytes that progress counts for an entry.
pub(super) fn bytes_of(entry: &Entry) -> u64 {
    if entry.kind.is_stored() { entry.meta.size } else { 0 }
}

fn subject(entry: &Entry) -> Subject<'_> {
    Subject {
        locator: &entry.locator,
        kind: entry.kind,
        meta: &entry.meta,
        origin: entry.origin.as_ref(),
        other_names: &entry.other_names,
    }
}

/// What is known before the content was opened.
pub(super) fn bare(subject: &Subject<'_>) -> Object {
    Object { origin: subject.origin.cloned(), ..Object::new(subject.locator.clone(), subject.kind, subject.meta.clone()) }
}

fn read_gap(locator: &Locator, err: &io::Error) -> Gap {
    let (reason, detail) = match gap_of(err) {
        Some(reason) => (reason, err.to_string()),
        None if err.kind() == io::ErrorKind::Interrupted => (GapReason::Interrupted, String::new()),
        None => (GapReason::IoError, err.to_string()),
    };
    Gap::new(locator, Stage::Read, reason, detail)
}

/// The end of a file; afterwards the file stands at its beginning, whatever happened.
fn read_tail(file: &mut Box<dyn Content + '_>, size: u64, tail: &mut Vec<u8>) -> io::Result<()> {
    let read = file
        .seek(SeekFrom::Start(size.saturating_sub(TAIL as u64)))
        .and_then(|_| file.as_mut().take(TAIL as u64).read_to_end(tail));
    file.seek(SeekFrom::Start(0))?;
    read.map(|_| ())
}

//! Members of a container on their way through the worker: each is an object of its own.

use std::io::Read;

use super::Record;
use super::worker::{Opened, Subject, Worker, bare};
use crate::container::{Budget, MemberSink, Shortfall};
use crate::model::{Disposition, Gap, GapReason, Kind, Locator, MemberFacts, Meta, Name, Object, Stage, Times};

/// Receives the members of one container.
pub(super) struct Members<'w, 'j> {
    worker: &'w mut Worker<'j>,
    container: Locator,
    origin: Option<Name>,
    /// Bytes of the container itself: no member can have hidden more from us, whatever it declares.
    size: u64,
    allowance: u64,
    /// Members that were not fully examined.
    pub short: u64,
}

impl<'w, 'j> Members<'w, 'j> {
    pub fn new(worker: &'w mut Worker<'j>, container: &Object, allowance: u64) -> Self {
        Self {
            worker,
            container: container.locator.clone(),
            origin: container.origin.clone(),
            size: container.meta.size,
            allowance,
            short: 0,
        }
    }

    fn meta(facts: &MemberFacts) -> Meta {
        Meta {
            size: facts.size.unwrap_or(0),
            times: Times { mtime: facts.mtime, ..Times::default() },
            owner: facts.owner.clone(),
            mode: facts.mode.clone(),
            id: None,
        }
    }
}

impl MemberSink for Members<'_, '_> {
    fn member(&mut self, facts: &MemberFacts, content: &mut dyn Read, budget: &mut Budget) {
        let locator = self.container.member(facts.name.clone(), facts.index);
        let meta = Self::meta(facts);
        let subject =
            Subject { locator: &locator, kind: Kind::Member, meta: &meta, origin: self.origin.as_ref(), other_names: &[] };
        // A name that ends like a folder's hides nothing: what has content is read like any member.
        let mut first = [0; 1];
        let mut peeked = 0;
        if facts.is_dir {
            match content.read(&mut first) {
                Ok(0) => {
                    let object = bare(&subject);
                    self.worker.name_only(&object);
                    return self.worker.record(object);
                }
                Ok(n) => peeked = n,
                // The reader gives its error again.
                Err(_) => {}
            }
        }
        let mut content = first[..peeked].chain(content);
        // The declared size is a claim: no hint, so that the body grows with what really comes.
        let mut examined = self.worker.examine(&subject, &mut Opened::Member(&mut content), None, self.allowance);
        if examined.object.reason != Some(GapReason::Interrupted) {
            match examined.body.take() {
                Some(body) => {
                    let allowance = self.allowance.saturating_sub(body.len() as u64);
                    self.worker.expand(&mut examined.object, &body, None, None, budget, allowance);
                    self.worker.give_back(body);
                }
                None => self.worker.name_unopened(&mut examined.object, &examined.head),
            }
        }
        self.worker.give_back(examined.head);
        self.short += u64::from(examined.object.disposition != Disposition::Examined);
        self.worker.record(examined.object);
    }

    fn unread(&mut self, facts: &MemberFacts, why: Shortfall) {
        let locator = self.container.member(facts.name.clone(), facts.index);
        let meta = Self::meta(facts);
        let subject =
            Subject { locator: &locator, kind: Kind::Member, meta: &meta, origin: self.origin.as_ref(), other_names: &[] };
        let mut object = bare(&subject);
        object.disposition = match why.reason {
            GapReason::Malformed | GapReason::IoError => Disposition::Failed,
            _ => Disposition::Skipped,
        };
        object.reason = Some(why.reason);
        object.digests.crc32 = facts.crc32;
        self.short += u64::from(why.reason.incomplete());
        self.worker.name_only(&object);
        let mut gap = Gap::new(&locator, Stage::Container, why.reason, why.detail);
        gap.bytes = facts.packed.or(facts.size).map(|n| n.min(self.size));
        self.worker.out.push(Record::Gap(gap));
        self.worker.record(object);
    }

    fn stopped(&self) -> bool {
        self.worker.job.stop.load(std::sync::atomic::Ordering::Relaxed)
    }
}

//! What every format does alike while it walks its members: charge, deliver, and keep the account.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use super::meter::{Fed, Meter};
use super::{Budget, Expanded, MemberSink, Shortfall};
use crate::model::{ContainerFacts, Encrypted, GapReason, MemberFacts, Name};

/// One walk through one container.
pub(super) struct Walk<'a> {
    expanded: Expanded,
    budget: &'a mut Budget,
    sink: &'a mut dyn MemberSink,
    index: u32,
    files: u64,
    locked: u64,
    ended: bool,
}

/// Facts of which only the name is known.
pub(super) fn named(name: impl Into<Name>) -> MemberFacts {
    MemberFacts {
        name: name.into(),
        index: 0,
        is_dir: false,
        is_link: false,
        size: None,
        packed: None,
        mtime: None,
        crc32: None,
        encrypted: false,
        method: None,
        owner: None,
        mode: None,
    }
}

impl<'a> Walk<'a> {
    pub(super) fn new(format: &str, budget: &'a mut Budget, sink: &'a mut dyn MemberSink) -> Self {
        let facts = ContainerFacts { format: format.to_owned(), ..ContainerFacts::default() };
        let expanded = Expanded { facts, shortfalls: Vec::new() };
        Self { expanded, budget, sink, index: 0, files: 0, locked: 0, ended: false }
    }

    pub(super) fn budget(&self) -> &Budget {
        self.budget
    }

    /// Whether another member may follow: charges it and gives it its index. Once this was false, the walk is over.
    pub(super) fn admit(&mut self, facts: &mut MemberFacts) -> bool {
        if self.ended {
            return false;
        }
        if self.sink.stopped() {
            self.ended = true;
            self.shortfall(GapReason::Interrupted, "the walk through the members was interrupted");
            return false;
        }
        if let Err(reason) = self.budget.member() {
            self.ended = true;
            self.shortfall(reason, "the limit of members was reached; the others are not listed");
            return false;
        }
        if let Err(reason) = self.budget.name(facts.name.bytes().len()) {
            self.ended = true;
            self.shortfall(reason, "the names of the members are longer than the limit; the others are not listed");
            return false;
        }
        facts.index = self.index;
        self.index = self.index.saturating_add(1);
        self.expanded.facts.members = self.expanded.facts.members.saturating_add(1);
        if !facts.is_dir {
            self.files = self.files.saturating_add(1);
            self.locked = self.locked.saturating_add(u64::from(facts.encrypted));
        }
        true
    }

    /// Whether the walk has to end.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }

    /// Whether no byte of output is left.
    pub(super) fn spent(&self) -> bool {
        self.budget.bytes_left() == 0
    }

    /// Whether the run was interrupted.
    pub(super) fn stopped(&self) -> bool {
        self.sink.stopped()
    }

    /// Hands an admitted member over. `content` is the decoder, `fed` what went into it.
    pub(super) fn deliver(
        &mut self,
        facts: &MemberFacts,
        content: &mut dyn Read,
        fed: Rc<Fed>,
        allowance: Option<Rc<Cell<u64>>>,
    ) {
        let _ = self.delivered(facts, content, fed, allowance);
    }

    /// The same; gives what ended the content early.
    pub(super) fn delivered(
        &mut self,
        facts: &MemberFacts,
        content: &mut dyn Read,
        fed: Rc<Fed>,
        allowance: Option<Rc<Cell<u64>>>,
    ) -> Option<GapReason> {
        let mut meter = Meter::new(content, fed, self.budget, allowance);
        let before = self.budget.enter(facts.name.bytes().len());
        self.sink.member(facts, &mut meter, self.budget);
        self.budget.leave(before);
        let reason = meter.fault().map(|fault| fault.reason);
        if let Some(reason) = reason {
            self.limit(reason);
        }
        reason
    }

    /// An admitted member without bytes.
    pub(super) fn empty(&mut self, facts: &MemberFacts) {
        self.sink.member(facts, &mut io::empty(), self.budget);
    }

    /// An admitted member whose content isn't read.
    pub(super) fn unread(&mut self, facts: &MemberFacts, reason: GapReason, detail: &str) {
        self.limit(reason);
        self.sink.unread(facts, Shortfall { reason, detail: detail.to_owned() });
    }

    /// Something the container as a whole doesn't give.
    pub(super) fn shortfall(&mut self, reason: GapReason, detail: &str) {
        self.limit(reason);
        let shortfall = Shortfall { reason, detail: detail.to_owned() };
        if !self.expanded.shortfalls.contains(&shortfall) {
            self.expanded.shortfalls.push(shortfall);
        }
    }

    /// An error that isn't a member's.
    pub(super) fn failed(&mut self, err: &io::Error) {
        let why = super::shortfall_of(err);
        self.shortfall(why.reason, &why.detail);
    }

    /// A remark by its name, once.
    pub(super) fn note(&mut self, note: &str) {
        if !self.expanded.facts.notes.iter().any(|n| n == note) {
            self.expanded.facts.notes.push(note.to_owned());
        }
    }

    /// Names of parts that should lie beside this one.
    pub(super) fn missing(&mut self, names: impl IntoIterator<Item = String>) {
        self.expanded.facts.missing_volumes.extend(names);
    }

    /// Not even names can be read.
    pub(super) fn names_hidden(&mut self) {
        self.expanded.facts.encrypted = Encrypted::Headers;
    }

    /// Which program made it, as far as its headers tell.
    pub(super) fn made_by(&mut self, maker: String) {
        self.expanded.facts.made_by = Some(maker);
    }

    /// One of the examiner's passwords opened something of it.
    pub(super) fn opened_with_password(&mut self) {
        self.note("opened_with_password");
        self.expanded.facts.passwords = self.budget.passwords().len() as u64;
    }

    pub(super) fn finish(mut self) -> Expanded {
        let facts = &mut self.expanded.facts;
        if facts.encrypted != Encrypted::Headers && self.locked > 0 {
            facts.encrypted = if self.locked == self.files { Encrypted::All } else { Encrypted::Some };
        }
        facts.notes.sort();
        facts.limits.sort();
        self.expanded
    }

    fn limit(&mut self, reason: GapReason) {
        let is_limit = matches!(
            reason,
            GapReason::LimitSize | GapReason::LimitRatio | GapReason::LimitDepth | GapReason::LimitCount | GapReason::LimitMemory
        );
        let limits = &mut self.expanded.facts.limits;
        if is_limit && !limits.iter().any(|l| l == reason.id()) {
            limits.push(reason.id().to_owned());
        }
    }
}

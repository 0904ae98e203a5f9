//! Executables and suspicious names, as evidence.

use std::collections::BTreeSet;

use serde_json::json;

use crate::binary::{Class, Inspected, Judgement, Subject, Tool, Tools, detail, judge, name_reasons};
use crate::model::{Category, Clue, ClueKind, Evidence, Gap, GapReason, Kind, Locator, Object, Reason, Stage};

use super::place::place;
use super::{Analyzer, Examine, Findings, Head, Whole};

/// Weight below which nothing is reported: one weak observation alone is no finding.
const FLOOR: i32 = 15;

/// The heuristics on executables and names. All they know besides is the list of known tools.
pub struct BinaryAnalyzer {
    tools: Tools,
}

impl BinaryAnalyzer {
    pub fn new(tools: Tools) -> Self {
        Self { tools }
    }
}

impl Default for BinaryAnalyzer {
    /// With the embedded tools.
    fn default() -> Self {
        Self::new(Tools::embedded())
    }
}

struct Worker<'a> {
    tools: &'a Tools,
}

impl Analyzer for BinaryAnalyzer {
    fn id(&self) -> &'static str {
        "binary"
    }

    fn worker(&self) -> Box<dyn Examine + '_> {
        Box::new(Worker { tools: &self.tools })
    }
}

impl Examine for Worker<'_> {
    fn begin(&mut self, _head: &Head<'_>) {}

    fn finish(&mut self, whole: &Whole<'_>, out: &mut Findings) {
        let head = &whole.head;
        // Of what isn't held whole, name and magic still count.
        let facts = match whole.inspected() {
            Inspected::Facts(facts) => Some(facts.as_ref()),
            Inspected::Panicked(format) => {
                let detail = format!("the parser for a {} failed", format.words());
                out.gaps.push(Gap::new(head.locator, Stage::Binary, GapReason::ParserFailed, detail));
                None
            }
            Inspected::Other | Inspected::Malformed(_) => None,
        };
        if let Some(kind) = facts.and_then(|f| self.tools.of(f)).and_then(clue) {
            out.clues.push(Clue { locator: head.locator.clone(), times: head.meta.times, kind });
        }
        let path = place(head.locator, head.origin);
        let subject = Subject { name: head.locator.base_name(), path: &path, head: head.bytes, facts };
        let mut found = judge(&subject, self.tools);
        other_names(head.other_names, Some(facts.is_some()), &mut found.reasons);
        if found.reasons.iter().all(|r| r.weight < FLOOR) {
            return;
        }
        if let (Some(first), Some(facts)) = (found.reasons.first_mut(), facts) {
            let own = first.detail.get_or_insert_with(|| json!({}));
            own["binary"] = detail(facts, whole.body);
        }
        push(head.locator, found, out);
    }

    fn name_only(&mut self, object: &Object, out: &mut Findings) {
        let mut found = Judgement { reasons: name_reasons(object.locator.base_name(), None), ..Judgement::default() };
        // Links and folders carry names too, but what they are can't be run.
        if object.kind != Kind::Member && !object.kind.is_stored() {
            found.reasons.retain(|r| r.id == "name.bidi_override");
        }
        push(&object.locator, found, out);
    }
}

/// What a tool's presence says of the files around it.
fn clue(tool: &Tool) -> Option<ClueKind> {
    match tool.class {
        Class::Exfiltration => Some(ClueKind::Transfer { tool: tool.name.clone() }),
        Class::Archiver => Some(ClueKind::Archiver { tool: tool.name.clone() }),
        _ => None,
    }
}

/// A hard link's further names.
fn other_names(names: &[Locator], program: Option<bool>, found: &mut Vec<Reason>) {
    for reason in names.iter().flat_map(|n| name_reasons(n.base_name(), program)) {
        if !found.iter().any(|r| r.id == reason.id) {
            found.push(reason);
        }
    }
}

fn push(locator: &Locator, found: Judgement, out: &mut Findings) {
    let Judgement { reasons, techniques: of_tools } = found;
    let strongest = reasons.iter().max_by_key(|r| r.weight);
    let Some(strongest) = strongest.filter(|r| r.weight >= FLOOR) else { return };
    let title = format!("Suspicious program or name: {}", strongest.text);
    let techniques = techniques(&reasons, of_tools);
    out.evidence.push(Evidence { locator: locator.clone(), category: Category::Binary, title, reasons, phi: None, techniques });
}

/// MITRE ATT&CK techniques of the reasons and of the tools among them, sorted.
fn techniques(reasons: &[Reason], of_tools: Vec<String>) -> Vec<String> {
    let of_reasons = reasons.iter().filter(|r| r.weight >= FLOOR).filter_map(|r| match r.id.as_str() {
        "name.bidi_override" | "name.bidi_embedding" => Some("T1036.002"),
        "name.double_extension" => Some("T1036.007"),
        "name.padded_extension" => Some("T1036.006"),
        "binary.disguised" => Some("T1036.008"),
        "binary.renamed_tool" => Some("T1036.003"),
        "binary.signature_mismatch" => Some("T1036.001"),
        "binary.packed_unsigned_temp" => Some("T1027.002"),
        _ => None,
    });
    let ids: BTreeSet<String> = of_reasons.map(str::to_owned).chain(of_tools).collect();
    ids.into_iter().collect()
}

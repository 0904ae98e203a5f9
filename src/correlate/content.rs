//! From counts and shapes of patient data to reasons on the content axis.

use std::sync::Arc;

use super::distinct::{merge, tokens};
use crate::model::text::thousands;
use crate::model::{PhiFacts, Priors, Reason, TokenKind};

/// What a set of objects holds, and the reasons that follow.
#[derive(Clone, Debug, Default)]
pub struct Content {
    pub facts: PhiFacts,
    /// Content and not-real axes; empty where no person is in it.
    pub reasons: Vec<Reason>,
}

/// Whether a detector's format begins with one of the listed names.
pub fn is_one_of(format: &str, list: &[String]) -> bool {
    list.iter().any(|f| format.starts_with(f.as_str()))
}

/// Weighs patient data of one object or of a set.
pub fn content(facts: &[Arc<PhiFacts>]) -> Content {
    let p = Priors::get();
    let many = p.rules.many_people;
    let all = merge(facts);
    let mut reasons = Vec::new();
    if all.individuals.best == 0 {
        return Content { facts: all, reasons };
    }
    let (standard, other): (Vec<_>, Vec<_>) =
        facts.iter().cloned().partition(|f| is_one_of(&f.format, &p.types.standard_formats));
    // Most sets are of one kind: who is in them is counted already.
    let of = |part: &[Arc<PhiFacts>]| if part.len() == facts.len() { all.clone() } else { merge(part) };

    let standard = of(&standard);
    if standard.individuals.best > 0 {
        let id = if standard.individuals.best >= many { "content.std_multi" } else { "content.std_few" };
        let n = thousands(standard.individuals.best);
        reasons.push(p.reason(id, format!("patients in a standard health-care format ({}): {n}", standard.format)));
    }
    let strong: Vec<_> = other.iter().filter(|f| depth(f) == 3).cloned().collect();
    let strong = of(&strong);
    if strong.individuals.best > 0 {
        let id = if strong.individuals.best >= many { "content.table_strong" } else { "content.table_few" };
        let n = thousands(strong.individuals.best);
        let text = format!("people in tables with a person key, a second identifier and health or payment context: {n}");
        reasons.push(p.reason(id, text));
    } else if other.iter().any(|f| depth(f) == 2) {
        reasons.push(p.reason("content.table_headers", "tables with columns of patient data, without full records"));
    } else if reasons.is_empty() {
        reasons.push(p.reason("content.template_only", "tables of people with little that identifies them"));
    }
    reasons.extend(identifiers(facts));
    if all.synthetic {
        reasons.push(p.reason("not_real.synthetic", "most people in it are test data, by its own marks"));
    }
    if all.deidentified {
        reasons.push(p.reason("not_real.deidentified", "most of it is marked as de-identified"));
    }
    Content { facts: all, reasons }
}

/// Which identifiers of people are there, and for how many. Tokens tell it exactly; where an object kept
/// none, its own counts of distinct values do.
fn identifiers(facts: &[Arc<PhiFacts>]) -> Option<Reason> {
    let p = Priors::get();
    let tokens = tokens(facts.iter().flat_map(|f| &f.people));
    let count = |kind: TokenKind, word: &str| {
        let stated = facts.iter().flat_map(|f| &f.identifiers).filter(|(k, _)| k.to_lowercase().contains(word));
        tokens.get(&kind).copied().unwrap_or(0).max(stated.map(|(_, n)| *n).max().unwrap_or(0))
    };
    let ssn = count(TokenKind::Ssn, "ssn");
    let mbi = count(TokenKind::Mbi, "mbi");
    let mrn = count(TokenKind::Mrn, "mrn").max(count(TokenKind::Member, "member"));
    let birth = count(TokenKind::NameBirth, "dob").max(count(TokenKind::NameBirth, "birth"));
    let many = p.rules.many_people;
    let n = thousands;
    Some(if ssn.min(birth) >= many {
        p.reason("content.rows_ssn_dob", format!("Social Security numbers ({}) beside dates of birth ({})", n(ssn), n(birth)))
    } else if mbi >= many {
        p.reason("content.rows_mbi", format!("Medicare beneficiary identifiers: {}", n(mbi)))
    } else if mrn.min(birth) >= many {
        let text = format!("record or member numbers ({}) beside dates of birth ({})", n(mrn), n(birth));
        p.reason("content.rows_mrn_dob", text)
    } else if ssn > 0 || mbi > 0 || birth > 0 {
        p.reason("content.rows_few", format!("identifiers of fewer than {many} people"))
    } else if mrn > 0 {
        p.reason("content.mrn_only", format!("record or member numbers: {}", n(mrn)))
    } else {
        return None;
    })
}

/// How much of a patient record a table's rows make, 0 to 3: name or record number; date of birth, SSN or
/// member number; health or payment context.
fn depth(f: &PhiFacts) -> u8 {
    let has = |kinds: &[TokenKind], words: &[&str]| {
        f.people.iter().flat_map(|p| &p.tokens).any(|t| kinds.contains(&t.kind))
            || f.identifiers.keys().any(|k| words.iter().any(|w| k.to_lowercase().contains(w)))
    };
    let key = has(&[TokenKind::Mrn, TokenKind::Name, TokenKind::NameBirth, TokenKind::Local], &["mrn", "name"]);
    let second = has(
        &[TokenKind::NameBirth, TokenKind::Ssn, TokenKind::Member, TokenKind::Mbi],
        &["birth", "dob", "ssn", "member", "mbi"],
    );
    let context = f.clinical || has(&[TokenKind::Member, TokenKind::Mbi], &["member", "mbi"]);
    u8::from(key) + u8::from(second) + u8::from(context)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::{Individuals, Person, Token};

    /// `n` invented people from `from` on with SSN, record number, name and birth.
    pub fn facts(format: &str, from: u64, n: u64) -> Arc<PhiFacts> {
        let kinds = [TokenKind::Ssn, TokenKind::Mrn, TokenKind::NameBirth];
        let person =
            |i| Person { tokens: kinds.iter().map(|&kind| Token { kind, hash: u128::from(i) }).collect(), state: Some(*b"FL") };
        Arc::new(PhiFacts {
            format: format.into(),
            records: n,
            people: (from..from + n).map(person).collect(),
            individuals: Individuals { low: n, best: n, high: n },
            clinical: true,
            ..PhiFacts::default()
        })
    }

    fn ids(facts: &[Arc<PhiFacts>]) -> Vec<String> {
        content(facts).reasons.into_iter().map(|r| r.id).collect()
    }

    #[test]
    fn amount_and_kind_decide() {
        assert_eq!(ids(&[facts("x12-837", 0, 25)]), ["content.std_multi", "content.rows_ssn_dob"]);
        assert_eq!(ids(&[facts("x12-837", 0, 24)]), ["content.std_few", "content.rows_few"]);
        assert_eq!(ids(&[facts("csv", 0, 40)]), ["content.table_strong", "content.rows_ssn_dob"]);
        assert_eq!(ids(&[facts("csv", 0, 4)]), ["content.table_few", "content.rows_few"]);
        assert!(ids(&[]).is_empty());
    }

    #[test]
    fn many_small_files_are_many_people_and_copies_are_not() {
        let small: Vec<_> = (0..30).map(|i| facts("hl7v2", i, 1)).collect();
        assert_eq!(ids(&small), ["content.std_multi", "content.rows_ssn_dob"]);
        let copies: Vec<_> = (0..30).map(|_| facts("hl7v2", 0, 1)).collect();
        assert_eq!(ids(&copies), ["content.std_few", "content.rows_few"]);
    }

    #[test]
    fn tables_without_context_weigh_less() {
        let mut list = (*facts("csv", 0, 60)).clone();
        list.clinical = false;
        assert_eq!(ids(&[Arc::new(list.clone())])[0], "content.table_headers");
        list.synthetic = true;
        assert!(ids(&[Arc::new(list)]).contains(&"not_real.synthetic".to_owned()));
    }
}

//! Faults of the rule engine that are kept from doing harm.

use crate::yara::{load, names};

#[test]
fn a_private_rule_that_does_not_match_spoils_no_object() {
    let text = "private rule P { strings: $a = \"absent\" condition: $a }\n\
        rule Counts { strings: $a = \"xyz\" condition: #a > 5000 } rule Uses { condition: not P }";
    let (set, _) = load(&[("p.yar", text)]);
    assert_eq!(names(&set, &vec![b'x'; 40_000]), ["p.yar:Uses"]);
}

#[test]
fn a_rejected_rule_leaves_no_trace() {
    // Rejected for a pattern that matches the empty string, behind one at a fixed offset.
    let text = "rule X { strings: $a = \"MZ\" $b = /a*/ condition: $a at 0 and $b }\n\
        rule Y { strings: $a = \"hello\" condition: $a }";
    let (set, reports) = load(&[("x.yar", text), ("z.yar", "rule Z { strings: $a = \"hello\" condition: $a at 3 }")]);
    assert_eq!((reports[0].loaded, reports[0].rejected.len()), (1, 1), "{reports:?}");
    assert_eq!(names(&set, b"MZ hello"), ["x.yar:Y", "z.yar:Z"]);
}

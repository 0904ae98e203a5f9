//! What the condition of a rule refers to, read from its syntax tree. It tells where bounds and windows change
//! what a rule can say.
//!
//! In windows `filesize`, `uint16(0)` and data of modules are undefined, and YARA takes what is undefined for
//! false at the next `and`, `or` or `of`. A rule that holds all the same holds for the whole object, unless
//! the undefined part stood under a `not` or the like: then it may hold by mistake.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use yara_x_parser::ast::dfs::{DFSContext, DFSEvent, DFSIter};
use yara_x_parser::ast::{AST, Expr, Quantifier, Rule, RuleFlags};

use super::collect::Source;

/// Terms of a condition, its own or those of rules it depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RuleTraits {
    /// Counts, offsets, lengths or places of matches: a list cut at the bound can change its truth.
    pub places: bool,
    /// `filesize`: unknown to a rule that sees a part.
    pub filesize: bool,
    /// `filesize`, bytes at an offset, the entry point or a module: undefined where the object is seen in
    /// windows. Places of matches and the externals hold there.
    pub whole: bool,
    /// What needs the whole stands where an unknown can make the rule hold by mistake.
    pub doubtful: bool,
}

impl RuleTraits {
    fn or(self, other: Self) -> Self {
        Self {
            places: self.places || other.places,
            filesize: self.filesize || other.filesize,
            whole: self.whole || other.whole,
            doubtful: self.doubtful || other.doubtful,
        }
    }

    fn need(&mut self, doubtful: bool) {
        self.whole = true;
        self.doubtful |= doubtful;
    }
}

/// Terms of all rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Terms {
    /// By namespace and rule; rules without any are left out.
    rules: BTreeMap<String, BTreeMap<String, RuleTraits>>,
    /// Whether any condition uses the external variable `md5`.
    pub md5: bool,
}

impl Terms {
    pub(super) fn of(&self, namespace: &str, rule: &str) -> RuleTraits {
        self.rules.get(namespace).and_then(|rules| rules.get(rule)).copied().unwrap_or_default()
    }
}

/// Terms of everything that is to be compiled. It recurses with the depth of conditions, as the compiler does.
pub(super) fn of_sources(sources: &[Source]) -> Terms {
    let mut terms = Terms::default();
    for source in sources {
        let (rules, md5) = of_text(&source.text);
        terms.md5 |= md5;
        terms.rules.insert(source.name.clone(), rules);
    }
    terms
}

/// Functions of modules that don't read the object.
const PURE: &[&str] = &["string", "time", "console"];
const PURE_MATH: &[&str] = &["min", "max", "abs", "in_range", "to_number", "to_string"];

/// Traits of every rule of a source, and whether the external `md5` is used.
fn of_text(text: &str) -> (BTreeMap<String, RuleTraits>, bool) {
    let ast = AST::from(text);
    let modules: BTreeSet<&str> = ast.imports().map(|i| i.module_name).collect();
    let mut traits: BTreeMap<String, RuleTraits> = BTreeMap::new();
    let mut md5 = false;
    // Global rules gate every rule of their file; others refer to earlier ones only.
    let mut global = RuleTraits::default();
    for rule in ast.rules() {
        let (own, uses_md5) = of_rule(rule, &modules, &traits);
        md5 |= uses_md5;
        if rule.flags.contains(RuleFlags::Global) {
            global = global.or(own);
        }
        let known = traits.entry(rule.identifier.name.to_owned()).or_default();
        *known = known.or(own);
    }
    if global.whole {
        traits.values_mut().for_each(|t| *t = t.or(global));
    }
    traits.retain(|_, t| *t != RuleTraits::default());
    (traits, md5)
}

fn of_rule(rule: &Rule<'_>, modules: &BTreeSet<&str>, known: &BTreeMap<String, RuleTraits>) -> (RuleTraits, bool) {
    let mut out = RuleTraits::default();
    let mut md5 = false;
    let mut nodes = DFSIter::new(&rule.condition);
    while let Some(event) = nodes.next() {
        let DFSEvent::Enter(expr) = event else { continue };
        match expr {
            Expr::Filesize { .. } => {
                out.filesize = true;
                out.need(doubtful(&nodes, false));
            }
            Expr::Entrypoint { .. } => out.need(doubtful(&nodes, false)),
            // All functions without an object read integers or floats.
            Expr::FuncCall(f) if f.object.is_none() => out.need(doubtful(&nodes, false)),
            Expr::PatternCount(_) | Expr::PatternOffset(_) | Expr::PatternLength(_) | Expr::ForOf(_) => out.places = true,
            Expr::PatternMatch(m) => out.places |= m.anchor.is_some(),
            Expr::Of(of) => out.places |= of.anchor.is_some(),
            Expr::Ident(ident) if is_free(&nodes, expr, ident.name) => {
                let name = ident.name;
                md5 |= name == "md5";
                if modules.contains(name) {
                    if reads_object(&nodes, name) {
                        out.need(doubtful(&nodes, false));
                    }
                } else if let Some(other) = known.get(name) {
                    out = out.or(*other);
                    out.doubtful |= other.whole && doubtful(&nodes, true);
                }
            }
            _ => {}
        }
    }
    (out, md5)
}

/// Whether a name stands for itself: it is no field of something and no variable of a loop or `with`.
fn is_free(nodes: &DFSIter<'_>, expr: &Expr<'_>, name: &str) -> bool {
    let field = match nodes.contexts().next() {
        Some(DFSContext::Operand(Expr::FieldAccess(path))) => {
            path.operands().next().is_none_or(|first| !std::ptr::eq(first, expr))
        }
        _ => false,
    };
    !field
        && !nodes.contexts().any(|c| match c {
            DFSContext::Body(Expr::ForIn(each)) => each.variables.iter().any(|v| v.name == name),
            DFSContext::Body(Expr::With(with)) => with.declarations.iter().any(|d| d.identifier.name == name),
            _ => false,
        })
}

/// Whether the use of a module at hand reads the object.
fn reads_object(nodes: &DFSIter<'_>, module: &str) -> bool {
    let function = match nodes.contexts().next() {
        Some(DFSContext::FuncSelf(Expr::FuncCall(f))) => f.identifier.name,
        // A constant, as `math.MEAN_BYTES`, or a field of what was parsed.
        _ => return module != "math" && !PURE.contains(&module),
    };
    !PURE.contains(&module) && (module != "math" || !PURE_MATH.contains(&function))
}

/// Whether the term at hand, being undefined (or, where `boolean`, false), could make its rule hold.
fn doubtful(nodes: &DFSIter<'_>, mut boolean: bool) -> bool {
    for context in nodes.contexts() {
        match context {
            DFSContext::Root => {}
            DFSContext::Operand(Expr::And(_) | Expr::Or(_)) => boolean = true,
            DFSContext::Body(Expr::ForOf(each)) if grows(&each.quantifier) => boolean = true,
            DFSContext::Body(Expr::ForIn(each)) if grows(&each.quantifier) => boolean = true,
            DFSContext::Body(Expr::With(_)) => {}
            DFSContext::Items(Expr::Of(of)) if grows(&of.quantifier) => boolean = true,
            DFSContext::Operand(Expr::Not(_) | Expr::Defined(_)) => return true,
            // Undefined goes up through comparisons and arithmetic; a false that it became does not.
            DFSContext::Operand(_)
            | DFSContext::Range(_)
            | DFSContext::Anchor(_)
            | DFSContext::Index(_)
            | DFSContext::FuncArg(_)
            | DFSContext::FuncSelf(_)
                if !boolean => {}
            _ => return true,
        }
    }
    false
}

/// Whether more true items can only help: `all`, `any`, a share, or a number of at least one.
fn grows(quantifier: &Quantifier<'_>) -> bool {
    match quantifier {
        Quantifier::All { .. } | Quantifier::Any { .. } => true,
        Quantifier::Percentage(Expr::LiteralInteger(n)) | Quantifier::Expr(Expr::LiteralInteger(n)) => n.value > 0,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACES: RuleTraits = RuleTraits { places: true, filesize: false, whole: false, doubtful: false };
    const SIZE: RuleTraits = RuleTraits { places: false, filesize: true, whole: true, doubtful: false };
    const WHOLE: RuleTraits = RuleTraits { places: false, filesize: false, whole: true, doubtful: false };

    #[test]
    fn terms_of_conditions() {
        let text = "private rule size { condition: filesize < 10 }\n\
            rule a { strings: $x = \"a\" condition: $x }\n\
            rule b { strings: $x = \"a\" condition: #x > 3 }\n\
            rule c { condition: size and a }\n\
            rule d { condition: c }\n";
        let t = of_text(text).0;
        assert_eq!(t.get("a"), None);
        assert_eq!(t["b"], PLACES);
        assert_eq!(t["c"], SIZE);
        assert_eq!(t["d"], SIZE);
    }

    #[test]
    fn terms_that_need_the_whole() {
        let text = r#"
            import "pe" import "string"
            rule bytes { condition: uint16be (0) == 0x4d5a }
            rule entry { strings: $a = "x" condition: $a at entrypoint }
            rule module { condition: pe.is_dll() } rule user { condition: not module }
            rule text { strings: $a = "x" condition: $a and string.length("x") == 1 }
            rule within { strings: $a = "x" condition: $a in (0..filesize) }
            rule fixed { strings: $a = "x" condition: $a at 0x4000 }"#;
        let t = of_text(text).0;
        assert_eq!((t["bytes"], t["module"], t["user"]), (WHOLE, WHOLE, RuleTraits { doubtful: true, ..WHOLE }));
        assert!(t["entry"].whole && t["entry"].places);
        assert_eq!(t["within"], RuleTraits { places: true, filesize: true, whole: true, doubtful: false });
        assert_eq!(t.get("text"), None);
        assert_eq!(t["fixed"], PLACES);
    }

    #[test]
    fn words_in_strings_and_comments_are_no_terms() {
        let text = r#"
            import "pe"
            rule quiet {
                meta: x = "condition: filesize \" pe.x"
                strings: $filesize = "rule x { condition: uint16(0) }" $b = /a\/\/filesize[" ]/ $c = { 41 // filesize
                    42 /* uint8(0) */ }
                condition: // filesize pe.is_pe
                    $filesize and /* uint16(0) */ filename matches /pe\.filesize/ and $b and $c
            }
            // rule other { condition: filesize }
            rule loud { strings: $u = "http://x" condition: $u and filesize > 1 }"#;
        let t = of_text(text).0;
        assert_eq!(t.len(), 1, "{t:?}");
        assert_eq!(t["loud"], SIZE);
    }

    #[test]
    fn uses_of_md5() {
        let uses = |condition: &str| of_text(&format!("import \"hash\" rule a {{ {condition} }}")).1;
        assert!(uses("condition: md5 == \"aa\""));
        assert!(uses("condition: true and md5"));
        assert!(uses("condition: \"aa\" == md5"));
        assert!(uses("condition: md5 matches /a/"));
        assert!(!uses("meta: md5 = \"aa\" condition: true"));
        assert!(!uses("condition: hash.md5(0, filesize) == \"aa\""));
        assert!(!uses("strings: $md5 = \"md5 == 1\" condition: #md5 == 1"));
    }

    #[test]
    fn unknowns_under_a_negation_are_doubtful() {
        let doubt = |c: &str| {
            of_text(&format!("rule s {{ condition: filesize < 9 }} rule r {{ strings: $a = \"a\" condition: {c} }}")).0["r"]
                .doubtful
        };
        for sound in [
            "$a and filesize < 10",
            "$a or filesize < 10",
            "any of (filesize < 1, $a)",
            "2 of (filesize < 1, $a, $a)",
            "for any i in (1, 2) : (uint8(i) == 0)",
            "uint16(uint32(0x3c)) == 1",
            "s and $a",
            "#a in (0..filesize) > 2",
        ] {
            assert!(!doubt(sound), "{sound}");
        }
        for doubtful in [
            "$a and not (filesize < 10 and $a)",
            "not defined filesize",
            "none of (filesize < 1, $a)",
            "0 of (filesize < 1, $a)",
            "for none i in (1, 2) : (uint8(i) == 0)",
            "not s",
            "with x = filesize : (not x)",
            "for all i in (0..filesize) : (i < 3)",
        ] {
            assert!(doubt(doubtful), "{doubtful}");
        }
    }

    #[test]
    fn global_rules_gate_their_file() {
        let t = of_text("rule a { condition: true } global private rule g { condition: filesize < 10 }").0;
        assert_eq!(t["a"], SIZE);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read(text in "(rule|condition:|import \"pe\"|filesize|md5|[a/*\\\\\"{}$\n .é]){0,40}") {
            of_text(&text);
        }
    }
}

//! A rule may hold for what it asks of a program's structure (`pe.imphash() == "…"`), of a name (`filename == "…"`), or for
//! literals. The literals are looked for in any case, so for the rest a rule without patterns stands in for it: all such rules
//! together are no search, and the structure is made once. Where one of them matches, the rule itself is run.

use std::collections::BTreeSet;
use std::ops::Range;

use yara_x_parser::ast::dfs::{DFSEvent, DFSIter};
use yara_x_parser::ast::{Expr, Iterable, OfItems, Rule, WithSpan};

use super::probe::{balanced, compiles};

/// What few objects have in common.
const TELLING: [&str; 11] = [
    "filename",
    "extension",
    "imphash",
    "exports",
    "signatures",
    "version_info",
    "rich_signature",
    "timestamp",
    "pdb_path",
    "section_index",
    "dll_name",
];

/// The text of a rule of the same name that holds wherever this one does and nothing stands in the object without which one of
/// its parts is `lost`, and whether it holds for few objects. `source` is the text of its file, in which `rules` are in force.
pub fn without_patterns(
    source: &str,
    rules: &BTreeSet<&str>,
    rule: &Rule<'_>,
    imports: &[&str],
    lost: &mut impl FnMut(&Expr<'_>) -> bool,
) -> Option<(String, bool)> {
    let mut answer = |expr: &Expr<'_>| match names(expr, rules) {
        Names::Rules => Known::Nothing,
        Names::Patterns if lost(expr) => Known::Never,
        Names::Patterns => Known::Nothing,
        Names::Neither => Known::Text,
    };
    let Part::Of { text, telling } = part(source, &rule.condition, &mut answer) else { return None };
    let name = rule.identifier.name;
    let rule = format!("rule {name} {{ condition: {text} }}");
    compiles(&rule, name, imports).then_some((rule, telling))
}

/// What is left of a part of a condition.
enum Part {
    /// It may hold for any object.
    Open,
    Never,
    Of {
        text: String,
        /// Whether it holds for few objects.
        telling: bool,
    },
}

fn part(source: &str, expr: &Expr<'_>, known: &mut impl FnMut(&Expr<'_>) -> Known) -> Part {
    match expr {
        Expr::And(and) => {
            let mut kept = Vec::new();
            let mut tells = false;
            for operand in &and.operands {
                match part(source, operand, known) {
                    Part::Open => {}
                    Part::Never => return Part::Never,
                    Part::Of { text, telling } => {
                        tells |= telling;
                        kept.push(text);
                    }
                }
            }
            if kept.is_empty() { Part::Open } else { Part::Of { text: format!("({})", kept.join(" and ")), telling: tells } }
        }
        Expr::Or(or) => {
            let mut kept = Vec::new();
            let mut tells = true;
            for operand in &or.operands {
                match part(source, operand, known) {
                    Part::Open => return Part::Open,
                    Part::Never => {}
                    Part::Of { text, telling } => {
                        tells &= telling;
                        kept.push(text);
                    }
                }
            }
            if kept.is_empty() { Part::Never } else { Part::Of { text: format!("({})", kept.join(" or ")), telling: tells } }
        }
        _ => match (known(expr), source.get(range(expr))) {
            (Known::Never, _) => Part::Never,
            (Known::Text, Some(text)) => Part::Of { text: balanced(text), telling: is_telling(expr) },
            _ => Part::Open,
        },
    }
}

/// Where a part stands in the text. The span of a call lacks what it is called on.
fn range(expr: &Expr<'_>) -> Range<usize> {
    let objects = DFSIter::new(expr).filter_map(|event| match event {
        DFSEvent::Enter(Expr::FuncCall(call)) => call.object.as_ref().map(|object| range(object).start),
        _ => None,
    });
    let Range { start, end } = expr.span().range();
    objects.fold(start, usize::min)..end
}

/// What is known of a part that is neither `and` nor `or`.
enum Known {
    Nothing,
    Never,
    /// As much as its text says.
    Text,
}

/// What a part names of its file.
enum Names {
    Rules,
    Patterns,
    Neither,
}

fn names(expr: &Expr<'_>, rules: &BTreeSet<&str>) -> Names {
    let mut all = Names::Neither;
    for event in DFSIter::new(expr) {
        match event {
            DFSEvent::Enter(Expr::Ident(name)) if rules.contains(name.name) => return Names::Rules,
            DFSEvent::Enter(Expr::Of(of)) if matches!(of.items, OfItems::PatternSet(_)) => all = Names::Patterns,
            DFSEvent::Enter(
                Expr::PatternMatch(_) | Expr::PatternCount(_) | Expr::PatternOffset(_) | Expr::PatternLength(_) | Expr::ForOf(_),
            ) => all = Names::Patterns,
            _ => {}
        }
    }
    all
}

fn is_telling(expr: &Expr<'_>) -> bool {
    let negates = matches!(expr, Expr::Not(_) | Expr::Ne(_) | Expr::Of(_))
        || matches!(expr, Expr::ForIn(each) if matches!(each.iterable, Iterable::ExprTuple(_)));
    !negates
        && DFSIter::new(expr).any(|event| match event {
            DFSEvent::Enter(Expr::Ident(name)) => TELLING.contains(&name.name),
            DFSEvent::Enter(Expr::FuncCall(call)) => TELLING.contains(&call.identifier.name),
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use yara_x_parser::ast::AST;

    use super::*;

    /// What is left of a condition, where nothing stands without which `$a` and `$b` match.
    fn of(condition: &str) -> Option<String> {
        let source =
            format!("import \"pe\" rule r : tag {{ strings: $a = \"x\" $b = \"y\" $open = {{ 01 }} condition: {condition} }}");
        let ast = AST::from(source.as_str());
        let mut lost = |expr: &Expr<'_>| {
            let text = &source[expr.span().range()];
            !text.contains("not") && !text.contains("open") && !text.contains("them")
        };
        let rules = BTreeSet::from(["other", "r"]);
        let (text, telling) = without_patterns(&source, &rules, ast.rules().next().unwrap(), &["pe"], &mut lost)?;
        telling.then_some(())?;
        text.strip_prefix("rule r { condition: ")?.strip_suffix(" }").map(str::to_owned)
    }

    #[test]
    fn what_is_asked_of_the_structure_is_kept() {
        let kept = of("uint16(0) == 0x5a4d and filesize < 9 and (pe.imphash() == \"x\" or $a or all of ($b*))");
        assert_eq!(kept.as_deref(), Some("((uint16(0) == 0x5a4d) and (filesize < 9) and ((pe.imphash() == \"x\")))"));
        let kept = of("pe.is_pe and ($open or $a) and (pe.exports(\"x\") or (pe.timestamp == 3 and not $a))");
        assert_eq!(kept.as_deref(), Some("((pe.is_pe) and ((pe.exports(\"x\")) or ((pe.timestamp == 3))))"));
        let kept = of("(pe.imphash() == \"x\" and $a) or pe.dll_name == \"y\"");
        assert_eq!(kept.as_deref(), Some("((pe.dll_name == \"y\"))"));
        let each = "for any i in (0..pe.number_of_signatures) : ( pe.signatures[i].serial == \"x\" )";
        assert_eq!(of(&format!("{each} and $open")), Some(format!("(({each}))")));
        let kept = of("filename == \"x\" and not 1 of ($a*) and not other");
        assert_eq!(kept.as_deref(), Some("((filename == \"x\"))"));
    }

    #[test]
    fn what_holds_for_many_objects_is_told() {
        for condition in [
            "pe.is_pe and ($open or pe.imphash() == \"x\")",
            "pe.is_pe and not pe.imphash() == \"x\" and $open",
            "pe.imphash() != \"x\" and $open",
            "pe.imphash() == \"x\" or pe.is_dll() or $a",
            "$a or $b",
            "other and $a",
            "not filename == \"x\" and $open",
            "$open",
        ] {
            assert_eq!(of(condition), None, "{condition}");
        }
    }
}

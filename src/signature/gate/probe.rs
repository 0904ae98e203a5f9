//! A rule that asks for nothing which tells objects apart is run on every object; where it names a module, the module's whole
//! structure is made for every object, which takes longer than all such rules together. So a weaker rule stands in for it: the
//! same without what it asks of modules. Where that one matches, the rule itself is run.

use yara_x_parser::ast::dfs::{DFSEvent, DFSIter};
use yara_x_parser::ast::{Expr, Rule, WithSpan};

use crate::signature::compile::{compiler_for, in_force};

/// The text of a rule that holds wherever this one does; none where nothing would be left of the condition. `source` is the
/// text of its file, `text` the rule's part of that.
pub fn weaker(source: &str, text: &str, rule: &Rule<'_>) -> Option<String> {
    let Expr::And(and) = &rule.condition else { return None };
    let from = text.as_ptr().addr().checked_sub(source.as_ptr().addr())?;
    // Brackets around a part are none of its span, so the condition may begin before it.
    let before = source.get(from..rule.condition.span().start())?;
    let before = before.get(..before.rfind("condition")?)?;
    let kept = and.operands.iter().filter(|operand| !names_anything(operand));
    let kept: Vec<String> = kept.map(|operand| source.get(operand.span().range()).map(balanced)).collect::<Option<_>>()?;
    if kept.is_empty() {
        return None;
    }
    // A pattern that isn't named at all would be an error.
    let named = if rule.patterns.is_some() { " and (true or any of them)" } else { "" };
    let weaker = format!("{before}condition: {}{named} }}", kept.join(" and "));
    compiles(&weaker, rule.identifier.name, &[]).then_some(weaker)
}

/// In brackets, with those that the part lost at its ends. Brackets in texts may deceive it: then nothing compiles.
pub fn balanced(part: &str) -> String {
    let mut missing = 0_usize;
    let mut open = 0_usize;
    for byte in part.bytes() {
        match byte {
            b'(' => open += 1,
            b')' if open == 0 => missing += 1,
            b')' => open -= 1,
            _ => {}
        }
    }
    format!("({}{part}{})", "(".repeat(missing), ")".repeat(open))
}

/// Modules, other rules, variables.
fn names_anything(expr: &Expr<'_>) -> bool {
    DFSIter::new(expr).any(|event| matches!(event, DFSEvent::Enter(Expr::Ident(_))))
}

/// Whether a text gives this rule by itself.
pub fn compiles(text: &str, name: &str, imports: &[&str]) -> bool {
    let mut c = compiler_for(imports.iter().copied());
    let mut source: String = imports.iter().map(|module| format!("import \"{module}\"\n")).collect();
    source.push_str(text);
    let added = c.add_source(source.as_str()).is_ok();
    added && in_force(&c.build()).map(|rule| rule.identifier().to_owned()).eq([name.to_owned()])
}

#[cfg(test)]
mod tests {
    use yara_x_parser::ast::AST;

    use super::*;

    fn of(condition: &str) -> Option<String> {
        let source = format!(
            "import \"pe\"\nrule first {{ condition: true }}\nrule r : tag {{ meta: x = \"condition: 1\" strings: $a = \"x\" $b = {{ 01 }} condition: {condition} }}"
        );
        let text = &source[source.find("rule r").unwrap()..];
        let ast = AST::from(source.as_str());
        let weaker = weaker(&source, text, ast.rules().last().unwrap())?;
        assert!(weaker.starts_with("rule r : tag { meta: x = \"condition: 1\" strings: $a"), "{weaker}");
        weaker.rsplit_once("condition: ").map(|(_, kept)| kept.strip_suffix(" and (true or any of them) }").unwrap().to_owned())
    }

    #[test]
    fn what_names_no_module_is_kept() {
        assert_eq!(of("#a > 3 and not pe.number_of_signatures > 0").as_deref(), Some("(#a > 3)"));
        assert_eq!(
            of("(#a > 3 or #b > 2) and filesize > 3 and pe.is_pe and (first or $b)").as_deref(),
            Some("(#a > 3 or #b > 2) and (filesize > 3)")
        );
        assert_eq!(of("($a or ($b and (#a > 1))) and pe.is_pe").as_deref(), Some("($a or ($b and (#a > 1)))"));
        assert_eq!(of("1 of ($a*) and (pe.is_pe or $b) and (($b))").as_deref(), Some("(1 of ($a*)) and ($b)"));
        assert_eq!(of("/* condition: */ $a and pe.is_pe"), None);
        assert_eq!(of("pe.is_pe and first"), None);
        assert_eq!(of("$a or pe.is_pe"), None);
    }
}

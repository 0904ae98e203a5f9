//! What the compiler doesn't warn of, read from the syntax tree: jumps without end, and conditions that ask the clock.

use yara_x_parser::ast::dfs::{DFSEvent, DFSIter};
use yara_x_parser::ast::{AST, Expr, HexSubPattern, HexToken, Pattern, Rule, WithSpan};

use super::collect::Source;
use super::compile::rejected;
use crate::model::Rejected;

/// Warnings for every rule of a source, each with its line.
pub(super) fn warnings(source: &Source) -> Vec<(Option<usize>, Rejected)> {
    let ast = AST::from(source.text.as_str());
    let line_of = |at: usize| source.text.as_bytes().iter().take(at).filter(|b| **b == b'\n').count().saturating_add(1);
    let told = ast.rules().flat_map(of_rule).map(|(at, why)| {
        let line = Some(line_of(at));
        (line, rejected(&source.name, line, &why))
    });
    told.collect()
}

fn of_rule<'a>(rule: &'a Rule<'_>) -> impl Iterator<Item = (usize, String)> + 'a {
    let jumps = rule.patterns.iter().flatten().filter_map(|pattern| match pattern {
        Pattern::Hex(hex) if is_endless(&hex.sub_patterns) => {
            let name = hex.identifier.name;
            let why =
                format!("unbounded_jump: {name} jumps without end; from every start it is followed to the end of the object");
            Some((hex.identifier.span().start(), why))
        }
        _ => None,
    });
    let clocks = DFSIter::new(&rule.condition).filter_map(|event| match event {
        DFSEvent::Enter(Expr::FuncCall(f))
            if f.identifier.name == "now" && matches!(&f.object, Some(Expr::Ident(i)) if i.name == "time") =>
        {
            let why = "uses_clock: time.now() lets two scans of the same evidence differ".to_owned();
            Some((f.identifier.span().start(), why))
        }
        _ => None,
    });
    jumps.chain(clocks)
}

/// YARA allows no jump without end within alternatives.
fn is_endless(tokens: &HexSubPattern) -> bool {
    tokens.iter().any(|token| matches!(token, HexToken::Jump(jump) if jump.end.is_none()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endless_jumps_and_clocks_are_told_with_their_lines() {
        let text = "import \"time\"\nrule a {\n strings: $h = { 41 [2-] 42 } $b = { 41 [2-9] 42 }\n condition: any of them }\n\
                    rule b { condition: time.now() > 5 }\nrule c { condition: false }\n";
        let source = Source::embedded("x.yar", text);
        let told = warnings(&source);
        let lines: Vec<_> = told.iter().map(|(line, w)| (line.unwrap_or(0), w.why.split(':').next().unwrap_or(""))).collect();
        assert_eq!(lines, [(3, "unbounded_jump"), (5, "uses_clock")]);
        assert!(told[0].1.why.contains("$h"));
    }
}

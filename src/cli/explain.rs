//! `wardround explain`: one finding in words, and the arithmetic behind its score.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::exit::Exit;
use crate::correlate::axes::Axes;
use crate::model::text::{escape, thousands};
use crate::model::{Axis, Category, Priors, Reason};
use crate::report::{FindingRow, OldCase};
use crate::score;

const AFTER: &str = "\
EXAMPLE
  Every finding with its id, the strongest first, and then one of them in words:
      wardround explain case-17
      wardround explain case-17 3fa9c1

EXIT CODES
  0 explained · 64 no such case or finding";

#[derive(Args, Debug)]
#[command(after_help = AFTER)]
pub struct ExplainArgs {
    /// Case folder; only read
    #[arg(value_name = "CASE")]
    pub case: PathBuf,
    /// Id of a finding, or its first characters; without it the findings are listed
    #[arg(value_name = "ID")]
    pub id: Option<String>,
}

/// Explains one finding, or lists them.
pub fn run(args: &ExplainArgs) -> Exit {
    let old = match OldCase::open(&args.case) {
        Ok(old) => old,
        Err(e) => return usage(&e.to_string()),
    };
    let Some(id) = &args.id else {
        print!("{}", inert(&list(&old.report.findings)));
        return Exit::Clean;
    };
    let id = id.trim().to_lowercase();
    let found: Vec<&FindingRow> = old.report.findings.iter().filter(|f| !id.is_empty() && f.id.starts_with(&id)).collect();
    match found.as_slice() {
        [one] => {
            print!("{}", inert(&explain(one)));
            Exit::Clean
        }
        [] => usage(&format!("the case has no finding whose id begins with {id:?}; `wardround explain CASE` lists them")),
        many => usage(&format!("{} findings have ids that begin with {id}; give more of it", many.len())),
    }
}

/// A case folder may come from anybody: what could steer the terminal is shown, line by line.
fn inert(text: &str) -> String {
    text.lines().map(|line| escape(line.as_bytes()) + "\n").collect()
}

fn usage(why: &str) -> Exit {
    eprintln!("wardround: {why}");
    Exit::Usage
}

fn list(findings: &[FindingRow]) -> String {
    let mut sorted: Vec<&FindingRow> = findings.iter().collect();
    sorted.sort_by(|a, b| (b.level, b.score, &a.path).cmp(&(a.level, a.score, &b.path)));
    let mut out = String::new();
    for f in sorted {
        let id = f.id.get(..12).unwrap_or(&f.id);
        let _ = writeln!(out, "{id}  {:<7} {:>3}  {}  ({})", f.level.word(), f.score, f.title, f.path);
    }
    if out.is_empty() {
        out.push_str("The case has no finding.\n");
    }
    out
}

/// The whole explanation.
fn explain(f: &FindingRow) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "{}\n{}\n", f.title, f.path);
    let _ = writeln!(out, "Level {}, score {} of 100. {}", f.level.word(), f.score, level_words(f));
    let sections: &[(Option<Axis>, &str)] = match f.category {
        Category::Staging | Category::PhiAtRest => &[
            (Some(Axis::Content), "What it holds"),
            (Some(Axis::Staging), "What looks like preparation to take it away"),
            (Some(Axis::Benign), "What explains it harmlessly"),
            (Some(Axis::NotReal), "Why it may not be real people's data"),
            (None, "Also"),
        ],
        _ => &[(None, "What was seen")],
    };
    for (axis, heading) in sections {
        let here: Vec<_> = f.reasons.iter().filter(|r| r.axis == *axis && r.group != "rule").collect();
        if here.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n{heading}:");
        for r in here {
            let weight = if r.weight == 0 { String::new() } else { format!("  [{} {:+}]", r.group, r.weight) };
            let _ = writeln!(out, "  - {}{weight}", r.text);
            for object in &r.objects {
                let _ = writeln!(out, "      {object}");
            }
        }
    }
    let _ = writeln!(out, "\nHow the score comes about:");
    out.push_str(&arithmetic(f));
    if let Some(phi) = &f.phi {
        let people = phi.individuals;
        let _ = writeln!(
            out,
            "\nPeople: most likely {}, at least {}, at most {}.",
            thousands(people.best),
            thousands(people.low),
            thousands(people.high)
        );
    }
    if f.category == Category::Staging {
        out.push_str(
            "\nThis is no proof that data left the building. It says that data lie as they would before they are taken; \
             whether they were is for firewall, proxy and endpoint logs to tell.\n",
        );
    }
    out
}

fn level_words(f: &FindingRow) -> String {
    let t = score::thresholds(f.category);
    match f.category {
        Category::PhiAtRest => "Patient data where it was found is no accusation: it is always of level info.".into(),
        _ => format!(
            "Alert from {} with one reason that is strong by itself, warning from {}, notice from {}.",
            t.alert, t.warning, t.notice
        ),
    }
}

/// The formula with the finding's own numbers.
fn arithmetic(f: &FindingRow) -> String {
    let reasons: Vec<Reason> = f
        .reasons
        .iter()
        .filter(|r| r.group != "rule")
        .map(|r| {
            let mut reason = Reason::new(r.id.clone(), r.group.clone(), r.weight, "", "");
            reason.axis = r.axis;
            reason
        })
        .collect();
    let mut out = String::new();
    if !matches!(f.category, Category::Staging | Category::PhiAtRest) {
        let sum = score::sum(&reasons);
        let _ = writeln!(
            out,
            "  Of each kind of reason only the strongest counts. Together they make {:.1}, less {:.1} for what speaks against: {}.",
            sum.gain, sum.loss, sum.score
        );
        return out;
    }
    let axes = Axes::of(&reasons);
    let discount = Priors::get().rules.discount;
    let _ = writeln!(out, "  Of each group (in brackets) only the strongest reason counts; groups add up as 1 - (1-a)(1-b)...");
    let _ = writeln!(out, "  Content {:.2}{}", axes.content, less(axes.not_real, discount, "not real"));
    if f.category == Category::PhiAtRest {
        let _ = writeln!(out, "  Score = 100 x {:.2} = {}", axes.content, axes.content_score());
        return out;
    }
    let _ = writeln!(
        out,
        "  Staging {:.2}{}, of {} kinds of signs",
        axes.staging,
        less(axes.benign, discount, "harmless"),
        axes.groups
    );
    let _ = writeln!(
        out,
        "  Score = 100 x sqrt({:.2} x {:.2}) = {:.0}",
        axes.content,
        axes.staging,
        100.0 * (axes.content * axes.staging).sqrt()
    );
    for rule in &axes.rules {
        let _ = writeln!(out, "  Rule: {}. The score is {}.", rule.words(), axes.score);
    }
    out
}

fn less(discount: f64, percent: u8, word: &str) -> String {
    if discount == 0.0 {
        return String::new();
    }
    format!(" (after {:.0} % was taken off: {word} {discount:.2})", discount * f64::from(percent))
}

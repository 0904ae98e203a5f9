//! Comparing texts: the one shape that every format's operators come down to.

use regex::Regex;

use super::super::pattern::{MAX_PATTERN, compile};

/// How a text is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextOp {
    Is,
    Contains,
    StartsWith,
    EndsWith,
    /// `%` for any text, `_` for any one character (STIX 2.1 part 9.6).
    Like,
    /// A regular expression, found anywhere.
    Matches,
}

/// Whether upper and lower case differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    Exact,
    Fold,
    /// As the file system that the object comes from: Windows folds, others don't.
    Source,
}

/// One comparison, checked.
#[derive(Clone, Debug)]
pub struct Text {
    op: TextOp,
    value: String,
    /// In lower case, where case may not matter.
    folded: Option<String>,
    case: Case,
    /// For the operators that need one: as written, and without regard to case.
    regexes: Option<Box<(Regex, Regex)>>,
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        (self.op, &self.value, self.case) == (other.op, &other.value, other.case)
    }
}

impl Text {
    /// The error says what is wrong with the value.
    pub fn new(op: TextOp, value: &str, case: Case) -> Result<Self, String> {
        if value.len() > MAX_PATTERN {
            return Err(format!("a value of more than {MAX_PATTERN} bytes"));
        }
        let source = match op {
            TextOp::Like => Some(like(value)),
            TextOp::Matches => Some(value.to_owned()),
            _ => None,
        };
        // The pattern by itself first, so that an error names it and not what is put around it.
        let regexes = match source {
            Some(s) => Some(Box::new((compile(&s)?, compile(&format!("(?i:{s})"))?))),
            None => None,
        };
        let folded = (case != Case::Exact && regexes.is_none()).then(|| value.to_lowercase());
        Ok(Self { op, value: value.to_owned(), folded, case, regexes })
    }

    /// Equality without regard to case, which can't fail.
    pub fn is(value: &str) -> Self {
        Self { op: TextOp::Is, value: value.to_owned(), folded: Some(value.to_lowercase()), case: Case::Fold, regexes: None }
    }

    pub fn op(&self) -> TextOp {
        self.op
    }

    pub fn value(&self) -> &str {
        &self.value
    }

    pub fn case(&self) -> Case {
        self.case
    }

    /// `folds`: the object's source doesn't tell upper from lower case.
    pub fn holds(&self, text: &str, folds: bool) -> bool {
        let fold = match self.case {
            Case::Exact => false,
            Case::Fold => true,
            Case::Source => folds,
        };
        if let Some(both) = &self.regexes {
            return if fold { both.1.is_match(text) } else { both.0.is_match(text) };
        }
        match &self.folded {
            Some(value) if fold => plain(self.op, &text.to_lowercase(), value),
            _ => plain(self.op, text, &self.value),
        }
    }

    /// Whether it holds for texts of no particular kind, so that it says nothing.
    pub fn is_empty(&self) -> bool {
        match self.op {
            TextOp::Is => false,
            TextOp::Contains | TextOp::StartsWith | TextOp::EndsWith => self.value.is_empty(),
            TextOp::Like => self.value.chars().all(|c| c == '%'),
            TextOp::Matches => self.regexes.as_ref().is_some_and(|r| r.0.is_match("")),
        }
    }
}

fn plain(op: TextOp, text: &str, value: &str) -> bool {
    match op {
        TextOp::Is => text == value,
        TextOp::Contains => text.contains(value),
        TextOp::StartsWith => text.starts_with(value),
        TextOp::EndsWith => text.ends_with(value),
        TextOp::Like | TextOp::Matches => false,
    }
}

/// LIKE as a regular expression.
fn like(value: &str) -> String {
    let mut out = String::from(r"(?s)\A");
    for c in value.chars() {
        match c {
            '%' => out.push_str(".*"),
            '_' => out.push('.'),
            c => out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    out.push_str(r"\z");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operator() {
        for (op, value, yes, no) in [
            (TextOp::Is, "a.b", "a.b", "axb"),
            (TextOp::Is, "a", "a", "a\n"),
            (TextOp::Contains, "b.", "ab.c", "abc"),
            (TextOp::StartsWith, "a+", "a+b", "aab"),
            (TextOp::EndsWith, ".exe", "x.exe", "x.exe.txt"),
            (TextOp::Like, "a%_z", "a..yz", "az"),
            (TextOp::Like, "%.e_e", "x\n.exe", "x.eexe"),
            (TextOp::Matches, "^a.*z$", "abcz", "xabcz"),
        ] {
            let text = Text::new(op, value, Case::Exact).unwrap();
            assert!(text.holds(yes, false), "{op:?} {value} {yes}");
            assert!(!text.holds(no, false), "{op:?} {value} {no}");
            assert!(Text::new(op, value, Case::Fold).unwrap().holds(&yes.to_uppercase(), false), "{op:?} {value}");
        }
        assert!(Text::new(TextOp::Matches, "(", Case::Exact).is_err());
        assert!(Text::new(TextOp::Like, "%", Case::Exact).unwrap().is_empty());
        assert!(Text::new(TextOp::Matches, "x*", Case::Exact).unwrap().is_empty());
    }

    #[test]
    fn the_sources_case_rule_decides() {
        let text = Text::new(TextOp::Is, "Evil.exe", Case::Source).unwrap();
        assert!(text.holds("EVIL.EXE", true) && !text.holds("EVIL.EXE", false) && text.holds("Evil.exe", false));
        assert!(Text::new(TextOp::Matches, "a|B", Case::Fold).unwrap().holds("b", false));
    }
}

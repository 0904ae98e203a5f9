//! STIX 2.0 and 2.1: bundles, envelopes of TAXII, lists and lines of objects. Their patterns are evaluated as
//! trees, in three values.

mod bundle;
mod collect;
mod lexer;
mod network;
mod objects;
mod parser;
mod registry;
mod tree;
mod values;

use super::expr::Pattern;
use super::{About, IocFormat, Loader};
use collect::{Collected, Indicator, Language};

/// JSON with objects of STIX 2.
pub struct Stix2;

/// Words of which a document of STIX 2 has at least one.
const WORDS: &[&str] =
    &["\"bundle\"", "\"spec_version\"", "\"pattern_type\"", "\"indicator--", "\"created_by_ref\"", "\"kill_chain_phases\""];
/// Words of MISP, whose attributes may carry STIX patterns.
const OTHERS: &[&str] = &["\"Event\"", "\"Attribute\"", "\"to_ids\""];

/// Whether a text is JSON with objects of STIX 2.
pub fn looks_like_stix(text: &str) -> bool {
    let body = text.trim_start_matches(['\u{feff}', ' ', '\t', '\r', '\n']);
    let inner = body.strip_prefix('[').map(str::trim_start).unwrap_or(body);
    let has = |words: &[&str]| words.iter().any(|w| body.contains(w));
    inner.starts_with('{') && has(WORDS) && !has(OTHERS)
}

impl IocFormat for Stix2 {
    fn id(&self) -> &'static str {
        "stix2"
    }

    fn looks_like(&self) -> &'static str {
        "STIX 2.0 or 2.1 JSON: bundle, envelope, list or lines of objects"
    }

    fn sniff(&self, _: &[u8], head: &[u8]) -> bool {
        std::str::from_utf8(head).is_ok_and(looks_like_stix)
    }

    fn parse(&self, text: &str, loader: &mut Loader<'_>) {
        let mut collected = Collected::default();
        let broken = bundle::read(text, &mut collected);
        if collected.indicators.is_empty() && broken.is_empty() {
            let n = crate::model::text::thousands(collected.objects);
            loader.reject(1, format!("a STIX bundle without indicators ({n} objects)"));
        }
        for (line, why) in broken {
            loader.reject(line, why);
        }
        for indicator in collected.take() {
            load(indicator, loader);
        }
    }
}

/// One pattern by itself, as other formats carry it. The error says what is wrong with it.
pub fn pattern(text: &str) -> Result<Pattern, String> {
    Ok(tree::build(&parser::parse(text)?.tree)?.pattern)
}

/// One indicator. What is wrong with it costs itself.
fn load(indicator: Indicator, loader: &mut Loader<'_>) {
    let Indicator { place, language, pattern, .. } = &indicator;
    if let Some(why) = indicator.refused {
        return loader.reject(place.clone(), why);
    }
    match language {
        Language::Stix => {}
        Language::Yara => return loader.yara(place.clone(), pattern),
        Language::Other(name) => {
            return loader.unanswered(place.clone(), format!("its pattern is written in {name}, which is not evaluated"));
        }
    }
    let parsed = match parser::parse(pattern) {
        Ok(parsed) => parsed,
        Err(why) => return loader.reject(place.clone(), format!("its pattern can't be read: {why}")),
    };
    let built = match tree::build(&parsed.tree) {
        Ok(built) => built,
        Err(why) => return loader.reject(place.clone(), why),
    };
    for why in &indicator.notes {
        loader.adjust(place, *why);
    }
    if parsed.lone_backslash {
        loader.adjust(place, "a backslash in its pattern escapes nothing; it is taken as it stands");
    }
    for why in &built.left_out {
        loader.adjust(place, format!("a part of it is left out: {why}"));
    }
    let about = About {
        place: place.clone(),
        score: indicator.score,
        description: &indicator.description,
        marks: Some(indicator.marks.into()),
    };
    loader.pattern(about, built.pattern);
}

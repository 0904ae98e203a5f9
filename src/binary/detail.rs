//! The facts of an executable as a report may hold them: digests, counts, versions, signer. Lists of names, free
//! text and folders have no place in their serialised form; what follows here adds digests of sections.

use serde_json::{Value, json};

use super::facts::Facts;

/// Sections may overlap, so that together they can be much larger than the object; digests end at so many times
/// its size.
const MAX_PASSES: u64 = 2;

/// `body` is the object that the facts come from, where it is held.
pub fn detail(facts: &Facts, body: Option<&[u8]>) -> Value {
    let mut value = serde_json::to_value(facts).unwrap_or(Value::Null);
    let (Some(body), Some(shown)) = (body, value.get_mut("sections").and_then(Value::as_array_mut)) else { return value };
    let mut left = (body.len() as u64).saturating_mul(MAX_PASSES);
    for (section, shown) in facts.sections.iter().zip(shown) {
        let Some(rest) = left.checked_sub(section.size) else { break };
        left = rest;
        if section.size > 0
            && let Some(shown) = shown.as_object_mut()
        {
            shown.insert("md5".to_owned(), json!(section.md5(body)));
            shown.insert("sha256".to_owned(), json!(section.sha256(body)));
        }
    }
    value
}

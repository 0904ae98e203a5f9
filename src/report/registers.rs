//! `registers.json`: HyperLogLog registers of the people of a case, for counting those of several hosts once. Written
//! only where the operator gave the hosts one case key; it holds no key, no token and no identifier.

use base64::Engine as _;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::{Census, Registers, Sketch};

/// The file in the case folder.
pub const REGISTERS: &str = "registers.json";
const SCHEMA: &str = "wardround/registers/1";

/// Registers of one case.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegistersFile {
    pub schema: String,
    /// Tells whether two cases had the same key, without telling the key.
    pub key_id: String,
    /// Bits that choose the register.
    pub precision: u8,
    /// 2^`precision` bytes in base64: everybody by their strongest key.
    pub people: String,
    /// The same by kind of token, in the order mrn, member, ssn, mbi, local, name and birth, name.
    pub kinds: Vec<String>,
    /// Records, and how many of them carried a token of each kind: which kinds count everybody.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub records: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub with: Vec<u64>,
}

impl RegistersFile {
    pub fn new(key_id: String, census: &Census) -> Self {
        let text = |r: &Registers| base64::engine::general_purpose::STANDARD.encode(r.bytes());
        Self {
            schema: SCHEMA.to_owned(),
            key_id,
            precision: 14,
            people: text(&census.sketch.keys),
            kinds: census.sketch.kinds.iter().map(text).collect(),
            records: Some(census.records()),
            with: census.with().to_vec(),
        }
    }

    /// The registers by everybody's strongest key; `None` where they are none.
    pub fn people(&self) -> Option<Registers> {
        self.census().map(|census| census.sketch.keys)
    }

    /// What was counted; `None` where that isn't what it holds. Without counts no kind of token is taken for everybody's.
    pub fn census(&self) -> Option<Census> {
        if self.schema != SCHEMA || self.precision != 14 {
            return None;
        }
        let read = |text: &String| Registers::from_bytes(&base64::engine::general_purpose::STANDARD.decode(text).ok()?);
        let kinds: Vec<Registers> = self.kinds.iter().map(read).collect::<Option<_>>()?;
        let sketch = Sketch { keys: read(&self.people)?, kinds: kinds.try_into().ok()? };
        let with: Option<[u64; 7]> = self.with.clone().try_into().ok();
        Some(match (self.records, with) {
            (Some(records), Some(with)) => Census::from_parts(sketch, records, with),
            _ => Census::from_parts(sketch, 1, [0; 7]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Person, Token, TokenKind};

    #[test]
    fn registers_survive_being_written() {
        let people: Vec<Person> = (0..500_u64)
            .map(|i| Person {
                tokens: vec![Token { kind: TokenKind::Ssn, hash: u128::from(i.wrapping_mul(0x9e37_79b9_7f4a_7c15)) }],
                state: None,
            })
            .collect();
        let census = Census::of(&people);
        let text = serde_json::to_string(&RegistersFile::new("k".into(), &census)).unwrap();
        let back: RegistersFile = serde_json::from_str(&text).unwrap();
        assert_eq!(back.census(), Some(census));
        let other = RegistersFile { precision: 12, ..back.clone() };
        assert_eq!(other.census(), None);
        assert_eq!(RegistersFile { kinds: vec![], ..back }.census(), None);
    }
}

//! Known tools that intruders bring along, as data (`wardround/tools/1`): by what each is recognised inside, and
//! under which names it is ordinarily found. `iocs/README.md` describes the file.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::{Input, Rejected, assets, text};

use super::facts::{Facts, Format, Version};

/// The format's name and version.
const FORMAT: &str = "wardround/tools/1";
/// Largest file that is read.
const MAX_FILE: u64 = 16 << 20;

/// What a tool is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Copies data to somewhere else.
    Exfiltration,
    /// Packs data; bundled by many programs.
    Archiver,
    /// Remote control by a person; often sold under other brands.
    RemoteAccess,
    /// Carries other connections.
    Tunnel,
    Credential,
    Discovery,
    /// Runs commands, here or elsewhere.
    Execution,
    /// Ends or blinds protection.
    Evasion,
}

/// A known tool.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Unique; a later file's tool replaces an earlier one of the same id.
    pub id: String,
    /// In words, as `the cloud copy tool rclone`.
    pub name: String,
    pub class: Class,
    /// One of these is enough.
    pub identify: Vec<Identify>,
    /// What an ordinary copy's file name holds, lower case.
    #[serde(default)]
    pub names: Vec<String>,
    /// Has no honest use on a clinic's machine: present under any name it is a finding.
    #[serde(default)]
    pub hostile: bool,
    /// Parts of folders (lower case, `/`) in which another name is ordinary.
    #[serde(default)]
    pub homes: Vec<String>,
    /// MITRE ATT&CK techniques that it serves.
    pub techniques: Vec<String>,
    /// Where the facts come from.
    pub sources: Vec<String>,
}

/// Facts that identify a tool. Each field that isn't empty must agree with one of its values: the same text
/// without regard to case, or its beginning where the value ends in `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Identify {
    pub original_filename: Vec<String>,
    pub internal_name: Vec<String>,
    pub product_name: Vec<String>,
    pub file_description: Vec<String>,
    pub company_name: Vec<String>,
    /// Path of the main module or main package.
    pub go_module: Vec<String>,
    pub imphash: Vec<String>,
    /// MD5 of the Rich header.
    pub rich: Vec<String>,
    /// File name of the symbol file.
    pub pdb: Vec<String>,
    /// ELF `DT_SONAME`.
    pub soname: Vec<String>,
    /// Identifier of a Mach-O code signature.
    pub signing_id: Vec<String>,
}

/// By which kind of fact a tool was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    Version,
    Go,
    Hash,
    Name,
}

impl Claim {
    /// For "by its … this is".
    pub fn words(self) -> &'static str {
        match self {
            Claim::Version => "version information",
            Claim::Go => "Go build information",
            Claim::Hash => "header hashes",
            Claim::Name => "own name inside the file",
        }
    }
}

/// One field that must agree.
struct Field<'a> {
    claim: Claim,
    values: &'a [String],
    /// What the executable says; any of it may agree.
    found: Vec<Option<&'a str>>,
}

impl Identify {
    /// The fields that hold values.
    fn fields<'a>(&'a self, facts: &'a Facts) -> impl Iterator<Item = Field<'a>> {
        let version = facts.version.as_ref();
        let of = |get: fn(&Version) -> &Option<String>| vec![version.and_then(|v| get(v).as_deref())];
        let go = facts.go.as_ref();
        let go = vec![go.and_then(|g| g.module.as_deref()), go.and_then(|g| g.path.as_deref())];
        let rich = facts.pe.as_ref().and_then(|p| p.rich.as_ref()).map(|r| r.md5.as_str());
        let pdb = facts.pe.as_ref().and_then(|p| p.pdb.as_ref()).map(|p| p.file.as_str());
        let soname = facts.elf.as_ref().and_then(|e| e.soname.as_deref());
        let signature = facts.macho.as_ref().and_then(|m| m.code_signature.as_ref());
        let field = |claim, values, found| Field { claim, values, found };
        let all = [
            field(Claim::Version, self.original_filename.as_slice(), of(|v| &v.original_filename)),
            field(Claim::Version, &self.internal_name, of(|v| &v.internal_name)),
            field(Claim::Version, &self.product_name, of(|v| &v.product_name)),
            field(Claim::Version, &self.file_description, of(|v| &v.file_description)),
            field(Claim::Version, &self.company_name, of(|v| &v.company_name)),
            field(Claim::Go, &self.go_module, go),
            field(Claim::Hash, &self.imphash, vec![facts.imphash.as_deref()]),
            field(Claim::Hash, &self.rich, vec![rich]),
            field(Claim::Name, &self.pdb, vec![pdb]),
            field(Claim::Name, &self.soname, vec![soname]),
            field(Claim::Name, &self.signing_id, vec![signature.and_then(|s| s.identifier.as_deref())]),
        ];
        all.into_iter().filter(|f| !f.values.is_empty())
    }

    fn matches(&self, facts: &Facts) -> Option<Claim> {
        let agrees = |f: &Field<'_>| f.found.iter().flatten().any(|found| f.values.iter().any(|v| same(v, found)));
        let mut claim = None;
        for field in self.fields(facts) {
            if !agrees(&field) {
                return None;
            }
            claim = claim.or(Some(field.claim));
        }
        claim
    }

    fn is_empty(&self) -> bool {
        self.fields(&Facts::new(Format::Pe)).next().is_none()
    }
}

/// A value of the file against one of an executable. Windows adds `.MUI` to names of translated programs.
fn same(value: &str, found: &str) -> bool {
    let lower = found.trim().to_lowercase();
    let found = lower.strip_suffix(".mui").unwrap_or(&lower);
    let value = value.to_lowercase();
    match value.strip_suffix('*') {
        Some(start) => found.starts_with(start),
        None => found == value,
    }
}

impl Tool {
    pub(super) fn recognises(&self, facts: &Facts) -> Option<Claim> {
        self.identify.iter().find_map(|i| i.matches(facts))
    }
}

/// The known tools and what renaming is measured against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tools {
    tools: Vec<Tool>,
    /// Names of parts of an operating system, without extension, lower case.
    pub(super) imitated: BTreeSet<String>,
    /// Parts of folders in which intruders gather tools and data (lower case, `/`).
    pub(super) staging_folders: BTreeSet<String>,
    /// Parts of folders that installers fill: what lies below came with some program.
    pub(super) program_folders: BTreeSet<String>,
}

/// Why a file of tools can't be used at all.
#[derive(Debug, thiserror::Error)]
pub enum ToolsError {
    #[error("cannot read the tools file {0}: {1}")]
    Unreadable(PathBuf, std::io::Error),
    #[error("{0} is not a file of known tools: {1}")]
    NotTools(PathBuf, String),
}

/// The file, with its tools still unread: one bad tool costs one rejection.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    format: String,
    #[serde(default)]
    imitated: Vec<String>,
    #[serde(default)]
    staging_folders: Vec<String>,
    #[serde(default)]
    program_folders: Vec<String>,
    #[serde(default)]
    tools: Vec<serde_json::Value>,
}

impl Tools {
    /// The tools inside the program.
    pub fn embedded() -> Self {
        Self::load(&[]).map(|(tools, _)| tools).unwrap_or_default()
    }

    /// The embedded tools, then each file's in order.
    pub fn load(paths: &[PathBuf]) -> Result<(Self, Vec<Input>), ToolsError> {
        let mut tools = Self::default();
        let embedded = tools.add("embedded/tools.json", assets::file("iocs/tools.json").unwrap_or_default().as_bytes());
        let mut inputs = vec![embedded.map_err(|why| ToolsError::NotTools("embedded".into(), why))?];
        for path in paths {
            let unreadable = |e| ToolsError::Unreadable(path.clone(), e);
            let size = fs::metadata(path).map_err(unreadable)?.len();
            if size > MAX_FILE {
                return Err(ToolsError::NotTools(path.clone(), format!("it is larger than {} MiB", MAX_FILE >> 20)));
            }
            let bytes = fs::read(path).map_err(unreadable)?;
            let name = path.file_name().map_or_else(String::new, |n| text::escape(n.as_encoded_bytes()));
            inputs.push(tools.add(&name, &bytes).map_err(|why| ToolsError::NotTools(path.clone(), why))?);
        }
        Ok((tools, inputs))
    }

    /// Adds what one file holds.
    fn add(&mut self, name: &str, bytes: &[u8]) -> Result<Input, String> {
        let raw: Raw = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
        if raw.format != FORMAT {
            return Err(format!("its format is not {FORMAT}"));
        }
        let lower = |list: Vec<String>| list.into_iter().map(|s| s.to_lowercase()).filter(|s| !s.is_empty());
        self.imitated.extend(lower(raw.imitated));
        self.staging_folders.extend(lower(raw.staging_folders));
        self.program_folders.extend(lower(raw.program_folders));
        let mut input = Input {
            name: name.to_owned(),
            sha256: Some(text::hex(&Sha256::digest(bytes))),
            kind: Some("tools".to_owned()),
            ..Input::default()
        };
        for (i, value) in raw.tools.into_iter().enumerate() {
            match checked(value) {
                Ok(tool) => {
                    input.loaded += 1;
                    match self.tools.iter_mut().find(|t| t.id == tool.id) {
                        Some(old) => *old = tool,
                        None => self.tools.push(tool),
                    }
                }
                Err(why) => input.rejected.push(Rejected { place: format!("{name}: tool {}", i + 1), why }),
            }
        }
        Ok(input)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Tool> {
        self.tools.iter()
    }

    /// The tool that an executable is, whatever its name.
    pub fn of(&self, facts: &Facts) -> Option<&Tool> {
        self.identify(facts).map(|(tool, _)| tool)
    }

    /// The first tool that the facts fit.
    pub(super) fn identify(&self, facts: &Facts) -> Option<(&Tool, Claim)> {
        let anything =
            facts.version.is_some() || facts.go.is_some() || facts.pe.is_some() || facts.elf.is_some() || facts.macho.is_some();
        anything.then(|| self.tools.iter().find_map(|t| Some((t, t.recognises(facts)?)))).flatten()
    }
}

/// One tool, or why it can't be used.
fn checked(value: serde_json::Value) -> Result<Tool, String> {
    let mut tool: Tool = serde_json::from_value(value).map_err(|e| text::escape(e.to_string().as_bytes()))?;
    if tool.id.is_empty() || !tool.id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        return Err("its id must be of a-z, 0-9 and -".to_owned());
    }
    if tool.identify.is_empty() || tool.identify.iter().any(Identify::is_empty) {
        return Err("it can't be recognised by anything".to_owned());
    }
    if tool.names.is_empty() && !tool.hostile {
        return Err("it has no name of its own, so that every name would be another one".to_owned());
    }
    tool.name = text::escape(tool.name.as_bytes());
    tool.names.iter_mut().chain(&mut tool.homes).for_each(|s| *s = s.to_lowercase());
    if tool.names.iter().chain(&tool.homes).any(String::is_empty) {
        return Err("an empty name or folder is part of every other".to_owned());
    }
    Ok(tool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_file_is_whole() {
        let (tools, inputs) = Tools::load(&[]).unwrap();
        assert_eq!(inputs[0].rejected, []);
        assert!(inputs[0].loaded >= 45, "{}", inputs[0].loaded);
        assert_eq!(inputs[0].loaded, tools.iter().count() as u64, "ids are unique");
        for tool in tools.iter() {
            assert!(!tool.sources.is_empty() && !tool.name.is_empty(), "{}", tool.id);
            let technique = |t: &String| {
                let digits = t.strip_prefix('T').unwrap_or_default();
                let (main, sub) = digits.split_once('.').unwrap_or((digits, "000"));
                main.len() == 4 && sub.len() == 3 && (main.to_owned() + sub).bytes().all(|b| b.is_ascii_digit())
            };
            assert!(!tool.techniques.is_empty() && tool.techniques.iter().all(technique), "{}", tool.id);
        }
        assert!(tools.imitated.contains("svchost") && tools.staging_folders.contains("/perflogs/"));
    }

    const ONE: &str = r#"{"id": "x", "name": "X", "class": "tunnel", "identify": [{"product_name": ["X"]}],
        "names": ["x"], "techniques": ["T1572"], "sources": ["own"]}"#;

    #[test]
    fn a_bad_tool_costs_itself() {
        let file = format!(
            r#"{{"format": "wardround/tools/1", "tools": [{ONE}, {{"id": "y"}}, {}, {}]}}"#,
            ONE.replace(r#"{"product_name": ["X"]}"#, "{}"),
            ONE.replace(r#""names": ["x"],"#, "")
        );
        let mut tools = Tools::default();
        let input = tools.add("own.json", file.as_bytes()).unwrap();
        assert_eq!((input.loaded, input.rejected.len(), tools.iter().count()), (1, 3, 1));
        assert_eq!(input.rejected[0].place, "own.json: tool 2");
        for bad in ["", "[]", r#"{"format": "wardround/tools/2"}"#, r#"{"format": "wardround/tools/1", "tool": []}"#] {
            assert!(tools.add("bad.json", bad.as_bytes()).is_err(), "{bad}");
        }
        // The same id replaces.
        let file = format!(r#"{{"format": "wardround/tools/1", "tools": [{}]}}"#, ONE.replace("tunnel", "archiver"));
        tools.add("other.json", file.as_bytes()).unwrap();
        assert_eq!(tools.iter().map(|t| t.class).collect::<Vec<_>>(), [Class::Archiver]);
    }

    #[test]
    fn values_with_and_without_star() {
        assert!(same("Rclone.exe", " rclone.EXE "));
        assert!(same("cmd.exe", "Cmd.Exe.MUI"));
        assert!(same("github.com/peak/s5cmd*", "github.com/peak/s5cmd/v2"));
        assert!(!same("rclone", "rclone.exe"));
        assert!(!same("rclone.exe*", "rclone"));
    }
}

//! Scripts: the interpreter that a shebang names, and script languages of Windows where the content leaves no doubt.

use serde::Serialize;

use super::facts::shown;

/// Bytes of a script that are looked at.
const REACH: usize = 4096;
/// Longest shebang line (Linux itself ends at 256).
const MAX_LINE: usize = 512;

/// A script, from its content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Script {
    /// `batch`, `powershell`, `vbscript`, or what runs it: `sh`, `python3`, `perl`, …
    pub language: String,
    /// The program of the shebang: the one behind `env`, without its folder. `None` without a shebang.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<String>,
}

/// `None` where the content isn't certainly a script.
pub fn script(head: &[u8]) -> Option<Script> {
    let head = head.get(..REACH).unwrap_or(head);
    if let Some(line) = head.strip_prefix(b"#!") {
        let interpreter = shebang(line)?;
        return Some(Script { language: interpreter.clone(), interpreter: Some(interpreter) });
    }
    windows(&plain(head)).map(|language| Script { language: language.to_owned(), interpreter: None })
}

/// `#!/usr/bin/env -S NAME=value python3 -u` and the like: the last part of the program's path.
fn shebang(line: &[u8]) -> Option<String> {
    let line = line.get(..MAX_LINE).unwrap_or(line);
    let line = line.split(|&b| b == b'\n' || b == 0).next()?;
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.split_ascii_whitespace();
    let base = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    let program = words.next().filter(|w| w.starts_with('/') || !w.contains(|c: char| !c.is_ascii_alphanumeric()))?;
    let mut name = base(program);
    if name == "env" {
        // Options of env and variables come before the program; -S may be glued to it.
        let words = words.map(|w| w.strip_prefix("-S").unwrap_or(w));
        name = base(words.into_iter().find(|w| !w.is_empty() && !w.starts_with('-') && !w.contains('='))?);
    }
    Some(shown(&name)).filter(|n| !n.is_empty())
}

/// As text in lower case, UTF-16 with a byte order mark included.
fn plain(head: &[u8]) -> String {
    let text = match head {
        [0xff, 0xfe, rest @ ..] => {
            let units: Vec<u16> = rest.chunks_exact(2).map(|c| u16::from_le_bytes([c[0], c[1]])).collect();
            String::from_utf16_lossy(&units)
        }
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => String::from_utf8_lossy(head).into_owned(),
    };
    text.to_ascii_lowercase()
}

fn windows(text: &str) -> Option<&'static str> {
    let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
    let first = lines.next()?;
    let one_of = |line: &str, starts: &[&str]| starts.iter().any(|s| line.starts_with(s));
    if one_of(first, &["@echo off", "@echo on", "@setlocal"]) {
        return Some("batch");
    }
    if one_of(first, &["#requires -", "[cmdletbinding("]) || (first.starts_with("<#") && text.contains(".synopsis")) {
        return Some("powershell");
    }
    if first.starts_with("param") && first.contains('(') && text.contains("[string]$") {
        return Some("powershell");
    }
    // Visual Basic for Applications begins the same way; only scripts ask for WScript.
    let vb = one_of(first, &["option explicit", "on error resume next", "dim ", "set ", "'"]);
    if vb && (text.contains("wscript.") || text.contains("createobject(\"wscript.shell\")")) {
        return Some("vbscript");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<String> {
        script(text.as_bytes()).map(|s| s.language)
    }

    #[test]
    fn shebangs() {
        for (line, name) in [
            ("#!/bin/sh\nexit", "sh"),
            ("#! /usr/bin/perl -w\n", "perl"),
            ("#!/usr/bin/env python3\n", "python3"),
            ("#!/usr/bin/env -S python3 -u\n", "python3"),
            ("#!/usr/bin/env -S A=b deno run\n", "deno"),
            ("#!/usr/bin/env -Snode --x\r\n", "node"),
        ] {
            assert_eq!(of(line).as_deref(), Some(name), "{line}");
        }
        assert_eq!(of("#![allow(dead_code)]\n"), None);
        assert_eq!(of("#!"), None);
        assert_eq!(of("#!/usr/bin/env\n"), None);
        assert_eq!(of("#!/usr/bin/\x1b[2J\n").as_deref(), Some("\\u{1b}[2J"));
    }

    #[test]
    fn windows_scripts() {
        assert_eq!(of("\r\n@ECHO OFF\r\ncopy a b").as_deref(), Some("batch"));
        assert_eq!(of("#Requires -Version 5\n").as_deref(), Some("powershell"));
        assert_eq!(of("<#\n.SYNOPSIS\n x\n#>").as_deref(), Some("powershell"));
        assert_eq!(of("param(\n[string]$Path)").as_deref(), Some("powershell"));
        assert_eq!(of("Option Explicit\nSet s = CreateObject(\"WScript.Shell\")").as_deref(), Some("vbscript"));
        let wide: Vec<u8> = "\u{feff}@echo off\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(script(&wide).map(|s| s.language).as_deref(), Some("batch"));
        for text in ["Option Explicit\nSub A()", "echo off the record", "", "<# of items", "param (x)", "'quoted' text"] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}

//! The gate in front of the rules: with it and without it the same matches, on inputs made to match, on parts of them and on
//! changed ones.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use wardround::signature::{RuleScanner, RuleSet, ScanVars};
use yara_x_parser::ast::dfs::{DFSEvent, DFSIter};
use yara_x_parser::ast::{AST, Expr, HexToken, Pattern, PatternModifier, PatternModifiers, Rule};

use crate::programs;

/// A repeatable stream of numbers (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// Bytes that hold every pattern of a rule, behind the head that it asks for.
fn positive(rule: &Rule<'_>, numbers: &mut Numbers) -> Vec<u8> {
    let mut out = head(rule);
    for pattern in rule.patterns.iter().flatten() {
        match pattern {
            Pattern::Text(text) => {
                let wide = text.modifiers.wide().is_some();
                if !wide || text.modifiers.ascii().is_some() {
                    out.extend(encoded(&text.text.value, &text.modifiers, numbers));
                    out.push(b' ');
                }
                if wide {
                    out.extend(encoded(&widened(&text.text.value), &text.modifiers, numbers));
                    out.extend(b" \0");
                }
            }
            Pattern::Hex(hex) => {
                bytes_of(&hex.sub_patterns.0, numbers, &mut out);
                out.push(b' ');
            }
            Pattern::Regexp(re) => {
                let text = Sample { src: re.regexp.src.as_bytes(), at: 0, numbers }.alternatives();
                let wide = re.modifiers.wide().is_some() && (re.modifiers.ascii().is_none() || numbers.below(2) == 0);
                out.extend(if wide { widened(&text) } else { text });
                out.push(b' ');
            }
        }
    }
    out
}

fn widened(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|b| [*b, 0]).collect()
}

/// As the modifiers ask for it: under a key, or in base64 behind up to two other bytes.
fn encoded(bytes: &[u8], modifiers: &PatternModifiers<'_>, numbers: &mut Numbers) -> Vec<u8> {
    if let Some(PatternModifier::Xor { start, end, .. }) = modifiers.xor() {
        let key = usize::from(*start) + numbers.below(usize::from(end - start) + 1);
        return bytes.iter().map(|b| b ^ key as u8).collect();
    }
    let (narrow, broad) = (modifiers.base64().is_some(), modifiers.base64wide().is_some());
    if !narrow && !broad {
        return bytes.to_vec();
    }
    let text = STANDARD.encode([&b"~~"[..numbers.below(3)], bytes].concat()).into_bytes();
    if broad && (!narrow || numbers.below(2) == 0) { widened(&text) } else { text }
}

/// Something that an expression matches, in most cases: any of alternatives, the first of a class, each repetition as
/// often as it must, and sometimes once where it need not.
struct Sample<'s> {
    src: &'s [u8],
    at: usize,
    numbers: &'s mut Numbers,
}

impl Sample<'_> {
    fn peek(&self) -> Option<u8> {
        self.src.get(self.at).copied()
    }

    fn alternatives(&mut self) -> Vec<u8> {
        let mut all = vec![self.run()];
        while self.peek() == Some(b'|') {
            self.at += 1;
            all.push(self.run());
        }
        let n = self.numbers.below(all.len());
        all.swap_remove(n)
    }

    fn run(&mut self) -> Vec<u8> {
        let mut out = Vec::new();
        while let Some(byte) = self.peek().filter(|b| !b"|)".contains(b)) {
            self.at += 1;
            let one = match byte {
                b'(' => {
                    if self.peek() == Some(b'?') {
                        while self.peek().is_some_and(|b| b != b':' && b != b')') {
                            self.at += 1;
                        }
                        self.at += usize::from(self.peek() == Some(b':'));
                    }
                    let inner = self.alternatives();
                    self.at += 1;
                    inner
                }
                b'[' => self.class(),
                b'\\' => self.escape(),
                b'.' => vec![b'q'],
                b'^' | b'$' => vec![],
                other => vec![other],
            };
            let times = self.times();
            out.extend(one.repeat(times));
        }
        out
    }

    fn times(&mut self) -> usize {
        let mut times = 1;
        while let Some(byte) = self.peek() {
            match byte {
                b'*' | b'?' => {
                    self.at += 1;
                    times = self.numbers.below(2);
                }
                b'+' => self.at += 1,
                b'{' => {
                    let end = self.src[self.at..].iter().position(|b| *b == b'}').unwrap_or(0);
                    let text = String::from_utf8_lossy(&self.src[self.at + 1..self.at + end.max(1)]).into_owned();
                    let Some(least) = text.split(',').next().and_then(|n| n.parse::<usize>().ok()) else { return times };
                    times = least.clamp(1, 200);
                    self.at += end + 1;
                }
                _ => return times,
            }
        }
        times
    }

    fn class(&mut self) -> Vec<u8> {
        let negated = self.peek() == Some(b'^');
        self.at += usize::from(negated);
        let first = match self.peek() {
            Some(b'\\') => {
                self.at += 1;
                self.escape()
            }
            Some(other) => {
                self.at += 1;
                vec![other]
            }
            None => vec![],
        };
        while let Some(byte) = self.peek() {
            self.at += 1 + usize::from(byte == b'\\');
            if byte == b']' {
                break;
            }
        }
        if negated { vec![b'~'] } else { first }
    }

    fn escape(&mut self) -> Vec<u8> {
        let Some(byte) = self.peek() else { return vec![] };
        self.at += 1;
        match byte {
            b'd' => vec![b'1'],
            b'w' => vec![b'a'],
            b's' => vec![b' '],
            b'n' => vec![b'\n'],
            b'r' => vec![b'\r'],
            b't' => vec![b'\t'],
            b'b' | b'B' => vec![],
            b'D' | b'W' | b'S' => vec![b'~'],
            b'x' => {
                let digits = String::from_utf8_lossy(self.src.get(self.at..self.at + 2).unwrap_or_default()).into_owned();
                self.at += 2;
                u8::from_str_radix(&digits, 16).map_or(vec![], |b| vec![b])
            }
            other => vec![other],
        }
    }
}

fn bytes_of(tokens: &[HexToken], numbers: &mut Numbers, out: &mut Vec<u8>) {
    for token in tokens {
        match token {
            HexToken::Byte(byte) => out.push(byte.value & byte.mask | numbers.next() as u8 & !byte.mask),
            HexToken::NotByte(byte) => out.push(!byte.value),
            HexToken::Alternative(all) => {
                bytes_of(&all.alternatives[numbers.below(all.alternatives.len())].0, numbers, out);
            }
            HexToken::Jump(jump) => {
                let (least, most) = (jump.start.unwrap_or(0).min(4096), jump.end.unwrap_or(u32::MAX).min(4096));
                let more = numbers.below((most - least).min(9) as usize + 1);
                out.extend(std::iter::repeat_n(0x11, least as usize + more));
            }
        }
    }
}

/// Of the first bytes that the condition compares with a number.
fn head(rule: &Rule<'_>) -> Vec<u8> {
    for event in DFSIter::new(&rule.condition) {
        let DFSEvent::Enter(Expr::Eq(e)) = event else { continue };
        let (Expr::FuncCall(call), Expr::LiteralInteger(value)) = (&e.lhs, &e.rhs) else { continue };
        if !matches!(call.args.first(), Some(Expr::LiteralInteger(n)) if n.value == 0) {
            continue;
        }
        let all = value.value.to_le_bytes();
        let name = call.identifier.name;
        let width = if name.contains("32") { 4 } else { 2 };
        let mut head = all[..width].to_vec();
        if name.ends_with("be") {
            head.reverse();
        }
        head.resize(64, 0);
        return head;
    }
    Vec::new()
}

/// What rules say of an object, and whether a bound was in the way. A rule that is left out reaches none.
fn verdict(scanner: &mut RuleScanner<'_>, vars: &ScanVars, data: &[u8]) -> (Vec<String>, bool) {
    match scanner.scan_whole(vars, data) {
        Ok(outcome) => (outcome.matches.iter().map(|m| format!("{m:?}")).collect(), outcome.gap.is_some()),
        Err(gap) => (vec![format!("{gap:?}")], true),
    }
}

/// The same of an object that is seen in parts.
fn verdict_in_windows(scanner: &mut RuleScanner<'_>, vars: &ScanVars, data: &[u8]) -> Vec<String> {
    scanner.begin_windows(vars.clone());
    for (n, part) in data.chunks(10_000).enumerate() {
        scanner.window(n as u64 * 10_000, part);
    }
    match scanner.finish_windows("d41d8cd98f00b204e9800998ecf8427e") {
        Ok(outcome) => outcome.matches.iter().map(|m| format!("{m:?}")).collect(),
        Err(gap) => vec![format!("{gap:?}")],
    }
}

/// Compares over objects made from the rules in `texts`; gives how many objects, on how many of them not all rules were run,
/// and how many different matches there were.
fn compare(paths: &[PathBuf], texts: &[String], step: usize) -> (usize, u64, usize) {
    let (gated, inputs) = RuleSet::load(paths, false, None).expect("rules");
    assert!(gated.is_gated(), "{} rules, {inputs:?}", gated.len());
    let (plain, _) = RuleSet::load(paths, false, None).expect("rules");
    let plain = plain.without_gate();
    let (mut with, mut without) = (RuleScanner::new(&gated), RuleScanner::new(&plain));
    let mut numbers = Numbers(1);
    let mut matched = BTreeSet::new();
    let (mut objects, mut rounds) = (0, 0);
    let (pe, elf) = (programs::pe(&[("CompanyName", "Clinic")]), programs::elf(b"data"));
    let mut before: Vec<u8> = Vec::new();
    let mut same = |data: &[u8]| {
        let vars = ScanVars { filename: ["a.exe", ""][objects % 2].to_owned(), filemode: 0o644, ..ScanVars::default() };
        let ((a, gap), (b, plain_gap)) = (verdict(&mut with, &vars, data), verdict(&mut without, &vars, data));
        assert_eq!(a, b, "{}", data.escape_ascii());
        assert!(plain_gap || !gap, "{}", data.escape_ascii());
        if objects % 9 == 0 {
            let (a, b) = [&mut with, &mut without].map(|scanner| verdict_in_windows(scanner, &vars, data)).into();
            assert_eq!(a, b, "in windows: {}", data.escape_ascii());
        }
        objects += 1;
        a
    };
    for text in texts {
        let ast = AST::from(text.as_str());
        for rule in ast.rules().step_by(step) {
            let data = positive(rule, &mut numbers);
            matched.extend(same(&data));
            let cut = numbers.below(data.len());
            same(&data[cut..]);
            same(&data[..cut]);
            let mut changed = data.clone();
            for _ in 0..1 + changed.len() / 64 {
                let at = numbers.below(changed.len());
                if let Some(byte) = changed.get_mut(at) {
                    *byte ^= if numbers.below(2) == 0 { 0x20 } else { 1 << numbers.below(8) };
                }
            }
            same(&changed);
            // What two families leave behind, and more than fits a small object.
            let both = [data.as_slice(), before.as_slice(), &vec![b'x'; numbers.below(40_000)]].concat();
            same(&both);
            for program in [&pe, &elf] {
                same(&[program.as_slice(), &data].concat());
            }
            rounds += 1;
            if rounds % 23 == 0 {
                // Among much else, as in a file of common size.
                let (front, behind) = (numbers.below(300_000), 300_000);
                let noise: Vec<u8> = (0..front + behind).map(|_| b"\0\0 etaoin\xff\x8b"[numbers.below(12) % 11]).collect();
                let (front, behind) = noise.split_at(front);
                same(&[&data[..data.len().min(64)], front, &data, behind, &before].concat());
                same(&[front, &data[..numbers.below(data.len())], behind, &before].concat());
                same(&[pe.as_slice(), behind, &data].concat());
            }
            if rounds % 48 == 0 {
                // So large that the rules that are always run are run in sets of their own.
                same(&[data.as_slice(), &vec![b' '; (1 << 20) + numbers.below(8 << 20)], before.as_slice()].concat());
            }
            before = data;
        }
    }
    same(b"");
    (objects, with.by_sets(), matched.len())
}

/// Rules of every shape that the gate reads something from, and of those that it doesn't.
fn shapes() -> String {
    let mut text = String::from("import \"pe\"\nimport \"math\"\n");
    for n in 0..64 {
        let word = |k: usize| format!("w{k}{:x}q{n:02}z", n * 7919 + k * 104_729);
        let (a, b, c) = (word(1), word(2), word(3));
        text.push_str(&format!(
            r#"
rule any_{n} {{ strings: $a = "{a}" $b = "{b}" nocase $c = "{c}" wide condition: any of them }}
rule all_{n} {{ strings: $a = "{a}" ascii wide $b = "{b}" fullword condition: all of them and filesize < 30KB }}
rule two_{n} {{ strings: $a1 = "{a}" $a2 = "{b}" $a3 = "{c}" $s = "ab" condition: 2 of ($a*) or #s > 900 }}
rule head_{n} {{ strings: $a = "{a}" condition: uint16(0) == 0x5A4D and $a }}
rule hex_{n} {{ strings: $a = {{ 9{} 8E ?? 77 {n:02} 5F 91 [1-3] A{} }} condition: $a }}
rule re_{n} {{ strings: $a = /{a}[0-9]{{0,3}}/i $b = /({b}|{c})xx/ condition: $a or $b }}
private rule part_{n} {{ strings: $a = "{b}" condition: $a }}
rule uses_{n} {{ strings: $a = "{c}" condition: part_{n} and not $a }}
rule xor_{n} {{ strings: $a = "{a}" xor $b = "{b}" base64 condition: any of them }}
rule count_{n} {{ strings: $a = "{a}" condition: #a > 1 or for any i in (1..#a) : ( @a[i] > 100 ) }}
rule whole_{n} {{ condition: filesize == {} or (pe.is_pe and math.entropy(0, filesize) > 7.{n}) }}
rule lazy_{n} {{ strings: $a = "{b}" condition: uint16(0) == 0x5A4D and (filesize < 300 or $a) }}
rule long_{n} {{ strings: $a = /{a}(\.exe|xyz|x)/ $b = "{b}" $c = /cmd\.exe|cmd/ condition: any of them }}
rule length_{n} {{ strings: $a = /{c}\.exe|{c}/ condition: !a[1] == {len} and $a }}
rule twice_{n} {{ strings: $a = /{a}+*[a-c]{{2,5}}/ $b = /\x51{b}+?9/ condition: any of them }}
rule one_{n} {{ strings: $a = /q{{1}}{a}(1|12)/ fullword $b = /q{a}(1|12)/ fullword condition: $a or $b }}
rule run_{n} {{ strings: $a = {{ 9{} 8E 61 77 {n:02} 5F 91 0{} [1-3] A{} }} condition: $a }}
rule stand_{n} {{ strings: $a = "{a}" xor $b = "zq" condition: #a > 0 and not pe.number_of_sections > 3 and ($a or $b) }}
rule either_{n} {{ strings: $a = "{a}" $b = "{c}" condition: (uint16(0) == 0x5A4D and pe.is_pe and filesize < 400) or all of them }}
rule place_{n} {{ strings: $a = "{b}" $b = "ab" condition: uint8(@a + 1) == 0x32 or #a > #b + 7 or !a == 3 }}
rule field_{n} {{ strings: $a = "{b}" condition: pe.machine == pe.MACHINE_AMD64 and ($a or pe.exports("{c}")) }}
rule each_{n} {{ strings: $a = "{b}" condition: for all i in (0..pe.number_of_sections - 1) : ( pe.sections[i].raw_data_size > {n} ) or $a }}
rule key_{n} {{ strings: $a = "{a}" xor(3-90) wide $b = "k{n}y" xor condition: any of them }}
rule base_{n} {{ strings: $a = "{b}" base64 base64wide $b = "b{n}" base64 wide condition: any of them }}
rule mask_{n} {{ strings: $a = {{ 4? {n:02} EB 0F [2] 03 (47|57) ?? 44 A{} }} $b = {{ F3 ?{} A4 [1-9] 4D 5A }} condition: $a or $b }}
rule gaps_{n} {{ strings: $a = {{ {n:02} EB 33 5? 8B ?? 00 [1-4] 8B {n:02} }} condition: $a and #a < 9 }}
rule short_{n} {{ strings: $a = "~{n:02}~" $b = "{n:02}#" nocase wide $c = ":{n:02}:" condition: 2 of them }}
rule optional_{n} {{ strings: $a = /(q{n}x|{b}s?)(\.exe)?\x22?[ \t]+-(up|down[0-9])/ nocase ascii wide condition: $a }}
rule tuple_{n} {{ strings: $a = "{a}" $b = "{b}" condition: 2 of ($a, uint16(0) == 0x5A4D, $b, filesize > 250KB) }}
rule needle_{n} {{ strings: $a = {{ 8{} {n:02} ?? 4? 91 EB ?? 33 {n:02} ?? 5? 91 A5 ?? 84 {n:02} }} condition: $a }}
rule far_{n} {{ strings: $a = {{ 93 8E 61 77 {n:02} [0-300] 5F 91 ({n:02}|77 8E) }} condition: $a }}
rule be_{n} {{ condition: uint32be(0) == 0x7f45{n:02}46 and filesize > 10 }}
rule made_{n} {{ strings: $a = "{a}" $b = "zq" condition: uint16(0) == 0x5A4D and (pe.version_info["CompanyName"] == "{maker}" or $a or (#b > {n} and pe.is_pe)) }}
rule maker_{n} {{ strings: $a = "{b}" $b = "{c}" condition: uint16(0) == 0x5A4D and filesize < 500KB and (pe.version_info["CompanyName"] contains "{maker}" or 2 of them) }}
rule named_{n} {{ strings: $a = "{c}" condition: filename == "{name}" and uint16(0) == 0x5A4D and not $a and not part_{n} }}
rule at_{n} {{ strings: $a = {{ {n:02} [1-3] 9? ?? 4? }} condition: uint16(0) == 0x5A4D and uint16(uint32(0x3C) + 4) == {machine} and $a }}
rule last_{n} {{ strings: $a = {{ 00 {n:02} 00 00 7F [1-3] 00 {n:02} 00 00 7E }} condition: uint16(0) == 0x5A4D and all of them }}
"#,
            n % 10,
            n % 7,
            1000 + n,
            n % 8,
            n % 9,
            n % 5,
            n % 6,
            n % 4,
            n % 3,
            len = c.len() + 4 * (n % 2),
            maker = if n < 3 { "Clinic" } else { "Nobody" },
            machine = if n < 3 { 0x8664 } else { 0x14c },
            name = if n < 3 { "a.exe" } else { "b.exe" },
        ));
    }
    text
}

#[test]
fn with_and_without_the_same_of_every_shape() {
    let folder = tempfile::tempdir().expect("a folder");
    let text = shapes();
    std::fs::write(folder.path().join("shapes.yar"), &text).expect("a file");
    let global = "global rule small { condition: filesize < 20KB } rule g { strings: $a = \"w1f7aq00z\" condition: $a }";
    std::fs::write(folder.path().join("global.yar"), global).expect("a file");
    let faulty = "rule same { condition: filesize > 4 } rule same { condition: true } rule broken { condition: nothing }";
    std::fs::write(folder.path().join("faulty.yar"), faulty).expect("a file");
    let external = "rule filename { strings: $a = \"qzxjwv123\" condition: $a } rule uses { condition: filename }";
    std::fs::write(folder.path().join("external.yar"), external).expect("a file");
    let texts = [text, global.into(), faulty.into(), external.into()];
    let (objects, by_sets, matched) = compare(&[folder.path().to_owned()], &texts, 1);
    assert!(objects > 4_000 && matched > 700, "{objects} objects, {matched} matches");
    assert!(by_sets > objects as u64 / 2, "of {objects} objects {by_sets} went through the gate");
}

/// The public rules beside the checkout, where there are any; WARDROUND_GATE=1 takes every rule instead of a sample.
#[test]
fn with_and_without_the_same_of_public_rules() {
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/bench/rules");
    if !rules.exists() {
        return eprintln!("skipped: no rules at {}", rules.display());
    }
    let mut files: Vec<PathBuf> = walkdir(&rules);
    files.sort();
    let texts: Vec<String> = files.iter().filter_map(|path| std::fs::read_to_string(path).ok()).collect();
    let step = if std::env::var_os("WARDROUND_GATE").is_some() { 1 } else { 40 };
    let (objects, by_sets, matched) = compare(&[rules], &texts, step);
    eprintln!("{objects} objects, {by_sets} through the gate, {matched} different matches");
    assert!(matched > objects / 20, "{objects} objects, {matched} matches");
    assert!(by_sets > objects as u64 / 3, "of {objects} objects {by_sets} went through the gate");
}

fn walkdir(folder: &Path) -> Vec<PathBuf> {
    let all = std::fs::read_dir(folder).expect("a folder").flatten().map(|e| e.path());
    all.flat_map(|path| if path.is_dir() { walkdir(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|e| e == "yar" || e == "yara"))
        .collect()
}

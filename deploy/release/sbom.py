#!/usr/bin/env python3
"""Lists what a wardround program is built from: a CycloneDX 1.6 bill of materials, and all licences with their texts.

    deploy/release/sbom.py [--target TRIPLE] [--out DIR]      Python 3.11 or later, and cargo

Writes wardround-VERSION-TARGET.cdx.json and wardround-VERSION-TARGET.licences.txt into DIR (here by default) and prints
their paths. The same sources give the same bytes on all machines of one kind; the time stands in the first
only where SOURCE_DATE_EPOCH says it. Ends with 1 and a sentence where a package's licence is none that we accept.

With --metadata FILE cargo is not asked: FILE holds what `cargo metadata` said, and its whole graph counts.
"""

import argparse
import collections
import datetime
import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib
import urllib.parse
import uuid

ROOT = "wardround"
ALLOWED = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0",
    "CDLA-Permissive-2.0", "ISC", "MIT", "MIT-0", "Unicode-3.0", "Unlicense", "Zlib",
}
# Licences of single packages that were read and found permissive. Each is told when it is used.
EXCEPTIONS = {
    "libbz2-rs-sys": "bzip2-1.0.6",  # as BSD's, without claiming authorship or hiding changes
}
# Copyright notices and licences by their names, at the top of a package, in a folder for them, or beside foreign code.
TEXT = re.compile(r"(un)?licen[cs]e|copying|copyright|notice", re.IGNORECASE)
TEXT_FOLDERS = re.compile(r"src|licen[cs]es?", re.IGNORECASE)

ABOUT = """\
The packages that {name} {version} for {target} is built from, their licences as they state them, and the
texts that they bring along, equal ones once. "build" marks what runs while it is built and is not part of it. Where a licence
leaves a choice, ours is the permissive one. {name} itself is listed with them.

Not listed is what the compilers add: Rust's standard library (MIT OR Apache-2.0, in part others), and of the C toolchain what
it links into the program. In a static Linux program that is glibc (LGPL-2.1-or-later) and GCC's runtime
(GPL-3.0-or-later WITH GCC-exception-3.1), in a Windows program GCC's and MinGW-w64's runtimes.
"""


def fail(sentence):
    sys.exit(f"sbom.py: {sentence}")


def satisfied(expression, allowed):
    """Whether an SPDX expression can be met with allowed licences alone. ValueError where it can't be read."""
    tokens = re.findall(r"[A-Za-z0-9.:+-]+|\S", expression)
    # Cargo once took a slash for OR. How far it reaches beside an AND is anyone's guess.
    if "/" in tokens and "AND" in tokens:
        raise ValueError(expression)
    tokens = collections.deque("OR" if t == "/" else t for t in tokens)

    def follows(word):
        if tokens and tokens[0] == word:
            tokens.popleft()
            return True
        return False

    def name():
        if not tokens or tokens[0] in ("AND", "OR", "WITH") or not re.match(r"[A-Za-z0-9]", tokens[0]):
            raise ValueError(expression)
        return tokens.popleft()

    def one():
        if follows("("):
            met = any_of()
            if not follows(")"):
                raise ValueError(expression)
            return met
        licence = name()
        if follows("WITH"):
            licence += " WITH " + name()
        return licence in allowed

    # Every part is read, whatever the first one said.
    def all_of():
        met = one()
        while follows("AND"):
            met = one() and met
        return met

    def any_of():
        met = all_of()
        while follows("OR"):
            met = all_of() or met
        return met

    met = any_of()
    if tokens:
        raise ValueError(expression)
    return met


def run(folder, *command):
    plain = os.environ | {"CARGO_TERM_COLOR": "never"}
    try:
        said = subprocess.run(command, cwd=folder, env=plain, capture_output=True, text=True, encoding="utf-8")
    except OSError as e:
        fail(f"{command[0]} can't be run: {e.strerror}.")
    if said.returncode:
        fail(f"{command[0]} {command[1]} failed: {said.stderr.strip()}")
    return said.stdout


def built(folder, target):
    """The edges of the graph that is really built, as pairs of (name, version).

    `cargo metadata` also follows features that stand behind a `?` and are off, and so names packages that nothing uses.
    """
    edges, above = set(), []
    command = ["cargo", "tree", "--locked", "--edges", "normal,build", "--target", target]
    for line in run(folder, *command, "--prefix", "depth", "--format", " {p}").splitlines():
        depth, name, version = line.split()[:3]
        del above[int(depth):]
        above.append((name, version.removeprefix("v")))
        if len(above) > 1:
            edges.add((above[-2], above[-1]))
    return edges


class Graph:
    """The packages below the root, and what each needs to be built."""

    def __init__(self, metadata, edges):
        self.packages = {p["id"]: p for p in metadata["packages"]}
        nodes = {n["id"]: n for n in metadata["resolve"]["nodes"]}
        key = {i: (p["name"], p["version"]) for i, p in self.packages.items()}
        self.root = next((i for i, p in self.packages.items() if p["name"] == ROOT and not p["source"]), None)
        if self.root is None:
            fail(f"the metadata don't hold {ROOT}.")
        self.needs, self.linked, known = {}, set(), set()
        todo = [self.root]
        while todo:
            i = todo.pop()
            if i in self.needs:
                continue
            self.needs[i] = {}
            for dep in nodes[i]["deps"]:
                kinds = {kind["kind"] for kind in dep["dep_kinds"]} - {"dev"}
                edge = key[i], key[dep["pkg"]]
                if kinds and (edges is None or edge in edges):
                    known.add(edge)
                    self.needs[i][dep["pkg"]] = kinds
                    todo.append(dep["pkg"])
        if edges and edges - known:
            (_, (name, version)), *_ = sorted(edges - known)
            fail(f"cargo tree names {name} {version} where cargo metadata doesn't.")
        # What becomes part of the program: neither build scripts and what they use, nor macros that run in the compiler.
        todo = [self.root]
        while todo:
            i = todo.pop()
            if i not in self.linked:
                self.linked.add(i)
                todo += (d for d, kinds in self.needs[i].items() if None in kinds and not self.is_macro(d))
        self.licence = {i: expression(self.packages[i]) for i in self.ordered()}

    def is_macro(self, i):
        return any("proc-macro" in target["kind"] for target in self.packages[i]["targets"])

    def ordered(self):
        return sorted(self.needs, key=lambda i: (self.packages[i]["name"], self.packages[i]["version"]))


def expression(package):
    """A package's licence without the old slash; ends the program where it is none that we accept."""
    what, stated = f"{package['name']} {package['version']}", package["license"]
    if not stated:
        fail(f"{what} has no licence expression.")
    try:
        met = satisfied(stated, ALLOWED | {EXCEPTIONS.get(package["name"])})
    except ValueError:
        fail(f"{what} has a licence expression that can't be read: {stated}.")
    if met and not satisfied(stated, ALLOWED):
        print(f"sbom.py: {what} is accepted under {stated} as an exception.", file=sys.stderr)
    if not met:
        fail(f"{what} is under {stated}, which the licences that we accept can't satisfy.")
    return re.sub(r"\s*/\s*", " OR ", stated)


def purl(package):
    return f"pkg:cargo/{package['name']}@{urllib.parse.quote(package['version'], safe='')}"


def component(graph, i, kind):
    package = graph.packages[i]
    return {
        "type": kind,
        "bom-ref": purl(package),
        "name": package["name"],
        "version": package["version"],
        "licenses": [{"acknowledgement": "declared", "expression": graph.licence[i]}],
        "purl": purl(package),
    }


def bom(graph, target, checksums):
    components = []
    for i in graph.ordered():
        package = graph.packages[i]
        if i == graph.root:
            continue
        checksum = checksums.get((package["name"], package["version"]))
        if not checksum:
            fail(f"{package['name']} {package['version']} has no checksum in Cargo.lock.")
        made = component(graph, i, "library")
        made["scope"] = "required" if i in graph.linked else "excluded"
        made["hashes"] = [{"alg": "SHA-256", "content": checksum}]
        components.append(made)
    root = graph.packages[graph.root]
    metadata = {
        "component": component(graph, graph.root, "application"),
        "properties": [{"name": "cdx:rustc:sbom:target:triple", "value": target}],
    }
    if epoch := os.environ.get("SOURCE_DATE_EPOCH"):
        if not epoch.isascii() or not epoch.isdigit():
            fail(f"SOURCE_DATE_EPOCH is no number of seconds: {epoch}.")
        time = datetime.datetime.fromtimestamp(int(epoch), datetime.timezone.utc)
        metadata["timestamp"] = time.strftime("%Y-%m-%dT%H:%M:%SZ")
    made = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": "",
        "version": 1,
        "metadata": metadata,
        "components": components,
        "dependencies": [
            {"ref": purl(graph.packages[i]), "dependsOn": sorted(purl(graph.packages[d]) for d in graph.needs[i])}
            for i in graph.ordered()
        ],
        # The standard library and what the C toolchain links in are no packages.
        "compositions": [{"aggregate": "incomplete", "dependencies": [purl(root)]}],
    }
    # From the content, so that the same content has the same number.
    namespace = uuid.uuid5(uuid.NAMESPACE_URL, purl(root))
    made["serialNumber"] = f"urn:uuid:{uuid.uuid5(namespace, json.dumps(made))}"
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def texts(package):
    """Names and contents of the files of a package that state a licence, without differences that nobody sees."""
    top = pathlib.Path(package["manifest_path"]).parent
    found = [top / package["license_file"]] if package.get("license_file") else []
    for folder in (top, *(f for f in top.iterdir() if f.is_dir() and TEXT_FOLDERS.fullmatch(f.name))):
        in_licences = folder != top and folder.name != "src"
        files = folder.iterdir() if folder == top else folder.rglob("*")
        found += (f for f in files if f.suffix != ".rs" and (in_licences or TEXT.match(f.name)))
    for path in sorted({f for f in found if f.is_file()}):
        lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
        yield path.relative_to(top).as_posix(), "\n".join(line.rstrip() for line in lines).strip("\n")


def licences(graph, target):
    bringers, listed, without = {}, [], []
    width = max(len(graph.packages[i]["name"] + graph.packages[i]["version"]) for i in graph.needs) + 1
    for i in graph.ordered():
        package = graph.packages[i]
        what = f"{package['name']} {package['version']}"
        numbers, own = [], False
        for name, text in texts(package):
            bringers.setdefault(text, []).append(f"{what}: {name}")
            numbers.append(list(bringers).index(text) + 1)
            # Below src/ is what belongs to foreign code in it.
            own |= not name.startswith("src/")
        build = "" if i in graph.linked else "build"
        listed.append(f"{what:{width}}  {build:5}  {graph.licence[i]}  [{', '.join(map(str, numbers)) or 'no text'}]")
        if not own:
            authors = ", ".join(package["authors"]) or "authors not stated"
            without.append(f"{what}: {graph.licence[i]}; {authors}")
    root, line = graph.packages[graph.root], "=" * 100
    parts = [ABOUT.format(name=root["name"], version=root["version"], target=target)]
    parts.append("PACKAGES, with the numbers of their texts below\n\n" + "\n".join(listed) + "\n")
    if without:
        parts.append("PACKAGES WITHOUT A TEXT OF THEIR OWN, and their authors as stated\n\n" + "\n".join(without) + "\n")
    for number, (text, files) in enumerate(bringers.items(), 1):
        parts.append(f"{line}\n[{number}]  " + "\n     ".join(files) + f"\n{line}\n\n{text}\n")
    return "\n".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", default="x86_64-unknown-linux-gnu", metavar="TRIPLE")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path(), metavar="DIR")
    parser.add_argument("--metadata", type=pathlib.Path, metavar="FILE")
    args = parser.parse_args()
    top = pathlib.Path(__file__).resolve().parents[2]
    if args.metadata:
        metadata, edges = json.loads(args.metadata.read_text(encoding="utf-8")), None
    else:
        # Build scripts and macros run on this machine, whatever the target is.
        host = run(top, "rustc", "--print", "host-tuple").strip()
        platforms = ["--filter-platform", args.target, "--filter-platform", host]
        told = run(top, "cargo", "metadata", "--locked", "--format-version", "1", *platforms)
        metadata, edges = json.loads(told), built(top, args.target)
    graph = Graph(metadata, edges)
    lock = tomllib.loads((top / "Cargo.lock").read_text(encoding="utf-8"))
    checksums = {(p["name"], p["version"]): p.get("checksum") for p in lock["package"]}
    files = {"cdx.json": bom(graph, args.target, checksums), "licences.txt": licences(graph, args.target)}
    args.out.mkdir(parents=True, exist_ok=True)
    for end, content in files.items():
        path = args.out / f"{ROOT}-{graph.packages[graph.root]['version']}-{args.target}.{end}"
        path.write_text(content, encoding="utf-8", newline="\n")
        print(path)


if __name__ == "__main__":
    main()

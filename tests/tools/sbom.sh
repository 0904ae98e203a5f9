#!/usr/bin/env bash
# Makes the bills of materials and the lists of licences of both releases (deploy/release/sbom.py), and holds them against the
# validator of CycloneDX, against the packages as they were downloaded, and against licences that have to be refused.
#
#     tests/tools/sbom.sh      takes some seconds; once more for validators.sh, which installs the validator
set -euo pipefail
cd "$(dirname "$0")/../.."
sbom=$PWD/deploy/release/sbom.py

say() { printf 'sbom (%s s): %s\n' "$SECONDS" "$*"; }
die() { say "FAILED: $*" >&2; exit 1; }
python3 -c 'import tomllib' 2>/dev/null || { say "skipped: this needs Python 3.11"; exit 0; }
unset SOURCE_DATE_EPOCH
export PYTHONDONTWRITEBYTECODE=1
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT

say "two runs, one result"
for target in x86_64-unknown-linux-gnu x86_64-pc-windows-gnu; do
  "$sbom" --target "$target" --out "$work/one" >/dev/null 2>"$work/said" || die "$(cat "$work/said")"
  # From another folder, with other settings.
  (cd / && export TZ=Asia/Tokyo LC_ALL=C PYTHONHASHSEED=7 CARGO_TERM_COLOR=always &&
    "$sbom" --target "$target" --out "$work/two" >/dev/null 2>&1) || die "a second run failed"
done
[ "$(find "$work/one" -type f | wc -l)" = 4 ] || die "not two files for each target: $(ls "$work/one")"
diff -r "$work/one" "$work/two" >/dev/null || die "two runs differ: $(diff -rq "$work/one" "$work/two")"
SOURCE_DATE_EPOCH=86400 "$sbom" --out "$work/dated" >/dev/null 2>&1
python3 - "$work"/{one,dated}/*-linux-gnu.cdx.json <<'PY' || die "SOURCE_DATE_EPOCH isn't the time, or not that alone"
import json, sys
plain, dated = (json.load(open(path, encoding="utf-8")) for path in sys.argv[1:])
assert "timestamp" not in plain["metadata"] and dated["metadata"].pop("timestamp") == "1970-01-02T00:00:00Z"
assert plain.pop("serialNumber") != dated.pop("serialNumber") and plain == dated
PY

say "what is in them"
python3 - "$work"/one/*.cdx.json <<'PY' || die "the bill of materials doesn't hold what it should"
import hashlib, json, os, pathlib, sys
cache = pathlib.Path(os.environ.get("CARGO_HOME") or pathlib.Path.home() / ".cargo") / "registry/cache"
for path in sys.argv[1:]:
    bom = json.load(open(path, encoding="utf-8"))
    scope = {c["name"]: c["scope"] for c in bom["components"]}
    linux = "linux" in path
    # Linked, of the one system, used by build scripts alone, macros in the compiler, only in tests.
    wanted = {"yara-x": "required", "landlock": "required" if linux else None, "windows-sys": None if linux else "required",
              "cc": "excluded", "serde_derive": "excluded", "syn": "excluded", "proptest": None, "jsonschema": None}
    assert (got := {name: scope.get(name) for name in wanted}) == wanted, got
    refs = [bom["metadata"]["component"]["bom-ref"], *(c["bom-ref"] for c in bom["components"])]
    assert len(set(refs)) == len(refs)
    edges = {d["ref"]: d["dependsOn"] for d in bom["dependencies"]}
    assert set(edges) == set(refs)
    reached, todo = set(), refs[:1]
    while todo:
        if (ref := todo.pop()) not in reached:
            reached.add(ref)
            todo += edges[ref]
    assert reached == set(refs), set(refs) ^ reached
    compared = 0
    for c in bom["components"]:
        for crate in cache.glob(f"*/{c['name']}-{c['version']}.crate"):
            assert hashlib.sha256(crate.read_bytes()).hexdigest() == c["hashes"][0]["content"], crate
            compared += 1
    licences = open(path.replace(".cdx.json", ".licences.txt"), encoding="utf-8").read()
    for c in bom["components"]:
        assert f"\n{c['name']} {c['version']} " in licences, c["name"]
    count = sum(c["scope"] == "required" for c in bom["components"])
    print(f"  {os.path.basename(path)}: {count} packages in the program, {len(refs) - 1 - count} to build it; "
          f"{compared} digests are those of downloaded packages")
PY

say "licences"
python3 - "$(dirname "$sbom")" <<'PY' || die "an expression isn't judged as it should be"
import sys
sys.path.insert(0, sys.argv[1])
import sbom
met = ["MIT", "MIT/Apache-2.0", "Apache-2.0 / GPL-3.0-only", "GPL-2.0-only OR ISC", "((MIT))",
       "(MIT OR GPL-2.0-only) AND Unicode-3.0", "Apache-2.0 WITH LLVM-exception",
       "GPL-2.0-only AND MPL-2.0 OR Zlib", "0BSD OR GPL-2.0-only WITH Classpath-exception-2.0"]
refused = ["GPL-3.0-only", "MPL-2.0", "MIT AND GPL-3.0-only", "MIT AND (GPL-2.0-only OR LGPL-2.1-only)", "Apache-2.0+", "mit",
           "GPL-2.0-only WITH Classpath-exception-2.0", "MIT WITH LLVM-exception", "GPL-2.0-only/MPL-2.0", "LicenseRef-MIT"]
unread = ["", "MIT OR", "OR MIT", "MIT Apache-2.0", "(MIT", "MIT)", "MIT AND AND ISC", "MIT WITH", "MIT, ISC", "MIT or ISC", "()",
          "MIT/Apache-2.0 AND ISC", "MIT WITH (ISC)"]
def judged(expression):
    try:
        return sbom.satisfied(expression, sbom.ALLOWED)
    except ValueError:
        return None
for expected, expressions in ((True, met), (False, refused), (None, unread)):
    for expression in expressions:
        assert judged(expression) is expected, (expression, judged(expression))
PY
cargo metadata --locked --format-version 1 --filter-platform x86_64-unknown-linux-gnu >"$work/metadata.json" 2>"$work/said" ||
  die "$(cat "$work/said")"
# What sbom.py says of the real packages, one of which has another licence.
with() { # PACKAGE LICENCE
  python3 - "$work/metadata.json" "$@" <<'PY' >"$work/other.json"
import json, sys
metadata, hit = json.load(open(sys.argv[1], encoding="utf-8")), 0
for package in metadata["packages"]:
    if package["name"] == sys.argv[2]:
        package["license"], hit = sys.argv[3] or None, 1
json.dump(metadata, sys.stdout)
sys.exit(not hit)
PY
  code=0; "$sbom" --metadata "$work/other.json" --out "$work/other" >/dev/null 2>"$work/said" || code=$?
}
refused() { # PACKAGE
  [ "$code" = 1 ] || die "a licence of $1 that must be refused ended with $code: $(cat "$work/said")"
  local told; told=$(grep -v 'as an exception' "$work/said")
  { [ "$(wc -l <<<"$told")" = 1 ] && grep -q "^sbom.py: $1 [0-9]" <<<"$told"; } || die "it isn't said in one sentence: $told"
  [ ! -e "$work/other" ] || die "a list was written in spite of $1"
}
with walkdir GPL-3.0-only; refused walkdir
with syn 'MIT AND LGPL-2.1-or-later'; refused syn
with walkdir ''; refused walkdir
with walkdir 'MIT or so'; refused walkdir
# The exception is for one package.
with walkdir bzip2-1.0.6; refused walkdir
# What only tests use is in no release.
with proptest GPL-3.0-only
[ "$code" = 0 ] || die "the licence of a test's dependency counts: $(cat "$work/said")"

say "the validator of CycloneDX"
validators=${WARDROUND_VALIDATORS:-$(tests/tools/validators.sh)} || { say "not validated"; exit 0; }
"$validators/bin/python" - "$work"/one/*.cdx.json "$work"/dated/*.cdx.json <<'PY' || die "the validator doesn't agree"
import copy, json, sys
from cyclonedx.exception.model import CycloneDxModelException
from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from license_expression import get_spdx_licensing
from packageurl import PackageURL

validator, licensing = JsonStrictValidator(SchemaVersion.V1_6), get_spdx_licensing()
for path in sys.argv[1:]:
    text = open(path, encoding="utf-8").read()
    assert (complaint := validator.validate_str(text)) is None, complaint
    bom = json.loads(text)
    # The schema itself leaves the version open.
    assert bom["specVersion"] == "1.6"
    Bom.from_json(copy.deepcopy(bom)).validate()
    for c in (bom["metadata"]["component"], *bom["components"]):
        purl = PackageURL.from_string(c["purl"])
        assert (purl.type, purl.name, purl.version) == ("cargo", c["name"], c["version"]), purl
        assert purl.to_string() == c["purl"], c["purl"]
        (licence,) = c["licenses"]
        errors = licensing.validate(licence["expression"], strict=True).errors
        assert not errors, errors
    print(f"  {len(bom['components'])} components are valid")

# Each of these has to be refused.
def broken(bom, *path):
    *way, key, value = path
    at = made = copy.deepcopy(bom)
    for step in way:
        at = at[step]
    at[key] = value
    return json.dumps(made)
wrong = [
    ("bomFormat", "SPDX"), ("specVersion", 1.6), ("serialNumber", "urn:uuid:7"), ("invented", 1),
    ("components", 0, "type", "crate"), ("components", 0, "scope", "build"),
    ("components", 0, "hashes", 0, "content", "00"), ("components", 0, "hashes", 0, "alg", "SHA256"),
    ("components", 0, "licenses", [{"license": {"id": "No-Such-Licence"}}]),
    ("dependencies", 0, "dependsOn", "pkg:cargo/a@1"), ("metadata", "timestamp", "yesterday"),
    ("compositions", 0, "aggregate", "most"),
]
for path in wrong:
    assert validator.validate_str(broken(bom, *path)) is not None, f"a broken one is accepted: {path}"
try:
    Bom.from_json(json.loads(broken(bom, "dependencies", 0, "dependsOn", ["pkg:cargo/none@1"]))).validate()
    sys.exit("a dependency that is no component is accepted")
except CycloneDxModelException:
    pass
PY
say "all as it should be"

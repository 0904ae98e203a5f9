#!/usr/bin/env bash
# Holds the Windows program under Wine against the Linux one over the same bytes: a tree of 20,000 files and the samples must
# give the same objects, digests, dispositions, findings and counts of people.
# usage: windows-same.sh LINUX-PROGRAM COMMAND...   COMMAND starts the Windows program, as: wine wardround.exe
# SCAN_FLAGS: further flags of both scans.
# WINE_ROOT: where Wine's Z: is seen from here, when it runs in another root (default /)
set -euo pipefail
cd "$(dirname "$0")/../.."
linux=$(realpath "$1"); shift
root=${WINE_ROOT:-/}
# Not among temporary files: where something lies counts for staging, and not under every name on both systems.
work=$(mktemp -d "${root%/}/opt/same-XXXXXX"); trap 'rm -rf "$work"' EXIT
inside=${work#"${root%/}"}
mkdir "$work/tree"; cp -r samples "$work/tree/samples"
python3 - "$work/tree" <<'PY'
import gzip, io, os, random, sys, tarfile, zipfile
rng = random.Random(11)
root = sys.argv[1]
words = [f"word{i}" for i in range(3000)]
for i in range(20000):
    folder = f"{root}/data/{i % 61}/{i % 7}"
    os.makedirs(folder, exist_ok=True)
    kind = i % 50
    body = " ".join(rng.choices(words, k=rng.choice([5, 50, 400]))).encode()
    if kind == 0:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
            for n in range(5): z.writestr(zipfile.ZipInfo(f"in/{n}.txt"), body + str(n).encode())
        body, name = out.getvalue(), f"{i}.zip"
    elif kind == 1:
        body = b"mrn,name,dob,ssn\n" + b"".join(b"%d,Roe Jane%d,19%02d-03-04,%03d-%02d-%04d\n" % (100000 + i + n, n, 40 + n, 501 + n, 11 + n, 1000 + i % 8000 + n) for n in range(8))
        name = f"{i}.csv"
    elif kind == 2: body, name = gzip.compress(body, mtime=0), f"{i}.gz"
    elif kind == 3: body, name = rng.randbytes(2000), f"{i} - Übersicht.bin"
    else: name = f"{i}.txt"
    with open(f"{folder}/{name}", "wb") as f: f.write(body)
PY
find "$work/tree" -type f | wc -l
"$linux" scan --quiet ${SCAN_FLAGS:-} --case "$work/linux" "$work/tree" || code=$?
echo "linux ended with ${code:-0}"
other=0; "$@" scan --quiet ${SCAN_FLAGS:-} --case "Z:${inside//\//\\}\\windows" "Z:${inside//\//\\}\\tree" || other=$?
echo "windows ended with $other"
[ "${code:-0}" = "$other" ]
python3 - "$work" "$inside" <<'PY'
import collections, json, subprocess, sys
work, inside = sys.argv[1:]
def load(case, prefix):
    report = json.load(open(f"{work}/{case}/report.json"))
    rows = subprocess.run(["zstd", "-dc", f"{work}/{case}/inventory.jsonl.zst"], check=True, capture_output=True).stdout
    rows = [json.loads(line) for line in rows.splitlines()]
    # The path of the tree, and what separates folders of the system.
    def norm(path):
        head, mark, tail = path.partition("!")
        assert head.startswith(prefix), (head, prefix)
        return head[len(prefix):].replace("\\", "/") + mark + tail
    objects = {norm(r["path"]): {k: r.get(k) for k in ("kind", "size", "sha256", "crc32", "md5", "disposition", "reason", "type", "container")} for r in rows}
    for r in objects.values():
        if r["kind"] == "dir": r["size"] = 0
    found = collections.Counter((norm(f["path"]), f["level"], f["score"], tuple(sorted(x["id"] for x in f["reasons"]))) for f in report["findings"])
    return objects, found, report["phi"], report["coverage"]
linux = load("linux", f"{work}/tree")
windows = load("windows", "Z:" + inside.replace("/", "\\") + "\\tree")
for n, what in enumerate(("objects", "findings")):
    a, b = linux[n], windows[n]
    differ = [k for k in sorted(set(a) | set(b), key=str) if a.get(k) != b.get(k)]
    print(what, len(a), len(b), "different:", len(differ))
    for k in differ[:10]: print("  ", k, *(f"{a.get(k)} on Linux, {b.get(k)} on Windows" if not isinstance(a.get(k), dict) or not isinstance(b.get(k), dict) else {x: (a[k][x], b[k][x]) for x in a[k] if a[k][x] != b[k][x]} for _ in (0,)))
    assert not differ
people = [{k: v for k, v in side[2].items() if k in ("individuals", "by_state", "by_identifier", "formats")} for side in (linux, windows)]
assert people[0] == people[1] and people[0], people
assert linux[3] == windows[3], (linux[3], windows[3])
print("the same")
PY

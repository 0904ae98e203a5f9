#!/usr/bin/env python3
"""Checks a case folder against independent eyes: every file with its size (find), 500 digests (sha256sum), the sums.

    wardround scan TREE --case CASE; python3 tests/tools/verify_tree.py CASE TREE      needs zstd

Prints one line a check; exit 1 if any differs.
"""

import base64
import collections
import json
import random
import subprocess
import sys


def inventory(case):
    out = subprocess.run(["zstd", "-dcq", f"{case}/inventory.jsonl.zst"], capture_output=True, check=True).stdout
    return [json.loads(line) for line in out.splitlines()]


def raw(row):
    return base64.b64decode(row["path_raw"]) if "path_raw" in row else row["path"].encode()


def main(case, tree):
    report = json.load(open(f"{case}/report.json", encoding="utf-8"))
    rows = inventory(case)
    ours = {raw(r): r for r in rows if r["kind"] == "file"}
    listing = subprocess.run(["find", tree, "-type", "f", "-printf", "%s %p\\0"], capture_output=True, check=True).stdout
    theirs = {path: int(size) for size, path in (item.split(b" ", 1) for item in listing.split(b"\0") if item)}
    missing = [p for p in theirs if p not in ours]
    extra = [p for p in ours if p not in theirs]
    sizes = [p for p in theirs if p in ours and ours[p]["size"] != theirs[p]]
    sample = random.Random(7).sample(sorted(p for p in ours if "sha256" in ours[p]), min(500, len(ours)))
    digests = subprocess.run(["sha256sum", "-z", "--", *sample], capture_output=True, check=True).stdout
    wrong = [p for digest, p in (d.split(b"  ", 1) for d in digests.split(b"\0") if d) if ours[p]["sha256"] != digest.decode()]
    c = report["coverage"]
    sums = collections.Counter(r["disposition"] for r in rows)
    adds_up = c["discovered"] == len(rows) == sum(sums.values()) and all(c[k] == sums[k] for k in ("examined", "partial", "skipped", "failed"))
    alerts = [f["path"] for f in report["findings"] if f["level"] == "alert"]
    print(f"files: {len(theirs)} by find, {len(ours)} in the inventory, {len(missing)} missing {missing[:2]}, {len(extra)} extra {extra[:2]}, {len(sizes)} of another size {sizes[:2]}")
    print(f"digests: {len(sample)} compared with sha256sum, {len(wrong)} differ")
    print(f"coverage: {c['discovered']} objects, adds up: {adds_up}; {dict(sums)}")
    print(f"alerts: {len(alerts)} {alerts[:3]}")
    print(f"peak memory: {report['run'].get('peak_memory', 0) >> 20} MiB; {report['run']['duration_ms'] / 1000:.1f} s; {report['run']['threads']} threads")
    return 1 if missing or extra or sizes or wrong or not adds_up else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))

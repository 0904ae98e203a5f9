#!/usr/bin/env bash
# Processor time of a first scan and of one with --baseline: unchanged, and with 1 % of the files changed.
# usage: sweep.sh [PROGRAM] [FOLDER...]   without folders a tree of 50,000 files of 10 KB on average is made
set -euo pipefail
program=$(realpath "${1:-target/release/wardround}"); shift || true
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
made=
if [ $# = 0 ]; then
  made=$work/tree; set -- "$made"
  python3 - "$made" <<'PY'
import os, random, sys
random.seed(7)
words = [f"word{i}" for i in range(4000)]
for i in range(50000):
    folder = f"{sys.argv[1]}/{i % 97}/{i % 13}"
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/{i}.txt", "w") as f:
        f.write(" ".join(random.choices(words, k=random.choice([50, 300, 1000, 4500]))))
PY
  sleep 1
fi
scan() {
  local name=$1 took; shift
  took=$({ TIMEFORMAT='%U %S'; time "$program" scan --quiet --rules-cache "$work/cache" --case "$work/$name" "$@" >&2 || true; } 2>&1 | tail -1)
  python3 - "$work/$name/report.json" "$name" "$took" <<'PY'
import json, sys
r, name, took = json.load(open(sys.argv[1])), sys.argv[2], sum(map(float, sys.argv[3].split()))
c = r["coverage"]
print(f"{name:10} {took:7.2f} s of processor time, {c['examined']:7} of {c['discovered']} objects examined, "
      f"{c['by_reason'].get('unchanged', 0)} unchanged, {r['run']['peak_memory'] >> 20} MiB")
PY
}
mkdir "$work/empty"; scan warm "$work/empty" >/dev/null
scan first "$@"
scan unchanged --baseline "$work/first" "$@"
if [ -n "$made" ]; then
  for i in $(seq 0 100 49999); do printf ' more' >>"$made/$((i % 97))/$((i % 13))/$i.txt"; done
  sleep 1
  scan changed --baseline "$work/unchanged" "$@"
fi
python3 - "$work" <<'PY'
import json, sys
a, b = (json.load(open(f"{sys.argv[1]}/{n}/report.json")) for n in ("first", "unchanged"))
assert a["findings"] == b["findings"] and a["phi"] == b["phi"], "a sweep says something else than a full scan"
PY

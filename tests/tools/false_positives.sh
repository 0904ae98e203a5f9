#!/usr/bin/env bash
# Scans folders that are known to be sound with the embedded rules and indicators alone, and prints what is found at notice and above
# by reason. Fails where a finding of rules, indicators or executables is a warning or an alert.
#
#   tests/tools/false_positives.sh [FOLDER...]      WARDROUND=path/to/wardround, default target/release/wardround
set -euo pipefail
cd "$(dirname "$0")/../.."
program=${WARDROUND:-target/release/wardround}
[ $# -gt 0 ] || set -- /usr
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$program" scan "$@" --case "$work/case" >"$work/out" 2>&1 || [ $? -lt 64 ] || { cat "$work/out"; exit 64; }
python3 - "$work/case" <<'PY'
import collections, json, sys
report = json.load(open(sys.argv[1] + "/report.json"))
rows = collections.defaultdict(list)
for f in report["findings"]:
    if f["category"] in ("yara", "ioc", "binary") and f["level"] != "info":
        best = max(f["reasons"], key=lambda r: r["weight"])
        if best["source"].startswith("embedded/demo"):
            continue  # the anti-virus test file and our own marker are meant to be found
        rows[f["level"], f["category"], best["id"], best["source"]].append(f["path"])
coverage = report["coverage"]
print(f'{coverage["discovered"]} objects, {coverage["bytes_examined"] >> 20} MiB examined')
for (level, category, reason, source), paths in sorted(rows.items(), key=lambda r: (r[0][0] == "notice", -len(r[1]), r[0])):
    print(f"{level:8} {len(paths):6}  {category:6} {reason}  ({source})  e.g. {paths[0]}")
bad = sum(len(paths) for (level, *_), paths in rows.items() if level != "notice")
print(f"{bad} at warning or above, {sum(map(len, rows.values())) - bad} notices")
sys.exit(bad > 0)
PY

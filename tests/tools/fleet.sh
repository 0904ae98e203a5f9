#!/usr/bin/env bash
# Merges a generated fleet: time and peak memory of `merge`, with the checks of tests/it/fleet.rs at full size.
#
#     tests/tools/fleet.sh [HOSTS] [PROGRAM]      10,000 hosts take 3 GB of disk; needs /usr/bin/time
#
# PROGRAM is the one whose time and memory are told; the checks run the one that cargo built for the tests.
set -euo pipefail
cd "$(dirname "$0")/../.."
hosts=${1:-10000}; program=${2:-target/debug/wardround}
dir=$(mktemp -d); trap 'rm -rf "$dir"' EXIT
WARDROUND_FLEET_HOSTS=$hosts WARDROUND_FLEET_DIR=$dir cargo test --locked --test it fleet::a_fleet -- --nocapture
rm -rf "$dir/fleet"
code=0
/usr/bin/time -v -o "$dir/time" "$program" merge "$dir/cases" --expected "$dir/expected.txt" --out "$dir/fleet" --quiet || code=$?
[ "$code" = 2 ] || { echo "merge ended with exit code $code, not 2"; exit 1; }
printf '%s hosts, %s of cases: %s elapsed, %s MiB peak; fleet.json %s, fleet.html %s\n' "$hosts" \
  "$(du -sh "$dir/cases" | cut -f 1)" "$(awk '/Elapsed/ {print $NF}' "$dir/time")" \
  "$(($(awk '/Maximum resident/ {print $NF}' "$dir/time") / 1024))" \
  "$(du -h "$dir/fleet/fleet.json" | cut -f 1)" "$(du -h "$dir/fleet/fleet.html" | cut -f 1)"

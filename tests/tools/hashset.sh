#!/usr/bin/env bash
# Compiles a list of 50,000,000 synthetic SHA-256 and asks it a million questions: size, time, memory, lookups.
#
#     tests/tools/hashset.sh [COUNT] [SCRATCH]      needs /usr/bin/time and 7 GB of disk for 50 million
set -euo pipefail
cd "$(dirname "$0")/../.."
count=${1:-50000000}; dir=$(mktemp -d -p "${2:-/tmp}"); trap 'rm -rf "$dir"' EXIT
cargo build --release --locked
cargo bench --locked --bench hashset -- generate "$count" "$dir/list.txt"
/usr/bin/time -v target/release/wardround ioc compile --out "$dir/set.whs" --name synthetic "$dir/list.txt" 2> "$dir/time"
printf 'list: %s bytes; set: %s bytes\n' "$(stat -c %s "$dir/list.txt")" "$(stat -c %s "$dir/set.whs")"
printf 'compile: %s elapsed, %s s user, %s MiB peak\n' "$(awk '/Elapsed/ {print $NF}' "$dir/time")" \
  "$(awk '/User time/ {print $NF}' "$dir/time")" "$(($(awk '/Maximum resident/ {print $NF}' "$dir/time") / 1024))"
cargo bench --locked --bench hashset -- ask "$count" "$dir/set.whs"
mkdir "$dir/target"; head -c 4096 /dev/zero > "$dir/target/file"
/usr/bin/time -v target/release/wardround scan "$dir/target" --case "$dir/case" --known-good "$dir/set.whs" --quiet 2> "$dir/time" || true
printf 'a scan with it: %s elapsed, %s MiB peak\n' "$(awk '/Elapsed/ {print $NF}' "$dir/time")" \
  "$(($(awk '/Maximum resident/ {print $NF}' "$dir/time") / 1024))"

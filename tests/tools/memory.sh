#!/usr/bin/env bash
# Peak memory of a scan of 100,000 small files, and of one file of 3 GiB.
#
#     tests/tools/memory.sh target/release/wardround [SCRATCH]      needs /usr/bin/time and 4 GiB of disk
set -euo pipefail
bin=$(realpath "$1"); dir=$(mktemp -d -p "${2:-/tmp}"); trap 'rm -rf "$dir"' EXIT
python3 - "$dir" <<'PY'
import os, random, sys
rng = random.Random(1)
for i in range(100_000):
    d = f"{sys.argv[1]}/small/{i // 500:03}"
    if i % 500 == 0:
        os.makedirs(d)
    with open(f"{d}/{i:06}.txt", "wb") as f:
        f.write(rng.randbytes(rng.randrange(50, 3000)).hex().encode())
os.makedirs(f"{sys.argv[1]}/large")
block = rng.randbytes(1 << 20)
with open(f"{sys.argv[1]}/large/big.bin", "wb") as f:
    for _ in range(3072):
        f.write(block)
PY
for what in small large; do
  /usr/bin/time -v "$bin" scan "$dir/$what" --case "$dir/case-$what" --quiet 2> "$dir/time" || true
  printf '%s: %s MiB peak, %s elapsed, %s s user\n' "$what" \
    "$(($(awk '/Maximum resident/ {print $NF}' "$dir/time") / 1024))" \
    "$(awk '/Elapsed/ {print $NF}' "$dir/time")" "$(awk '/User time/ {print $NF}' "$dir/time")"
done

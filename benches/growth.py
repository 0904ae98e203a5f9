#!/usr/bin/env python3
"""Whether the cost of a scan grows with the work and with nothing else: files from ten thousand on, threads from one on.

    benches/growth.py [PROGRAM] [--files 10000,100000,1000000] [--threads 1,2,4,8] [-- FLAGS OF THE SCAN...]

For each number of files, on two threads, and for each number of threads, on the second of these trees: wall and processor time,
peak resident memory, and how often a thread of the scan gave up its processor to wait (voluntary context switches, getrusage(2)),
which is what contention is where there are fewer processors than threads. Ends with 1 where processor time a file, or memory
without what the report and the inventory need (400 bytes a file), is more than half as much again as at the start of the row.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

A_FILE = 400
BOUND = 1.5


def tree(root, files):
    """Texts of 100 to 3,100 bytes, a hundred in a folder."""
    words = [f"word{n}" for n in range(997)]
    for n in range(files):
        folder = f"{root}/{n // 10_000}/{n // 100 % 100}"
        if n % 100 == 0:
            os.makedirs(folder, exist_ok=True)
        with open(f"{folder}/{n}.txt", "w") as file:
            file.write(" ".join(words[(n * 7 + k) % 997] for k in range(14 + n * 31 % 430)))


def scan(program, flags, work, target, threads):
    case = f"{work}/case"
    shutil.rmtree(case, ignore_errors=True)
    command = [program, "scan", target, "--case", case, "--quiet", "--full-speed", "--threads", str(threads)]
    begun = time.monotonic()
    child = subprocess.Popen([*command, "--rules-cache", f"{work}/cache", *flags], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    wall = time.monotonic() - begun
    if os.waitstatus_to_exitcode(status) not in (0, 1, 2, 3):
        sys.exit(f"{program} ended with {os.waitstatus_to_exitcode(status)}")
    with open(f"{case}/report.json") as report:
        peak = json.load(report)["run"]["peak_memory"]
    return wall, used.ru_utime + used.ru_stime, peak, used.ru_nvcsw


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("program", nargs="?", default="target/release/wardround")
    arguments.add_argument("--files", default="10000,100000,1000000")
    arguments.add_argument("--threads", default="1,2,4,8")
    arguments.add_argument("flags", nargs="*")
    asked = arguments.parse_args()
    sizes = [int(n) for n in asked.files.split(",")]
    work = tempfile.mkdtemp(dir=os.environ.get("TMPDIR", "/var/tmp"))
    try:
        for files in sizes:
            tree(f"{work}/{files}", files)
        os.mkdir(f"{work}/nothing")
        # The rules' cache is made, and what a scan costs at all is known.
        fixed = [scan(asked.program, asked.flags, work, f"{work}/nothing", 2) for _ in range(2)][1]
        print(f"nothing: {fixed[0]:.2f} s wall, {fixed[1]:.2f} s processor, {fixed[2] >> 20} MiB")
        print("\n| files | threads | wall s | processor s | µs a file | peak MiB | waits a 1,000 files |")
        print("|---|---|---|---|---|---|---|")
        many = sizes[min(1, len(sizes) - 1)]
        rows = [(files, 2) for files in sizes], [(many, int(n)) for n in asked.threads.split(",")]
        worst = 0.0
        for row in rows:
            first = None
            for files, threads in row:
                scan(asked.program, asked.flags, work, f"{work}/{files}", threads)
                wall, used, peak, waits = scan(asked.program, asked.flags, work, f"{work}/{files}", threads)
                each, held = (used - fixed[1]) / files, max(peak - files * A_FILE, 1)
                first = first or (each, held / threads)
                worst = max(worst, each / first[0], held / threads / first[1])
                print(f"| {files:,} | {threads} | {wall:.2f} | {used:.2f} | {each * 1e6:.0f} | {peak / (1 << 20):.0f} "
                      f"| {waits * 1000 / files:.0f} |", flush=True)
        print(f"\nmost of what was at the start of a row: {worst:.2f}, {BOUND} allowed")
        sys.exit(worst > BOUND)
    finally:
        shutil.rmtree(work)


main()

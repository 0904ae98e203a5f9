#!/usr/bin/env python3
"""wardround and other programs side by side over the same folders: wall time, processor time, memory, as ratios.

    benches/table.py --rules RULES [--rounds 3] [--cold] [--flags=--max-depth=0] [--peer 'NAME=COMMAND {target}'] FOLDER...

The first row is the base of the ratios: `yr scan -C` with RULES (a folder of .yar files) compiled once, where `yr` of yara-x-cli
is on PATH. Programs take turns, so that what else the machine does falls on all alike; a round before the first counted one
warms up, and fills the cache of rules; --cold drops the page cache before each run (root). Ratios are medians of those of single rounds.
Memory is the most anonymous memory of all processes of a command, read 100 times a second: mapped files count for nobody.
"""

import argparse
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

EXTERNALS = ["filename", "filepath", "extension", "filetype", "owner"]


def anonymous(pid):
    """KiB of anonymous memory of a process and those below it."""
    total, waiting = 0, [pid]
    while waiting:
        one = waiting.pop()
        try:
            with open(f"/proc/{one}/status") as status:
                total += sum(int(line.split()[1]) for line in status if line.startswith("RssAnon"))
            for task in os.listdir(f"/proc/{one}/task"):
                with open(f"/proc/{one}/task/{task}/children") as children:
                    waiting += map(int, children.read().split())
        except (OSError, ValueError):
            pass
    return total


def run(command, cold):
    if cold:
        os.sync()
        with open("/proc/sys/vm/drop_caches", "w") as caches:
            caches.write("3")
    begun, before = time.monotonic(), os.times()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0

    def watch():
        nonlocal peak
        while child.returncode is None:
            peak = max(peak, anonymous(child.pid))
            time.sleep(0.01)

    watcher = threading.Thread(target=watch)
    watcher.start()
    code = child.wait()
    wall = time.monotonic() - begun
    watcher.join()
    after = os.times()
    used = sum(after[2:4]) - sum(before[2:4])
    return wall, used, peak / 1024, code


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folders", nargs="+")
    arguments.add_argument("--program", default="target/release/wardround")
    arguments.add_argument("--rules")
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--cold", action="store_true")
    arguments.add_argument("--flags", action="append", default=[], help="further flags of the scan")
    arguments.add_argument("--peer", action="append", default=[], metavar="NAME=COMMAND", help="{target} stands for the folder")
    asked = arguments.parse_args()
    work = tempfile.mkdtemp(dir=os.environ.get("TMPDIR", "/var/tmp"))
    try:
        table(asked, work)
    finally:
        shutil.rmtree(work)


def table(asked, work):
    ours = [asked.program, "scan", "{target}", "--case", f"{work}/case", "--quiet", "--threads", "2", "--full-speed"]
    ours += [flag for flags in asked.flags for flag in shlex.split(flags)]
    rows = []
    if asked.rules:
        ours += ["--no-default-rules", "--rules", asked.rules, "--rules-cache", f"{work}/cache"]
        if shutil.which("yr"):
            externals = [word for name in EXTERNALS for word in ("-d", f'{name}=""')]
            subprocess.run(["yr", "compile", "-w", *externals, "-o", f"{work}/all.yarc", asked.rules], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            yr = "yr scan --disable-console-logs -p 2 -r -C"
            rows.append(("yr scan -C", [*yr.split(), f"{work}/all.yarc", "{target}"]))
    rows += [(name, shlex.split(command)) for name, command in (peer.split("=", 1) for peer in asked.peer)]
    rows.append(("wardround", ours))
    for folder in asked.folders:
        results = {name: [] for name, _ in rows}
        for round_ in range(asked.rounds + 1):
            for name, command in rows:
                shutil.rmtree(f"{work}/case", ignore_errors=True)
                result = run([word.replace("{target}", folder) for word in command], asked.cold)
                if result[3] in (64, 73, 126, 127) or result[3] < 0:
                    sys.exit(f"{name} ended with {result[3]}")
                if round_:
                    results[name].append(result)
        base = results[rows[0][0]]
        print(f"\n### {folder}\n\n| command | wall s | processor s | anonymous MiB | wall ÷ base | processor ÷ base |")
        print("|---|---|---|---|---|---|")
        for name, _ in rows:
            own = results[name]
            wall, used, peak = (statistics.median(r[n] for r in own) for n in range(3))
            ratios = [statistics.median(a[n] / max(b[n], 1e-3) for a, b in zip(own, base)) for n in range(2)]
            print(f"| {name} | {wall:.2f} | {used:.2f} | {peak:.0f} | {ratios[0]:.2f} | {ratios[1]:.2f} |", flush=True)


main()

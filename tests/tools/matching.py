#!/usr/bin/env python3
"""Names the files of a large host that lie in its locked archives, and holds that to the truth.

    tests/tools/matching.py BINARY [FILES]      200,000 files by default; needs 7zz or 7z, and zip

Makes a host of that many files (many of equal size), packs some into locked archives of 7-Zip and Info-ZIP, scans, and
compares what the findings name with what was packed. Prints figures; exits with 1 where a file is missing or wrong.
"""
import json, os, random, resource, shutil, subprocess, sys, tempfile

binary = os.path.abspath(sys.argv[1])
count = int(sys.argv[2]) if len(sys.argv) > 2 else 200_000
seven = shutil.which("7zz") or shutil.which("7z")
rng = random.Random(7)
root = tempfile.mkdtemp(prefix="matching-", dir=os.environ.get("MATCHING_DIR"))
host = os.path.join(root, "host")
people = ["Harlow", "Quist", "Banner", "Okafor", "Delgado", "Ishii", "Marsh", "Vance"]


def table(i):
    rows = ["mrn,last_name,first_name,date_of_birth,primary_diagnosis"]
    for k in range(4):
        n = i * 4 + k
        rows.append(f"{40000000 + n:08},{people[n % 8]}{n % 97},Mara,{1930 + n % 80}-{1 + n % 12:02}-{1 + n % 28:02},E11.9")
    return "\n".join(rows).encode() + b"\n"


paths = []
for i in range(count):
    folder = os.path.join(host, "srv", f"share{i % 7}", f"d{i // 400}")
    if i % 400 < 7:
        os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, f"{'list' if i % 3 == 0 else 'note'}-{i}.{'csv' if i % 3 == 0 else 'bin'}")
    # One in three holds patients; the others are of a few hundred sizes only.
    data = table(i) if i % 3 == 0 else rng.randbytes(200 + i % 300)
    with open(path, "wb") as f:
        f.write(data)
    paths.append(path)

truth = {}
for k in range(20):
    packed = os.path.join(root, f"pack{k}")
    picked = rng.sample(paths, 60)
    for path in picked:
        to = os.path.join(packed, os.path.relpath(path, host))
        os.makedirs(os.path.dirname(to), exist_ok=True)
        shutil.copy(path, to)
    # Some that are on no host.
    for extra in range(5):
        with open(os.path.join(packed, f"new{extra}.bin"), "wb") as f:
            f.write(rng.randbytes(200 + extra))
    name = f"a{k}.zip" if k % 2 else f"a{k}.7z"
    out = os.path.join(host, "C", "PerfLogs", name)
    os.makedirs(os.path.dirname(out), exist_ok=True)
    command = ["zip", "-q", "-r", "-P", "S3cret", out, "."] if k % 2 else [seven, "a", "-bd", "-mx1", "-pS3cret", out, "."]
    subprocess.run(command, cwd=packed, check=True, stdout=subprocess.DEVNULL)
    truth[name] = set(picked)

case = os.path.join(root, "case")
run = [binary, "scan", host, "--case", case, "--no-default-rules", "--no-default-iocs", "--quiet", "--threads", "2"]
subprocess.run(run, check=False, stdout=subprocess.DEVNULL)
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
report = json.load(open(os.path.join(case, "report.json"), encoding="utf-8"))
missing = wrong = named = 0
for name, want in truth.items():
    got = set()
    for finding in report["findings"]:
        if finding["category"] == "staging" and finding["path"].endswith("/" + name):
            got = {o for r in finding["reasons"] if r["id"] in ("content.crc_match", "member.match") for o in r.get("objects", [])}
    missing += len(want - got)
    wrong += len(got - want)
    named += len(got & want)
print(f"files {count}, archives {len(truth)}, packed {sum(map(len, truth.values()))}, named {named}, missing {missing}, wrong {wrong}")
print(f"peak memory {usage.ru_maxrss // 1024} MiB, processor {usage.ru_utime + usage.ru_stime:.1f} s")
shutil.rmtree(root)
sys.exit(1 if missing or wrong else 0)

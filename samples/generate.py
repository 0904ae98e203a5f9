#!/usr/bin/env python3
"""Writes the sample workstation beside this file: a small Windows drive with planted traces and decoys.

Everybody in it is invented, nothing in it can run. Python's standard library only; the same bytes each time.

    python3 samples/generate.py            write samples/workstation
    python3 samples/generate.py --check    compare what is there; archives member by member, since zlib's
                                           compressed bytes differ between versions
"""

import hashlib
import io
import random
import sys
import zipfile
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent / "workstation"
WHEN = (2026, 10, 31, 2, 15, 0)

FAMILY = """Abernathy Ballard Castellan Dunmore Eastwick Fairbanks Goldring Hathersage Ivorson Jessamine Kettleby
Larkspur Merriweather Northcote Oakhurst Pemberton Quillfeather Ravenscroft Silverton Thistlewood Underhay
Vandermeer Whitlock Yardley Zimmerwald Ashgrove Brambleton Coldwater Dovecote Elderberry""".split()
GIVEN = """Adele Bertram Clarice Desmond Eleanor Fergus Gwendolyn Horace Isolde Jasper Katrina Leopold Minerva Nathaniel
Octavia Percival Rosalind Sebastian Tabitha Ulysses Verena Wilfred Xanthe Yolanda Zachary""".split()
CITIES = [("Tallow Springs", "FL", "32399"), ("Pinecrest Bay", "FL", "33198"), ("Maple Hollow", "OH", "43099"),
          ("Cedar Junction", "GA", "30399")]
STREETS = ["Lantern Way", "Copper Kettle Rd", "Windmill Ct", "Old Orchard Ln", "Harbor Light Ave"]
CODES = ["E11.9", "I10", "J45.909", "M54.50", "L60.0", "M20.11", "B35.1", "K21.9", "F41.1", "N39.0"]


def npi(body):
    """Appends the check digit: Luhn over 80840 and the number."""
    total = 24
    for i, digit in enumerate(reversed(body)):
        n = int(digit) * (2 if i % 2 == 0 else 1)
        total += n - 9 if n > 9 else n
    return body + str(-total % 10)


def people(n):
    """Invented patients. Area numbers 773 to 899 were not assigned to any state before 2011."""
    rng = random.Random(20261031)
    pairs = [(f, g) for f in FAMILY for g in GIVEN]
    rng.shuffle(pairs)
    out = []
    for i, (family, given) in enumerate(pairs[:n]):
        city, state, code = rng.choice(CITIES)
        out.append({
            "mrn": f"{rng.randrange(10**6, 10**7)}",
            "family": family,
            "given": given,
            "sex": rng.choice("FM"),
            "dob": (rng.randrange(1931, 2019), rng.randrange(1, 13), rng.randrange(1, 29)),
            "ssn": (rng.randrange(773, 900), rng.randrange(1, 100), rng.randrange(1, 10000)),
            "member": "HPX" + f"{rng.randrange(10**8, 10**9)}",
            "street": f"{rng.randrange(10, 9900)} {rng.choice(STREETS)}",
            "city": city, "state": state, "zip": code,
            "dx": rng.choice(CODES),
            "dos": (2026, rng.randrange(1, 11), rng.randrange(1, 29)),
            "charge": rng.randrange(4000, 90000),
        })
    return out


def table(rows):
    lines = ["MRN,LastName,FirstName,DOB,Sex,SSN,Address1,City,State,Zip,MemberID,Dx1,DateOfService,ChargeAmount"]
    for p in rows:
        lines.append(",".join([
            p["mrn"], p["family"], p["given"], "%04d-%02d-%02d" % p["dob"], p["sex"], "%03d-%02d-%04d" % p["ssn"],
            p["street"], p["city"], p["state"], p["zip"], p["member"], p["dx"], "%04d-%02d-%02d" % p["dos"],
            "%d.%02d" % divmod(p["charge"], 100)]))
    return ("\r\n".join(lines) + "\r\n").encode()


def claims(rows, control):
    """An 837 professional claim file (005010X222A1), one claim a patient."""
    isa = "*".join(["ISA", "00", " " * 10, "00", " " * 10, "ZZ", "TALLOWCLINIC".ljust(15), "ZZ", "HARBORPAYER".ljust(15),
                    "261031", "0215", "^", "00501", "%09d" % control, "0", "P", ":"])
    out = [isa, f"GS*HC*TALLOWCLINIC*HARBORPAYER*20261031*0215*{control}*X*005010X222A1"]
    body = ["ST*837*0001*005010X222A1", f"BHT*0019*00*{control}*20261031*0215*CH",
            "NM1*41*2*TALLOW SPRINGS CLINIC*****46*TSC01", "PER*IC*BILLING*TE*8505550100",
            "NM1*40*2*HARBOR HEALTH PLAN*****46*HHP01", "HL*1**20*1",
            "NM1*85*2*TALLOW SPRINGS CLINIC*****XX*" + npi("148372655"), "N3*1 CLINIC PLAZA", "N4*TALLOW SPRINGS*FL*323990001",
            "REF*EI*593847261"]
    for i, p in enumerate(rows):
        body += [f"HL*{i + 2}*1*22*0", "SBR*P*18*******CI",
                 f"NM1*IL*1*{p['family'].upper()}*{p['given'].upper()}****MI*{p['member']}",
                 f"N3*{p['street'].upper()}", f"N4*{p['city'].upper()}*{p['state']}*{p['zip']}",
                 "DMG*D8*%04d%02d%02d*" % p["dob"] + p["sex"], "REF*SY*%03d%02d%04d" % p["ssn"],
                 "NM1*PR*2*HARBOR HEALTH PLAN*****PI*HHP01",
                 "CLM*%s-%d*%d.%02d***11:B:1*Y*A*Y*Y" % (p["mrn"], control, *divmod(p["charge"], 100)),
                 "REF*EA*" + p["mrn"], "HI*ABK:" + p["dx"].replace(".", ""), "LX*1",
                 "SV1*HC:99213*%d.%02d*UN*1***1" % divmod(p["charge"], 100), "DTP*472*D8*%04d%02d%02d" % p["dos"]]
    body.append(f"SE*{len(body) + 1}*0001")
    out += body + [f"GE*1*{control}", "IEA*1*%09d" % control]
    return ("~\n".join(out) + "~\n").encode()


def zipped(members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        for name, data in members:
            info = zipfile.ZipInfo(name, WHEN)
            info.create_system = 0
            info.compress_type = zipfile.ZIP_DEFLATED
            z.writestr(info, data, compresslevel=6)
    return out.getvalue()


CRC_TABLE = [0] * 256
for _n in range(256):
    _c = _n
    for _ in range(8):
        _c = (_c >> 1) ^ 0xEDB88320 if _c & 1 else _c >> 1
    CRC_TABLE[_n] = _c


class ZipCrypto:
    """The traditional encryption of PKWARE's APPNOTE 6.1."""

    def __init__(self, password):
        self.keys = [0x12345678, 0x23456789, 0x34567890]
        for byte in password:
            self.update(byte)

    def update(self, byte):
        k = self.keys
        k[0] = (k[0] >> 8) ^ CRC_TABLE[(k[0] ^ byte) & 0xFF]
        k[1] = ((k[1] + (k[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        k[2] = (k[2] >> 8) ^ CRC_TABLE[(k[2] ^ (k[1] >> 24)) & 0xFF]

    def encrypt(self, data):
        out = bytearray()
        for byte in data:
            t = (self.keys[2] | 2) & 0xFFFF
            out.append(byte ^ ((t * (t ^ 1) >> 8) & 0xFF))
            self.update(byte)
        return bytes(out)


def encrypted_zip(members, password):
    """Stored members under ZipCrypto; names, sizes and CRC-32 stay readable, as in every such zip."""
    year, month, day, hour, minute, second = WHEN
    date, time = (year - 1980) << 9 | month << 5 | day, hour << 11 | minute << 5 | second // 2
    out, directory = bytearray(), bytearray()
    for name, data in members:
        crc, raw = zlib.crc32(data), name.encode()
        head = hashlib.sha256(raw).digest()[:11] + bytes([crc >> 24])
        body = ZipCrypto(password).encrypt(head + data)
        fields = b"".join(v.to_bytes(n, "little") for v, n in [
            (20, 2), (1, 2), (0, 2), (time, 2), (date, 2), (crc, 4), (len(body), 4), (len(data), 4), (len(raw), 2), (0, 2)])
        directory += b"PK\1\2" + (20).to_bytes(2, "little") + fields + bytes(10) + len(out).to_bytes(4, "little") + raw
        out += b"PK\3\4" + fields + raw + body
    n = len(members).to_bytes(2, "little")
    end = b"PK\5\6" + bytes(4) + n + n + len(directory).to_bytes(4, "little") + len(out).to_bytes(4, "little") + bytes(2)
    return bytes(out + directory + end)


def tree():
    """Path below the workstation, and its bytes."""
    everyone = people(120)
    files = {}

    # Planted.
    files["C/PerfLogs/Admin/perfmon.log"] = zipped([
        ("podiatry/claims_1014.837", claims(everyone[0:14], 1014)),
        ("podiatry/claims_1021.837", claims(everyone[10:22], 1021)),
        ("dermatology/claims_1015.837", claims(everyone[22:34], 1015)),
        ("billing/claims_1028.837", claims(everyone[34:46], 1028)),
    ])
    files["C/Windows/Temp/svc/msvcx90.dll"] = table(everyone[30:90])
    files["C/Users/Public/Music/data.zip"] = encrypted_zip([
        ("front-office/patients_2026.csv", table(everyone[60:100])),
        ("billing/claims_october.837", claims(everyone[60:90], 1031)),
        ("lab/adt_feed.hl7", b"invented\r" * 40),
    ], b"inert-sample")
    files["C/ProgramData/Updater/agent.dat"] = b"WARDROUND-DEMO-" + b"INDICATOR\n"
    files["C/ProgramData/found_shares.txt"] = b"\\\\fs01\\billing\r\n\\\\fs01\\frontdesk\r\n\\\\fs02\\scans\r\n"
    files["C/Users/front.desk/AppData/Local/Temp/setup-notes.txt"] = (
        b"A harmless text that an embedded rule looks for.\r\nWARDROUND-DEMO-" + b"YARA-MARKER\r\n")

    # Decoys, and patient data where it belongs.
    files["C/ClinicDesk/Outbox/claims_20261031.837"] = claims(everyone[90:98], 1040)
    for day in range(22, 30):
        files[f"C/Program Files/ClinicDesk/Backup/nightly-202610{day}.zip"] = zipped([
            ("clinicdesk/patients.csv", table(everyone[: 80 + day - 22])),
            ("clinicdesk/settings.ini", b"[database]\r\nserver=localhost\r\nretention_days=8\r\n"),
        ])
    files["C/Users/front.desk/Downloads/LabelPrinter-5.2.zip"] = zipped([
        ("LabelPrinter/setup.ini", b"[setup]\r\nproduct=Label Printer\r\nversion=5.2.0\r\nvendor=Harbor Office Supply\r\n"),
        ("LabelPrinter/license.txt", b"Free to use with any label printer of this vendor.\r\n" * 20),
        ("LabelPrinter/drivers/printer.gpd", b"*GPDSpecVersion: \"1.0\"\r\n*ModelName: \"Label 5\"\r\n" * 10),
    ])
    phones = ["Contact,Department,Phone,Extension"]
    phones += [f"{what},{dept},(850) 555-01{10 + i},{200 + i}" for i, (what, dept) in enumerate([
        ("Help desk", "IT"), ("Pharmacy counter", "Pharmacy"), ("Courier", "Mail room"), ("Elevator service", "Facilities"),
        ("Water delivery", "Kitchen"), ("Security desk", "Facilities"), ("Translation line", "Front desk"), ("Copier service", "IT")])]
    files["C/Users/front.desk/Documents/phone-list.csv"] = ("\r\n".join(phones) + "\r\n").encode()
    reject = ["078-05-1120", "219-09-9999", "457-55-5462", "123-45-6789", "111-11-1111", "000-12-3456", "666-12-3456",
              "987-65-4320", "987-65-4321", "900-11-2222", "222-22-2222", "333-33-3333"]
    rows = ["PatientID,LastName,FirstName,DOB,SSN,Dx1"]
    rows += [f"{i + 1},Test{chr(65 + i)},Patient,19{60 + i}-01-01,{ssn},Z00.00" for i, ssn in enumerate(reject)]
    files["C/Users/front.desk/Documents/training/import-test.csv"] = ("\r\n".join(rows) + "\r\n").encode()
    files["C/Users/front.desk/Documents/opening-hours.txt"] = (
        b"Front desk, opening hours\r\n\r\nMonday to Thursday 8 to 17, Friday 8 to 13. The phone is answered from 7:30.\r\n"
        b"Please lock the mail room in the evening and water the plants on Wednesdays.\r\n")
    return files


def members(data):
    """An archive as its members say it: name, time, CRC-32, size, flags."""
    with zipfile.ZipFile(io.BytesIO(data)) as z:
        return [(i.filename, i.date_time, i.CRC, i.file_size, i.flag_bits) for i in z.infolist()]


def same(want, have):
    if want == have or not want.startswith(b"PK\3\4"):
        return want == have
    try:
        with zipfile.ZipFile(io.BytesIO(have)) as z:
            return members(want) == members(have) and (any(i.flag_bits & 1 for i in z.infolist()) or z.testzip() is None)
    except zipfile.BadZipFile:
        return False


def check(files):
    there = {p.relative_to(ROOT).as_posix() for p in ROOT.rglob("*") if p.is_file()}
    wrong = [f"missing: {p}" for p in sorted(files.keys() - there)]
    wrong += [f"not generated: {p}" for p in sorted(there - files.keys())]
    wrong += [f"differs: {p}" for p in sorted(there & files.keys()) if not same(files[p], (ROOT / p).read_bytes())]
    print("\n".join(wrong) or f"{len(files)} files as generated")
    return 1 if wrong else 0


def main():
    files = tree()
    if sys.argv[1:] == ["--check"]:
        return check(files)
    if sys.argv[1:]:
        print(__doc__, file=sys.stderr)
        return 64
    for path, data in files.items():
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_bytes(data)
    print(f"{len(files)} files, {sum(map(len, files.values()))} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())

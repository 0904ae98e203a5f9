#!/usr/bin/env python3
"""Writes tests/fixtures/identifiers/FAMILY.tsv: values, whether each is one, and what it is.

Where python-stdnum (PyPI) knows a family, its verdict is compared with the one intended here before a line is
written; the rest follows the sources that src/phi/identifiers names. Needs: pip install python-stdnum==2.2

    tests/tools/identifiers.py tests/fixtures/identifiers
"""
import random
import string
import sys
from pathlib import Path

from stdnum import luhn, verhoeff
from stdnum.us import ein, itin, rtn, ssn

R = random.Random(20261129)
OUT = Path(sys.argv[1])


def digits(n):
    return "".join(R.choice(string.digits) for _ in range(n))


def write(family, yes, no, second=None):
    """`yes` and `no` are (value, what); `second` is another opinion on a value."""
    seen, lines = set(), []
    for wanted, values in (("yes", yes), ("no", no)):
        for value, what in values:
            if value in seen or "\t" in value:
                continue
            seen.add(value)
            if second is not None:
                opinion = second(value)
                assert opinion is None or opinion == (wanted == "yes"), (family, value, what, opinion)
            lines.append(f"{value}\t{wanted}\t{what}")
    n = {w: sum(1 for line in lines if line.split("\t")[1] == w) for w in ("yes", "no")}
    assert n["yes"] >= 60 and n["no"] >= 120, (family, n)
    (OUT / f"{family}.tsv").write_text("\n".join(lines) + "\n")
    print(family, n)


def many(n, make, what):
    return [(make(), what) for _ in range(n)]


def luhn_tail(body, prefix=""):
    return body + luhn.calc_check_digit(prefix + body)


def luhn_wrong(body, prefix=""):
    right = luhn.calc_check_digit(prefix + body)
    return body + R.choice([c for c in string.digits if c != right])


# Values that are none of the families below, but look like numbers of some kind.
CONFUSABLE = (
    [(str(1_600_000_000 + i * 86_413), "seconds since 1970") for i in range(10)]
    + [(str(1_600_000_000_000 + i * 86_413_777), "milliseconds since 1970") for i in range(5)]
    + many(8, lambda: f"20{R.randint(10, 26)}-{R.randint(1, 12):02}-{R.randint(1, 28):02}", "date")
    + many(5, lambda: f"{R.randint(1, 12)}/{R.randint(1, 28)}/20{R.randint(10, 26)}", "date")
    + many(8, lambda: f"10.{R.randint(0, 255)}.{R.randint(0, 255)}.{R.randint(1, 254)}", "IPv4 address")
    + many(6, lambda: f"{R.randint(0, 30)}.{R.randint(0, 99)}.{R.randint(0, 9999)}", "version")
    + many(6, lambda: f"PN-{digits(4)}-{R.choice('ABCD')}", "part number")
    + many(6, lambda: f"{digits(3)}-{digits(2)}", "part number")
    + many(6, lambda: f"${R.randint(1, 999)},{digits(3)}.{digits(2)}", "amount")
    + many(6, lambda: "".join(R.choice("0123456789abcdef") for _ in range(32)), "MD5")
    + many(5, lambda: f"{R.randint(1, 99)}%", "share")
    + [(w, "word") for w in ["", "N/A", "NULL", "unknown", "Smith", "see chart", "-", "0", "none", "#REF!"]]
)


def not_in(*families):
    return [(v, w) for v, w in CONFUSABLE if w not in families]


# --- persons -----------------------------------------------------------------------------------------------
def real_ssn():
    while True:
        n = f"{R.randint(1, 899):03}{R.randint(1, 99):02}{R.randint(1, 9999):04}"
        if ssn.is_valid(n) and n not in ("123456789",) and len(set(n)) > 1:
            return n


def shaped(n, sep):
    return f"{n[:3]}{sep}{n[3:5]}{sep}{n[5:]}"


write(
    "ssn",
    many(25, lambda: shaped(real_ssn(), "-"), "dashed")
    + many(20, real_ssn, "bare")
    + many(10, lambda: shaped(real_ssn(), " "), "blanks")
    + many(10, lambda: shaped(real_ssn(), "."), "dots"),
    many(10, lambda: shaped("000" + digits(6), "-"), "area 000")
    + many(10, lambda: shaped("666" + digits(6), "-"), "area 666")
    + many(15, lambda: shaped(f"9{digits(8)}", "-"), "area 9xx, as ITIN")
    + many(10, lambda: shaped(real_ssn()[:3] + "00" + digits(4), "-"), "group 00")
    + many(10, lambda: shaped(real_ssn()[:5] + "0000", "-"), "serial 0000")
    + [(v, "published") for v in ["078-05-1120", "219-09-9999", "457-55-5462", "123-45-6789", "987-65-4320", "987-65-4329", "123456789"]]
    + [(str(d) * 9, "filler") for d in range(10)]
    + many(10, lambda: real_ssn()[:2] + "-" + real_ssn()[2:9], "as an EIN")
    + many(10, lambda: real_ssn()[:5] + "-" + real_ssn()[5:9], "ZIP+4")
    + many(10, lambda: real_ssn() + R.choice("ABD"), "claim number")
    + many(6, lambda: "XXX-XX-" + digits(4), "masked")
    + many(6, lambda: real_ssn() + digits(1), "ten digits")
    + many(6, lambda: shaped(real_ssn(), "-").replace("-", " ", 1), "two marks")
    + not_in(),
)

GROUPS = [g for g in range(50, 100) if g not in (66, 67, 68, 69, 89, 93)]
write(
    "itin",
    many(40, lambda: f"9{digits(2)}-{R.choice(GROUPS):02}-{digits(4)}", "dashed")
    + many(30, lambda: f"9{digits(2)}{R.choice(GROUPS):02}{digits(4)}", "bare"),
    many(30, lambda: f"9{digits(2)}-{R.choice([0, 12, 30, 49, 66, 67, 68, 69, 89, 93]):02}-{digits(4)}", "group not in use, or ATIN")
    + many(30, lambda: shaped(real_ssn(), "-"), "SSN")
    + many(10, lambda: f"9{digits(2)}-{R.choice(GROUPS):02}{digits(4)}", "one mark")
    + many(10, lambda: f"9{digits(1)}-{digits(7)}", "as an EIN")
    + not_in(),
    # stdnum reads over any mark, and knows only the groups of before 2012.
    lambda v: True if v.isdigit() and itin.is_valid(v) else None,
)

LETTERS, BOTH = "ACDEFGHJKMNPQRTUVWXY", "ACDEFGHJKMNPQRTUVWXY0123456789"


def mbi():
    pick = R.choice
    return (pick("123456789") + pick(LETTERS) + pick(BOTH) + digits(1) + pick(LETTERS) + pick(BOTH) + digits(1)
            + pick(LETTERS) + pick(LETTERS) + digits(2))


def spoil(value, at, chars):
    return value[:at] + R.choice(chars) + value[at + 1:]


write(
    "mbi",
    many(45, mbi, "as stored") + many(25, lambda: (lambda m: f"{m[:4]}-{m[4:7]}-{m[7:]}")(mbi()), "as printed"),
    many(10, lambda: spoil(mbi(), 0, "0ABC"), "first is 1 to 9")
    + many(15, lambda: spoil(mbi(), 1, "SLOIBZ0123"), "second is a letter, none of S L O I B Z")
    + many(10, lambda: spoil(mbi(), 2, "SLOIBZ"), "third is none of S L O I B Z")
    + many(10, lambda: spoil(mbi(), 3, "ACD"), "fourth is a digit")
    + many(10, lambda: spoil(mbi(), 7, "SLOIBZ01"), "eighth is a letter")
    + many(10, lambda: spoil(mbi(), 10, "ACD"), "last is a digit")
    + many(10, lambda: mbi()[:10], "too short")
    + many(10, lambda: mbi() + digits(1), "too long")
    + many(10, lambda: mbi().lower(), "small letters")
    + many(10, lambda: (lambda m: f"{m[:3]}-{m[3:7]}-{m[7:]}")(mbi()), "cut elsewhere")
    + many(10, lambda: real_ssn() + "A", "claim number")
    + not_in(),
)

RRB = ["A", "MA", "PA", "WA", "CA", "WD", "WCA", "WCD", "PD", "JA", "H", "MH", "PH", "WH"]
write(
    "hicn",
    many(25, lambda: real_ssn() + R.choice("ABCDEFMTW"), "worker, spouse, child, widow")
    + many(25, lambda: real_ssn() + R.choice(["B1", "B6", "C1", "C2", "CA", "D1", "D6", "E1", "F1", "J1", "K1", "M1", "TA", "W1"]), "two characters")
    + [(p + digits(6), "railroad board, six digits") for p in RRB]
    + [(p + real_ssn(), "railroad board, nine digits") for p in RRB],
    many(20, real_ssn, "SSN")
    + many(15, lambda: "000" + digits(6) + "A", "SSN that was never issued")
    + many(15, lambda: real_ssn() + R.choice("GHILNOPQRSUVXYZ"), "suffix that is none")
    + many(10, lambda: real_ssn()[:8] + "A", "eight digits")
    + many(10, lambda: real_ssn() + "A12", "three characters")
    + many(10, lambda: R.choice(["XY", "QA", "ZD"]) + digits(6), "prefix that is none")
    + many(10, lambda: R.choice(RRB) + digits(7), "seven digits")
    + many(10, mbi, "MBI")
    + not_in(),
)


def card(prefix, n):
    return luhn_tail(prefix + digits(n - 1 - len(prefix)))


RANGES = [("4", 16), ("4", 13), ("51", 16), ("55", 16), ("2221", 16), ("2720", 16), ("34", 15), ("37", 15), ("6011", 16), ("65", 16), ("36", 14), ("3528", 16), ("62", 16)]
write(
    "card",
    [(card(*R.choice(RANGES)), "digits") for _ in range(40)]
    + [((lambda c: f"{c[:4]} {c[4:8]} {c[8:12]} {c[12:]}")(card("4", 16)), "groups of four") for _ in range(15)]
    + [((lambda c: f"{c[:4]}-{c[4:8]}-{c[8:12]}-{c[12:]}")(card("51", 16)), "dashes") for _ in range(10)]
    + [((lambda c: f"{c[:4]} {c[4:10]} {c[10:]}")(card("37", 15)), "4-6-5") for _ in range(5)],
    [(luhn_wrong(p + digits(n - 1 - len(p))), "wrong check digit") for p, n in (R.choice(RANGES) for _ in range(50))]
    + many(20, lambda: luhn_tail(R.choice("01789") + digits(14)), "range of no card")
    + many(20, lambda: luhn_tail("4" + digits(10)), "twelve digits")
    + many(5, lambda: "0" * 16, "zeros")
    + many(10, lambda: (lambda c: f"{c[:2]} {c[2:8]} {c[8:]}")(card("4", 16)), "cut elsewhere")
    + many(10, lambda: luhn_tail("1" + digits(8), "80840"), "NPI")
    + not_in(),
    lambda v: None if not v.replace(" ", "").replace("-", "").isdigit() or luhn.is_valid(v.replace(" ", "").replace("-", "")) else False,
)


def nanp():
    while True:
        area, exchange = f"{R.randint(2, 9)}{digits(2)}", f"{R.randint(2, 9)}{digits(2)}"
        if area[1:] != "11" and exchange[1:] != "11":
            return area, exchange, digits(4)


write(
    "phone",
    many(20, lambda: "({}) {}-{}".format(*nanp()), "parentheses")
    + many(20, lambda: "-".join(nanp()), "dashes")
    + many(10, lambda: ".".join(nanp()), "dots")
    + many(10, lambda: "".join(nanp()), "digits")
    + many(10, lambda: "+1 " + " ".join(nanp()), "with the country")
    + many(5, lambda: "-".join(nanp()) + " x" + digits(3), "extension"),
    many(15, lambda: "{}{}-{}-{}".format(R.choice("01"), digits(2), nanp()[1], digits(4)), "area begins with 0 or 1")
    + many(15, lambda: "{}-{}{}-{}".format(nanp()[0], R.choice("01"), digits(2), digits(4)), "exchange begins with 0 or 1")
    + many(10, lambda: "{}11-{}-{}".format(R.randint(2, 9), nanp()[1], digits(4)), "area N11")
    + many(10, lambda: "{}-{}".format(nanp()[1], digits(4)), "seven digits")
    + many(10, lambda: "+44 20 " + digits(4) + " " + digits(4), "another country")
    + many(10, lambda: shaped(real_ssn(), "-"), "SSN")
    + many(10, lambda: digits(5) + "-" + digits(4), "ZIP+4")
    + many(10, lambda: "2" + digits(11), "twelve digits")
    + not_in("seconds since 1970"),
)

write(
    "zip",
    many(30, lambda: digits(5), "five digits")
    + many(25, lambda: digits(5) + "-" + digits(4), "ZIP+4")
    + many(10, lambda: digits(9), "nine digits"),
    many(15, lambda: digits(4), "four digits")
    + many(15, lambda: digits(6), "six digits")
    + many(15, lambda: digits(5) + "-" + digits(3), "three behind the dash")
    + many(10, lambda: digits(4) + "-" + digits(5), "cut elsewhere")
    + many(10, lambda: digits(5) + " " + digits(4), "blank")
    + many(15, lambda: R.choice(["K1A", "M5V", "H0H"]) + " " + R.choice(["0B1", "2T6", "0H0"]) + digits(1), "Canada")
    + many(10, lambda: shaped(real_ssn(), "-"), "SSN")
    + not_in(),
)

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def ymd():
    return R.randint(1915, 2024), R.randint(1, 12), R.randint(1, 28)


write(
    "dob",
    [("{:04}{:02}{:02}".format(*ymd()), "YYYYMMDD") for _ in range(12)]
    + [("{:04}-{:02}-{:02}".format(*ymd()), "ISO") for _ in range(12)]
    + [("{1}/{2}/{0}".format(*ymd()), "M/D/YYYY") for _ in range(12)]
    + [("{1:02}/{2:02}/{3:02}".format(*ymd(), R.randint(0, 99)), "MM/DD/YY") for _ in range(8)]
    + [("{2:02}-{3}-{0}".format(*ymd(), R.choice(MONTHS)), "DD-Mon-YYYY") for _ in range(8)]
    + [("{3} {2}, {0}".format(*ymd(), R.choice(MONTHS)), "Mon D, YYYY") for _ in range(8)]
    + [("{:04}-{:02}-{:02} 00:00:00.000".format(*ymd()), "SQL") for _ in range(6)],
    [("{:04}-{:02}-{:02}".format(R.randint(1915, 2024), R.randint(13, 99), R.randint(1, 28)), "month above 12") for _ in range(15)]
    + [("{:04}{:02}{:02}".format(R.randint(1915, 2024), R.randint(1, 12), R.randint(32, 99)), "day above 31") for _ in range(15)]
    + [(f"{y}-02-29", "no leap year") for y in (1961, 1970, 1999, 2001, 2023)]
    + [(f"{y}-{m:02}-31", "a month of 30 days") for y in (1960, 1984) for m in (4, 6, 9, 11)]
    + [("{:04}-{:02}-{:02}".format(R.choice([1492, 1776, 1800, 1899, 2050, 2099, 9999]), 5, R.randint(1, 28)), "year of no patient") for _ in range(15)]
    + [(f"0000-{m:02}-00", "zeros") for m in range(1, 6)]
    + many(15, lambda: shaped(real_ssn(), "-"), "SSN")
    + many(10, lambda: f"{R.randint(32, 99)}/{R.randint(13, 99)}/19{digits(2)}", "no month, no day")
    + many(10, lambda: digits(6) + R.choice("abc"), "letters")
    + [(f"{h:02}:{m:02}:{s:02}", "time of day") for h, m, s in ((1, 2, 3), (12, 30, 59), (23, 59, 59))]
    + not_in("date", "version", "IPv4 address"),
)

# --- providers ---------------------------------------------------------------------------------------------
write(
    "npi",
    many(70, lambda: luhn_tail(R.choice("12") + digits(8), "80840"), "ten digits"),
    many(60, lambda: luhn_wrong(R.choice("12") + digits(8), "80840"), "wrong check digit")
    + many(15, lambda: luhn_tail(R.choice("03456789") + digits(8), "80840"), "first is 1 or 2")
    + many(10, lambda: luhn_tail("1" + digits(7), "80840"), "nine digits")
    + many(10, lambda: "1" * 10, "filler")
    + many(10, lambda: "-".join(nanp()), "phone")
    + not_in("seconds since 1970"),
    lambda v: None if not (len(v) == 10 and v.isdigit() and v[0] in "12" and len(set(v)) > 1) else luhn.is_valid("80840" + v),
)


def dea(first, second):
    d = [int(c) for c in digits(6)]
    check = (d[0] + d[2] + d[4] + 2 * (d[1] + d[3] + d[5])) % 10
    return first + second + "".join(map(str, d)) + str(check)


def dea_wrong():
    v = dea(R.choice("ABFM"), R.choice(string.ascii_uppercase))
    return v[:-1] + str((int(v[-1]) + R.randint(1, 9)) % 10)


write(
    "dea",
    many(50, lambda: dea(R.choice("ABCDEFGHJKLMPRSTUX"), R.choice(string.ascii_uppercase)), "practitioner")
    + many(10, lambda: dea(R.choice("ABF"), "9"), "business address")
    + many(5, lambda: dea("A", "B") + "-" + digits(3), "hospital suffix"),
    many(60, dea_wrong, "wrong check digit")
    + many(15, lambda: dea(R.choice("INOQVWYZ"), "A"), "registrant type that is none")
    + many(10, lambda: dea("A", R.choice("0123")), "second is a letter or 9")
    + many(10, lambda: dea("A", "B")[:8], "too short")
    + many(10, lambda: dea("A", "B").lower(), "small letters")
    + not_in(),
)

write(
    "clia",
    many(70, lambda: digits(2) + "D" + digits(7), "laboratory"),
    many(20, lambda: digits(2) + R.choice("ABCEFGX") + digits(7), "third is D")
    + many(20, lambda: digits(2) + "D" + digits(6), "too short")
    + many(20, lambda: digits(2) + "D" + digits(8), "too long")
    + many(10, lambda: digits(2) + "d" + digits(7), "small letter")
    + many(10, lambda: "A" + digits(1) + "D" + digits(7), "begins with digits")
    + not_in(),
)

KINDS = ["207Q00000X", "207R00000X", "208D00000X", "363L00000X", "1223G0001X", "282N00000X", "3336C0003X", "163W00000X", "261QR1300X", "183500000X", "225100000X", "314000000X", "291U00000X"]
write(
    "taxonomy",
    [(k, "NUCC") for k in KINDS]
    + many(60, lambda: R.choice(["207", "208", "363", "163", "261", "282", "332"]) + R.choice(string.ascii_uppercase) + R.choice(["00000", "C0003", "P0122", "X0100"]) + "X", "grouping and area"),
    many(25, lambda: R.choice(["000", "999", "555", "400"]) + "A00000X", "grouping that is none")
    + many(20, lambda: "207Q0000" + digits(1) + R.choice("YZ0"), "ends in X")
    + many(20, lambda: "207Q0000X", "too short")
    + many(20, lambda: "207Q" + digits(7) + "X", "too long")
    + many(20, lambda: "2X7Q" + digits(5) + "X", "begins with three digits")
    + many(10, lambda: R.choice(KINDS).lower(), "small letters")
    + many(20, lambda: "B0" + "".join(R.choice(string.ascii_uppercase + string.digits) for _ in range(8)), "goods of a shop")
    + not_in(),
)

write(
    "ein",
    [(f"{p:02}-{digits(7)}", "prefix in use") for p in range(1, 96) if p not in (7, 8, 9, 17, 18, 19, 28, 29, 49, 69, 70, 78, 79, 89)],
    [(f"{p:02}-{digits(7)}", "prefix not in use") for p in (0, 7, 8, 9, 17, 18, 19, 28, 29, 49, 69, 70, 78, 79, 89, 96, 97) for _ in range(3)]
    + many(25, lambda: shaped(real_ssn(), "-"), "SSN")
    + many(20, lambda: digits(9), "bare: any number")
    + many(10, lambda: digits(3) + "-" + digits(6), "cut elsewhere")
    + not_in(),
    lambda v: None if "-" not in v or len(v) != 10 or v[2] != "-" else (None if ein.is_valid(v) else False),
)


def routing():
    while True:
        body = R.choice(["01", "02", "03", "04", "06", "07", "09", "10", "11", "12", "21", "26", "31", "32", "61"]) + digits(6)
        value = body + rtn.calc_check_digit(body)
        if rtn.is_valid(value):
            return value


write(
    "aba",
    many(70, routing, "bank"),
    many(60, lambda: (lambda v: v[:8] + str((int(v[8]) + R.randint(1, 9)) % 10))(routing()), "wrong check digit")
    + many(25, lambda: (lambda b: b + rtn.calc_check_digit(b))(R.choice(["13", "20", "33", "40", "55", "60", "73", "90"]) + digits(6)), "district that is none")
    + many(10, lambda: routing()[:8], "too short")
    + many(10, lambda: shaped(real_ssn(), "-"), "SSN")
    + not_in(),
)

# --- codes -------------------------------------------------------------------------------------------------
write(
    "loinc",
    many(70, lambda: (lambda b: b + "-" + luhn.calc_check_digit(b))(str(R.randint(1, 9)) + digits(R.randint(2, 5))), "code"),
    many(60, lambda: (lambda v: v[:-1] + "-" + v[-1])(luhn_wrong(str(R.randint(1, 9)) + digits(R.randint(2, 5)))), "wrong check digit")
    + many(10, lambda: digits(9) + "-" + digits(1), "too long")
    + many(15, lambda: digits(4) + "-" + digits(2), "two behind the dash")
    + many(15, lambda: digits(5), "no dash")
    + many(10, lambda: "-".join(nanp()), "phone")
    + not_in(),
)


def sct(partition):
    body = str(R.randint(1, 9)) + digits(R.randint(4, 8)) + partition
    return body + verhoeff.calc_check_digit(body)


write(
    "snomed",
    many(60, lambda: sct("00"), "concept") + many(10, lambda: sct("01"), "description") + many(6, lambda: sct("10"), "extension"),
    many(60, lambda: (lambda v: v[:-1] + str((int(v[-1]) + R.randint(1, 9)) % 10))(sct("00")), "wrong check digit")
    + many(25, lambda: sct(R.choice(["20", "35", "47", "99", "88"])), "partition that is none")
    + many(10, lambda: "0" + sct("00"), "begins with zero")
    + many(10, lambda: digits(5), "too short")
    + many(5, lambda: "1" + digits(18), "too long")
    + not_in("seconds since 1970", "milliseconds since 1970"),
    lambda v: None if not v.isdigit() or verhoeff.is_valid(v) else False,
)

ICD10 = ["A00.0", "A41.9", "B20", "C50.911", "C7A.00", "D64.9", "E11.9", "E11.65", "F10.20", "F32.A", "G30.9", "H40.1131", "I10", "I25.10", "J45.909",
         "K21.9", "L40.0", "M54.50", "N18.6", "O80", "P07.39", "Q90.9", "R07.9", "S72.001A", "T40.2X1A", "U07.1", "U09.9", "V43.52XA", "W19.XXXA", "Y92.009", "Z00.00", "Z79.4"]
write(
    "icd10cm",
    [(c, "code") for c in ICD10] + [(c.replace(".", ""), "without the dot") for c in ICD10],
    many(20, lambda: R.choice("ABC") + R.choice(string.ascii_uppercase) + digits(1) + ".9", "second is a digit")
    + many(20, lambda: digits(3) + "." + digits(1), "ICD-9")
    + many(15, lambda: R.choice(ICD10[:10])[:3] + ".", "nothing behind the dot")
    + many(15, lambda: R.choice(["E11", "I10"]) + "." + digits(5), "five behind the dot")
    + many(15, lambda: R.choice(ICD10).lower(), "small letters")
    + many(15, lambda: digits(1) + R.choice("ABC") + digits(1) + ".1", "begins with a letter")
    + many(15, lambda: "E1" + R.choice("CDXYZ") + ".9", "third is a digit, A or B")
    + not_in(),
)

write(
    "icd9cm",
    many(25, lambda: digits(3) + "." + digits(1), "diagnosis") + many(25, lambda: digits(3) + "." + digits(2), "diagnosis")
    + many(15, lambda: "V" + digits(2) + "." + digits(1), "factor") + many(10, lambda: "E" + digits(3) + "." + digits(1), "cause"),
    many(25, lambda: digits(3), "without the dot: any number") + many(25, lambda: digits(2) + "." + digits(2), "two before the dot")
    + many(20, lambda: digits(4) + "." + digits(1), "four before the dot") + many(20, lambda: digits(3) + "." + digits(3), "three behind the dot")
    + many(10, lambda: "V" + digits(3) + "." + digits(1), "V with three") + many(10, lambda: "A" + digits(2) + "." + digits(1), "ICD-10")
    + not_in("version"),
)

PCS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
write(
    "icd10pcs",
    many(70, lambda: R.choice("0123456789BCDFGHX") + "".join(R.choice(PCS) for _ in range(6)), "procedure"),
    many(30, lambda: "0" + "".join(R.choice(PCS) for _ in range(3)) + R.choice("IO") + "".join(R.choice(PCS) for _ in range(2)), "I or O")
    + many(30, lambda: R.choice("AEJKLMNPQRSTUVWYZ") + "".join(R.choice(PCS) for _ in range(6)), "section that is none")
    + many(15, lambda: "".join(R.choice(PCS) for _ in range(6)), "too short") + many(15, lambda: "0" + "".join(R.choice(PCS) for _ in range(7)), "too long")
    + many(15, lambda: "0dtj4z" + R.choice("az"), "small letters") + not_in(),
)

write(
    "hcpcs",
    many(70, lambda: R.choice("ABCEGHJKLMPQRSTV") + digits(4), "level II"),
    many(30, lambda: digits(5), "CPT or ZIP") + many(30, lambda: R.choice("DFNOWXYZ") + digits(4), "letter not in use")
    + many(20, lambda: "J" + digits(3), "too short") + many(20, lambda: "J" + digits(5), "too long")
    + many(15, lambda: "j" + digits(4), "small letter") + many(10, lambda: digits(4) + R.choice("FTU"), "CPT II, III") + not_in(),
)

write(
    "ndc",
    many(14, lambda: f"{digits(4)}-{digits(4)}-{digits(2)}", "4-4-2") + many(14, lambda: f"{digits(5)}-{digits(3)}-{digits(2)}", "5-3-2")
    + many(14, lambda: f"{digits(5)}-{digits(4)}-{digits(1)}", "5-4-1") + many(14, lambda: f"{digits(5)}-{digits(4)}-{digits(2)}", "5-4-2")
    + many(14, lambda: f"{digits(6)}-{digits(4)}-{digits(2)}", "6-4-2, from 2033"),
    many(25, lambda: shaped(real_ssn(), "-"), "SSN") + many(25, lambda: "-".join(nanp()), "phone")
    + many(20, lambda: digits(11), "without dashes: any number") + many(20, lambda: f"{digits(6)}-{digits(3)}-{digits(2)}", "6-3-2")
    + many(15, lambda: f"{digits(4)}-{digits(4)}-{digits(3)}", "4-4-3") + many(15, lambda: f"{digits(5)}-{digits(4)}", "two parts") + not_in(),
)

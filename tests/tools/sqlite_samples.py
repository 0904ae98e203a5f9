#!/usr/bin/env python3
"""Makes SQLite databases of many kinds and says what is in them, by SQLite's own word.

    tests/tools/sqlite_samples.py DIR

writes DIR/NAME.db and DIR/NAME.json: {table: {"columns": [...], "rows": [[...], ...]}}, rows in the order of the
key. Text is a string, a blob {"blob": hex}, a number itself.
"""
import json
import random
import sqlite3
import sys

SCHEMA = [
    "CREATE TABLE people(id INTEGER PRIMARY KEY, name TEXT NOT NULL, note, weight REAL DEFAULT 1.5, photo BLOB)",
    'CREATE TABLE "odd ""name"(`a b` INT, [c(d], "e,f" DECIMAL(10, 2) CHECK ("e,f" > 0), g /* not, h */ TEXT) -- the end',
    "CREATE TABLE keyed(a TEXT, b INTEGER, c, d, PRIMARY KEY (c, a)) WITHOUT ROWID",
    "CREATE TABLE made(x INTEGER, twice AS (x * 2), y TEXT, thrice INTEGER GENERATED ALWAYS AS (x * 3) STORED)",
    "CREATE TABLE descending(id INTEGER PRIMARY KEY DESC, v)",
    "CREATE TABLE constrained(k INTEGER, v TEXT, CONSTRAINT pk PRIMARY KEY (k))",
    "CREATE TABLE vacant(x)",
    "CREATE INDEX by_name ON people(name)",
    "CREATE VIEW seen AS SELECT name FROM people",
]


def fill(db, rng, rows):
    def text(n):
        return "".join(rng.choice("abc déß漢🙂") for _ in range(n))

    numbers = [0, 1, -1, 127, -128, 128, 32767, -32768, 8388607, 2**31, -(2**31), 2**47, 2**63 - 1, -(2**63)]
    sizes = [6000, 0, 5, 30, 200, 700]
    for i in range(rows):
        big = sizes[i // 7 % 6] if i % 7 == 0 else 12
        note = rng.choice([None, rng.choice(numbers), rng.random() * 1e9, text(big)])
        db.execute("INSERT INTO people(name, note, weight, photo) VALUES (?, ?, ?, ?)",
                   (text(8), note, rng.choice([None, 2.0, -0.25, 1e300]), rng.randbytes(big)))
        db.execute("INSERT INTO keyed VALUES (?, ?, ?, ?)", (f"{i:05}", rng.choice(numbers), rng.randrange(50), text(big)))
    for n in numbers:
        db.execute('INSERT INTO "odd ""name" VALUES (?, ?, ?, ?)', (n, str(n), 1, text(3)))
        db.execute("INSERT INTO made(x, y) VALUES (?, ?)", (n % 1000, text(4)))
        db.execute("INSERT INTO descending VALUES (?, ?)", (n, text(2)))
        db.execute("INSERT INTO constrained VALUES (?, ?)", (n, text(2)))
    db.execute("DELETE FROM people WHERE id % 5 = 0")
    db.execute("ALTER TABLE constrained ADD COLUMN later TEXT")
    db.execute("INSERT INTO constrained VALUES (99, 'new', 'there')")


def plain(value):
    return {"blob": value.hex()} if isinstance(value, bytes) else value


def dump(db):
    out = {}
    for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid").fetchall():
        quoted = '"' + name.replace('"', '""') + '"'
        hidden = {r[1]: r[6] for r in db.execute(f"PRAGMA table_xinfo({quoted})")}
        columns = list(hidden)
        shown = ", ".join('NULL' if hidden[c] == 2 else '"' + c.replace('"', '""') + '"' for c in columns)
        order = "c, a" if name == "keyed" else "rowid"
        rows = [[plain(v) for v in row] for row in db.execute(f"SELECT {shown} FROM {quoted} ORDER BY {order}")]
        out[name] = {"columns": columns, "rows": rows}
    return out


def main():
    for name, page, encoding, rows in [
        ("small", 512, "UTF-8", 40),
        ("large", 4096, "UTF-8", 3000),
        ("wide", 65536, "UTF-8", 800),
        ("utf16le", 1024, "UTF-16le", 300),
        ("utf16be", 512, "UTF-16be", 300),
    ]:
        path = f"{sys.argv[1]}/{name}.db"
        db = sqlite3.connect(path, isolation_level=None)
        db.execute(f"PRAGMA page_size = {page}")
        db.execute(f"PRAGMA encoding = '{encoding}'")
        db.execute("BEGIN")
        for statement in SCHEMA:
            db.execute(statement)
        fill(db, random.Random(name), rows)
        db.execute("COMMIT")
        with open(f"{sys.argv[1]}/{name}.json", "w") as out:
            json.dump(dump(db), out)
        db.close()


main()

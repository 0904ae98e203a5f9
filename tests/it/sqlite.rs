//! The SQLite reader against SQLite itself.

use std::path::Path;
use std::process::Command;

use serde_json::{Value as Json, json};
use wardround::sqlite::{Database, Encoding, Value};

use crate::support::has_tool;

fn plain(value: &Value<'_>) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Integer(n) => json!(n),
        Value::Real(x) => json!(x),
        Value::Text(t) => json!(t),
        Value::Blob(b) => json!({ "blob": b.iter().map(|b| format!("{b:02x}")).collect::<String>() }),
        Value::Unread => json!("unread"),
    }
}

/// SQLite stores whole numbers in REAL columns as integers; JSON keeps them apart.
fn same(a: &Json, b: &Json) -> bool {
    a == b || (a.is_number() && b.is_number() && a.as_f64() == b.as_f64())
}

#[test]
fn every_value_is_what_sqlite_says() {
    if !has_tool("python3") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/sqlite_samples.py");
    let status = Command::new("python3").arg(script).arg(dir.path()).status().unwrap();
    assert!(status.success());
    for (name, encoding) in [
        ("small", Encoding::Utf8),
        ("large", Encoding::Utf8),
        ("wide", Encoding::Utf8),
        ("utf16le", Encoding::Utf16Le),
        ("utf16be", Encoding::Utf16Be),
    ] {
        let want: Json = serde_json::from_slice(&std::fs::read(dir.path().join(format!("{name}.json"))).unwrap()).unwrap();
        let file = std::fs::File::open(dir.path().join(format!("{name}.db"))).unwrap();
        let mut database = Database::open(file).unwrap();
        assert_eq!(database.encoding(), encoding);
        assert!(database.problems().is_empty());
        let tables = database.tables().to_vec();
        assert_eq!(tables.len(), want.as_object().unwrap().len(), "{name}");
        for table in tables {
            let at = format!("{name}, table {}", table.name);
            let expected = &want[&table.name];
            assert_eq!(json!(table.columns), expected["columns"], "{at}");
            let expected = expected["rows"].as_array().unwrap();
            let mut rows = database.rows(&table);
            let mut n = 0;
            while let Some(row) = rows.next() {
                let row = row.unwrap_or_else(|e| panic!("{at}, row {n}: {e}"));
                for (i, column) in table.columns.iter().enumerate() {
                    let (got, want) = (plain(&row.get(i)), &expected[n][i]);
                    assert!(same(&got, want), "{at}, row {n}, column {column}: {got} instead of {want}");
                }
                n += 1;
            }
            assert_eq!(n, expected.len(), "{at}");
        }
    }
}

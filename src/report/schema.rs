//! JSON Schemas (draft 2020-12) of the documents, made from the types. The committed copies in `schema/` are
//! for others to validate with; a test keeps them current.

use serde_json::Value;

use super::fleet::Fleet;
use super::{InventoryRow, Manifest, Report};

fn schema_of<T: schemars::JsonSchema>(name: &str) -> Value {
    let mut value = schemars::schema_for!(T).to_value();
    if let Value::Object(map) = &mut value {
        map.insert("title".to_owned(), Value::String(name.to_owned()));
    }
    value
}

/// The schema of `report.json`.
pub fn report_schema() -> Value {
    schema_of::<Report>(super::REPORT_SCHEMA)
}

/// The schema of one line of `inventory.jsonl.zst`.
pub fn inventory_row_schema() -> Value {
    schema_of::<InventoryRow>("wardround/inventory-row/1")
}

/// The schema of `manifest.json`.
pub fn manifest_schema() -> Value {
    schema_of::<Manifest>(super::MANIFEST_SCHEMA)
}

/// The schema of `fleet.json`.
pub fn fleet_schema() -> Value {
    schema_of::<Fleet>(super::fleet::FLEET_SCHEMA)
}

/// Every committed schema: file name in `schema/` and value.
pub fn all() -> [(&'static str, Value); 4] {
    [
        ("report-1.schema.json", report_schema()),
        ("inventory-row-1.schema.json", inventory_row_schema()),
        ("manifest-1.schema.json", manifest_schema()),
        ("fleet-1.schema.json", fleet_schema()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Masker, sample};

    #[test]
    fn committed_schemas_are_current() {
        for (name, value) in all() {
            let path = format!("{}/schema/{name}", env!("CARGO_MANIFEST_DIR"));
            let text = format!("{}\n", serde_json::to_string_pretty(&value).unwrap());
            if std::env::var_os("UPDATE_SCHEMA").is_some() {
                std::fs::write(&path, &text).unwrap();
            }
            let committed = std::fs::read_to_string(&path).unwrap();
            assert!(committed.replace("\r\n", "\n") == text, "{name} is not current: run the tests with UPDATE_SCHEMA=1");
        }
    }

    #[test]
    fn a_report_validates_and_a_broken_one_does_not() {
        let validator = jsonschema::validator_for(&report_schema()).unwrap();
        let mut report = sample::report();
        report.seal(&Masker::OFF).unwrap();
        let good = serde_json::to_value(&report).unwrap();
        let errors: Vec<String> = validator.iter_errors(&good).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");

        let breakages: [fn(&mut Value); 6] = [
            |v| v["coverage"]["verdict"] = "clean".into(),
            |v| v["findings"][0]["level"] = "fatal".into(),
            |v| v["gaps"][0]["reason"] = "just because".into(),
            |v| v["findings"][0]["score"] = 256.into(),
            |v| v["tool"]["surprise"] = 1.into(),
            |v| {
                v.as_object_mut().unwrap().remove("limitations");
            },
        ];
        for (n, break_it) in breakages.iter().enumerate() {
            let mut bad = good.clone();
            break_it(&mut bad);
            assert!(!validator.is_valid(&bad), "breakage {n} was not noticed");
        }
    }

    #[test]
    fn inventory_rows_validate_and_broken_ones_do_not() {
        let validator = jsonschema::validator_for(&inventory_row_schema()).unwrap();
        let mut row = serde_json::to_value(InventoryRow::from(&sample::object("/a!b\u{7}"))).unwrap();
        let errors: Vec<String> = validator.iter_errors(&row).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}");
        row["disposition"] = "fine".into();
        assert!(!validator.is_valid(&row));
    }
}

//! What a database's schema says of tables whose rows can't be read: whether their columns are those of patients.

use std::collections::BTreeSet;

use super::MAX_COLUMNS;
use super::columns::Column;
use super::headers::{self, Concept};
use super::rows::Roles;

/// Names of tables and columns, and what follows from them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::phi) struct Schema {
    tables: u64,
    patients: u64,
    kinds: BTreeSet<&'static str>,
}

impl Schema {
    pub fn add(&mut self, table: &str, columns: &[String]) {
        self.tables = self.tables.saturating_add(1);
        let titles = headers::titles(table, columns.iter().take(MAX_COLUMNS).map(String::as_str));
        let unknown: Vec<Column> = titles.iter().map(|_| Column::new()).collect();
        if Roles::decide(Some(&titles), &unknown).is_none() {
            return;
        }
        self.patients = self.patients.saturating_add(1);
        let concepts = titles.iter().filter_map(|t| headers::meaning(&headers::normalise(t)));
        self.kinds.extend(concepts.filter_map(|m| kind(m.concept)));
    }

    /// In words without a name of the evidence; nothing where no table is about patients.
    pub fn describe(&self) -> Option<String> {
        let kinds: Vec<&str> = self.kinds.iter().copied().collect();
        (self.patients > 0)
            .then(|| format!("by its schema {} of {} tables hold patients ({})", self.patients, self.tables, kinds.join(", ")))
    }
}

fn kind(concept: Concept) -> Option<&'static str> {
    Some(match concept {
        Concept::PatientKey => "record numbers",
        Concept::Family | Concept::Given | Concept::PatientName => "names",
        Concept::Dob => "dates of birth",
        Concept::Ssn | Concept::Itin => "SSNs",
        Concept::Mbi | Concept::Member => "plan numbers",
        Concept::Clinical => "health data",
        Concept::Phone | Concept::Email | Concept::Street => "addresses",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_say_what_a_table_holds() {
        let mut schema = Schema::default();
        let mut add = |table: &str, columns: &str| schema.add(table, &columns.split(' ').map(str::to_owned).collect::<Vec<_>>());
        add("orders", "id customer_name total");
        add("staff", "id last_name first_name phone");
        add("public.patients", "id last_name first_name dob ssn");
        add("visits", "patient_id visit_date icd10");
        assert_eq!(
            schema.describe().as_deref(),
            Some("by its schema 2 of 4 tables hold patients (SSNs, dates of birth, health data, names, record numbers)")
        );
        let mut none = Schema::default();
        none.add("orders", &["id".to_owned(), "total".to_owned()]);
        assert_eq!(none.describe(), None);
    }
}

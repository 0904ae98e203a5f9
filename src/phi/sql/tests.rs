use super::*;
use crate::phi::testing::{outcome, run};

const MARIADB: &str = include_str!("../../../tests/fixtures/phi/sql-mariadb.sql");
const POSTGRESQL: &str = include_str!("../../../tests/fixtures/phi/sql-postgresql.sql");

fn best(text: &str) -> Option<u64> {
    run(&Sql, text.as_bytes()).map(|f| f.individuals.best)
}

#[test]
fn dumps_of_one_database_agree() {
    let facts: Vec<_> = [MARIADB, POSTGRESQL].iter().map(|t| run(&Sql, t.as_bytes()).expect("people")).collect();
    for f in &facts {
        // Two patients and their three visits.
        assert_eq!((f.individuals.best, f.records, f.format.as_str()), (2, 5, "sql"));
        assert_eq!((f.identifiers["ssn"], f.identifiers["dob"], f.states["NY"]), (2, 2, 1));
        assert!(f.clinical);
    }
    assert_eq!(facts[0].identifiers, facts[1].identifiers);
}

#[test]
fn columns_come_from_where_they_are_named() {
    let rows = "(1,'Doe','Jane','1960-01-02','536-22-8841'),\n (2,'Roe','Rick','1971-05-06','536-22-9001');\n";
    let named = format!("INSERT INTO p (patient_id, lname, fname, dob, ssn) VALUES {rows}");
    let created =
        format!("CREATE TABLE p (patient_id int, lname text, fname text, dob date, ssn text);\nINSERT INTO p VALUES\n{rows}");
    let several = format!("{named}{}", named.replace(" p ", " q ").replace("(2,", "(3,").replace("9001", "9002"));
    assert_eq!((best(&named), best(&created), best(&several)), (Some(2), Some(2), Some(3)));
    // Values alone say too little of two rows.
    assert_eq!(best(&format!("INSERT INTO p VALUES {rows}")), None);
    // Semicolons may be missing, and statements share a line.
    assert_eq!(best(&named.replace(";\n", "\nGO\n").repeat(2)), Some(2));
    assert_eq!(best(&named.replace(",\n ", ";INSERT INTO p (patient_id, lname, fname, dob, ssn) VALUES ")), Some(2));
    let all = "INSERT ALL\n INTO p (mrn, dob) VALUES ('M1', '1960-01-02')\n INTO p (mrn, dob) VALUES ('M2', '1961-01-02')\nSELECT 1 FROM dual;\n";
    assert_eq!(best(all), Some(2));
}

#[test]
fn strings_of_every_product() {
    let head = "INSERT INTO `p` (`mrn`, `note`, `dob`) VALUES ";
    let mysql = format!(r"{head}('M1','it\'s, (\\','1960-01-02'),('M2','a''b\\','1961-01-02');");
    assert_eq!(best(&mysql), Some(2));
    let plain = head.replace('`', "\"");
    assert_eq!(
        best(&format!(r"{plain}('M1','C:\','1960-01-02'),('M2',E'it\'s','1961-01-02'),('M3',_x(f(1,2),')'),'1962-01-02');")),
        Some(3)
    );
    let unicode =
        best(&format!("{plain}(N'M1',N'Zoë',CAST(N'1960-01-02T00:00:00' AS DateTime2)),(N'M2',NULL,'1961-01-02'::date)"));
    assert_eq!(unicode, Some(2));
}

#[test]
fn dumps_about_nobody() {
    for text in [
        "INSERT INTO products (id, name, price) VALUES (1,'apple',2),(2,'pear',3);\n",
        "INSERT INTO staff (name, phone, email) VALUES ('Jane Doe','617-495-1000','j@example.org'),('R Roe','617-495-1001','r@example.org');\n",
        "CREATE TABLE patients (id int, last_name text, dob date, ssn text);\n",
        "COPY orders (id, customer_name, total) FROM stdin;\n1\tDoe, Jane\t12\n2\tRoe\t13\n\\.\n",
        "INSERT INTO Once upon a time\nthere was ('a scanner'\n",
        "create table of contents\n\ninsert into the box (all)\n",
    ] {
        assert_eq!(best(text), None, "{text}");
    }
}

#[test]
fn a_dump_that_breaks_off_is_told() {
    let reason = |text: &str| outcome(&Sql, text.as_bytes()).unread.map(|u| u.reason);
    let (rows, _) = POSTGRESQL.split_once("102\tB").expect("the second patient");
    assert_eq!(reason(rows), Some(GapReason::Malformed));
    let (rows, _) = MARIADB.split_once(",'Orlando").expect("the second patient");
    assert_eq!(reason(rows), Some(GapReason::Malformed));
    assert_eq!((reason(MARIADB), reason(POSTGRESQL)), (None, None));
}

/// As in the `sys` schema that MySQL and MariaDB install.
#[test]
fn a_statement_in_a_string_breaks_nothing_off() {
    let text = "-- MySQL dump\nINSERT INTO `p` (`mrn`, `dob`) VALUES ('M1','1960-01-02');\n\
        CREATE PROCEDURE reset () COMMENT '\n  Example\n  mysql> CALL reset();\n  INSERT INTO setup_actors\n  \
        VALUES (\\'%\\', \\'%\\', \\'%\\')\n  1 row in set\n  ' BEGIN END;\n\
        INSERT INTO `p` (`mrn`, `dob`) VALUES ('M2','1961-01-02');\n";
    let outcome = outcome(&Sql, text.as_bytes());
    assert_eq!((outcome.facts.map(|f| f.individuals.best), outcome.unread), (Some(2), None));
}

#[test]
fn tables_beyond_the_bounds_are_told() {
    let mut text = String::new();
    for i in 0..6000 {
        text += &format!("INSERT INTO t{i} (mrn, dob) VALUES ('M{}','1960-01-02');\n", i % 7);
    }
    let outcome = outcome(&Sql, text.as_bytes());
    assert_eq!(outcome.unread.map(|u| u.reason), Some(GapReason::LimitCount));
    assert_eq!(outcome.facts.map(|f| f.individuals.best), Some(7));
}

#[test]
fn mutations_do_not_panic() {
    for text in [MARIADB, POSTGRESQL] {
        for at in (0..text.len()).step_by(23) {
            let mut bytes = text.as_bytes().to_vec();
            bytes[at] = b"'\"`[(\\;\n\0"[at % 9];
            let _ = outcome(&Sql, &bytes);
            let _ = outcome(&Sql, &text.as_bytes()[..at]);
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_panic(tail in proptest::collection::vec(proptest::sample::select(b"(),';\"\\[]`\nN01aE--/*COPY FROM stdin;INSERT INTO VALUES".to_vec()), 0..300)) {
        for head in ["INSERT INTO t (mrn, dob) VALUES ", "COPY t (mrn, dob) FROM stdin;\n", "CREATE TABLE `t` ("] {
            let _ = run(&Sql, &[head.as_bytes(), &tail].concat());
        }
    }
}

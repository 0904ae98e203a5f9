use std::io::Cursor;

use super::*;

const SMALL: &[u8] = include_bytes!("../../tests/fixtures/sqlite/small.db");

fn open(bytes: &[u8]) -> Database<Cursor<&[u8]>> {
    Database::open(Cursor::new(bytes)).expect("a database")
}

/// Rows and errors of all tables. Reads every value.
fn count(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut database = Database::open(Cursor::new(bytes)).ok()?;
    let (mut rows, mut errors) = (0, database.problems().len());
    for table in database.tables().to_vec() {
        let mut walk = database.rows(&table);
        while let Some(row) = walk.next() {
            match row {
                Ok(row) => {
                    rows += 1;
                    (0..table.columns.len().min(100)).for_each(|i| drop(row.get(i)));
                }
                Err(_) => errors += 1,
            }
        }
    }
    Some((rows, errors))
}

#[test]
fn tables_and_their_columns_are_listed() {
    let database = open(SMALL);
    let names: Vec<&str> = database.tables().iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["people", "odd \"name", "keyed", "made", "descending", "constrained", "vacant"]);
    let odd = &database.tables()[1];
    assert_eq!(odd.columns, ["a b", "c(d", "e,f", "g"]);
    assert_eq!(odd.column("G"), Some(3));
    assert!(!database.uses_wal());
}

#[test]
fn a_row_larger_than_its_bound_is_read_in_part() {
    let mut database = open(SMALL);
    database.max_row(600);
    let people = database.tables()[0].clone();
    let mut rows = database.rows(&people);
    let (mut whole, mut cut) = (0, 0);
    while let Some(row) = rows.next() {
        let row = row.expect("a row");
        assert!(matches!(row.get(1), Value::Text(_)));
        if matches!(row.get(4), Value::Unread) { cut += 1 } else { whole += 1 }
    }
    assert!(whole > 0 && cut > 0, "{whole} whole, {cut} cut");
}

#[test]
fn a_damaged_page_costs_its_own_rows() {
    let (all, none) = count(SMALL).unwrap();
    assert_eq!(none, 0);
    let mut bytes = SMALL.to_vec();
    // The last leaf of a table, found by its type.
    let page = (1..bytes.len() / 512).rev().find(|p| bytes[p * 512] == 0x0d).unwrap();
    bytes[page * 512] = 0x77;
    let (rows, errors) = count(&bytes).unwrap();
    assert!(rows < all && rows > all / 2 && errors == 1, "{rows} of {all}, {errors} errors");
}

#[test]
fn pages_that_lead_back_end_the_walk() {
    let mut bytes = SMALL.to_vec();
    for page in 1..bytes.len() / 512 {
        if bytes[page * 512] == 0x05 {
            bytes[page * 512 + 8..page * 512 + 12].copy_from_slice(&(page as u32 + 1).to_be_bytes());
        }
    }
    assert!(count(&bytes).unwrap().1 > 0);
}

#[test]
fn cells_that_overlap_do_not_multiply() {
    // One leaf page whose every cell pointer leads to the same large row.
    let mut bytes = SMALL.to_vec();
    let page = (1..bytes.len() / 512).find(|p| bytes[p * 512] == 0x0d && bytes[p * 512 + 4] > 1).unwrap() * 512;
    let first = [bytes[page + 8], bytes[page + 9]];
    bytes[page + 3..page + 5].copy_from_slice(&200u16.to_be_bytes());
    (0..200).for_each(|i| bytes[page + 8 + 2 * i..page + 10 + 2 * i].copy_from_slice(&first));
    let (rows, errors) = count(&bytes).unwrap();
    assert!(errors > 0 && rows < count(SMALL).unwrap().0 + 200);
}

#[test]
fn what_is_no_database_is_told() {
    let err = |b: &[u8]| Database::open(Cursor::new(b)).err().unwrap().to_string();
    assert!(err(b"").contains("shorter"));
    assert!(err(&[0; 4096]).contains("first bytes"));
    let with = |at: usize, value: u8| [&SMALL[..at], &[value], &SMALL[at + 1..]].concat();
    assert!(err(&with(17, 3)).contains("page size"));
    assert!(err(&with(20, 255)).contains("no room"));
    assert!(err(&with(59, 9)).contains("encoding"));
    assert!(err(&SMALL[..100]).contains("shorter"));
}

#[test]
fn a_cut_off_file_gives_its_first_rows() {
    let (rows, errors) = count(&SMALL[..SMALL.len() / 2]).unwrap();
    assert!(rows > 0 && errors > 0);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(300))]

    #[test]
    fn never_panics_nor_runs_on(edits in proptest::collection::vec((0usize..SMALL.len(), proptest::prelude::any::<u8>()), 1..40), cut in 0usize..SMALL.len()) {
        let mut bytes = SMALL.to_vec();
        edits.iter().for_each(|(at, byte)| bytes[*at] = *byte);
        if cut % 3 == 0 {
            bytes.truncate(cut);
        }
        if let Some((rows, _)) = count(&bytes) {
            // A row has two bytes at least, and a schema may name a page many times.
            assert!(rows < bytes.len() * 20, "{rows}");
        }
    }

    #[test]
    fn the_first_page_may_be_anything(edits in proptest::collection::vec((16usize..512, proptest::prelude::any::<u8>()), 1..200)) {
        let mut bytes = SMALL.to_vec();
        edits.iter().for_each(|(at, byte)| bytes[*at] = *byte);
        let _ = count(&bytes);
    }
}

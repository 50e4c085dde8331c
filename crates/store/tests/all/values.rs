//! What is written comes back, by every method of the port.

use store::both;
use store::engine::{Access, Table, Value};

use crate::fruit::{Fruit, Lane, Seen, basket, fruit, lock, planted};

both! {
    fn values_survive_the_round_trip(db) {
        let mut connection = planted(db);
        let fruits = [
            Fruit { note: Some("zürich \u{1F347} 'quoted' \"twice\"; --".into()), ..fruit(1, "grape") },
            Fruit { weight: None, ..fruit(2, "") },
            Fruit { id: i64::MIN, weight: Some(i64::MAX), ..fruit(3, "lime") },
        ];
        connection.begin().unwrap();
        connection.insert_many(&fruits).unwrap();
        connection.commit().unwrap();
        let mut expected = fruits.to_vec();
        expected.sort_by_key(|fruit| fruit.id);
        assert_eq!(basket(&mut connection), expected);
    }

    fn parameters_are_bound_by_their_number(db) {
        let mut connection = planted(db);
        let sql = "SELECT CAST($2 AS BIGINT), CAST($1 AS TEXT), CAST($2 AS BIGINT), CAST($3 AS TEXT)";
        let mut rows = connection.query(sql, &["one".into(), 2.into(), Value::Null]).unwrap();
        let row = &mut rows[0];
        let found = (row.int().unwrap(), row.text().unwrap(), row.int().unwrap(), row.opt_text().unwrap());
        assert_eq!(found, (2, "one".to_owned(), 2, None));
        assert!(connection.query("SELECT CAST($1 AS BIGINT)", &[]).is_err());
        assert!(connection.query("SELECT CAST($1 AS BIGINT)", &[1.into(), 2.into()]).is_err());
    }

    fn the_shared_dialect_is_understood(db) {
        let mut connection = planted(db);
        connection.insert_many(&[fruit(1, "apple"), fruit(2, "Zwetschge"), fruit(3, "birne")]).unwrap();
        let one = |rows: Vec<store::engine::Row>| rows.into_iter().next().unwrap();
        let sql = "SELECT count(*), count(*) FILTER (WHERE weight > $1), CAST(sum(weight) AS BIGINT), 1 = 1 FROM fruit";
        let mut row = one(connection.query(sql, &[10.into()]).unwrap());
        let found = [row.int(), row.int(), row.int(), row.int()].map(Result::unwrap);
        assert_eq!(found, [3, 2, 60, 1]);
        let sql = "SELECT id FROM fruit WHERE (weight, id) > ($1, $2) ORDER BY weight, id LIMIT $3";
        let mut row = one(connection.query(sql, &[10.into(), 1.into(), 1.into()]).unwrap());
        assert_eq!(row.int().unwrap(), 2);
        // Byte order on both: capitals first.
        let names = connection.query("SELECT name FROM fruit ORDER BY name", &[]).unwrap();
        let names: Vec<_> = names.into_iter().map(|mut row| row.text().unwrap()).collect();
        assert_eq!(names, ["Zwetschge", "apple", "birne"]);
        let sql = "INSERT INTO fruit(lane, id, name) VALUES ($1, $2, $3)
                   ON CONFLICT (lane, id) DO UPDATE SET name = excluded.name RETURNING id, name";
        let mut row = one(connection.query(sql, &[1.into(), 3.into(), "pear".into()]).unwrap());
        assert_eq!((row.int().unwrap(), row.text().unwrap()), (3, "pear".to_owned()));
    }

    fn execute_answers_the_rows_changed(db) {
        let mut connection = planted(db);
        connection.insert_many(&[fruit(1, "apple"), fruit(2, "pear")]).unwrap();
        let sql = "UPDATE fruit SET weight = weight + $1 WHERE id >= $2";
        assert_eq!(connection.execute(sql, &[5.into(), 2.into()]).unwrap(), 1);
        assert_eq!(connection.execute(sql, &[5.into(), 9.into()]).unwrap(), 0);
        assert_eq!(basket(&mut connection)[1].weight, Some(25));
    }

    fn an_update_writes_only_what_differs(db) {
        let mut connection = planted(db);
        let before = [fruit(1, "apple"), Fruit { note: Some("old".into()), ..fruit(2, "pear") }, fruit(3, "plum")];
        connection.insert_many(&before).unwrap();
        // Somebody's change of a column that ours does not touch stays.
        connection.execute("UPDATE fruit SET weight = $1 WHERE id = $2", &[77.into(), 3.into()]).unwrap();
        let after = [fruit(1, "apple"), fruit(2, "quince"), Fruit { note: Some("new".into()), ..fruit(3, "plum") }];
        connection.update_many(before.iter().zip(&after)).unwrap();
        let [apple, quince, plum] = after;
        assert_eq!(basket(&mut connection), [apple, quince, Fruit { weight: Some(77), ..plum }]);
    }

    fn a_key_is_never_updated(db) {
        let mut connection = planted(db);
        connection.insert_many(&[fruit(1, "apple")]).unwrap();
        assert!(connection.update_many([(&fruit(1, "apple"), &fruit(2, "apple"))]).is_err());
        let seen = Seen { lane: 1, key: "a".into() };
        connection.update_many([(&seen, &seen)]).unwrap();
        assert_eq!(basket(&mut connection), [fruit(1, "apple")]);
    }

    fn rows_are_deleted_by_their_keys(db) {
        let mut connection = planted(db);
        connection.insert_many(&[fruit(1, "apple"), fruit(2, "pear"), fruit(3, "plum")]).unwrap();
        let keys = [vec![1.into(), 1.into()], vec![1.into(), 3.into()], vec![2.into(), 2.into()]];
        connection.delete_many::<Fruit>(&keys).unwrap();
        assert_eq!(basket(&mut connection), [fruit(2, "pear")]);
        assert!(connection.delete_many::<Fruit>(&[vec![1.into()]]).is_err());
    }

    fn rows_are_loaded_by_any_columns(db) {
        let mut connection = planted(db);
        let fruits: Vec<Fruit> = (1..=300).map(|id| fruit(id, &format!("fruit {id}"))).collect();
        connection.insert_many(&fruits).unwrap();
        let keys: Vec<Vec<Value>> = (200..=400).chain(200..=210).map(|id| vec![1.into(), id.into()]).collect();
        let mut loaded = connection.load_many::<Fruit>(&[0, 1], &keys).unwrap();
        loaded.sort_by_key(|fruit| fruit.id);
        assert_eq!(loaded, fruits[199..]);
        let by_name = connection.load_many::<Fruit>(&[0, 2], &[vec![1.into(), "fruit 7".into()]]).unwrap();
        assert_eq!(by_name, fruits[6..7]);
        let by_one = connection.load_many::<Fruit>(&[2], &[vec!["fruit 7".into()], vec!["none".into()]]).unwrap();
        assert_eq!(by_one, fruits[6..7]);
        let by_null = connection.load_many::<Fruit>(&[3], &[vec![Value::Null]]).unwrap();
        assert_eq!(by_null, []);
        assert!(connection.load_many::<Fruit>(&[0, 1], &[vec![1.into()], vec![1.into(), 2.into(), 3.into()]]).is_err());
    }

    fn nothing_asked_is_nothing_done(db) {
        let mut connection = planted(db);
        connection.begin().unwrap();
        connection.insert_many::<Fruit>(&[]).unwrap();
        connection.update_many::<Fruit>([]).unwrap();
        connection.delete_many::<Fruit>(&[]).unwrap();
        assert_eq!(connection.load_many::<Fruit>(&[0, 1], &[]).unwrap(), []);
        assert_eq!(lock(&mut connection, &[]).unwrap(), []);
        connection.commit().unwrap();
    }

    fn lanes_are_locked_and_loaded_in_order(db) {
        let mut connection = planted(db);
        connection.begin().unwrap();
        let lanes = lock(&mut connection, &[1, 3, 99]).unwrap();
        assert_eq!(lanes, [Lane { lane: 1, sequence: 10 }, Lane { lane: 3, sequence: 30 }]);
        connection.update_many([(&lanes[1], &Lane { lane: 3, sequence: 31 })]).unwrap();
        connection.commit().unwrap();
        connection.begin().unwrap();
        assert_eq!(lock(&mut connection, &[3]).unwrap(), [Lane { lane: 3, sequence: 31 }]);
        connection.rollback();
    }

    fn a_rollback_undoes_and_the_connection_goes_on(db) {
        let mut connection = planted(db);
        connection.begin().unwrap();
        connection.insert_many(&[fruit(1, "apple")]).unwrap();
        connection.rollback();
        assert_eq!(basket(&mut connection), []);
        connection.begin().unwrap();
        connection.insert_many(&[fruit(2, "pear")]).unwrap();
        connection.commit().unwrap();
        assert_eq!(basket(&mut connection), [fruit(2, "pear")]);
        assert!(!connection.broken());
    }

    fn a_reader_sees_one_snapshot_and_cannot_write(db) {
        let mut writer = planted(db);
        let mut reader = db.open(Access::Read);
        reader.begin().unwrap();
        assert_eq!(basket(&mut reader), []);
        writer.insert_many(&[fruit(1, "apple")]).unwrap();
        assert_eq!(basket(&mut reader), []);
        assert!(reader.execute("DELETE FROM fruit", &[]).is_err());
        reader.rollback();
        if !reader.broken() {
            assert_eq!(basket(&mut reader), [fruit(1, "apple")]);
        }
        assert_eq!(basket(&mut writer), [fruit(1, "apple")]);
    }
}

#[test]
fn the_private_database_in_memory_works_alone() {
    let url = store::engine::Url::memory();
    let mut connection =
        store::engine::Connection::open(&url, Access::Write, &store::engine::Options::default()).unwrap();
    connection.batch(crate::fruit::SCHEMA).unwrap();
    connection.begin().unwrap();
    connection.insert_many(&[fruit(1, "apple")]).unwrap();
    connection.commit().unwrap();
    assert_eq!(basket(&mut connection), [fruit(1, "apple")]);
    assert_eq!(Fruit::KEY, 2);
}

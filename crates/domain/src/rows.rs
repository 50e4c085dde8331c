//! The rows of one table as a batch sees them: what was loaded, what has become of it, and how to
//! take back the last command's changes.
//!
//! Invariant: a row that was never asked for cannot be read. Reading an unloaded key panics, because
//! the alternative is to mistake "not loaded" for "does not exist" and pay twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use crate::id::Lane;

/// A record that lives in a table of its own.
pub trait Record: Clone + PartialEq + Debug + Send + 'static {
    type Key: Ord + Clone + Debug + Send + Sync;
    /// What rows are loaded together by (a person's cards, a day's bookings of a party).
    type Group: Ord + Clone + Debug + Send + Sync;

    fn key(&self) -> Self::Key;
    fn group(&self) -> Option<Self::Group>;
    /// The lane the row lives in; its lock is what makes changing it safe.
    fn lane(&self) -> Lane;
}

/// The group type of records that are only ever loaded by key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NoGroup {}

#[derive(Clone, Debug)]
struct Slot<R> {
    stored: Option<R>,
    present: Option<R>,
}

#[derive(Clone, Debug)]
pub struct Rows<R: Record> {
    slots: BTreeMap<R::Key, Slot<R>>,
    groups: BTreeMap<R::Group, BTreeSet<R::Key>>,
    undo: Vec<(R::Key, Option<R>)>,
}

/// What a batch did to one table.
#[derive(Debug)]
pub struct Changes<'a, R: Record> {
    pub inserted: Vec<&'a R>,
    /// As it was and as it is.
    pub updated: Vec<(&'a R, &'a R)>,
    pub removed: Vec<&'a R>,
}

impl<R: Record> Default for Rows<R> {
    fn default() -> Self {
        Rows { slots: BTreeMap::new(), groups: BTreeMap::new(), undo: Vec::new() }
    }
}

impl<R: Record> Rows<R> {
    /// The row, or `None` when it does not exist. Panics when nobody asked for the key.
    pub fn get(&self, key: &R::Key) -> Option<&R> {
        let slot = self.slots.get(key);
        slot.unwrap_or_else(|| panic!("{key:?} was not in needs()")).present.as_ref()
    }

    /// The row if it is loaded and exists: for `needs`, which may run before anything is loaded.
    pub fn peek(&self, key: &R::Key) -> Option<&R> {
        self.slots.get(key).and_then(|slot| slot.present.as_ref())
    }

    pub fn loaded(&self, key: &R::Key) -> bool {
        self.slots.contains_key(key)
    }

    pub fn group_loaded(&self, group: &R::Group) -> bool {
        self.groups.contains_key(group)
    }

    /// The rows of a group, in key order. Panics when nobody asked for the group.
    pub fn of(&self, group: &R::Group) -> impl Iterator<Item = &R> {
        let keys = self.groups.get(group).unwrap_or_else(|| panic!("group {group:?} was not in needs()"));
        keys.iter().filter_map(|key| self.peek(key)).filter(|row| row.group().as_ref() == Some(group))
    }

    /// The rows of a group as far as it is loaded: for `needs`.
    pub fn peek_group(&self, group: &R::Group) -> impl Iterator<Item = &R> {
        let keys = self.groups.get(group).into_iter().flatten();
        keys.filter_map(|key| self.peek(key))
    }

    /// A new row. Panics when the key exists: ids are fresh, everything else was loaded and looked at.
    pub fn insert(&mut self, row: R) {
        let key = row.key();
        assert!(self.peek(&key).is_none(), "{key:?} exists already");
        self.put(key, Some(row));
    }

    /// Changes a row that exists.
    pub fn update(&mut self, key: &R::Key, change: impl FnOnce(&mut R)) {
        let mut row = self.get(key).unwrap_or_else(|| panic!("{key:?} does not exist")).clone();
        change(&mut row);
        assert!(row.key() == *key, "a key never changes");
        self.put(key.clone(), Some(row));
    }

    pub fn remove(&mut self, key: &R::Key) {
        if self.get(key).is_some() {
            self.put(key.clone(), None);
        }
    }

    fn put(&mut self, key: R::Key, row: Option<R>) {
        if let Some(keys) = row.as_ref().and_then(R::group).and_then(|group| self.groups.get_mut(&group)) {
            keys.insert(key.clone());
        }
        let slot = self.slots.entry(key.clone()).or_insert(Slot { stored: None, present: None });
        let before = std::mem::replace(&mut slot.present, row);
        self.undo.push((key, before));
    }

    /// Takes in what the database holds under a key. The first answer stands.
    pub fn admit(&mut self, key: R::Key, row: Option<R>) {
        self.slots.entry(key).or_insert_with(|| Slot { stored: row.clone(), present: row });
    }

    /// Takes in what the database holds of a group.
    pub fn admit_group(&mut self, group: R::Group, rows: Vec<R>) {
        let keys = rows.iter().map(R::key).collect();
        for row in rows {
            self.admit(row.key(), Some(row));
        }
        self.groups.insert(group, keys);
    }

    /// Makes everything so far final for [`Rows::rollback`].
    pub fn checkpoint(&mut self) {
        self.undo.clear();
    }

    /// Takes back every change since the last checkpoint.
    pub fn rollback(&mut self) {
        while let Some((key, before)) = self.undo.pop() {
            self.slots.get_mut(&key).expect("changed, so present").present = before;
        }
    }

    pub fn changes(&self) -> Changes<'_, R> {
        let mut changes = Changes { inserted: Vec::new(), updated: Vec::new(), removed: Vec::new() };
        for slot in self.slots.values() {
            match (&slot.stored, &slot.present) {
                (None, Some(row)) => changes.inserted.push(row),
                (Some(old), Some(row)) if old != row => changes.updated.push((old, row)),
                (Some(old), None) => changes.removed.push(old),
                _ => {}
            }
        }
        changes
    }

    /// Every row that exists now, in key order.
    pub fn present(&self) -> impl Iterator<Item = &R> {
        self.slots.values().filter_map(|slot| slot.present.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Coat {
        id: i64,
        peg: i64,
    }

    impl Record for Coat {
        type Key = i64;
        type Group = i64;
        fn key(&self) -> i64 {
            self.id
        }
        fn group(&self) -> Option<i64> {
            Some(self.peg)
        }
        fn lane(&self) -> Lane {
            Lane(0)
        }
    }

    fn rows() -> Rows<Coat> {
        let mut rows = Rows::default();
        rows.admit(1, Some(Coat { id: 1, peg: 7 }));
        rows.admit(2, None);
        rows.admit_group(7, vec![Coat { id: 1, peg: 7 }]);
        rows.checkpoint();
        rows
    }

    #[test]
    fn a_refused_command_leaves_no_trace() {
        let mut rows = rows();
        rows.insert(Coat { id: 2, peg: 7 });
        rows.update(&1, |coat| coat.peg = 8);
        rows.remove(&1);
        rows.rollback();
        let changes = rows.changes();
        assert!(changes.inserted.is_empty() && changes.updated.is_empty() && changes.removed.is_empty());
        assert_eq!(rows.of(&7).count(), 1);
    }

    #[test]
    fn changes_tell_new_from_changed_from_gone() {
        let mut rows = rows();
        rows.insert(Coat { id: 2, peg: 7 });
        assert_eq!(rows.of(&7).count(), 2);
        rows.update(&1, |coat| coat.peg = 8);
        assert_eq!(rows.of(&7).count(), 1, "a row that moved is no longer of the group");
        assert_eq!(rows.changes().inserted, [&Coat { id: 2, peg: 7 }]);
        assert_eq!(rows.changes().updated, [(&Coat { id: 1, peg: 7 }, &Coat { id: 1, peg: 8 })]);
        rows.remove(&1);
        assert_eq!(rows.changes().removed, [&Coat { id: 1, peg: 7 }]);
    }

    #[test]
    fn an_unloaded_key_cannot_be_mistaken_for_a_missing_row() {
        let missing = std::panic::catch_unwind(|| rows().get(&3).is_none());
        assert!(missing.is_err());
    }
}

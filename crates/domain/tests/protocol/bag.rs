//! What is under way, in no order: equal contents must be equal values.

use std::marker::PhantomData;

/// A sorted multiset in place: two orders of the same content are one state. A million states are
/// kept, so an item is one byte; 0 is an empty slot, and empty slots come first.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Bag<T, const ROOM: usize>([u8; ROOM], PhantomData<T>);

/// A value in one byte, never 0.
pub(super) trait Packed {
    fn pack(self) -> u8;
    fn unpack(byte: u8) -> Self;
}

impl<T: Packed, const ROOM: usize> Bag<T, ROOM> {
    /// Items with their places, for `remove`.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, T)> {
        let taken = self.0.iter().enumerate().filter(|(_, byte)| **byte != 0);
        taken.map(|(place, byte)| (place, T::unpack(*byte)))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0[ROOM - 1] == 0
    }

    pub(super) fn add(&mut self, item: T) {
        assert_eq!(self.0[0], 0, "more under way than the model has room for");
        self.0[0] = item.pack();
        self.0.sort_unstable();
    }

    pub(super) fn remove(&mut self, place: usize) {
        self.0[place] = 0;
        self.0.sort_unstable();
    }
}

impl<T, const ROOM: usize> Default for Bag<T, ROOM> {
    fn default() -> Bag<T, ROOM> {
        Bag([0; ROOM], PhantomData)
    }
}

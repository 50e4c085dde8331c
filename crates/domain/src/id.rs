//! Ids and lanes.
//!
//! A lane is the unit of serial writing. Every id carries the lane of the row it names:
//! `id = sequence * 256 + lane`, the sequence taken from the lane's own row under its lock. Ids are
//! therefore deterministic, below 2^53, and route without a look-up. They are not chronological
//! across lanes.

use std::fmt;

/// How many lanes there are, fixed for ever: ids are built with it.
pub const LANES: i64 = 256;

/// Ids stay exact in JavaScript numbers.
pub const ID_MAX: i64 = (1 << 53) - 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane(pub u8);

impl Lane {
    /// The lane of a value that is unique in the world (an e-mail address, a gateway's object).
    /// FNV-1a: stable across builds and platforms, which a database of claims depends on.
    pub fn of(text: &str) -> Lane {
        let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
        for byte in text.as_bytes() {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        let folded = hash ^ (hash >> 32);
        Lane(u8::try_from((folded ^ (folded >> 16) ^ (folded >> 8)) & 0xff).expect("masked to a byte"))
    }

    pub fn of_id(id: i64) -> Lane {
        Lane(u8::try_from(id.rem_euclid(LANES)).expect("a remainder below 256"))
    }

    pub fn number(self) -> i64 {
        i64::from(self.0)
    }
}

/// What every typed id can do.
pub trait Id: Copy + Ord + fmt::Debug {
    fn from_raw(raw: i64) -> Self;
    fn raw(self) -> i64;

    fn lane(self) -> Lane {
        Lane::of_id(self.raw())
    }
}

macro_rules! ids {
    ($($(#[doc = $doc:literal])* $name:ident),* $(,)?) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub i64);

        impl Id for $name {
            fn from_raw(raw: i64) -> Self {
                $name(raw)
            }
            fn raw(self) -> i64 {
                self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }
    )*};
}

ids! {
    /// A person; on the wire the person's UUID stands for it.
    PersonId,
    /// A login session: one family of rotating refresh tokens.
    SessionId,
    OfferId,
    BookingId,
    /// A stretch of a payee's availability.
    AvailabilityId,
    PaymentId,
    /// One attempt at one gateway.
    OpId,
    RefundId,
    /// A saved card.
    CardId,
    /// A journal entry.
    EntryId,
    EventId,
    JobId,
    /// An inbound webhook event.
    InboxId,
    AuditId,
    AlertId,
    /// A change of the reports' sums.
    DeltaId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_carries_its_lane() {
        assert_eq!(PaymentId(7 * LANES + 13).lane(), Lane(13));
    }

    /// Claims are stored under this hash: a change would lose every e-mail address.
    #[test]
    fn the_lane_of_a_text_never_changes() {
        let lanes: Vec<u8> = ["", "a", "ada@example.org", "pi_123"].map(|t| Lane::of(t).0).to_vec();
        assert_eq!(lanes, LANES_PINNED);
    }

    const LANES_PINNED: [u8; 4] = [174, 146, 167, 52];
}

//! The records: what is kept, as plain data with typed ids and states.
//!
//! A record knows its key, its group and its lane and nothing of rules, wire forms or SQL. States
//! are stored as the words given here; the words are never renamed.

mod booking;
mod outbox;
mod payment;
mod people;
mod rollup;

pub use booking::*;
pub use outbox::*;
pub use payment::*;
pub use people::*;
pub use rollup::*;

/// An enum with the word each value is stored as.
macro_rules! words {
    ($(#[doc = $doc:literal])* $name:ident { $($(#[doc = $vdoc:literal])* $value:ident = $word:literal),* $(,)? }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[doc = $vdoc])* $value),* }

        impl $crate::records::Word for $name {
            const ALL: &'static [$name] = &[$($name::$value),*];

            fn word(self) -> &'static str {
                match self { $($name::$value => $word),* }
            }
        }
    };
}
pub(crate) use words;

/// A state or kind that is stored as a word.
pub trait Word: Copy + PartialEq + 'static {
    const ALL: &'static [Self];
    fn word(self) -> &'static str;

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|value| value.word() == word)
    }
}

/// Implements [`crate::rows::Record`] for a record that is its own id.
macro_rules! by_id {
    ($record:ident, $id:ty) => {
        by_id!($record, $id, crate::rows::NoGroup, |_: &$record| None);
    };
    ($record:ident, $id:ty, $group:ty, $of:expr) => {
        impl $crate::rows::Record for $record {
            type Key = $id;
            type Group = $group;
            fn key(&self) -> $id {
                self.id
            }
            fn group(&self) -> Option<$group> {
                let of: fn(&$record) -> Option<$group> = $of;
                of(self)
            }
            fn lane(&self) -> $crate::id::Lane {
                $crate::id::Id::lane(self.id)
            }
        }
    };
}
pub(crate) use by_id;

/// Implements [`crate::rows::Record`] for a record whose key is made of its fields, with the lane of one
/// of them.
macro_rules! by_key {
    ($record:ident, $key:ty, $of:expr, lane $lane:expr) => {
        by_key!($record, $key, $of, crate::rows::NoGroup, |_: &$record| None, lane $lane);
    };
    ($record:ident, $key:ty, $of:expr, $group:ty, $group_of:expr, lane $lane:expr) => {
        impl $crate::rows::Record for $record {
            type Key = $key;
            type Group = $group;
            fn key(&self) -> $key {
                let of: fn(&$record) -> $key = $of;
                of(self)
            }
            fn group(&self) -> Option<$group> {
                let of: fn(&$record) -> Option<$group> = $group_of;
                of(self)
            }
            fn lane(&self) -> $crate::id::Lane {
                let of: fn(&$record) -> $crate::id::Lane = $lane;
                of(self)
            }
        }
    };
}
pub(crate) use by_key;

impl Word for crate::policy::Kind {
    const ALL: &'static [Self] = {
        use crate::policy::Kind;
        &[Kind::Booking, Kind::GigPurchase, Kind::Course, Kind::Event, Kind::WalletTopUp]
    };

    fn word(self) -> &'static str {
        use crate::policy::Kind;
        match self {
            Kind::Booking => "booking",
            Kind::GigPurchase => "gig_purchase",
            Kind::Course => "course",
            Kind::Event => "event",
            Kind::WalletTopUp => "wallet_topup",
        }
    }
}

impl Word for crate::policy::FeeMode {
    const ALL: &'static [Self] = &[crate::policy::FeeMode::OnTop, crate::policy::FeeMode::Deducted];

    fn word(self) -> &'static str {
        match self {
            crate::policy::FeeMode::OnTop => "on_top",
            crate::policy::FeeMode::Deducted => "deducted",
        }
    }
}

impl Word for crate::policy::PriceUnit {
    const ALL: &'static [Self] = &[crate::policy::PriceUnit::Hour, crate::policy::PriceUnit::Session];

    fn word(self) -> &'static str {
        match self {
            crate::policy::PriceUnit::Hour => "hour",
            crate::policy::PriceUnit::Session => "session",
        }
    }
}

//! The marketplace that is paid in: who is who by number, and the text that fills a database with it.
//!
//! Booking number `n` has the next id of its payee's lane, so any client can find it without asking.
//! Deliberately not here: speaking to a database.

use super::token::{Key, Session};

/// Ids are `sequence * 256 + lane`; each kind has sequences of its own, far apart.
const LANES: i64 = 256;
const FIRST_PAYEE: i64 = 1_000 * LANES;
const FIRST_PAYER: i64 = 2_000 * LANES;
const FIRST_SESSION: i64 = 3_000 * LANES;
const FIRST_OFFER: i64 = 4_000 * LANES;
const FIRST_BOOKING: i64 = 10_000 * LANES;
/// Above every sequence a seed uses.
const NEXT: i64 = 100_000_000;
/// A payer runs a few requests at once at most, so there are many.
const PAYERS: i64 = 1_024;
const PAYEES_SPREAD: i64 = 512;
const MICROS_PER_DAY: i64 = 24 * 3_600 * 1_000_000;

/// Whom the bookings are with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payees {
    /// Many, in every lane.
    Spread,
    /// All with the same one.
    OneHot,
}

/// Confirmed, unpaid bookings and everybody in them.
#[derive(Clone, Copy, Debug)]
pub struct Market {
    pub payees: Payees,
    pub bookings: i64,
}

impl Market {
    /// The id of booking number `n`.
    pub fn booking(&self, n: i64) -> i64 {
        FIRST_BOOKING + n * self.stride()
    }

    /// The number of the payer of booking number `n`.
    pub fn payer(n: i64) -> usize {
        usize::try_from(n % PAYERS).expect("a remainder of a count")
    }

    /// One access token a payer, by the payer's number; the first payer is an administrator too.
    pub fn tokens(key: &Key, now_seconds: i64) -> Vec<String> {
        let session = |n: i64| Session { person: FIRST_PAYER + n, id: FIRST_SESSION + n, version: 1 };
        (0..PAYERS).map(|n| key.sign(&session(n), now_seconds)).collect()
    }

    /// SQL that fills an empty, migrated database of either engine.
    pub fn seed(&self, now_seconds: i64) -> String {
        let now = now_seconds * 1_000_000;
        let mut text = include_str!("seed.sql").to_owned();
        for (name, value) in self.numbers() {
            text = text.replace(&format!("{{{name}}}"), &value.to_string());
        }
        for (name, value) in [("now", now), ("later", now + 30 * MICROS_PER_DAY), ("next", NEXT)] {
            text = text.replace(&format!("{{{name}}}"), &value.to_string());
        }
        text
    }

    /// What seed and baseline call by name.
    pub fn numbers(&self) -> [(&'static str, i64); 9] {
        [
            ("payees", self.payee_count()),
            ("payers", PAYERS),
            ("bookings", self.bookings),
            ("stride", self.stride()),
            ("first_payee", FIRST_PAYEE),
            ("first_payer", FIRST_PAYER),
            ("first_session", FIRST_SESSION),
            ("first_offer", FIRST_OFFER),
            ("first_booking", FIRST_BOOKING),
        ]
    }

    fn payee_count(&self) -> i64 {
        match self.payees {
            Payees::Spread => PAYEES_SPREAD,
            Payees::OneHot => 1,
        }
    }

    /// Neighbouring bookings lie in neighbouring lanes, or all in the one payee's.
    fn stride(&self) -> i64 {
        match self.payees {
            Payees::Spread => 1,
            Payees::OneHot => LANES,
        }
    }
}

/// The wire id of a person.
pub fn uuid(person: i64) -> String {
    format!("00000000-0000-4000-8000-{person:012}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_booking_lies_in_its_payees_lane() {
        for payees in [Payees::Spread, Payees::OneHot] {
            let market = Market { payees, bookings: 1_000 };
            for n in [0, 1, 255, 256, 999] {
                let payee = FIRST_PAYEE + n % market.payee_count();
                assert_eq!(market.booking(n) % LANES, payee % LANES, "{payees:?} {n}");
            }
        }
    }

    #[test]
    fn every_name_in_the_seed_is_filled_in() {
        let text = Market { payees: Payees::Spread, bookings: 10 }.seed(1_800_000_000);
        assert!(!text.contains('{') && !text.contains('}'));
    }
}

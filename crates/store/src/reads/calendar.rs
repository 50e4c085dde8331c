//! A payee's calendar: when he would like to work, and when he is taken.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use domain::id::{BookingId, Id, PersonId};
use domain::records::{Availability, Booking, Busy, Hours, Person, TeacherProfile};
use domain::time::Timestamp;

use super::Reads;
use crate::engine::{Fault, Value};

/// Days of somebody's calendar that are looked at together.
pub const DAYS_MAX: i64 = 100;
/// Sessions somebody can have in a day: one every quarter of an hour, and a few that touch it.
const SESSIONS_A_DAY_MAX: i64 = 100;

/// A payee with his availability.
#[derive(Clone, Debug)]
pub struct Calendar {
    pub person: Person,
    /// The IANA name that the wall clock goes by.
    pub time_zone: String,
    pub availability: Vec<Availability>,
}

/// A time at which somebody is taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    pub busy: Busy,
    /// The booking and its payer, where they were asked for.
    pub session: Option<(Booking, Person)>,
}

impl Calendar {
    /// The bare hours.
    pub fn hours(&self) -> Vec<Hours> {
        self.availability.iter().map(|row| row.hours).collect()
    }
}

impl Reads<'_> {
    /// The calendar of somebody who teaches; three statements.
    pub fn calendar(&mut self, payee: PersonId) -> Result<Option<Calendar>, Fault> {
        let (person, teacher) = (self.find::<Person>(&payee)?, self.find::<TeacherProfile>(&payee)?);
        let Some((person, teacher)) = person.filter(|person| person.active).zip(teacher) else {
            return Ok(None);
        };
        let availability = self.of::<Availability>(&payee)?;
        Ok(Some(Calendar { person, time_zone: teacher.time_zone, availability }))
    }

    /// When somebody is taken on UTC days, at most [`DAYS_MAX`] of them, in order; one statement. A
    /// session that touches two days is there once.
    pub fn busy(&mut self, party: PersonId, days: RangeInclusive<i64>) -> Result<Vec<Busy>, Fault> {
        let last = (*days.end()).min(days.start() + DAYS_MAX - 1);
        let params = [
            Value::Int(party.lane().number()),
            Value::Int(party.raw()),
            Value::Int(*days.start()),
            Value::Int(last),
            Value::Int(DAYS_MAX * SESSIONS_A_DAY_MAX),
        ];
        let rest = "WHERE lane = $1 AND party = $2 AND day BETWEEN $3 AND $4 ORDER BY day, booking LIMIT $5";
        let rows: Vec<Busy> = self.select(rest, &params)?;
        let once: BTreeMap<(Timestamp, BookingId), Busy> =
            rows.into_iter().map(|row| ((row.starts_at, row.booking), row)).collect();
        Ok(once.into_values().collect())
    }

    /// The sessions behind busy times in which somebody is the payee, with their payers; two
    /// statements however many.
    pub fn sessions(&mut self, payee: PersonId, busy: Vec<Busy>) -> Result<Vec<Taken>, Fault> {
        let ids: Vec<BookingId> = busy.iter().map(|row| row.booking).collect();
        let bookings = self.find_many::<Booking>(&ids)?.into_iter().filter(|booking| booking.payee == payee);
        let bookings: BTreeMap<_, _> = bookings.map(|booking| (booking.id, booking)).collect();
        let mut payers: Vec<PersonId> = bookings.values().map(|booking| booking.payer).collect();
        payers.sort_unstable();
        payers.dedup();
        let payers = self.find_many::<Person>(&payers)?;
        let payers: BTreeMap<_, _> = payers.into_iter().map(|person| (person.id, person)).collect();
        let taken = busy.into_iter().map(|busy| {
            let booking = bookings.get(&busy.booking).cloned();
            let session = booking.and_then(|booking| {
                let payer = payers.get(&booking.payer).cloned()?;
                Some((booking, payer))
            });
            Taken { busy, session }
        });
        Ok(taken.collect())
    }
}

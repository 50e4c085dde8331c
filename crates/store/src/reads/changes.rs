//! What has happened lately, for people who watch: new events of all lanes, whom they concern, and what
//! of somebody's has changed since an instant (a listed fan-out).

use std::collections::BTreeMap;

use domain::id::{BookingId, Id, LANES, Lane, OfferId, PaymentId, PersonId};
use domain::records::{Booking, Event, Offer, Payment};
use domain::time::Timestamp;

use super::Reads;
use crate::engine::{Fault, Value};

/// How far each lane's ids have been looked at.
pub type Positions = BTreeMap<Lane, i64>;

/// An event and the people it concerns.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub event: Event,
    pub parties: Vec<PersonId>,
}

/// An object of somebody's that has changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Changed {
    pub at: Timestamp,
    /// `booking`, `payment` or `refund`.
    pub object: &'static str,
    pub id: i64,
}

/// What an event is about, as far as people are concerned by it.
enum About {
    Payment(PaymentId),
    Booking(BookingId),
    Offer(OfferId),
    Person(PersonId),
    Nobody,
}

impl About {
    /// Bodies name payment or booking where there is one; else the kind tells what the subject is.
    fn of(event: &Event) -> About {
        let body: serde_json::Value = serde_json::from_str(&event.body).unwrap_or_default();
        if let Some(id) = body["payment_id"].as_i64() {
            return About::Payment(PaymentId::from_raw(id));
        }
        if let Some(id) = body["booking_id"].as_i64() {
            return About::Booking(BookingId::from_raw(id));
        }
        match event.kind.split_once('.') {
            Some(("offer", _)) => About::Offer(OfferId::from_raw(event.subject)),
            Some(("person", _)) => About::Person(PersonId::from_raw(event.subject)),
            _ => About::Nobody,
        }
    }
}

impl Reads<'_> {
    /// Where every lane stands now.
    pub fn positions(&mut self) -> Result<Positions, Fault> {
        Ok(self.lanes()?.into_iter().map(|row| (row.lane, row.next)).collect())
    }

    /// Events after these positions, which move on; at most `limit` a lane. Ids are given under the
    /// lane's lock, so none can appear later below a position.
    pub fn events_after(&mut self, seen: &mut Positions, limit: usize) -> Result<Vec<Told>, Fault> {
        let mut events = Vec::new();
        for (lane, next) in self.positions()? {
            let from = seen.get(&lane).copied().unwrap_or(1);
            if next <= from {
                continue;
            }
            let new = self.events_of(lane, (from, next), limit)?;
            let full = new.last().filter(|_| new.len() == limit);
            seen.insert(lane, full.map_or(next, |event| event.id.raw() / LANES + 1));
            events.extend(new);
        }
        events.sort_by_key(|event: &Event| (event.at, event.id));
        self.told(events)
    }

    fn events_of(&mut self, lane: Lane, (from, next): (i64, i64), limit: usize) -> Result<Vec<Event>, Fault> {
        let id = |sequence: i64| Value::Int(sequence * LANES + lane.number());
        let limit = i64::try_from(limit).expect("limits are small");
        let params = [Value::Int(lane.number()), id(from), id(next), Value::Int(limit)];
        self.select("WHERE lane = $1 AND id >= $2 AND id < $3 ORDER BY id LIMIT $4", &params)
    }

    /// One statement a table, whatever the number of events.
    fn told(&mut self, events: Vec<Event>) -> Result<Vec<Told>, Fault> {
        let about: Vec<About> = events.iter().map(About::of).collect();
        let (mut payments, mut bookings, mut offers) = (Vec::new(), Vec::new(), Vec::new());
        for about in &about {
            match about {
                About::Payment(id) => payments.push(*id),
                About::Booking(id) => bookings.push(*id),
                About::Offer(id) => offers.push(*id),
                About::Person(_) | About::Nobody => {}
            }
        }
        let payments: BTreeMap<PaymentId, Payment> =
            self.find_many::<Payment>(&payments)?.into_iter().map(|row| (row.id, row)).collect();
        let bookings: BTreeMap<BookingId, Booking> =
            self.find_many::<Booking>(&bookings)?.into_iter().map(|row| (row.id, row)).collect();
        let offers: BTreeMap<OfferId, Offer> =
            self.find_many::<Offer>(&offers)?.into_iter().map(|row| (row.id, row)).collect();
        let parties = |about: &About| match about {
            About::Payment(id) => payments.get(id).map(|row| vec![row.payer, row.payee]).unwrap_or_default(),
            About::Booking(id) => bookings.get(id).map(|row| vec![row.payer, row.payee]).unwrap_or_default(),
            About::Offer(id) => offers.get(id).map(|row| vec![row.payee]).unwrap_or_default(),
            About::Person(id) => vec![*id],
            About::Nobody => Vec::new(),
        };
        let parties: Vec<Vec<PersonId>> = about.iter().map(parties).collect();
        Ok(events.into_iter().zip(parties).map(|(event, parties)| Told { event, parties }).collect())
    }

    /// What of somebody's has changed since an instant, oldest change first; `None` when there is more
    /// than the limit of a kind.
    pub fn changed_since(
        &mut self,
        person: PersonId,
        since: Timestamp,
        limit: usize,
    ) -> Result<Option<Vec<Changed>>, Fault> {
        const WHERE: [(&str, &str); 5] = [
            ("booking", "payer = $2 AND CAST($1 AS BIGINT) >= 0"),
            ("booking", "lane = $1 AND payee = $2"),
            ("payment", "payer = $2 AND CAST($1 AS BIGINT) >= 0"),
            ("payment", "lane = $1 AND payee = $2"),
            ("refund", "payer = $2 AND CAST($1 AS BIGINT) >= 0"),
        ];
        let most = i64::try_from(limit + 1).expect("limits are small");
        let params = [person.lane().number(), person.raw(), since.0, most].map(Value::Int);
        let mut changed = Vec::new();
        for (object, whose) in WHERE {
            let sql =
                format!("SELECT id, updated_at FROM {object} WHERE {whose} AND updated_at >= $3 LIMIT $4");
            let rows = self.rows(&sql, &params)?;
            if rows.len() > limit {
                return Ok(None);
            }
            for mut row in rows {
                let (id, at) = (row.int()?, Timestamp(row.int()?));
                changed.push(Changed { at, object, id });
            }
        }
        changed.sort();
        changed.dedup();
        Ok(Some(changed))
    }
}

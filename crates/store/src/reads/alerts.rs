//! What humans were asked to look at, who has, and the sample that vital signs are taken from (fan-outs).

use std::collections::BTreeMap;

use domain::id::{AlertId, BookingId, Id, PaymentId, PersonId};
use domain::records::{Alert, AlertAck, Booking, Op, Payment};
use domain::time::Timestamp;

use super::{COUNT_MAX, Reads};
use crate::engine::{Fault, Row, Value};

/// Which alerts are listed.
#[derive(Clone, Copy, Debug)]
pub struct AlertFilter {
    /// Only those that nobody has looked at.
    pub open_only: bool,
    /// Only what is older than this row.
    pub before: Option<(Timestamp, i64)>,
    pub limit: usize,
}

/// Recent payments with all that belongs to them.
#[derive(Clone, Debug)]
pub struct Sample {
    pub payments: Vec<Payment>,
    pub ops: Vec<Op>,
    pub bookings: BTreeMap<BookingId, Booking>,
}

impl AlertFilter {
    fn terms(&self) -> (String, Vec<Value>) {
        let (before_at, before_id) = self.before.unwrap_or((Timestamp(i64::MAX), i64::MAX));
        let open = " AND NOT EXISTS (SELECT 1 FROM alert_ack \
                    WHERE alert_ack.lane = alert.lane AND alert_ack.alert = alert.id)";
        let open = if self.open_only { open } else { "" };
        (format!("(at, id) < ($1, $2){open}"), [before_at.0, before_id].map(Value::Int).to_vec())
    }
}

impl Reads<'_> {
    /// Newest first by `(at, id)`.
    pub fn listed_alerts(&mut self, filter: AlertFilter) -> Result<Vec<Alert>, Fault> {
        let (terms, mut params) = filter.terms();
        params.push(count(filter.limit));
        self.select(&format!("WHERE {terms} ORDER BY at DESC, id DESC LIMIT $3"), &params)
    }

    /// How many there are, wherever the page begins, counted up to one more than [`COUNT_MAX`].
    pub fn count_alerts(&mut self, filter: AlertFilter) -> Result<usize, Fault> {
        let (terms, mut params) = AlertFilter { before: None, ..filter }.terms();
        params.push(count(COUNT_MAX + 1));
        let sql = format!(
            "SELECT CAST(count(*) AS BIGINT) FROM \
             (SELECT id FROM alert WHERE {terms} ORDER BY at DESC, id DESC LIMIT $3) AS newest"
        );
        let counted = self.rows(&sql, &params)?.first_mut().map_or(Ok(0), Row::int)?;
        Ok(usize::try_from(counted).expect("counts are not negative"))
    }

    /// Who has looked at alerts.
    pub fn alert_acks(&mut self, alerts: &[AlertId]) -> Result<BTreeMap<AlertId, AlertAck>, Fault> {
        Ok(self.find_many::<AlertAck>(alerts)?.into_iter().map(|ack| (ack.alert, ack)).collect())
    }

    /// One of them.
    pub fn one_alert(&mut self, id: AlertId) -> Result<Option<Alert>, Fault> {
        let own = [Value::Int(id.lane().number()), Value::Int(id.raw())];
        Ok(self.select("WHERE lane = $1 AND id = $2", &own)?.pop())
    }

    /// Alerts after an instant and until another, oldest first.
    pub fn alerts_between(
        &mut self,
        (since, until): (Timestamp, Timestamp),
        limit: usize,
    ) -> Result<Vec<Alert>, Fault> {
        let params = [Value::Int(since.0), Value::Int(until.0), count(limit)];
        self.select("WHERE at > $1 AND at <= $2 ORDER BY at, id LIMIT $3", &params)
    }

    /// The newest payments made since an instant, with their operations and bookings.
    pub fn vital_sample(&mut self, since: Timestamp, limit: usize) -> Result<Sample, Fault> {
        let params = [Value::Int(since.0), count(limit)];
        let newest = "WHERE created_at >= $1 ORDER BY created_at DESC, id DESC LIMIT $2";
        let payments: Vec<Payment> = self.select(newest, &params)?;
        let ids: Vec<PaymentId> = payments.iter().map(|payment| payment.id).collect();
        let ops = self.of_many::<Op>(&ids)?;
        let ids: Vec<BookingId> = payments.iter().filter_map(|payment| payment.booking).collect();
        let bookings = self.find_many::<Booking>(&ids)?;
        let bookings = bookings.into_iter().map(|booking| (booking.id, booking)).collect();
        Ok(Sample { payments, ops, bookings })
    }

    /// The ids on the wire of people.
    pub fn uuids(&mut self, people: &[PersonId]) -> Result<BTreeMap<PersonId, String>, Fault> {
        let people = self.find_many::<domain::records::Person>(people)?;
        Ok(people.into_iter().map(|person| (person.id, person.uuid)).collect())
    }
}

fn count(limit: usize) -> Value {
    Value::Int(i64::try_from(limit).expect("limits are small"))
}

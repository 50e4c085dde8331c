//! The fan-outs: statements that name no lane and so ask every shard. Each is bounded and indexed.
//!
//! Due work (`due_*`), what a gateway's webhook names without its owner, a payer's own lists and the
//! administrators' lists, and what anybody may browse (active offers, teachers). Nothing else
//! belongs here.

use domain::id::{DeltaId, EntryId, Id, JobId, PersonId};
use domain::money::Currency;
use domain::records::{
    Alert, Booking, Category, Entry, IdempotencyRecord, InboxEvent, Job, LoginSlip, Offer, Op, Payment,
    Person, RollupDelta, Word,
};
use domain::rows::Record;
use domain::time::Timestamp;

use super::Reads;
use super::exports::{BookedEntry, ExportFilter, Line};
use super::people::{KNOWN, Known};
use crate::engine::{Fault, Value};

/// Where counting and browsing by page end.
pub const COUNT_MAX: usize = 10_000;

/// What offers somebody browses; inclusive bounds.
#[derive(Clone, Debug)]
pub struct OfferFilter {
    pub category: Option<Category>,
    pub price_minor: (i64, i64),
    pub session_minutes: (i64, i64),
}

/// A teacher in the list, as far as searching needs him.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedTeacher {
    pub id: PersonId,
    pub full_name: String,
    pub qualification: String,
    pub teaching_languages: String,
    pub bio: String,
}

impl Reads<'_> {
    /// Operations whose wake-up has come, longest due first.
    pub fn due_ops(&mut self, now: Timestamp, limit: usize) -> Result<Vec<Op>, Fault> {
        self.select("WHERE wake_at <= $1 ORDER BY wake_at, id LIMIT $2", &due(now, limit))
    }

    /// Bookings whose wake-up has come.
    pub fn due_bookings(&mut self, now: Timestamp, limit: usize) -> Result<Vec<Booking>, Fault> {
        self.select("WHERE wake_at <= $1 ORDER BY wake_at, id LIMIT $2", &due(now, limit))
    }

    /// Payments whose share falls due.
    pub fn due_payments(&mut self, now: Timestamp, limit: usize) -> Result<Vec<Payment>, Fault> {
        self.select("WHERE wake_at <= $1 ORDER BY wake_at, id LIMIT $2", &due(now, limit))
    }

    /// Webhook events to be worked off.
    pub fn due_inbox(&mut self, now: Timestamp, limit: usize) -> Result<Vec<InboxEvent>, Fault> {
        self.select("WHERE wake_at <= $1 ORDER BY wake_at, id LIMIT $2", &due(now, limit))
    }

    /// Jobs to be taken.
    pub fn due_jobs(&mut self, now: Timestamp, limit: usize) -> Result<Vec<JobId>, Fault> {
        let queued = "WHERE state = 'queued' AND run_at <= $1 ORDER BY run_at, id LIMIT $2";
        let jobs: Vec<Job> = self.select(queued, &due(now, limit))?;
        Ok(jobs.into_iter().map(|job| job.id).collect())
    }

    /// Keys of kept answers whose time is over.
    pub fn expired_answers(
        &mut self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(PersonId, String, String)>, Fault> {
        let expired = "WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2";
        let answers: Vec<IdempotencyRecord> = self.select(expired, &due(now, limit))?;
        Ok(answers.iter().map(Record::key).collect())
    }

    /// Names of logins that were not finished in time.
    pub fn expired_slips(&mut self, now: Timestamp, limit: usize) -> Result<Vec<String>, Fault> {
        let expired = "WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2";
        let slips: Vec<LoginSlip> = self.select(expired, &due(now, limit))?;
        Ok(slips.into_iter().map(|slip| slip.name).collect())
    }

    /// What waits to be added to the reports' sums.
    pub fn waiting_deltas(
        &mut self,
        after: Option<DeltaId>,
        limit: usize,
    ) -> Result<Vec<RollupDelta>, Fault> {
        let (lane, id) = after.map_or((-1, -1), |after| (after.lane().number(), after.raw()));
        let params = [Value::Int(lane), Value::Int(id), count(limit)];
        self.select("WHERE (lane, id) > ($1, $2) ORDER BY lane, id LIMIT $3", &params)
    }

    /// Payments made between two instants, oldest first.
    pub fn exported_payments(&mut self, filter: &ExportFilter) -> Result<Vec<Payment>, Fault> {
        self.select(
            "WHERE created_at >= $1 AND created_at < $2 AND (created_at, id) > ($3, $4) \
             AND ($5 = '' OR kind = $5) ORDER BY created_at, id LIMIT $6",
            &exported(filter),
        )
    }

    /// Entries booked between two instants, oldest first, as far as they move money: what is only
    /// pending is no entry for an accountant. Of a kind: those of its payments.
    pub fn exported_entries(&mut self, filter: &ExportFilter) -> Result<Vec<BookedEntry>, Fault> {
        let sql = "\
            SELECT e.id, e.recipe, e.subject, e.subject_id, e.currency, e.at, p.account, p.owner, p.posted_minor \
              FROM (SELECT entry.lane, entry.id, entry.recipe, entry.subject, entry.subject_id, entry.currency, \
                           entry.at \
                      FROM entry \
                      LEFT JOIN op ON entry.subject = 'op' AND op.lane = entry.lane AND op.id = entry.subject_id \
                      LEFT JOIN payment ON payment.lane = entry.lane AND payment.id = coalesce(op.payment, \
                           CASE WHEN entry.subject = 'payment' THEN entry.subject_id END) \
                     WHERE entry.at >= $1 AND entry.at < $2 AND (entry.at, entry.id) > ($3, $4) \
                       AND ($5 = '' OR payment.kind = $5) \
                       AND EXISTS (SELECT 1 FROM posting AS q \
                                    WHERE q.lane = entry.lane AND q.entry = entry.id AND q.posted_minor <> 0) \
                     ORDER BY entry.at, entry.id LIMIT $6) AS e \
              JOIN posting AS p ON p.lane = e.lane AND p.entry = e.id \
             WHERE p.posted_minor <> 0 \
             ORDER BY e.at, e.id, p.number";
        let mut booked: Vec<BookedEntry> = Vec::new();
        for mut row in self.rows(sql, &exported(filter))? {
            let entry = Entry {
                id: EntryId(row.int()?),
                recipe: row.text()?.into(),
                subject: row.text()?.into(),
                subject_id: row.int()?,
                currency: {
                    let code = row.text()?;
                    Currency::parse(&code).ok_or_else(|| row.corrupt("a currency"))?
                },
                at: Timestamp(row.int()?),
            };
            let line = Line { account: row.text()?, owner: row.int()?, posted_minor: row.int()? };
            match booked.last_mut().filter(|last| last.entry.id == entry.id) {
                Some(last) => last.lines.push(line),
                None => booked.push(BookedEntry { entry, lines: vec![line] }),
            }
        }
        Ok(booked)
    }

    /// What humans were asked to look at, newest first.
    pub fn alerts(&mut self, limit: usize) -> Result<Vec<Alert>, Fault> {
        let limit = i64::try_from(limit).expect("limits are small");
        self.select("ORDER BY at DESC, id DESC LIMIT $1", &[Value::Int(limit)])
    }
}

impl Reads<'_> {
    /// Active offers of active people, newest first.
    pub fn active_offers(&mut self, filter: &OfferFilter, limit: usize) -> Result<Vec<Offer>, Fault> {
        self.select(
            "WHERE state = 'active' AND ($1 = '' OR category = $1) \
             AND price_minor BETWEEN $2 AND $3 AND session_minutes BETWEEN $4 AND $5 \
             AND EXISTS (SELECT 1 FROM person \
                         WHERE person.lane = offer.lane AND person.id = offer.payee AND person.active = 1) \
             ORDER BY created_at DESC, id DESC LIMIT $6",
            &[
                Value::text(filter.category.map_or("", Word::word)),
                Value::Int(filter.price_minor.0),
                Value::Int(filter.price_minor.1),
                Value::Int(filter.session_minutes.0),
                Value::Int(filter.session_minutes.1),
                count(limit),
            ],
        )
    }

    /// Active teachers, newest first, at most [`COUNT_MAX`]; with a category those who offer in it.
    pub fn listed_teachers(&mut self, category: Option<Category>) -> Result<Vec<ListedTeacher>, Fault> {
        let rows = self.rows(
            "SELECT t.id, p.full_name, t.qualification, t.teaching_languages, t.bio \
             FROM teacher_profile t JOIN person p ON p.lane = t.lane AND p.id = t.id \
             WHERE p.active = 1 AND ($1 = '' OR EXISTS (SELECT 1 FROM offer o \
                 WHERE o.lane = t.lane AND o.payee = t.id AND o.category = $1 AND o.state = 'active')) \
             ORDER BY t.created_at DESC, t.id DESC LIMIT $2",
            &[Value::text(category.map_or("", Word::word)), count(COUNT_MAX)],
        )?;
        rows.into_iter()
            .map(|mut row| {
                Ok(ListedTeacher {
                    id: PersonId(row.int()?),
                    full_name: row.text()?,
                    qualification: row.text()?,
                    teaching_languages: row.text()?,
                    bio: row.text()?,
                })
            })
            .collect()
    }

    /// Whom alerts and requests concern: the administrators, oldest first.
    pub fn admins(&mut self, limit: usize) -> Result<Vec<Person>, Fault> {
        self.select("WHERE admin = 1 AND active = 1 ORDER BY created_at, id LIMIT $1", &[count(limit)])
    }

    /// Everybody, newest first, after a row of the list.
    pub fn people_after(
        &mut self,
        after: Option<(Timestamp, i64)>,
        limit: usize,
    ) -> Result<Vec<Known>, Fault> {
        let (created_at, id) = after.unwrap_or((Timestamp::FAR_FUTURE, 0));
        let sql = format!(
            "SELECT {} {KNOWN} WHERE (p.created_at, p.id) < ($1, $2) \
             ORDER BY p.created_at DESC, p.id DESC LIMIT $3",
            Known::columns()
        );
        let rows = self.rows(&sql, &[Value::Int(created_at.0), Value::Int(id), count(limit)])?;
        rows.into_iter().map(|mut row| Known::get(&mut row)).collect()
    }

    /// How many people there are, counted up to one more than [`COUNT_MAX`].
    pub fn count_people(&mut self) -> Result<usize, Fault> {
        let sql = "SELECT CAST(count(*) AS BIGINT) FROM \
                   (SELECT id FROM person ORDER BY created_at DESC, id DESC LIMIT $1) AS newest";
        let mut rows = self.rows(sql, &[count(COUNT_MAX + 1)])?;
        let counted = rows.first_mut().map_or(Ok(0), crate::engine::Row::int)?;
        Ok(usize::try_from(counted).expect("counts are not negative"))
    }
}

fn count(limit: usize) -> Value {
    Value::Int(i64::try_from(limit).expect("limits are small"))
}

fn exported(filter: &ExportFilter) -> [Value; 6] {
    let (at, id) = filter.after.unwrap_or((Timestamp(i64::MIN), i64::MIN));
    let kind = Value::text(filter.kind.map_or("", Word::word));
    let [from, until, at, id] = [filter.from.0, filter.until.0, at.0, id].map(Value::Int);
    [from, until, at, id, kind, count(filter.limit)]
}

fn due(now: Timestamp, limit: usize) -> [Value; 2] {
    [Value::Int(now.0), count(limit)]
}

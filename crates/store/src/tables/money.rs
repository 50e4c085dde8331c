//! Payments, operations, refunds, cards and balances.

use domain::id::{Id, Lane, PersonId};
use domain::ledger::{AccountKey, Balance};
use domain::records::{
    Amounts, Card, Customer, Op, OpeningKey, Payment, Quote, Refund, Rollup, RollupDelta, RollupKey,
    RollupOpening, RollupTotal, TotalKey, Word,
};
use domain::rows::Record;

use super::{Stored, found_by_id, found_by_values, table};
use crate::engine::Value;

table!(Payment, "payment", key 2, {
    int id, text kind, int payer, int payee, int booking, int offer, text currency = quote.currency,
    int list_minor = quote.list_minor, int discount_minor = quote.discount_minor,
    int base_minor = quote.base_minor, int fee_minor = quote.fee_minor,
    int subsidy_minor = quote.subsidy_minor, int total_minor = quote.total_minor,
    int share_minor = quote.share_minor, int hourly_minor, text state, text gateway, int op, text reference, text card_brand,
    text card_last_four, int used_saved_card, text failure, int captured_minor, int refunded_minor,
    int refund_reserved_minor, int paid_at, int released_at, int wake_at, int created_at, int updated_at,
} build Payment {
    id, kind, payer, payee, booking, offer,
    quote: Quote {
        currency, list_minor, discount_minor, base_minor, fee_minor, subsidy_minor, total_minor, share_minor,
    },
    hourly_minor, state, gateway, op, reference, card_brand, card_last_four, used_saved_card, failure, captured_minor,
    refunded_minor, refund_reserved_minor, paid_at, released_at, wake_at, created_at, updated_at,
});
found_by_id!(Payment);

table!(Op, "op", key 2, {
    int id, text kind, int payment, int refund, int payer, text gateway, int amount_minor = amount.minor,
    text currency = amount.currency, text customer, text method, text confirmer, int action_allowed,
    text state, int cancel_wanted, text reference, text movement, int fence, int lease_until,
    int first_sent_at, int tries, int deadline, int wake_at, text error, text decline_code,
    text error_message, int created_at, int updated_at,
} build {
    let currency: domain::money::Currency = currency;
    Op {
        id, kind, payment, refund, payer, gateway, amount: currency.minor(amount_minor), customer, method,
        confirmer, action_allowed, state, cancel_wanted, reference, movement, fence, lease_until,
        first_sent_at, tries, deadline, wake_at, error, decline_code, error_message, created_at, updated_at,
    }
});
found_by_id!(Op, group "payment");

table!(Refund, "refund", key 2, {
    int id, int payment, int payer, int booking, int requested_by, text cause, text reason,
    int amount_minor, int fee_minor, int share_minor, int subsidy_minor, int from_pending_minor,
    int from_available_minor, text currency, text state, int op, text failure,
    text admin_notes, int reviewed_by, int reviewed_at, int processed_at, int created_at, int updated_at,
});
found_by_id!(Refund, group "payment");

table!(Card, "card", key 2, {
    int id, int person, text gateway, text customer, text token, text brand, text last_four, int exp_month,
    int exp_year, int is_default, int active, int created_at, int updated_at,
});
found_by_id!(Card, group "person");

table!(Customer, "customer", key 3, { int person, text gateway, text reference, int created_at });

found_by_values!(Customer, (PersonId, String), |(person, gateway)| vec![
    Value::Int(person.lane().number()),
    Value::Int(person.raw()),
    Value::text(gateway.as_str()),
]);

table!(Rollup, "rollup", key 6, {
    text measure = key.measure, int day = key.day, text kind = key.kind, text currency = key.currency,
    text label = key.label, int number = amounts.number, int total_minor = amounts.total_minor,
    int base_minor = amounts.base_minor, int fee_minor = amounts.fee_minor,
    int share_minor = amounts.share_minor, int hourly_minor = amounts.hourly_minor,
    int rated = amounts.rated,
} build Rollup {
    key: RollupKey { measure, day, kind, currency, label },
    amounts: Amounts { number, total_minor, base_minor, fee_minor, share_minor, hourly_minor, rated },
});
found_by_values!(Rollup, RollupKey, |key| vec![
    Value::Int(Rollup::LANE.number()),
    Value::text(key.measure.word()),
    Value::Int(key.day),
    Value::text(key.kind.word()),
    Value::text(key.currency.code()),
    Value::text(key.label.as_str()),
]);

table!(RollupTotal, "rollup_total", key 6, {
    text measure = key.measure, text label = key.label, text part = key.part, text kind = key.kind,
    text currency = key.currency, int last_day, int number = amounts.number,
    int total_minor = amounts.total_minor, int base_minor = amounts.base_minor,
    int fee_minor = amounts.fee_minor, int share_minor = amounts.share_minor,
    int hourly_minor = amounts.hourly_minor, int rated = amounts.rated,
} build RollupTotal {
    key: TotalKey { measure, label, part, kind, currency },
    last_day,
    amounts: Amounts { number, total_minor, base_minor, fee_minor, share_minor, hourly_minor, rated },
});
found_by_values!(RollupTotal, TotalKey, total_values);

table!(RollupOpening, "rollup_opening", key 7, {
    text measure = key.total.measure, text label = key.total.label, text part = key.total.part,
    text kind = key.total.kind, text currency = key.total.currency, int day = key.day,
    int number = amounts.number, int total_minor = amounts.total_minor, int base_minor = amounts.base_minor,
    int fee_minor = amounts.fee_minor, int share_minor = amounts.share_minor,
    int hourly_minor = amounts.hourly_minor, int rated = amounts.rated,
} build RollupOpening {
    key: OpeningKey { total: TotalKey { measure, label, part, kind, currency }, day },
    amounts: Amounts { number, total_minor, base_minor, fee_minor, share_minor, hourly_minor, rated },
});
found_by_values!(RollupOpening, OpeningKey, |key| {
    let mut values = total_values(&key.total);
    values.push(Value::Int(key.day));
    values
});

fn total_values(key: &TotalKey) -> Vec<Value> {
    vec![
        Value::Int(Rollup::LANE.number()),
        Value::text(key.measure.word()),
        Value::text(key.label.as_str()),
        Value::text(key.part.as_str()),
        Value::text(key.kind.word()),
        Value::text(key.currency.code()),
    ]
}

table!(RollupDelta, "rollup_delta", key 2, { int id, text body });
found_by_id!(RollupDelta);

impl crate::engine::Table for Balance {
    const NAME: &'static str = "balance";
    const COLUMNS: &'static [crate::engine::Column] = {
        use crate::engine::Column;
        &[
            Column::int("lane"),
            Column::text("account"),
            Column::int("owner"),
            Column::text("currency"),
            Column::int("posted_minor"),
            Column::int("pending_minor"),
            Column::int("postings"),
        ]
    };
    const KEY: usize = 4;

    fn put(&self, out: &mut Vec<Value>) {
        out.extend(Balance::key_values(&self.key));
        out.extend([self.posted_minor, self.pending_minor, self.postings].map(Value::Int));
    }

    fn get(row: &mut crate::engine::Row) -> Result<Self, crate::engine::Fault> {
        use super::fields::Field;
        let lane = Lane::of_id(row.int()?);
        let (account, owner, currency) = (row.text()?, row.int()?, Field::get(row)?);
        let key = AccountKey { lane, account, owner, currency };
        Ok(Balance { key, posted_minor: row.int()?, pending_minor: row.int()?, postings: row.int()? })
    }
}

found_by_values!(Balance, AccountKey, |key| vec![
    Value::Int(key.lane.number()),
    Value::text(key.account.as_str()),
    Value::Int(key.owner),
    Value::text(key.currency.code()),
]);

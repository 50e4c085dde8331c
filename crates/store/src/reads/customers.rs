//! People as gateways know them, with what they have paid: the administrators' list (a listed fan-out).

use std::collections::BTreeMap;

use domain::id::{Id, PersonId};
use domain::money::Currency;
use domain::records::{Card, Customer, Person};
use domain::time::Timestamp;

use super::{COUNT_MAX, Reads};
use crate::engine::{Fault, Row, Value};

/// Which customers are listed.
#[derive(Clone, Debug)]
pub struct CustomerFilter {
    pub gateway: Option<String>,
    pub person: Option<PersonId>,
    /// Only what is older than this row.
    pub before: Option<(Timestamp, i64)>,
    pub limit: usize,
}

/// A customer with what is shown beside him.
#[derive(Clone, Debug)]
pub struct CustomerParts {
    pub customer: Customer,
    pub person: Option<Person>,
    /// Saved cards at this gateway that are in use.
    pub cards: Vec<Card>,
    /// What he has paid there, by currency.
    pub paid: Vec<Paid>,
}

/// Sums of a payer's payments in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paid {
    pub currency: Currency,
    /// Of any state.
    pub payments: i64,
    pub captured_minor: i64,
    pub refunded_minor: i64,
    pub last_at: Timestamp,
}

impl CustomerFilter {
    fn terms(&self) -> (String, Vec<Value>) {
        let (before_at, before_id) = self.before.unwrap_or((Timestamp(i64::MAX), i64::MAX));
        let mut params = [before_at.0, before_id].map(Value::Int).to_vec();
        let mut terms = "(created_at, person) < ($1, $2)".to_string();
        if let Some(gateway) = &self.gateway {
            params.push(Value::text(gateway.as_str()));
            terms = format!("{terms} AND gateway = ${}", params.len());
        }
        if let Some(person) = self.person {
            params.extend([person.lane().number(), person.raw()].map(Value::Int));
            terms = format!("{terms} AND lane = ${} AND person = ${}", params.len() - 1, params.len());
        }
        (terms, params)
    }
}

impl Reads<'_> {
    /// Newest first by `(created_at, person)`.
    pub fn customers(&mut self, filter: &CustomerFilter) -> Result<Vec<Customer>, Fault> {
        let (terms, mut params) = filter.terms();
        params.push(count(filter.limit));
        let limit = params.len();
        let rest = format!("WHERE {terms} ORDER BY created_at DESC, person DESC LIMIT ${limit}");
        self.select(&rest, &params)
    }

    /// How many there are, wherever the page begins, counted up to one more than [`COUNT_MAX`].
    pub fn count_customers(&mut self, filter: &CustomerFilter) -> Result<usize, Fault> {
        let (terms, mut params) = CustomerFilter { before: None, ..filter.clone() }.terms();
        params.push(count(COUNT_MAX + 1));
        let limit = params.len();
        let sql = format!(
            "SELECT CAST(count(*) AS BIGINT) FROM (SELECT person FROM customer WHERE {terms} \
             ORDER BY created_at DESC, person DESC LIMIT ${limit}) AS newest"
        );
        let counted = self.rows(&sql, &params)?.first_mut().map_or(Ok(0), Row::int)?;
        Ok(usize::try_from(counted).expect("counts are not negative"))
    }

    /// What is shown beside customers, in the same order: one statement a table, whatever their number.
    pub fn customer_parts(&mut self, customers: Vec<Customer>) -> Result<Vec<CustomerParts>, Fault> {
        let ids: Vec<PersonId> = customers.iter().map(|customer| customer.person).collect();
        let people: BTreeMap<PersonId, Person> =
            self.find_many::<Person>(&ids)?.into_iter().map(|person| (person.id, person)).collect();
        let cards: Vec<Card> = self.of_many::<Card>(&ids)?;
        let mut paid = self.paid(&ids)?;
        let parts = |customer: Customer| {
            let own = |card: &&Card| {
                card.person == customer.person && card.gateway == customer.gateway && card.active
            };
            let mut own: Vec<Card> = cards.iter().filter(own).cloned().collect();
            own.sort_by_key(|card| (!card.is_default, card.id));
            CustomerParts {
                person: people.get(&customer.person).cloned(),
                cards: own,
                paid: paid.remove(&(customer.person, customer.gateway.clone())).unwrap_or_default(),
                customer,
            }
        };
        Ok(customers.into_iter().map(parts).collect())
    }

    fn paid(&mut self, payers: &[PersonId]) -> Result<BTreeMap<(PersonId, String), Vec<Paid>>, Fault> {
        let mut sums = BTreeMap::<_, Vec<Paid>>::new();
        if payers.is_empty() {
            return Ok(sums);
        }
        let params: Vec<Value> = payers.iter().map(|id| Value::Int(id.raw())).collect();
        let places: Vec<String> = (1..=params.len()).map(|place| format!("${place}")).collect();
        let sql = format!(
            "SELECT payer, gateway, currency, CAST(count(*) AS BIGINT), CAST(sum(captured_minor) AS BIGINT), \
             CAST(sum(refunded_minor) AS BIGINT), max(created_at) FROM payment WHERE payer IN ({}) \
             GROUP BY payer, gateway, currency ORDER BY payer, gateway, currency",
            places.join(", ")
        );
        for mut row in self.rows(&sql, &params)? {
            let key = (PersonId::from_raw(row.int()?), row.text()?);
            let code = row.text()?;
            let currency = Currency::parse(&code).ok_or_else(|| row.corrupt("a currency"))?;
            let paid = Paid {
                currency,
                payments: row.int()?,
                captured_minor: row.int()?,
                refunded_minor: row.int()?,
                last_at: Timestamp(row.int()?),
            };
            sums.entry(key).or_default().push(paid);
        }
        Ok(sums)
    }
}

fn count(limit: usize) -> Value {
    Value::Int(i64::try_from(limit).expect("limits are small"))
}

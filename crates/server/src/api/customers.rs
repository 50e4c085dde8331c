//! Gateway customers as administrators see them: the gateway's id, masked cards, what was paid.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::routing::get;
use axum::{Json, Router};
use domain::id::Id;
use domain::records::{Card, Customer};
use serde::{Deserialize, Serialize};
use store::reads::COUNT_MAX;
use store::reads::customers::{CustomerFilter, CustomerParts, Paid};
use utoipa::{IntoParams, OpenApi, ToSchema};

use crate::app::App;
use crate::http::caller::Admin;
use crate::http::json::{Instant, MoneyNumber};
use crate::http::page::{Cursor, ListQuery, link_next, next_after};
use crate::http::{Problem, Query};

/// The route of this file under one of its mounts.
pub fn routes(prefix: &str) -> Router<App> {
    Router::new().route(&format!("{prefix}/admin/customers"), get(list_customers))
}

/// Documentation of this file.
pub fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(list_customers))]
    struct Document;
    Document::openapi()
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct CustomerQuery {
    /// Such as `sandbox`
    gateway: Option<String>,
    /// UUID of one person
    user: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct Customers {
    /// Counted up to 10,000
    count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    count_exact: Option<bool>,
    /// Address of the next page
    next: Option<String>,
    results: Vec<CustomerRow>,
}

#[derive(Serialize, ToSchema)]
struct CustomerRow {
    /// UUID of the person
    id: String,
    email: String,
    full_name: String,
    gateway: String,
    /// The gateway's own id
    customer_id: String,
    cards: Vec<MaskedCard>,
    /// One a currency
    payments: Vec<PaidRow>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Instant,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Instant,
}

#[derive(Serialize, ToSchema)]
struct MaskedCard {
    id: i64,
    brand: String,
    /// `****4242`
    number: String,
    exp_month: i64,
    exp_year: i64,
    is_default: bool,
}

#[derive(Serialize, ToSchema)]
struct PaidRow {
    currency: String,
    /// Of any state
    count: i64,
    captured_cents: i64,
    #[schema(value_type = f64)]
    captured_dollars: MoneyNumber,
    refunded_cents: i64,
    #[schema(value_type = f64)]
    refunded_dollars: MoneyNumber,
    #[schema(value_type = String, format = DateTime)]
    last_payment_at: Instant,
}

/// People as gateways know them, newest first.
#[utoipa::path(
    get, path = "/api/payments/admin/customers/", tag = "admin", security(("bearer" = [])),
    params(CustomerQuery, ListQuery),
    responses(
        (status = 200, body = Customers),
        crate::http::openapi::Refused,
    ),
)]
async fn list_customers(
    State(app): State<App>,
    _: Admin,
    uri: Uri,
    Query(query): Query<CustomerQuery>,
    Query(list): Query<ListQuery>,
) -> Result<(HeaderMap, Json<Customers>), Problem> {
    let window = list.window()?;
    let limit = usize::try_from(window.limit).expect("at most 500");
    let person = match query.user.filter(|uuid| !uuid.is_empty()) {
        None => None,
        Some(uuid) => {
            let found = app.db.read(move |reads| reads.id_of_uuid(&uuid)).await?;
            Some(found.ok_or_else(|| Problem::field("user", "is nobody's id"))?)
        }
    };
    let filter = CustomerFilter {
        gateway: query.gateway.filter(|gateway| !gateway.is_empty()),
        person,
        before: window.after.map(|cursor| (cursor.created_at, cursor.id)),
        limit: limit + 1,
    };
    let read = app.db.read(move |reads| {
        let mut customers = reads.customers(&filter)?;
        let more = customers.len() > limit;
        customers.truncate(limit);
        Ok((reads.count_customers(&filter)?, more, reads.customer_parts(customers)?))
    });
    let (count, more, parts) = read.await?;
    let last = parts.last().filter(|_| more).map(|parts| cursor(&parts.customer));
    let headers = last.map_or_else(HeaderMap::new, |last| link_next(&uri, last));
    let answer = Customers {
        count: count.min(COUNT_MAX),
        count_exact: (count > COUNT_MAX).then_some(false),
        next: last.map(|last| next_after(&app.config.public_url(), &uri, last)),
        results: parts.into_iter().map(row).collect(),
    };
    Ok((headers, Json(answer)))
}

fn cursor(customer: &Customer) -> Cursor {
    Cursor { created_at: customer.created_at, id: customer.person.raw() }
}

fn row(parts: CustomerParts) -> CustomerRow {
    let CustomerParts { customer, person, cards, paid } = parts;
    let (id, email, full_name) =
        person.map(|person| (person.uuid, person.email, person.full_name)).unwrap_or_default();
    // A card saved later is the newest that has happened to it here.
    let updated_at = cards.iter().map(|card| card.updated_at).fold(customer.created_at, Ord::max);
    CustomerRow {
        id,
        email,
        full_name,
        gateway: customer.gateway,
        customer_id: customer.reference,
        cards: cards.into_iter().map(masked).collect(),
        payments: paid.iter().map(paid_row).collect(),
        created_at: Instant(customer.created_at),
        updated_at: Instant(updated_at),
    }
}

fn masked(card: Card) -> MaskedCard {
    MaskedCard {
        id: card.id.raw(),
        number: format!("****{}", card.last_four),
        brand: card.brand,
        exp_month: card.exp_month,
        exp_year: card.exp_year,
        is_default: card.is_default,
    }
}

fn paid_row(paid: &Paid) -> PaidRow {
    PaidRow {
        currency: paid.currency.code().to_owned(),
        count: paid.payments,
        captured_cents: paid.captured_minor,
        captured_dollars: MoneyNumber(paid.currency.minor(paid.captured_minor)),
        refunded_cents: paid.refunded_minor,
        refunded_dollars: MoneyNumber(paid.currency.minor(paid.refunded_minor)),
        last_payment_at: Instant(paid.last_at),
    }
}

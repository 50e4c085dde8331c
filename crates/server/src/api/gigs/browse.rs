//! Browsing active gigs. Filters that make no sense are ignored, as the web client expects.

use std::cmp::Reverse;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use domain::id::{Id, PersonId};
use domain::money::{Currency, MONEY_MAX, Money};
use domain::records::{Category, Offer, OfferState, Word};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::engine::Fault;
use store::reads::{OfferFilter, Reads};
use utoipa::{IntoParams, ToSchema};

use super::own::shown;
use super::view::Gig;
use crate::app::App;
use crate::http::page::{Cursor, LIMIT_DEFAULT, LIMIT_MAX, link_next};
use crate::http::{Problem, Query};

/// The newest gigs that match; browsing further back needs a narrower filter.
const SCANNED_MAX: usize = 2_000;
const MINUTES_MAX: i64 = 100_000;

/// Everything as text: what cannot be read is ignored.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct BrowseInput {
    /// UUID
    teacher_id: Option<String>,
    category: Option<String>,
    service_type: Option<String>,
    min_price: Option<String>,
    max_price: Option<String>,
    min_duration: Option<String>,
    max_duration: Option<String>,
    search: Option<String>,
    /// `created_at`, `price_per_session` or `session_duration`, with `-` descending
    ordering: Option<String>,
    limit: Option<String>,
    cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct PublicGigs {
    count: usize,
    results: Vec<Gig>,
    /// The filters that were understood
    #[schema(value_type = Object)]
    filters_applied: Map<String, Value>,
}

#[derive(Clone, Copy)]
enum Order {
    Created,
    Price,
    Minutes,
}

/// What was understood of a [`BrowseInput`].
struct Browse {
    teacher: Option<String>,
    service_type: Option<String>,
    filter: OfferFilter,
    words: Vec<String>,
    order: Order,
    descending: bool,
    limit: usize,
    after: Option<Cursor>,
    applied: Map<String, Value>,
}

impl Browse {
    fn read(input: BrowseInput, currency: Currency) -> Browse {
        let mut applied = Map::new();
        let mut apply = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                applied.insert(name.into(), value);
            }
        };
        let text =
            |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let (teacher, service_type, search) =
            (text(input.teacher_id), text(input.service_type), text(input.search));
        let category = input.category.and_then(|word| Category::parse(&word.trim().to_lowercase()));
        let price = |text: Option<String>| Some(Money::parse(text?.trim(), currency).ok()?.minor);
        let minutes =
            |text: Option<String>| text?.trim().parse::<i64>().ok().filter(|n| (0..=MINUTES_MAX).contains(n));
        let (price_min, price_max) = (price(input.min_price), price(input.max_price));
        let (minutes_min, minutes_max) = (minutes(input.min_duration), minutes(input.max_duration));
        let ordering = input.ordering.as_deref().and_then(ordering);
        let amount = |minor: Option<i64>| minor.map(|minor| json!(currency.minor(minor).decimal()));
        apply("teacher_id", teacher.as_ref().map(|text| json!(text)));
        apply("category", category.map(|category| json!(category.word())));
        apply("service_type", service_type.as_ref().map(|text| json!(text)));
        apply("min_price", amount(price_min));
        apply("max_price", amount(price_max));
        apply("min_duration", minutes_min.map(|n| json!(n)));
        apply("max_duration", minutes_max.map(|n| json!(n)));
        apply("search", search.as_ref().map(|text| json!(text)));
        apply("ordering", ordering.and(input.ordering.as_ref()).map(|text| json!(text.trim())));
        let (order, descending) = ordering.unwrap_or((Order::Created, true));
        let limit = input.limit.and_then(|text| text.trim().parse::<u32>().ok()).filter(|n| *n > 0);
        let limit = limit.unwrap_or(LIMIT_DEFAULT).min(LIMIT_MAX);
        Browse {
            teacher,
            service_type: service_type.map(|text| text.to_lowercase()),
            filter: OfferFilter {
                category,
                price_minor: (price_min.unwrap_or(0), price_max.unwrap_or(MONEY_MAX)),
                session_minutes: (minutes_min.unwrap_or(0), minutes_max.unwrap_or(MINUTES_MAX)),
            },
            words: search.map_or_else(Vec::new, |text| words(&text)),
            order,
            descending,
            limit: usize::try_from(limit).expect("at most 500"),
            after: input.cursor.as_deref().and_then(Cursor::decode),
            applied,
        }
    }

    /// Every matching gig, in order.
    fn find(&self, reads: &mut Reads<'_>) -> Result<Vec<Offer>, Fault> {
        let mut offers = match &self.teacher {
            Some(uuid) => match reads.id_of_uuid(uuid)? {
                Some(payee) => self.of_teacher(reads, payee)?,
                None => Vec::new(),
            },
            None => reads.active_offers(&self.filter, SCANNED_MAX)?,
        };
        offers.retain(|offer| self.matches_texts(offer));
        self.sort(&mut offers);
        Ok(offers)
    }

    fn of_teacher(&self, reads: &mut Reads<'_>, payee: PersonId) -> Result<Vec<Offer>, Fault> {
        let active = reads.known(payee)?.is_some_and(|known| known.person.active);
        let OfferFilter { category, price_minor, session_minutes } = &self.filter;
        let mut offers = if active { reads.offers_of(payee)? } else { Vec::new() };
        offers.retain(|offer| {
            offer.state == OfferState::Active
                && category.is_none_or(|category| category == offer.category)
                && (price_minor.0..=price_minor.1).contains(&offer.price_minor)
                && (session_minutes.0..=session_minutes.1).contains(&offer.session_minutes)
        });
        Ok(offers)
    }

    fn matches_texts(&self, offer: &Offer) -> bool {
        let kind = self.service_type.as_ref();
        if kind.is_some_and(|kind| *kind != offer.service_type.to_lowercase()) {
            return false;
        }
        let Offer { title, short_description, full_description, service_type, tags, .. } = offer;
        let text = words(
            &[title, short_description, full_description, service_type, tags].map(String::as_str).join(" "),
        );
        self.words.iter().all(|wanted| text.iter().any(|word| word.starts_with(wanted)))
    }

    fn sort(&self, offers: &mut [Offer]) {
        let key = |offer: &Offer| match self.order {
            Order::Created => offer.created_at.0,
            Order::Price => offer.price_minor,
            Order::Minutes => offer.session_minutes,
        };
        offers.sort_by_key(|offer| Reverse((offer.created_at, offer.id)));
        if self.descending {
            offers.sort_by_key(|offer| Reverse(key(offer)));
        } else {
            offers.sort_by_key(key);
        }
    }
}

fn ordering(text: &str) -> Option<(Order, bool)> {
    let text = text.trim();
    let (name, descending) = match text.strip_prefix('-') {
        Some(name) => (name, true),
        None => (text, false),
    };
    let order = match name {
        "created_at" => Order::Created,
        "price_per_session" => Order::Price,
        "session_duration" => Order::Minutes,
        _ => return None,
    };
    Some((order, descending))
}

/// Lower-case words; a search matches their beginnings.
pub(crate) fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// Active gigs.
#[utoipa::path(
    get, path = "/api/accounts/gigs/public/", tag = "gigs", params(BrowseInput),
    responses(
        (status = 200, body = PublicGigs),
        crate::http::openapi::Refused,
    ),
)]
pub(super) async fn list_public_gigs(
    State(app): State<App>,
    uri: Uri,
    Query(input): Query<BrowseInput>,
) -> Result<(HeaderMap, Json<PublicGigs>), Problem> {
    let mut browse = Browse::read(input, app.policies.currency);
    let applied = std::mem::take(&mut browse.applied);
    let (limit, after) = (browse.limit, browse.after);
    let mut offers = app.db.read(move |reads| browse.find(reads)).await?;
    let count = offers.len();
    let seen = after.and_then(|after| offers.iter().position(|offer| offer.id.raw() == after.id));
    offers.drain(..seen.map_or(0, |at| at + 1));
    let more = offers.len() > limit;
    offers.truncate(limit);
    let last = offers.last().filter(|_| more);
    let last = last.map(|offer| Cursor { created_at: offer.created_at, id: offer.id.raw() });
    let headers = last.map_or_else(HeaderMap::new, |last| link_next(&uri, last));
    let results = shown(&app, offers).await?;
    Ok((headers, Json(PublicGigs { count, results, filters_applied: applied })))
}

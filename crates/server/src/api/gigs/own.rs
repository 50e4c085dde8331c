//! A teacher's own gigs.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::bookings::Actor;
use domain::id::{Id, OfferId};
use domain::money::Currency;
use domain::offers::{ArchiveOffer, CreateOffer, OfferPatch, UpdateOffer};
use domain::records::Offer;
use domain::refusal::Refusal;
use serde::Deserialize;
use utoipa::ToSchema;

use super::view::{CategoryInput, Gig, StatusInput};
use crate::app::App;
use crate::http::caller::{Caller, Teacher};
use crate::http::json::{FreeText, MoneyText};
use crate::http::{Body, Problem};

/// What may be said about a gig; a new one needs category, title, price and duration.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "category": "language", "service_type": "Conversation", "service_title": "Spanish conversation",
    "short_description": "Talk", "full_description": "Talk a lot", "price_per_session": "50.00",
    "session_duration": 60, "tags": ["spanish"], "what_you_provide_in_session": "Texts", "status": "active",
}))]
pub(super) struct GigInput {
    category: Option<CategoryInput>,
    #[schema(value_type = Option<String>, max_length = 100)]
    service_type: Option<FreeText>,
    #[schema(value_type = Option<String>, max_length = 200)]
    service_title: Option<FreeText>,
    #[schema(value_type = Option<String>, max_length = 300)]
    short_description: Option<FreeText>,
    #[schema(value_type = Option<String>)]
    full_description: Option<FreeText>,
    /// 0.50 to 999999.99, number or string
    #[schema(value_type = Option<String>)]
    price_per_session: Option<MoneyText>,
    /// Minutes, 5 to 720
    session_duration: Option<i64>,
    tags: Option<Vec<String>>,
    #[schema(value_type = Option<String>)]
    what_you_provide_in_session: Option<FreeText>,
    status: Option<StatusInput>,
}

impl GigInput {
    fn patch(self, currency: Currency) -> Result<OfferPatch, Problem> {
        let price =
            self.price_per_session.map(|text| text.money("price_per_session", currency)).transpose()?;
        Ok(OfferPatch {
            category: self.category.map(Into::into),
            service_type: self.service_type.map(Into::into),
            title: self.service_title.map(Into::into),
            short_description: self.short_description.map(Into::into),
            full_description: self.full_description.map(Into::into),
            price_minor: price.map(|price| price.minor),
            session_minutes: self.session_duration,
            tags: self.tags,
            session_contents: self.what_you_provide_in_session.map(Into::into),
            state: self.status.map(Into::into),
        })
    }
}

/// PUT: what is not said is empty, what cannot be empty must be said. The state stays.
fn whole(patch: OfferPatch) -> Result<OfferPatch, Problem> {
    let missing = [
        ("category", patch.category.is_none()),
        ("service_title", patch.title.is_none()),
        ("price_per_session", patch.price_minor.is_none()),
        ("session_duration", patch.session_minutes.is_none()),
    ];
    let missing = missing.into_iter().filter(|(_, missing)| *missing);
    let missing = missing.map(|(field, _)| (field.to_owned(), vec!["is required".to_owned()]));
    let missing: std::collections::BTreeMap<_, _> = missing.collect();
    if !missing.is_empty() {
        return Err(Problem::validation(&missing));
    }
    Ok(OfferPatch {
        service_type: patch.service_type.or_else(|| Some(String::new())),
        short_description: patch.short_description.or_else(|| Some(String::new())),
        full_description: patch.full_description.or_else(|| Some(String::new())),
        session_contents: patch.session_contents.or_else(|| Some(String::new())),
        tags: patch.tags.or_else(|| Some(Vec::new())),
        ..patch
    })
}

/// The gig as its owner, or an administrator, sees it.
pub(super) async fn find(app: &App, caller: &Caller, id: &str) -> Result<Offer, Problem> {
    let id = parse(id)?;
    let offer = app.db.read(move |reads| reads.offer(id)).await?;
    let mine = |offer: &Offer| offer.payee == caller.person.id || caller.person.admin;
    offer.filter(mine).ok_or_else(Problem::not_found)
}

/// A positive integer, else 404.
pub(super) fn parse(id: &str) -> Result<OfferId, Problem> {
    let id = id.parse::<i64>().ok().filter(|id| (1..=domain::id::ID_MAX).contains(id));
    id.map(OfferId::from_raw).ok_or_else(Problem::not_found)
}

pub(super) async fn shown(app: &App, offers: Vec<Offer>) -> Result<Vec<Gig>, Problem> {
    let offered = app.db.read(move |reads| reads.with_teachers(offers)).await?;
    Ok(offered.into_iter().map(|offered| Gig::of(offered, &app.policies)).collect())
}

async fn show(app: &App, offer: Offer) -> Result<Json<Gig>, Problem> {
    let gig = shown(app, vec![offer]).await?.pop();
    Ok(Json(gig.ok_or_else(Problem::not_found)?))
}

/// My gigs, newest first.
#[utoipa::path(
    get, path = "/api/accounts/gigs/", tag = "gigs", security(("bearer" = [])),
    responses(
        (status = 200, body = Vec<Gig>),
        crate::http::openapi::Refused,
    ),
)]
pub(super) async fn list_gigs(
    State(app): State<App>,
    Teacher(caller): Teacher,
) -> Result<Json<Vec<Gig>>, Problem> {
    let payee = caller.person.id;
    let offers = app.db.read(move |reads| reads.offers_of(payee)).await?;
    Ok(Json(shown(&app, offers).await?))
}

/// Offer something new.
#[utoipa::path(
    post, path = "/api/accounts/gigs/", tag = "gigs", security(("bearer" = [])), request_body = GigInput,
    responses(
        (status = 201, body = Gig),
        (status = 409, body = crate::http::openapi::ProblemSchema, content_type = "application/problem+json"),
        crate::http::openapi::Refused,
    ),
)]
pub(super) async fn create_gig(
    State(app): State<App>,
    Teacher(caller): Teacher,
    body: Body<GigInput>,
) -> Result<(StatusCode, Json<Gig>), Problem> {
    if !caller.teacher {
        // An administrator passes the role's check, but a gig needs a teacher.
        let refusal = Refusal::TeacherRequired;
        return Err(Problem::bad_request(refusal.code(), refusal.to_string()));
    }
    let offer = body.value.patch(app.policies.currency)?;
    let offer = app.db.submit(CreateOffer { payee: caller.person.id, offer }).await?;
    Ok((StatusCode::CREATED, show(&app, offer).await?))
}

/// One of my gigs.
#[utoipa::path(
    get, path = "/api/accounts/gigs/{id}/", tag = "gigs", security(("bearer" = [])),
    params(("id" = i64, Path)),
    responses(
        (status = 200, body = Gig),
        crate::http::openapi::Refused,
    ),
)]
pub(super) async fn get_gig(
    State(app): State<App>,
    Teacher(caller): Teacher,
    Path(id): Path<String>,
) -> Result<Json<Gig>, Problem> {
    let offer = find(&app, &caller, &id).await?;
    show(&app, offer).await
}

/// Say everything about a gig anew.
#[utoipa::path(
    put, path = "/api/accounts/gigs/{id}/", tag = "gigs", security(("bearer" = [])),
    params(("id" = i64, Path)), request_body = GigInput,
    responses(
        (status = 200, body = Gig),
        crate::http::openapi::Refused,
    ),
)]
pub(super) async fn replace_gig(
    State(app): State<App>,
    Teacher(caller): Teacher,
    Path(id): Path<String>,
    body: Body<GigInput>,
) -> Result<Json<Gig>, Problem> {
    let offer = find(&app, &caller, &id).await?;
    let patch = whole(body.value.patch(offer.currency)?)?;
    update(&app, offer.id, caller.actor(), patch).await
}

/// Change a gig.
#[utoipa::path(
    patch, path = "/api/accounts/gigs/{id}/", tag = "gigs", security(("bearer" = [])),
    params(("id" = i64, Path)), request_body = Option<GigInput>,
    responses(
        (status = 200, body = Gig),
        crate::http::openapi::Refused,
    ),
)]
pub(super) async fn update_gig(
    State(app): State<App>,
    Teacher(caller): Teacher,
    Path(id): Path<String>,
    body: Body<GigInput>,
) -> Result<Json<Gig>, Problem> {
    let offer = find(&app, &caller, &id).await?;
    let patch = body.value.patch(offer.currency)?;
    update(&app, offer.id, caller.actor(), patch).await
}

async fn update(app: &App, offer: OfferId, actor: Actor, patch: OfferPatch) -> Result<Json<Gig>, Problem> {
    let offer = app.db.submit(UpdateOffer { offer, actor, patch }).await?;
    show(app, offer).await
}

/// Take a gig away; bookings made of it stay.
#[utoipa::path(
    delete, path = "/api/accounts/gigs/{id}/", tag = "gigs", security(("bearer" = [])),
    params(("id" = i64, Path)),
    responses(
        (status = 204),
        crate::http::openapi::Refused,
    ),
)]
pub(super) async fn delete_gig(
    State(app): State<App>,
    Teacher(caller): Teacher,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    app.db.submit(ArchiveOffer { offer: parse(&id)?, actor: caller.actor() }).await?;
    Ok(StatusCode::NO_CONTENT)
}

//! One's own bookings, latest start first.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use domain::id::PersonId;
use domain::records::{BookingState, Word};
use serde::{Deserialize, Serialize};
use store::reads::bookings::{BookingFilter, BookingParts, start_key};
use store::reads::payments::Side;
use utoipa::{IntoParams, ToSchema};

use super::scope::find;
use super::view::{BookingView, Look, render};
use crate::app::App;
use crate::http::caller::Caller;
use crate::http::page::{Cursor, LIMIT_MAX, ListQuery, Window, link_next};
use crate::http::{Problem, Query};

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MyBookingsQuery {
    /// A booking state in either case.
    status: Option<String>,
    /// `student` or `teacher`.
    role: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct MyBookings {
    /// All that match, on whatever page.
    count: i64,
    results: Vec<BookingView>,
}

/// List one's bookings, latest start first.
#[utoipa::path(
    get, path = "/api/bookings/bookings/", tag = "bookings", security(("bearer" = [])),
    params(ListQuery),
    responses(
        (status = 200, body = Vec<BookingView>),
        crate::http::openapi::Refused,
    ),
)]
pub(crate) async fn list_bookings(
    State(app): State<App>,
    caller: Caller,
    uri: Uri,
    Query(list): Query<ListQuery>,
) -> Result<(HeaderMap, Json<Vec<BookingView>>), Problem> {
    let filter = everything(caller.person.id, list.window()?);
    let limit = filter.limit;
    let page = app.db.read(move |reads| {
        let bookings = reads.bookings(&filter)?;
        reads.booking_parts(bookings)
    });
    let page = page.await?;
    Ok((link(&uri, &page, limit), Json(rendered(&page, &Look::of(&app, caller.person.id)))))
}

/// List one's bookings by state and role, with their number.
#[utoipa::path(
    get, path = "/api/bookings/bookings/my/", tag = "bookings", security(("bearer" = [])),
    params(
        MyBookingsQuery,
        ("limit" = Option<i64>, Query, description = "500 unless given, which is the most"),
        ("cursor" = Option<String>, Query, description = "from the Link header of the page before"),
    ),
    responses(
        (status = 200, body = MyBookings),
        crate::http::openapi::Refused,
    ),
)]
pub(crate) async fn my_bookings(
    State(app): State<App>,
    caller: Caller,
    uri: Uri,
    Query(query): Query<MyBookingsQuery>,
    Query(list): Query<ListQuery>,
) -> Result<(HeaderMap, Json<MyBookings>), Problem> {
    let filter = BookingFilter {
        side: side(query.role.as_deref())?,
        states: states(&app, query.status.as_deref())?,
        ..everything(caller.person.id, list.window_of(LIMIT_MAX)?)
    };
    let limit = filter.limit;
    let found = app.db.read(move |reads| {
        let count = reads.count_bookings(&filter)?;
        let bookings = reads.bookings(&filter)?;
        Ok((count, reads.booking_parts(bookings)?))
    });
    let (count, page) = found.await?;
    let results = rendered(&page, &Look::of_my(&app, caller.person.id));
    Ok((link(&uri, &page, limit), Json(MyBookings { count, results })))
}

/// One booking of one's own.
#[utoipa::path(
    get, path = "/api/bookings/bookings/{id}/", tag = "bookings", security(("bearer" = [])),
    params(("id" = i64, Path)),
    responses(
        (status = 200, body = BookingView),
        crate::http::openapi::Refused,
    ),
)]
pub(crate) async fn get_booking(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<BookingView>, Problem> {
    let found = find(&app, &caller.person, &id).await?;
    Ok(Json(render(&found.parts, &Look::of(&app, caller.person.id))))
}

fn everything(person: PersonId, window: Window) -> BookingFilter {
    let limit = usize::try_from(window.limit).expect("at most 500");
    let before = window.after.map(|cursor| (cursor.created_at, cursor.id));
    BookingFilter { person, side: None, states: Vec::new(), before, limit }
}

fn side(role: Option<&str>) -> Result<Option<Side>, Problem> {
    match role.map(str::to_ascii_lowercase).as_deref() {
        None | Some("") => Ok(None),
        Some("student") => Ok(Some(Side::Payer)),
        Some("teacher" | "instructor") => Ok(Some(Side::Payee)),
        Some(_) => Err(Problem::field("role", "must be student or teacher")),
    }
}

/// Whoever sees completed sessions as confirmed also finds them so.
fn states(app: &App, status: Option<&str>) -> Result<Vec<BookingState>, Problem> {
    let Some(status) = status.filter(|status| !status.is_empty()) else { return Ok(Vec::new()) };
    match BookingState::parse(&status.to_ascii_lowercase()) {
        Some(BookingState::Confirmed) if app.config.compat.completed_as_confirmed => {
            Ok(vec![BookingState::Confirmed, BookingState::Completed])
        }
        Some(state) => Ok(vec![state]),
        None => Err(Problem::field("status", "must be one of: pending, confirmed, completed, cancelled")),
    }
}

fn rendered(page: &[BookingParts], look: &Look) -> Vec<BookingView> {
    page.iter().map(|parts| render(parts, look)).collect()
}

/// The cursor carries the start, which is what these lists are ordered by.
fn link(uri: &Uri, page: &[BookingParts], limit: usize) -> HeaderMap {
    let last = page.last().filter(|_| page.len() == limit).map(|parts| &parts.booking);
    let cursor = last.map(|booking| Cursor { created_at: start_key(booking), id: booking.id.0 });
    cursor.map(|cursor| link_next(uri, cursor)).unwrap_or_default()
}

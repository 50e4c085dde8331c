//! The list of teachers, for everybody.

use axum::extract::State;
use axum::http::Uri;
use axum::routing::get;
use axum::{Json, Router};
use domain::id::PersonId;
use domain::records::{Category, Person, TeacherProfile, Word};
use serde::{Deserialize, Serialize};
use store::engine::Fault;
use store::reads::{ListedTeacher, Reads};
use utoipa::{IntoParams, OpenApi, ToSchema};

use super::gigs::words;
use super::people::TeacherDetails;
use crate::app::App;
use crate::http::json::Instant;
use crate::http::page::PageQuery;
use crate::http::{Problem, Query};

const PAGE_SIZE: u32 = 10;

/// The routes of this file.
pub fn routes() -> Router<App> {
    Router::new().route("/api/accounts/teachers", get(list_teachers))
}

/// Documentation of this file.
pub fn document() -> utoipa::openapi::OpenApi {
    #[derive(OpenApi)]
    #[openapi(paths(list_teachers))]
    struct Document;
    Document::openapi()
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct TeacherFilter {
    /// `language`, `astrology` or `general`; anything else is ignored
    gig_category: Option<String>,
    search: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct TeacherView {
    #[serde(flatten)]
    details: TeacherDetails,
    /// IANA name
    time_zone: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Instant,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Instant,
}

#[derive(Serialize, ToSchema)]
struct Teachers {
    count: usize,
    next: Option<String>,
    previous: Option<String>,
    results: Vec<TeacherView>,
}

/// Teachers, newest first.
#[utoipa::path(
    get, path = "/api/accounts/teachers/", tag = "people",
    params(
        TeacherFilter,
        ("page" = Option<i64>, Query),
        ("page_size" = Option<i64>, Query, description = "10, at most 100"),
    ),
    responses(
        (status = 200, body = Teachers),
        crate::http::openapi::Refused,
    ),
)]
async fn list_teachers(
    State(app): State<App>,
    uri: Uri,
    Query(filter): Query<TeacherFilter>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Teachers>, Problem> {
    let page = page.page(PAGE_SIZE)?;
    let (skip, size) = (usize::try_from(page.skip()).unwrap_or(usize::MAX), page.size as usize);
    let read = app.db.read(move |reads| {
        let listed = matching(reads, &filter)?;
        let ids: Vec<PersonId> = listed.iter().skip(skip).take(size).map(|teacher| teacher.id).collect();
        Ok((listed.len(), in_full(reads, &ids)?))
    });
    let (count, teachers) = read.await?;
    let neighbours = page.neighbours(&app.config.public_url(), &uri, count as u64);
    let view = |(person, teacher): &(Person, TeacherProfile)| TeacherView {
        details: TeacherDetails::of(person, Some(teacher), app.policies.currency),
        time_zone: teacher.time_zone.clone(),
        created_at: Instant(teacher.created_at),
        updated_at: Instant(teacher.updated_at),
    };
    let results = teachers.iter().map(view).collect();
    Ok(Json(Teachers { count, next: neighbours.next, previous: neighbours.previous, results }))
}

fn matching(reads: &mut Reads<'_>, filter: &TeacherFilter) -> Result<Vec<ListedTeacher>, Fault> {
    let category =
        filter.gig_category.as_deref().and_then(|word| Category::parse(&word.trim().to_lowercase()));
    let wanted = words(filter.search.as_deref().unwrap_or_default());
    let mut listed = reads.listed_teachers(category)?;
    if !wanted.is_empty() {
        listed.retain(|teacher| {
            let ListedTeacher { full_name, qualification, teaching_languages, bio, .. } = teacher;
            let text =
                words(&[full_name, qualification, teaching_languages, bio].map(String::as_str).join(" "));
            wanted.iter().all(|wanted| text.iter().any(|word| word.starts_with(wanted)))
        });
    }
    Ok(listed)
}

/// The page's people with their profiles, in its order.
fn in_full(reads: &mut Reads<'_>, ids: &[PersonId]) -> Result<Vec<(Person, TeacherProfile)>, Fault> {
    let people = reads.find_many::<Person>(ids)?;
    let teachers = reads.find_many::<TeacherProfile>(ids)?;
    let full = ids.iter().filter_map(|id| {
        let person = people.iter().find(|person| person.id == *id)?;
        let teacher = teachers.iter().find(|teacher| teacher.id == *id)?;
        Some((person.clone(), teacher.clone()))
    });
    Ok(full.collect())
}

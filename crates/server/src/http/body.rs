//! Request bodies: JSON, urlencoded and multipart mean the same (contract X-5).

use std::error::Error;
use std::time::Duration;

use axum::body::{Body as RawBody, Bytes};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

use crate::node::{Malformed, Node};

use super::Problem;

/// One MiB; imports and evidence have routes and readers of their own.
pub const BYTES_MAX: usize = 1 << 20;
/// Imports and evidence.
pub const UPLOAD_BYTES_MAX: usize = 10 << 20;
/// A body that trickles in slower than this is an attack.
const READ_MAX: Duration = Duration::from_secs(10);
/// How much of a refused body is read, and for how long.
const DRAIN_BYTES_MAX: usize = 4 << 20;
const DRAIN_MAX: Duration = Duration::from_secs(2);
/// Routes that take uploads, by the ends of their paths.
const UPLOADS: &[&str] = &["/evidence", "/bank-statements"];

/// A typed body and the digest of its content, which idempotency compares.
#[derive(Clone, Debug)]
pub struct Body<T> {
    pub value: T,
    pub digest: [u8; 32],
}

/// The body as a tree, for requests whose shape has to be looked at first (batches).
#[derive(Clone, Debug)]
pub struct Tree(pub Node);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;
    async fn from_request(request: Request, state: &S) -> Result<Body<T>, Problem> {
        let Tree(node) = Tree::from_request(request, state).await?;
        let digest = node.digest();
        let value = node.read()?;
        Ok(Body { value, digest })
    }
}

impl<S: Send + Sync> FromRequest<S> for Tree {
    type Rejection = Problem;
    async fn from_request(request: Request, _: &S) -> Result<Tree, Problem> {
        let (parts, body) = request.into_parts();
        let bytes = read(body, BYTES_MAX).await?;
        let node = match Form::of(&parts.headers) {
            Some(Form::Json) if bytes.iter().all(u8::is_ascii_whitespace) => Node::empty(),
            Some(Form::Json) => Node::from_json(&bytes)?,
            Some(Form::Urlencoded) => {
                Node::from_form(std::str::from_utf8(&bytes).map_err(|_| Malformed::Encoding)?)?
            }
            Some(Form::Multipart) => multipart(Request::from_parts(parts, RawBody::from(bytes))).await?,
            None if bytes.is_empty() => Node::empty(),
            None => {
                let detail = "Send JSON, application/x-www-form-urlencoded or multipart/form-data.";
                return Err(Problem::bad_request("malformed", detail));
            }
        };
        Ok(Tree(node))
    }
}

enum Form {
    Json,
    Urlencoded,
    Multipart,
}

impl Form {
    /// JSON when nothing is said; `None` for something we do not read.
    fn of(headers: &HeaderMap) -> Option<Form> {
        let Some(value) = headers.get(header::CONTENT_TYPE) else {
            return Some(Form::Json);
        };
        let essence = value.to_str().ok()?.split(';').next()?.trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/x-www-form-urlencoded" => Some(Form::Urlencoded),
            "multipart/form-data" => Some(Form::Multipart),
            "application/json" | "text/json" => Some(Form::Json),
            other if other.starts_with("application/") && other.ends_with("+json") => Some(Form::Json),
            _ => None,
        }
    }
}

/// The bytes of a body within its limits.
pub async fn read(body: RawBody, bytes_max: usize) -> Result<Bytes, Problem> {
    let whole = tokio::time::timeout(READ_MAX, axum::body::to_bytes(body, bytes_max)).await;
    let whole =
        whole.map_err(|_| Problem::bad_request("malformed", "The body did not arrive within 10 seconds."))?;
    whole.map_err(|error| {
        let too_long = error.source().is_some_and(|source| source.to_string().contains("length limit"));
        if too_long {
            Problem::too_large()
        } else {
            Problem::bad_request("malformed", "The body ended too early.")
        }
    })
}

async fn multipart(request: Request) -> Result<Node, Problem> {
    let broken = || Problem::bad_request("malformed", "The multipart body cannot be read.");
    let mut form = Multipart::from_request(request, &()).await.map_err(|_| broken())?;
    let mut fields = Vec::new();
    while let Some(field) = form.next_field().await.map_err(|_| broken())? {
        let Some(name) = field.name().map(str::to_owned) else {
            continue;
        };
        let bytes = field.bytes().await.map_err(|_| broken())?;
        let text = String::from_utf8(bytes.into()).map_err(|_| Malformed::Encoding)?;
        fields.push((name, text));
    }
    Ok(Node::from_fields(fields)?)
}

/// 413 before anything else is looked at (contract X-3), from the announced length.
/// Bodies without one are cut off where they are read.
pub(super) async fn refuse_large(request: Request, next: Next) -> Response {
    let path = request.uri().path().trim_end_matches('/');
    let is_upload = UPLOADS.iter().any(|end| path.ends_with(end));
    let bytes_max = if is_upload { UPLOAD_BYTES_MAX } else { BYTES_MAX };
    let announced = request.headers().get(header::CONTENT_LENGTH).and_then(length);
    if announced.is_some_and(|length| length > bytes_max as u64) {
        drain(request.into_body()).await;
        return Problem::too_large().into_response();
    }
    next.run(request).await
}

/// Reads what a client is still sending, within limits: one that is cut off while it sends often never
/// sees the answer.
async fn drain(body: RawBody) {
    let end = axum::body::to_bytes(body, DRAIN_BYTES_MAX);
    // Whoever sends more, or slowly, is cut off after all.
    let _ = tokio::time::timeout(DRAIN_MAX, end).await;
}

fn length(value: &HeaderValue) -> Option<u64> {
    value.to_str().ok()?.parse().ok()
}

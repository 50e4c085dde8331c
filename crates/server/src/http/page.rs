//! Pages of lists: keyset cursors for our own lists, `page` and `page_size` where the contract
//! wants them.

use axum::http::header::{self, HeaderValue};
use axum::http::{HeaderMap, Uri};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use super::Problem;

pub const LIMIT_DEFAULT: u32 = 200;
pub const LIMIT_MAX: u32 = 500;
pub const PAGE_SIZE_MAX: u32 = 100;

/// Where a list goes on: after the row with this key. It grants nothing: the list's own scope
/// decides what is seen, so it needs no signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub created_at: Timestamp,
    pub id: i64,
}

impl Cursor {
    /// The opaque form.
    pub fn encode(self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}.{}", self.created_at.0, self.id))
    }

    /// `None` for anything we did not give out.
    pub fn decode(text: &str) -> Option<Cursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (created_at, id) = std::str::from_utf8(&bytes).ok()?.split_once('.')?;
        Some(Cursor { created_at: Timestamp(created_at.parse().ok()?), id: id.parse().ok()? })
    }
}

/// `limit` and `cursor` of a list, as they arrive. Flattening is not supported by the reader:
/// extract `Query<ListQuery>` beside the list's own filters.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// 200 unless given, at most 500
    limit: Option<i64>,
    /// from where the page before says how to go on: its `next`, or its Link header
    cursor: Option<String>,
}

/// How many rows, after which one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub limit: u32,
    pub after: Option<Cursor>,
}

impl ListQuery {
    /// Beyond the maximum the maximum is used; junk is refused.
    pub fn window(&self) -> Result<Window, Problem> {
        self.window_of(LIMIT_DEFAULT)
    }

    /// The same with another number of rows where none is asked for.
    pub fn window_of(&self, limit_default: u32) -> Result<Window, Problem> {
        let limit = bounded("limit", self.limit, limit_default, LIMIT_MAX)?;
        let after = match self.cursor.as_deref() {
            None | Some("") => None,
            Some(text) => {
                let wrong = || Problem::field("cursor", "is not a cursor of this list");
                Some(Cursor::decode(text).ok_or_else(wrong)?)
            }
        };
        Ok(Window { limit, after })
    }
}

/// `Link: <…>; rel="next"` for the row that ended this page.
pub fn link_next(uri: &Uri, last: Cursor) -> HeaderMap {
    let target = with_parameter(uri, "cursor", &last.encode());
    let mut headers = HeaderMap::new();
    if let Ok(value) = HeaderValue::try_from(format!("<{target}>; rel=\"next\"")) {
        headers.insert(header::LINK, value);
    }
    headers
}

/// The whole address of where a list goes on by cursor, a numbered one too.
pub fn next_after(public_url: &str, uri: &Uri, last: Cursor) -> String {
    let mut pairs = others(uri, &["page", "cursor"]);
    pairs.append_pair("cursor", &last.encode());
    format!("{public_url}{}?{}", uri.path(), pairs.finish())
}

/// `page` and `page_size`, as they arrive.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct PageQuery {
    page: Option<i64>,
    page_size: Option<i64>,
}

/// A numbered page; pages begin at 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    pub number: u32,
    pub size: u32,
}

impl PageQuery {
    pub fn page(&self, size_default: u32) -> Result<Page, Problem> {
        Ok(Page {
            number: bounded("page", self.page, 1, u32::MAX)?,
            size: bounded("page_size", self.page_size, size_default, PAGE_SIZE_MAX)?,
        })
    }
}

impl Page {
    /// Rows before this page.
    pub fn skip(self) -> u64 {
        u64::from(self.number - 1) * u64::from(self.size)
    }

    /// `next` and `previous`, under the server's public address; null where there is none.
    pub fn neighbours(self, public_url: &str, uri: &Uri, count: u64) -> Neighbours {
        let link = |number: u64| {
            let path = with_parameter(uri, "page", &number.to_string());
            format!("{public_url}{path}")
        };
        let number = u64::from(self.number);
        let ends_at = number * u64::from(self.size);
        Neighbours {
            next: (ends_at < count).then(|| link(number + 1)),
            previous: (number > 1).then(|| link(number - 1)),
        }
    }
}

/// Links beside a numbered page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Neighbours {
    pub next: Option<String>,
    pub previous: Option<String>,
}

fn bounded(field: &str, value: Option<i64>, default: u32, most: u32) -> Result<u32, Problem> {
    match value {
        None => Ok(default),
        Some(value) if value < 1 => Err(Problem::field(field, "must be at least 1")),
        Some(value) => Ok(u32::try_from(value).unwrap_or(most).min(most)),
    }
}

/// The path and query with one parameter replaced.
fn with_parameter(uri: &Uri, name: &str, value: &str) -> String {
    let mut pairs = others(uri, &[name]);
    pairs.append_pair(name, value);
    format!("{}?{}", uri.path(), pairs.finish())
}

/// The parameters of a query but some.
fn others(uri: &Uri, names: &[&str]) -> form_urlencoded::Serializer<'static, String> {
    let query = uri.query().unwrap_or("");
    let mut pairs = form_urlencoded::Serializer::new(String::new());
    for (known, text) in form_urlencoded::parse(query.as_bytes()) {
        if !names.contains(&known.as_ref()) {
            pairs.append_pair(&known, &text);
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::Node;

    const CURSOR: Cursor = Cursor { created_at: Timestamp(1_700_000_000_000_001), id: 513 };

    fn list(query: &str) -> Result<Window, Problem> {
        let list: ListQuery = Node::from_form(query).expect("valid").read()?;
        list.window()
    }

    #[test]
    fn cursors_survive_the_round_trip_and_junk_does_not() {
        assert_eq!(Cursor::decode(&CURSOR.encode()), Some(CURSOR));
        for junk in ["", "x", "AAAA", "MS4", "🙂", "MQ"] {
            assert_eq!(Cursor::decode(junk), None, "{junk}");
        }
    }

    #[test]
    fn limits_are_bounded() {
        assert_eq!(list("").expect("valid").limit, 200);
        assert_eq!(list("limit=7").expect("valid").limit, 7);
        assert_eq!(list("limit=100000").expect("valid").limit, 500);
        assert!(list("limit=0").is_err());
        assert!(list("limit=x").is_err());
        assert!(list("cursor=x").is_err());
        let after = list(&format!("cursor={}", CURSOR.encode())).expect("valid").after;
        assert_eq!(after, Some(CURSOR));
    }

    #[test]
    fn the_link_keeps_the_filters() {
        let uri: Uri = "/api/payments?status=paid&cursor=old".parse().expect("valid");
        let link = link_next(&uri, CURSOR);
        let expected = format!("</api/payments?status=paid&cursor={}>; rel=\"next\"", CURSOR.encode());
        assert_eq!(link[header::LINK], expected);
    }

    #[test]
    fn numbered_pages_know_their_neighbours() {
        let uri: Uri = "/api/payments/history?role=payer&page=2".parse().expect("valid");
        let page = Page { number: 2, size: 20 };
        assert_eq!(page.skip(), 20);
        let beside = page.neighbours("http://x", &uri, 41);
        assert_eq!(beside.next.as_deref(), Some("http://x/api/payments/history?role=payer&page=3"));
        assert!(beside.previous.is_some());
        let last = page.neighbours("http://x", &uri, 40);
        assert_eq!(last.next, None);
    }
}

//! A Zoom with a memory, as far as we use it, that fails on request. Its form is judged by Zoom's own
//! document (`zoom::our_calls_and_this_fake_are_of_zooms_document`).

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post};
use serde_json::{Value, json};

/// `id:secret` in base64.
const CREDENTIALS: &str = "Basic em9vbS1pZDp6b29tLXNlY3JldA==";
/// At most so many are listed at once, whatever is asked for.
const PAGE: usize = 2;

/// How the next call of a method fails.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Instead of being done.
    Status(u16),
    /// The same, with seconds to wait.
    Busy(u32),
    /// Done, and then an answer that tells nothing.
    DoneThenBroken,
}

#[derive(Default)]
pub struct Memory {
    pub meetings: BTreeMap<i64, Value>,
    /// Method and path of every call, tokens among them.
    pub calls: Vec<String>,
    pub faults: VecDeque<(Method, Fault)>,
    tokens: i64,
}

pub struct FakeZoom {
    pub base: String,
    memory: Arc<Mutex<Memory>>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
}

impl FakeZoom {
    /// On a thread of its own, so that it is there before the place that calls it.
    pub fn start() -> FakeZoom {
        let memory = Arc::new(Mutex::new(Memory::default()));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let base = format!("http://{}", listener.local_addr().expect("an address"));
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let routes = Router::new()
            .route("/oauth/token", post(token))
            .route("/v2/users/{user}/meetings", any(of_user))
            .route("/v2/meetings/{id}", any(one))
            .with_state(Arc::clone(&memory));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a thread").block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a socket");
                let serving = axum::serve(listener, routes).with_graceful_shutdown(async {
                    let _ = stopped.await;
                });
                serving.await.expect("it serves");
            });
        });
        FakeZoom { base, memory, stop: Some(stop) }
    }

    pub fn memory<T>(&self, look: impl FnOnce(&mut Memory) -> T) -> T {
        look(&mut self.memory.lock().expect("no test panics while it looks"))
    }

    pub fn fail(&self, method: Method, fault: Fault) {
        self.memory(|memory| memory.faults.push_back((method, fault)));
    }

    /// All that exist.
    pub fn meetings(&self) -> Vec<Value> {
        self.memory(|memory| memory.meetings.values().cloned().collect())
    }

    /// How many calls began so.
    pub fn called(&self, beginning: &str) -> usize {
        self.memory(|memory| memory.calls.iter().filter(|call| call.starts_with(beginning)).count())
    }

    /// No token is worth anything any more.
    pub fn revoke(&self) {
        self.memory(|memory| memory.tokens += 1);
    }
}

impl Drop for FakeZoom {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

type Shared = State<Arc<Mutex<Memory>>>;

async fn token(State(memory): Shared, headers: HeaderMap, body: String) -> Response {
    let mut memory = memory.lock().expect("no test panics while it looks");
    memory.calls.push("POST /oauth/token".into());
    let right = headers.get("authorization").is_some_and(|given| given == CREDENTIALS)
        && body == "grant_type=account_credentials&account_id=zoom-account";
    if !right {
        return (StatusCode::BAD_REQUEST, axum::Json(json!({ "error": "invalid_client" }))).into_response();
    }
    memory.tokens += 1;
    let token = format!("token-{}", memory.tokens);
    axum::Json(json!({
        "access_token": token, "token_type": "bearer", "expires_in": 3_599, "scope": "meeting:write:admin",
    }))
    .into_response()
}

/// What every call goes through: its token, and the fault that waits for it.
fn enter(
    memory: &mut Memory,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
) -> Result<bool, Box<Response>> {
    memory.calls.push(format!("{method} {path}"));
    let ours = format!("Bearer token-{}", memory.tokens);
    if headers.get("authorization").is_none_or(|given| *given != ours) {
        return Err(Box::new(problem(401, 124, "Invalid access token.")));
    }
    let next = memory.faults.front().is_some_and(|(of, _)| of == method);
    match next.then(|| memory.faults.pop_front()).flatten() {
        Some((_, Fault::Status(status))) => Err(Box::new(problem(status, 300, "It failed."))),
        Some((_, Fault::Busy(seconds))) => {
            let mut busy = problem(429, 429, "Too many requests.");
            busy.headers_mut().insert("retry-after", seconds.into());
            Err(Box::new(busy))
        }
        Some((_, Fault::DoneThenBroken)) => Ok(true),
        None => Ok(false),
    }
}

fn problem(status: u16, code: i64, message: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, axum::Json(json!({ "code": code, "message": message }))).into_response()
}

fn broken_or(broken: bool, answer: Response) -> Response {
    if broken { problem(500, 0, "Something broke.") } else { answer }
}

async fn of_user(
    State(memory): Shared,
    Path(user): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut memory = memory.lock().expect("no test panics while it looks");
    let broken = match enter(&mut memory, &method, &format!("/v2/users/{user}/meetings"), &headers) {
        Ok(broken) => broken,
        Err(refused) => return *refused,
    };
    if method == Method::GET {
        return broken_or(broken, list(&memory, query.get("next_page_token")));
    }
    let mut made: Value = serde_json::from_slice(&body).expect("JSON");
    let id = 80_000_000_000 + i64::try_from(memory.meetings.len() + memory.calls.len()).expect("few");
    made["id"] = json!(id);
    made["uuid"] = json!(format!("uuid-{id}"));
    made["host_id"] = json!("host");
    made["created_at"] = json!("2026-01-01T00:00:00Z");
    made["password"] = json!("pass12");
    made["join_url"] = json!(format!("https://zoom.example/j/{id}?pwd=x"));
    made["start_url"] = json!(format!("https://zoom.example/s/{id}?zak=1"));
    memory.meetings.insert(id, made.clone());
    broken_or(broken, (StatusCode::CREATED, axum::Json(made)).into_response())
}

/// Two a page, so that pages are turned.
fn list(memory: &Memory, token: Option<&String>) -> Response {
    let from: usize = token.and_then(|token| token.parse().ok()).unwrap_or(0);
    let page: Vec<Value> = memory.meetings.values().skip(from).take(PAGE).map(listed).collect();
    let more = from + PAGE < memory.meetings.len();
    let next = if more { (from + PAGE).to_string() } else { String::new() };
    axum::Json(json!({ "page_size": PAGE, "next_page_token": next, "meetings": page })).into_response()
}

fn listed(meeting: &Value) -> Value {
    let kept = ["id", "uuid", "host_id", "topic", "type", "start_time", "duration", "timezone", "agenda"];
    kept.iter().map(|name| ((*name).to_owned(), meeting[*name].clone())).collect()
}

async fn one(
    State(memory): Shared,
    Path(id): Path<i64>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut memory = memory.lock().expect("no test panics while it looks");
    let broken = match enter(&mut memory, &method, &format!("/v2/meetings/{id}"), &headers) {
        Ok(broken) => broken,
        Err(refused) => return *refused,
    };
    let Some(meeting) = memory.meetings.get_mut(&id) else {
        return problem(404, 3_001, "Meeting does not exist.");
    };
    if method == Method::GET {
        return broken_or(broken, axum::Json(meeting.clone()).into_response());
    }
    if method == Method::DELETE {
        memory.meetings.remove(&id);
    } else {
        let change: Value = serde_json::from_slice(&body).expect("JSON");
        for (name, value) in change.as_object().expect("an object") {
            meeting[name] = value.clone();
        }
    }
    broken_or(broken, StatusCode::NO_CONTENT.into_response())
}

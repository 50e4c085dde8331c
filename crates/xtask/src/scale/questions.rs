//! What is asked, by whom, and how long the answers take.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::Row;
use crate::bench::node::now;
use crate::bench::wire::{self, Wire};

/// Everybody's in a seeded database, and no secret.
const PASSWORD: &str = "a lantern in the harbour";
/// Answers that are not counted: caches fill, plans are made.
const WARM_UP: usize = 5;
const TIMES: usize = 25;
/// Rows of a history that pages by number reach.
const NUMBERED_MAX: u64 = 1_000;

#[derive(Clone, Copy)]
enum Who {
    Admin,
    Teacher,
    Student,
}

struct Question {
    name: &'static str,
    who: Who,
    path: &'static str,
}

const fn question(name: &'static str, who: Who, path: &'static str) -> Question {
    Question { name, who, path }
}

const QUESTIONS: &[Question] = &[
    question("payments of a teacher, first page", Who::Teacher, "/api/payments/payments/"),
    question("history of a student, first page", Who::Student, "/api/payments/history/"),
    question("history of a student, deepest page", Who::Student, "/api/payments/history/?page=LAST"),
    question("history of a teacher, first page", Who::Teacher, "/api/payments/history/"),
    question("history of a teacher, deepest page", Who::Teacher, "/api/payments/history/?page=LAST"),
    question("history of a teacher, behind a cursor", Who::Teacher, "/api/payments/history/?page=NEXT"),
    question("personal summary of a student", Who::Student, "/api/payments/summary/"),
    question("personal summary of a teacher", Who::Teacher, "/api/payments/summary/"),
    question("tracking, 30 days", Who::Admin, "/api/payments/admin/tracking/"),
    question("analytics, 30 days", Who::Admin, "/api/payments/admin/analytics/?period=30d"),
    question("analytics, 365 days", Who::Admin, "/api/payments/admin/analytics/?period=365d"),
    question("report", Who::Admin, "/api/payments/admin/report/"),
    question("dashboard", Who::Admin, "/api/payments/dashboard/"),
    question("daily figures", Who::Admin, "/api/payments/admin/daily/"),
];

/// One of the two servers, and who is logged in there.
pub(super) struct Asked {
    wire: Wire,
    admin: String,
    teacher: String,
    student: String,
}

impl Asked {
    pub(super) fn new(address: SocketAddr) -> Result<Asked> {
        let mut wire = Wire::open(address)?;
        let mut login = |email: &str| -> Result<String> {
            let body = json!({ "email": email, "password": PASSWORD }).to_string();
            let answer = wire.call(&wire::post("/api/login/", None, &[], &body))?;
            let said: Value = serde_json::from_slice(answer.body)?;
            let token = said["access_token"].as_str().with_context(|| format!("{email}: {said}"))?;
            Ok(token.to_owned())
        };
        let admin = login("admin@seed.example")?;
        let teacher = login("teacher0@seed.example")?;
        let student = login("student0@seed.example")?;
        Ok(Asked { wire, admin, teacher, student })
    }

    fn token(&self, who: Who) -> String {
        match who {
            Who::Admin => self.admin.clone(),
            Who::Teacher => self.teacher.clone(),
            Who::Student => self.student.clone(),
        }
    }

    /// The request of a question; the deepest page is the last full one that can be reached by its number.
    /// Behind the deepest of many rows a cursor leads on; of few, the last but one is taken, so that what
    /// is behind it is a full page too.
    fn request(&mut self, question: &Question) -> Result<Vec<u8>> {
        let token = self.token(question.who);
        let deepest = |path: &str, first: &Value, pages_behind: u64| -> Result<String> {
            let count = first["count"].as_u64().with_context(|| format!("no count: {first}"))?;
            let size = first["results"].as_array().map_or(1, Vec::len).max(1) as u64;
            let reached = count.saturating_sub(pages_behind * size).min(NUMBERED_MAX);
            Ok(format!("{path}{}", (reached / size).max(1)))
        };
        let path = if let Some(path) = question.path.strip_suffix("LAST") {
            deepest(path, &self.ask(&format!("{path}1"), &token)?, 0)?
        } else if let Some(path) = question.path.strip_suffix("NEXT") {
            let deepest = deepest(path, &self.ask(&format!("{path}1"), &token)?, 1)?;
            let next = self.ask(&deepest, &token)?["next"].as_str().map(str::to_owned);
            next.and_then(|url| url.find("/api").map(|at| url[at..].to_owned())).unwrap_or(deepest)
        } else {
            question.path.to_owned()
        };
        Ok(wire::get(&path, Some(&token)))
    }

    fn ask(&mut self, path: &str, token: &str) -> Result<Value> {
        Ok(serde_json::from_slice(self.wire.call(&wire::get(path, Some(token)))?.body)?)
    }

    /// Rows of a page; a report has none.
    fn listed(&mut self, request: &[u8]) -> Result<usize> {
        let answer: Value = serde_json::from_slice(self.wire.call(request)?.body)?;
        Ok(answer["results"].as_array().or(answer.as_array()).map_or(0, Vec::len))
    }

    fn time(&mut self, request: &[u8]) -> Result<u64> {
        let begun = now();
        let answer = self.wire.call(request)?;
        let status = answer.status;
        ensure!(status == 200, "answered {status}: {}", String::from_utf8_lossy(answer.body));
        u64::try_from(begun.elapsed().as_micros()).context("for ever")
    }
}

/// Asks both in turn, so that both meet the same machine.
pub(super) fn compare(mut servers: [Asked; 2]) -> Result<Vec<Row>> {
    QUESTIONS.iter().map(|question| row(&mut servers, question).context(question.name)).collect()
}

fn row(servers: &mut [Asked; 2], question: &Question) -> Result<Row> {
    let [small, large] = servers;
    let (small_request, large_request) = (small.request(question)?, large.request(question)?);
    let listed = [small.listed(&small_request)?, large.listed(&large_request)?];
    ensure!(listed[0] == listed[1], "pages of {listed:?} rows cannot be compared");
    let mut times = (Vec::new(), Vec::new());
    for number in 0..WARM_UP + TIMES {
        let pair = (small.time(&small_request)?, large.time(&large_request)?);
        if number >= WARM_UP {
            times.0.push(pair.0);
            times.1.push(pair.1);
        }
    }
    Ok(Row { name: question.name, small_us: median(times.0), large_us: median(times.1) })
}

fn median(mut times: Vec<u64>) -> u64 {
    times.sort_unstable();
    times[times.len() / 2]
}

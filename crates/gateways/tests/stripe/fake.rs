//! A Stripe that answers exactly what it was told to, byte for byte, and remembers what it was sent.
//!
//! Plain TCP instead of a web framework, because half of what it plays no framework would do:
//! silence, resets, cut bodies and answers that are not HTTP.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use reqwest::Url;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub enum Script {
    Reply(u16, String),
    /// With headers, each line ended.
    ReplyWith(u16, &'static str, String),
    /// Takes the request and never answers.
    Silence,
    /// Takes the request and hangs up.
    HangUp,
    /// Resets the connection with the request unread.
    Reset,
    /// A head that promises more than comes.
    Cut,
    /// Not HTTP, and no TLS either: sent before anything is read.
    Noise,
}

pub struct Seen {
    pub method: String,
    pub path: String,
    pub query: Vec<(String, String)>,
    pub form: Vec<(String, String)>,
    headers: HashMap<String, String>,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        let (_, value) = self.form.iter().find(|(field, _)| field == name)?;
        Some(value)
    }
}

pub struct Fake {
    pub base: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Fake {
    /// One script a request, in order; a request too many is reset.
    pub async fn start(scripts: impl IntoIterator<Item = Script>) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut scripts: VecDeque<Script> = scripts.into_iter().collect();
        let record = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let mut silent = Vec::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let script = scripts.pop_front().unwrap_or(Script::Reset);
                silent.extend(play(stream, script, &record).await);
            }
        });
        Fake { base, seen, task }
    }

    pub fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Returns the connection where it must stay open without an answer.
async fn play(mut stream: TcpStream, script: Script, record: &Mutex<Vec<Seen>>) -> Option<TcpStream> {
    if let Script::Reset = script {
        // Closing with bytes unread is what makes the kernel send a reset.
        stream.readable().await.unwrap();
        return None;
    }
    if let Script::Noise = script {
        stream.write_all(b"\x01\x02 nothing like it \r\n\r\n").await.unwrap();
        // Read on, so that the noise arrives before a reset could overtake it.
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
        return None;
    }
    let seen = receive(&mut stream).await?;
    record.lock().unwrap().push(seen);
    let answer = match script {
        Script::Reply(status, body) => head(status, "", body.len()) + &body,
        Script::ReplyWith(status, headers, body) => head(status, headers, body.len()) + &body,
        Script::Silence => return Some(stream),
        Script::HangUp | Script::Reset | Script::Noise => return None,
        Script::Cut => head(200, "", 10_000) + "{\"id\":\"pi_1\"",
    };
    stream.write_all(answer.as_bytes()).await.unwrap();
    None
}

fn head(status: u16, headers: &str, length: usize) -> String {
    format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close\r\n\
         Request-Id: req_1\r\nContent-Length: {length}\r\n{headers}\r\n"
    )
}

async fn receive(stream: &mut TcpStream) -> Option<Seen> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, target) = (first.next()?.to_owned(), first.next()?);
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers.get("content-length").map_or(0, |length| length.parse().unwrap());
    while bytes.len() < end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let url = Url::parse(&format!("http://fake{target}")).unwrap();
    Some(Seen {
        method,
        path: url.path().to_owned(),
        query: pairs(url.query().unwrap_or("")),
        form: pairs(std::str::from_utf8(&bytes[end..]).unwrap()),
        headers,
    })
}

fn pairs(encoded: &str) -> Vec<(String, String)> {
    let url = Url::parse(&format!("http://fake/?{encoded}")).unwrap();
    url.query_pairs().into_owned().collect()
}

//! For tests only: the stand-ins that other people wrote, run as children of the test.
//!
//! Invariants: a stand-in listens on loopback, on a port the kernel chose, and ends with the value
//! that stands for it (and, should the test be killed, with its standard input). They are installed
//! by `e2e/peers/install`; a test never installs, and never skips what is missing: it panics.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use reqwest::Url;

/// Where the peers are installed. Panics where they are not.
pub fn peers() -> PathBuf {
    let folder = std::env::var_os("BURSAR_PEERS")
        .map(PathBuf::from)
        .expect("BURSAR_PEERS is not set: run these tests with `cargo xtask test`");
    assert!(
        folder.join("venv").is_dir() && folder.join("node").is_dir(),
        "{} is not prepared: run these tests with `cargo xtask test`",
        folder.display()
    );
    folder
}

/// A file of `e2e/peers`.
pub fn peer_script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../e2e/peers").join(name)
}

/// The Python that has the peers' packages.
pub fn peer_python() -> PathBuf {
    peers().join("venv/bin/python")
}

/// A child that serves HTTP, having printed its address as its first line.
pub struct Peer {
    pub base: String,
    child: Child,
}

impl Peer {
    /// Runs `program script 0` and waits for the address.
    pub fn start(program: impl AsRef<OsStr>, script: &str) -> Peer {
        Peer::start_with(program, script, &[])
    }

    /// The same with more arguments after the port.
    pub fn start_with(program: impl AsRef<OsStr>, script: &str, arguments: &[&str]) -> Peer {
        let mut child = Command::new(program)
            .arg(peer_script(script))
            .arg("0")
            .args(arguments)
            .env("BURSAR_PEERS", peers())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the peers were installed by e2e/peers/install");
        let output = child.stdout.take().expect("standard output is piped");
        let mut base = String::new();
        BufReader::new(output).read_line(&mut base).expect("the peer prints text");
        let base = base.trim().to_owned();
        assert!(base.starts_with("http://127.0.0.1:"), "{script}: {base:?}");
        Peer { base, child }
    }
}

impl Drop for Peer {
    /// Ends this one child, by its own handle.
    fn drop(&mut self) {
        // It may have ended on its own; either way it is gone after this.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A stateful stand-in for Stripe that signs and sends webhooks.
pub struct LocalStripe {
    pub base: String,
    _peer: Peer,
}

impl LocalStripe {
    /// Starts one of its own for the caller, empty.
    pub fn start() -> LocalStripe {
        let peer = Peer::start(peer_python(), "run_localstripe.py");
        LocalStripe { base: peer.base.clone(), _peer: peer }
    }

    /// Forgets every object.
    pub fn reset(&self) {
        self.control("DELETE", "/_config/data", &[]);
    }

    /// Sends webhooks to `url` from now on, signed with `secret`, about a second after the event.
    pub fn webhook(&self, url: &str, secret: &str) {
        self.control("POST", "/_config/webhooks/main", &[("url", url), ("secret", secret)]);
    }

    /// Saves a card by number, which only a stand-in may be sent; answers its token.
    pub fn card(&self, number: &str) -> String {
        let answer = self.control(
            "POST",
            "/v1/payment_methods",
            &[
                ("type", "card"),
                ("card[number]", number),
                ("card[exp_month]", "12"),
                ("card[exp_year]", "2030"),
                ("card[cvc]", "123"),
            ],
        );
        let (_, body) = answer.split_once("\r\n\r\n").expect("answers have a head");
        let object: serde_json::Value = serde_json::from_str(body).expect("answers are JSON");
        let id = object["id"].as_str().expect("a payment method has an id");
        id.to_owned()
    }

    /// Ends a 3-D Secure challenge as the payer would.
    pub fn authenticate(&self, reference: &str, client_secret: &str, success: bool) {
        self.control(
            "POST",
            &format!("/v1/payment_intents/{reference}/_authenticate"),
            &[
                ("key", "pk_test_peer"),
                ("client_secret", client_secret),
                ("success", if success { "true" } else { "false" }),
            ],
        );
    }

    fn control(&self, method: &str, path: &str, form: &[(&str, &str)]) -> String {
        let answer = exchange(&self.base, method, path, form).expect("the stand-in answers");
        assert!(answer.starts_with("HTTP/1.1 2"), "{path}: {answer}");
        answer
    }
}

/// One blocking exchange, so that tests with and without a runtime can steer a stand-in.
fn exchange(base: &str, method: &str, path: &str, form: &[(&str, &str)]) -> io::Result<String> {
    let url = Url::parse_with_params(base, form).expect("a peer's address is a URL");
    let body = url.query().unwrap_or("");
    let authority = base.trim_start_matches("http://");
    let mut stream = TcpStream::connect(authority)?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\
         Authorization: Bearer sk_test_peer\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

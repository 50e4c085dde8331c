//! A browser as far as logins need one: cookies and redirects. What is ours it asks the router for, what
//! is the provider's over HTTP, and everything else is where it stops.

use std::collections::BTreeMap;

use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, Method};
use gateways::testing::Peer;
use reqwest::Url;
use server::app::App;
use server::http::{Surroundings, wrap};

use super::{Answer, Client};

/// Where we are, as the provider knows us.
pub const OURS: &str = "http://127.0.0.1:7070";
pub const BACK: &str = "http://127.0.0.1:7070/api/auth/google/callback/";
/// Where the client's page is.
pub const PAGE: &str = "https://app.example.org/welcome";

/// A certified provider on loopback.
pub fn provider() -> Peer {
    Peer::start_with("node", "run_openid.mjs", &[BACK])
}

/// The settings with which people log in there.
pub fn settings(issuer: &str) -> [(&'static str, String); 5] {
    [
        ("BURSAR_AUTH__GOOGLE__CLIENT_ID", "bursar".to_owned()),
        ("BURSAR_AUTH__GOOGLE__CLIENT_SECRET", "secret of bursar: it has + and %".to_owned()),
        ("BURSAR_AUTH__GOOGLE__REDIRECT_URI", BACK.to_owned()),
        ("BURSAR_AUTH__GOOGLE__ISSUER", issuer.to_owned()),
        ("BURSAR_AUTH__REDIRECTS", "https://app.example.org/".to_owned()),
    ]
}

/// Somebody's browser.
pub struct Browser {
    router: Client,
    http: reqwest::Client,
    /// Name and value by host and port.
    cookies: BTreeMap<String, BTreeMap<String, String>>,
    /// What whoever sits before it answers to a login page.
    pub visitor: Vec<(String, String)>,
}

impl Browser {
    pub fn new(app: &App, visitor: &[(&str, &str)]) -> Browser {
        // Another test of this process may have set it; either way it is there.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        Browser {
            router: Client(wrap(server::api::routes(app.clone()), &Surroundings::of(app))),
            http: http.build().expect("a client"),
            cookies: BTreeMap::new(),
            visitor: visitor.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        }
    }

    /// Goes on from redirect to redirect, and stops before an address that begins like this.
    pub async fn follow(&mut self, url: &str, stop: &str) -> String {
        let mut url = url.to_owned();
        for _ in 0..10 {
            if url.starts_with(stop) {
                return url;
            }
            let answer = self.go(&url).await;
            let target = answer.headers.get(LOCATION).unwrap_or_else(|| panic!("{url}: {}", answer.text));
            let target = target.to_str().expect("text");
            url = Url::parse(&url).expect("a URL").join(target).expect("a URL").into();
        }
        panic!("no end of redirects at {url}");
    }

    /// One page.
    pub async fn go(&mut self, url: &str) -> Answer {
        let mut url = Url::parse(url).expect("a URL");
        if url.path().starts_with("/login/") {
            url.query_pairs_mut().extend_pairs(&self.visitor);
        }
        let place = format!("{}:{}", url.host_str().expect("a host"), url.port().unwrap_or(0));
        let kept = self.cookies.entry(place.clone()).or_default();
        let cookies =
            kept.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let headers = [("cookie", cookies.as_str())];
        let answer = if let Some(path) = url.as_str().strip_prefix(OURS) {
            self.router.send(Method::GET, None, path, &headers, None).await
        } else {
            let request = self.http.get(url.clone()).header("cookie", cookies);
            let response = request.send().await.expect("the provider answers");
            let (status, headers) = (response.status(), response.headers().clone());
            Answer::new(status, headers, response.bytes().await.expect("a whole body").to_vec())
        };
        self.keep(&place, &answer.headers);
        answer
    }

    fn keep(&mut self, place: &str, headers: &HeaderMap) {
        let kept = self.cookies.entry(place.to_owned()).or_default();
        for line in headers.get_all(SET_COOKIE) {
            let line = line.to_str().expect("text");
            let (name, value) =
                line.split(';').next().and_then(|pair| pair.split_once('=')).expect("a cookie");
            if value.is_empty() {
                kept.remove(name)
            } else {
                kept.insert(name.to_owned(), value.to_owned())
            };
        }
    }
}

/// What the fragment of an address says.
pub fn fragment(url: &str) -> BTreeMap<String, String> {
    let (_, fragment) = url.split_once('#').unwrap_or_else(|| panic!("no fragment: {url}"));
    form_urlencoded::parse(fragment.as_bytes()).into_owned().collect()
}

/// The same address with another value in its query, or without it.
pub fn altered(url: &str, name: &str, value: Option<&str>) -> String {
    let mut url = Url::parse(url).expect("a URL");
    let old: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    assert!(old.iter().any(|(key, _)| key == name), "no {name} in {url}");
    let kept = old.into_iter().filter_map(|(key, own)| {
        if key == name { value.map(|value| (key, value.to_owned())) } else { Some((key, own)) }
    });
    let kept: Vec<(String, String)> = kept.collect();
    url.query_pairs_mut().clear().extend_pairs(kept);
    url.into()
}

//! Stripe: cards through payment intents, over one thin client with typed, lenient structs.
//!
//! Invariants: every call that creates something carries the caller's idempotency key and our mark;
//! the API version is pinned; secrets are in no log, error or `Debug`; ids are checked before they
//! become part of an address. Payouts, disputes' evidence and Connect are deliberately not here.

mod cards;
mod charges;
mod errors;
mod refunds;
mod webhooks;
mod wire;

pub use errors::classify;

use std::net::IpAddr;
use std::time::Duration;

use domain::gateway::{Answer, CardReport, ChargeReport, Notice, OpTag, RefundReport};
use domain::time::{Span, Timestamp};
use reqwest::{Method, Url};

use crate::gateway::{
    Abilities, CancelCharge, ConfirmCharge, CreateCharge, CreateCustomer, CreateRefund, Gateway, Inbound,
    InboundError, KeyWindows, Pending, RawCard, Statement,
};
use crate::http::{BuildError, Http};

/// Where Stripe is.
pub const API_BASE: &str = "https://api.stripe.com";

/// The API's behaviour changes with this date, never on its own.
pub const API_VERSION: &str = "2024-06-20";

/// Keys are kept for at least a day; a replay after that would be a second charge.
const KEY_WINDOW: Span = Span::DAY;

/// Ids are shorter than this by Stripe's word.
const ID_BYTES_MAX: usize = 255;

/// Second half of [`StripeGateway::list_since`]'s cursor.
const CURSOR_CHARGES: &str = "charges:";
const CURSOR_REFUNDS: &str = "refunds:";

/// Which of Stripe's two worlds: play money or real money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Test,
    Live,
}

/// What an operator sets. No `Debug`: most of it is secret.
#[derive(Clone)]
pub struct StripeConfig {
    pub secret_key: String,
    /// For the payer's browser; may be empty.
    pub publishable_key: String,
    /// Several while one is being replaced; none means no webhook is believed.
    pub webhook_secrets: Vec<String>,
    /// [`API_BASE`], or in test mode a stand-in on loopback.
    pub api_base: String,
    /// For one whole exchange.
    pub timeout: Span,
    /// How far a webhook's signing instant may be from now, either way.
    pub webhook_tolerance: Span,
    pub mode: Mode,
    /// False for stand-ins that refuse what they do not know: sends only what Stripe requires, and
    /// a payment method only when the charge is created.
    pub optional_parameters: bool,
}

/// Why a configuration cannot be used. Names the key, never the value.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("gateways.stripe.secret_key does not belong to gateways.stripe.mode")]
    SecretKey,
    #[error("gateways.stripe.publishable_key does not belong to gateways.stripe.mode")]
    PublishableKey,
    #[error("gateways.stripe.api_base must be https, or in test mode plain http on loopback")]
    ApiBase,
    #[error("gateways.timeout_seconds must be positive")]
    Timeout,
    #[error(transparent)]
    Http(#[from] BuildError),
}

/// The gateway. Cheap to share, keeps nothing but its connections.
pub struct StripeGateway {
    config: StripeConfig,
    http: Http,
}

impl StripeGateway {
    pub fn new(config: StripeConfig) -> Result<StripeGateway, ConfigError> {
        let (secret, publishable) = match config.mode {
            Mode::Test => (["sk_test_", "rk_test_"], "pk_test_"),
            Mode::Live => (["sk_live_", "rk_live_"], "pk_live_"),
        };
        if !secret.iter().any(|prefix| config.secret_key.starts_with(prefix)) {
            return Err(ConfigError::SecretKey);
        }
        let published = &config.publishable_key;
        if !published.is_empty() && !published.starts_with(publishable) {
            return Err(ConfigError::PublishableKey);
        }
        let base = config.api_base.trim_end_matches('/').to_owned();
        if !base_allowed(&base, config.mode) {
            return Err(ConfigError::ApiBase);
        }
        let micros = u64::try_from(config.timeout.0).map_err(|_| ConfigError::Timeout)?;
        if micros == 0 {
            return Err(ConfigError::Timeout);
        }
        let http = Http::new(Duration::from_micros(micros))?;
        let config = StripeConfig { api_base: base, ..config };
        Ok(StripeGateway { config, http })
    }

    /// What the payer's browser needs to speak to Stripe itself; empty when not configured.
    pub fn publishable_key(&self) -> &str {
        &self.config.publishable_key
    }

    /// One exchange. An id that is none never reaches the address.
    async fn exchange<T>(&self, call: Call<'_>, read: impl FnOnce(&[u8]) -> Option<T>) -> Answer<T> {
        let mut url = format!("{}/v1/{}", self.config.api_base, call.collection);
        for part in call.id.iter().chain(call.action.iter()) {
            if !is_id(part) {
                return Answer::Rejected("not an id of Stripe's".to_owned());
            }
            url = format!("{url}/{part}");
        }
        let post = call.method == Method::POST;
        let mut request = self
            .http
            .request(call.method, &url)
            .bearer_auth(&self.config.secret_key)
            .header("Stripe-Version", API_VERSION);
        if let Some(key) = call.key {
            request = request.header("Idempotency-Key", key);
        }
        request = if post { request.form(&call.params) } else { request.query(&call.params) };
        classify(self.http.send(request).await, read)
    }

    /// Charges first, then refunds; the cursor says which and after what.
    async fn list(&self, since: Timestamp, page: Option<&str>) -> Answer<Statement> {
        let page = page.unwrap_or(CURSOR_CHARGES);
        let after = |id: &str| (!id.is_empty()).then(|| id.to_owned());
        if let Some(id) = page.strip_prefix(CURSOR_CHARGES) {
            let mut answer = self.list_intents(since, after(id).as_deref()).await;
            if let Answer::Done(statement) = &mut answer {
                statement.next = Some(
                    statement
                        .next
                        .take()
                        .map_or_else(|| CURSOR_REFUNDS.to_owned(), |id| format!("{CURSOR_CHARGES}{id}")),
                );
            }
            return answer;
        }
        let Some(id) = page.strip_prefix(CURSOR_REFUNDS) else {
            return Answer::Rejected("not a cursor of this list".to_owned());
        };
        let mut answer = self.list_refunds(since, after(id).as_deref()).await;
        if let Answer::Done(statement) = &mut answer {
            statement.next = statement.next.take().map(|id| format!("{CURSOR_REFUNDS}{id}"));
        }
        answer
    }
}

impl Gateway for StripeGateway {
    fn name(&self) -> &'static str {
        "stripe"
    }

    fn abilities(&self) -> Abilities {
        Abilities {
            saved_cards: true,
            client_confirmed: true,
            one_call_charge: false,
            raw_test_cards: self.config.mode == Mode::Test,
        }
    }

    fn key_windows(&self) -> KeyWindows {
        KeyWindows { charge: KEY_WINDOW, refund: KEY_WINDOW }
    }

    fn live(&self) -> bool {
        self.config.mode == Mode::Live
    }

    fn create_charge<'a>(&'a self, request: &'a CreateCharge) -> Pending<'a, Answer<ChargeReport>> {
        Box::pin(self.create_intent(request))
    }

    fn confirm_charge<'a>(&'a self, request: &'a ConfirmCharge) -> Pending<'a, Answer<ChargeReport>> {
        Box::pin(self.confirm_intent(request))
    }

    fn cancel_charge<'a>(&'a self, request: &'a CancelCharge) -> Pending<'a, Answer<ChargeReport>> {
        Box::pin(self.cancel_intent(request))
    }

    fn find_charge<'a>(&'a self, reference: &'a str) -> Pending<'a, Answer<ChargeReport>> {
        Box::pin(self.find_intent(reference))
    }

    fn create_refund<'a>(&'a self, request: &'a CreateRefund) -> Pending<'a, Answer<RefundReport>> {
        Box::pin(self.refund(request))
    }

    fn find_refund<'a>(&'a self, reference: &'a str) -> Pending<'a, Answer<RefundReport>> {
        Box::pin(self.look_up_refund(reference))
    }

    fn create_customer<'a>(&'a self, request: &'a CreateCustomer) -> Pending<'a, Answer<String>> {
        Box::pin(self.customer(request))
    }

    fn attach_card<'a>(&'a self, customer: &'a str, token: &'a str) -> Pending<'a, Answer<CardReport>> {
        Box::pin(self.attach(customer, token))
    }

    fn detach_card<'a>(&'a self, token: &'a str) -> Pending<'a, Answer<()>> {
        Box::pin(self.detach(token))
    }

    fn delete_customer<'a>(&'a self, customer: &'a str) -> Pending<'a, Answer<()>> {
        Box::pin(self.forget_customer(customer))
    }

    fn test_token(&self, card: &RawCard) -> Option<String> {
        match self.config.mode {
            Mode::Test => cards::test_token(card),
            Mode::Live => None,
        }
    }

    fn list_since<'a>(&'a self, since: Timestamp, page: Option<&'a str>) -> Pending<'a, Answer<Statement>> {
        Box::pin(self.list(since, page))
    }

    fn receive(&self, inbound: Inbound<'_>) -> Result<Notice, InboundError> {
        self.read_webhook(inbound)
    }
}

type Params = Vec<(&'static str, String)>;

/// One call: `POST /v1/<collection>[/<id>[/<action>]]`.
struct Call<'a> {
    method: Method,
    collection: &'static str,
    id: Option<&'a str>,
    action: Option<&'a str>,
    key: Option<&'a str>,
    params: Params,
}

impl<'a> Call<'a> {
    fn to(method: Method, collection: &'static str) -> Call<'a> {
        Call { method, collection, id: None, action: None, key: None, params: Vec::new() }
    }

    fn get(collection: &'static str) -> Call<'a> {
        Call::to(Method::GET, collection)
    }

    fn post(collection: &'static str) -> Call<'a> {
        Call::to(Method::POST, collection)
    }

    fn delete(collection: &'static str) -> Call<'a> {
        Call::to(Method::DELETE, collection)
    }

    fn on(mut self, id: &'a str) -> Call<'a> {
        self.id = Some(id);
        self
    }

    fn doing(mut self, action: &'static str) -> Call<'a> {
        self.action = Some(action);
        self
    }

    fn keyed(mut self, key: &'a str) -> Call<'a> {
        self.key = Some(key);
        self
    }

    fn with(mut self, params: Params) -> Call<'a> {
        self.params = params;
        self
    }
}

/// The mark that lets a recovery find what it once created.
fn marked(tag: &OpTag) -> Params {
    vec![("metadata[op_id]", tag.op.to_string()), ("metadata[instance]", tag.instance.clone())]
}

fn is_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= ID_BYTES_MAX
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn base_allowed(base: &str, mode: Mode) -> bool {
    let Ok(url) = Url::parse(base) else {
        return false;
    };
    let bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    let loopback = url.host_str().is_some_and(|host| {
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || address.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    });
    match url.scheme() {
        "https" => bare,
        "http" => bare && loopback && mode == Mode::Test,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> StripeConfig {
        StripeConfig {
            secret_key: "sk_test_123".to_owned(),
            publishable_key: "pk_test_123".to_owned(),
            webhook_secrets: Vec::new(),
            api_base: API_BASE.to_owned(),
            timeout: Span::seconds(8),
            webhook_tolerance: Span::seconds(300),
            mode: Mode::Test,
            optional_parameters: true,
        }
    }

    fn refusal(change: impl FnOnce(&mut StripeConfig)) -> String {
        let mut config = config();
        change(&mut config);
        StripeGateway::new(config).err().map_or_else(|| "accepted".to_owned(), |error| error.to_string())
    }

    #[test]
    fn keys_must_belong_to_the_mode() {
        assert_eq!(refusal(|_| ()), "accepted");
        assert_eq!(refusal(|c| c.secret_key = "rk_test_1".to_owned()), "accepted");
        for key in ["", "sk_live_1", "pk_test_1", "whsec_1"] {
            let refusal = refusal(|c| c.secret_key = key.to_owned());
            assert!(refusal.contains("secret_key"), "{key}: {refusal}");
        }
        assert!(refusal(|c| c.mode = Mode::Live).contains("secret_key"));
        assert!(refusal(|c| c.publishable_key = "pk_live_1".to_owned()).contains("publishable"));
    }

    #[test]
    fn no_refusal_repeats_a_secret() {
        assert!(!refusal(|c| c.secret_key = "sk_live_canary".to_owned()).contains("canary"));
        assert!(!refusal(|c| c.api_base = "ftp://canary".to_owned()).contains("canary"));
    }

    #[test]
    fn plain_http_is_for_loopback_in_test_mode() {
        for base in [
            "https://api.stripe.com",
            "https://api.stripe.com/",
            "http://127.0.0.1:8420",
            "http://[::1]:8420",
            "http://localhost:8420",
        ] {
            assert!(base_allowed(base, Mode::Test), "{base}");
        }
        for base in [
            "http://api.stripe.com",
            "http://127.0.0.1.example.com",
            "http://10.0.0.1",
            "https://user@api.stripe.com",
            "ftp://127.0.0.1",
            "api.stripe.com",
            "",
        ] {
            assert!(!base_allowed(base, Mode::Test), "{base}");
        }
        assert!(!base_allowed("http://127.0.0.1:8420", Mode::Live));
    }

    #[test]
    fn an_id_cannot_leave_its_place_in_the_address() {
        assert!(is_id("pi_3MtwBwLkdIwHu7ix28a3tqPa"));
        for text in ["", "..", "pi_1/confirm", "pi_1?x", "pi 1", "pi_é", &"a".repeat(256)] {
            assert!(!is_id(text), "{text}");
        }
    }

    #[test]
    fn live_mode_maps_no_test_card() {
        let card = RawCard {
            number: "4242424242424242".to_owned(),
            exp_month: 12,
            exp_year: 2030,
            cvc: "123".to_owned(),
        };
        let mut live = config();
        live.mode = Mode::Live;
        live.secret_key = "sk_live_1".to_owned();
        live.publishable_key = "pk_live_1".to_owned();
        let live = StripeGateway::new(live).unwrap();
        assert_eq!(live.test_token(&card), None);
        let test = StripeGateway::new(config()).unwrap();
        assert_eq!(test.test_token(&card).as_deref(), Some("pm_card_visa"));
    }
}

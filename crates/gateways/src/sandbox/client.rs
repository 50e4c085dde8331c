//! Speaks to a sandbox that runs alone. One call is one exchange: no retries, one time limit.
//!
//! Invariant: only a connection that was never made is `NotSent`; whatever else goes wrong on the
//! way is `Unknown`.

use std::sync::Arc;
use std::time::Duration;

use domain::gateway::{
    Answer, CardReport, ChargeReport, Decline, DisputeReport, PayoutReport, RefundReport, Unknown,
};
use domain::money::Money;
use domain::time::{Span, Timestamp};
use reqwest::header::RETRY_AFTER;
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::json;

use super::core::unknown;
use super::faults::Faults;
use super::readout::Readout;
use super::wire::Wire;
use crate::gateway::{
    CancelCharge, ConfirmCharge, CreateCharge, CreateCustomer, CreatePayout, CreateRefund, Statement,
};

pub(super) struct Client {
    base: String,
    http: reqwest::Client,
}

/// A client for plain HTTP on this machine: no proxy, no trusted roots, no redirects.
pub(super) fn loopback_client(timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("ring speaks the default versions of TLS")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder()
        .use_preconfigured_tls(tls)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(timeout)
        .build()
}

impl Client {
    pub(super) fn new(api_base: &str, timeout: Duration) -> Result<Client, reqwest::Error> {
        Ok(Client { base: api_base.trim_end_matches('/').to_owned(), http: loopback_client(timeout)? })
    }

    pub(super) async fn create_charge(&self, request: &CreateCharge) -> Answer<ChargeReport> {
        self.post("charges", request).await
    }

    pub(super) async fn confirm_charge(&self, request: &ConfirmCharge) -> Answer<ChargeReport> {
        self.post("charges/confirm", request).await
    }

    pub(super) async fn cancel_charge(&self, request: &CancelCharge) -> Answer<ChargeReport> {
        self.post("charges/cancel", request).await
    }

    pub(super) async fn find_charge(&self, reference: &str) -> Answer<ChargeReport> {
        self.get("charges/find", &[("reference", reference)]).await
    }

    pub(super) async fn create_refund(&self, request: &CreateRefund) -> Answer<RefundReport> {
        self.post("refunds", request).await
    }

    pub(super) async fn find_refund(&self, reference: &str) -> Answer<RefundReport> {
        self.get("refunds/find", &[("reference", reference)]).await
    }

    pub(super) async fn create_payout(&self, request: &CreatePayout) -> Answer<PayoutReport> {
        self.post("payouts", request).await
    }

    pub(super) async fn find_payout(&self, reference: &str) -> Answer<PayoutReport> {
        self.get("payouts/find", &[("reference", reference)]).await
    }

    pub(super) async fn find_dispute(&self, reference: &str) -> Answer<DisputeReport> {
        self.get("disputes/find", &[("reference", reference)]).await
    }

    pub(super) async fn submit_evidence(&self, reference: &str, evidence: &str) -> Answer<DisputeReport> {
        let body = json!({ "reference": reference, "evidence": evidence });
        self.answer(self.http.post(self.url("disputes/evidence")).json(&body)).await
    }

    pub(super) async fn create_customer(&self, request: &CreateCustomer) -> Answer<String> {
        self.post("customers", request).await
    }

    pub(super) async fn attach_card(&self, customer: &str, token: &str) -> Answer<CardReport> {
        let body = json!({ "customer": customer, "token": token });
        self.answer(self.http.post(self.url("cards/attach")).json(&body)).await
    }

    pub(super) async fn detach_card(&self, token: &str) -> Answer<()> {
        let body = json!({ "token": token });
        self.answer(self.http.post(self.url("cards/detach")).json(&body)).await
    }

    pub(super) async fn delete_customer(&self, customer: &str) -> Answer<()> {
        let body = json!({ "customer": customer });
        self.answer(self.http.post(self.url("customers/delete")).json(&body)).await
    }

    pub(super) async fn list_since(&self, since: Timestamp, page: Option<&str>) -> Answer<Statement> {
        let since = since.0.to_string();
        let mut query = vec![("since", since.as_str())];
        query.extend(page.map(|page| ("page", page)));
        self.get("statement", &query).await
    }

    pub(super) async fn authenticate(&self, reference: &str, passed: bool) -> Answer<ChargeReport> {
        let body = json!({ "reference": reference, "passed": passed });
        self.answer(self.http.post(self.url("control/authenticate")).json(&body)).await
    }

    pub(super) async fn refund_by_hand(&self, charge: &str, amount: Money) -> Answer<RefundReport> {
        let body = json!({ "charge": charge, "amount": amount.minor, "currency": amount.currency.code() });
        self.answer(self.http.post(self.url("control/refund")).json(&body)).await
    }

    pub(super) async fn set_faults(&self, faults: &Faults) -> Result<(), reqwest::Error> {
        let request = self.http.post(self.url("control/faults")).json(faults);
        request.send().await?.error_for_status()?;
        Ok(())
    }

    pub(super) async fn settle_due(&self, now: Timestamp) -> Result<(), reqwest::Error> {
        let body = json!({ "now_micros": now.0 });
        let request = self.http.post(self.url("control/settle")).json(&body);
        request.send().await?.error_for_status()?;
        Ok(())
    }

    pub(super) async fn readout(&self) -> Result<Readout, reqwest::Error> {
        let response = self.http.get(self.url("control/books")).send().await?;
        response.error_for_status()?.json().await
    }

    fn url(&self, path: &str) -> String {
        format!("{}/v1/{path}", self.base)
    }

    async fn post<Q: Wire, T: Wire>(&self, path: &str, request: &Q) -> Answer<T> {
        self.answer(self.http.post(self.url(path)).json(&request.body())).await
    }

    async fn get<T: Wire>(&self, path: &str, query: &[(&str, &str)]) -> Answer<T> {
        self.answer(self.http.get(self.url(path)).query(query)).await
    }

    async fn answer<T: Wire>(&self, request: RequestBuilder) -> Answer<T> {
        match request.send().await {
            Ok(response) => read(response).await,
            Err(error) if error.is_connect() => Answer::NotSent(error.without_url().to_string()),
            Err(error) => unknown(error.without_url().to_string()),
        }
    }
}

/// What an HTTP answer means; what cannot be read means nothing.
async fn read<T: Wire>(response: Response) -> Answer<T> {
    let status = response.status();
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .map(Span::seconds);
    let Ok(body) = response.bytes().await else {
        return unknown("the answer broke off");
    };
    let answer = match status {
        StatusCode::OK => serde_json::from_slice(&body).ok().and_then(T::read).map(Answer::Done),
        StatusCode::PAYMENT_REQUIRED => {
            serde_json::from_slice(&body).ok().and_then(Decline::read).map(Answer::Declined)
        }
        StatusCode::BAD_REQUEST => serde_json::from_slice(&body).ok().map(Answer::Rejected),
        _ => None,
    };
    answer.unwrap_or_else(|| {
        Answer::Unknown(Unknown { reason: format!("the sandbox answered {status}"), retry_after })
    })
}

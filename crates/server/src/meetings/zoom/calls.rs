//! One call: a token, one exchange, and what of its status does not depend on the call.

use gateways::http::{Lost, Reply};
use reqwest::Method;
use serde_json::Value;

use super::{Zoom, wire};
use crate::config::Secret;
use crate::meetings::provider::{No, Said};

impl Zoom {
    /// `Ok` is an answer below 500 that is neither 401, 403 nor 429.
    pub(super) async fn call(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Option<&Value>,
    ) -> Said<Reply> {
        let token = self.token().await?;
        let sent = self.exchange(&token, (method.clone(), path, query), body).await;
        if !matches!(&sent, Ok(reply) if reply.status == 401) {
            return self.meant(sent);
        }
        // It ended before its time: refused unread, so the call is made once more with a new one.
        self.forget(&token).await;
        let token = self.token().await?;
        let sent = self.exchange(&token, (method, path, query), body).await;
        self.meant(sent)
    }

    async fn exchange(
        &self,
        token: &Secret,
        (method, path, query): (Method, &str, &[(&str, &str)]),
        body: Option<&Value>,
    ) -> Result<Reply, Lost> {
        let url = format!("{}/v2/{path}", self.api_base);
        let mut request = self.http.request(method, &url).bearer_auth(token.expose());
        if !query.is_empty() {
            request = request.query(query);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        self.http.send(request).await
    }

    fn meant(&self, sent: Result<Reply, Lost>) -> Said<Reply> {
        match sent {
            Ok(reply) if reply.status == 429 => Err(No::Later {
                reason: "too many requests".into(),
                pause: wire::pause(&reply, self.clock.now()),
            }),
            // Settings that somebody has to mend; nothing was done.
            Ok(reply) if matches!(reply.status, 401 | 403) => {
                let reason = format!("our credentials are refused ({})", reply.status);
                Err(No::Later { reason, pause: None })
            }
            Ok(reply) if reply.status >= 500 => Err(No::Unknown(format!("an answer of {}", reply.status))),
            Ok(reply) => Ok(reply),
            Err(Lost::NotSent(reason)) => {
                Err(No::Later { reason: format!("not sent: {reason}"), pause: None })
            }
            Err(Lost::Unknown(reason)) => Err(No::Unknown(reason)),
        }
    }
}

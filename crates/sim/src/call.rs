//! One request of somebody to the router, and what he hears.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use domain::time::Timestamp;
use serde_json::Value;
use tower::ServiceExt;

/// Answers are smaller.
const BYTES_MAX: usize = 1 << 20;

/// What a request is about, for the model; ids are the wire's.
#[derive(Clone, Debug, PartialEq)]
pub enum About {
    Book { student: usize, teacher: usize, starts_at: Timestamp, minutes: i64 },
    Accept { booking: i64 },
    Cancel { booking: i64 },
    Complete { booking: i64 },
    Pay { booking: i64 },
    OpenIntent { booking: i64 },
    ConfirmIntent { booking: i64 },
    Purchase { student: usize, teacher: usize },
}

/// A request that can be made again, exactly so.
#[derive(Clone, Debug)]
pub struct Call {
    pub about: About,
    pub token: String,
    pub path: String,
    pub body: String,
    pub key: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    pub status: u16,
    pub body: Value,
}

impl Reply {
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// A definite no of the bank, as against a refusal of ours.
    pub fn is_decline(&self) -> bool {
        self.status == 400 && self.body["details"].get("decline_code").is_some()
    }
}

impl Call {
    /// The same person cancels a booking.
    pub fn cancelling(&self, booking: i64) -> Call {
        Call {
            about: About::Cancel { booking },
            token: self.token.clone(),
            path: format!("/api/bookings/bookings/{booking}/cancel/"),
            body: r#"{"reason":"something came up"}"#.to_owned(),
            key: None,
        }
    }

    pub async fn send(self, router: Router) -> Reply {
        let mut request = Request::post(&self.path)
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json");
        if let Some(key) = &self.key {
            request = request.header("idempotency-key", key);
        }
        let request = request.body(Body::from(self.body)).expect("paths and keys are plain");
        let response = router.oneshot(request).await.expect("routers do not fail");
        let status = response.status().as_u16();
        let bytes = to_bytes(response.into_body(), BYTES_MAX).await.unwrap_or_default();
        Reply { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) }
    }
}

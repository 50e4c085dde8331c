//! The sandbox gateway: a whole payment gateway on this machine, with books of its own.
//!
//! It follows the published test cards, honours idempotency keys, opens disputes, plays scripted
//! faults and signs its webhooks; it knows no network but its own loopback. Its books are the only
//! honest oracle for double charges: they are committed before any answer and share nothing with
//! the marketplace's database. In process ([`SandboxGateway::in_process`]) it is a function call,
//! alone ([`router`], [`SandboxGateway::over_http`]) it survives the marketplace's crashes.
//! Real money, real cards and rules of the marketplace are deliberately not here.

mod books;
mod cards;
mod charges;
mod client;
mod core;
mod customers;
mod deliver;
mod disputes;
mod faults;
mod gateway;
mod http;
mod payouts;
mod readout;
mod refunds;
mod tables;
mod webhooks;
mod wire;

pub use books::{Books, BooksError};
pub use cards::{TOKEN_PREFIX, published_numbers, token_of_number};
pub use core::{Clock, Core, KEY_WINDOW, Verdict};
pub use deliver::{DeliverError, Deliverer};
pub use disputes::EVIDENCE_TIME;
pub use faults::{Call, CallFault, Fault, Faults, WebhookFaults};
pub use gateway::{ControlError, SandboxGateway};
pub use http::router;
pub use payouts::RETURN_TAKES;
pub use readout::{ChargeLine, DisputeLine, PayoutLine, Readout, RefundLine, Totals};
pub use refunds::REFUND_TAKES;
pub use webhooks::{Delivery, OutgoingWebhook, SIGNATURE_HEADER};

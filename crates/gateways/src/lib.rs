//! Everything that speaks to the outside about money: one trait, a registry, one folder a gateway.
//!
//! Gateways return reports; they never decide what a payment becomes. They keep no state of the
//! marketplace's and never retry on their own: the protocol (`server::protocol`) decides when to
//! ask again, always with the same key.

pub mod contract;
pub mod gateway;
pub mod http;
pub mod registry;
pub mod sandbox;
pub mod signature;
pub mod stripe;
pub mod testing;

//! The gateways from outside: one binary, one module a gateway.

#![expect(clippy::unwrap_used, reason = "a test that meets nothing where something must be has failed")]

mod stripe;

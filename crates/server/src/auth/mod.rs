//! Who somebody is: passwords, access tokens, refresh tokens, tokens of another issuer,
//! logins at a provider.
//!
//! Invariants: one algorithm per key, chosen by configuration and never by the token; lifetimes
//! run on the clock given here, which is the real one; no secret is printed. Deliberately not
//! here: sessions, roles and anything else in the database. A token says who, never what he may.

pub mod chain;
pub mod external;
pub mod one_time;
pub mod openid;
pub mod password;
pub mod refresh;
pub mod token;

mod compact;

//! The server: configuration, HTTP, pages and background work around the domain's rules.
//!
//! A room may use only rooms written above it. Business rules are in `domain`, SQL in `store`,
//! gateways in `gateways`; here they meet.

pub mod node;

pub mod dice;

pub mod clock;

pub mod config;

pub mod logging;

pub mod auth;

pub mod seal;

pub mod protocol;

pub mod mail;
pub mod meetings;

pub mod notices;

pub mod vitals;

pub mod app;

pub mod http;

pub mod erasures;

pub mod inbound;

pub mod jobs;

pub mod api;

pub mod commands;

pub mod cli;

//! One binary for every test of the whole server: a module a room.

mod api;
mod background;
mod cli;
mod client;
mod common;
mod docs;
mod http;
mod leaks;
mod mainjob;
mod peers;
mod people;

//! One binary for every test of the whole server: a module a room.

mod background;
mod cli;
mod http;

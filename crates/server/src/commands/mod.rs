//! What the command line's words do. Reading the command line is not here.

pub mod admin;

//! Everything SQL: the engine port, migrations, tables and the writer.

pub mod engine;
pub mod migrate;
pub mod testing;

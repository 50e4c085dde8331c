//! A marketplace without a database: the tables as maps, commands run one by one or as a batch, and
//! the books checked after every step. Deliberately not here: SQL, threads, gateways.

mod audit;
pub mod golden;
mod memory;
mod refunds;
mod shop;

pub use memory::Memory;
pub use refunds::*;
pub use shop::*;

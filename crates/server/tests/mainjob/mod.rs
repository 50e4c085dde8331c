//! The product's main job over real HTTP, from registering to a paid booking, with both gateways
//! that can be run here and on both engines.

mod deleting;
pub mod house;
mod journey;
pub mod many;
mod prices;
mod refunds;
pub mod refusals;

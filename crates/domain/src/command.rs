//! The shape of every change of state: load → decide → write.
//!
//! A command may be refused; a fact has already happened and may only be recorded. Two traits, so
//! that nobody can refuse the news that money moved. Both must be repeatable: the writer runs a
//! batch again, one by one, when something in it failed.

use std::collections::BTreeSet;

use crate::context::Context;
use crate::id::Lane;
use crate::refusal::Refusal;
use crate::world::{Needs, World};

/// The lanes that must be locked, sorted.
pub type Lanes = BTreeSet<Lane>;

/// A change that the rules may refuse.
pub trait Command: Send + 'static {
    type Receipt: Send + 'static;

    /// Found from immutable facts only: ids in the command.
    fn lanes(&self, lanes: &mut Lanes);
    /// Asks for rows; called again with what came until nothing new is asked for.
    fn needs(&self, world: &World, needs: &mut Needs);
    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Self::Receipt, Refusal>;
}

/// Something that has happened and can only be recorded.
pub trait Fact: Send + 'static {
    type Receipt: Send + 'static;

    fn lanes(&self, lanes: &mut Lanes);
    fn needs(&self, world: &World, needs: &mut Needs);
    fn record(&self, cx: &Context<'_>, world: &mut World) -> Self::Receipt;
}

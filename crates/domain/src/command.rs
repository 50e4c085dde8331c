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

/// A command that is decided and taken back before anybody can see it: what it would answer now.
#[derive(Clone, Debug)]
pub struct Rehearse<C>(pub C);

impl<C: Command> Command for Rehearse<C> {
    type Receipt = C::Receipt;

    fn lanes(&self, lanes: &mut Lanes) {
        self.0.lanes(lanes);
    }

    fn needs(&self, world: &World, needs: &mut Needs) {
        self.0.needs(world, needs);
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<C::Receipt, Refusal> {
        let receipt = self.0.decide(cx, world);
        world.rollback();
        receipt
    }
}

//! A command or fact in the queue, with the caller who waits for it.

use std::sync::Arc;

use domain::command::{Command, Fact, Lanes};
use domain::context::Context;
use domain::refusal::Refusal;
use domain::world::{Needs, World};
use tokio::sync::oneshot;

use super::Error;
use crate::origin;

/// What the writer needs of anything it runs. May be run again after a batch was rolled back.
pub(crate) trait Work: Send {
    fn lanes(&self, lanes: &mut Lanes);
    fn needs(&self, world: &World, needs: &mut Needs);
    /// Decides. False when it was refused, and its changes must be taken back.
    fn run(&mut self, cx: &Context<'_>, world: &mut World) -> bool;
    /// Answers the caller with what `run` kept, or with why it came to nothing.
    fn answer(self: Box<Self>, outcome: Result<(), Error>);
}

pub(crate) type Reply<T> = oneshot::Sender<Result<T, Error>>;

pub(crate) struct CommandWork<C: Command> {
    command: C,
    origin: Option<Arc<str>>,
    verdict: Option<Result<C::Receipt, Refusal>>,
    reply: Reply<C::Receipt>,
}

impl<C: Command> CommandWork<C> {
    pub(crate) fn new(command: C, reply: Reply<C::Receipt>) -> CommandWork<C> {
        CommandWork { command, origin: origin::current(), verdict: None, reply }
    }
}

impl<C: Command> Work for CommandWork<C> {
    fn lanes(&self, lanes: &mut Lanes) {
        self.command.lanes(lanes);
    }

    fn needs(&self, world: &World, needs: &mut Needs) {
        self.command.needs(world, needs);
    }

    fn run(&mut self, cx: &Context<'_>, world: &mut World) -> bool {
        let cx = Context { origin: self.origin.as_deref(), ..*cx };
        let verdict = self.command.decide(&cx, world);
        let kept = verdict.is_ok();
        self.verdict = Some(verdict);
        kept
    }

    fn answer(self: Box<Self>, outcome: Result<(), Error>) {
        let verdict = self.verdict;
        let answer = outcome.and_then(|()| {
            let verdict = verdict.expect("a committed batch has run all its work");
            verdict.map_err(Error::Refused)
        });
        // A caller who has gone away does not need to know.
        let _gone = self.reply.send(answer);
    }
}

pub(crate) struct FactWork<F: Fact> {
    fact: F,
    origin: Option<Arc<str>>,
    receipt: Option<F::Receipt>,
    reply: Reply<F::Receipt>,
}

impl<F: Fact> FactWork<F> {
    pub(crate) fn new(fact: F, reply: Reply<F::Receipt>) -> FactWork<F> {
        FactWork { fact, origin: origin::current(), receipt: None, reply }
    }
}

impl<F: Fact> Work for FactWork<F> {
    fn lanes(&self, lanes: &mut Lanes) {
        self.fact.lanes(lanes);
    }

    fn needs(&self, world: &World, needs: &mut Needs) {
        self.fact.needs(world, needs);
    }

    fn run(&mut self, cx: &Context<'_>, world: &mut World) -> bool {
        let cx = Context { origin: self.origin.as_deref(), ..*cx };
        self.receipt = Some(self.fact.record(&cx, world));
        true
    }

    fn answer(self: Box<Self>, outcome: Result<(), Error>) {
        let receipt = self.receipt;
        let answer = outcome.map(|()| receipt.expect("a committed batch has run all its work"));
        let _gone = self.reply.send(answer);
    }
}

//! One run: steps chosen by the seed, the auditor after each, and a quiet end.
//!
//! Everything happens on one thread. Requests are futures in a list; a step polls one of them, so
//! that they meet at every point where a real server would let go of them, starts something new,
//! stops something for ever, or lets time pass.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use domain::context::Plants;
use domain::policy::RefundFeePolicy;
use domain::time::{Span, Timestamp};
use server::jobs;
use tokio::task::yield_now;

use crate::actors::{self, Heard};
use crate::audit::{Auditor, Snapshot, Violation, must};
use crate::call::{Call, Reply};
use crate::chance::Chance;
use crate::chores::Chore;
use crate::ear::Ear;
use crate::lessons;
use crate::market::{BEGIN, Market, Opened};
use crate::model::Model;
use crate::people::SignIns;
use crate::postbox::{Postbox, Posted};
use crate::swarm::{PAUSE_MAX, Swarm};

/// Requests and chores under way at the same time.
const FLYING_MAX: usize = 8;
/// Enough polls for any request that nobody keeps waiting.
const POLLS_MAX: usize = 30;
/// No task that we cannot drop stands still for longer between its commit and its call.
const FROZEN_MAX: Span = Span::minutes(4);
/// `verify` asks every lane about everything, which takes longer than a run: one seed in so many.
const VERIFIED: u64 = 16;
/// More jumps of the clock than the slowest operation needs to end.
const QUIET_ROUNDS_MAX: usize = 600;

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    pub seed: u64,
    pub steps: u32,
    pub plants: Plants,
    /// Without the unique indexes behind the rules of charging.
    pub nets_dropped: bool,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub violation: Option<Violation>,
    /// One line for everything that happened; the same for the same plan.
    pub trace: Vec<String>,
    pub steps: u32,
    pub calls: u64,
    /// How many charges took money.
    pub charges: usize,
    pub sign_ins: SignIns,
}

enum Landed {
    Reply(Reply),
    Chore(Result<(), String>),
}

/// A request or a chore under way.
struct Flying {
    number: u64,
    what: What,
    born: Timestamp,
    future: Pin<Box<dyn Future<Output = Landed>>>,
}

enum What {
    Call(Box<Call>),
    Chore(Chore),
}

/// A run in the making.
pub struct Run {
    plan: Plan,
    swarm: Swarm,
    chance: Chance,
    market: Market,
    model: Model,
    auditor: Auditor,
    postbox: Postbox,
    ear: Ear,
    flying: Vec<Flying>,
    trace: Vec<String>,
    /// What the writer and the line had done when the auditor looked last.
    audited: (u64, usize),
    line_events: usize,
    charges: usize,
}

/// Runs a plan on a thread of its own clock.
pub fn run(plan: Plan) -> Opened<Outcome> {
    let ear = Ear::default();
    let _listening = tracing::subscriber::set_default(ear.clone());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
    runtime.block_on(async {
        let mut run = Run::open(plan, ear).await?;
        let violation = run.go().await.err();
        Ok(Outcome {
            violation,
            steps: plan.steps,
            calls: run.model.calls,
            charges: run.charges,
            sign_ins: run.market.sign_ins(),
            trace: run.trace,
        })
    })
}

impl Run {
    async fn open(plan: Plan, ear: Ear) -> Opened<Run> {
        let mut chance = Chance::new(plan.seed);
        let swarm = Swarm::of(&mut chance);
        let market = Market::open(plan.seed, &swarm, &mut chance, plan.plants).await?;
        if plan.nets_dropped {
            market.app.db.drop_nets()?;
        }
        let keeps_fee = market.app.policies.refunds.fee == RefundFeePolicy::Keep;
        let trace = vec![format!("{swarm:?}")];
        let postbox = Postbox::new(swarm.clone(), chance.fork());
        Ok(Run {
            plan,
            swarm,
            chance,
            market,
            model: Model::new(keeps_fee),
            auditor: Auditor::default(),
            postbox,
            ear,
            flying: Vec::new(),
            trace,
            audited: (0, 0),
            line_events: 0,
            charges: 0,
        })
    }

    async fn go(&mut self) -> Result<(), Violation> {
        for _ in 0..self.plan.steps {
            self.step().await?;
            // Timers and tasks that the server has started get their turn.
            yield_now().await;
            self.look().await?;
        }
        self.end().await
    }

    fn note(&mut self, line: String) {
        self.trace.push(line);
    }

    async fn step(&mut self) -> Result<(), Violation> {
        let flying = u32::try_from(self.flying.len()).expect("few");
        let room = u32::from(self.flying.len() < FLYING_MAX);
        let travelling = u32::from(self.market.gateway.travelling() > 0);
        let swarm = &self.swarm;
        let weights = [
            flying.min(1) * 120 + flying * 40,
            room * 60,
            room * swarm.recovery_weight,
            room * swarm.chores_weight,
            room * swarm.chores_weight / 4,
            room * swarm.chores_weight / 2,
            swarm.webhooks_weight,
            travelling * 5,
            4,
            20,
            swarm.hours_weight,
            swarm.days_weight,
            flying.min(1) * swarm.crash_weight,
            flying.min(1) * swarm.crash_all_weight,
            swarm.edges_weight,
            swarm.lessons_weight,
        ];
        match self.chance.weighted(&weights) {
            0 => return self.progress().await,
            1 => return self.request().await,
            2 => self.chore(Chore::Recover),
            3 => self.chore(Chore::Inbox),
            4 => self.chore(Chore::Reconcile),
            5 => self.chore(Chore::Everything),
            6 => return self.webhooks().await,
            7 => drop(self.market.gateway.deliver_any().await),
            8 => self.authenticate().await,
            9 => {
                let seconds = self.chance.between(1, 90);
                self.pass(Span::seconds(seconds)).await;
            }
            10 => {
                let minutes = self.chance.between(10, 180);
                self.pass(Span::minutes(minutes)).await;
            }
            11 => {
                let hours = self.chance.between(20, 60);
                self.pass(Span::hours(hours)).await;
            }
            12 => {
                let index = self.chance.below(self.flying.len());
                let gone = self.flying.remove(index);
                self.note(format!("crash of {}", gone.number));
            }
            13 => {
                self.flying.clear();
                self.market.gateway.crash();
                self.note("crash of the node".to_owned());
            }
            14 => return self.jump_to_an_edge().await,
            _ => return self.jump_to_a_lessons_end().await,
        }
        Ok(())
    }

    /// Time passes until about the end of a lesson, and the clock does what it does then.
    async fn jump_to_a_lessons_end(&mut self) -> Result<(), Violation> {
        let ends = lessons::ends(&self.market.app.db)?;
        let Some(end) = self.chance.pick(&ends) else { return Ok(()) };
        let span = *end + Span::minutes(self.chance.between(-30, 75)) - self.market.now();
        if span > Span::ZERO {
            self.pass(span).await;
        }
        self.chore(Chore::Everything);
        Ok(())
    }

    /// Time passes until just before or after an instant that matters to a live operation.
    async fn jump_to_an_edge(&mut self) -> Result<(), Violation> {
        let broken = |fault: store::engine::Fault| Violation::new("unreadable", fault.to_string());
        let due = self.market.app.db.read(|reads| reads.due_ops(Timestamp::FAR_FUTURE, 64)).await;
        let due = due.map_err(broken)?;
        let Some(op) = self.chance.pick(&due) else { return Ok(()) };
        let begun = op.first_sent_at.unwrap_or(op.created_at);
        let hours = *self.chance.pick(&[23, 23, 24, 25]).expect("there are some");
        let edge = begun + Span::hours(hours) + Span::seconds(self.chance.between(-90, 30));
        let span = edge - self.market.now();
        self.note(format!("edge: {hours} hours of {:?}, {:?}", op.id, op.state));
        if span > Span::ZERO {
            self.pass(span).await;
        }
        // A node looks on both sides of it, and some days the line is slow just then.
        let slow = if self.chance.permille(400) { 800 } else { self.swarm.travels_permille };
        let usual = self.market.gateway.slow_down(slow);
        self.recover_now().await?;
        self.market.gateway.slow_down(usual);
        let seconds = self.chance.between(30, 240);
        self.pass(Span::seconds(seconds)).await;
        self.recover_now().await
    }

    /// Recovery from its beginning to its end, or to where it waits for the gateway.
    async fn recover_now(&mut self) -> Result<(), Violation> {
        if self.flying.len() == FLYING_MAX {
            self.flying.remove(0);
        }
        self.chore(Chore::Recover);
        self.get_on(self.flying.len() - 1, POLLS_MAX).await
    }

    /// Somebody asks for something.
    async fn request(&mut self) -> Result<(), Violation> {
        let hurries = self.model.eager.is_some();
        let next = actors::next_call(&mut self.chance, &self.market, &mut self.model, &self.swarm);
        let Some(call) = next else { return Ok(()) };
        self.model.calls += 1;
        let number = self.model.calls;
        self.note(format!("{number}: {call:?}"));
        let future = self.answer_to(&call);
        let at_once = call.at_once;
        let what = What::Call(Box::new(call));
        self.flying.push(Flying { number, what, born: self.market.now(), future });
        if at_once && !hurries {
            self.get_on(self.flying.len() - 1, 2 * POLLS_MAX).await?;
            if self.model.eager.is_some() && self.flying.len() < FLYING_MAX {
                return Box::pin(self.request()).await;
            }
            return Ok(());
        }
        if hurries && self.flying.len() < FLYING_MAX {
            // The gateway's word of what went wrong comes just when the payer tries again.
            let polls = self.chance.below(18) + 8;
            self.get_on(self.flying.len() - 1, polls).await?;
            self.webhooks().await?;
            self.chore(Chore::Inbox);
            return self.get_on(self.flying.len() - 1, POLLS_MAX).await;
        }
        Ok(())
    }

    fn answer_to(&self, call: &Call) -> Pin<Box<dyn Future<Output = Landed>>> {
        let call = call.clone();
        let (login, router) = (self.market.login(call.who), self.market.router.clone());
        Box::pin(async move { Landed::Reply(call.send(login, router).await) })
    }

    fn chore(&mut self, chore: Chore) {
        self.model.calls += 1;
        let number = self.model.calls;
        self.note(format!("{number}: {chore:?}"));
        let app = self.market.app.clone();
        let future =
            Box::pin(async move { Landed::Chore(chore.run(app).await.map_err(|error| error.to_string())) });
        self.flying.push(Flying { number, what: What::Chore(chore), born: self.market.now(), future });
    }

    /// One of those under way gets on: by one step, or by many.
    async fn progress(&mut self) -> Result<(), Violation> {
        let index = self.chance.below(self.flying.len());
        let polls = *self.chance.pick(&[1, 1, 1, 2, 3, 5, POLLS_MAX]).expect("there are some");
        self.get_on(index, polls).await
    }

    async fn get_on(&mut self, index: usize, polls: usize) -> Result<(), Violation> {
        for _ in 0..polls {
            let flying = &mut self.flying[index];
            if let Poll::Ready(landed) = poll_once(flying).await? {
                let flying = self.flying.remove(index);
                return self.lands(&flying, landed);
            }
            yield_now().await;
        }
        Ok(())
    }

    fn lands(&mut self, flying: &Flying, landed: Landed) -> Result<(), Violation> {
        match (&flying.what, landed) {
            (What::Call(call), Landed::Reply(reply)) => {
                self.note(format!("{} is told {} {}", flying.number, reply.status, reply.body));
                let heard = Heard { market: &self.market, call, started: flying.number, reply: &reply };
                self.model.hears(&heard)
            }
            (What::Chore(chore), Landed::Chore(done)) => {
                self.note(format!("{} ends: {done:?}", flying.number));
                done.map_err(|error| Violation::new("chore", format!("{chore:?}: {error}")))
            }
            _ => unreachable!("calls are answered and chores end"),
        }
    }

    async fn webhooks(&mut self) -> Result<(), Violation> {
        let posted = self.postbox.round(&self.market).await;
        self.note(format!("webhooks: {posted:?}"));
        well_taken(&posted)
    }

    /// A payer finishes, or fails, a challenge at his bank.
    async fn authenticate(&mut self) {
        let Some((_, reference)) = self.chance.pick(&self.model.intents).cloned() else { return };
        let passes = self.chance.permille(700);
        let answer = self.market.core.authenticate(&reference, passes).await;
        self.note(format!("challenge of {reference} passed {passes}: {answer:?}"));
    }

    /// Time passes. Requests on the line arrive when they must, also those that are only sent now;
    /// whoever hangs too long is dead.
    async fn pass(&mut self, span: Span) {
        let until = self.market.now() + span;
        self.note(format!("{} s pass", span.whole_seconds()));
        loop {
            if until - self.market.now() > FROZEN_MAX {
                // What the server does in tasks of its own cannot be dropped, so it gets to where it waits.
                for _ in 0..POLLS_MAX {
                    yield_now().await;
                }
            }
            let Some(arrival) = self.market.gateway.next_arrival().filter(|at| *at <= until) else { break };
            self.go_to(arrival).await;
            self.market.gateway.deliver_due(arrival).await;
        }
        self.go_to(until).await;
    }

    async fn go_to(&mut self, until: Timestamp) {
        let now = self.market.now();
        if until <= now {
            return;
        }
        self.flying.retain(|flying| until - flying.born <= PAUSE_MAX);
        self.market.clock.set(until);
        let micros = u64::try_from((until - now).0).expect("time goes forward");
        tokio::time::advance(Duration::from_micros(micros)).await;
    }

    /// The auditor looks, if there is anything new to see.
    async fn look(&mut self) -> Result<(), Violation> {
        let events = self.market.gateway.take_log();
        self.line_events += events.len();
        for event in events {
            self.note(format!("  line: {event}"));
        }
        for said in self.ear.take() {
            self.note(format!("  log: {}", said.text));
            if said.is_fault {
                return Err(Violation::new("fault", said.text));
            }
        }
        let state = (self.market.writes(), self.line_events);
        if state == self.audited {
            return Ok(());
        }
        self.audited = state;
        let (seen, books) = self.see().await?;
        self.auditor.look(&seen, &books, &self.model)
    }

    async fn see(&mut self) -> Result<(Snapshot, gateways::sandbox::Readout), Violation> {
        let broken = |error: String| Violation::new("unreadable", error);
        let seen = Snapshot::take(&self.market.app.db).map_err(|fault| broken(fault.to_string()))?;
        let books = self.market.core.readout().await.map_err(|error| broken(error.to_string()))?;
        self.charges = books.charges.iter().filter(|charge| charge.state == "succeeded").count();
        Ok((seen, books))
    }

    /// The line is mended and everybody goes home: what is left must come to its end by itself.
    async fn end(&mut self) -> Result<(), Violation> {
        self.note("the end begins".to_owned());
        self.flying.clear();
        self.market.gateway.calm();
        self.postbox.calm();
        if self.chance.permille(300) {
            // A long night before anybody looks.
            self.pass(Span::hours(30)).await;
        }
        for _ in 0..QUIET_ROUNDS_MAX {
            self.settle().await?;
            self.look().await?;
            let (seen, books) = self.see().await?;
            let next = lessons::next(&seen);
            let silent = self.market.gateway.travelling() == 0;
            if next.is_none() && silent && self.inbox_is_quiet().await? {
                self.auditor.conclude(&seen, &books, &self.model)?;
                return self.second_opinions().await;
            }
            let pause = next.map_or(Span::HOUR, |next| next - self.market.now());
            self.pass(pause.max(Span::SECOND)).await;
        }
        Err(Violation::new("I35", "it never became quiet"))
    }

    /// Everything that is due now.
    async fn settle(&mut self) -> Result<(), Violation> {
        if self.chance.permille(500) {
            self.webhooks().await?;
        }
        for chore in [Chore::Recover, Chore::Inbox, Chore::Everything, Chore::Reconcile] {
            let done = chore.run(self.market.app.clone()).await;
            done.map_err(|error| Violation::new("chore", format!("{chore:?}: {error}")))?;
        }
        Ok(())
    }

    /// What the product itself says of its books, at rest: reconciliation and `verify`.
    async fn second_opinions(&self) -> Result<(), Violation> {
        let differences = jobs::reconcile_all(&self.market.app, Some(BEGIN)).await;
        let differences = differences.map_err(|error| Violation::new("unreadable", error.to_string()))?;
        must(differences.is_empty(), "reconciliation", || format!("{differences:?}"))?;
        if !self.plan.seed.is_multiple_of(VERIFIED) {
            return Ok(());
        }
        let findings = self.market.app.db.read_now(store::verify::verify);
        let findings = findings.map_err(|fault| Violation::new("unreadable", fault.to_string()))?;
        must(findings.is_empty(), "verify", || format!("{findings:?}"))
    }

    async fn inbox_is_quiet(&self) -> Result<bool, Violation> {
        let far = Timestamp::FAR_FUTURE;
        let due = self.market.app.db.read(move |reads| reads.due_inbox(far, 1)).await;
        due.map(|due| due.is_empty()).map_err(|fault| Violation::new("unreadable", fault.to_string()))
    }
}

/// Every authentic webhook is taken in.
fn well_taken(posted: &[Posted]) -> Result<(), Violation> {
    let all = posted.iter().all(|posted| posted.status == 200);
    if all { Ok(()) } else { Err(Violation::new("webhook", format!("answered {posted:?}"))) }
}

/// Polls one of those under way; its panic is a finding, not our end.
async fn poll_once(flying: &mut Flying) -> Result<Poll<Landed>, Violation> {
    poll_fn(|cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| flying.future.as_mut().poll(cx)));
        Poll::Ready(polled.map_err(|_| Violation::new("panic", format!("number {}", flying.number))))
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_plan_gives_the_same_trace() {
        let plan = Plan { seed: 1, steps: 100, plants: Plants::default(), nets_dropped: false };
        let (one, two) = (run(plan).unwrap(), run(plan).unwrap());
        assert_eq!(one.trace, two.trace);
    }
}

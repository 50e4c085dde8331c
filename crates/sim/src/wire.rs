//! The gateway behind a bad line: requests get lost, arrive late or twice, answers vanish.
//!
//! Invariants: what is done is done in the sandbox's own books, which survive every crash; a request
//! travels at most [`TRAVEL_MAX`]; a caller that was stopped for longer than [`PAUSE_MAX`], or whose
//! node crashed, never gets on, also where the server drives it in a task of its own; chance comes
//! from the seed. The words "gateway" and "books" mean
//! the sandbox's, which never lies.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use domain::gateway::{Answer, CardFace, CardReport, ChargeReport, Notice, RefundReport, Unknown};
use domain::time::{Span, Timestamp};
use gateways::gateway::{
    Abilities, CancelCharge, ConfirmCharge, CreateCharge, CreateCustomer, CreateRefund, Gateway, Inbound,
    InboundError, KeyWindows, Pending, RawCard, Statement,
};
use gateways::sandbox::{Core, SandboxGateway, Verdict};
use tokio::task::yield_now;

use crate::chance::Chance;
use crate::swarm::{PAUSE_MAX, Swarm, TRAVEL_MAX};

/// How long a caller waits for an answer that never comes.
pub const TIMEOUT: Duration = Duration::from_secs(8);

/// A request that is still on its way.
#[derive(Clone, Debug)]
enum Letter {
    Create(CreateCharge),
    Confirm(ConfirmCharge),
    Cancel(CancelCharge),
    Refund(CreateRefund),
}

struct Travelling {
    letter: Letter,
    /// It arrives then at the latest.
    latest: Timestamp,
}

/// Somebody who calls: since when, and after how many crashes.
#[derive(Clone, Copy)]
struct Caller {
    since: Timestamp,
    crashes: u32,
}

/// What happens to one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Arrives,
    NotSent,
    Lost,
    Travels,
    Unanswered,
    Error,
    RateLimited,
    Twice,
}

struct Line {
    /// Crashes of the node so far.
    crashes: u32,
    swarm: Swarm,
    chance: Chance,
    travelling: Vec<Travelling>,
    /// What happened on the line since somebody last asked.
    log: Vec<String>,
}

/// The sandbox gateway as a marketplace far away sees it.
pub struct FlakyGateway {
    core: Arc<Core>,
    near: SandboxGateway,
    one_call: bool,
    line: Mutex<Line>,
}

impl FlakyGateway {
    pub fn new(core: Arc<Core>, secret: &str, swarm: Swarm, chance: Chance) -> FlakyGateway {
        let near = SandboxGateway::in_process(Arc::clone(&core), TIMEOUT, vec![secret.to_owned()]);
        let one_call = swarm.one_call;
        let line = Line { crashes: 0, swarm, chance, travelling: Vec::new(), log: Vec::new() };
        FlakyGateway { core, near, one_call, line: Mutex::new(line) }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().expect("nothing panics while it holds the line")
    }

    /// What happened on the line since the last call.
    pub fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut self.line().log)
    }

    /// From now on nothing goes wrong any more.
    pub fn calm(&self) {
        let mut line = self.line();
        line.swarm = line.swarm.calm();
    }

    /// Nobody who is calling now will ever hear anything.
    pub fn crash(&self) {
        self.line().crashes += 1;
    }

    fn caller(&self) -> Caller {
        Caller { since: self.core.now(), crashes: self.line().crashes }
    }

    /// Whoever died meanwhile waits for ever.
    async fn if_alive(&self, caller: Caller) {
        let Caller { since, crashes } = self.caller();
        if since - caller.since > PAUSE_MAX || crashes != caller.crashes {
            std::future::pending::<()>().await;
        }
    }

    /// For a while most requests take long, or the line is as it was; answers the former share.
    pub fn slow_down(&self, travels_permille: u32) -> u32 {
        std::mem::replace(&mut self.line().swarm.travels_permille, travels_permille)
    }

    pub fn travelling(&self) -> usize {
        self.line().travelling.len()
    }

    /// When the first request on its way must have arrived.
    pub fn next_arrival(&self) -> Option<Timestamp> {
        self.line().travelling.iter().map(|travelling| travelling.latest).min()
    }

    /// One of the requests on their way arrives; false when there is none.
    pub async fn deliver_any(&self) -> bool {
        let letter = {
            let mut line = self.line();
            let many = line.travelling.len();
            let index = line.chance.below(many);
            (index < many).then(|| line.travelling.remove(index).letter)
        };
        let Some(letter) = letter else { return false };
        self.deliver(letter).await;
        true
    }

    /// Everything that must have arrived by now arrives.
    pub async fn deliver_due(&self, now: Timestamp) {
        loop {
            let letter = {
                let mut line = self.line();
                let due = line.travelling.iter().position(|travelling| travelling.latest <= now);
                due.map(|index| line.travelling.remove(index).letter)
            };
            let Some(letter) = letter else { return };
            self.deliver(letter).await;
        }
    }

    /// Nobody hears the answer.
    async fn deliver(&self, letter: Letter) {
        self.line().log.push(format!("a late request arrives: {}", letter.describe()));
        match letter {
            Letter::Create(request) => drop(self.core.create_charge(&request).await),
            Letter::Confirm(request) => drop(self.core.confirm_charge(&request).await),
            Letter::Cancel(request) => drop(self.core.cancel_charge(&request).await),
            Letter::Refund(request) => drop(self.core.create_refund(&request).await),
        }
    }

    /// A call that changes something: it may be on its way for long.
    async fn send<T>(&self, letter: Letter, executed: impl Future<Output = Verdict<T>>) -> Answer<T> {
        let caller = self.caller();
        yield_now().await;
        self.if_alive(caller).await;
        let fate = self.fate(Some(&letter));
        let answer = match fate {
            Fate::NotSent => Answer::NotSent("connection refused".to_owned()),
            Fate::Lost => self.silence().await,
            Fate::Travels => {
                self.post(letter);
                self.silence().await
            }
            Fate::Error => unknown("500", None),
            Fate::RateLimited => unknown("429", Some(Span::seconds(3))),
            Fate::Unanswered => {
                drop(executed.await);
                self.silence().await
            }
            Fate::Twice => {
                self.post(letter);
                self.hear(executed).await
            }
            Fate::Arrives => self.hear(executed).await,
        };
        self.if_alive(caller).await;
        answer
    }

    /// A question: it changes nothing, so nobody cares when it arrives.
    async fn ask<T>(&self, executed: impl Future<Output = Verdict<T>>) -> Answer<T> {
        let caller = self.caller();
        yield_now().await;
        self.if_alive(caller).await;
        let answer = match self.fate(None) {
            Fate::NotSent => Answer::NotSent("connection refused".to_owned()),
            Fate::Error => unknown("500", None),
            Fate::RateLimited => unknown("429", Some(Span::seconds(3))),
            Fate::Lost | Fate::Unanswered | Fate::Travels => self.silence().await,
            Fate::Arrives | Fate::Twice => self.hear(executed).await,
        };
        self.if_alive(caller).await;
        answer
    }

    async fn hear<T>(&self, executed: impl Future<Output = Verdict<T>>) -> Answer<T> {
        let verdict = executed.await;
        yield_now().await;
        if verdict.lost { self.silence().await } else { verdict.answer }
    }

    /// The connection breaks, or nothing comes until patience ends.
    async fn silence<T>(&self) -> Answer<T> {
        let waits = {
            let mut line = self.line();
            let permille = line.swarm.patience_permille;
            line.chance.permille(permille)
        };
        if waits {
            tokio::time::sleep(TIMEOUT).await;
            return unknown("no answer within the time limit", None);
        }
        yield_now().await;
        unknown("connection reset", None)
    }

    fn post(&self, letter: Letter) {
        let mut line = self.line();
        let travels = Span(line.chance.between(0, TRAVEL_MAX.0));
        line.travelling.push(Travelling { letter, latest: self.core.now() + travels });
    }

    fn fate(&self, letter: Option<&Letter>) -> Fate {
        let mut line = self.line();
        let swarm = &line.swarm;
        let troubles = [
            (Fate::NotSent, swarm.not_sent_permille),
            (Fate::Lost, swarm.lost_permille),
            (Fate::Travels, swarm.travels_permille),
            (Fate::Unanswered, swarm.unanswered_permille),
            (Fate::Error, swarm.error_permille),
            (Fate::RateLimited, swarm.rate_limited_permille),
            (Fate::Twice, swarm.twice_permille),
        ];
        let met = troubles.into_iter().find(|(_, permille)| line.chance.permille(*permille));
        let fate = met.map_or(Fate::Arrives, |(fate, _)| fate);
        let what = letter.map_or_else(|| "a question".to_owned(), Letter::describe);
        line.log.push(format!("{what}: {fate:?}"));
        fate
    }
}

impl Letter {
    fn describe(&self) -> String {
        match self {
            Letter::Create(request) => format!("create {}", request.key),
            Letter::Confirm(request) => format!("confirm {} {}", request.key, request.reference),
            Letter::Cancel(request) => format!("cancel {} {}", request.key, request.reference),
            Letter::Refund(request) => format!("refund {} {}", request.key, request.charge),
        }
    }
}

fn unknown<T>(reason: &str, retry_after: Option<Span>) -> Answer<T> {
    Answer::Unknown(Unknown { reason: reason.to_owned(), retry_after })
}

impl Gateway for FlakyGateway {
    fn name(&self) -> &'static str {
        self.near.name()
    }

    fn abilities(&self) -> Abilities {
        Abilities { one_call_charge: self.one_call, ..self.near.abilities() }
    }

    fn key_windows(&self) -> KeyWindows {
        self.near.key_windows()
    }

    fn live(&self) -> bool {
        false
    }

    fn create_charge<'a>(&'a self, request: &'a CreateCharge) -> Pending<'a, Answer<ChargeReport>> {
        Box::pin(self.send(Letter::Create(request.clone()), self.core.create_charge(request)))
    }

    fn confirm_charge<'a>(&'a self, request: &'a ConfirmCharge) -> Pending<'a, Answer<ChargeReport>> {
        Box::pin(self.send(Letter::Confirm(request.clone()), self.core.confirm_charge(request)))
    }

    fn cancel_charge<'a>(&'a self, request: &'a CancelCharge) -> Pending<'a, Answer<ChargeReport>> {
        Box::pin(self.send(Letter::Cancel(request.clone()), self.core.cancel_charge(request)))
    }

    fn find_charge<'a>(&'a self, reference: &'a str) -> Pending<'a, Answer<ChargeReport>> {
        Box::pin(self.ask(self.core.find_charge(reference)))
    }

    fn create_refund<'a>(&'a self, request: &'a CreateRefund) -> Pending<'a, Answer<RefundReport>> {
        Box::pin(self.send(Letter::Refund(request.clone()), self.core.create_refund(request)))
    }

    fn find_refund<'a>(&'a self, reference: &'a str) -> Pending<'a, Answer<RefundReport>> {
        Box::pin(self.ask(self.core.find_refund(reference)))
    }

    fn create_customer<'a>(&'a self, request: &'a CreateCustomer) -> Pending<'a, Answer<String>> {
        Box::pin(self.ask(self.core.create_customer(request)))
    }

    fn attach_card<'a>(&'a self, customer: &'a str, token: &'a str) -> Pending<'a, Answer<CardReport>> {
        Box::pin(self.ask(self.core.attach_card(customer, token)))
    }

    fn detach_card<'a>(&'a self, token: &'a str) -> Pending<'a, Answer<()>> {
        Box::pin(self.ask(self.core.detach_card(token)))
    }

    fn delete_customer<'a>(&'a self, customer: &'a str) -> Pending<'a, Answer<()>> {
        Box::pin(self.ask(self.core.delete_customer(customer)))
    }

    fn test_token(&self, card: &RawCard) -> Option<String> {
        self.near.test_token(card)
    }

    fn known_face(&self, token: &str) -> Option<CardFace> {
        self.near.known_face(token)
    }

    fn list_since<'a>(&'a self, since: Timestamp, page: Option<&'a str>) -> Pending<'a, Answer<Statement>> {
        Box::pin(self.ask(self.core.list_since(since, page)))
    }

    fn receive(&self, inbound: Inbound<'_>) -> Result<Notice, InboundError> {
        self.near.receive(inbound)
    }
}

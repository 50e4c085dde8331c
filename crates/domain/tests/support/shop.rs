//! One teacher, one student, one gig, one gateway; and the short words that flows are told in.

use domain::bookings::{Actor, Cancel, Complete, Confirm, Create};
use domain::command::{Command, Fact, Lanes};
use domain::context::{Context, Plants};
use domain::gateway::{
    Answer, CardFace, ChargeReport, ChargeState, Decline, RefundReport, RefundReportState, Unknown,
};
use domain::id::{BookingId, Id, LANES, OfferId, OpId, PaymentId, PersonId, RefundId};
use domain::idempotency::Key;
use domain::ledger::{Account, Draft, Phase};
use domain::money::{Currency, Money};
use domain::operations::{Claim, Claimed, Heard, Rail, Ticket};
use domain::payments::{Begun, Method, PayBooking, PurchaseSession, RecordCharge, Release, Settled};
use domain::policy::{Policies, PriceUnit};
use domain::records::{Booking, Category, Confirmer, Offer, OfferState, Op, Payment, Refund, RefundCause};
use domain::refunds::{RecordRefund, SettledRefund};
use domain::refusal::Refusal;
use domain::schedule::Slot;
use domain::time::{Span, Timestamp};
use domain::world::{Needs, World};

use super::Memory;

pub const STUDENT: PersonId = PersonId(LANES + 1);
pub const TEACHER: PersonId = PersonId(LANES + 2);
pub const GIG: OfferId = OfferId(LANES + 2);
pub const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

/// A marketplace in memory.
#[derive(Clone)]
pub struct Shop {
    pub kept: Memory,
    pub now: Timestamp,
    pub policies: Policies,
}

impl Default for Shop {
    fn default() -> Shop {
        Shop::with(Policies::default())
    }
}

impl Shop {
    /// The gig costs 50.00 an hour.
    pub fn with(policies: Policies) -> Shop {
        let mut kept = Memory::default();
        for person in [STUDENT, TEACHER] {
            kept.lanes.insert(person.lane(), 100);
        }
        let offer = Offer {
            id: GIG,
            payee: TEACHER,
            category: Category::Language,
            service_type: "lesson".into(),
            title: "Conversation".into(),
            short_description: String::new(),
            full_description: String::new(),
            price_minor: 5_000,
            currency: Currency::USD,
            session_minutes: 60,
            tags: "[]".into(),
            session_contents: String::new(),
            state: OfferState::Active,
            created_at: NOW,
            updated_at: NOW,
        };
        kept.offers.insert(GIG, offer);
        Shop { kept, now: NOW, policies }
    }

    fn context(&self) -> Context<'_> {
        Context { now: self.now, policies: &self.policies, plants: Plants::default(), origin: None }
    }

    /// Runs one command as a batch of its own; a refusal must touch nothing.
    pub fn submit<C: Command>(&mut self, command: &C) -> Result<C::Receipt, Refusal> {
        let mut lanes = Lanes::new();
        command.lanes(&mut lanes);
        let mut world = self.kept.load(&lanes, |world, needs| command.needs(world, needs));
        let verdict = command.decide(&self.context(), &mut world);
        if verdict.is_err() {
            world.rollback();
        }
        self.commit(&world);
        verdict
    }

    pub fn record<F: Fact>(&mut self, fact: &F) -> F::Receipt {
        let mut lanes = Lanes::new();
        fact.lanes(&mut lanes);
        let mut world = self.kept.load(&lanes, |world, needs| fact.needs(world, needs));
        let receipt = fact.record(&self.context(), &mut world);
        self.commit(&world);
        receipt
    }

    /// Two commands that were loaded together, the second deciding on what the first has left.
    pub fn submit_both<A: Command, B: Command>(
        &mut self,
        a: &A,
        b: &B,
    ) -> (Result<A::Receipt, Refusal>, Result<B::Receipt, Refusal>) {
        let mut lanes = Lanes::new();
        a.lanes(&mut lanes);
        b.lanes(&mut lanes);
        let both = |world: &World, needs: &mut Needs| {
            a.needs(world, needs);
            b.needs(world, needs);
        };
        let mut world = self.kept.load(&lanes, both);
        let cx = self.context();
        let first = a.decide(&cx, &mut world);
        if first.is_ok() {
            world.checkpoint();
        } else {
            world.rollback();
        }
        let second = b.decide(&cx, &mut world);
        if second.is_ok() {
            world.checkpoint();
        } else {
            world.rollback();
        }
        self.commit(&world);
        (first, second)
    }

    fn commit(&mut self, world: &World) {
        self.kept.keep(world);
        super::audit::check(&self.kept);
    }

    pub fn wait(&mut self, span: Span) {
        self.now = self.now + span;
    }

    /// Posted and pending of an account in the teacher's lane, as an accountant writes it: credits
    /// negative.
    pub fn balance(&self, account: &Account) -> (i64, i64) {
        let balance = self.kept.balances.get(&account.key(TEACHER.lane(), Currency::USD));
        balance.map_or((0, 0), |b| (b.posted_minor, b.pending_minor))
    }
}

pub fn usd(minor: i64) -> Money {
    Currency::USD.minor(minor)
}

pub fn clearing() -> Account {
    Account::Clearing("sandbox".into())
}

/// A gateway of two calls that remembers its keys for a day.
pub fn rail() -> Rail {
    Rail {
        gateway: "sandbox".into(),
        one_call: false,
        charge_window: Span::hours(24),
        refund_window: Span::hours(24),
    }
}

pub fn card() -> Method {
    Method { token: "pm_1".into(), customer: None, saved: false }
}

pub fn pay(booking: BookingId) -> PayBooking {
    PayBooking {
        booking,
        payer: STUDENT,
        rail: rail(),
        method: Some(card()),
        confirmer: Confirmer::Server,
        action_allowed: false,
        key: None,
    }
}

/// Buying a session at the flat price, to be scheduled by the teacher.
pub fn purchase() -> PurchaseSession {
    PurchaseSession {
        offer: GIG,
        payer: STUDENT,
        rail: rail(),
        method: card(),
        unit: PriceUnit::Session,
        slot: None,
        key: None,
    }
}

pub fn key(name: &str) -> Key {
    Key {
        person: STUDENT,
        operation: "pay_booking".into(),
        key: name.into(),
        body_hash: "body".into(),
        window: None,
    }
}

/// The story of one booking.
impl Shop {
    /// In a day, for so many minutes.
    pub fn slot(&self, minutes: i64) -> Slot {
        let starts_at = self.now + Span::DAY;
        Slot { starts_at, ends_at: starts_at + Span::minutes(minutes) }
    }

    pub fn create(&mut self, minutes: i64) -> Booking {
        let slot = self.slot(minutes);
        self.try_create(slot).unwrap()
    }

    pub fn try_create(&mut self, slot: Slot) -> Result<Booking, Refusal> {
        self.submit(&Create {
            payer: STUDENT,
            payee: TEACHER,
            offer: GIG,
            slot,
            notes: String::new(),
            session_type: "video_call".into(),
        })
    }

    /// Created and confirmed: 90 minutes at 50.00 with 5 % on top is the 78.75 of E2.
    pub fn booked(&mut self) -> BookingId {
        let id = self.create(90).id;
        let yes = Confirm { booking: id, payer: STUDENT, actor: Actor::Party(TEACHER), slot: None };
        self.submit(&yes).unwrap();
        id
    }

    /// A charge under way.
    pub fn paying(&mut self) -> (BookingId, Ticket) {
        let id = self.booked();
        let ticket = self.begin(&pay(id));
        (id, ticket)
    }

    pub fn begin(&mut self, command: &PayBooking) -> Ticket {
        match self.submit(command) {
            Ok(Begun::Send(ticket)) => *ticket,
            other => panic!("{other:?}"),
        }
    }

    pub fn paid(&mut self) -> (BookingId, PaymentId) {
        let (booking, ticket) = self.paying();
        self.hear(&ticket, done(&ticket, ChargeState::Succeeded));
        (booking, self.op(ticket.op).payment)
    }

    /// What the holder of a ticket reports.
    pub fn hear(&mut self, ticket: &Ticket, heard: Heard<ChargeReport>) -> Settled {
        self.record(&told(ticket.op, Some(ticket.fence), heard))
    }

    /// What a webhook's refetch reports.
    pub fn refetched(&mut self, ticket: &Ticket, heard: Heard<ChargeReport>) -> Settled {
        self.record(&told(ticket.op, None, heard))
    }

    /// Takes an operation in hand, now.
    pub fn claim(&mut self, op: OpId, cancel: bool) -> Claimed {
        self.submit(&Claim { op, rail: rail(), cancel, at_once: true }).unwrap()
    }

    pub fn take(&mut self, op: OpId, cancel: bool) -> Ticket {
        match self.claim(op, cancel) {
            Claimed::Go(ticket) => *ticket,
            other => panic!("{other:?}"),
        }
    }

    pub fn hear_refund(&mut self, op: OpId, heard: Heard<RefundReport>) -> SettledRefund {
        let fence = Some(self.op(op).fence);
        self.record(&RecordRefund { op, payer: STUDENT, fence, rail: rail(), heard })
    }

    /// The lesson is over: completed by the student, and the share released.
    pub fn held_and_released(&mut self, booking: BookingId) -> bool {
        self.now = self.kept.bookings[&booking].ends_at.unwrap();
        self.submit(&Complete { booking, payer: STUDENT, actor: Actor::Party(STUDENT) }).unwrap();
        self.release(booking)
    }

    pub fn release(&mut self, booking: BookingId) -> bool {
        let payment = self.kept.bookings[&booking].payment.unwrap();
        self.record(&Release { payment })
    }

    pub fn booking(&self, id: BookingId) -> &Booking {
        &self.kept.bookings[&id]
    }

    pub fn payment(&self, id: PaymentId) -> &Payment {
        &self.kept.payments[&id]
    }

    pub fn op(&self, id: OpId) -> &Op {
        &self.kept.ops[&id]
    }

    pub fn refund(&self, id: RefundId) -> &Refund {
        &self.kept.refunds[&id]
    }
}

fn told(op: OpId, fence: Option<i64>, heard: Heard<ChargeReport>) -> RecordCharge {
    RecordCharge { op, payer: STUDENT, fence, rail: rail(), heard, finish: None }
}

pub fn report(ticket: &Ticket, state: ChargeState) -> ChargeReport {
    let movement = (state == ChargeState::Succeeded).then(|| format!("ch_{}", ticket.op));
    ChargeReport {
        reference: format!("pi_{}", ticket.op),
        state,
        amount: ticket.amount,
        client_secret: None,
        movement,
        card: Some(CardFace {
            brand: "visa".into(),
            last_four: "4242".into(),
            exp_month: 12,
            exp_year: 2030,
        }),
        tag: Some(ticket.tag.clone()),
        refunded: usd(0),
    }
}

pub fn done(ticket: &Ticket, state: ChargeState) -> Heard<ChargeReport> {
    Heard::Answer(Answer::Done(report(ticket, state)))
}

pub fn no() -> Decline {
    Decline { code: "card_declined".into(), decline_code: None, message: "Your card was declined.".into() }
}

pub fn declined<T>() -> Heard<T> {
    Heard::Answer(Answer::Declined(no()))
}

pub fn silence<T>() -> Heard<T> {
    Heard::Answer(Answer::Unknown(Unknown { reason: "time-out".into(), retry_after: None }))
}

pub fn refund_done(op: OpId, amount: Money, state: RefundReportState) -> Heard<RefundReport> {
    Heard::Answer(Answer::Done(RefundReport {
        reference: format!("re_{op}"),
        charge: "pi".into(),
        state,
        amount,
        failure: None,
        tag: None,
    }))
}

impl Shop {
    /// The student cancels; the full refund and its operation.
    pub fn cancel_all(&mut self, booking: BookingId) -> (RefundId, OpId) {
        let cancel = Cancel {
            booking,
            payer: STUDENT,
            actor: Actor::Party(STUDENT),
            cause: RefundCause::Cancelled,
            reason: "ill".into(),
        };
        self.submit(&cancel).unwrap().refund.unwrap()
    }

    pub fn begin_purchase(&mut self) -> Ticket {
        match self.submit(&purchase()) {
            Ok(Begun::Send(ticket)) => *ticket,
            other => panic!("{other:?}"),
        }
    }

    /// Stands in for a payout: the payee's available money leaves the gateway's account.
    pub fn take_out(&mut self, minor: i64) {
        let lanes = Lanes::from([TEACHER.lane()]);
        let accounts = [clearing(), Account::PayeeAvailable(TEACHER)];
        let mut world = self.kept.load(&lanes, |_, needs| {
            for account in &accounts {
                needs.balances.key(account.key(TEACHER.lane(), Currency::USD));
            }
        });
        let id = i64::try_from(self.kept.entries.len()).unwrap();
        let draft = Draft::of("payout", ("payout", id), Currency::USD, Phase::Posted)
            .debit(Account::PayeeAvailable(TEACHER), usd(minor))
            .credit(Account::Fees, usd(0))
            .credit(clearing(), usd(minor))
            .build();
        world.post(TEACHER.lane(), draft, self.now);
        self.commit(&world);
    }
}

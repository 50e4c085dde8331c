//! A small marketplace in a real database, and the words its tests are told in.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use domain::bookings::{Actor, Cancel, Complete, Confirm, Create};
use domain::command::{Command, Lanes};
use domain::context::{Context, Plants};
use domain::gateway::{Answer, ChargeReport, ChargeState, Decline, RefundReport, RefundReportState};
use domain::id::{BookingId, Id, Lane, OfferId, OpId, PersonId, RefundId};
use domain::money::{Currency, Money};
use domain::operations::{Heard, Rail, Ticket};
use domain::payments::{Begun, Method, PayBooking, RecordCharge, Release, Settled};
use domain::policy::Policies;
use domain::records::{Booking, Category, Confirmer, Offer, OfferState, Person, RefundCause};
use domain::refunds::{RecordRefund, SettledRefund};
use domain::refusal::Refusal;
use domain::schedule::Slot;
use domain::time::{Span, Timestamp};
use domain::world::{Needs, World};
use store::engine::{Access, Options};
use store::testing::TestDb;
use store::{Db, Error, Settings};

pub const NOW: Timestamp = Timestamp(1_800_000_000_000_000);
pub const STUDENT: PersonId = PersonId(257);
/// Two teachers, in lanes of their own.
pub const TEACHERS: [PersonId; 2] = [PersonId(258), PersonId(259)];

/// A command made of two functions: what it needs, and what it decides.
pub struct Act<N, D> {
    pub lanes: Vec<Lane>,
    pub needs: N,
    pub decide: D,
}

impl<T, N, D> Command for Act<N, D>
where
    T: Send + 'static,
    N: Fn(&World, &mut Needs) + Send + 'static,
    D: Fn(&Context<'_>, &mut World) -> Result<T, Refusal> + Send + 'static,
{
    type Receipt = T;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.extend(&self.lanes);
    }

    fn needs(&self, world: &World, needs: &mut Needs) {
        (self.needs)(world, needs);
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<T, Refusal> {
        (self.decide)(cx, world)
    }
}

/// A marketplace in a database of its own.
pub struct Market {
    pub db: Db,
    clock: Arc<AtomicI64>,
}

/// Waits for an answer of the store.
pub fn wait<T>(answer: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(answer)
}

/// Settings of a node whose clock the test moves.
pub fn settings(node: &str, clock: &Arc<AtomicI64>) -> Settings {
    let clock = Arc::clone(clock);
    Settings {
        options: Options::default(),
        readers: 1,
        queue_max: 1_000,
        batch_max: 256,
        node: node.into(),
        policies: Arc::new(Policies::default()),
        plants: Plants::default(),
        now: Arc::new(move || Timestamp(clock.load(Ordering::SeqCst))),
        pause: Arc::new(|_| std::thread::yield_now()),
    }
}

pub fn clock() -> Arc<AtomicI64> {
    Arc::new(AtomicI64::new(NOW.0))
}

/// A migrated database with a student, two teachers and a gig of each, at 50.00 an hour.
pub fn settle(db: &TestDb) {
    store::migrate_database(&db.url, &Options::default(), NOW).unwrap();
    let mut connection = db.open(Access::Write);
    connection.execute("UPDATE lane SET next = 100", &[]).unwrap();
    let people = [STUDENT, TEACHERS[0], TEACHERS[1]];
    connection.insert_many(&people.map(person)).unwrap();
    connection.insert_many(&TEACHERS.map(offer)).unwrap();
}

fn person(id: PersonId) -> Person {
    Person {
        id,
        uuid: format!("uuid-{id}"),
        email: format!("{id}@example.org"),
        full_name: "Ada".into(),
        password: None,
        active: true,
        verified: true,
        admin: false,
        session_version: 1,
        created_at: NOW,
        updated_at: NOW,
    }
}

fn offer(payee: PersonId) -> Offer {
    Offer {
        id: gig(payee),
        payee,
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
    }
}

pub fn gig(payee: PersonId) -> OfferId {
    OfferId(payee.raw())
}

pub fn rail() -> Rail {
    Rail {
        gateway: "sandbox".into(),
        one_call: false,
        charge_window: Span::hours(24),
        refund_window: Span::hours(24),
    }
}

pub fn create(payee: PersonId, slot: Slot) -> Create {
    let (notes, session_type) = (String::new(), "video_call".into());
    Create { payer: STUDENT, payee, offer: gig(payee), slot, notes, session_type }
}

pub fn pay(booking: BookingId) -> PayBooking {
    PayBooking {
        booking,
        payer: STUDENT,
        rail: rail(),
        method: Some(Method { token: "pm_1".into(), customer: None, saved: false }),
        confirmer: Confirmer::Server,
        action_allowed: false,
        key: None,
    }
}

pub fn cancel(booking: BookingId) -> Cancel {
    let (actor, cause) = (Actor::Party(STUDENT), RefundCause::Cancelled);
    Cancel { booking, payer: STUDENT, actor, cause, reason: "ill".into() }
}

/// An hour that begins so many hours from now.
pub fn hour(hours: i64) -> Slot {
    let starts_at = NOW + Span::hours(hours);
    Slot { starts_at, ends_at: starts_at + Span::HOUR }
}

impl Market {
    pub fn open(db: &TestDb) -> Market {
        settle(db);
        let clock = clock();
        Market { db: Db::open(&db.url, settings("one", &clock)).unwrap(), clock }
    }

    /// A second node of the same marketplace.
    pub fn again(db: &TestDb) -> Market {
        let clock = clock();
        Market { db: Db::open(&db.url, settings("two", &clock)).unwrap(), clock }
    }

    /// What somebody offered for: `None` where the rules said no.
    pub fn submit<C: Command>(&self, command: C) -> Result<C::Receipt, Refusal> {
        match wait(self.db.submit(command)) {
            Ok(receipt) => Ok(receipt),
            Err(Error::Refused(refusal)) => Err(refusal),
            Err(error) => panic!("{error}"),
        }
    }

    pub fn at(&self, now: Timestamp) {
        self.clock.store(now.0, Ordering::SeqCst);
    }

    pub fn booked(&self, payee: PersonId, hours: i64) -> Booking {
        let id = self.submit(create(payee, hour(hours))).unwrap().id;
        self.submit(Confirm { booking: id, payer: STUDENT, actor: Actor::Party(payee), slot: None }).unwrap()
    }

    pub fn begin(&self, booking: BookingId) -> Ticket {
        match self.submit(pay(booking)) {
            Ok(Begun::Send(ticket)) => *ticket,
            other => panic!("{other:?}"),
        }
    }

    pub fn hear(&self, ticket: &Ticket, heard: Heard<ChargeReport>) -> Settled {
        let (op, fence) = (ticket.op, Some(ticket.fence));
        let fact = RecordCharge { op, payer: STUDENT, fence, rail: rail(), heard, finish: None };
        wait(self.db.record(fact)).unwrap()
    }

    pub fn succeed(&self, ticket: &Ticket) -> Settled {
        self.hear(ticket, succeeded(ticket))
    }

    pub fn paid(&self, payee: PersonId, hours: i64) -> Settled {
        let ticket = self.begin(self.booked(payee, hours).id);
        self.succeed(&ticket)
    }

    pub fn refunded(&self, op: OpId, amount: Money, state: RefundReportState) -> SettledRefund {
        let report = RefundReport {
            reference: format!("re_{op}"),
            charge: "pi".into(),
            state,
            amount,
            failure: None,
            tag: None,
        };
        let heard = Heard::Answer(Answer::Done(report));
        let fact = RecordRefund { op, payer: STUDENT, fence: None, rail: rail(), heard };
        wait(self.db.record(fact)).unwrap()
    }

    /// A part of a payment goes back.
    pub fn give(&self, paid: &Settled, minor: i64) -> (RefundId, OpId) {
        let id = paid.payment.id;
        let needs = move |world: &World, needs: &mut Needs| {
            needs.payments.key(id);
            if let Some(payment) = world.payments.peek(&id) {
                domain::refunds::needs(needs, payment);
            }
        };
        let decide = move |cx: &Context<'_>, world: &mut World| {
            let asked =
                domain::refunds::Asked { cause: RefundCause::Requested, by: None, reason: String::new() };
            domain::refunds::start(cx, world, id, Currency::USD.minor(minor), &asked)
        };
        self.submit(Act { lanes: vec![id.lane()], needs, decide }).unwrap()
    }

    pub fn held_and_released(&self, paid: &Settled) {
        let booking = paid.payment.booking.unwrap();
        self.at(NOW + Span::days(30));
        self.submit(Complete { booking, payer: STUDENT, actor: Actor::Party(STUDENT) }).unwrap();
        assert!(wait(self.db.record(Release { payment: paid.payment.id })).unwrap());
        self.at(NOW);
    }
}

pub fn succeeded(ticket: &Ticket) -> Heard<ChargeReport> {
    Heard::Answer(Answer::Done(ChargeReport {
        reference: format!("pi_{}", ticket.op),
        state: ChargeState::Succeeded,
        amount: ticket.amount,
        client_secret: None,
        movement: Some(format!("ch_{}", ticket.op)),
        card: None,
        tag: None,
        refunded: Currency::USD.zero(),
    }))
}

pub fn declined() -> Heard<ChargeReport> {
    Heard::Answer(Answer::Declined(Decline { message: "declined".into(), ..Decline::default() }))
}

//! `bursar seed`: an empty database becomes one with so many payments, for measuring at size.
//!
//! Everything is decided and written by the product's own rules, on a clock that runs from so many
//! days ago until now; only the gateway's answers are made up, and the letters of that past are not
//! sent. The number of people does not depend on the number of payments, so that two databases of
//! different size differ in the depth of their histories alone.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;

use domain::gateway::{
    Answer, CardFace, ChargeReport, ChargeState, Decline, RefundReport, RefundReportState,
};
use domain::id::{Id, OfferId, PersonId};
use domain::offers::{CreateOffer, OfferPatch};
use domain::operations::{Heard, Rail, Ticket};
use domain::payments::{Begun, Method, PurchaseSession, RecordCharge};
use domain::people::{self, Mailed, ProfilePatch, Register};
use domain::records::{Category, OfferState, Payment};
use domain::refunds::{By, RecordRefund, Request, Requested, Way};
use domain::time::Span;
use domain::upkeep::{JobEnd, SettleJobs, TakeJobs};
use tokio::task::JoinSet;

use super::house::VisitError;
use super::{Role, Started, admin, start};
use crate::app::App;
use crate::clock::{OffsetClock, SystemClock};
use crate::config::Config;
use crate::dice::{Dice, SeededDice, uuid_v4};
use crate::jobs;
use crate::protocol::Protocol;

const TEACHERS: usize = 20;
const STUDENTS: usize = 80;
const SEED: u64 = 7;
/// Everybody's, and no secret: it is printed.
const PASSWORD: &str = "a lantern in the harbour";
const ADMIN: &str = "admin@seed.example";
/// Payments that are under way side by side.
const WAVE_MAX: u64 = 2_000;
/// A day's payments lie in so many waves at least.
const WAVES_A_DAY: u64 = 2;
/// Jobs taken at once.
const JOBS_MAX: usize = 1_000;

/// How much is made up.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Whatever became of them.
    pub payments: u64,
    /// What they are spread over, ending now.
    pub days: u32,
}

/// Who pays whom.
struct Cast {
    students: Vec<PersonId>,
    offers: Vec<OfferId>,
    rail: Rail,
}

/// Fills an empty database and says who can log in.
pub async fn seed(mut config: Config, size: Size) -> Result<ExitCode, VisitError> {
    if config.is_live() {
        return Err(VisitError::Wrong("a seed is made up, and a gateway is live".into()));
    }
    // Twenty teachers have no hours for all these lessons: they wait to be scheduled, and do not lapse.
    config.booking.confirm_ttl_hours = 24 * (365 + i64::from(size.days));
    let days = Span::days(size.days.into());
    let clock = Arc::new(OffsetClock::behind(Arc::new(SystemClock), days));
    let for_admin = config.clone();
    let started = start::start_at(config, Role::Server, Arc::clone(&clock)).await?;
    if start::count_people(&started.app).await? > 0 {
        return Err(VisitError::Wrong("a seed needs an empty database".into()));
    }
    let create = move || admin::create(&for_admin, ADMIN, PASSWORD.as_bytes());
    tokio::task::spawn_blocking(create).await??;
    fill(&started, &clock, size).await?;
    println!("{} payments of {} days. Logins (password \"{PASSWORD}\"):", size.payments, size.days);
    println!("  administrator  {ADMIN}");
    println!("  teacher        {}", email("teacher", 0));
    println!("  student        {}", email("student", 0));
    Ok(ExitCode::SUCCESS)
}

async fn fill(started: &Started, clock: &OffsetClock, size: Size) -> Result<(), VisitError> {
    let app = &started.app;
    let cast = Arc::new(gather(app).await?);
    let dice = SeededDice::new(SEED);
    let waves = (u64::from(size.days) * WAVES_A_DAY).max(size.payments.div_ceil(WAVE_MAX)).max(1);
    let end = app.real_clock.now();
    for wave in 0..waves {
        let due = size.payments * (wave + 1) / waves - size.payments * wave / waves;
        let mut running = JoinSet::new();
        for _ in 0..due {
            let (app, cast, roll) = (app.clone(), Arc::clone(&cast), roll(&dice));
            running.spawn(async move { pay(&app, &cast, roll).await });
        }
        while let Some(paid) = running.join_next().await {
            paid??;
        }
        forget_letters(app).await?;
        // Days in their order cost least to add up.
        jobs::fold_all(app).await?;
        let left = i64::try_from(waves - wave).expect("few waves");
        clock.advance(Span((end - app.clock.now()).0 / left));
    }
    jobs::run_until_idle(app).await;
    Ok(())
}

fn roll(dice: &dyn Dice) -> u64 {
    let mut bytes = [0; 8];
    dice.fill(&mut bytes);
    u64::from_be_bytes(bytes)
}

fn email(role: &str, number: usize) -> String {
    format!("{role}{number}@seed.example")
}

async fn gather(app: &App) -> Result<Cast, VisitError> {
    let password = zeroize::Zeroizing::new(PASSWORD.to_owned());
    let hash = app.passwords.hash(password).await.map_err(|error| VisitError::Wrong(error.to_string()))?;
    let mut cast = Cast { students: Vec::new(), offers: Vec::new(), rail: rail(app)? };
    for number in 0..STUDENTS {
        cast.students.push(join(app, "student", number, people::Role::Student, &hash).await?);
    }
    for number in 0..TEACHERS {
        let payee = join(app, "teacher", number, people::Role::Teacher, &hash).await?;
        let offer = CreateOffer { payee, offer: offer(number) };
        cast.offers.push(app.db.submit(offer).await?.id);
    }
    Ok(cast)
}

fn rail(app: &App) -> Result<Rail, VisitError> {
    let gateway = app.gateways.get("sandbox").ok_or(VisitError::Missing("the sandbox"))?;
    Ok(Protocol::rail(gateway.as_ref()))
}

async fn join(
    app: &App,
    kind: &str,
    number: usize,
    role: people::Role,
    hash: &str,
) -> Result<PersonId, VisitError> {
    let register = Register {
        uuid: uuid_v4(app.dice.as_ref()),
        email: email(kind, number),
        password: hash.to_owned(),
        role,
        profile: ProfilePatch { full_name: Some(format!("{kind} {number}")), ..ProfilePatch::default() },
        // Nobody reads this letter, so nothing opens it.
        token: Mailed { hash: uuid_v4(app.dice.as_ref()), sealed: String::new(), redirect_to: None },
        real_now: app.real_clock.now(),
    };
    Ok(app.db.submit(register).await?.person.id)
}

fn offer(number: usize) -> OfferPatch {
    let price = 2_000 + 25 * i64::try_from(number).expect("few teachers");
    OfferPatch {
        category: Some(Category::Language),
        service_type: Some("Conversation".into()),
        title: Some(format!("Lesson {number}")),
        short_description: Some("Talk".into()),
        full_description: Some("Talk a lot".into()),
        price_minor: Some(price),
        session_minutes: Some(60),
        session_contents: Some("Patience".into()),
        state: Some(OfferState::Active),
        ..OfferPatch::default()
    }
}

/// One purchase: of a hundred, seven are declined and three returned.
async fn pay(app: &App, cast: &Cast, roll: u64) -> Result<(), VisitError> {
    let pick = |modulus: usize, of: u64| usize::try_from(of % modulus as u64).expect("below a length");
    let payer = cast.students[pick(STUDENTS, roll >> 8)];
    let purchase = PurchaseSession {
        offer: cast.offers[pick(TEACHERS, roll >> 24)],
        payer,
        rail: cast.rail.clone(),
        method: Method { token: "seeded card".into(), customer: None, saved: false },
        unit: app.policies.gig_purchase_unit,
        slot: None,
        key: None,
    };
    let Begun::Send(ticket) = app.db.submit(purchase).await? else {
        return Err(VisitError::Wrong("a purchase did not begin".into()));
    };
    let declined = roll % 100 < 7;
    let settled = app.db.record(charge(&ticket, cast.rail.clone(), declined, roll)).await?;
    if (7..10).contains(&(roll % 100)) {
        give_back(app, cast, &settled.payment).await?;
    }
    Ok(())
}

fn charge(ticket: &Ticket, rail: Rail, declined: bool, roll: u64) -> RecordCharge {
    let answer = if declined {
        Answer::Declined(Decline {
            code: "card_declined".into(),
            decline_code: Some("insufficient_funds".into()),
            message: "Your card has insufficient funds.".into(),
        })
    } else {
        let brand = if roll & 0x80 == 0 { "visa" } else { "mastercard" };
        Answer::Done(ChargeReport {
            reference: format!("seeded charge {}", ticket.op.raw()),
            state: ChargeState::Succeeded,
            amount: ticket.amount,
            client_secret: None,
            movement: Some(format!("seeded movement {}", ticket.op.raw())),
            card: Some(CardFace {
                brand: brand.into(),
                last_four: "4242".into(),
                exp_month: 12,
                exp_year: 2034,
            }),
            tag: Some(ticket.tag.clone()),
            refunded: ticket.amount.currency.minor(0),
        })
    };
    let (op, payer, fence) = (ticket.op, ticket.payer, Some(ticket.fence));
    RecordCharge { op, payer, fence, rail, heard: Heard::Answer(answer), finish: None }
}

async fn give_back(app: &App, cast: &Cast, payment: &Payment) -> Result<(), VisitError> {
    let request = Request {
        payment: payment.id,
        by: By::Party(payment.payer),
        amount: None,
        reason: "another time".into(),
        way: Way::ByPolicy,
        key: None,
    };
    let Requested::Started { refund, op, .. } = app.db.submit(request).await? else {
        return Ok(());
    };
    let report = RefundReport {
        reference: format!("seeded refund {}", op.raw()),
        charge: format!("seeded movement {}", op.raw()),
        state: RefundReportState::Succeeded,
        amount: refund.amount(),
        failure: None,
        tag: None,
    };
    let heard = Heard::Answer(Answer::Done(report));
    let record = RecordRefund { op, payer: payment.payer, fence: None, rail: cast.rail.clone(), heard };
    app.db.record(record).await?;
    Ok(())
}

/// What was queued in a made-up past is over without having been done.
async fn forget_letters(app: &App) -> Result<(), VisitError> {
    loop {
        let now = app.clock.now();
        let due =
            app.db.read(move |reads| reads.due_jobs(now, JOBS_MAX)).await.map_err(store::Error::from)?;
        if due.is_empty() {
            return Ok(());
        }
        let taken = app.db.record(TakeJobs { jobs: due }).await?;
        let over: BTreeMap<_, _> =
            taken.into_iter().map(|job| (job.id, (job.attempts, JobEnd::Done))).collect();
        app.db.record(SettleJobs { jobs: over }).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::house::private_config;
    use crate::commands::start::url;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_seeded_database_is_in_order_and_of_its_size() {
        let folder = tempfile::tempdir().expect("a folder");
        let config = private_config(folder.path()).expect("valid");
        let size = Size { payments: 300, days: 30 };
        seed(config.clone(), size).await.expect("filled");
        let again = seed(config.clone(), size).await;
        assert!(matches!(again, Err(VisitError::Wrong(_))), "only an empty database");
        let url = url(&config).expect("valid");
        let count = {
            let mut connection = store::engine::Connection::open(
                &url,
                store::engine::Access::Read,
                &store::engine::Options::default(),
            )
            .expect("opens");
            let sql = "SELECT COUNT(*), COUNT(DISTINCT created_at / 86400000000), \
                       SUM(state = 'failed'), SUM(state = 'refunded') FROM payment";
            let mut row = connection.query(sql, &[]).expect("counts").remove(0);
            let mut next = || row.int().expect("a number");
            (next(), next(), next(), next())
        };
        assert_eq!(count.0, 300);
        assert!((28..=31).contains(&count.1), "spread over {} days", count.1);
        assert!((5..50).contains(&count.2) && (1..30).contains(&count.3), "{count:?}");
        let verify = move || store::verify::verify_database(&url, &store::engine::Options::default());
        let findings = tokio::task::spawn_blocking(verify).await.expect("no panic").expect("readable");
        assert_eq!(findings, []);
    }
}

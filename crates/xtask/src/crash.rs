//! `cargo xtask crash`: the real server is killed with SIGKILL in the middle of its work, again and
//! again, and nothing may be lost or charged twice (`reliability.md` D5).
//!
//! The sandbox gateway runs in a process of its own that survives; its books are the oracle. Clients
//! behave as clients should: a broken request is repeated until it has an answer, half of them with
//! an Idempotency-Key. Deliberately not here: failing disks, failing networks, several nodes.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::bench::databases::{self, Databases, Engine};
use crate::bench::market::{Market, Payees};
use crate::bench::node::{self, KEY, Node, Setup, now, pause};
use crate::bench::wire::{self, Wire};
use crate::bench::{Folder, wall_clock_seconds};
use crate::postgres::{Cluster, Medium};

const CLIENTS: i64 = 64;
/// More than can be paid between two kills.
const BOOKINGS_PER_ROUND: i64 = 2_000;
/// A kill comes so long after the server is ready.
const LIFE_MS: std::ops::Range<u64> = 20..400;
/// reliability.md D5.
const READY_MAX: Duration = Duration::from_secs(2);
/// A lease runs for 45 seconds; recovery must be through soon after.
const SETTLED_MAX: Duration = Duration::from_mins(1);
/// Whoever was joined to a dead holder's operation asks again for so long.
const PATIENCE: Duration = Duration::from_secs(90);
const RECONNECT_AFTER: Duration = Duration::from_millis(5);
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(200);

/// What to kill, and how often.
pub struct Arguments {
    pub engine: Engine,
    pub rounds: u64,
    /// Decides when the kills come.
    pub seed: Option<u64>,
    /// Another build than the one of this tree.
    pub binary: Option<PathBuf>,
}

/// What came of it.
#[derive(Default)]
struct Outcome {
    acknowledged: BTreeSet<i64>,
    /// Requests that broke off or stayed without a final answer, and were repeated.
    repeated: usize,
    slowest_start: Duration,
    /// The last start: clients and recovery were through so long after it.
    settled_after: Duration,
}

/// What the build machine runs on every change.
pub fn short() -> Result<()> {
    for (engine, rounds) in [(Engine::Sqlite, 15), (Engine::Postgres, 10)] {
        run(&Arguments { engine, rounds, seed: None, binary: None })?;
    }
    Ok(())
}

/// Kills, then checks that every acknowledged payment is there and none was charged twice.
pub fn run(arguments: &Arguments) -> Result<()> {
    let binary = node::binary(arguments.binary.as_deref())?;
    let cluster = Cluster::start(Medium::Memory, &[("max_connections", "100")])?;
    let folder = Folder::new()?;
    let databases = Databases { cluster: &cluster, folder: &folder.0, binary: &binary };
    let bookings = BOOKINGS_PER_ROUND * i64::try_from(arguments.rounds)?;
    let market = Market { payees: Payees::Spread, bookings };
    let begun = wall_clock_seconds()?;
    databases.seed(arguments.engine, &market, begun)?;
    let seed = arguments.seed.unwrap_or(u64::try_from(begun)?);
    println!("{} rounds on {:?}, seed {seed}", arguments.rounds, arguments.engine);

    let [address, webhooks_to] = node::free_addresses()?;
    let gateway = gateway(&binary, &folder.0, webhooks_to)?;
    let (sandbox, _) = gateway.listen("sandbox", address, "/v1/control/books")?;
    let mut server = databases.copy(arguments.engine, Payees::Spread)?;
    server.settings.push(("GATEWAYS__SANDBOX__API_BASE", format!("http://{address}")));
    let scene = Scene {
        databases: &databases,
        server: &server,
        address: webhooks_to,
        market,
        tokens: Market::tokens(&KEY, begun),
    };
    let outcome = scene
        .play(arguments.rounds, seed)
        .map_err(|error| anyhow!("{error:#}\nthe server's last words:\n{}", server.last_words()))?;
    sandbox.stop()?;
    scene.judge(&outcome, &gateway.folder.join("sandbox.db"))
}

/// The sandbox alone, with its books in a folder of its own.
fn gateway(binary: &Path, parent: &Path, webhooks_to: SocketAddr) -> Result<Setup> {
    let folder = node::new_folder(parent, "gateway")?;
    Ok(Setup {
        binary: binary.to_owned(),
        database: format!("sqlite:{}", folder.join("unused.db").display()),
        folder,
        settings: vec![("SERVER__PUBLIC_URL", format!("http://{webhooks_to}"))],
    })
}

struct Scene<'a> {
    databases: &'a Databases<'a>,
    server: &'a Setup,
    address: SocketAddr,
    market: Market,
    tokens: Vec<String>,
}

impl Scene<'_> {
    fn play(&self, rounds: u64, seed: u64) -> Result<Outcome> {
        let over = &AtomicBool::new(false);
        std::thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS)
                .map(|number| scope.spawn(move || Client::new(self, number).work(over)))
                .collect();
            let played = self.kill_again_and_again(rounds, seed);
            over.store(true, Ordering::SeqCst);
            let (server, slowest_start) = played?;
            let begun = now();
            let mut outcome = Outcome { slowest_start, ..Outcome::default() };
            for client in clients {
                let paid = client.join().map_err(|_| anyhow!("a client panicked"))??;
                outcome.acknowledged.extend(paid.acknowledged);
                outcome.repeated += paid.repeated;
            }
            outcome.settled_after = self.settled(begun)?;
            let (status, _) = server.stop()?;
            ensure!(status.success(), "after SIGTERM the server ended with {status}");
            Ok(outcome)
        })
    }

    /// The node that is running after the last kill, and the slowest start of all.
    fn kill_again_and_again(&self, rounds: u64, seed: u64) -> Result<(Node, Duration)> {
        let mut random = seed;
        let (mut server, mut slowest) = self.start()?;
        for _ in 0..rounds {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            pause(Duration::from_millis(LIFE_MS.start + (random >> 33) % (LIFE_MS.end - LIFE_MS.start)));
            server.kill()?;
            let (next, taken) = self.start()?;
            (server, slowest) = (next, slowest.max(taken));
        }
        Ok((server, slowest))
    }

    fn start(&self) -> Result<(Node, Duration)> {
        self.server.listen("serve", self.address, "/readyz")
    }

    /// How long after `begun` no operation is open any more.
    fn settled(&self, begun: Instant) -> Result<Duration> {
        loop {
            let open = self.databases.open_operations(self.server, wall_clock_seconds()?)?;
            let taken = begun.elapsed();
            if open.is_empty() {
                return Ok(taken);
            }
            let some = || open[..open.len().min(5)].join("; ");
            ensure!(
                taken < SETTLED_MAX,
                "{} operations are open after {} s: {}",
                open.len(),
                taken.as_secs(),
                some()
            );
            pause(ASK_AGAIN_AFTER);
        }
    }

    fn judge(&self, outcome: &Outcome, books: &Path) -> Result<()> {
        self.server.run(&["verify"]).context("the books do not balance")?;
        let paid = self.databases.paid_bookings(self.server)?;
        let charges = databases::charges(books)?;
        let charged: BTreeSet<i64> = charges.iter().copied().collect();
        let lost = outcome.acknowledged.difference(&paid).count();
        let twice = charges.len() - charged.len() + self.databases.paid_twice(self.server, &charged)?;
        println!(
            "| acknowledged | repeated | paid | charged | lost | charged twice | slowest start | settled |"
        );
        println!("|--:|--:|--:|--:|--:|--:|--:|--:|");
        println!(
            "| {} | {} | {} | {} | {lost} | {twice} | {} ms | {} s |",
            outcome.acknowledged.len(),
            outcome.repeated,
            paid.len(),
            charges.len(),
            outcome.slowest_start.as_millis(),
            outcome.settled_after.as_secs(),
        );
        ensure!(lost == 0, "{lost} acknowledged payments are lost");
        ensure!(twice == 0, "{twice} bookings were charged twice");
        ensure!(charges.len() == paid.len(), "{} charges for {} payments", charges.len(), paid.len());
        ensure!(outcome.repeated > 0, "no kill hit a request: nothing was tested");
        ensure!(outcome.slowest_start <= READY_MAX, "a start took {} ms", outcome.slowest_start.as_millis());
        Ok(())
    }
}

/// What one client has to tell.
#[derive(Default)]
struct Paid {
    acknowledged: Vec<i64>,
    repeated: usize,
}

struct Client<'a> {
    scene: &'a Scene<'a>,
    number: i64,
    wire: Option<Wire>,
}

enum Heard {
    Paid,
    /// Paid by an earlier request, whose answer was lost.
    AlreadyPaid,
    /// Nobody listens: nothing was sent.
    NotSent,
    /// No answer, or none that is final.
    Nothing,
}

impl<'a> Client<'a> {
    fn new(scene: &'a Scene<'a>, number: i64) -> Client<'a> {
        Client { scene, number, wire: None }
    }

    /// Pays one booking after the other; what stayed without an answer is asked again at the end.
    fn work(mut self, over: &AtomicBool) -> Result<Paid> {
        let mut paid = Paid::default();
        let mut without_answer = Vec::new();
        let mut number = self.number;
        while !over.load(Ordering::SeqCst) && number < self.scene.market.bookings {
            match self.pay(number)? {
                Heard::Paid => paid.acknowledged.push(self.scene.market.booking(number)),
                Heard::AlreadyPaid => bail!("booking {number} was paid by nobody"),
                Heard::Nothing => without_answer.push(number),
                Heard::NotSent => continue,
            }
            number += CLIENTS;
        }
        paid.repeated = without_answer.len();
        let begun = now();
        for number in without_answer {
            loop {
                match self.pay(number)? {
                    Heard::Paid | Heard::AlreadyPaid => break,
                    Heard::Nothing | Heard::NotSent => pause(ASK_AGAIN_AFTER),
                }
                ensure!(begun.elapsed() < PATIENCE, "booking {number} stays without an answer");
            }
            paid.acknowledged.push(self.scene.market.booking(number));
        }
        Ok(paid)
    }

    fn pay(&mut self, number: i64) -> Result<Heard> {
        let Some(mut wire) = self.connected() else {
            pause(RECONNECT_AFTER);
            return Ok(Heard::NotSent);
        };
        let Ok(answer) = wire.call(&self.request(number)) else { return Ok(Heard::Nothing) };
        let said = String::from_utf8_lossy(answer.body);
        let heard = match answer.status {
            200 => Heard::Paid,
            400 | 409 if said.contains("already_paid") => Heard::AlreadyPaid,
            409 | 500.. => Heard::Nothing,
            status => bail!("booking {number} was answered {status}: {said}"),
        };
        self.wire = Some(wire);
        Ok(heard)
    }

    fn connected(&mut self) -> Option<Wire> {
        self.wire.take().or_else(|| Wire::open(self.scene.address).ok())
    }

    /// Every other client sends a key.
    fn request(&self, number: i64) -> Vec<u8> {
        let booking = self.scene.market.booking(number);
        let body = format!(r#"{{"booking_id":{booking},"payment_method_id":"pm_card_visa"}}"#);
        let key = format!("crash-{number}");
        let headers = [("Idempotency-Key", key.as_str())];
        let headers = if self.number % 2 == 0 { &headers[..] } else { &[] };
        let token = &self.scene.tokens[Market::payer(number)];
        wire::post("/api/payments/process-booking-payment/", Some(token), headers, &body)
    }
}

//! The load: connections that each pay one booking after the other and never wait.
//!
//! A thread a connection, blocking: on a loaded machine that costs two system calls a request.
//! Any answer but 200 ends the measurement, because a server that refuses is quick.

use std::net::SocketAddr;
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};

use super::market::Market;
use super::node::now;
use super::wire::{self, Wire};

/// As many as the baseline has clients.
pub const CONNECTIONS: i64 = 64;
/// Prepared statements, caches and the allocator warm up; not counted.
const WARM_UP: Duration = Duration::from_secs(1);
const PATH: &str = "/api/payments/process-booking-payment/";

/// Who is measured, by whom, for how long.
#[derive(Clone, Copy)]
pub struct Load<'a> {
    pub address: SocketAddr,
    pub market: &'a Market,
    pub tokens: &'a [String],
    pub time: Duration,
}

/// What was measured.
pub struct Measured {
    /// Acknowledged within the time, warm-up excluded.
    pub payments: u64,
    /// Acknowledged ever.
    pub acknowledged: u64,
    /// Of each counted payment, in microseconds, sorted.
    pub latencies: Vec<u32>,
}

impl Measured {
    /// The latency that `permille` of the payments stay within, in microseconds.
    pub fn latency(&self, permille: usize) -> u32 {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get(last * permille / 1_000).copied().unwrap_or(0)
    }
}

/// Runs the load; every payment must succeed.
pub fn run(load: Load<'_>) -> Result<Measured> {
    let begin = now() + WARM_UP;
    let parts: Vec<Result<Measured>> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|client| scope.spawn(move || pay(load, client, begin, begin + load.time)))
            .collect();
        clients.into_iter().map(joined).collect()
    });
    let mut sum = Measured { payments: 0, acknowledged: 0, latencies: Vec::new() };
    for part in parts {
        let part = part?;
        sum.payments += part.payments;
        sum.acknowledged += part.acknowledged;
        sum.latencies.extend(part.latencies);
    }
    sum.latencies.sort_unstable();
    Ok(sum)
}

fn joined(client: ScopedJoinHandle<'_, Result<Measured>>) -> Result<Measured> {
    client.join().map_err(|_| anyhow!("a client panicked"))?
}

fn pay(load: Load<'_>, client: i64, begin: Instant, end: Instant) -> Result<Measured> {
    let mut wire = Wire::open(load.address).context("cannot connect to the server")?;
    let mut measured = Measured { payments: 0, acknowledged: 0, latencies: Vec::with_capacity(65_536) };
    let mut number = client;
    loop {
        if number >= load.market.bookings {
            bail!("the seeded bookings are used up: seed more");
        }
        let request = request(load, number);
        let sent = now();
        let answer = wire.call(&request).context("the connection broke")?;
        if answer.status != 200 {
            bail!(
                "booking {number} was answered {}: {}",
                answer.status,
                String::from_utf8_lossy(answer.body)
            );
        }
        let heard = now();
        measured.acknowledged += 1;
        if heard >= end {
            return Ok(measured);
        }
        if sent >= begin {
            measured.payments += 1;
            let taken = u32::try_from((heard - sent).as_micros()).unwrap_or(u32::MAX);
            measured.latencies.push(taken);
        }
        number += CONNECTIONS;
    }
}

fn request(load: Load<'_>, number: i64) -> Vec<u8> {
    let booking = load.market.booking(number);
    let body = format!(r#"{{"booking_id":{booking},"payment_method_id":"pm_card_visa"}}"#);
    let key = format!("bench-{number}");
    let token = &load.tokens[Market::payer(number)];
    wire::post(PATH, Some(token), &[("Idempotency-Key", &key)], &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_a_value_that_was_measured() {
        let latencies: Vec<u32> = (1..=1_000).collect();
        let measured = Measured { payments: 1_000, acknowledged: 1_000, latencies };
        assert_eq!((measured.latency(500), measured.latency(990)), (500, 990));
        assert_eq!(Measured { latencies: Vec::new(), ..measured }.latency(990), 0);
    }
}

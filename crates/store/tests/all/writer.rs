//! The writer: one commit for many, a refusal that disturbs nobody, poison that hurts only itself,
//! and what happens when the answer to COMMIT is lost.

use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{self, Poll, Waker};
use std::time::Duration;

use domain::command::Command;
use domain::context::Context;
use domain::gateway::RefundReportState;
use domain::id::{EventId, ID_MAX, Id, Lane};
use domain::idempotency::{self, Key};
use domain::payments::{Begun, Finish, PayBooking, RecordCharge};
use domain::records::{Claim, IdempotencyRecord, Op, OpKind, Space};
use domain::refusal::Refusal;
use domain::world::{Needs, World};
use store::engine::{Access, Connection, Fault, Options};
use store::testing::TestDb;
use store::verify::verify_database;
use store::{Db, Error, Settings, both};

use crate::market::*;

const LANE: Lane = Lane(9);

fn nothing(_: &World, _: &mut Needs) {}

/// Writes one event and answers its id.
fn event() -> impl Command<Receipt = EventId> {
    event_in(LANE)
}

fn event_in(lane: Lane) -> impl Command<Receipt = EventId> {
    let decide = move |cx: &Context<'_>, world: &mut World| {
        world.tell(lane, "test", 0, cx.now, "{}".into());
        Ok(world.journal.events.rows().last().unwrap().id)
    };
    Act { lanes: vec![lane], needs: nothing, decide }
}

/// Changes something and is refused after all.
fn refused() -> impl Command<Receipt = ()> {
    let decide = |cx: &Context<'_>, world: &mut World| -> Result<(), Refusal> {
        world.tell(LANE, "refused", 0, cx.now, "{}".into());
        Err(Refusal::WrongState)
    };
    Act { lanes: vec![LANE], needs: nothing, decide }
}

fn poison() -> impl Command<Receipt = ()> {
    let decide = |_: &Context<'_>, _: &mut World| -> Result<(), Refusal> { panic!("poison") };
    Act { lanes: vec![LANE], needs: nothing, decide }
}

/// Claims an address, looking first; or, when `blind`, without looking.
fn claim(name: &str, blind: bool) -> impl Command<Receipt = ()> {
    let key = (Space::Email, name.to_string());
    let looked = key.clone();
    let needs = move |_: &World, needs: &mut Needs| {
        if !blind {
            needs.claims.key(looked.clone());
        }
    };
    let decide = move |cx: &Context<'_>, world: &mut World| {
        if !blind && world.claims.get(&key).is_some() {
            return Err(Refusal::EmailTaken);
        }
        let (space, name) = key.clone();
        world.claims.insert(Claim { space, name, target: 1, created_at: cx.now });
        Ok(())
    };
    Act { lanes: vec![], needs, decide }
}

/// Holds the writer until told to go on; says when it has begun.
fn gate() -> (impl Command<Receipt = ()>, Receiver<()>, Sender<()>) {
    let (begun, begins) = channel();
    let (go, goes) = channel::<()>();
    let goes = Mutex::new(goes);
    let decide = move |_: &Context<'_>, _: &mut World| {
        // Run again after a poisonous neighbour, nobody may be listening any more.
        let _ = begun.send(());
        let _ = goes.lock().unwrap().recv();
        Ok(())
    };
    (Act { lanes: vec![], needs: nothing, decide }, begins, go)
}

type Asked<T> = Pin<Box<dyn Future<Output = Result<T, Error>>>>;

/// Puts a command into the queue now; its answer is waited for later, or never.
fn ask<C: Command>(node: &Db, command: C) -> Asked<C::Receipt> {
    let node = node.clone();
    let mut asked: Asked<C::Receipt> = Box::pin(async move { node.submit(command).await });
    match asked.as_mut().poll(&mut task::Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Box::pin(std::future::ready(answer)),
        Poll::Pending => asked,
    }
}

/// A database with a node that counts its attempts: the clock is asked once for each.
fn counting(db: &TestDb, change: impl FnOnce(&mut Settings)) -> (Db, Arc<AtomicUsize>) {
    settle(db);
    let attempts = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&attempts);
    let mut settings = settings("one", &clock());
    settings.now = Arc::new(move || {
        counter.fetch_add(1, Ordering::SeqCst);
        NOW
    });
    change(&mut settings);
    (Db::open(&db.url, settings).unwrap(), attempts)
}

fn events(db: &TestDb) -> i64 {
    let mut connection = db.open(Access::Write);
    connection.query("SELECT count(*) FROM event", &[]).unwrap()[0].int().unwrap()
}

both! {
    fn what_waits_shares_one_commit(db) {
        let (node, attempts) = counting(db, |_| {});
        let (gate, begun, go) = gate();
        let first = ask(&node, gate);
        begun.recv().unwrap();
        let waiting: Vec<_> = (0..100).map(|_| ask(&node, event())).collect();
        go.send(()).unwrap();
        wait(first).unwrap();
        let ids: BTreeSet<EventId> = waiting.into_iter().map(|answer| wait(answer).unwrap()).collect();
        assert_eq!(ids.len(), 100);
        assert_eq!(attempts.load(Ordering::SeqCst), 2, "the gate, and everybody else");
    }

    fn a_refusal_touches_nothing_and_disturbs_nobody(db) {
        let (node, attempts) = counting(db, |_| {});
        let (gate, begun, go) = gate();
        let first = ask(&node, gate);
        begun.recv().unwrap();
        let (a, no, b) = (ask(&node, event()), ask(&node, refused()), ask(&node, event()));
        go.send(()).unwrap();
        wait(first).unwrap();
        let (a, no, b) = (wait(a).unwrap(), wait(no), wait(b).unwrap());
        assert!(matches!(no, Err(Error::Refused(Refusal::WrongState))));
        assert_eq!(b.raw() - a.raw(), 256, "not even an id is used up");
        assert_eq!((events(db), attempts.load(Ordering::SeqCst)), (2, 2));
    }

    fn poison_hurts_only_itself(db) {
        let (node, _) = counting(db, |_| {});
        let (gate, begun, go) = gate();
        let first = ask(&node, gate);
        begun.recv().unwrap();
        let (a, bad, b) = (ask(&node, event()), ask(&node, poison()), ask(&node, event()));
        drop(go);
        wait(first).unwrap();
        assert!(wait(a).is_ok() && wait(b).is_ok());
        assert!(matches!(wait(bad), Err(Error::Poison(text)) if text == "poison"));
        assert!(wait(ask(&node, event())).is_ok(), "the writer lives");
        assert_eq!(events(db), 3);
    }

    fn a_broken_constraint_hurts_only_who_broke_it(db) {
        let (node, _) = counting(db, |_| {});
        wait(ask(&node, claim("ada@example.org", false))).unwrap();
        let (gate, begun, go) = gate();
        let first = ask(&node, gate);
        begun.recv().unwrap();
        let (a, bad, b) = (ask(&node, event()), ask(&node, claim("ada@example.org", true)), ask(&node, event()));
        drop(go);
        wait(first).unwrap();
        assert!(wait(a).is_ok() && wait(b).is_ok());
        match wait(bad) {
            Err(Error::Fault(fault)) => assert_eq!(fault.constraint(), Some("claim_pkey")),
            other => panic!("{other:?}"),
        }
        assert_eq!(events(db), 2);
    }

    fn two_who_want_one_name_in_one_batch_get_one_owner(db) {
        let (node, _) = counting(db, |_| {});
        let (gate, begun, go) = gate();
        let first = ask(&node, gate);
        begun.recv().unwrap();
        let (a, b) = (ask(&node, claim("ada@example.org", false)), ask(&node, claim("ada@example.org", false)));
        drop(go);
        wait(first).unwrap();
        assert!(wait(a).is_ok());
        assert!(matches!(wait(b), Err(Error::Refused(Refusal::EmailTaken))));
    }

    fn a_full_queue_says_so_at_once(db) {
        let (node, _) = counting(db, |settings| settings.queue_max = 2);
        let (gate, begun, go) = gate();
        let first = ask(&node, gate);
        begun.recv().unwrap();
        let (a, b, c) = (ask(&node, event()), ask(&node, event()), ask(&node, event()));
        let busy = wait(c).unwrap_err();
        assert!(matches!(busy, Error::Busy) && busy.is_temporary());
        drop(go);
        assert!(wait(first).is_ok() && wait(a).is_ok() && wait(b).is_ok());
    }

    fn what_was_accepted_is_finished_though_everybody_has_left(db) {
        let (node, _) = counting(db, |_| {});
        let (gate, begun, go) = gate();
        let first = ask(&node, gate);
        begun.recv().unwrap();
        let waiting: Vec<_> = (0..10).map(|_| ask(&node, event())).collect();
        drop((first, waiting, go));
        drop(node);
        assert_eq!(events(db), 10);
    }

    fn ids_carry_their_lane_and_are_never_given_twice(db) {
        let (node, _) = counting(db, |_| {});
        let ids = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for thread in 0..64 {
                let (node, ids) = (&node, &ids);
                scope.spawn(move || {
                    for turn in 0..4 {
                        let lane = Lane(thread * 4 + turn);
                        let id = wait(node.submit(event_in(lane))).unwrap();
                        let hot = wait(node.submit(event())).unwrap();
                        assert_eq!((id.lane(), hot.lane()), (lane, LANE));
                        ids.lock().unwrap().extend([id, hot]);
                    }
                });
            }
        });
        let ids = ids.into_inner().unwrap();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 512);
        assert!(ids.iter().all(|id| id.raw() > 0 && id.raw() <= ID_MAX));
    }

    fn a_lane_that_was_not_named_cannot_be_written(db) {
        let (node, _) = counting(db, |_| {});
        let decide = |cx: &Context<'_>, world: &mut World| {
            world.tell(Lane(1), "test", 0, cx.now, "{}".into());
            Ok(())
        };
        let answer = wait(node.submit(Act { lanes: vec![LANE], needs: nothing, decide }));
        assert!(matches!(answer, Err(Error::Poison(_))));
    }

    fn the_kept_answer_commits_with_its_effect(db) {
        let market = Market::open(db);
        let booking = market.booked(TEACHERS[0], 10).id;
        let key = Key { person: STUDENT, operation: "pay".into(), key: "k".into(), body_hash: "b".into(), window: None };
        let request = PayBooking { key: Some(key.clone()), ..pay(booking) };
        let Ok(Begun::Send(ticket)) = market.submit(request.clone()) else { panic!() };
        assert_eq!(market.submit(request.clone()), Ok(Begun::Join(ticket.op)));
        let answer = idempotency::Answer { status: 200, body: r#"{"paid":true}"#.into() };
        let kept = answer.clone();
        let fact = RecordCharge {
            op: ticket.op,
            payer: STUDENT,
            fence: Some(ticket.fence),
            rail: rail(),
            heard: succeeded(&ticket),
            finish: Some(Finish { key, render: Arc::new(move |_| Some(kept.clone())) }),
        };
        wait(market.db.record(fact)).unwrap();
        assert_eq!(market.submit(request), Ok(Begun::Replay(answer)));
        let id = (STUDENT, "pay".to_string(), "k".to_string());
        let record = market.db.read_now(move |reads| reads.find::<IdempotencyRecord>(&id)).unwrap().unwrap();
        assert_eq!((record.status, record.op), (Some(200), Some(ticket.op)));
    }

    fn a_double_click_across_threads_charges_once(db) {
        let market = Market::open(db);
        let booking = market.booked(TEACHERS[0], 10).id;
        let begun = together(16, |_| market.submit(pay(booking)).unwrap());
        assert_eq!(begun.iter().filter(|begun| matches!(begun, Begun::Send(_))).count(), 1);
        assert!(begun.iter().all(|begun| matches!(begun, Begun::Send(_) | Begun::Join(_))));
        assert_eq!(verify_database(&db.url, &Options::default()).unwrap(), []);
    }
}

/// The same thing from many threads that start at once.
fn together<T: Send>(threads: usize, act: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let (start, act) = (&Barrier::new(threads), &act);
    std::thread::scope(|scope| {
        let run = |thread| {
            scope.spawn(move || {
                start.wait();
                act(thread)
            })
        };
        let running: Vec<_> = (0..threads).map(run).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// Two nodes of one PostgreSQL.
fn nodes(db: &TestDb) -> [Db; 2] {
    settle(db);
    let clock = clock();
    ["one", "two"].map(|node| Db::open(&db.url, settings(node, &clock)).unwrap())
}

#[test]
fn two_nodes_want_one_name_and_one_gets_it() {
    let db = TestDb::postgres();
    let nodes = nodes(&db);
    for round in 0..20 {
        let name = format!("ada{round}@example.org");
        let answers = together(2, |node| wait(nodes[node].submit(claim(&name, false))));
        let won = answers.iter().filter(|answer| answer.is_ok()).count();
        let taken = answers.iter().filter(|a| matches!(a, Err(Error::Refused(Refusal::EmailTaken)))).count();
        assert_eq!((won, taken), (1, 1), "{answers:?}");
    }
}

/// Create, pay, succeed, cancel and refund the same few bookings from both nodes at once.
#[test]
fn two_nodes_hammer_the_same_bookings_and_the_books_stay_right() {
    let db = TestDb::postgres();
    let nodes = nodes(&db);
    for round in 0..6 {
        let slot = hour(10 + 2 * round);
        let made = together(8, |thread| wait(nodes[thread % 2].submit(create(TEACHERS[0], slot))));
        let mut made = made.into_iter().filter_map(Result::ok);
        let (booking, none) = (made.next().unwrap().id, made.next());
        assert!(none.is_none(), "one hour, one booking");
        let yes = domain::bookings::Confirm {
            booking,
            payer: STUDENT,
            actor: domain::bookings::Actor::Party(TEACHERS[0]),
            slot: None,
        };
        wait(nodes[0].submit(yes)).unwrap();
        let sent = together(8, |thread| hammer(&nodes[thread % 2], thread, booking));
        assert!(sent.iter().sum::<usize>() <= 1, "one charge");
    }
    assert_eq!(verify_database(&db.url, &Options::default()).unwrap(), []);
    let mut connection = db.open(Access::Write);
    let charges = "SELECT count(*) FROM op WHERE kind = 'charge' AND state = 'succeeded' GROUP BY payment";
    for mut row in connection.query(charges, &[]).unwrap() {
        assert_eq!(row.int().unwrap(), 1);
    }
}

/// The last thread cancels and settles what follows, the others pay; how many charges were begun.
fn hammer(node: &Db, thread: usize, booking: domain::id::BookingId) -> usize {
    if thread == 7 {
        let cancelled = wait(node.submit(cancel(booking))).unwrap();
        if let Some((_, op)) = cancelled.refund {
            let op = node.read_now(move |reads| reads.find::<Op>(&op)).unwrap().unwrap();
            assert_eq!(op.kind, OpKind::Refund);
            let report = domain::gateway::RefundReport {
                reference: format!("re_{}", op.id),
                charge: "pi".into(),
                state: RefundReportState::Succeeded,
                amount: op.amount,
                failure: None,
                tag: None,
            };
            let heard = domain::operations::Heard::Answer(domain::gateway::Answer::Done(report));
            let fact =
                domain::refunds::RecordRefund { op: op.id, payer: STUDENT, fence: None, rail: rail(), heard };
            wait(node.record(fact)).unwrap();
        }
        return 0;
    }
    match wait(node.submit(pay(booking))) {
        Ok(Begun::Send(ticket)) => {
            let (op, fence, heard) = (ticket.op, Some(ticket.fence), succeeded(&ticket));
            let fact = RecordCharge { op, payer: STUDENT, fence, rail: rail(), heard, finish: None };
            wait(node.record(fact)).unwrap();
            1
        }
        Ok(_) | Err(Error::Refused(_)) => 0,
        Err(error) => panic!("{error}"),
    }
}

/// Waits for lock 7 as long as the session may.
const WAIT: &str = "BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NULL; END";
/// The same in a server that is stuck: its own limits do not end it.
const WAIT_STUCK: &str = "
    BEGIN
        PERFORM pg_advisory_xact_lock(7); RETURN NULL;
    EXCEPTION WHEN query_canceled OR lock_not_available THEN
        PERFORM set_config('lock_timeout', '0', true), pg_advisory_xact_lock(7); RETURN NULL;
    END";

/// Whatever writes an event waits: DEFERRED in its COMMIT, IMMEDIATE with the COMMIT still unread.
fn slow(when: &str, wait: &str) -> String {
    format!(
        "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ {wait} $$;
         CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON event DEFERRABLE INITIALLY {when}
            FOR EACH ROW EXECUTE FUNCTION slow();"
    )
}

/// The sessions that wait for lock 7.
fn in_doubt(connection: &mut Connection) -> Vec<i64> {
    let sql = "SELECT CAST(pid AS BIGINT) FROM pg_stat_activity \
               WHERE datname = current_database() AND wait_event = 'advisory'";
    connection.query(sql, &[]).unwrap().iter_mut().map(|row| row.int().unwrap()).collect()
}

/// Starts one command of a new node whose COMMIT hangs, or what is sent with it, does something about it,
/// and says how often the command took effect.
fn lost_answer(when: &str, how: &str, act: impl FnOnce(&mut Connection, i64)) -> i64 {
    let db = TestDb::postgres();
    let (node, _) = counting(&db, |settings| {
        settings.options.commit_wait_ms = 100;
        if how == WAIT_STUCK {
            settings.options.statement_timeout_ms = 2_000;
        }
    });
    let mut holder = db.open(Access::Write);
    holder.batch(&slow(when, how)).unwrap();
    holder.query("SELECT CAST(pg_advisory_lock(7) AS TEXT)", &[]).unwrap();
    let answer = ask(&node, event());
    let pid = loop {
        if let Some(pid) = in_doubt(&mut holder).first() {
            break *pid;
        }
        std::thread::yield_now();
    };
    act(&mut holder, pid);
    drop(holder);
    wait(answer).unwrap();
    events(&db)
}

/// Waits until the writer asks for its mark, which the batch in doubt still holds.
fn wait_for_look_up(connection: &mut Connection) {
    let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
               AND wait_event_type = 'Lock' AND query LIKE 'INSERT INTO writer_mark%'";
    while connection.query(sql, &[]).unwrap()[0].int().unwrap() == 0 {
        std::thread::yield_now();
    }
}

#[test]
fn a_commit_whose_answer_is_lost_takes_effect_once() {
    for (when, how) in [("DEFERRED", WAIT), ("IMMEDIATE", WAIT_STUCK)] {
        let committed_after_all = lost_answer(when, how, |connection, _| wait_for_look_up(connection));
        assert_eq!(committed_after_all, 1, "{when}");
    }
}

#[test]
fn a_commit_that_died_on_the_way_is_made_again_once() {
    let made_again = lost_answer("DEFERRED", WAIT, |connection, pid| {
        connection.query("SELECT pg_terminate_backend(CAST($1 AS INTEGER))", &[pid.into()]).unwrap();
        while in_doubt(connection).contains(&pid) {
            std::thread::yield_now();
        }
    });
    assert_eq!(made_again, 1);
}

/// What kills each session that it is sent on is not sent for ever.
#[test]
fn a_commit_that_is_lost_each_time_is_given_up() {
    let db = TestDb::postgres();
    let (node, _) = counting(&db, |settings| {
        settings.options.commit_wait_ms = 100;
        settings.options.lock_timeout_ms = 2_000;
    });
    let mut holder = db.open(Access::Write);
    holder.batch(&slow("DEFERRED", WAIT)).unwrap();
    holder.query("SELECT CAST(pg_advisory_lock(7) AS TEXT)", &[]).unwrap();
    let error = wait(ask(&node, event())).unwrap_err();
    assert!(matches!(error, Error::Fault(Fault::Unavailable(_))), "{error:?}");
    assert_eq!(events(&db), 0);
    drop(holder);
    wait(ask(&node, event())).unwrap();
    assert_eq!(events(&db), 1);
}

/// Whoever looks too often tells nobody anything new: the pauses grow, and end.
#[test]
fn look_ups_pause_longer_and_longer_and_give_up() {
    let db = TestDb::postgres();
    let pauses = Arc::new(Mutex::new(Vec::new()));
    let (node, _) = counting(&db, |settings| {
        let pauses = Arc::clone(&pauses);
        settings.pause = Arc::new(move |span| pauses.lock().unwrap().push(span));
    });
    // No COMMIT of a mark is believed from now on, neither of the batch nor of a look-up.
    let warn = "
        CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE WARNING 'the transaction has already committed locally'; RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER warn AFTER INSERT OR UPDATE ON writer_mark DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW EXECUTE FUNCTION warn();";
    db.open(Access::Write).batch(warn).unwrap();
    let error = wait(ask(&node, event())).unwrap_err();
    assert!(matches!(error, Error::Fault(Fault::CommitUnknown(_))), "{error:?}");
    let pauses = pauses.lock().unwrap();
    assert_eq!(pauses.len(), 19, "{pauses:?}");
    assert!(pauses.is_sorted(), "{pauses:?}");
    let (first, last) = (pauses[0], pauses[18]);
    assert_eq!((first, last), (Duration::from_millis(10), Duration::from_secs(2)), "{pauses:?}");
}

/// A name may be used again after a restart: what its former holder committed says nothing.
#[test]
fn a_former_holders_mark_is_not_mistaken_for_an_answer() {
    let db = TestDb::postgres();
    let (node, _) = counting(&db, |_| {});
    wait(ask(&node, event())).unwrap();
    drop(node);
    let node = Db::open(&db.url, settings("one", &clock())).unwrap();
    let mut connection = db.open(Access::Write);
    let mark = connection.query("SELECT batch FROM writer_mark WHERE node = 'one'", &[]).unwrap();
    assert_eq!(mark.into_iter().next().unwrap().int().unwrap(), 0);
    drop(node);
}

#[test]
fn a_database_that_is_gone_is_a_temporary_fault() {
    let db = TestDb::postgres();
    let (node, _) = counting(&db, |settings| settings.options.connect_timeout_ms = 300);
    wait(ask(&node, event())).unwrap();
    drop(db);
    let error = wait(ask(&node, event())).unwrap_err();
    assert!(matches!(error, Error::Fault(Fault::Unavailable(_) | Fault::Other(_))), "{error:?}");
}

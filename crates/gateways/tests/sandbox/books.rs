use std::sync::Arc;

use domain::gateway::Answer;
use gateways::gateway::{CreateCharge, Gateway};
use gateways::sandbox::Books;
use tokio::task::JoinSet;

use super::{Bench, done};

#[tokio::test]
async fn books_in_a_file_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("books");
    let bench = Bench::with(Books::file(&file, 7).unwrap());
    let request = bench.request("pm_card_visa");
    let first = done(bench.gateway.create_charge(&request).await);
    drop(bench);

    let bench = Bench::with(Books::file(&file, 8).unwrap());
    assert_eq!(done(bench.gateway.create_charge(&request).await), first);
    assert_eq!(done(bench.gateway.find_charge(&first.reference).await), first);
    bench.request("the first key is taken");
    let second = done(bench.charge("pm_card_visa").await);
    assert!(second.reference > first.reference, "ids never repeat");
    assert_eq!(bench.gateway.books().await.unwrap().totals[0].charged, 4_000);
}

/// What another process would see at the moment an answer arrives.
#[tokio::test]
async fn an_answer_is_committed_before_it_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("books");
    let bench = Bench::with(Books::file(&file, 7).unwrap());
    let other = rusqlite::Connection::open(&file).unwrap();
    for expected in 1..=20_i64 {
        done(bench.charge("pm_card_visa").await);
        let sql = "SELECT count(*) FROM charge WHERE state = 'succeeded'";
        let seen: i64 = other.query_row(sql, [], |row| row.get(0)).unwrap();
        assert_eq!(seen, expected);
    }
}

/// Two processes over one file never give the same id twice.
#[tokio::test]
async fn books_can_be_shared() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("books");
    let one = Bench::with(Books::file(&file, 7).unwrap());
    let two = Bench::with(Books::file(&file, 8).unwrap());
    let request = one.request("pm_card_visa");
    let first = done(one.gateway.create_charge(&request).await);
    assert_eq!(done(two.gateway.create_charge(&request).await), first);
    let other = two.request("pm_card_visa");
    let other = CreateCharge { key: "another".to_owned(), ..other };
    assert_ne!(done(two.gateway.create_charge(&other).await).reference, first.reference);
    assert_eq!(one.gateway.books().await.unwrap().totals[0].charges, 2);
}

#[tokio::test]
async fn books_of_a_newer_program_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("books");
    let connection = rusqlite::Connection::open(&file).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    assert!(Books::file(&file, 7).is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_callers_share_commits_and_every_key_charges_once() {
    let folder = tempfile::tempdir().unwrap();
    let bench = Arc::new(Bench::with(Books::file(&folder.path().join("books"), 7).unwrap()));
    let mut callers = JoinSet::new();
    let requests: Vec<_> = (0..64).map(|_| bench.request("pm_card_visa")).collect();
    for request in requests.iter().chain(&requests) {
        let (bench, request) = (Arc::clone(&bench), request.clone());
        callers.spawn(async move { done(bench.gateway.create_charge(&request).await).reference });
    }
    let mut references = callers.join_all().await;
    references.sort();
    references.dedup();
    assert_eq!(references.len(), 64);
    let totals = &bench.gateway.books().await.unwrap().totals[0];
    assert_eq!((totals.charges, totals.charged), (64, 128_000));
}

/// One seed and one history give one set of books: a simulation can be replayed.
#[tokio::test]
async fn books_in_memory_are_repeatable() {
    let mut readouts = Vec::new();
    for _ in 0..2 {
        let bench = Bench::new();
        let charge = done(bench.charge("pm_card_disputed").await);
        let refused = bench.gateway.create_refund(&Bench::refund(&charge, 1)).await;
        assert!(matches!(refused, Answer::Rejected(_)));
        done(bench.charge("pm_card_visa").await);
        let webhooks = bench.core.due_webhooks(bench.now()).await.unwrap();
        readouts.push((bench.gateway.books().await.unwrap(), webhooks));
    }
    assert_eq!(readouts[0], readouts[1]);
}

#[tokio::test]
async fn a_statement_lists_everything_once_oldest_first() {
    let bench = Bench::new();
    let mut expected = Vec::new();
    let mut refunds = Vec::new();
    for number in 0..250 {
        let charge = done(bench.charge("pm_card_visa").await);
        if number < 120 {
            let refund = bench.gateway.create_refund(&Bench::refund(&charge, 1)).await;
            refunds.push(done(refund).reference);
        }
        if number == 100 {
            bench.advance(domain::time::Span::SECOND);
        }
        expected.push(charge.reference);
    }
    let (mut charges, mut refunded, mut page) = (Vec::new(), Vec::new(), None::<String>);
    loop {
        let statement = bench.gateway.list_since(super::START, page.as_deref()).await;
        let statement = done(statement);
        charges.extend(statement.charges.into_iter().map(|charge| charge.reference));
        refunded.extend(statement.refunds.into_iter().map(|refund| refund.reference));
        page = statement.next;
        if page.is_none() {
            break;
        }
    }
    assert_eq!((charges, refunded), (expected, refunds));

    let later = done(bench.gateway.list_since(bench.now(), None).await);
    assert_eq!(later.charges.len(), 100, "a full page of the 149 later ones");
    let nowhere = bench.gateway.list_since(bench.now(), Some("nowhere")).await;
    assert!(matches!(nowhere, Answer::Rejected(_)), "{nowhere:?}");
}

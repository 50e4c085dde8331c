//! Every recipe of the ledger with an example: pinned in `entries.txt`, shown in `docs/accounting.md`.

use std::fmt::Write;

use domain::id::{OpId, PaymentId, RefundId};
use domain::ledger::{Account, Draft, Phase, recipes};
use domain::policy::{FeeMode, FeePolicy};
use domain::pricing::quote;
use domain::records::{Op, Payment, Quote, Refund};

use crate::support::*;

/// A recipe at work: when it happens, and the entry.
struct Example {
    when: &'static str,
    draft: Draft,
}

/// A payment of E2 (or of another quote) with its operation, and a refund of a part.
fn paid(quote: Quote) -> (Payment, Op) {
    let mut shop = Shop::default();
    let (_, payment) = shop.paid();
    let payment = Payment { id: PaymentId(7_682), quote, ..shop.payment(payment).clone() };
    let op = Op { id: OpId(7_938), amount: quote.total(), ..shop.op(payment.op.unwrap()).clone() };
    (payment, op)
}

fn refund(payment: &Payment, from: [i64; 2]) -> Refund {
    let mut shop = Shop::default();
    let (booking, _) = shop.paid();
    let (made, _) = shop.cancel_all(booking);
    Refund {
        id: RefundId(8_194),
        payment: payment.id,
        op: Some(OpId(8_450)),
        amount_minor: 2_000,
        fee_minor: 95,
        share_minor: 1_905,
        from_pending_minor: from[0],
        from_available_minor: from[1],
        ..shop.refund(made).clone()
    }
}

fn on_top() -> Quote {
    quote(usd(7_500), FeePolicy { mode: FeeMode::OnTop, rate_bps: 500, min_minor: 100 })
}

fn deducted() -> Quote {
    quote(usd(5_000), FeePolicy { mode: FeeMode::Deducted, rate_bps: 500, min_minor: 0 })
}

/// E7: a course of 100.00 with a coupon of 20.00 that the platform pays for.
fn subsidised() -> Quote {
    Quote {
        base_minor: 8_000,
        discount_minor: 2_000,
        subsidy_minor: 2_000,
        total_minor: 8_000,
        ..quote(usd(10_000), FeePolicy { mode: FeeMode::Deducted, rate_bps: 2_000, min_minor: 0 })
    }
}

fn examples() -> Vec<Example> {
    let (payment, op) = paid(on_top());
    let charge = |quote| {
        let (payment, op) = paid(quote);
        recipes::charge(&payment, &op)
    };
    let release = |owed| recipes::release(("payment", payment.id.0), TEACHER, usd(7_500), usd(owed));
    let held = refund(&payment, [1_905, 0]);
    let earned = refund(&payment, [0, 1_500]);
    let set_off = |minor| recipes::set_off(("op", 8_450), TEACHER, usd(minor));
    let suspense_out = |phase| recipes::suspense_out(&op, usd(7_875), phase);
    let list = [
        ("75.00 and 3.75 on top are charged (E2)", charge(on_top())),
        ("50.00 are charged, 5 % deducted (E1)", charge(deducted())),
        (
            "a course of 100.00 with a coupon of 20.00 that the platform funds, 20 % deducted (E7)",
            charge(subsidised()),
        ),
        ("the lesson has been held, or the hold is over", release(0)),
        (
            "the same, while the teacher owes 60.00 from an earlier refund: that is repaid first",
            release(6_000),
        ),
        (
            "20.00 of E2 are asked back before the lesson (E10): under way",
            recipes::refund(&payment, &held, Phase::Pending),
        ),
        (
            "the gateway confirms: what was under way has happened",
            recipes::refund(&payment, &held, Phase::Settle),
        ),
        (
            "or it definitely failed: what was under way will not happen",
            recipes::refund(&payment, &held, Phase::Void),
        ),
        (
            "the same 20.00 after the teacher was paid out all but 15.00: he owes what he lacks",
            recipes::refund(&payment, &earned, Phase::Pending),
        ),
        ("a confirmed refund comes back from the payer's bank", recipes::refund_returned(&payment, &held)),
        (
            "after a refund failed or came back: a debt of 4.05 is set off against what the teacher has",
            set_off(405),
        ),
        (
            "after a refund failed or came back: 4.05 that the teacher had repaid of it are his again",
            set_off(-405),
        ),
        (
            "money comes for an attempt that was over, or another amount than was asked for",
            recipes::suspense_in(&op, usd(7_875)),
        ),
        ("it turns out to pay its payment after all", recipes::suspense_to_payment(&payment, &op)),
        ("it goes back to the payer: under way", suspense_out(Phase::Pending)),
        ("it has gone back", suspense_out(Phase::Settle)),
        ("it could not go back, and waits for a human", suspense_out(Phase::Void)),
        (
            "a refund that had definitely failed went out after all: a human must say whose it was",
            suspense_out(Phase::Posted),
        ),
    ];
    list.map(|(when, draft)| Example { when, draft: draft.unwrap() }).into()
}

/// Account, `posted` and `pending`, each under debit or credit.
fn line(account: &Account, minor: i64) -> (String, &'static str, String) {
    let side = if minor > 0 { "debit" } else { "credit" };
    (account.name(), side, usd(minor.abs()).decimal())
}

#[test]
fn entries() {
    let mut text = String::from(
        "# Every recipe with an example. Pending is what is under way and may still be voided.\n",
    );
    for Example { when, draft } in examples() {
        write!(text, "\n{}: {when}\n", draft.recipe).unwrap();
        for (phase, pick) in [("posted", 0), ("pending", 1)] {
            for (account, posted, pending) in &draft.movements {
                let minor = [*posted, *pending][pick];
                if minor != 0 {
                    let (name, side, amount) = line(account, minor);
                    writeln!(text, "  {phase:<8} {side:<7} {name:<18} {amount:>8}").unwrap();
                }
            }
        }
    }
    golden::check("tests/golden/entries.txt", &text);
}

/// The part of the document below its marker is made here, so that it cannot be out of date.
#[test]
fn accounting() {
    const MARK: &str =
        "<!-- made by crates/domain/tests/golden: UPDATE_GOLDEN=1 cargo nextest run -p domain -->\n";
    let name = "../../docs/accounting.md";
    let kept = std::fs::read_to_string(golden::path(name)).unwrap();
    let (written, _) = kept.split_once(MARK).expect("the marker stands above the made part");
    let mut text = format!("{written}{MARK}");
    for Example { when, draft } in examples() {
        write!(text, "\n### `{}`\n\n{}{}.\n\n", draft.recipe, when[..1].to_uppercase(), &when[1..]).unwrap();
        text += "| account | debit | credit | |\n|---|---:|---:|---|\n";
        for (account, posted, pending) in &draft.movements {
            for (minor, note) in [(*posted, ""), (*pending, "pending")] {
                if minor != 0 {
                    let (name, side, amount) = line(account, minor);
                    let (debit, credit) =
                        if side == "debit" { (amount, String::new()) } else { (String::new(), amount) };
                    writeln!(text, "| {name} | {debit} | {credit} | {note} |").unwrap();
                }
            }
        }
    }
    golden::check(name, &text);
}

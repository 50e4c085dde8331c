//! Partial refunds under each fee treatment, posting by posting: pinned in `refund_entries.txt`.

use std::fmt::Write;

use domain::gateway::RefundReportState;
use domain::policy::{FeeMode, FeePolicy, Policies, RefundFeePolicy};
use domain::records::{Posting, RefundState};

use crate::support::*;

/// What is charged how, what happens to the fee, and the parts that go back.
struct Case {
    told: &'static str,
    rule: FeePolicy,
    fees: RefundFeePolicy,
    /// Whether the teacher has been paid out before.
    paid_out: bool,
    parts: &'static [i64],
}

const fn rule(mode: FeeMode, rate_bps: u32, min_minor: i64) -> FeePolicy {
    FeePolicy { mode, rate_bps, min_minor }
}

const CASES: [Case; 5] = [
    Case {
        told: "75.00 and 3.75 on top (E10): the fee goes back in proportion",
        rule: rule(FeeMode::OnTop, 500, 100),
        fees: RefundFeePolicy::ProRata,
        paid_out: false,
        parts: &[2_000, 5_875],
    },
    Case {
        told: "75.00 and 3.75 on top: the fee is kept",
        rule: rule(FeeMode::OnTop, 500, 100),
        fees: RefundFeePolicy::Keep,
        paid_out: false,
        parts: &[2_000, 5_500],
    },
    Case {
        told: "75.00, 20 % deducted: the fee goes back in proportion",
        rule: rule(FeeMode::Deducted, 2_000, 0),
        fees: RefundFeePolicy::ProRata,
        paid_out: false,
        parts: &[3_333, 3_333, 834],
    },
    Case {
        told: "75.00, 20 % deducted: the fee is kept",
        rule: rule(FeeMode::Deducted, 2_000, 0),
        fees: RefundFeePolicy::Keep,
        paid_out: false,
        parts: &[3_333, 2_667],
    },
    Case {
        told: "75.00 and 3.75 on top, after the teacher was paid out all but 15.00",
        rule: rule(FeeMode::OnTop, 500, 100),
        fees: RefundFeePolicy::ProRata,
        paid_out: true,
        parts: &[1_000, 6_875],
    },
];

#[test]
fn refund_entries() {
    let mut text =
        String::from("# Partial refunds under each fee treatment: what each part posts, and what is left.\n");
    for case in CASES {
        let mut policies = Policies { fee_booking: case.rule, ..Policies::default() };
        policies.refunds.fee = case.fees;
        let mut shop = Shop::with(policies);
        let (booking, payment) = shop.paid();
        if case.paid_out {
            shop.held_and_released(booking);
            shop.take_out(6_000);
        }
        writeln!(text, "\n{}", case.told).unwrap();
        for part in case.parts {
            let before = shop.kept.postings.len();
            let (refund, op) = shop.give(payment, *part).unwrap();
            shop.settle(op, RefundReportState::Succeeded);
            assert_eq!(shop.refund(refund).state, RefundState::Processed);
            writeln!(text, " {} go back", usd(*part).decimal()).unwrap();
            posted(&mut text, &shop.kept.postings[before..]);
        }
        let (fees, _) = shop.balance(&domain::ledger::Account::Fees);
        let (cleared, _) = shop.balance(&clearing());
        let [pending, available, owed] = shop.payee().map(|minor| usd(minor).decimal());
        writeln!(
            text,
            " then: clearing {}, fees {}, payee pending {pending}, available {available}, owes {owed}",
            usd(cleared).decimal(),
            usd(fees).decimal(),
        )
        .unwrap();
    }
    golden::check("tests/golden/refund_entries.txt", &text);
}

/// What has happened; what was under way is the same, and void.
fn posted(text: &mut String, postings: &[Posting]) {
    for posting in postings.iter().filter(|posting| posting.posted_minor != 0) {
        let side = if posting.posted_minor > 0 { "debit" } else { "credit" };
        let amount = usd(posting.posted_minor.abs()).decimal();
        writeln!(text, "  {side:<7} {:<18} {amount:>8}", posting.account).unwrap();
    }
}

//! The one suite that every gateway passes, as a function: `contract::check(&gateway, &fixture)`.
//!
//! It speaks only the [`Gateway`] trait and believes only what the gateway itself tells. A fixture
//! names the tokens to use and admits what a stand-in cannot do; what a fixture leaves out is not
//! checked, and nothing else is skipped. A violation panics with the rule that was broken.
//! Behaviour of one gateway alone (its error codes, its wire) is deliberately not here.

use std::cell::Cell;

use domain::gateway::{Answer, ChargeReport, ChargeState, OpTag, RefundReport, RefundReportState};
use domain::money::{Currency, Money};
use domain::time::{Span, Timestamp};

use crate::gateway::{
    CancelCharge, ConfirmCharge, CreateCharge, CreateCustomer, CreateRefund, Gateway, Inbound, InboundError,
    RawCard,
};

/// Pages of a statement before the suite gives up.
const PAGES_MAX: usize = 1_000;

/// What the suite needs to know of the gateway under test.
pub struct Fixture {
    /// Told apart from every earlier run against the same gateway; goes into keys and tags.
    pub run: String,
    /// The gateway's time now; everything that the suite creates comes after it.
    pub started_at: Timestamp,
    /// A token whose charges succeed.
    pub succeeds: String,
    /// A token whose charges are declined.
    pub declines: String,
    /// Tokens whose answer is lost, where the gateway has such.
    pub silent: Option<SilentTokens>,
    /// Currencies to charge in; the first is used for everything but amounts.
    pub currencies: Vec<Currency>,
    pub flow: Flow,
    pub keys: Keys,
    pub over_refunds: OverRefunds,
    pub saved_cards: SavedCards,
    pub statement: StatementOf,
    /// A genuine webhook and how it is signed, where the gateway has them.
    pub webhook: Option<SignedWebhook>,
}

pub struct SilentTokens {
    pub charged: String,
    pub uncharged: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// Create and confirm at once (`Abilities::one_call_charge`).
    OneCall,
    /// Create, then confirm: every gateway can.
    TwoCalls,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    Honoured,
    /// The stand-in ignores them: nothing about keys is checked.
    Ignored,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverRefunds {
    Refused,
    /// The stand-in lets them through: the marketplace's own cap must hold.
    Accepted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SavedCards {
    /// Charged for their customer only, and never after they were detached.
    Guarded,
    /// The stand-in charges them for anybody.
    Unguarded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatementOf {
    Everything,
    /// The stand-in cannot list.
    Nothing,
}

/// Signs a body as the gateway would at an instant: the header's name and value.
pub type Signer = Box<dyn Fn(Timestamp, &[u8]) -> (String, String) + Send + Sync>;

pub struct SignedWebhook {
    pub body: Vec<u8>,
    pub sign: Signer,
}

struct Run<'a> {
    gateway: &'a dyn Gateway,
    fixture: &'a Fixture,
    op: Cell<i64>,
}

/// Runs every rule; panics at the first that is broken.
pub async fn check(gateway: &dyn Gateway, fixture: &Fixture) {
    assert!(
        fixture.flow == Flow::TwoCalls || gateway.abilities().one_call_charge,
        "the gateway cannot charge in one call"
    );
    let run = Run { gateway, fixture, op: Cell::new(0) };
    run.amounts_survive_the_wire().await;
    run.a_decline_moves_nothing().await;
    run.a_cancelled_charge_cannot_be_confirmed().await;
    run.a_succeeded_charge_cannot_be_cancelled().await;
    run.refunds_stay_within_the_charge().await;
    run.a_saved_card_belongs_to_its_customer().await;
    run.unpublished_numbers_are_refused();
    if fixture.keys == Keys::Honoured {
        run.a_repeated_charge_is_one_charge().await;
        run.another_request_under_a_key_moves_nothing().await;
        run.a_repeated_refund_is_one_refund().await;
        if let Some(silent) = &fixture.silent {
            run.a_lost_answer_converges(&silent.charged).await;
            run.a_lost_answer_converges(&silent.uncharged).await;
        }
    }
    if let Some(webhook) = &fixture.webhook {
        run.only_authentic_webhooks_are_believed(webhook);
    }
}

impl Run<'_> {
    async fn amounts_survive_the_wire(&self) {
        for currency in &self.fixture.currencies {
            let amount = currency.minor(12_340);
            let charge = self.charge(amount).await;
            assert_eq!(charge.amount, amount, "the charge's amount changed");
            let found = self.find(&charge.reference).await;
            assert_eq!(found.amount, amount, "the amount found is another");
            assert_eq!(found.state, ChargeState::Succeeded);
            assert_eq!(found.refunded, currency.zero(), "nothing was refunded yet");
            assert_eq!(found.tag, charge.tag, "the charge lost its tag");
            let part = currency.minor(10);
            let refund = done(self.refund(&charge, part, "r").await);
            assert_eq!(refund.amount, part, "the refund's amount changed");
            assert_eq!(refund.charge, charge.reference);
            let found = done(self.gateway.find_refund(&refund.reference).await);
            assert_eq!((found.amount, found.tag), (part, refund.tag));
        }
    }

    async fn a_decline_moves_nothing(&self) {
        let request = self.request(&self.fixture.declines, self.amount());
        let answer = self.pay(&request).await;
        assert!(is_no(&answer), "a decline must be a definite no: {answer:?}");
        self.assert_moved(request.tag.op, 0).await;
    }

    async fn a_cancelled_charge_cannot_be_confirmed(&self) {
        let request = CreateCharge { confirm: false, ..self.request(&self.fixture.succeeds, self.amount()) };
        let created = done(self.gateway.create_charge(&request).await);
        assert_eq!(
            created.state,
            ChargeState::NeedsConfirmation,
            "creating without confirming must not move money"
        );
        let cancelled = done(self.cancel(&created.reference).await);
        assert_eq!(cancelled.state, ChargeState::Cancelled);
        let answer = self.confirm(&request, &created.reference).await;
        let refused = match &answer {
            Answer::Rejected(_) | Answer::Declined(_) => true,
            Answer::Done(report) => report.state == ChargeState::Cancelled,
            Answer::NotSent(_) | Answer::Unknown(_) => false,
        };
        assert!(refused, "a cancelled charge was confirmed: {answer:?}");
        let found = self.find(&created.reference).await;
        assert_eq!(found.state, ChargeState::Cancelled);
    }

    async fn a_succeeded_charge_cannot_be_cancelled(&self) {
        let charge = self.charge(self.amount()).await;
        let answer = done(self.cancel(&charge.reference).await);
        assert_eq!(answer.state, ChargeState::Succeeded, "it was cancelled");
        let found = self.find(&charge.reference).await;
        assert_eq!(found.state, ChargeState::Succeeded);
    }

    async fn refunds_stay_within_the_charge(&self) {
        let amount = self.amount();
        let charge = self.charge(amount).await;
        let part = Money { minor: amount.minor / 4, ..amount };
        let first = done(self.refund(&charge, part, "first").await);
        assert_eq!(first.state, RefundReportState::Succeeded);
        assert_eq!(self.find(&charge.reference).await.refunded, part);
        if self.fixture.over_refunds == OverRefunds::Refused {
            let answer = self.refund(&charge, amount, "too much").await;
            assert!(
                matches!(answer, Answer::Rejected(_) | Answer::Declined(_)),
                "more than what is left was refunded: {answer:?}"
            );
        }
        done(self.refund(&charge, amount - part, "rest").await);
        assert_eq!(self.find(&charge.reference).await.refunded, amount);
    }

    async fn a_saved_card_belongs_to_its_customer(&self) {
        if !self.gateway.abilities().saved_cards {
            return;
        }
        let customer = self.customer("one").await;
        let saved = done(self.gateway.attach_card(&customer, &self.fixture.succeeds).await);
        assert_eq!(saved.customer.as_deref(), Some(customer.as_str()));
        assert_eq!(saved.face.last_four.len(), 4, "a face has four digits");
        assert!(!saved.face.brand.is_empty(), "a face has a brand");
        let report = done(self.pay_saved(&saved.token, &customer).await);
        assert_eq!(report.state, ChargeState::Succeeded);
        let stranger = self.customer("two").await;
        if self.fixture.saved_cards == SavedCards::Guarded {
            let answer = self.pay_saved(&saved.token, &stranger).await;
            assert!(is_no(&answer), "a stranger charged the card: {answer:?}");
        }
        done(self.gateway.detach_card(&saved.token).await);
        if self.fixture.saved_cards == SavedCards::Guarded {
            let answer = self.pay_saved(&saved.token, &customer).await;
            assert!(is_no(&answer), "a detached card was charged: {answer:?}");
        }
        done(self.gateway.delete_customer(&customer).await);
        if self.fixture.saved_cards == SavedCards::Guarded {
            done(self.gateway.delete_customer(&customer).await);
            let answer = self.gateway.attach_card(&customer, &self.fixture.succeeds).await;
            let is_no = matches!(answer, Answer::Rejected(_) | Answer::Declined(_));
            assert!(is_no, "a deleted customer got a card: {answer:?}");
        }
    }

    fn unpublished_numbers_are_refused(&self) {
        if !self.gateway.abilities().raw_test_cards {
            return;
        }
        let card = |number: &str| RawCard {
            number: number.to_owned(),
            exp_month: 12,
            exp_year: 2034,
            cvc: "123".to_owned(),
        };
        let token = |number: &str| self.gateway.test_token(&card(number));
        assert!(token("4242424242424242").is_some(), "the best known card");
        for number in ["", "4111111111111111", "42424242424242421", "4242"] {
            assert_eq!(token(number), None, "{number} is no test card");
        }
    }

    async fn a_repeated_charge_is_one_charge(&self) {
        let request = self.request(&self.fixture.succeeds, self.amount());
        let first = done(self.pay(&request).await);
        let second = done(self.pay(&request).await);
        assert_eq!(first, second, "the same key got another answer");
        self.assert_moved(request.tag.op, 1).await;
    }

    async fn another_request_under_a_key_moves_nothing(&self) {
        let request = self.request(&self.fixture.succeeds, self.amount());
        let first = done(self.pay(&request).await);
        let other = CreateCharge { amount: request.amount + request.amount, ..request.clone() };
        let answer = self.gateway.create_charge(&other).await;
        assert!(matches!(answer, Answer::Unknown(_)), "a reused key must leave everything open: {answer:?}");
        self.assert_moved(request.tag.op, 1).await;
        assert_eq!(self.find(&first.reference).await.amount, request.amount);
    }

    async fn a_repeated_refund_is_one_refund(&self) {
        let charge = self.charge(self.amount()).await;
        let part = charge.amount.currency.minor(100);
        let first = done(self.refund(&charge, part, "same").await);
        let second = done(self.refund(&charge, part, "same").await);
        assert_eq!(first.reference, second.reference, "refunded twice");
        assert_eq!(self.find(&charge.reference).await.refunded, part);
    }

    async fn a_lost_answer_converges(&self, token: &str) {
        let request = self.request(token, self.amount());
        let lost = self.pay(&request).await;
        assert!(matches!(lost, Answer::Unknown(_)), "silence means unknown: {lost:?}");
        let repeated = self.pay(&request).await;
        let charged = match &repeated {
            Answer::Done(report) => usize::from(report.state == ChargeState::Succeeded),
            Answer::Declined(_) => 0,
            Answer::NotSent(_) | Answer::Rejected(_) | Answer::Unknown(_) => {
                panic!("repeating with the same key must settle it: {repeated:?}")
            }
        };
        self.assert_moved(request.tag.op, charged).await;
    }

    fn only_authentic_webhooks_are_believed(&self, webhook: &SignedWebhook) {
        let now = self.fixture.started_at;
        let receive = |body: &[u8], signature: Option<&(String, String)>| {
            let header = |name: &str| {
                let (known, value) = signature?;
                name.eq_ignore_ascii_case(known).then(|| value.clone())
            };
            let inbound = Inbound { header: &header, body, now };
            self.gateway.receive(inbound)
        };
        let sign = |at| (webhook.sign)(at, &webhook.body);
        let first = receive(&webhook.body, Some(&sign(now))).expect("an authentic webhook");
        let again = receive(&webhook.body, Some(&sign(now - Span::SECOND)));
        assert_eq!(Ok(&first), again.as_ref(), "a duplicate is the same event");
        assert!(!first.event.is_empty(), "an event has an id");

        let unsigned = receive(&webhook.body, None);
        assert_eq!(unsigned, Err(InboundError::BadSignature));
        let mut forged = webhook.body.clone();
        forged.push(b' ');
        let forged = receive(&forged, Some(&sign(now)));
        assert_eq!(forged, Err(InboundError::BadSignature));
        for at in [now - Span::minutes(6), now + Span::minutes(6)] {
            let stale = receive(&webhook.body, Some(&sign(at)));
            assert_eq!(stale, Err(InboundError::Stale));
        }
    }
}

impl Run<'_> {
    fn amount(&self) -> Money {
        self.fixture.currencies[0].minor(2_000)
    }

    /// A request with a key and a tag of its own.
    fn request(&self, token: &str, amount: Money) -> CreateCharge {
        let op = self.op.get() + 1;
        self.op.set(op);
        CreateCharge {
            key: format!("{}:{op}:charge", self.fixture.run),
            tag: OpTag { instance: self.fixture.run.clone(), op },
            amount,
            customer: None,
            method: Some(token.to_owned()),
            confirm: self.fixture.flow == Flow::OneCall,
            description: "contract suite".to_owned(),
        }
    }

    /// Creates and confirms, in one call or two, always under the keys of `request`.
    async fn pay(&self, request: &CreateCharge) -> Answer<ChargeReport> {
        let created = self.gateway.create_charge(request).await;
        match &created {
            Answer::Done(report) if !request.confirm => self.confirm(request, &report.reference).await,
            _ => created,
        }
    }

    async fn pay_saved(&self, token: &str, customer: &str) -> Answer<ChargeReport> {
        let customer = Some(customer.to_owned());
        self.pay(&CreateCharge { customer, ..self.request(token, self.amount()) }).await
    }

    async fn confirm(&self, request: &CreateCharge, reference: &str) -> Answer<ChargeReport> {
        let confirm = ConfirmCharge {
            key: format!("{}:confirm", request.key),
            reference: reference.to_owned(),
            method: request.method.clone(),
        };
        self.gateway.confirm_charge(&confirm).await
    }

    async fn charge(&self, amount: Money) -> ChargeReport {
        let request = self.request(&self.fixture.succeeds, amount);
        let report = done(self.pay(&request).await);
        assert_eq!(report.state, ChargeState::Succeeded, "{report:?}");
        assert_eq!(report.tag.as_ref(), Some(&request.tag), "the tag is lost");
        report
    }

    async fn cancel(&self, reference: &str) -> Answer<ChargeReport> {
        let request = CancelCharge {
            key: format!("{}:{reference}:cancel", self.fixture.run),
            reference: reference.to_owned(),
        };
        self.gateway.cancel_charge(&request).await
    }

    async fn find(&self, reference: &str) -> ChargeReport {
        done(self.gateway.find_charge(reference).await)
    }

    async fn refund(&self, charge: &ChargeReport, amount: Money, name: &str) -> Answer<RefundReport> {
        let tag = charge.tag.clone().expect("our charges carry a tag");
        let request = CreateRefund {
            key: format!("{}:{}:refund {name}", self.fixture.run, tag.op),
            tag,
            charge: charge.reference.clone(),
            amount,
        };
        self.gateway.create_refund(&request).await
    }

    async fn customer(&self, name: &str) -> String {
        let request = CreateCustomer {
            key: format!("{}:customer {name}", self.fixture.run),
            person: format!("{}-{name}", self.fixture.run),
            email: format!("{name}@example.org"),
            name: name.to_owned(),
        };
        done(self.gateway.create_customer(&request).await)
    }

    /// Checks, by the gateway's own statement, how many charges of an operation moved money.
    async fn assert_moved(&self, op: i64, expected: usize) {
        if self.fixture.statement == StatementOf::Nothing {
            return;
        }
        let ours = |report: &&ChargeReport| {
            let tag = report.tag.as_ref();
            report.state == ChargeState::Succeeded
                && tag.is_some_and(|tag| tag.op == op && tag.instance == self.fixture.run)
        };
        let mut moved = 0;
        let mut page = None;
        for _ in 0..PAGES_MAX {
            let since = self.fixture.started_at;
            let statement = done(self.gateway.list_since(since, page.as_deref()).await);
            moved += statement.charges.iter().filter(ours).count();
            page = statement.next;
            if page.is_none() {
                assert_eq!(moved, expected, "charges that moved money");
                return;
            }
        }
        panic!("the statement never ends");
    }
}

/// A definite no, of the bank or of the gateway: nothing moved.
fn is_no(answer: &Answer<ChargeReport>) -> bool {
    match answer {
        Answer::Declined(_) | Answer::Rejected(_) => true,
        Answer::Done(report) => matches!(report.state, ChargeState::NeedsMethod { .. }),
        Answer::NotSent(_) | Answer::Unknown(_) => false,
    }
}

fn done<T: std::fmt::Debug>(answer: Answer<T>) -> T {
    match answer {
        Answer::Done(report) => report,
        other => panic!("the gateway should have done it: {other:?}"),
    }
}

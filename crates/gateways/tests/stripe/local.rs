//! Real flows against localstripe, which somebody else wrote.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use domain::gateway::{Answer, ChargeReport, ChargeState, Hint, RefundReportState};
use domain::time::Timestamp;
use gateways::gateway::{CreateCustomer, Gateway, Inbound};
use gateways::stripe::StripeGateway;
use gateways::testing::LocalStripe;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::{WEBHOOK_SECRET, cancel, config, confirm, create, done, refund, tag, usd};

fn lean(stripe: &LocalStripe) -> StripeGateway {
    let mut config = config(&stripe.base);
    config.optional_parameters = false;
    StripeGateway::new(config).unwrap()
}

async fn created(gateway: &StripeGateway, op: i64, method: &str) -> ChargeReport {
    done(gateway.create_charge(&create(op, Some(method))).await)
}

#[tokio::test]
async fn a_charge_is_created_confirmed_refunded_and_found() {
    let stripe = LocalStripe::start();
    let gateway = lean(&stripe);
    let open = created(&gateway, 7, "pm_card_visa").await;
    assert_eq!(open.state, ChargeState::NeedsConfirmation);
    assert_eq!((open.amount, open.tag.clone()), (usd(7_875), Some(tag(7))));
    assert!(open.client_secret.is_some());

    let paid = done(gateway.confirm_charge(&confirm(7, &open.reference)).await);
    assert_eq!(paid.state, ChargeState::Succeeded);
    assert!(paid.movement.is_some());
    let face = paid.card.clone().unwrap();
    assert_eq!((face.brand.as_str(), face.last_four.as_str()), ("visa", "4242"));
    let again = done(gateway.confirm_charge(&confirm(7, &open.reference)).await);
    assert_eq!(again.state, ChargeState::Succeeded, "confirming twice tells the truth");
    let kept = done(gateway.cancel_charge(&cancel(7, &open.reference)).await);
    assert_eq!(kept.state, ChargeState::Succeeded, "too late to cancel");

    let part = done(gateway.create_refund(&refund(8, &open.reference, 2_000)).await);
    assert_eq!(part.state, RefundReportState::Succeeded);
    assert_eq!((part.charge.as_str(), part.amount), (open.reference.as_str(), usd(2_000)));
    assert_eq!(part.tag, Some(tag(8)));
    assert_eq!(done(gateway.find_refund(&part.reference).await), part);
    let rest = done(gateway.create_refund(&refund(9, &open.reference, 5_875)).await);
    assert_eq!(rest.amount, usd(5_875));
    let found = done(gateway.find_charge(&open.reference).await);
    assert_eq!(found.refunded, usd(7_875));

    let epoch = Timestamp::from_seconds(0);
    let charges = done(gateway.list_since(epoch, None).await);
    assert_eq!(charges.charges.len(), 1);
    let refunds = done(gateway.list_since(epoch, charges.next.as_deref()).await);
    assert_eq!((refunds.refunds.len(), refunds.next), (2, None));

    stripe.reset();
    let gone = gateway.find_charge(&open.reference).await;
    assert!(matches!(gone, Answer::Rejected(_)), "{gone:?}");
}

#[tokio::test]
async fn declines_cancellations_and_challenges() {
    let stripe = LocalStripe::start();
    let gateway = lean(&stripe);

    let open = created(&gateway, 1, "pm_card_chargeCustomerFail").await;
    let declined = gateway.confirm_charge(&confirm(1, &open.reference)).await;
    let Answer::Declined(decline) = declined else {
        panic!("{declined:?}");
    };
    assert_eq!(decline.code, "card_declined");
    let found = done(gateway.find_charge(&open.reference).await);
    assert!(matches!(found.state, ChargeState::NeedsMethod { last_decline: Some(_) }));
    let cancelled = done(gateway.cancel_charge(&cancel(1, &open.reference)).await);
    assert_eq!(cancelled.state, ChargeState::Cancelled);
    let again = done(gateway.cancel_charge(&cancel(1, &open.reference)).await);
    assert_eq!(again.state, ChargeState::Cancelled, "cancelling twice is the same");
    let late = done(gateway.confirm_charge(&confirm(1, &open.reference)).await);
    assert_eq!(late.state, ChargeState::Cancelled, "a cancelled charge stays so");

    for (op, success) in [(2, true), (3, false)] {
        let card = stripe.card("4000002500003155");
        let open = created(&gateway, op, &card).await;
        let waiting = done(gateway.confirm_charge(&confirm(op, &open.reference)).await);
        assert_eq!(waiting.state, ChargeState::NeedsAction);
        let secret = waiting.client_secret.unwrap();
        stripe.authenticate(&open.reference, &secret, success);
        let found = done(gateway.find_charge(&open.reference).await);
        match (success, found.state) {
            (true, ChargeState::Succeeded) => {}
            (false, ChargeState::NeedsMethod { last_decline }) => {
                assert_eq!(last_decline.unwrap().code, "authentication_required");
            }
            (_, state) => panic!("success {success}: {state:?}"),
        }
    }

    let missing = gateway.create_charge(&create(4, Some("pm_nobody"))).await;
    assert!(matches!(missing, Answer::Rejected(_)), "{missing:?}");
}

#[tokio::test]
async fn cards_are_attached_charged_and_detached() {
    let stripe = LocalStripe::start();
    let gateway = lean(&stripe);
    let person = CreateCustomer {
        key: "0b2e:1:customer".to_owned(),
        person: "5f9a".to_owned(),
        email: "payer@example.com".to_owned(),
        name: "Ada".to_owned(),
    };
    let customer = done(gateway.create_customer(&person).await);
    let saved = done(gateway.attach_card(&customer, "pm_card_visa").await);
    assert_ne!(saved.token, "pm_card_visa", "a token of this customer's own");
    assert_eq!(saved.customer.as_deref(), Some(customer.as_str()));
    assert_eq!((saved.face.brand.as_str(), saved.face.last_four.as_str()), ("visa", "4242"));

    let mut request = create(1, Some(&saved.token));
    request.customer = Some(customer.clone());
    let open = done(gateway.create_charge(&request).await);
    let paid = done(gateway.confirm_charge(&confirm(1, &open.reference)).await);
    assert_eq!(paid.state, ChargeState::Succeeded);

    done(gateway.detach_card(&saved.token).await);
    done(gateway.detach_card(&saved.token).await);
    let declined = gateway.attach_card(&customer, "pm_card_visa_chargeDeclined").await;
    assert!(matches!(declined, Answer::Declined(_)), "{declined:?}");
    done(gateway.delete_customer(&customer).await);
    let nobody = gateway.attach_card("cus_nobody", "pm_card_visa").await;
    assert!(matches!(nobody, Answer::Rejected(_)), "{nobody:?}");
}

type Delivery = (HeaderMap, Bytes);

async fn listener() -> (SocketAddr, mpsc::Receiver<Delivery>) {
    async fn take(State(deliveries): State<mpsc::Sender<Delivery>>, headers: HeaderMap, body: Bytes) {
        deliveries.send((headers, body)).await.unwrap();
    }
    let (sender, receiver) = mpsc::channel(8);
    let socket = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    let router = Router::new().route("/hook", post(take)).with_state(sender);
    tokio::spawn(async move { axum::serve(socket, router).await.unwrap() });
    (address, receiver)
}

#[tokio::test]
async fn a_signed_webhook_is_believed_and_a_changed_one_is_not() {
    let stripe = LocalStripe::start();
    let gateway = lean(&stripe);
    let (address, mut deliveries) = listener().await;
    stripe.webhook(&format!("http://{address}/hook"), WEBHOOK_SECRET);

    let open = created(&gateway, 7, "pm_card_visa").await;
    done(gateway.confirm_charge(&confirm(7, &open.reference)).await);
    let (headers, body) = deliveries.recv().await.unwrap();
    let signature = headers["stripe-signature"].to_str().unwrap();
    let stamp = signature.split(',').next().unwrap().trim_start_matches("t=");
    let header = |name: &str| Some(headers.get(name)?.to_str().unwrap().to_owned());
    let inbound =
        |body| Inbound { header: &header, body, now: Timestamp::from_seconds(stamp.parse().unwrap()) };

    let notice = gateway.receive(inbound(&body)).unwrap();
    assert_eq!(notice.kind, "payment_intent.succeeded");
    assert!(notice.event.starts_with("evt_") && !notice.live);
    let reference = open.reference;
    assert_eq!(notice.hint, Hint::Charge { reference, succeeded: true });
    let changed = [body.as_ref(), b" "].concat();
    assert!(gateway.receive(inbound(&changed)).is_err());
}

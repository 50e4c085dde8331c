//! Charges: payment intents, created unconfirmed, confirmed, cancelled, looked up and listed.
//!
//! Invariant: a refused confirm or cancel is never taken at its word. Both are refused when somebody
//! else was first, so the intent's present state is asked for and reported instead.

use domain::gateway::{Answer, ChargeReport, ChargeState};
use domain::time::Timestamp;

use super::errors::unknown;
use super::wire::{self, Intent, Page};
use super::{Call, Params, StripeGateway, marked};
use crate::gateway::{CancelCharge, ConfirmCharge, CreateCharge, Statement};

const INTENTS: &str = "payment_intents";
const LIST_MAX: &str = "100";

impl StripeGateway {
    pub(super) async fn create_intent(&self, request: &CreateCharge) -> Answer<ChargeReport> {
        if request.confirm {
            return Answer::Rejected("charges are created first and confirmed later".to_owned());
        }
        let Some(amount) = wire::to_wire(request.amount) else {
            return Answer::Rejected(format!("{} cannot be charged exactly", request.amount));
        };
        let mut params = marked(&request.tag);
        params.push(("amount", amount.to_string()));
        params.push(("currency", request.amount.currency.code().to_ascii_lowercase()));
        // Cards only, so that no return address is ever needed to confirm.
        params.push(("payment_method_types[]", "card".to_owned()));
        params.extend(expanded());
        if let Some(customer) = &request.customer {
            params.push(("customer", customer.clone()));
        }
        if let Some(method) = &request.method {
            params.push(("payment_method", method.clone()));
        }
        if self.config.optional_parameters && !request.description.is_empty() {
            params.push(("description", request.description.clone()));
        }
        let call = Call::post(INTENTS).keyed(&request.key).with(params);
        self.exchange(call, read_intent).await
    }

    pub(super) async fn confirm_intent(&self, request: &ConfirmCharge) -> Answer<ChargeReport> {
        let mut params = expanded();
        if self.config.optional_parameters {
            params.push(("use_stripe_sdk", "true".to_owned()));
            if let Some(method) = &request.method {
                params.push(("payment_method", method.clone()));
            }
        }
        let call =
            Call::post(INTENTS).on(&request.reference).doing("confirm").keyed(&request.key).with(params);
        let refusal = match self.exchange(call, read_intent).await {
            Answer::Rejected(refusal) => refusal,
            answer => return answer,
        };
        match self.find_intent(&request.reference).await {
            // Still waiting to be confirmed: the refusal was about our request, and it stands.
            Answer::Done(report) if untouched(&report.state) => Answer::Rejected(refusal),
            Answer::Done(report) => Answer::Done(report),
            Answer::Rejected(_) => Answer::Rejected(refusal),
            Answer::Unknown(why) => Answer::Unknown(why),
            Answer::NotSent(why) => unknown(why),
            Answer::Declined(decline) => unknown(format!("look-up answered {}", decline.code)),
        }
    }

    pub(super) async fn cancel_intent(&self, request: &CancelCharge) -> Answer<ChargeReport> {
        let call =
            Call::post(INTENTS).on(&request.reference).doing("cancel").keyed(&request.key).with(expanded());
        match self.exchange(call, read_intent).await {
            Answer::Rejected(_) => self.find_intent(&request.reference).await,
            answer => answer,
        }
    }

    pub(super) async fn find_intent(&self, reference: &str) -> Answer<ChargeReport> {
        let call = Call::get(INTENTS).on(reference).with(expanded());
        self.exchange(call, read_intent).await
    }

    /// One page, newest first: Stripe lists in no other order.
    pub(super) async fn list_intents(&self, since: Timestamp, after: Option<&str>) -> Answer<Statement> {
        let mut params = self.list_params(since, after);
        params.push(("expand[]", "data.latest_charge".to_owned()));
        params.push(("expand[]", "data.payment_method".to_owned()));
        let call = Call::get(INTENTS).with(params);
        self.exchange(call, |body| {
            let page: Page<Intent> = serde_json::from_slice(body).ok()?;
            let last = page.data.last().map(|intent| intent.id.clone());
            Some(Statement {
                charges: page
                    .data
                    .into_iter()
                    .filter(|intent| intent.created >= since.seconds())
                    .filter_map(Intent::report)
                    .collect(),
                refunds: Vec::new(),
                next: last.filter(|_| page.has_more),
            })
        })
        .await
    }

    /// What every list takes. A stand-in may not know the filter, so callers filter as well.
    pub(super) fn list_params(&self, since: Timestamp, after: Option<&str>) -> Params {
        let mut params = vec![("limit", LIST_MAX.to_owned())];
        if self.config.optional_parameters {
            params.push(("created[gte]", since.seconds().to_string()));
        }
        if let Some(after) = after {
            params.push(("starting_after", after.to_owned()));
        }
        params
    }
}

/// What a report needs beyond the intent itself.
fn expanded() -> Params {
    vec![("expand[]", "latest_charge".to_owned()), ("expand[]", "payment_method".to_owned())]
}

fn read_intent(body: &[u8]) -> Option<ChargeReport> {
    serde_json::from_slice::<Intent>(body).ok()?.report()
}

fn untouched(state: &ChargeState) -> bool {
    matches!(state, ChargeState::NeedsMethod { .. } | ChargeState::NeedsConfirmation)
}

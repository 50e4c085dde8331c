//! (the bookings and cards room writes this)

use domain::payments::Method;
use domain::records::Person;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::Problem;

#[derive(Deserialize, ToSchema)]
pub struct CardDetails {
    pub card_number: String,
    pub exp_month: i64,
    pub exp_year: i64,
    pub cvc: String,
    pub cardholder_name: Option<String>,
}

#[derive(Default)]
pub struct Choice {
    pub payment_method_id: Option<String>,
    pub saved_payment_method_id: Option<String>,
    pub card_details: Option<CardDetails>,
}

pub async fn method_for(
    _app: &App,
    _person: &Person,
    choice: Choice,
    _save: bool,
) -> Result<Method, Problem> {
    let token = choice.payment_method_id.ok_or_else(Problem::not_found)?;
    Ok(Method { token, customer: None, saved: false })
}

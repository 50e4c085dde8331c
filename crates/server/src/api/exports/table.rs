//! A payment as a row of a table, with the columns of the contract.

use std::fmt::Write;

use domain::records::Word;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::payments::View;
use crate::http::json::{Instant, MoneyNumber};

#[derive(Serialize, ToSchema)]
pub(crate) struct ExportRow {
    payment_id: i64,
    kind: &'static str,
    #[schema(value_type = String, format = DateTime)]
    created_at: Instant,
    #[schema(value_type = Option<String>, format = DateTime)]
    paid_at: Option<Instant>,
    payer_email: String,
    payee_email: String,
    item: String,
    #[schema(value_type = f64)]
    list_price: MoneyNumber,
    #[schema(value_type = f64)]
    discount: MoneyNumber,
    /// What the payer is charged.
    #[schema(value_type = f64)]
    amount: MoneyNumber,
    #[schema(value_type = f64)]
    platform_fee: MoneyNumber,
    #[schema(value_type = f64)]
    payee_share: MoneyNumber,
    #[schema(value_type = f64)]
    refunded: MoneyNumber,
    currency: String,
    status: &'static str,
    gateway: String,
    /// The gateway's id of the charge.
    gateway_reference: Option<String>,
}

const COLUMNS: &str = "payment_id,kind,created_at,paid_at,payer_email,payee_email,item,list_price,discount,\
                       amount,platform_fee,payee_share,refunded,currency,status,gateway,gateway_reference";

/// The names of the columns.
pub(super) fn head() -> String {
    format!("{COLUMNS}\r\n")
}

pub(super) fn row(view: &View) -> ExportRow {
    let View { payment, booking, payer, payee } = view;
    let quote = &payment.quote;
    let money = |minor: i64| MoneyNumber(quote.currency.minor(minor));
    let email = |person: &Option<domain::records::Person>| {
        person.as_ref().map(|person| person.email.clone()).unwrap_or_default()
    };
    ExportRow {
        payment_id: payment.id.0,
        kind: payment.kind.word(),
        created_at: Instant(payment.created_at),
        paid_at: payment.paid_at.map(Instant),
        payer_email: email(payer),
        payee_email: email(payee),
        item: booking.as_ref().map(|booking| booking.title.clone()).unwrap_or_default(),
        list_price: money(quote.list_minor),
        discount: money(quote.discount_minor),
        amount: money(quote.total_minor),
        platform_fee: money(quote.fee_minor),
        payee_share: money(quote.share_minor),
        refunded: money(payment.refunded_minor),
        currency: quote.currency.code().to_owned(),
        status: payment.state.word(),
        gateway: payment.gateway.clone(),
        gateway_reference: payment.reference.clone(),
    }
}

impl ExportRow {
    /// As one line of CSV (RFC 4180).
    pub(super) fn csv(&self, out: &mut String) {
        let amount = |MoneyNumber(money): MoneyNumber| money.decimal();
        let cells = [
            self.payment_id.to_string(),
            self.kind.to_owned(),
            self.created_at.text(),
            self.paid_at.map(Instant::text).unwrap_or_default(),
            cell(&self.payer_email),
            cell(&self.payee_email),
            cell(&self.item),
            amount(self.list_price),
            amount(self.discount),
            amount(self.amount),
            amount(self.platform_fee),
            amount(self.payee_share),
            amount(self.refunded),
            cell(&self.currency),
            self.status.to_owned(),
            cell(&self.gateway),
            cell(self.gateway_reference.as_deref().unwrap_or_default()),
        ];
        out.push_str(&cells.join(","));
        out.push_str("\r\n");
    }

    /// As a JSON object.
    pub(super) fn json(&self, out: &mut String) {
        let text = serde_json::to_string(self).expect("texts and numbers are JSON");
        write!(out, "{text}").expect("texts grow");
    }
}

/// Somebody else's text as no spreadsheet takes it for a formula: it shows what follows the apostrophe.
pub(in crate::api) fn no_formula(text: &str) -> String {
    let formula = text.trim_start().starts_with(['=', '+', '-', '@']) || text.starts_with(['\t', '\r', '\n']);
    if formula { format!("'{text}") } else { text.to_owned() }
}

/// Somebody else's text in a cell: never a formula, never the end of the cell.
fn cell(text: &str) -> String {
    let text = no_formula(text);
    if text.contains([',', '"', '\n', '\r', '\'']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_or_breaks_its_line() {
        let cases = [
            ("Spanish", "Spanish"),
            ("a, b", "\"a, b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=1+1", "\"'=1+1\""),
            ("  =1+1", "\"'  =1+1\""),
            ("+49 30", "\"'+49 30\""),
            ("-2", "\"'-2\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\t=1\""),
            ("a\r\nb", "\"a\r\nb\""),
            ("", ""),
            ("a-b@example.org", "a-b@example.org"),
        ];
        for (text, told) in cases {
            assert_eq!(cell(text), told, "{text:?}");
        }
    }

    #[test]
    fn the_columns_are_those_of_the_row() {
        let instant = Instant(domain::time::Timestamp(0));
        let money = MoneyNumber(domain::money::Currency::USD.minor(7_875));
        let row = ExportRow {
            payment_id: 257,
            kind: "booking",
            created_at: instant,
            paid_at: None,
            payer_email: "a@b".into(),
            payee_email: "c@d".into(),
            item: "=x".into(),
            list_price: money,
            discount: money,
            amount: money,
            platform_fee: money,
            payee_share: money,
            refunded: money,
            currency: "USD".into(),
            status: "pending",
            gateway: "sandbox".into(),
            gateway_reference: None,
        };
        let (mut csv, mut json) = (String::new(), String::new());
        row.csv(&mut csv);
        row.json(&mut json);
        assert_eq!(csv.split(',').count(), COLUMNS.split(',').count());
        assert!(csv.starts_with("257,booking,1970-01-01T00:00:00Z,,a@b,c@d,\"'=x\",78.75,"), "{csv}");
        let places: Vec<_> = COLUMNS.split(',').map(|name| json.find(&format!("\"{name}\":"))).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{json}");
    }
}

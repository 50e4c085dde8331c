use axum::http::Method;
use serde_json::json;

use super::house::{Cast, House, run};

/// Hourly price, minutes, and total, fee and share in cents.
type Case = (&'static str, i64, [i64; 3]);

async fn pays_exactly(house: &House, cases: &[Case]) {
    let cast = house.cast("50.00").await;
    let mut sums = [0; 3];
    let mut payee = None;
    for (n, (price, minutes, expected)) in (0_i64..).zip(cases) {
        set_price(house, &cast, price).await;
        let booking = house.booking(&cast, 300 * n, *minutes).await;
        let paid = house.pay(&cast, booking, "pm_card_visa").await.expect(200);
        let [total, fee, _] = expected;
        let shown = |name: &str, cents: &i64| format!("\"{name}\":{}.{:02},", cents / 100, cents % 100);
        for member in [shown("amount_paid", total), shown("platform_fee", fee)] {
            assert!(paid.text.contains(&member), "{member} {}", paid.text);
        }
        house.agrees(&cast, booking, *expected).await;
        for (sum, part) in sums.iter_mut().zip(expected) {
            *sum += part;
        }
        payee = Some(house.payment(booking).await.payee);
    }
    assert_eq!(house.charged().await, (cases.len(), sums[0]));
    let [clearing, fees, share] = house.ledger(payee.expect("cases")).await;
    assert_eq!((clearing, fees), (sums[0], -sums[1]));
    assert!(share == -sums[2] || share == 0, "{share}: released on payment, or still pending");
}

async fn set_price(house: &House, cast: &Cast, price: &str) {
    let path = format!("/api/accounts/gigs/{}/", cast.gig);
    let body = json!({ "price_per_session": price }).to_string();
    house.send(Method::PATCH, Some(&cast.teacher), &path, &[], Some(body)).await.expect(200);
}

store::both! {
    fn linguaflex_adds_five_percent_and_at_least_a_dollar(db) {
        run(db, &[("BURSAR_PRESET", "linguaflex")], async |house| {
            pays_exactly(house, &[
                ("50.00", 90, [7_875, 375, 7_500]),
                ("10.00", 60, [1_100, 100, 1_000]),
                ("19.99", 60, [2_099, 100, 1_999]),
                ("33.33", 90, [5_250, 250, 5_000]),
                ("50.00", 20, [1_767, 100, 1_667]),
            ]).await;
        });
    }

    fn skillstudio_takes_twenty_percent_from_the_price(db) {
        run(db, &[("BURSAR_PRESET", "skillstudio")], async |house| {
            pays_exactly(house, &[("50.00", 90, [7_500, 1_500, 6_000]), ("33.33", 90, [5_000, 1_000, 4_000])]).await;
        });
    }

    fn the_first_seed_takes_five_percent_from_the_price(db) {
        let settings = [("BURSAR_FEES__BOOKING__MODE", "deducted"), ("BURSAR_FEES__BOOKING__MIN_CENTS", "0")];
        run(db, &settings, async |house| {
            pays_exactly(house, &[("50.00", 60, [5_000, 250, 4_750]), ("10.00", 60, [1_000, 50, 950])]).await;
        });
    }

    fn the_second_seed_s_own_names_for_the_fee_are_read(db) {
        let settings = [
            ("PLATFORM_FEE_PERCENTAGE", "0.10"), ("MINIMUM_PLATFORM_FEE_CENTS", "200"),
            ("BURSAR_FEES__BOOKING__MODE", "deducted"),
        ];
        run(db, &settings, async |house| {
            pays_exactly(house, &[("10.00", 60, [1_000, 200, 800]), ("50.00", 60, [5_000, 500, 4_500])]).await;
        });
    }
}

//! A gig on the wire.

use domain::money::Currency;
use domain::policy::{FeeMode, Policies};
use domain::records::{Category, OfferState, Word};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use store::reads::Offered;
use utoipa::ToSchema;

use crate::api::people::TeacherDetails;
use crate::http::json::{Instant, MoneyNumber, MoneyString, ratio};

#[derive(Serialize, ToSchema)]
pub(super) struct Gig {
    id: i64,
    /// `language`, `astrology` or `general`
    category: &'static str,
    service_type: String,
    service_title: String,
    short_description: String,
    full_description: String,
    #[schema(value_type = String)]
    price_per_session: MoneyString,
    /// Minutes
    session_duration: i64,
    tags: Vec<String>,
    what_you_provide_in_session: String,
    /// `active`, `inactive`, `draft` or `suspended`
    status: &'static str,
    teacher_details: TeacherDetails,
    pricing_metadata: Pricing,
    #[schema(value_type = String, format = DateTime)]
    created_at: Instant,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Instant,
}

/// What the web client adds on top of a price in its preview.
#[derive(Serialize, ToSchema)]
struct Pricing {
    /// A fraction: 0.05 is 5 %
    #[schema(value_type = f64)]
    platform_fee_percentage: Box<RawValue>,
    #[schema(value_type = f64)]
    minimum_platform_fee_dollars: MoneyNumber,
    currency: String,
}

impl Pricing {
    /// Zeros where the fee is deducted: then nothing is added.
    fn of(policies: &Policies, currency: Currency) -> Pricing {
        let fee = policies.fee_booking;
        let (rate_bps, min_minor) = match fee.mode {
            FeeMode::OnTop => (fee.rate_bps, fee.min_minor),
            FeeMode::Deducted => (0, 0),
        };
        Pricing {
            platform_fee_percentage: ratio(i64::from(rate_bps), 10_000, 4),
            minimum_platform_fee_dollars: MoneyNumber(currency.minor(min_minor)),
            currency: currency.code().into(),
        }
    }
}

impl Gig {
    pub(super) fn of(offered: Offered, policies: &Policies) -> Gig {
        let Offered { offer, person, teacher } = offered;
        let details = TeacherDetails::of(&person, teacher.as_ref(), offer.currency);
        Gig {
            id: offer.id.0,
            category: offer.category.word(),
            service_type: offer.service_type,
            service_title: offer.title,
            short_description: offer.short_description,
            full_description: offer.full_description,
            price_per_session: MoneyString(offer.currency.minor(offer.price_minor)),
            session_duration: offer.session_minutes,
            tags: serde_json::from_str(&offer.tags).unwrap_or_default(),
            what_you_provide_in_session: offer.session_contents,
            status: offer.state.word(),
            teacher_details: details,
            pricing_metadata: Pricing::of(policies, offer.currency),
            created_at: Instant(offer.created_at),
            updated_at: Instant(offer.updated_at),
        }
    }
}

/// A category in a request.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum CategoryInput {
    Language,
    Astrology,
    General,
}

impl From<CategoryInput> for Category {
    fn from(input: CategoryInput) -> Category {
        match input {
            CategoryInput::Language => Category::Language,
            CategoryInput::Astrology => Category::Astrology,
            CategoryInput::General => Category::General,
        }
    }
}

/// A state in a request; archiving is deleting.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum StatusInput {
    Active,
    Inactive,
    Draft,
    Suspended,
}

impl From<StatusInput> for OfferState {
    fn from(input: StatusInput) -> OfferState {
        match input {
            StatusInput::Active => OfferState::Active,
            StatusInput::Inactive => OfferState::Inactive,
            StatusInput::Draft => OfferState::Draft,
            StatusInput::Suspended => OfferState::Suspended,
        }
    }
}

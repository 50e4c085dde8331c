//! What somebody says about himself.

use std::fmt;

use domain::calendar::Zone;
use domain::money::Currency;
use domain::people::ProfilePatch;
use domain::records::Person;
use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use utoipa::ToSchema;

use super::view::split_name;
use crate::http::Problem;
use crate::http::json::{FreeText, MoneyText};

/// What somebody may change about himself; everything else in the body is ignored.
#[derive(Default, Deserialize, ToSchema)]
pub(super) struct ProfileInput {
    #[schema(value_type = Option<String>)]
    full_name: Option<FreeText>,
    #[schema(value_type = Option<String>)]
    first_name: Option<FreeText>,
    #[schema(value_type = Option<String>)]
    last_name: Option<FreeText>,
    #[schema(value_type = Option<String>)]
    bio: Option<FreeText>,
    profile_picture: Option<String>,
    city: Option<String>,
    country: Option<String>,
    postal_code: Option<String>,
    native_language: Option<String>,
    time_zone: Option<String>,
    learning_language: Option<String>,
    #[serde(alias = "qualifications")]
    #[schema(value_type = Option<String>)]
    qualification: Option<FreeText>,
    #[serde(alias = "years_of_experience")]
    experience_years: Option<i64>,
    #[schema(value_type = Option<String>)]
    about: Option<FreeText>,
    #[serde(default, deserialize_with = "text_or_list")]
    teaching_languages: Option<String>,
    #[schema(value_type = Option<String>)]
    hourly_rate: Option<MoneyText>,
}

impl ProfileInput {
    pub(super) fn patch(self, person: &Person, currency: Currency) -> Result<ProfilePatch, Problem> {
        if self.time_zone.as_deref().is_some_and(|zone| Zone::named(zone).is_none()) {
            return Err(Problem::field("time_zone", "must be an IANA time zone such as Europe/Paris"));
        }
        let hourly_rate = self.hourly_rate.map(|text| text.money("hourly_rate", currency)).transpose()?;
        let full_name =
            match [self.full_name, self.first_name, self.last_name].map(|name| name.map(String::from)) {
                [Some(name), _, _] => Some(name),
                [None, None, None] => None,
                [None, first, last] => {
                    let (old_first, old_last) = split_name(&person.full_name);
                    let name = format!("{} {}", first.unwrap_or(old_first), last.unwrap_or(old_last));
                    Some(name.trim().to_owned())
                }
            };
        Ok(ProfilePatch {
            full_name,
            bio: self.bio.map(Into::into),
            profile_picture: self.profile_picture,
            city: self.city,
            country: self.country,
            postal_code: self.postal_code,
            native_language: self.native_language,
            time_zone: self.time_zone,
            learning_language: self.learning_language,
            qualification: self.qualification.map(Into::into),
            experience_years: self.experience_years,
            about: self.about.map(Into::into),
            teaching_languages: self.teaching_languages,
            hourly_rate_minor: hourly_rate.map(|rate| Some(rate.minor)),
        })
    }
}

/// `"English, French"` and `["English", "French"]` mean the same.
fn text_or_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    struct Texts;
    impl<'de> Visitor<'de> for Texts {
        type Value = Option<String>;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("text or a list of texts")
        }
        fn visit_unit<E>(self) -> Result<Option<String>, E> {
            Ok(None)
        }
        fn visit_str<E>(self, text: &str) -> Result<Option<String>, E> {
            Ok(Some(text.to_owned()))
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Option<String>, A::Error> {
            let mut texts: Vec<String> = Vec::new();
            while let Some(text) = items.next_element()? {
                texts.push(text);
            }
            Ok(Some(texts.join(", ")))
        }
    }
    deserializer.deserialize_any(Texts)
}

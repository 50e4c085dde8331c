//! People on the wire: roles in either client's word, and profiles.

use domain::money::Currency;
use domain::people::Profiles;
use domain::records::{Person, TeacherProfile};
use serde::Serialize;
use store::reads::Known;
use utoipa::ToSchema;

use crate::http::caller::Caller;
use crate::http::json::{Instant, MoneyNumber};

/// What somebody is, in one word of either client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Student,
    Teacher,
    Both,
    Admin,
}

impl Role {
    pub fn of(known: &Known) -> Role {
        Role::from_flags(known.person.admin, known.teacher, known.student)
    }

    pub(super) fn of_caller(caller: &Caller) -> Role {
        Role::from_flags(caller.person.admin, caller.teacher, caller.student)
    }

    pub(in crate::api) fn from_flags(admin: bool, teacher: bool, student: bool) -> Role {
        match (admin, teacher, student) {
            (true, _, _) => Role::Admin,
            (_, true, true) => Role::Both,
            (_, true, _) => Role::Teacher,
            _ => Role::Student,
        }
    }

    /// The web client's word.
    pub fn word(self) -> &'static str {
        match self {
            Role::Student => "STUDENT",
            Role::Teacher => "TEACHER",
            Role::Both => "BOTH",
            Role::Admin => "ADMIN",
        }
    }

    /// The other clients' word, which knows no "both": whoever teaches is an instructor.
    pub(super) fn plain_word(self) -> &'static str {
        match self {
            Role::Student => "student",
            Role::Teacher | Role::Both => "instructor",
            Role::Admin => "admin",
        }
    }
}

/// A teacher as learners see him.
#[derive(Serialize, ToSchema)]
pub struct TeacherDetails {
    /// UUID of the user
    id: String,
    email: String,
    first_name: String,
    last_name: String,
    full_name: String,
    profile_picture: Option<String>,
    qualification: String,
    experience_years: i64,
    about: String,
    teaching_languages: String,
    #[schema(value_type = Option<f64>)]
    hourly_rate: Option<MoneyNumber>,
    is_verified: bool,
    bio: String,
    city: String,
    country: String,
    native_language: String,
}

impl TeacherDetails {
    /// Of somebody who may have lost the role: then only the name is left.
    pub(in crate::api) fn of(
        person: &Person,
        teacher: Option<&TeacherProfile>,
        currency: Currency,
    ) -> TeacherDetails {
        let text =
            |field: fn(&TeacherProfile) -> &String| teacher.map_or_else(String::new, |t| field(t).clone());
        let (first_name, last_name) = split_name(&person.full_name);
        TeacherDetails {
            id: person.uuid.clone(),
            email: person.email.clone(),
            first_name,
            last_name,
            full_name: person.full_name.clone(),
            profile_picture: Some(text(|t| &t.profile_picture)).filter(|text| !text.is_empty()),
            qualification: text(|t| &t.qualification),
            experience_years: teacher.map_or(0, |t| t.experience_years),
            about: text(|t| &t.about),
            teaching_languages: text(|t| &t.teaching_languages),
            hourly_rate: teacher
                .and_then(|t| t.hourly_rate_minor)
                .map(|rate| MoneyNumber(currency.minor(rate))),
            is_verified: teacher.is_some_and(|t| t.verified),
            bio: text(|t| &t.bio),
            city: text(|t| &t.city),
            country: text(|t| &t.country),
            native_language: text(|t| &t.native_language),
        }
    }
}

/// Everything before the first space, and the rest.
pub(super) fn split_name(name: &str) -> (String, String) {
    let (first, last) = name.split_once(' ').unwrap_or((name, ""));
    (first.into(), last.trim().into())
}

/// A profile as its owner sees it.
#[derive(Serialize, ToSchema)]
pub(super) struct ProfileView {
    #[serde(flatten)]
    details: TeacherDetails,
    postal_code: String,
    learning_language: String,
    /// IANA name
    time_zone: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Instant,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Instant,
}

pub(super) fn teacher_view(profiles: &Profiles, currency: Currency) -> Option<ProfileView> {
    let teacher = profiles.teacher.as_ref()?;
    Some(ProfileView {
        details: TeacherDetails::of(&profiles.person, Some(teacher), currency),
        postal_code: teacher.postal_code.clone(),
        learning_language: profiles
            .student
            .as_ref()
            .map_or_else(String::new, |s| s.learning_language.clone()),
        time_zone: teacher.time_zone.clone(),
        created_at: Instant(teacher.created_at),
        updated_at: Instant(teacher.updated_at),
    })
}

pub(super) fn student_view(profiles: &Profiles, currency: Currency) -> Option<ProfileView> {
    let student = profiles.student.as_ref()?;
    let mut details = TeacherDetails::of(&profiles.person, None, currency);
    details.profile_picture = Some(student.profile_picture.clone()).filter(|text| !text.is_empty());
    details.is_verified = profiles.person.verified;
    details.bio.clone_from(&student.bio);
    details.city.clone_from(&student.city);
    details.country.clone_from(&student.country);
    details.native_language.clone_from(&student.native_language);
    Some(ProfileView {
        details,
        postal_code: student.postal_code.clone(),
        learning_language: student.learning_language.clone(),
        time_zone: student.time_zone.clone(),
        created_at: Instant(student.created_at),
        updated_at: Instant(student.updated_at),
    })
}

/// The profile that `Side::Own` changes; for somebody without any, his name.
pub(super) fn own_view(profiles: &Profiles, currency: Currency) -> ProfileView {
    let found = student_view(profiles, currency).or_else(|| teacher_view(profiles, currency));
    found.unwrap_or_else(|| ProfileView {
        details: TeacherDetails::of(&profiles.person, None, currency),
        postal_code: String::new(),
        learning_language: String::new(),
        time_zone: "UTC".into(),
        created_at: Instant(profiles.person.created_at),
        updated_at: Instant(profiles.person.updated_at),
    })
}

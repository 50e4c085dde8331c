//! Profiles: having one is what makes somebody a teacher or a student.

use super::register::Role;
use super::{check_name, check_text};
use crate::command::{Command, Lanes};
use crate::context::Context;
use crate::id::{Id, PersonId};
use crate::money::MONEY_MAX;
use crate::records::{Person, StudentProfile, TeacherProfile};
use crate::refusal::Refusal;
use crate::world::{Needs, World};

/// Characters of a short line (city, language, qualification …).
const LINE_MAX: usize = 200;
/// Characters of a free text.
const TEXT_MAX: usize = 5_000;
const PICTURE_MAX: usize = 500;
const EXPERIENCE_YEARS_MAX: i64 = 100;

/// A person with what he is.
#[derive(Clone, Debug, PartialEq)]
pub struct Profiles {
    pub person: Person,
    pub teacher: Option<TeacherProfile>,
    pub student: Option<StudentProfile>,
}

/// What is to change; `None` stays as it is.
#[derive(Clone, Debug, Default)]
pub struct ProfilePatch {
    pub full_name: Option<String>,
    pub bio: Option<String>,
    pub profile_picture: Option<String>,
    pub city: Option<String>,
    pub country: Option<String>,
    pub postal_code: Option<String>,
    pub native_language: Option<String>,
    /// An IANA name; the caller has looked it up.
    pub time_zone: Option<String>,
    pub learning_language: Option<String>,
    pub qualification: Option<String>,
    pub experience_years: Option<i64>,
    pub about: Option<String>,
    pub teaching_languages: Option<String>,
    /// Minor units; `Some(None)` takes it away.
    pub hourly_rate_minor: Option<Option<i64>>,
}

impl Profiles {
    /// What the world holds of somebody who was asked for with [`Profiles::needs`].
    pub(super) fn of(world: &World, id: PersonId) -> Option<Profiles> {
        Some(Profiles {
            person: world.people.get(&id)?.clone(),
            teacher: world.teachers.get(&id).cloned(),
            student: world.students.get(&id).cloned(),
        })
    }

    /// The same for somebody made by this very command.
    pub(super) fn made(world: &World, id: PersonId) -> Profiles {
        Profiles {
            person: world.people.peek(&id).expect("just made").clone(),
            teacher: world.teachers.peek(&id).cloned(),
            student: world.students.peek(&id).cloned(),
        }
    }

    pub(super) fn needs(needs: &mut Needs, id: PersonId) {
        needs.people.key(id);
        needs.teachers.key(id);
        needs.students.key(id);
    }
}

impl ProfilePatch {
    /// The limits of every field.
    pub fn check(&self) -> Result<(), Refusal> {
        if let Some(name) = &self.full_name {
            check_name(name)?;
        }
        let lines = [
            ("city", &self.city),
            ("country", &self.country),
            ("postal_code", &self.postal_code),
            ("native_language", &self.native_language),
            ("learning_language", &self.learning_language),
            ("time_zone", &self.time_zone),
            ("qualification", &self.qualification),
            ("teaching_languages", &self.teaching_languages),
        ];
        for (field, line) in lines {
            check_text(field, line.as_deref().unwrap_or_default(), LINE_MAX)?;
        }
        check_text("bio", self.bio.as_deref().unwrap_or_default(), TEXT_MAX)?;
        check_text("about", self.about.as_deref().unwrap_or_default(), TEXT_MAX)?;
        if let Some(picture) = self.profile_picture.as_deref() {
            let plain =
                picture.is_empty() || picture.starts_with("https://") || picture.starts_with("http://");
            if !plain {
                return Err(Refusal::invalid("profile_picture", "must be an http or https address"));
            }
            check_text("profile_picture", picture, PICTURE_MAX)?;
        }
        if self.experience_years.is_some_and(|years| !(0..=EXPERIENCE_YEARS_MAX).contains(&years)) {
            return Err(Refusal::invalid("years_of_experience", "must be 0 to 100"));
        }
        if self.hourly_rate_minor.flatten().is_some_and(|rate| !(0..=MONEY_MAX).contains(&rate)) {
            return Err(Refusal::invalid("hourly_rate", "is out of range"));
        }
        Ok(())
    }

    fn apply_to_teacher(&self, cx: &Context<'_>, profile: &mut TeacherProfile) {
        set(&mut profile.bio, self.bio.as_ref());
        set(&mut profile.profile_picture, self.profile_picture.as_ref());
        set(&mut profile.city, self.city.as_ref());
        set(&mut profile.country, self.country.as_ref());
        set(&mut profile.postal_code, self.postal_code.as_ref());
        set(&mut profile.native_language, self.native_language.as_ref());
        set(&mut profile.time_zone, self.time_zone.as_ref());
        set(&mut profile.qualification, self.qualification.as_ref());
        set(&mut profile.about, self.about.as_ref());
        set(&mut profile.teaching_languages, self.teaching_languages.as_ref());
        profile.experience_years = self.experience_years.unwrap_or(profile.experience_years);
        profile.hourly_rate_minor = self.hourly_rate_minor.unwrap_or(profile.hourly_rate_minor);
        profile.updated_at = cx.now;
    }

    fn apply_to_student(&self, cx: &Context<'_>, profile: &mut StudentProfile) {
        set(&mut profile.bio, self.bio.as_ref());
        set(&mut profile.profile_picture, self.profile_picture.as_ref());
        set(&mut profile.city, self.city.as_ref());
        set(&mut profile.country, self.country.as_ref());
        set(&mut profile.postal_code, self.postal_code.as_ref());
        set(&mut profile.native_language, self.native_language.as_ref());
        set(&mut profile.learning_language, self.learning_language.as_ref());
        set(&mut profile.time_zone, self.time_zone.as_ref());
        profile.updated_at = cx.now;
    }
}

fn set(field: &mut String, value: Option<&String>) {
    if let Some(value) = value {
        value.trim().clone_into(field);
    }
}

/// Makes a profile for somebody who has none of that role.
pub(super) fn give(cx: &Context<'_>, world: &mut World, id: PersonId, role: Role, patch: &ProfilePatch) {
    let utc = || "UTC".to_owned();
    match role {
        Role::Teacher => {
            let mut profile = TeacherProfile {
                id,
                bio: String::new(),
                qualification: String::new(),
                experience_years: 0,
                about: String::new(),
                teaching_languages: String::new(),
                hourly_rate_minor: None,
                profile_picture: String::new(),
                city: String::new(),
                country: String::new(),
                postal_code: String::new(),
                native_language: String::new(),
                time_zone: utc(),
                verified: false,
                created_at: cx.now,
                updated_at: cx.now,
            };
            patch.apply_to_teacher(cx, &mut profile);
            world.teachers.insert(profile);
        }
        Role::Student => {
            let mut profile = StudentProfile {
                id,
                bio: String::new(),
                profile_picture: String::new(),
                city: String::new(),
                country: String::new(),
                postal_code: String::new(),
                native_language: String::new(),
                learning_language: String::new(),
                time_zone: utc(),
                created_at: cx.now,
                updated_at: cx.now,
            };
            patch.apply_to_student(cx, &mut profile);
            world.students.insert(profile);
        }
    }
}

/// Becoming a teacher or a student; asking twice changes nothing.
#[derive(Clone, Debug)]
pub struct AddRole {
    pub person: PersonId,
    pub role: Role,
}

impl Command for AddRole {
    /// The profiles, and whether one is new.
    type Receipt = (Profiles, bool);

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.person.lane());
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        Profiles::needs(needs, self.person);
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<(Profiles, bool), Refusal> {
        let before = Profiles::of(world, self.person).ok_or(Refusal::NotFound)?;
        let has = match self.role {
            Role::Teacher => before.teacher.is_some(),
            Role::Student => before.student.is_some(),
        };
        if has {
            return Ok((before, false));
        }
        give(cx, world, self.person, self.role, &ProfilePatch::default());
        let object = ("person", self.person.raw(), self.person.lane());
        world.audit(cx, Some(self.person), "person.role_added", object, role_added(self.role).into());
        Ok((Profiles::made(world, self.person), true))
    }
}

fn role_added(role: Role) -> &'static str {
    match role {
        Role::Teacher => r#"{"after":"teacher"}"#,
        Role::Student => r#"{"after":"student"}"#,
    }
}

/// Which profile a change is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The student's if there is one, else the teacher's, else the name alone.
    Own,
    Teacher,
}

#[derive(Clone, Debug)]
pub struct UpdateProfile {
    pub person: PersonId,
    pub side: Side,
    pub patch: ProfilePatch,
}

impl Command for UpdateProfile {
    type Receipt = Profiles;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.person.lane());
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        Profiles::needs(needs, self.person);
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Profiles, Refusal> {
        let before = Profiles::of(world, self.person).ok_or(Refusal::NotFound)?;
        self.patch.check()?;
        let teacher = before.teacher.is_some();
        if self.side == Side::Teacher && !teacher {
            return Err(Refusal::TeacherRequired);
        }
        if self.side == Side::Own && before.student.is_some() {
            world.students.update(&self.person, |profile| self.patch.apply_to_student(cx, profile));
        } else if teacher {
            world.teachers.update(&self.person, |profile| self.patch.apply_to_teacher(cx, profile));
        }
        if let Some(name) = &self.patch.full_name {
            world.people.update(&self.person, |person| {
                name.trim().clone_into(&mut person.full_name);
                person.updated_at = cx.now;
            });
        }
        let object = ("person", self.person.raw(), self.person.lane());
        // What he says of himself is his to have erased: that it changed stays.
        world.audit(cx, Some(self.person), "person.profile_changed", object, "{}".into());
        Ok(Profiles::of(world, self.person).expect("looked at above"))
    }
}

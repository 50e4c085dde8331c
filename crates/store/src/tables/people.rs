//! People, profiles, sessions, one-time tokens and claims.

use domain::id::{Id, Lane, PersonId};
use domain::records::{
    Claim, LoginSlip, LoginThrottle, OneTimeToken, Person, Purpose, Session, Space, StudentProfile,
    TeacherProfile, Word,
};
use domain::rows::{NoGroup, Record};

use super::{Stored, found_by_id, table};
use crate::engine::Value;

table!(Person, "person", key 2, {
    int id, text uuid, text email, text full_name, text password, int active, int verified, int admin,
    int session_version, int created_at, int updated_at,
});
found_by_id!(Person);

table!(TeacherProfile, "teacher_profile", key 2, {
    int id, text bio, text qualification, int experience_years, text about, text teaching_languages,
    int hourly_rate_minor, text profile_picture, text city, text country, text postal_code,
    text native_language, text time_zone, int verified, int created_at, int updated_at,
});
found_by_id!(TeacherProfile);

table!(StudentProfile, "student_profile", key 2, {
    int id, text bio, text profile_picture, text city, text country, text postal_code, text native_language,
    text learning_language, text time_zone, int created_at, int updated_at,
});
found_by_id!(StudentProfile);

table!(Session, "session", key 2, {
    int id, int person, text token, text rotations, int version, int used_at, int created_at, int expires_at,
    int revoked_at,
});
found_by_id!(Session);

table!(OneTimeToken, "one_time_token", key 3, {
    int person, text purpose, text token, int expires_at, int used_at,
});

impl Stored for OneTimeToken {
    fn key_values((person, purpose): &(PersonId, Purpose)) -> Vec<Value> {
        vec![Value::Int(person.lane().number()), Value::Int(person.raw()), Value::text(purpose.word())]
    }
    const GROUP: &'static [usize] = &[];
    fn group_values(group: &NoGroup) -> Vec<Value> {
        match *group {}
    }
}

table!(LoginThrottle, "login_throttle", key 2, { text name, int attempts, int blocked_until, int updated_at });

impl Stored for LoginThrottle {
    fn key_values(name: &String) -> Vec<Value> {
        vec![Value::Int(Lane::of(name).number()), Value::text(name.as_str())]
    }
    const GROUP: &'static [usize] = &[];
    fn group_values(group: &NoGroup) -> Vec<Value> {
        match *group {}
    }
}

table!(LoginSlip, "login_slip", key 2, { text name, text purpose, text proof, text sealed, int expires_at });

impl Stored for LoginSlip {
    fn key_values(name: &String) -> Vec<Value> {
        vec![Value::Int(Lane::of(name).number()), Value::text(name.as_str())]
    }
    const GROUP: &'static [usize] = &[];
    fn group_values(group: &NoGroup) -> Vec<Value> {
        match *group {}
    }
}

table!(Claim, "claim", key 3, { text space, text name, int target, int created_at });

impl Stored for Claim {
    fn key_values((space, name): &(Space, String)) -> Vec<Value> {
        vec![Value::Int(Claim::lane_of(name).number()), Value::text(space.word()), Value::text(name.as_str())]
    }
    const GROUP: &'static [usize] = &[];
    fn group_values(group: &NoGroup) -> Vec<Value> {
        match *group {}
    }
}

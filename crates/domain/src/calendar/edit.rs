//! Changing availability, one stretch or many: all of it or nothing.

use super::openings::weekday;
use super::{DAY_MAX, SECONDS_A_DAY};
use crate::command::{Command, Lanes};
use crate::context::Context;
use crate::id::{AvailabilityId, Id, PersonId};
use crate::records::{Availability, Hours};
use crate::refusal::{Invalid, InvalidItem, Refusal};
use crate::world::{Needs, World};

/// Stretches a payee can have.
pub const HOURS_MAX: usize = 500;

/// What is said of a stretch; `None` stays as it is. A new one needs its times, and a day.
#[derive(Clone, Copy, Debug, Default)]
pub struct HoursPatch {
    /// 0 = Monday to 6 = Sunday.
    pub weekday: Option<i64>,
    /// Seconds of the local day.
    pub from_second: Option<i64>,
    pub until_second: Option<i64>,
    pub is_recurring: Option<bool>,
    /// A local day number.
    pub date: Option<i64>,
}

/// A payee changes his own availability.
#[derive(Clone, Debug)]
pub struct EditCalendar {
    pub payee: PersonId,
    pub edit: Edit,
}

#[derive(Clone, Debug)]
pub enum Edit {
    /// One more.
    Add(HoursPatch),
    /// More of them; what is there already stays as it is.
    AddAll(Vec<HoursPatch>),
    /// The weekly ones become these.
    Replace(Vec<HoursPatch>),
    /// Everything about one anew.
    Put(AvailabilityId, HoursPatch),
    Patch(Vec<(AvailabilityId, HoursPatch)>),
    Remove(Vec<AvailabilityId>),
    /// None is left, weekly or not.
    Clear,
}

impl Command for EditCalendar {
    /// What was asked for, in the order of the request; what was removed is not in it.
    type Receipt = Vec<Availability>;

    fn lanes(&self, lanes: &mut Lanes) {
        lanes.insert(self.payee.lane());
    }

    fn needs(&self, _world: &World, needs: &mut Needs) {
        super::needs_hours(needs, self.payee);
    }

    fn decide(&self, cx: &Context<'_>, world: &mut World) -> Result<Vec<Availability>, Refusal> {
        world.teachers.get(&self.payee).ok_or(Refusal::TeacherRequired)?;
        let mut plan = Plan { kept: stretches(world, self.payee), ..Plan::default() };
        match &self.edit {
            Edit::Add(patch) => self.add(cx, world, &mut plan, (0, patch)),
            Edit::AddAll(patches) => self.add_all(cx, world, &mut plan, patches),
            Edit::Replace(patches) => {
                let (dated, weekly) = plan.kept.into_iter().partition(|row| row.hours.date.is_some());
                plan.kept = dated;
                plan.gone = weekly;
                self.add_all(cx, world, &mut plan, patches);
            }
            Edit::Put(id, patch) => plan.change(cx, (0, *id), |_| patch.apply(None)),
            Edit::Patch(items) => {
                for (index, (id, patch)) in items.iter().enumerate() {
                    plan.change(cx, (index, *id), |old| patch.apply(Some(old)));
                }
            }
            Edit::Remove(ids) => plan.remove(ids),
            Edit::Clear => plan.kept.clear(),
        }
        plan.check()?;
        write(world, self.payee, &plan.kept);
        let object = ("person", self.payee.raw(), self.payee.lane());
        let change = format!(r#"{{"stretches":{}}}"#, plan.kept.len());
        world.audit(cx, Some(self.payee), "calendar.changed", object, change);
        Ok(plan.answer())
    }
}

impl EditCalendar {
    fn add_all(&self, cx: &Context<'_>, world: &mut World, plan: &mut Plan, patches: &[HoursPatch]) {
        for (index, patch) in patches.iter().enumerate() {
            let twin = patch.apply(None).ok().and_then(|hours| plan.twin(hours));
            match twin {
                Some(id) => plan.touched.push((index, id)),
                None => self.add(cx, world, plan, (index, patch)),
            }
        }
    }

    fn add(
        &self,
        cx: &Context<'_>,
        world: &mut World,
        plan: &mut Plan,
        (index, patch): (usize, &HoursPatch),
    ) {
        match patch.apply(None) {
            Ok(hours) => {
                let id: AvailabilityId = world.new_id(self.payee.lane());
                let (payee, now) = (self.payee, cx.now);
                plan.kept.push(Availability { id, payee, hours, created_at: now, updated_at: now });
                plan.touched.push((index, id));
            }
            Err(invalid) => plan.wrong.push(InvalidItem { index, invalid }),
        }
    }
}

/// What is to become of a payee's availability.
#[derive(Default)]
struct Plan {
    kept: Vec<Availability>,
    /// Taken out of `kept`, unless it is asked for again.
    gone: Vec<Availability>,
    /// Which item of the request is which row.
    touched: Vec<(usize, AvailabilityId)>,
    wrong: Vec<InvalidItem>,
}

impl Plan {
    /// The row with exactly these hours.
    fn twin(&mut self, hours: Hours) -> Option<AvailabilityId> {
        if let Some(at) = self.gone.iter().position(|row| row.hours == hours) {
            self.kept.push(self.gone.remove(at));
        }
        self.kept.iter().find(|row| row.hours == hours).map(|row| row.id)
    }

    fn change(
        &mut self,
        cx: &Context<'_>,
        (index, id): (usize, AvailabilityId),
        hours: impl FnOnce(Hours) -> Result<Hours, Invalid>,
    ) {
        let twice = self.touched.iter().any(|(_, other)| *other == id);
        let Some(row) = self.kept.iter_mut().find(|row| row.id == id).filter(|_| !twice) else {
            let invalid = unknown(if twice { "is given twice" } else { "is not one of yours" });
            return self.wrong.push(InvalidItem { index, invalid });
        };
        match hours(row.hours) {
            Ok(hours) => {
                row.hours = hours;
                row.updated_at = cx.now;
                self.touched.push((index, id));
            }
            Err(invalid) => self.wrong.push(InvalidItem { index, invalid }),
        }
    }

    fn remove(&mut self, ids: &[AvailabilityId]) {
        for (index, id) in ids.iter().enumerate() {
            let known = self.kept.iter().any(|row| row.id == *id);
            if !known && !ids[..index].contains(id) {
                self.wrong.push(InvalidItem { index, invalid: unknown("is not one of yours") });
            }
            self.kept.retain(|row| row.id != *id);
        }
    }

    /// Nothing wrong, no overlap with anything, not too many.
    fn check(&mut self) -> Result<(), Refusal> {
        for (index, id) in &self.touched {
            let row = self.kept.iter().find(|row| row.id == *id).expect("touched rows are kept");
            if self.kept.iter().any(|other| other.id != row.id && overlap(row.hours, other.hours)) {
                let problem = "overlaps another slot of yours".to_string();
                let invalid = Invalid { field: "start_time", problem };
                self.wrong.push(InvalidItem { index: *index, invalid });
            }
        }
        if !self.wrong.is_empty() {
            self.wrong.sort_by_key(|item| item.index);
            return Err(Refusal::InvalidItems(std::mem::take(&mut self.wrong)));
        }
        if self.kept.len() > HOURS_MAX {
            return Err(Refusal::invalid("availabilities", format!("At most {HOURS_MAX} slots.")));
        }
        Ok(())
    }

    fn answer(&self) -> Vec<Availability> {
        let row = |id| self.kept.iter().find(|row| row.id == id).cloned();
        self.touched.iter().filter_map(|(_, id)| row(*id)).collect()
    }
}

impl HoursPatch {
    /// The hours that come of it.
    fn apply(&self, old: Option<Hours>) -> Result<Hours, Invalid> {
        let date = self.date.or(old.and_then(|old| old.date));
        let weekly = self.date.is_none() && old.is_none_or(|old| old.date.is_none());
        let is_recurring = self.is_recurring.unwrap_or(weekly);
        if is_recurring && self.date.is_some() {
            return Err(wrong("date", "is only for slots that do not recur"));
        }
        if !is_recurring && date.is_none() {
            return Err(wrong("date", "is required when the slot does not recur"));
        }
        let date = date.filter(|_| !is_recurring);
        if date.is_some_and(|date| !(0..=DAY_MAX).contains(&date)) {
            return Err(wrong("date", "is out of range"));
        }
        let of_date = date.map(weekday);
        if of_date.is_some() && self.weekday.is_some_and(|weekday| Some(weekday) != of_date) {
            return Err(wrong("day_of_week", "is not the day of the date"));
        }
        let weekday = of_date.or(self.weekday).or(old.map(|old| old.weekday));
        let weekday = weekday.filter(|day| (0..7).contains(day));
        let weekday = weekday.ok_or_else(|| wrong("day_of_week", "must be 0 (Monday) to 6 (Sunday)"))?;
        let from = self.from_second.or(old.map(|old| old.from_second));
        let until = self.until_second.or(old.map(|old| old.until_second));
        let from_second = from.ok_or_else(|| wrong("start_time", "is required"))?;
        let until_second = until.ok_or_else(|| wrong("end_time", "is required"))?;
        let within = |second| (0..=SECONDS_A_DAY).contains(&second);
        if !within(from_second) || !within(until_second) || from_second >= until_second {
            return Err(wrong("end_time", "must be after start_time, on the same day"));
        }
        Ok(Hours { weekday, from_second, until_second, date })
    }
}

fn wrong(field: &'static str, problem: &str) -> Invalid {
    Invalid { field, problem: problem.to_string() }
}

fn unknown(problem: &str) -> Invalid {
    wrong("id", problem)
}

/// A date's own hours stand in for the weekly ones, so only like meets like.
fn overlap(a: Hours, b: Hours) -> bool {
    let same_day = a.date == b.date && a.weekday == b.weekday;
    same_day && a.from_second < b.until_second && b.from_second < a.until_second
}

fn stretches(world: &World, payee: PersonId) -> Vec<Availability> {
    world.availability.of(&payee).cloned().collect()
}

/// Makes the stored stretches what they should be.
fn write(world: &mut World, payee: PersonId, kept: &[Availability]) {
    for old in stretches(world, payee) {
        if !kept.iter().any(|row| row.id == old.id) {
            world.availability.remove(&old.id);
        }
    }
    for row in kept {
        if world.availability.peek(&row.id).is_some() {
            world.availability.update(&row.id, |stored| stored.clone_from(row));
        } else {
            world.availability.insert(row.clone());
        }
    }
}

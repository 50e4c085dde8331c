use super::openings::{cover, free_starts, openings};
use super::{Edit, EditCalendar, HOURS_MAX, HoursPatch, Zone};
use crate::bookings::{Actor, Confirm, Create};
use crate::id::{AvailabilityId, Id, LANES, OfferId, PersonId};
use crate::money::Currency;
use crate::records::{Availability, Booking, Category, Hours, Offer, OfferState, TeacherProfile};
use crate::refusal::Refusal;
use crate::schedule::Slot;
use crate::testing::Bench;
use crate::time::{Span, Timestamp};

const TEACHER: PersonId = PersonId(LANES + 2);
const STUDENT: PersonId = PersonId(LANES + 1);
const GIG: OfferId = OfferId(LANES + 2);

fn zone(name: &str) -> Zone {
    Zone::named(name).unwrap()
}

fn at(text: &str) -> Timestamp {
    Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_microsecond())
}

/// The day number of a date.
fn day(text: &str) -> i64 {
    at(&format!("{text}T00:00:00Z")).day()
}

fn second(text: &str) -> i64 {
    let (hour, minute) = text.split_once(':').unwrap();
    hour.parse::<i64>().unwrap() * 3_600 + minute.parse::<i64>().unwrap() * 60
}

fn weekly(weekday: i64, from: &str, until: &str) -> Hours {
    Hours { weekday, from_second: second(from), until_second: second(until), date: None }
}

fn dated(date: &str, from: &str, until: &str) -> Hours {
    let weekday = super::openings::weekday(day(date));
    Hours { weekday, from_second: second(from), until_second: second(until), date: Some(day(date)) }
}

/// `2026-03-29T00:30:00Z/2026-03-29T02:00:00Z` and so on.
fn text(slots: &[Slot]) -> String {
    let instant = |at: Timestamp| jiff::Timestamp::from_microsecond(at.0).unwrap().to_string();
    let slots = slots.iter().map(|slot| format!("{}/{}", instant(slot.starts_at), instant(slot.ends_at)));
    slots.collect::<Vec<_>>().join(" ")
}

fn open_on(name: &str, date: &str, from: &str, until: &str) -> String {
    let hours = [weekly(super::openings::weekday(day(date)), from, until)];
    text(&openings(&hours, &zone(name), day(date)..=day(date)))
}

fn slot(from: &str, until: &str) -> Slot {
    Slot { starts_at: at(from), ends_at: at(until) }
}

#[test]
fn weekdays_begin_on_monday() {
    for (date, weekday) in [
        ("1970-01-01", 3),
        ("2024-02-29", 3),
        ("2026-11-23", 0),
        ("2028-02-29", 1),
        ("2026-12-31", 3),
        ("2027-01-01", 4),
        ("2027-01-03", 6),
    ] {
        assert_eq!(super::openings::weekday(day(date)), weekday, "{date}");
    }
}

/// What the wall clock shows is what counts: date, hours -> instants.
#[test]
fn br_3_hours_are_the_wall_clocks_whatever_it_does() {
    let cases = [
        // An ordinary winter and summer day.
        ("Europe/Berlin", "2026-01-15", "09:00", "17:00", "2026-01-15T08:00:00Z/2026-01-15T16:00:00Z"),
        ("Europe/Berlin", "2026-07-15", "09:00", "17:00", "2026-07-15T07:00:00Z/2026-07-15T15:00:00Z"),
        // Forward: 02:00 to 03:00 is nobody's; what reaches into it ends or begins at the jump.
        ("Europe/Berlin", "2026-03-29", "02:00", "03:00", ""),
        ("Europe/Berlin", "2026-03-29", "02:15", "02:45", ""),
        ("Europe/Berlin", "2026-03-29", "01:00", "02:30", "2026-03-29T00:00:00Z/2026-03-29T01:00:00Z"),
        ("Europe/Berlin", "2026-03-29", "02:30", "04:00", "2026-03-29T01:00:00Z/2026-03-29T02:00:00Z"),
        ("Europe/Berlin", "2026-03-29", "01:00", "04:00", "2026-03-29T00:00:00Z/2026-03-29T02:00:00Z"),
        ("Europe/Berlin", "2026-03-29", "00:00", "24:00", "2026-03-28T23:00:00Z/2026-03-29T22:00:00Z"),
        // Back: 02:00 to 03:00 comes twice.
        ("Europe/Berlin", "2026-10-25", "02:00", "03:00", "2026-10-25T00:00:00Z/2026-10-25T02:00:00Z"),
        (
            "Europe/Berlin",
            "2026-10-25",
            "01:00",
            "02:30",
            "2026-10-24T23:00:00Z/2026-10-25T00:30:00Z 2026-10-25T01:00:00Z/2026-10-25T01:30:00Z",
        ),
        (
            "Europe/Berlin",
            "2026-10-25",
            "02:30",
            "04:00",
            "2026-10-25T00:30:00Z/2026-10-25T01:00:00Z 2026-10-25T01:30:00Z/2026-10-25T03:00:00Z",
        ),
        ("Europe/Berlin", "2026-10-25", "00:00", "24:00", "2026-10-24T22:00:00Z/2026-10-25T23:00:00Z"),
        // The other side of the world, the other side of UTC, half an hour of summer.
        ("America/New_York", "2026-03-08", "00:00", "24:00", "2026-03-08T05:00:00Z/2026-03-09T04:00:00Z"),
        ("America/New_York", "2026-11-01", "00:00", "24:00", "2026-11-01T04:00:00Z/2026-11-02T05:00:00Z"),
        ("Australia/Lord_Howe", "2026-04-05", "01:00", "03:00", "2026-04-04T14:00:00Z/2026-04-04T16:30:00Z"),
        ("Asia/Kathmandu", "2026-06-01", "09:00", "10:00", "2026-06-01T03:15:00Z/2026-06-01T04:15:00Z"),
        ("Pacific/Kiritimati", "2027-01-01", "00:00", "01:00", "2026-12-31T10:00:00Z/2026-12-31T11:00:00Z"),
        // Clocks that jump at midnight: the day begins at one, or an hour of the day before comes again.
        ("America/Santiago", "2026-09-06", "00:00", "02:00", "2026-09-06T04:00:00Z/2026-09-06T05:00:00Z"),
        ("America/Santiago", "2026-04-04", "23:00", "24:00", "2026-04-05T02:00:00Z/2026-04-05T04:00:00Z"),
        // A day that never was.
        ("Pacific/Apia", "2011-12-30", "00:00", "24:00", ""),
        // A leap day, and the last evening of a year.
        ("Europe/London", "2028-02-29", "22:00", "24:00", "2028-02-29T22:00:00Z/2028-03-01T00:00:00Z"),
        ("UTC", "2026-12-31", "22:00", "24:00", "2026-12-31T22:00:00Z/2027-01-01T00:00:00Z"),
    ];
    for (name, date, from, until, expected) in cases {
        assert_eq!(open_on(name, date, from, until), expected, "{name} {date} {from}-{until}");
    }
}

/// Every instant is open if and only if the clock on the wall shows an open time.
#[test]
fn br_3_an_instant_is_open_when_the_clock_says_so() {
    let hours = [weekly(6, "01:30", "02:45"), weekly(6, "03:00", "03:20"), weekly(5, "22:00", "24:00")];
    for (name, date) in [
        ("Europe/Berlin", "2026-03-29"),
        ("Europe/Berlin", "2026-10-25"),
        ("America/Santiago", "2026-04-05"),
        ("Australia/Lord_Howe", "2026-10-04"),
    ] {
        let (zone, today) = (zone(name), day(date));
        let open = openings(&hours, &zone, today - 2..=today + 2);
        let mut now = at(&format!("{date}T00:00:00Z")) - Span::hours(20);
        for _ in 0..40 * 12 {
            let (day, second) = (zone.day(now), zone.second(now));
            let weekday = super::openings::weekday(day);
            let shown = hours.iter().any(|hours| {
                hours.weekday == weekday && (hours.from_second..hours.until_second).contains(&second)
            });
            let said = open.iter().any(|open| open.starts_at <= now && now < open.ends_at);
            assert_eq!(said, shown, "{name} {now:?}");
            now = now + Span::minutes(5);
        }
    }
}

#[test]
fn br_3_a_session_lies_inside_even_over_joints_and_midnight() {
    let berlin = zone("Europe/Berlin");
    // Wednesday to Thursday, 31 December 2026 being a Thursday.
    let hours = [
        weekly(2, "22:00", "24:00"),
        weekly(3, "00:00", "02:00"),
        weekly(3, "02:00", "03:00"),
        weekly(3, "23:00", "24:00"),
        weekly(4, "00:00", "01:00"),
    ];
    let inside = |from, until| cover(&hours, &berlin, slot(from, until));
    assert!(inside("2026-12-30T22:30:00Z", "2026-12-31T00:30:00Z"), "over midnight");
    assert!(inside("2026-12-30T21:00:00Z", "2026-12-31T02:00:00Z"), "all of it, over a joint");
    assert!(inside("2026-12-31T22:15:00Z", "2026-12-31T23:45:00Z"), "over the end of the year");
    assert!(!inside("2026-12-30T20:59:00Z", "2026-12-30T22:00:00Z"), "too early");
    assert!(!inside("2026-12-31T01:30:00Z", "2026-12-31T02:01:00Z"), "too late");
    assert!(!inside("2026-12-31T01:30:00Z", "2026-12-31T22:30:00Z"), "over a break");
    // 28 February 2028 is a Monday; the leap day a Tuesday.
    let leap = [weekly(0, "23:00", "24:00"), weekly(1, "00:00", "01:00")];
    assert!(cover(&leap, &Zone::default(), slot("2028-02-28T23:30:00Z", "2028-02-29T00:30:00Z")));
    assert!(!cover(&leap, &Zone::default(), slot("2027-02-28T23:30:00Z", "2027-03-01T00:30:00Z")));
}

#[test]
fn br_3_a_date_with_hours_of_its_own_has_only_those() {
    let utc = Zone::default();
    let hours = [weekly(0, "09:00", "17:00"), dated("2026-11-23", "18:00", "19:00")];
    let monday = |date: &str| text(&openings(&hours, &utc, day(date)..=day(date)));
    assert_eq!(monday("2026-11-23"), "2026-11-23T18:00:00Z/2026-11-23T19:00:00Z");
    assert_eq!(monday("2026-11-30"), "2026-11-30T09:00:00Z/2026-11-30T17:00:00Z");
}

#[test]
fn free_starts_go_by_the_half_hour_and_leave_out_what_is_taken() {
    let utc = Zone::default();
    let hours = [weekly(0, "09:15", "11:15"), weekly(0, "23:30", "24:00"), weekly(1, "00:00", "00:30")];
    let taken = [slot("2026-11-23T10:00:00Z", "2026-11-23T10:15:00Z")];
    let starts = |minutes| {
        let free = free_starts(&hours, &utc, day("2026-11-23"), Span::minutes(minutes), &taken);
        free.iter().map(|slot| utc.second(slot.starts_at) / 60).collect::<Vec<_>>()
    };
    assert_eq!(starts(30), [9 * 60 + 15, 10 * 60 + 15, 10 * 60 + 45, 23 * 60 + 30]);
    assert_eq!(starts(60), [10 * 60 + 15, 23 * 60 + 30], "into the next day where that is open");
    assert_eq!(starts(90), [0_i64; 0]);
    // Twenty-five hours of a day are fifty half hours.
    let always: Vec<Hours> = (0..7).map(|weekday| weekly(weekday, "00:00", "24:00")).collect();
    let of = |date| free_starts(&always, &zone("Europe/Berlin"), day(date), Span::HOUR, &[]).len();
    assert_eq!((of("2026-10-24"), of("2026-10-25"), of("2026-03-29")), (48, 50, 46));
}

#[test]
fn the_ends_of_the_calendar_are_no_cliff() {
    let berlin = zone("Europe/Berlin");
    let always: Vec<Hours> = (0..7).map(|weekday| weekly(weekday, "00:00", "24:00")).collect();
    for day in [0, super::DAY_MAX] {
        assert_eq!(free_starts(&always, &berlin, day, Span::HOUR, &[]).len(), 48);
        let (from, until) = berlin.bounds(day);
        assert_eq!(until - from, Span::DAY);
    }
    assert!(Zone::named("Europe/Atlantis").is_none());
}

/// A teacher in Berlin with a gig.
fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.now = at("2026-11-20T12:00:00Z");
    let now = bench.now;
    bench.world.teachers.admit(TEACHER, Some(teacher(now)));
    bench.world.offers.admit(GIG, Some(gig(now)));
    bench
}

fn teacher(now: Timestamp) -> TeacherProfile {
    TeacherProfile {
        id: TEACHER,
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
        time_zone: "Europe/Berlin".into(),
        verified: false,
        created_at: now,
        updated_at: now,
    }
}

fn gig(now: Timestamp) -> Offer {
    Offer {
        id: GIG,
        payee: TEACHER,
        category: Category::Language,
        service_type: String::new(),
        title: "Conversation".into(),
        short_description: String::new(),
        full_description: String::new(),
        price_minor: 5_000,
        currency: Currency::USD,
        session_minutes: 60,
        tags: "[]".into(),
        session_contents: String::new(),
        state: OfferState::Active,
        created_at: now,
        updated_at: now,
    }
}

fn patch(hours: Hours) -> HoursPatch {
    HoursPatch {
        weekday: Some(hours.weekday),
        from_second: Some(hours.from_second),
        until_second: Some(hours.until_second),
        is_recurring: Some(hours.date.is_none()),
        date: hours.date,
    }
}

impl Bench {
    fn edit(&mut self, edit: Edit) -> Result<Vec<Availability>, Refusal> {
        self.run(&EditCalendar { payee: TEACHER, edit })
    }

    fn hours(&self) -> Vec<Hours> {
        self.world.availability.present().map(|row| row.hours).collect()
    }

    fn book(&mut self, slot: Slot) -> Result<Booking, Refusal> {
        self.run(&Create {
            payer: STUDENT,
            payee: TEACHER,
            offer: GIG,
            slot,
            notes: String::new(),
            session_type: "video_call".into(),
        })
    }
}

/// Index and field of every item that was refused.
fn wrong(refused: Result<Vec<Availability>, Refusal>) -> Vec<(usize, &'static str)> {
    match refused {
        Err(Refusal::InvalidItems(items)) => {
            items.into_iter().map(|item| (item.index, item.invalid.field)).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn br_3_slots_begin_before_they_end_do_not_overlap_and_have_their_date() {
    let mut bench = bench();
    let day_off = HoursPatch { is_recurring: Some(false), date: None, ..patch(weekly(0, "09:00", "10:00")) };
    let both = HoursPatch { is_recurring: Some(true), ..patch(dated("2026-11-23", "09:00", "10:00")) };
    let other_day = HoursPatch { weekday: Some(1), ..patch(dated("2026-11-23", "09:00", "10:00")) };
    let nameless = HoursPatch { weekday: None, ..patch(weekly(0, "09:00", "10:00")) };
    let timeless = HoursPatch { from_second: None, ..patch(weekly(0, "09:00", "10:00")) };
    for (given, field) in [
        (patch(weekly(0, "10:00", "10:00")), "end_time"),
        (patch(weekly(0, "17:00", "09:00")), "end_time"),
        (patch(weekly(0, "23:00", "24:01")), "end_time"),
        (patch(weekly(7, "09:00", "10:00")), "day_of_week"),
        (patch(weekly(-1, "09:00", "10:00")), "day_of_week"),
        (nameless, "day_of_week"),
        (timeless, "start_time"),
        (day_off, "date"),
        (both, "date"),
        (other_day, "day_of_week"),
    ] {
        assert_eq!(wrong(bench.edit(Edit::Add(given))), [(0, field)], "{given:?}");
    }
    assert_eq!(bench.hours(), []);
    bench.edit(Edit::Add(patch(weekly(0, "09:00", "12:00")))).unwrap();
    for taken in [("09:00", "12:00"), ("11:59", "13:00"), ("10:00", "11:00"), ("08:00", "09:01")] {
        let given = patch(weekly(0, taken.0, taken.1));
        assert_eq!(wrong(bench.edit(Edit::Add(given))), [(0, "start_time")], "{taken:?}");
    }
    for free in
        [weekly(0, "12:00", "13:00"), weekly(1, "09:00", "12:00"), dated("2026-11-23", "10:00", "11:00")]
    {
        bench.edit(Edit::Add(patch(free))).unwrap();
    }
    let again = patch(dated("2026-11-23", "10:30", "11:30"));
    assert_eq!(wrong(bench.edit(Edit::Add(again))), [(0, "start_time")]);
}

#[test]
fn h_14_a_rejected_batch_changes_nothing() {
    let mut bench = bench();
    let kept = bench.edit(Edit::Add(patch(weekly(0, "09:00", "12:00")))).unwrap();
    let before = bench.hours();
    let good = patch(weekly(1, "09:00", "12:00"));
    let bad = patch(weekly(2, "12:00", "09:00"));
    let meets = patch(weekly(0, "11:00", "13:00"));
    assert_eq!(wrong(bench.edit(Edit::AddAll(vec![good, bad, meets]))), [(1, "end_time"), (2, "start_time")]);
    assert_eq!(wrong(bench.edit(Edit::Replace(vec![good, bad]))), [(1, "end_time")]);
    let unknown = AvailabilityId(99 * LANES + 2);
    assert_eq!(wrong(bench.edit(Edit::Patch(vec![(kept[0].id, good), (unknown, good)]))), [(1, "id")]);
    assert_eq!(wrong(bench.edit(Edit::Patch(vec![(kept[0].id, good), (kept[0].id, good)]))), [(1, "id")]);
    assert_eq!(wrong(bench.edit(Edit::Remove(vec![kept[0].id, unknown]))), [(1, "id")]);
    let many = |n: i64| patch(Hours { from_second: n * 60, until_second: n * 60 + 60, ..before[0] });
    let too_many = Edit::Replace((0..=i64::try_from(HOURS_MAX).unwrap()).map(many).collect());
    assert!(matches!(bench.edit(too_many), Err(Refusal::Invalid(_))));
    assert_eq!(bench.hours(), before);
}

#[test]
fn a_batch_adds_replaces_changes_removes_and_clears() {
    let mut bench = bench();
    let (mon, tue) = (weekly(0, "09:00", "12:00"), weekly(1, "09:00", "12:00"));
    let once = dated("2026-12-24", "09:00", "10:00");
    let added = bench.edit(Edit::AddAll(vec![patch(mon), patch(tue), patch(mon), patch(once)])).unwrap();
    assert_eq!(added[0].id, added[2].id, "a duplicate is the row that is there");
    assert_eq!(bench.edit(Edit::AddAll(vec![patch(tue)])).unwrap()[0].id, added[1].id);
    assert_eq!(bench.hours(), [mon, tue, once]);
    // The two change places; neither overlaps what the other was.
    let (a, b) = ((added[0].id, patch(tue)), (added[1].id, patch(mon)));
    bench.edit(Edit::Patch(vec![a, b])).unwrap();
    assert_eq!(bench.hours(), [tue, mon, once]);
    let later = HoursPatch { until_second: Some(second("13:00")), ..HoursPatch::default() };
    bench.edit(Edit::Patch(vec![(added[0].id, later)])).unwrap();
    assert_eq!(bench.hours(), [weekly(1, "09:00", "13:00"), mon, once]);
    let weekly_again = HoursPatch { is_recurring: Some(true), ..HoursPatch::default() };
    let made_weekly = bench.edit(Edit::Patch(vec![(added[3].id, weekly_again)])).unwrap();
    assert_eq!(made_weekly[0].hours, weekly(3, "09:00", "10:00"));
    bench.edit(Edit::Put(added[3].id, patch(once))).unwrap();
    // Dates stay, and so does the row that is asked for again.
    let sun = weekly(6, "09:00", "12:00");
    let replaced = bench.edit(Edit::Replace(vec![patch(sun), patch(mon)])).unwrap();
    assert_eq!(replaced[1].id, added[1].id);
    assert_eq!(bench.hours(), [mon, once, sun]);
    bench.edit(Edit::Replace(Vec::new())).unwrap();
    assert_eq!(bench.hours(), [once]);
    bench.edit(Edit::Add(patch(mon))).unwrap();
    bench.edit(Edit::Remove(vec![added[3].id])).unwrap();
    assert_eq!(bench.hours(), [mon]);
    bench.edit(Edit::Clear).unwrap();
    assert_eq!(bench.hours(), []);
    let nobody = EditCalendar { payee: STUDENT, edit: Edit::Clear };
    assert_eq!(bench.run(&nobody), Err(Refusal::TeacherRequired));
}

#[test]
fn br_3_availability_is_enforced_where_the_marketplace_wants_it() {
    let mut bench = bench();
    // Monday, 09:00 to 12:00 in Berlin: 08:00 to 11:00 UTC in winter, 07:00 to 10:00 in summer.
    bench.edit(Edit::Add(patch(weekly(0, "09:00", "12:00")))).unwrap();
    let outside = slot("2026-11-23T07:30:00Z", "2026-11-23T08:30:00Z");
    bench.book(outside).unwrap();
    bench.policies.booking.enforce_availability = true;
    let outside = slot("2026-11-23T10:30:00Z", "2026-11-23T11:30:00Z");
    assert_eq!(bench.book(outside), Err(Refusal::OutsideAvailability));
    let booked = bench.book(slot("2026-11-23T08:30:00Z", "2026-11-23T11:00:00Z")).unwrap();
    let summer = slot("2027-07-05T07:00:00Z", "2027-07-05T08:00:00Z");
    bench.book(summer).unwrap();
    let too_early = slot("2026-11-30T07:00:00Z", "2026-11-30T08:00:00Z");
    assert_eq!(bench.book(too_early), Err(Refusal::OutsideAvailability));
    // A booking that had its time before is confirmed all the same.
    bench.edit(Edit::Clear).unwrap();
    let actor = Actor::Party(TEACHER);
    bench.run(&Confirm { booking: booked.id, payer: STUDENT, actor, slot: None }).unwrap();
    assert_eq!(booked.id.lane(), TEACHER.lane());
}

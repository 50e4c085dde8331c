//! Dates in filters: a day of the marketplace's zone, or an instant; both ends count. And bare dates,
//! which are days of whatever zone they are used with.

use domain::calendar::DAY_MAX;
use domain::time::{Span, Timestamp};
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Problem;
use super::json::Instant;

/// `2026-01-31`.
const DAY_CHARACTERS: usize = 10;

/// A half-open interval of instants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub from: Timestamp,
    pub until: Timestamp,
}

impl Range {
    /// Everything.
    pub const ALL: Range = Range { from: Timestamp(0), until: Timestamp::FAR_FUTURE };

    /// From the text of `date_from` and `date_to`; a missing end is open.
    pub fn read(from: Option<&str>, to: Option<&str>, zone: &str) -> Result<Range, Problem> {
        let zone = TimeZone::get(zone).map_err(Problem::internal)?;
        let mut range = Range::ALL;
        if let Some(text) = from.filter(|text| !text.is_empty()) {
            range.from = bound("date_from", text, &zone)?.0;
        }
        if let Some(text) = to.filter(|text| !text.is_empty()) {
            range.until = bound("date_to", text, &zone)?.1;
        }
        Ok(range)
    }
}

/// The first instant of what the text names, and the first after it.
fn bound(field: &str, text: &str, zone: &TimeZone) -> Result<(Timestamp, Timestamp), Problem> {
    if let Some(Instant(at)) = Instant::parse(text) {
        return Ok((at, at + Span(1)));
    }
    let wrong = || Problem::field(field, "must be a date (2026-01-31) or an instant with an offset");
    // A time without an offset is not a day.
    let text = Some(text.trim()).filter(|text| text.len() == DAY_CHARACTERS).ok_or_else(wrong)?;
    let day: Date = text.parse().map_err(|_| wrong())?;
    let start = |day: Date| -> Result<Timestamp, Problem> {
        let zoned = day.to_zoned(zone.clone()).map_err(|_| wrong())?;
        Ok(Timestamp(zoned.timestamp().as_microsecond()))
    };
    let next = day.tomorrow().map_err(|_| wrong())?;
    Ok((start(day)?, start(next)?))
}

/// The number of the day that `2026-01-31` names; `None` for anything else, and beyond the calendar.
pub fn day_number(text: &str) -> Option<i64> {
    let text = Some(text.trim()).filter(|text| text.len() == DAY_CHARACTERS)?;
    let start = text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp();
    let day = Timestamp(start.as_microsecond()).day();
    Some(day).filter(|day| (0..=DAY_MAX).contains(day))
}

/// `2026-01-31`.
pub fn day_text(day: i64) -> String {
    let start = Instant(Timestamp(day * Span::DAY.0)).text();
    start[..DAY_CHARACTERS].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_numbered_and_named_the_same_way() {
        for (text, day) in [("1970-01-01", 0), ("2028-02-29", 21_243), ("9999-12-25", DAY_MAX)] {
            assert_eq!(day_number(text), Some(day), "{text}");
            assert_eq!(day_text(day), text);
        }
        for junk in
            ["", "2027-02-29", "1969-12-31", "9999-12-31", "20260131", "2026-1-31", "2026-01-31T00:00Z"]
        {
            assert_eq!(day_number(junk), None, "{junk}");
        }
    }

    #[test]
    fn a_day_ends_where_the_next_begins_also_when_clocks_change() {
        let day = Range::read(Some("2026-03-29"), Some("2026-03-29"), "Europe/Berlin").expect("a day");
        assert_eq!(day.until - day.from, Span::hours(23));
        let open = Range::read(None, Some(""), "UTC").expect("open");
        assert_eq!(open, Range::ALL);
        for junk in ["2026-02-30", "yesterday", "2026-03-29T10:00:00", "9999-12-31"] {
            assert!(Range::read(Some(junk), None, "UTC").is_err(), "{junk}");
        }
    }
}

use super::field::ValueSet;
use super::item::parse_field;
use super::{Field, ScheduleError, ScheduleErrorKind};
use chrono::{Datelike, NaiveDate};
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// The nicknames of crontab(5) and what they stand for.
const NICKNAMES: [(&str, &str); 7] = [
    ("@yearly", "0 0 1 1 *"),
    ("@annually", "0 0 1 1 *"),
    ("@monthly", "0 0 1 * *"),
    ("@weekly", "0 0 * * 0"),
    ("@daily", "0 0 * * *"),
    ("@midnight", "0 0 * * *"),
    ("@hourly", "0 * * * *"),
];

/// A five-field expression with the meaning of crontab(5).
///
/// Numbers, three-letter names in any case (also in lists and ranges, as cron
/// programs take them), `*`, `a-b`, `a-b/n`, `*/n`, lists, and the nicknames.
/// Sunday is 0 and 7, and `sun` may end a range (`fri-sun`).
///
/// **Day rule**: where both day fields are restricted, either makes a day
/// match; where one of them starts with `*` (`*`, `*/2`), both must.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CronExpression {
    text: String,
    pub(super) minutes: ValueSet,
    pub(super) hours: ValueSet,
    pub(super) days: ValueSet,
    pub(super) months: ValueSet,
    pub(super) weekdays: ValueSet,
    /// Whether one of the two day fields is enough.
    pub(super) either_day: bool,
}

/// The pauses between the times of one day, in minutes since midnight.
pub(super) struct DayPauses {
    pub first: u32,
    pub last: u32,
    /// The first of the longest, from one time to the next; `None` with one time a day.
    pub longest: Option<(u32, u32)>,
}

impl CronExpression {
    /// Whether the expression names a day; the time of day is another matter.
    pub fn matches_day(&self, date: NaiveDate) -> bool {
        let day = self.days.contains(date.day());
        let weekday = self.weekdays.contains(date.weekday().num_days_from_sunday());
        self.months.contains(date.month()) && if self.either_day { day || weekday } else { day && weekday }
    }

    /// Minutes since midnight, ascending, the same on every day that matches.
    pub(super) fn minutes_of_day(&self) -> impl Iterator<Item = u32> {
        self.hours.iter().flat_map(|hour| self.minutes.iter().map(move |minute| hour * 60 + minute))
    }

    /// The greatest of [`CronExpression::minutes_of_day`] up to `limit`.
    pub(super) fn last_minute_up_to(&self, limit: u32) -> Option<u32> {
        let hour = self.hours.last_up_to(limit / 60)?;
        if hour == limit / 60
            && let Some(minute) = self.minutes.last_up_to(limit % 60)
        {
            return Some(hour * 60 + minute);
        }
        let earlier = if hour == limit / 60 { self.hours.last_up_to(hour.checked_sub(1)?)? } else { hour };
        Some(earlier * 60 + self.minutes.last_up_to(59)?)
    }

    /// What lies between the times of a day that matches.
    pub(super) fn pauses_of_day(&self) -> DayPauses {
        let minutes: Vec<u32> = self.minutes_of_day().collect();
        let (first, last) = (minutes[0], minutes[minutes.len() - 1]);
        let pauses = minutes.windows(2).map(|pair| (pair[0], pair[1]));
        let longest =
            pauses.reduce(|longest, pause| if pause.1 - pause.0 > longest.1 - longest.0 { pause } else { longest });
        DayPauses { first, last, longest }
    }

    /// How often it runs on a day that matches, at least once.
    pub fn runs_per_day(&self) -> u32 {
        (self.hours.len() * self.minutes.len()) as u32
    }

    /// Whether it runs in every hour of the day, and so by elapsed time rather
    /// than at fixed times; see [`super::Timetable`] on why that matters.
    pub fn is_every_hour(&self) -> bool {
        self.hours.len() == 24
    }
}

/// As it was written, without space around it.
impl fmt::Display for CronExpression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl FromStr for CronExpression {
    type Err = ScheduleError;

    /// # Errors
    /// The first thing that is wrong, with its range of bytes in `text`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words = words(text);
        let Some((first, word)) = words.first().cloned() else {
            let help = "write five fields, such as `0 2 * * *`, or `@daily`".to_owned();
            let kind = ScheduleErrorKind::Empty;
            return Err(ScheduleError { kind, range: 0..text.len(), help, replacement: None });
        };
        if word.starts_with('@') {
            let whole = first.start..words.last().map_or(first.end, |(range, _)| range.end);
            return nickname(&text[whole.clone()], whole);
        }
        if words.len() != 5 {
            return Err(wrong_count(text, &words));
        }
        let field = |index: usize| parse_field(Field::ALL[index], words[index].1, words[index].0.start);
        let starts_with_star = |index: usize| words[index].1.starts_with('*');
        Ok(Self {
            minutes: field(0)?,
            hours: field(1)?,
            days: field(2)?,
            months: field(3)?,
            weekdays: field(4)?,
            either_day: !starts_with_star(2) && !starts_with_star(4),
            text: text.trim().to_owned(),
        })
    }
}

/// Everything between white space, with where it stands.
fn words(text: &str) -> Vec<(Range<usize>, &str)> {
    text.split_whitespace()
        .map(|word| {
            let start = word.as_ptr() as usize - text.as_ptr() as usize;
            (start..start + word.len(), word)
        })
        .collect()
}

fn nickname(word: &str, range: Range<usize>) -> Result<CronExpression, ScheduleError> {
    if let Some((_, meaning)) = NICKNAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)) {
        let expression: CronExpression = meaning.parse().expect("the nicknames stand for valid expressions");
        return Ok(CronExpression { text: word.to_owned(), ..expression });
    }
    let near = NICKNAMES
        .iter()
        .map(|(name, _)| (strsim::damerau_levenshtein(name, &word.to_ascii_lowercase()), *name))
        .min()
        .filter(|(distance, _)| *distance <= 2)
        .map(|(_, name)| name.to_owned());
    let help = match &near {
        Some(name) => format!("write `{name}`"),
        None if word.eq_ignore_ascii_case("@reboot") => {
            "a restart is not a time; what was missed while the machine was off is caught up anyway".to_owned()
        }
        None => {
            "write five fields, or one of `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly`".to_owned()
        }
    };
    let kind = ScheduleErrorKind::UnknownNickname { word: word.to_owned() };
    Err(ScheduleError { kind, range, help, replacement: near })
}

fn wrong_count(text: &str, words: &[(Range<usize>, &str)]) -> ScheduleError {
    let found = words.len();
    let whole = words[0].0.start..words[found - 1].0.end;
    let kind = ScheduleErrorKind::FieldCount { found };
    if found < 5 {
        let missing: Vec<String> = Field::ALL[found..].iter().map(Field::to_string).collect();
        let help = format!(
            "the fields are minute, hour, day-of-month, month, day-of-week; here `{}` would be missing",
            missing.join("`, `")
        );
        return ScheduleError { kind, range: whole, help, replacement: None };
    }
    // Six fields: other programs put seconds first or a year last.
    let without_first = &text[words[1].0.start..whole.end];
    let without_last = &text[whole.start..words[found - 2].0.end];
    let parses = |rest: &&str| found == 6 && rest.parse::<CronExpression>().is_ok();
    let (help, replacement) = if parses(&without_first) {
        (format!("there is no field for seconds: write `{without_first}`"), Some(without_first.to_owned()))
    } else if parses(&without_last) {
        (format!("there is no field for years: write `{without_last}`"), Some(without_last.to_owned()))
    } else {
        ("the fields are minute, hour, day-of-month, month, day-of-week".to_owned(), None)
    };
    ScheduleError { kind, range: whole, help, replacement }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn values(field: ValueSet) -> Vec<u32> {
        field.iter().collect()
    }

    fn parse(text: &str) -> CronExpression {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// The message, what its range covers, and its help, as a person would meet them.
    pub fn refusal(text: &str) -> String {
        let error = text.parse::<CronExpression>().expect_err(text);
        let marks = if error.range.is_empty() { 1 } else { text[error.range.clone()].chars().count() };
        let indent = text[..error.range.start].chars().count();
        let fix = match &error.replacement {
            None => String::new(),
            Some(fix) => {
                let fixed = format!("{}{fix}{}", &text[..error.range.start], &text[error.range.end..]);
                parse(&fixed);
                format!("\n  fixed: {fixed}")
            }
        };
        format!("{text}\n{}{}\n  {error}\n  help: {}{fix}\n", " ".repeat(indent), "^".repeat(marks), error.help)
    }

    #[test]
    fn fields_take_numbers_names_ranges_steps_and_lists() {
        let cron = parse("0,30-40/5 2-22/4 1,15 Jan,MAR-may mon-FRI");
        assert_eq!(values(cron.minutes), [0, 30, 35, 40]);
        assert_eq!(values(cron.hours), [2, 6, 10, 14, 18, 22]);
        assert_eq!(values(cron.days), [1, 15]);
        assert_eq!(values(cron.months), [1, 3, 4, 5]);
        assert_eq!(values(cron.weekdays), [1, 2, 3, 4, 5]);
        assert_eq!(values(parse("*/25 * * * *").minutes), [0, 25, 50]);
    }

    #[test]
    fn sunday_is_zero_and_seven_and_may_end_a_range() {
        for text in ["0 0 * * 0", "0 0 * * 7", "0 0 * * sun", "0 0 * * 7,0"] {
            assert_eq!(values(parse(text).weekdays), [0], "{text}");
        }
        for text in ["0 0 * * 5-7", "0 0 * * fri-sun", "0 0 * * 0,5-6"] {
            assert_eq!(values(parse(text).weekdays), [0, 5, 6], "{text}");
        }
        for text in ["0 0 * * 0-7", "0 0 * * *", "0 0 * * sun-sat", "0 0 * * mon-sun"] {
            assert_eq!(values(parse(text).weekdays), [0, 1, 2, 3, 4, 5, 6], "{text}");
        }
    }

    #[test]
    fn the_last_minute_up_to_a_limit_is_the_one_that_a_list_would_give() {
        for text in ["* * * * *", "0 2-22/4 * * *", "15,45 0,23 * * *", "30 12 * * *"] {
            let cron = parse(text);
            for limit in 0..24 * 60 {
                let listed = cron.minutes_of_day().filter(|minute| *minute <= limit).last();
                assert_eq!(cron.last_minute_up_to(limit), listed, "{text} up to {limit}");
            }
        }
    }

    #[test]
    fn nicknames_stand_for_their_five_fields_and_print_as_written() {
        for (name, meaning) in NICKNAMES {
            let (named, spelt) = (parse(&format!(" {} ", name.to_uppercase())), parse(meaning));
            assert_eq!(named.to_string(), name.to_uppercase());
            assert_eq!(CronExpression { text: spelt.text.clone(), ..named }, spelt, "{name}");
        }
    }

    #[test]
    fn either_day_field_is_enough_unless_one_starts_with_a_star() {
        let date = |day| NaiveDate::from_ymd_opt(2026, 11, day).expect("a day of November");
        let days = |text: &str| (1..=30).filter(|day| parse(text).matches_day(date(*day))).collect::<Vec<_>>();
        // 1 November 2026 is a Sunday.
        assert_eq!(days("0 0 13 * 5"), [6, 13, 20, 27]);
        assert_eq!(days("0 0 14 * 5"), [6, 13, 14, 20, 27]);
        assert_eq!(days("0 0 * * 5"), [6, 13, 20, 27]);
        assert_eq!(days("0 0 14 * *"), [14]);
        assert_eq!(days("0 0 */2 * 5"), [13, 27]);
        assert_eq!(days("0 0 14 * */7"), Vec::<u32>::new(), "the 14th is a Saturday");
    }

    #[test]
    fn a_wrong_number_of_fields_says_which_are_missing_or_too_many() {
        insta::assert_snapshot!(["", "0 2 * *", "0", "0 0 2 * * *", "30 0 2 * * 2027", "0 2 * * * 2027", "a b c d e f"]
            .map(refusal)
            .join("\n"), @r"

        ^
          the schedule is empty
          help: write five fields, such as `0 2 * * *`, or `@daily`

        0 2 * *
        ^^^^^^^
          a schedule has five fields, this one has 4
          help: the fields are minute, hour, day-of-month, month, day-of-week; here `day-of-week` would be missing

        0
        ^
          a schedule has five fields, this one has 1
          help: the fields are minute, hour, day-of-month, month, day-of-week; here `hour`, `day-of-month`, `month`, `day-of-week` would be missing

        0 0 2 * * *
        ^^^^^^^^^^^
          a schedule has five fields, this one has 6
          help: there is no field for seconds: write `0 2 * * *`
          fixed: 0 2 * * *

        30 0 2 * * 2027
        ^^^^^^^^^^^^^^^
          a schedule has five fields, this one has 6
          help: there is no field for years: write `30 0 2 * *`
          fixed: 30 0 2 * *

        0 2 * * * 2027
        ^^^^^^^^^^^^^^
          a schedule has five fields, this one has 6
          help: there is no field for years: write `0 2 * * *`
          fixed: 0 2 * * *

        a b c d e f
        ^^^^^^^^^^^
          a schedule has five fields, this one has 6
          help: the fields are minute, hour, day-of-month, month, day-of-week
        ");
    }

    #[test]
    fn unknown_nicknames_get_the_nearest_or_the_list() {
        insta::assert_snapshot!(["@dayly", "@reboot", "@every 4h", "@daily 3"].map(refusal).join("\n"), @r"
        @dayly
        ^^^^^^
          `@dayly` is no schedule
          help: write `@daily`
          fixed: @daily

        @reboot
        ^^^^^^^
          `@reboot` is no schedule
          help: a restart is not a time; what was missed while the machine was off is caught up anyway

        @every 4h
        ^^^^^^^^^
          `@every 4h` is no schedule
          help: write five fields, or one of `@hourly`, `@daily`, `@midnight`, `@weekly`, `@monthly`, `@yearly`

        @daily 3
        ^^^^^^^^
          `@daily 3` is no schedule
          help: write `@daily`
          fixed: @daily
        ");
    }
}

use super::field::ValueSet;
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

/// Signs of other dialects (Quartz, random ranges), refused by name.
const FOREIGN_SIGNS: [char; 3] = ['?', '#', '~'];

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

/// One field, which starts at byte `start` of the expression.
fn parse_field(field: Field, text: &str, start: usize) -> Result<ValueSet, ScheduleError> {
    let mut set = ValueSet::default();
    let mut at = start;
    for item in text.split(',') {
        Item { field, text: item, start: at }.add_to(&mut set)?;
        at += item.len() + 1;
    }
    Ok(set)
}

/// One item of a list: `*`, `5`, `mon`, `1-5`, `*/2`, `8-18/2`.
struct Item<'a> {
    field: Field,
    text: &'a str,
    start: usize,
}

impl Item<'_> {
    fn add_to(&self, set: &mut ValueSet) -> Result<(), ScheduleError> {
        let Self { field, text, start } = *self;
        if text.is_empty() {
            return Err(self.empty(start));
        }
        if let Some((at, sign)) = text.char_indices().find(|(_, c)| FOREIGN_SIGNS.contains(c)) {
            let help = if sign == '?' {
                "write `*` for any value".to_owned()
            } else {
                "allowed are numbers, names, `*`, and `,` `-` `/` between them".to_owned()
            };
            let kind = ScheduleErrorKind::NotCrontab { field, sign };
            let replacement = (sign == '?').then(|| "*".to_owned());
            return Err(self.error(kind, start + at..start + at + sign.len_utf8(), help, replacement));
        }
        let (range, step) = text.split_once('/').map_or((text, None), |(range, step)| (range, Some(step)));
        let (first, last) = if range == "*" {
            (*field.range().start(), field.last())
        } else if let Some((first, last)) = range.split_once('-') {
            self.range(first, last)?
        } else {
            let value = self.value(range, start)?;
            if step.is_some() {
                let end = field.last();
                let fixed = format!("{range}-{end}{}", &text[range.len()..]);
                let help = format!("write `{fixed}` to step from there to the end");
                let kind = ScheduleErrorKind::StepWithoutRange { field, item: text.to_owned() };
                return Err(self.error(kind, start..start + text.len(), help, Some(fixed)));
            }
            (value, value)
        };
        let step = match step {
            Some(step) => self.step(step, start + range.len() + 1)?,
            None => 1,
        };
        for value in (first..=last).step_by(step.into()) {
            set.insert(if field == Field::DayOfWeek { value % 7 } else { value });
        }
        Ok(())
    }

    fn range(&self, first: &str, last: &str) -> Result<(u8, u8), ScheduleError> {
        let last_at = self.start + first.len() + 1;
        let low = self.value(first, self.start)?;
        let mut high = self.value(last, last_at)?;
        // A week that ends with Sunday is as usual as one that starts with it.
        if self.field == Field::DayOfWeek && high == 0 && low > 0 && last.eq_ignore_ascii_case("sun") {
            high = 7;
        }
        if low <= high {
            return Ok((low, high));
        }
        // The week or year goes on behind its end: say both parts, in names where names were used.
        let names = self.field.names();
        let (least, most) = match (first.parse::<u8>(), names) {
            (Err(_), [least, .., most]) => ((*least).to_owned(), (*most).to_owned()),
            _ => (self.field.range().start().to_string(), self.field.last().to_string()),
        };
        let part = |from: &str, to: &str, is_one: bool| if is_one { from.to_owned() } else { format!("{from}-{to}") };
        let until_end = part(first, &most, low == self.field.last());
        let from_begin = part(&least, last, high == *self.field.range().start());
        let fixed = format!("{until_end},{from_begin}");
        let help = format!("write the two parts: `{fixed}`");
        let kind =
            ScheduleErrorKind::ReversedRange { field: self.field, first: first.to_owned(), last: last.to_owned() };
        Err(self.error(kind, self.start..last_at + last.len(), help, Some(fixed)))
    }

    /// One number or name at byte `at` of the expression.
    fn value(&self, text: &str, at: usize) -> Result<u8, ScheduleError> {
        let field = self.field;
        let range = at..at + text.len();
        if text.is_empty() {
            return Err(self.empty(at));
        }
        if let Some(value) = field.value_of(text) {
            return Ok(value);
        }
        let mut help = format!("allowed is {}", field.allowed());
        if text.bytes().all(|b| b.is_ascii_digit()) {
            if let Some(value) = text.parse::<u8>().ok().filter(|value| field.range().contains(value)) {
                return Ok(value);
            }
            if field == Field::Hour && text == "24" {
                help.push_str("; midnight is 0");
            }
            let kind = ScheduleErrorKind::OutOfRange { field, value: text.to_owned() };
            return Err(self.error(kind, range, help, None));
        }
        let near = nearest_name(field, text);
        if let Some(name) = near {
            help = format!("write `{name}`");
        } else if let Some(other) = Field::ALL.iter().find(|other| other.value_of(text).is_some()) {
            let place = if *other == Field::Month { "fourth" } else { "fifth" };
            help.push_str(&format!("; `{text}` is a {other}, which is the {place} field"));
        }
        let kind = ScheduleErrorKind::NotAValue { field, item: text.to_owned() };
        Err(self.error(kind, range, help, near.map(str::to_owned)))
    }

    fn step(&self, text: &str, at: usize) -> Result<u8, ScheduleError> {
        let field = self.field;
        if text.is_empty() {
            return Err(self.empty(at));
        }
        // A step past the end would run once an hour (or day …), silently.
        let most = field.range().end() - field.range().start();
        match text.parse::<u8>() {
            Ok(step) if (1..=most).contains(&step) && text.bytes().all(|b| b.is_ascii_digit()) => Ok(step),
            _ => {
                let kind = ScheduleErrorKind::BadStep { field, step: text.to_owned() };
                let help = format!("a step is a number from 1 to {most} here; it counts within the field only");
                Err(self.error(kind, at..at + text.len(), help, None))
            }
        }
    }

    /// Something should stand at byte `at`; the range is the whole item, or
    /// the sign beside an item that is empty.
    fn empty(&self, at: usize) -> ScheduleError {
        let range = if self.text.is_empty() { at..at } else { self.start..self.start + self.text.len() };
        let help = format!("write {} there, or take the sign beside it out", self.field.allowed());
        self.error(ScheduleErrorKind::EmptyItem { field: self.field }, range, help, None)
    }

    fn error(
        &self,
        kind: ScheduleErrorKind,
        range: Range<usize>,
        help: String,
        replacement: Option<String>,
    ) -> ScheduleError {
        ScheduleError { kind, range, help, replacement }
    }
}

/// `monday` and `mno` mean `mon`.
fn nearest_name(field: Field, text: &str) -> Option<&'static str> {
    let lower = text.to_lowercase();
    let names = field.names();
    let prefix = names.iter().find(|name| lower.len() > 3 && lower.starts_with(*name));
    let near = || names.iter().find(|name| strsim::damerau_levenshtein(name, &lower) <= 1);
    prefix.or_else(near).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(field: ValueSet) -> Vec<u32> {
        field.iter().collect()
    }

    fn parse(text: &str) -> CronExpression {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// The message, what its range covers, and its help, as a person would meet them.
    fn refusal(text: &str) -> String {
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
    fn values_out_of_range_and_backward_ranges_point_at_themselves() {
        insta::assert_snapshot!(["60 * * * *", "0 24 * * *", "0 2 0,32 * *", "0 2 * 13 *", "0 2 * * 8", "0 99999999999999999999 * * *",
            "0 22-2 * * *", "0 0 * * fri-mon", "0 0 * * 6-1", "0 0 * nov-feb *", "0 23-22 * * *"]
            .map(refusal)
            .join("\n"), @r"
        60 * * * *
        ^^
          minute 60 is out of range
          help: allowed is 0 to 59

        0 24 * * *
          ^^
          hour 24 is out of range
          help: allowed is 0 to 23; midnight is 0

        0 2 0,32 * *
            ^
          day-of-month 0 is out of range
          help: allowed is 1 to 31

        0 2 * 13 *
              ^^
          month 13 is out of range
          help: allowed is 1 to 12, or `jan` to `dec`

        0 2 * * 8
                ^
          day-of-week 8 is out of range
          help: allowed is 0 to 7 (0 and 7 are Sunday), or `sun` to `sat`

        0 99999999999999999999 * * *
          ^^^^^^^^^^^^^^^^^^^^
          hour 99999999999999999999 is out of range
          help: allowed is 0 to 23

        0 22-2 * * *
          ^^^^
          the hour range `22-2` runs backwards
          help: write the two parts: `22-23,0-2`
          fixed: 0 22-23,0-2 * * *

        0 0 * * fri-mon
                ^^^^^^^
          the day-of-week range `fri-mon` runs backwards
          help: write the two parts: `fri-sat,sun-mon`
          fixed: 0 0 * * fri-sat,sun-mon

        0 0 * * 6-1
                ^^^
          the day-of-week range `6-1` runs backwards
          help: write the two parts: `6,0-1`
          fixed: 0 0 * * 6,0-1

        0 0 * nov-feb *
              ^^^^^^^
          the month range `nov-feb` runs backwards
          help: write the two parts: `nov-dec,jan-feb`
          fixed: 0 0 * nov-dec,jan-feb *

        0 23-22 * * *
          ^^^^^
          the hour range `23-22` runs backwards
          help: write the two parts: `23,0-22`
          fixed: 0 23,0-22 * * *
        ");
    }

    #[test]
    fn words_that_are_no_value_get_the_nearest_name() {
        insta::assert_snapshot!(["0 2 * * monday", "0 2 * * mno", "0 2 * juin *", "0 2 mon * *", "0 2 * * jan", "x 2 * * *", "0 2 L * *", "0 2 * * ä",
            "0 2 ? * *", "0 2 * * 5#2", "-5 2 * * *", "+5 2 * * *"]
            .map(refusal)
            .join("\n"), @r"
        0 2 * * monday
                ^^^^^^
          `monday` is no day-of-week
          help: write `mon`
          fixed: 0 2 * * mon

        0 2 * * mno
                ^^^
          `mno` is no day-of-week
          help: write `mon`
          fixed: 0 2 * * mon

        0 2 * juin *
              ^^^^
          `juin` is no month
          help: write `jun`
          fixed: 0 2 * jun *

        0 2 mon * *
            ^^^
          `mon` is no day-of-month
          help: allowed is 1 to 31; `mon` is a day-of-week, which is the fifth field

        0 2 * * jan
                ^^^
          `jan` is no day-of-week
          help: allowed is 0 to 7 (0 and 7 are Sunday), or `sun` to `sat`; `jan` is a month, which is the fourth field

        x 2 * * *
        ^
          `x` is no minute
          help: allowed is 0 to 59

        0 2 L * *
            ^
          `L` is no day-of-month
          help: allowed is 1 to 31

        0 2 * * ä
                ^
          `ä` is no day-of-week
          help: allowed is 0 to 7 (0 and 7 are Sunday), or `sun` to `sat`

        0 2 ? * *
            ^
          `?` is not part of crontab(5)
          help: write `*` for any value
          fixed: 0 2 * * *

        0 2 * * 5#2
                 ^
          `#` is not part of crontab(5)
          help: allowed are numbers, names, `*`, and `,` `-` `/` between them

        -5 2 * * *
        ^^
          something is missing in the minute field
          help: write 0 to 59 there, or take the sign beside it out

        +5 2 * * *
        ^^
          `+5` is no minute
          help: allowed is 0 to 59
        ");
    }

    #[test]
    fn steps_must_fit_and_have_a_range() {
        insta::assert_snapshot!(["*/0 * * * *", "*/90 * * * *", "*/x * * * *", "*/ * * * *", "5/10 * * * *", "0 2 * * mon/2", "0 1,,2 * * *", "0 1, * * *", "0 1- * * *"]
            .map(refusal)
            .join("\n"), @r"
        */0 * * * *
          ^
          `0` is no step for the minute field
          help: a step is a number from 1 to 59 here; it counts within the field only

        */90 * * * *
          ^^
          `90` is no step for the minute field
          help: a step is a number from 1 to 59 here; it counts within the field only

        */x * * * *
          ^
          `x` is no step for the minute field
          help: a step is a number from 1 to 59 here; it counts within the field only

        */ * * * *
        ^^
          something is missing in the minute field
          help: write 0 to 59 there, or take the sign beside it out

        5/10 * * * *
        ^^^^
          the step in `5/10` has no range to step through
          help: write `5-59/10` to step from there to the end
          fixed: 5-59/10 * * * *

        0 2 * * mon/2
                ^^^^^
          the step in `mon/2` has no range to step through
          help: write `mon-6/2` to step from there to the end
          fixed: 0 2 * * mon-6/2

        0 1,,2 * * *
            ^
          something is missing in the hour field
          help: write 0 to 23 there, or take the sign beside it out

        0 1, * * *
            ^
          something is missing in the hour field
          help: write 0 to 23 there, or take the sign beside it out

        0 1- * * *
          ^^
          something is missing in the hour field
          help: write 0 to 23 there, or take the sign beside it out
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

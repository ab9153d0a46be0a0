use super::field::ValueSet;
use super::{Field, ScheduleError, ScheduleErrorKind};
use std::ops::Range;

/// Signs of other dialects (Quartz, random ranges), refused by name.
const FOREIGN_SIGNS: [char; 3] = ['?', '#', '~'];

/// One field, which starts at byte `start` of the expression.
pub(super) fn parse_field(field: Field, text: &str, start: usize) -> Result<ValueSet, ScheduleError> {
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
    use crate::schedule::expression::tests::refusal;

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
}

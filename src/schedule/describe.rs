use super::CronExpression;
use super::field::ValueSet;

const WEEKDAYS: [&str; 7] = ["Sundays", "Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays"];
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// More clock times than these are told as a pattern.
const TIMES_LISTED: usize = 4;

impl CronExpression {
    /// The expression in plain words: `every 4 hours at :00 from 02:00`,
    /// `Sundays at 02:00`, `on the 1st of the month at 05:00`.
    ///
    /// Times of day are those of the zone it is used in; the words do not say which.
    pub fn describe(&self) -> String {
        let (time, is_clock_time) = self.describe_times();
        match self.describe_days() {
            Some(days) => format!("{days} {time}"),
            None if is_clock_time => format!("daily {time}"),
            None => time,
        }
    }

    /// The time of day, and whether it is a list of clock times.
    fn describe_times(&self) -> (String, bool) {
        let minutes: Vec<u32> = self.minutes.iter().collect();
        let hours: Vec<u32> = self.hours.iter().collect();
        let (first_hour, last_hour) = (hours[0], hours[hours.len() - 1]);
        if minutes.len() * hours.len() <= TIMES_LISTED {
            let times: Vec<String> = self.minutes_of_day().map(|m| format!("{:02}:{:02}", m / 60, m % 60)).collect();
            return (format!("at {}", join(&times)), true);
        }
        let hour_step = self.hours.even_step();
        let within_hour = match minutes.as_slice() {
            [minute] => format!("at :{minute:02}"),
            _ => match minute_step(self.minutes) {
                Some(1) => "every minute".to_owned(),
                Some(step) => format!("every {step} minutes"),
                None => format!("at {}", join(&minutes.iter().map(|m| format!(":{m:02}")).collect::<Vec<_>>())),
            },
        };
        let begin = format!("{first_hour:02}:{:02}", minutes[0]);
        let end = format!("{last_hour:02}:{:02}", minutes[minutes.len() - 1]);
        let is_interval = within_hour.starts_with("every");
        let words = match hour_step {
            Some(1) if hours.len() == 24 && is_interval => within_hour,
            Some(1) if hours.len() == 24 => format!("every hour {within_hour}"),
            Some(1) if is_interval => format!("{within_hour} from {begin} to {end}"),
            Some(1) => format!("every hour {within_hour} from {begin} to {end}"),
            // The pattern goes round the clock: the last is one step before the first.
            Some(step) if !is_interval && 24 % step == 0 && hours.len() as u32 == 24 / step => {
                format!("every {step} hours {within_hour} from {first_hour:02}:00")
            }
            Some(step) if !is_interval && hours.len() > 2 => {
                format!("every {step} hours {within_hour} from {begin} to {end}")
            }
            _ if minutes.len() == 1 => {
                let times: Vec<String> = hours.iter().map(|hour| format!("{hour:02}:{:02}", minutes[0])).collect();
                return (format!("at {}", join(&times)), true);
            }
            _ => {
                let hours: Vec<String> = hours.iter().map(|hour| format!("{hour:02}")).collect();
                let noun = if hours.len() == 1 { "hour" } else { "hours" };
                format!("{within_hour} in the {noun} {}", join(&hours))
            }
        };
        (words, false)
    }

    /// The days, where not every day will do.
    fn describe_days(&self) -> Option<String> {
        let all_days = self.days.len() == 31;
        let all_weekdays = self.weekdays.len() == 7;
        let all_months = self.months.len() == 12;
        let of_month = if all_months { "of the month".to_owned() } else { format!("of {}", months(self.months)) };
        let in_month = if all_months { String::new() } else { format!(" in {}", months(self.months)) };
        if self.either_day && (all_days || all_weekdays) || (all_days && all_weekdays) {
            return (!all_months).then(|| format!("every day{in_month}"));
        }
        Some(match (all_days, all_weekdays) {
            (true, _) => format!("{}{in_month}", weekdays(self.weekdays)),
            (_, true) => format!("on the {} {of_month}", ordinals(self.days)),
            _ if self.either_day => {
                format!("on the {} {of_month} and on {}{in_month}", ordinals(self.days), weekdays(self.weekdays))
            }
            _ => format!("on {} that are the {} {of_month}", weekdays(self.weekdays), ordinals(self.days)),
        })
    }
}

/// The step of minutes that go evenly round the hour from :00.
fn minute_step(minutes: ValueSet) -> Option<u32> {
    let step = minutes.even_step()?;
    (minutes.contains(0) && 60 % step == 0 && minutes.len() as u32 == 60 / step).then_some(step)
}

/// `Mondays to Fridays`, `Sundays and Wednesdays`. The week starts on Monday
/// here, as people speak of it.
fn weekdays(set: ValueSet) -> String {
    let from_monday: Vec<u32> = (1..=7).filter(|day| set.contains(day % 7)).collect();
    let names: Vec<String> = from_monday.iter().map(|day| WEEKDAYS[(*day % 7) as usize].to_owned()).collect();
    let is_run = from_monday.windows(2).all(|pair| pair[1] == pair[0] + 1);
    if is_run && names.len() > 2 {
        return format!("{} to {}", names[0], names[names.len() - 1]);
    }
    join(&names)
}

fn months(set: ValueSet) -> String {
    join(&set.iter().map(|month| MONTHS[month as usize - 1].to_owned()).collect::<Vec<_>>())
}

/// `1st`, `1st and 15th`, `2nd to 8th`.
fn ordinals(set: ValueSet) -> String {
    let ordinal = |day: u32| {
        let suffix = match (day % 10, day % 100) {
            (_, 11..=13) => "th",
            (1, _) => "st",
            (2, _) => "nd",
            (3, _) => "rd",
            _ => "th",
        };
        format!("{day}{suffix}")
    };
    let days: Vec<String> = set.iter().map(ordinal).collect();
    if days.len() > 2 && set.even_step() == Some(1) {
        return format!("{} to {}", days[0], days[days.len() - 1]);
    }
    join(&days)
}

/// `a`, `a and b`, `a, b and c`.
fn join(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [only] => only.clone(),
        [start @ .., end] => format!("{} and {end}", start.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_told_in_plain_words() {
        let table: Vec<String> = [
            "* * * * *",
            "*/10 * * * *",
            "7-59/10 * * * *",
            "0 * * * *",
            "@hourly",
            "15,45 * * * *",
            "0 2-22/4 * * *",
            "30 */6 * * *",
            "0 8-20/4 * * *",
            "0 9-17 * * 1-5",
            "*/15 9-17 * * mon-fri",
            "*/15 2,14 * * *",
            "*/10 2 * * *",
            "0 2 * * *",
            "0 2,14 * * *",
            "0,30 6,18 * * *",
            "0 0,1,5,7,23 * * *",
            "0 2 * * 0",
            "@weekly",
            "0 8 * * 1",
            "0 3 * * mon,wed,sun",
            "0 5 1 * *",
            "0 5 1,15 * *",
            "0 5 2-8 * *",
            "0 5 11,12,13,21,22,23,31 * *",
            "0 0 1 1 *",
            "0 0 * 6 *",
            "0 0 1 */6 *",
            "0 4 13 * 5",
            "0 4 */10 * 5",
            "0 4 * jan,jul sun",
            "0 0 30 2 *",
        ]
        .map(|text| format!("{text:<30}{}", text.parse::<CronExpression>().expect("it parses").describe()))
        .to_vec();
        insta::assert_snapshot!(table.join("\n"), @r"
        * * * * *                     every minute
        */10 * * * *                  every 10 minutes
        7-59/10 * * * *               every hour at :07, :17, :27, :37, :47 and :57
        0 * * * *                     every hour at :00
        @hourly                       every hour at :00
        15,45 * * * *                 every hour at :15 and :45
        0 2-22/4 * * *                every 4 hours at :00 from 02:00
        30 */6 * * *                  daily at 00:30, 06:30, 12:30 and 18:30
        0 8-20/4 * * *                daily at 08:00, 12:00, 16:00 and 20:00
        0 9-17 * * 1-5                Mondays to Fridays every hour at :00 from 09:00 to 17:00
        */15 9-17 * * mon-fri         Mondays to Fridays every 15 minutes from 09:00 to 17:45
        */15 2,14 * * *               every 15 minutes in the hours 02 and 14
        */10 2 * * *                  every 10 minutes in the hour 02
        0 2 * * *                     daily at 02:00
        0 2,14 * * *                  daily at 02:00 and 14:00
        0,30 6,18 * * *               daily at 06:00, 06:30, 18:00 and 18:30
        0 0,1,5,7,23 * * *            daily at 00:00, 01:00, 05:00, 07:00 and 23:00
        0 2 * * 0                     Sundays at 02:00
        @weekly                       Sundays at 00:00
        0 8 * * 1                     Mondays at 08:00
        0 3 * * mon,wed,sun           Mondays, Wednesdays and Sundays at 03:00
        0 5 1 * *                     on the 1st of the month at 05:00
        0 5 1,15 * *                  on the 1st and 15th of the month at 05:00
        0 5 2-8 * *                   on the 2nd to 8th of the month at 05:00
        0 5 11,12,13,21,22,23,31 * *  on the 11th, 12th, 13th, 21st, 22nd, 23rd and 31st of the month at 05:00
        0 0 1 1 *                     on the 1st of January at 00:00
        0 0 * 6 *                     every day in June at 00:00
        0 0 1 */6 *                   on the 1st of January and July at 00:00
        0 4 13 * 5                    on the 13th of the month and on Fridays at 04:00
        0 4 */10 * 5                  on Fridays that are the 1st, 11th, 21st and 31st of the month at 04:00
        0 4 * jan,jul sun             Sundays in January and July at 04:00
        0 0 30 2 *                    on the 30th of February at 00:00
        ");
    }
}

use super::Provider;
use super::holding::{ASSUMED_CHANGE_PERCENT, Basis, Holding};
use crate::plan::Level;
use chrono::NaiveDate;
use std::fmt;

/// What must be known to read a figure rightly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// No size is known of these sources, which count as nothing.
    NoSize(Vec<String>),
    /// How much of these changes is assumed.
    AssumedChange(Vec<String>),
    /// The table has no prices for this, which is left out.
    NotPriced(Vec<&'static str>),
    /// The prices are those of another region than the plan's.
    OtherRegion {
        priced: String,
        plan: String,
    },
    OldPrices {
        provider: Provider,
        as_of: NaiveDate,
        days: i64,
    },
    Unconfirmed(Provider),
    /// Nothing is ever deleted: the figure is for the end of the first year.
    Growing,
    /// Objects of this class cannot be read without a thaw, so this level is not reckoned.
    Unreadable {
        level: Level,
        class: &'static str,
    },
    Provider {
        provider: Provider,
        note: String,
    },
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |names: &[String]| format!("`{}`", names.join("`, `"));
        match self {
            Self::NoSize(sources) => {
                write!(f, "no size is known of {}, counted as nothing: write `expect size=`", named(sources))
            }
            Self::AssumedChange(sources) => write!(
                f,
                "of {} {}% is taken to change a day: write `expect change=`",
                named(sources),
                ASSUMED_CHANGE_PERCENT
            ),
            Self::NotPriced(what) => write!(f, "no prices for {}, left out", what.join(", ")),
            Self::OtherRegion { priced, plan } => write!(f, "prices of region `{priced}`, the plan says `{plan}`"),
            Self::OldPrices { provider, as_of, days } => {
                write!(f, "the prices of {provider} are {days} days old ({as_of}): look them up before you decide")
            }
            Self::Unconfirmed(provider) => write!(f, "some prices of {provider} are not confirmed by a source"),
            Self::Growing => f.write_str("nothing is ever deleted: this is the month after the first year"),
            Self::Unreadable { level, class } => {
                write!(f, "{class} cannot be read without a thaw: `verify {level}` is not reckoned")
            }
            Self::Provider { provider, note } => write!(f, "{provider}: {note}"),
        }
    }
}

/// What the sizes leave open.
pub(super) fn notes_on(holdings: &[Holding]) -> Vec<Note> {
    let names = |is_meant: &dyn Fn(&Holding) -> bool| -> Vec<String> {
        holdings.iter().filter(|holding| is_meant(holding)).map(|holding| holding.source.clone()).collect()
    };
    let mut notes = Vec::new();
    let unknown = names(&|holding| holding.basis == Basis::Unknown);
    if !unknown.is_empty() {
        notes.push(Note::NoSize(unknown));
    }
    let assumed = names(&|holding| holding.is_change_assumed);
    if !assumed.is_empty() {
        notes.push(Note::AssumedChange(assumed));
    }
    if holdings.iter().any(|holding| holding.steady.is_growing) {
        notes.push(Note::Growing);
    }
    notes
}

use super::super::Subject;
use super::{Exposure, Loss};
use crate::base::format_duration;
use crate::diagnostics::{Diagnostic, Rule, Severity, Span, list_some};
use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::time::Duration;

pub(in super::super) static RPO: Rule = Rule {
    code: "plan::objectives::rpo",
    severity: Severity::Warning,
    title: "more work can be lost than the plan promises",
    why: "`rpo` is how much work may be lost. Just before a run ends, the newest backup is that of the run before it: \
          it lacks the whole interval, the jitter of the run, and the time that the run takes. So a backup every 4 h \
          does not keep `rpo=\"4h\"`. The longest interval of a year counts, with the night on which the clock is set \
          back. `plan check --explain objectives` shows the sums.",
    bad: r#"
plan example {
    objective rpo="4h"
    source data { include "/srv/data" }
    key ops {
        recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7" note="here"
        recipient "age16624qxwdsql46gdlcd6s0arwmncsz4cpc8lecys992ulq2azmumsg0et5g" note="safe"
    }
    tier cloud {
        store s3 { bucket backups; region eu-west-1 }
        encrypt ops
        schedule "0 */4 * * *" jitter="5m"
        take data
        keep daily=30
        lock governance for="30d"
        verify checksum
    }
    notify phone { ntfy (env)NTFY_URL }
}"#,
    good: r#"
plan example {
    objective rpo="4h"
    source data { include "/srv/data" }
    key ops {
        recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7" note="here"
        recipient "age16624qxwdsql46gdlcd6s0arwmncsz4cpc8lecys992ulq2azmumsg0et5g" note="safe"
    }
    tier cloud {
        store s3 { bucket backups; region eu-west-1 }
        encrypt ops
        schedule "0 */3 * * *" jitter="5m"
        take data
        keep daily=30
        lock governance for="30d"
        verify checksum
    }
    notify phone { ntfy (env)NTFY_URL }
}"#,
};
pub(in super::super) static RTO: Rule = Rule {
    code: "plan::objectives::rto",
    severity: Severity::Warning,
    title: "a restore takes longer than the plan promises",
    why: "`rto` is how long a restore may take. The class of the objects says how long they must be thawed, and the \
          size of the source (`expect`) and the line (`limit download=`, else 100 Mbit/s) how long they travel. \
          `plan check --explain objectives` shows the sums; a `drill` measures them.",
    bad: r#"
plan example {
    objective rto="30m"
    source data { include "/srv/data" }
    key ops {
        recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7" note="here"
        recipient "age16624qxwdsql46gdlcd6s0arwmncsz4cpc8lecys992ulq2azmumsg0et5g" note="safe"
    }
    tier cloud {
        mode full
        store s3 { bucket backups; region eu-west-1 }
        storage-class GLACIER
        encrypt ops
        schedule "0 2 * * 0"
        take data
        keep weekly=52
        lock governance for="30d"
        verify presence
    }
    notify phone { ntfy (env)NTFY_URL }
}"#,
    good: r#"
plan example {
    objective rto="30m"
    source data { include "/srv/data" }
    key ops {
        recipient "age19mr5hnqz5837vmcrp6yx729vhra3slk6v2dhqj8tvpxaf9n07cfsva5su7" note="here"
        recipient "age16624qxwdsql46gdlcd6s0arwmncsz4cpc8lecys992ulq2azmumsg0et5g" note="safe"
    }
    tier cloud {
        mode full
        store s3 { bucket backups; region eu-west-1 }
        storage-class GLACIER_IR
        encrypt ops
        schedule "0 2 * * 0"
        take data
        keep weekly=52
        lock governance for="30d"
        verify presence
    }
    notify phone { ntfy (env)NTFY_URL }
}"#,
};

/// What is said of one source: the least loss at which the promise is broken.
struct Broken<'a> {
    exposure: &'a Exposure,
    time: Duration,
    sum: String,
    span: Option<Span>,
}

/// Sources of which more can be lost than `rpo`.
pub(in super::super) fn work_that_can_be_lost(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let Some(rpo) = &subject.plan.objective.rpo else { return };
    let objectives = subject.objectives();
    let broken = first_broken(&objectives.exposures, |exposure| {
        let copy = exposure.freshest()?;
        let lost = copy.lost?;
        // A run takes some time, however little; a sum that leaves none for it is no proof.
        let run = if lost == rpo.value { ", and the run itself" } else { "" };
        let sum = format!("{}{run}", copy.because);
        (lost >= rpo.value).then_some(Broken { exposure, time: lost, sum, span: copy.schedule })
    });
    let Some(worst) = broken.iter().map(|broken| broken.time).max() else { return };
    let promised = format_duration(rpo.value);
    let who = whose(&broken, objectives.exposures.len() / Loss::ALL.len());
    let message = if worst == rpo.value {
        format!("{who} can lose {promised} and what changes while a run lasts, not the {promised} promised")
    } else {
        format!("{who} can lose {} of work, not the {promised} promised", up_to(&broken, worst))
    };
    let diagnostic = Diagnostic::new(&RPO, rpo.span, message).label("promised here");
    let diagnostic = explain(diagnostic, &broken);
    out.push(diagnostic.help(format!("back up more often than every {promised}, or promise what is kept")));
}

/// Sources that are not back within `rto`.
pub(in super::super) fn time_that_a_restore_takes(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    let Some(rto) = &subject.plan.objective.rto else { return };
    let objectives = subject.objectives();
    let broken = first_broken(&objectives.exposures, |exposure| {
        let copy = exposure.quickest()?;
        let back = copy.back?;
        let thaw = (!copy.thaw.is_zero()).then(|| format!("{} to thaw", format_duration(copy.thaw)));
        let transfer = (!copy.transfer.is_zero()).then(|| format!("{} to transfer", format_duration(copy.transfer)));
        let sum = thaw.into_iter().chain(transfer).collect::<Vec<_>>().join(" + ");
        (back > rto.value).then_some(Broken { exposure, time: back, sum, span: copy.class })
    });
    let Some(worst) = broken.iter().map(|broken| broken.time).max() else { return };
    let who = whose(&broken, objectives.exposures.len() / Loss::ALL.len());
    let (worst, promised) = (format_duration(worst), format_duration(rto.value));
    let message = format!("restoring {who} takes up to {worst}, not the {promised} promised");
    let diagnostic = Diagnostic::new(&RTO, rto.span, message).label("promised here");
    let diagnostic = explain(diagnostic, &broken);
    out.push(
        diagnostic
            .help("add a tier in a class that is read at once, nearer or on a faster line; or promise what is kept"),
    );
}

/// The sources by name where they are few.
fn whose(broken: &[Broken<'_>], of: usize) -> String {
    const NAMED: usize = 3;
    if broken.len() > NAMED {
        let all = if broken.len() == of { "all ".to_owned() } else { format!("{} of ", broken.len()) };
        return format!("{all}{of} sources");
    }
    list_some(broken.iter().map(|broken| broken.exposure.source.as_str()), "and")
}

fn up_to(broken: &[Broken<'_>], worst: Duration) -> String {
    let lead = if broken.iter().all(|one| one.time == worst) { "" } else { "up to " };
    format!("{lead}{}", format_duration(worst))
}

/// For each source the least loss at which `broken` finds something. A source
/// that a loss takes altogether is another rule's.
fn first_broken<'a>(exposures: &'a [Exposure], broken: impl Fn(&'a Exposure) -> Option<Broken<'a>>) -> Vec<Broken<'a>> {
    let mut told: HashSet<&str> = HashSet::new();
    let mut found: Vec<Broken<'a>> = Vec::new();
    // What is lost with credentials is told by the rule on credentials.
    for exposure in exposures.iter().filter(|exposure| exposure.loss != Loss::Credentials) {
        if !told.contains(exposure.source.as_str())
            && let Some(broken) = broken(exposure)
        {
            told.insert(&exposure.source);
            found.push(broken);
        }
    }
    found
}

/// Those with the same key together, in the order of the first of each; no group is empty.
fn alike<'a, 'b, K: Copy + Eq + Hash>(
    broken: &'a [Broken<'b>],
    key: impl Fn(&'a Broken<'b>) -> K,
) -> Vec<(K, Vec<&'a Broken<'b>>)> {
    let mut places: HashMap<K, usize> = HashMap::new();
    let mut groups: Vec<(K, Vec<&Broken<'_>>)> = Vec::new();
    for one in broken {
        let key = key(one);
        let place = *places.entry(key).or_insert(groups.len());
        match groups.get_mut(place) {
            Some((_, group)) => group.push(one),
            None => groups.push((key, vec![one])),
        }
    }
    groups
}

/// A label at each schedule or class involved, and the sum for each source.
fn explain(mut diagnostic: Diagnostic, broken: &[Broken<'_>]) -> Diagnostic {
    let names = |alike: Vec<&Broken<'_>>| list_some(alike.iter().map(|one| one.exposure.source.as_str()), "and");
    for (span, sharing) in alike(broken, |one| one.span) {
        if let Some(span) = span {
            diagnostic = diagnostic.also(span, names(sharing));
        }
    }
    for (_, alike) in alike(broken, |one| (one.exposure.loss, one.sum.as_str())) {
        let one = alike[0];
        let names = names(alike);
        let after = match one.exposure.loss {
            Loss::File => String::new(),
            loss => format!(" after the loss of {loss}"),
        };
        let total = format_duration(one.time);
        let sum = if one.sum.contains(" + ") { format!("{} = {total}", one.sum) } else { one.sum.clone() };
        diagnostic = diagnostic.note(format!("{names}{after}: {sum}"));
    }
    diagnostic
}

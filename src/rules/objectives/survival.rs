use super::super::Subject;
use super::super::figures::Figures;
use super::super::job::{Job, Jobs};
use super::Loss;
use crate::base::format_duration;
use crate::diagnostics::{Diagnostic, Rule, Severity, Span, list_some};
use crate::plan::{Plan, Source};
use std::collections::HashSet;
use std::time::Duration;

pub(in super::super) static DISK: Rule = Rule {
    code: "plan::objectives::disk",
    severity: Severity::Warning,
    title: "a backup dies with the disk that it is of",
    why: "Disks fail whole. A copy on the same disk helps against a deleted file, and against nothing else. A folder \
          under `/media`, `/mnt`, `/run/media` or `/Volumes` is taken to be another disk.",
    bad: r#"
tier disk {
    store fs { root "/backups" }
    encrypt ops
    schedule "0 2 * * *"
    take data
    keep daily=30
    verify contents
}"#,
    good: r#"
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    encrypt ops
    schedule "0 2 * * *"
    take data
    keep daily=30
    verify contents
}"#,
};
pub(in super::super) static SITE: Rule = Rule {
    code: "plan::objectives::site",
    severity: Severity::Warning,
    title: "one fire takes the data and all its backups",
    why: "Fire, flood, lightning and burglars take everything in a house at once: the machine, the disk on the desk, the \
          server in the next room. One copy belongs elsewhere. Private addresses and names such as `nas.local` are \
          taken to be in the house.",
    bad: r#"
tier disk {
    store fs { root "/media/backup" }
    encrypt ops
    schedule "0 2 * * *"
    take data
    keep daily=30
    verify contents
}"#,
    good: r#"
tier disk {
    store fs { root "/media/backup" }
    encrypt ops
    schedule "0 2 * * *"
    take data
    keep daily=30
    verify contents
}
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    encrypt ops
    schedule "0 3 * * *"
    take data
    keep daily=30
    verify presence
}"#,
};
pub(in super::super) static CREDENTIALS: Rule = Rule {
    code: "plan::objectives::credentials",
    severity: Severity::Advice,
    title: "stolen credentials can delete every backup",
    why: "Whoever takes over this machine has the rights that it backs up with. Intruders delete the backups before \
          they ask for money. With `lock` the store itself refuses to delete an object before its time, whoever asks; \
          or give this machine credentials that can write and not delete, and prune from elsewhere (`plan policy`).",
    bad: r#"
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    encrypt ops
    schedule "0 2 * * *"
    take data
    keep daily=30
    verify contents
}"#,
    good: r#"
tier cloud {
    store s3 { bucket backups; region eu-west-1 }
    encrypt ops
    schedule "0 2 * * *"
    take data
    keep daily=30
    lock governance for="30d"
    verify contents
}"#,
};

/// One copy of a source that survives a loss.
#[derive(Clone, Debug)]
pub struct Copy {
    pub tier: String,
    /// At most so much work is not in it; `None`: it has no schedule.
    pub lost: Option<Duration>,
    /// How that comes about: `4h between runs, 5m jitter`.
    pub because: String,
    /// Until everything is back, at most; `None`: not known.
    pub back: Option<Duration>,
    /// Until the first byte can be read.
    pub thaw: Duration,
    /// Of what is transferred; zero where no size is known.
    pub transfer: Duration,
    /// Where its schedule stands.
    pub(super) schedule: Option<Span>,
    pub(super) class: Option<Span>,
}

/// A source and a loss: what is left, and what that is worth.
#[derive(Clone, Debug)]
pub struct Exposure {
    pub source: String,
    pub loss: Loss,
    /// In the order of the plan.
    pub copies: Vec<Copy>,
    pub(super) span: Span,
}

impl Exposure {
    /// The copy with the least work lost.
    pub fn freshest(&self) -> Option<&Copy> {
        self.copies.iter().filter(|copy| copy.lost.is_some()).min_by_key(|copy| copy.lost)
    }

    /// The copy that is back first.
    pub fn quickest(&self) -> Option<&Copy> {
        self.copies.iter().filter(|copy| copy.back.is_some()).min_by_key(|copy| copy.back)
    }
}

/// What each job's newest snapshot is worth; in the order of the jobs.
pub(super) fn copies(plan: &Plan, jobs: &Jobs<'_>, figures: &Figures<'_>) -> Vec<Copy> {
    jobs.iter()
        .map(|job| {
            let (lost, because) = lost(plan, job, jobs, figures);
            let times = figures.restore_time(job.tier, &job.take.source.value);
            let (thaw, transfer) = times.unwrap_or_default();
            Copy {
                tier: job.tier.name.value.clone(),
                lost,
                because,
                back: times.map(|(thaw, transfer)| thaw.saturating_add(transfer)),
                thaw,
                transfer,
                schedule: job.timetable.as_ref().map(|(schedule, _)| schedule.cron.span),
                class: job.tier.storage_class.as_ref().map(|class| class.span),
            }
        })
        .collect()
}

/// What a loss leaves of a source. `copies` are those of the jobs, in their order.
pub(super) fn exposure(source: &Source, loss: Loss, jobs: &Jobs<'_>, copies: &[Copy]) -> Exposure {
    let left = jobs.of_source(&source.name.value).filter(|(_, job)| loss.spares(job.tier));
    let copies = left.map(|(at, _)| copies[at].clone()).collect();
    Exposure { source: source.name.value.clone(), loss, copies, span: source.name.span }
}

/// The most work that a job's newest snapshot can lack, and the sum that gives it.
///
/// Just before a run ends, the newest snapshot is that of the run before: it
/// began a whole interval ago, and the one that would replace it began as late
/// as its jitter allows and is as long as a run takes.
fn lost(plan: &Plan, job: &Job<'_>, jobs: &Jobs<'_>, figures: &Figures<'_>) -> (Option<Duration>, String) {
    let Some((schedule, _)) = &job.timetable else { return (None, "no schedule".to_owned()) };
    let Some(gap) = job.longest_gap() else { return (None, "no schedule".to_owned()) };
    let mut total = gap.length();
    let mut parts = vec![format!("{} between runs", format_duration(gap.length()))];
    if let Some(usual) = job.usual_gap().filter(|usual| *usual < gap.length()) {
        let day = gap.end.with_timezone(&plan.timezone.value).format("%Y-%m-%d");
        parts[0] = format!(
            "{} between runs (usually {}, longest until {day})",
            format_duration(gap.length()),
            format_duration(usual)
        );
    }
    if let Some(jitter) = &schedule.jitter {
        total += jitter.value;
        parts.push(format!("{} jitter", format_duration(jitter.value)));
    }
    let run = figures.upload_time(job.tier, &job.take.source.value);
    if !run.is_zero() {
        total += run;
        parts.push(format!("{} to send what changed", format_duration(run)));
    }
    // A copy is at most as fresh as what it copies.
    let from = job.tier.from.as_ref().and_then(|from| {
        let mut of_source = jobs.of_source(&job.take.source.value).map(|(_, other)| other);
        of_source.find(|other| other.tier.name.value == from.value)
    });
    // A circle of copies is reported elsewhere; one step is enough for the rest.
    if let Some(from) = from.filter(|from| from.tier.from.is_none()) {
        let (older, because) = lost(plan, from, jobs, figures);
        match older {
            None => return (None, because),
            Some(older) => {
                total += older;
                parts.push(format!("{} that `{}` may lack", format_duration(older), from.tier.name.value));
            }
        }
    }
    (Some(total), parts.join(" + "))
}

/// Sources of which a loss leaves nothing. Each is reported for the least loss that does.
pub(in super::super) fn sources_that_a_loss_takes(subject: &Subject<'_>, out: &mut Vec<Diagnostic>) {
    if !subject.is_whole() {
        return;
    }
    let objectives = subject.objectives();
    // Of the losses that were looked at before.
    let mut told: HashSet<&str> = HashSet::new();
    for (loss, rule) in [(Loss::Disk, &DISK), (Loss::Site, &SITE), (Loss::Credentials, &CREDENTIALS)] {
        let takes = objectives.exposures.iter().filter(|e| e.loss == loss && e.copies.is_empty());
        let gone: Vec<_> = takes.filter(|exposure| told.insert(&exposure.source)).collect();
        let Some(first) = gone.first() else { continue };
        let names = list_some(gone.iter().map(|exposure| exposure.source.as_str()), "and");
        let (message, help) = match loss {
            Loss::Disk => (
                format!("if this disk fails, {names} and every backup of it are gone"),
                "add a tier on another disk, or elsewhere",
            ),
            Loss::Site => (
                format!("if the house burns, {names} and every backup of it are gone"),
                "add a tier elsewhere: a bucket, or a machine in another place",
            ),
            Loss::Credentials | Loss::File => (
                format!("whoever takes over this machine can delete every backup of {names}"),
                "add `lock governance for=\"30d\"` to a tier whose store has it, or credentials that cannot delete",
            ),
        };
        let mut diagnostic = Diagnostic::new(rule, first.span, message);
        for other in &gone[1..] {
            diagnostic = diagnostic.also(other.span, "");
        }
        out.push(diagnostic.help(help));
    }
}

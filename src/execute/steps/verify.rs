use super::{Done, store, tier};
use crate::archive::Identities;
use crate::base::{Percent, counted};
use crate::compile::JobName;
use crate::execute::failure;
use crate::execute::run::Run;
use crate::plan::Level;
use crate::report::{Failure, FailureKind, VerifyReport};
use crate::repository::{self, Catalogue, Repository, VerifyLevel, VerifyOutcome, VerifyProgress, VerifyRequest};

/// One `verify` of a tier, for one of its sources.
#[derive(Clone, Copy)]
pub(in crate::execute) struct Verification {
    pub level: Level,
    pub sample: Option<Percent>,
    /// The place in the tier's list.
    pub index: usize,
    /// On its own schedule, so all that is stored is looked at; else what this run wrote.
    pub scheduled: bool,
}

const NO_IDENTITY: &str =
    "there is no identity on this host, so the content could not be decrypted: stored bytes were checked instead";

pub(in crate::execute) fn verify(run: &Run<'_>, job: &JobName, verification: Verification) -> Done {
    let tier = tier(run, &job.tier)?;
    let store = store(run, tier, &job.source)?;
    let repository = Repository::open(&store).map_err(|error| failure::of_repository(&error))?;
    let mut verification = verification;
    let mut identities = None;
    if verification.level == Level::Contents {
        match run.site.identities(tier, &|_| None) {
            Ok(found) => identities = found,
            // A host that can only write checks what can be checked without a key, and says so.
            Err(_) => {
                verification = Verification { level: Level::Checksum, sample: None, ..verification };
                run.with_job(job, |report| {
                    if !report.notes.iter().any(|known| known == NO_IDENTITY) {
                        report.notes.push(NO_IDENTITY.to_owned());
                    }
                });
            }
        }
    }
    let started = run.site.context.now();
    let outcome = look(run, job, &repository, identities.as_ref(), verification)?;
    run.with_job(job, |report| {
        report.verifications.push(VerifyReport {
            level: verification.level,
            sample: verification.sample.map(|sample| sample.to_string()),
            objects: outcome.objects,
            bytes: outcome.bytes,
        });
        if outcome.archived > 0 {
            let objects = counted(outcome.archived, "archived object");
            report.notes.push(format!("not read: {objects}, which must be thawed first"));
        }
    });
    let mut state = run.state.borrow_mut();
    if verification.scheduled {
        // Also where damage was found: it was looked at, and is looked at again when it is due again.
        state.set_verified(job, verification.index, started);
    }
    if !outcome.is_good() {
        return Err(damage(&outcome));
    }
    state.job_mut(job).last_verify = Some(started);
    Ok(())
}

fn look(
    run: &Run<'_>,
    job: &JobName,
    repository: &Repository,
    identities: Option<&Identities>,
    verification: Verification,
) -> Result<VerifyOutcome, Failure> {
    let catalogue = Catalogue::new(repository, identities);
    let mut snapshots = catalogue.snapshots(Some(&job.source)).map_err(|error| failure::of_repository(&error))?;
    let own = run.with_job(job, |report| report.run.clone()).filter(|_| !verification.scheduled);
    // A copy has the snapshots of the tier that it copies, none of its own run.
    let is_copy = run.plan().tier(&job.tier).is_some_and(|tier| tier.from.is_some());
    let own = own.filter(|_| !is_copy);
    if let Some(own) = &own {
        snapshots.retain(|info| info.run == *own);
    }
    let sources = [job.source.clone()];
    let mut known = match run.plan().tier(&job.tier) {
        Some(tier) => run.site.known_runs(tier, repository, &job.source, &run.state.borrow()),
        None => Vec::new(),
    };
    known.retain(|known| known.source == job.source);
    let request = VerifyRequest {
        snapshots: &snapshots,
        only_run: own.as_ref(),
        sources: &sources,
        known: &known,
        now: run.site.context.now(),
        level: match verification.level {
            Level::Presence => VerifyLevel::Presence,
            Level::Checksum => VerifyLevel::Checksum,
            Level::Contents => VerifyLevel::Contents,
        },
        sample: verification.sample.unwrap_or(Percent::ALL),
        seed: run.site.context.random_u64(),
        threads: 0,
        cancel: run.options.cancel.clone(),
        progress: &VerifyProgress::default(),
    };
    let tier = run.plan().tier(&job.tier);
    let outcome = repository::verify(&catalogue, &request).map_err(|error| match tier {
        Some(tier) => failure::of_reading(&error, run.site, tier),
        None => failure::of_repository(&error),
    })?;
    if let Some(tier) = tier {
        repository::remember_damage(&run.site.tier_state(tier, &job.source), &outcome, false)
            .map_err(|error| failure::of_repository(&error))?;
    }
    Ok(outcome)
}

const DAMAGE: &str = "`plan verify` lists all damage, `plan repair` mends what can be mended";

/// A verification that found something wrong.
fn damage(outcome: &VerifyOutcome) -> Failure {
    let Some(first) = outcome.problems.first() else {
        return Failure::new(FailureKind::Damaged, "stored objects are damaged");
    };
    let more = match outcome.problems.len() - 1 {
        0 => String::new(),
        1 => ", and 1 more object is damaged".to_owned(),
        count => format!(", and {count} more objects are damaged"),
    };
    let message = format!("`{}` is damaged: {}{more}", first.object, first.problem);
    let help = match &first.snapshots[..] {
        [] => DAMAGE.to_owned(),
        snapshots => format!("snapshots that need it: {}; {DAMAGE}", snapshots.join(", ")),
    };
    Failure { help: Some(help), ..Failure::new(FailureKind::Damaged, message) }
}

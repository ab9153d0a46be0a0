use super::Draft;
use crate::compile::step::{Action, Step, Upload};
use crate::compile::{JobName, Needs, NodeId};
use crate::plan::{Encryption, Schedule, Tier, Verify};

/// Each job becomes a chain: archive (or copy) → encrypt → upload → verify →
/// prune, each step needing the success of the one before it. So nothing is
/// pruned unless what was just written, and whatever else is verified in this
/// run, is good.
pub(super) fn chain_jobs(draft: &mut Draft) {
    for at in 0..draft.jobs.len() {
        let (name, backup) = (draft.jobs[at].job.name.clone(), draft.jobs[at].backup);
        let Some(tier) = draft.plan.tier(&name.tier) else { continue };
        let from = draft.jobs[at].job.from.clone();
        let mut chain = Chain { draft, name: &name, steps: Vec::new() };
        if backup {
            chain.write(tier, from);
        }
        chain.verify(tier, backup);
        if let (true, Some(keep)) = (backup, &tier.keep) {
            chain.push("prune", Action::Prune(Box::new(keep.clone())), None);
        }
        let steps = chain.steps;
        draft.jobs[at].chain = steps;
    }
}

struct Chain<'d, 'a> {
    draft: &'d mut Draft<'a>,
    name: &'d JobName,
    steps: Vec<NodeId>,
}

impl Chain<'_, '_> {
    fn push(&mut self, id: &str, action: Action, schedule: Option<Schedule>) {
        let step = self.draft.add(format!("{}/{id}", self.name), Some(self.name.clone()), action, schedule);
        if let Some(last) = self.steps.last() {
            self.draft.graph.add_edge(*last, step, Needs::Success);
        }
        self.steps.push(step);
    }

    fn write(&mut self, tier: &Tier, from: Option<String>) {
        match from {
            Some(from) => self.push("copy", Action::Copy { from }, None),
            None => {
                let volume_size = tier.volume_size.as_ref().map(|size| size.value);
                let (mode, compression) = (tier.mode.value, tier.compression.value);
                self.push("archive", Action::Archive { mode, compression, volume_size }, None);
                let before = self.draft.before.get(&self.name.source).cloned().unwrap_or_default();
                self.draft.add_edges(&before, self.steps[0], Needs::Success);
            }
        }
        if let Encryption::Key(key) = &tier.encryption {
            let recipients = self.draft.plan.key(key).map_or(0, |key| key.recipients.len());
            self.push("encrypt", Action::Encrypt { key: key.value.clone(), recipients }, None);
        }
        self.push("upload", Action::Upload(Box::new(Upload::of(tier))), None);
    }

    /// First what is verified after every upload, then what has a schedule of its own.
    fn verify(&mut self, tier: &Tier, backup: bool) {
        let verifications = || tier.verify.iter().enumerate();
        if backup {
            for (index, verify) in verifications().filter(|(_, verify)| verify.schedule.is_none()) {
                self.push_verify(index, verify);
            }
        }
        for (index, verify) in verifications().filter(|(_, verify)| verify.schedule.is_some()) {
            if self.draft.selection.verifications.contains(&(self.name.clone(), index)) {
                self.push_verify(index, verify);
            }
        }
    }

    fn push_verify(&mut self, index: usize, verify: &Verify) {
        let level = verify.level.value;
        let sample = verify.sample.as_ref().map(|sample| sample.value);
        let id =
            if verify.schedule.is_some() { format!("verify-{level}-scheduled") } else { format!("verify-{level}") };
        self.push(&id, Action::Verify { level, sample, index }, verify.schedule.clone());
    }
}

/// The last step of a chain before its prune: what others may build on.
pub(super) fn last_before_prune<'s>(chain: &[NodeId], step: impl Fn(NodeId) -> &'s Step) -> Option<NodeId> {
    chain.iter().rev().copied().find(|id| !matches!(step(*id).action, Action::Prune(_)))
}

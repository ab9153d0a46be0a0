use super::StoreErrorKind;
use crate::base::Cancellation;
use std::sync::Mutex;

/// A kind of call on a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    Create,
    Finish,
    Put,
    Read,
    Stat,
    List,
    Delete,
}

/// What a fault does to the call that it meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing is done, and the call fails.
    Fail(StoreErrorKind),
    /// It is done, and the call fails: the answer was lost.
    LoseAnswer(StoreErrorKind),
    /// Nothing is done, now or later: the process is as good as dead.
    Crash,
}

#[derive(Clone, Copy, Debug)]
enum Trigger {
    /// The n-th call from 1, of this kind or of any.
    Call(Option<Call>, u64),
    /// The write that passes this many bytes, all objects together.
    Bytes(u64),
}

/// Faults that a store is to have, and a count of the calls made on it.
///
/// For "the n-th call fails, for each n": run once with [`Faults::none`], ask
/// for [`Faults::calls`], then run once for each n with [`Faults::on_call`].
#[derive(Debug, Default)]
pub struct Faults {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    faults: Vec<(Trigger, Effect)>,
    cancel: Option<(u64, Cancellation)>,
    seen: Vec<Call>,
    written_bytes: u64,
    has_crashed: bool,
}

/// What a call must do when it meets its faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Proceed,
    Fail(StoreErrorKind),
    ProceedThenFail(StoreErrorKind),
}

impl Faults {
    pub fn none() -> Self {
        Self::default()
    }

    /// At the n-th call of any kind, from 1.
    pub fn on_call(n: u64, effect: Effect) -> Self {
        Self::none().and(Trigger::Call(None, n), effect)
    }

    /// At the n-th call of this kind, from 1.
    pub fn on(call: Call, n: u64, effect: Effect) -> Self {
        Self::none().and(Trigger::Call(Some(call), n), effect)
    }

    /// At the write that brings the bytes of all objects together above `bytes`.
    pub fn after_bytes(bytes: u64, effect: Effect) -> Self {
        Self::none().and(Trigger::Bytes(bytes), effect)
    }

    /// None, but at the n-th call of any kind, from 1, somebody asks to stop. The call is done.
    pub fn cancelling(n: u64, cancel: &Cancellation) -> Self {
        let faults = Self::none();
        faults.state().cancel = Some((n, cancel.clone()));
        faults
    }

    fn and(self, trigger: Trigger, effect: Effect) -> Self {
        self.state().faults.push((trigger, effect));
        self
    }

    /// How many calls were made.
    pub fn calls(&self) -> u64 {
        self.state().seen.len() as u64
    }

    /// How many of these were made.
    pub fn calls_of(&self, call: Call) -> u64 {
        self.state().seen.iter().filter(|seen| **seen == call).count() as u64
    }

    pub fn has_crashed(&self) -> bool {
        self.state().has_crashed
    }

    pub(super) fn at_call(&self, call: Call) -> Verdict {
        let mut state = self.state();
        state.seen.push(call);
        let of_any = state.seen.len() as u64;
        if let Some((_, cancel)) = state.cancel.as_ref().filter(|(n, _)| *n == of_any) {
            cancel.cancel();
        }
        let of_kind = state.seen.iter().filter(|seen| **seen == call).count() as u64;
        state.judge(|trigger| match trigger {
            Trigger::Call(None, n) => n == of_any,
            Trigger::Call(Some(kind), n) => kind == call && n == of_kind,
            Trigger::Bytes(_) => false,
        })
    }

    pub(super) fn at_bytes(&self, bytes: u64) -> Verdict {
        let mut state = self.state();
        let before = state.written_bytes;
        state.written_bytes += bytes;
        let after = state.written_bytes;
        state.judge(|trigger| matches!(trigger, Trigger::Bytes(limit) if before <= limit && limit < after))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics while it holds the faults")
    }
}

impl State {
    fn judge(&mut self, applies: impl Fn(Trigger) -> bool) -> Verdict {
        let effect = self.faults.iter().find(|(trigger, _)| applies(*trigger)).map(|(_, effect)| *effect);
        if effect == Some(Effect::Crash) {
            self.has_crashed = true;
        }
        match effect {
            _ if self.has_crashed => Verdict::Fail(StoreErrorKind::Unexpected),
            None => Verdict::Proceed,
            Some(Effect::Fail(kind)) => Verdict::Fail(kind),
            Some(Effect::LoseAnswer(kind)) => Verdict::ProceedThenFail(kind),
            Some(Effect::Crash) => unreachable!("a crash was noted above"),
        }
    }
}

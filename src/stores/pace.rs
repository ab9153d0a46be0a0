use crate::base::Rate;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// Keeps a stream of bytes at a rate, shared by all who move bytes.
///
/// A virtual queue: each taker is told to wait until the bytes before its own
/// would have passed. Idle time is not saved up, so there is no burst after it.
pub(super) struct Pace {
    rate: Option<Rate>,
    free_at: Mutex<Option<Instant>>,
    #[cfg(test)]
    passed: std::sync::atomic::AtomicU64,
}

impl Pace {
    pub(super) fn new(rate: Option<Rate>) -> Self {
        Self {
            rate,
            free_at: Mutex::new(None),
            #[cfg(test)]
            passed: Default::default(),
        }
    }

    /// Returns when `bytes` more may pass.
    pub(super) fn take(&self, bytes: usize) {
        if self.rate.is_some() {
            let wait = self.reserve(bytes, Instant::now());
            if !wait.is_zero() {
                thread::sleep(wait);
            }
        }
    }

    /// How long someone who comes at `now` with `bytes` must wait.
    fn reserve(&self, bytes: usize, now: Instant) -> Duration {
        let Some(rate) = self.rate else { return Duration::ZERO };
        let mut free_at = self.free_at.lock().expect("no thread panics while it holds the pace");
        let start = free_at.map_or(now, |t| t.max(now));
        *free_at = Some(start + Duration::from_secs_f64(bytes as f64 / rate.bytes_per_second as f64));
        #[cfg(test)]
        self.passed.fetch_add(bytes as u64, std::sync::atomic::Ordering::Relaxed);
        start - now
    }

    /// Bytes that had to keep the rate.
    #[cfg(test)]
    pub(super) fn passed(&self) -> u64 {
        self.passed.load(std::sync::atomic::Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_wait_for_those_before_them_and_idle_time_is_not_saved_up() {
        let pace = Pace::new(Some(Rate { bytes_per_second: 1000 }));
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        assert_eq!(pace.reserve(500, start), Duration::ZERO);
        assert_eq!(pace.reserve(500, start), Duration::from_millis(500));
        assert_eq!(pace.reserve(1000, after(250)), Duration::from_millis(750));
        assert_eq!(pace.reserve(1000, after(60_000)), Duration::ZERO);
        assert_eq!(pace.reserve(1, after(60_000)), Duration::from_secs(1));
    }
}

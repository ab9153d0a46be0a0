use super::{Clock, Timestamp};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;

/// The process's environment variables as they were when it started.
pub type Environment = BTreeMap<String, String>;

/// Everything that differs from one invocation to the next and that the
/// library therefore must be given: the time, randomness, the environment.
///
/// `main` makes one from the real world; a test makes one that never changes.
#[derive(Clone)]
pub struct Context {
    pub clock: Arc<dyn Clock>,
    pub environment: Environment,
    /// The user's home folder; `~/` in a plan means this.
    pub home: PathBuf,
    /// Where local state lives when a plan does not say (`$XDG_STATE_HOME/plan`).
    pub state: PathBuf,
    /// Where a relative path on the command line starts.
    pub working_directory: PathBuf,
    pub host: String,
    /// `None`: from the operating system. `Some`: a counter that a test seeds.
    pub seed: Option<Arc<Mutex<u64>>>,
}

impl Context {
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str)
    }

    /// Random bits for ids and sampling. Never for keys: those come from `age`.
    pub fn random_u64(&self) -> u64 {
        let Some(seed) = &self.seed else {
            return getrandom::u64().expect("the operating system gives random bytes");
        };
        let mut state = seed.lock().expect("no thread panics while it holds the seed");
        // SplitMix64 (Steele, Lea, Flood 2014): one addition, well mixed.
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

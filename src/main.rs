//! Wires the real world (clock, environment, host, arguments) to [`plan::cli`].
//!
//! The variables `PLAN_NOW` (RFC 3339), `PLAN_SEED` (a number) and `PLAN_HOST`
//! pin what a test must not leave to chance.

use plan::base::{Clock, Context, Environment, FixedClock, SystemClock};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};

fn main() -> ExitCode {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    set_up_allocator();
    let exit = match real_context() {
        Ok(context) => plan::cli::run(std::env::args_os(), &context),
        Err(message) => plan::cli::refuse_environment(std::env::args_os(), &message),
    };
    ExitCode::from(exit.code())
}

/// What one thread frees another may use. glibc gives each thread an arena of its own,
/// and buffers of megabytes go from thread to thread here: with two arenas a first
/// backup of 3.7 GB had a peak of 205 MB instead of 244, in the same time. And what is as
/// large as half a frame goes back to the kernel when it is freed, instead of leaving a
/// hole; what of that size is used again and again is kept by those who use it.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn set_up_allocator() {
    const ARENAS: i32 = 2;
    const MAPPED_BYTES: i32 = 4 << 20;
    // SAFETY: sets numbers inside the allocator, before there is a second thread. Where
    // it refuses, all stays as it was.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, ARENAS);
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_BYTES);
    }
}

fn real_context() -> Result<Context, String> {
    let environment: Environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let variable = |name: &str| environment.get(name).filter(|value| !value.is_empty());

    let clock: Arc<dyn Clock> = match variable("PLAN_NOW") {
        None => Arc::new(SystemClock),
        Some(text) => {
            let time = chrono::DateTime::parse_from_rfc3339(text)
                .map_err(|_| format!("PLAN_NOW is `{text}`, which is not a time such as `2026-11-24T02:00:00Z`"))?;
            Arc::new(FixedClock(time.to_utc()))
        }
    };
    let seed = match variable("PLAN_SEED") {
        None => None,
        Some(text) => {
            let seed = text.parse().map_err(|_| format!("PLAN_SEED is `{text}`, which is not a number"))?;
            Some(Arc::new(Mutex::new(seed)))
        }
    };
    let home = std::env::home_dir()
        .filter(|home| home.is_absolute())
        .ok_or("the home folder is not known; set HOME to an absolute path")?;
    // The XDG specification: a relative path in it is to be ignored.
    let state_home = variable("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let state = state_home.unwrap_or_else(|| home.join(".local/state")).join("plan");
    let working_directory = std::env::current_dir().map_err(|e| format!("the current folder cannot be used: {e}"))?;
    let host = match variable("PLAN_HOST") {
        Some(host) => host.clone(),
        None => rustix::system::uname().nodename().to_string_lossy().into_owned(),
    };
    Ok(Context { clock, home, state, working_directory, host, seed, environment })
}

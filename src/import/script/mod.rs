//! Crontabs and shell scripts: what they back up, where to, and when.
//!
//! A script is traced (`shell/`), its commands are understood one by one
//! (`tar`, dumps, uploads, ciphers, clean-ups, checks, messages), and what they
//! say together becomes sources and tiers: an archive is a source, the place
//! that it ends in a tier, the line of the crontab its schedule.

mod analyse;
mod assemble;
mod channel;
mod crontab;
mod dump;
mod encrypt;
mod engine;
mod expiry;
mod findings;
mod hook;
mod options;
mod paths;
mod place;
mod tar;
mod transfer;
mod unwrap;

pub(super) use assemble::read;
pub(super) use crontab::merged;
pub(super) use dump::looks_secret;
pub(super) use engine::{check, push_keep, size};
pub(super) use hook::{Hook, hook, schedule_of_program, zone_of};
pub(super) use paths::{before_pattern, tidy};
pub(super) use transfer::{ssh_key, with_port};

/// Whether a line looks like one of a crontab.
pub(super) fn is_crontab_line(line: &str) -> bool {
    crontab::is_job(line)
}

//! Standing back for other work of the machine.

use crate::plan::Nice;
use std::io;

/// `IOPRIO_CLASS_IDLE`, `IOPRIO_CLASS_SHIFT` and `IOPRIO_WHO_PROCESS` of linux/ioprio.h.
const IDLE_CLASS: libc::c_int = 3;
const CLASS_SHIFT: u32 = 13;
const WHO_PROCESS: libc::c_int = 1;

/// Lowers the priority of the calling thread. Threads and programs that it
/// starts from then on inherit it; threads that are there already keep theirs.
/// Never raises one, and a lowered one cannot be raised again without a special right.
pub(super) fn lower(nice: Nice) -> io::Result<()> {
    // Linux keeps both for each thread, in spite of the names; 0 is the calling one.
    let wanted = i32::try_from(nice.level).unwrap_or(i32::MAX);
    if rustix::process::getpriority_process(None)? < wanted {
        rustix::process::setpriority_process(None, wanted)?;
    }
    if nice.io_idle {
        // SAFETY: the call takes three numbers and touches no memory.
        let done = unsafe { libc::syscall(libc::SYS_ioprio_set, WHO_PROCESS, 0, IDLE_CLASS << CLASS_SHIFT) };
        if done != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// Level and disk class of the calling thread, as the kernel tells them.
    fn current() -> (i64, libc::c_long) {
        let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
        // The fields after the name, which may hold anything: field 3 is the first of them (proc_pid_stat(5)).
        let fields = stat.rsplit_once(')').unwrap().1;
        let nice = fields.split_whitespace().nth(19 - 3).unwrap().parse().unwrap();
        // SAFETY: the call takes two numbers and touches no memory.
        let class = unsafe { libc::syscall(libc::SYS_ioprio_get, WHO_PROCESS, 0) } >> CLASS_SHIFT;
        (nice, class)
    }

    #[test]
    fn a_thread_and_what_it_starts_stand_back_and_others_do_not() {
        let before = current();
        let lowered = thread::spawn(|| {
            lower(Nice { level: 7, io_idle: false }).unwrap();
            let first = current();
            lower(Nice { level: 12, io_idle: true }).unwrap();
            let child = thread::spawn(current).join().unwrap();
            // Not raised again.
            lower(Nice { level: 3, io_idle: false }).unwrap();
            (first.0, child, current())
        });
        let (first, child, last) = lowered.join().unwrap();
        assert_eq!(first, before.0.max(7));
        assert_eq!(child, (before.0.max(12), i64::from(IDLE_CLASS)));
        assert_eq!((last, current()), (child, before));
    }
}

/// How a command ended, as the shell sees it.
///
/// This is the one table of exit codes; the help and the manual print it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Done = 0,
    Failed = 1,
    Changes = 2,
    Partial = 3,
    NoRepository = 10,
    Locked = 11,
    WrongKey = 12,
    Usage = 64,
    InvalidPlan = 65,
    TryLater = 75,
    Cancelled = 130,
}

impl Exit {
    /// Every code with what it means, in order.
    pub const TABLE: [(Exit, &'static str); 11] = [
        (Exit::Done, "done, or nothing was due"),
        (Exit::Failed, "failed"),
        (Exit::Changes, "with --detailed-exitcode only: there are changes"),
        (Exit::Partial, "partial: a snapshot exists, but something could not be read or one tier failed"),
        (Exit::NoRepository, "there is no repository in the store"),
        (Exit::Locked, "another run of this plan holds the lock"),
        (Exit::WrongKey, "no key, or the wrong key"),
        (Exit::Usage, "the command line is wrong"),
        (Exit::InvalidPlan, "the plan is invalid"),
        (Exit::TryLater, "try later: the store is busy or the data must be thawed first"),
        (Exit::Cancelled, "cancelled"),
    ];

    /// The word for it in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Changes => "changes",
            Self::Partial => "partial",
            Self::NoRepository => "no_repository",
            Self::Locked => "locked",
            Self::WrongKey => "wrong_key",
            Self::Usage => "usage",
            Self::InvalidPlan => "invalid_plan",
            Self::TryLater => "try_later",
            Self::Cancelled => "cancelled",
        }
    }

    pub fn code(self) -> u8 {
        self as u8
    }
}

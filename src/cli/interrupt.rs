use crate::base::Cancellation;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

/// Asked to stop by Ctrl-C or by `kill`: the work under way ends cleanly, and
/// earlier snapshots stay as they are. A second time ends the process at once.
pub(super) fn cancellation() -> Cancellation {
    static CANCEL: OnceLock<Cancellation> = OnceLock::new();
    CANCEL
        .get_or_init(|| {
            let cancel = Cancellation::default();
            for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
                // Registering fails only for signals that cannot be caught.
                let asked: Arc<AtomicBool> = cancel.flag();
                let _ = signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&asked));
                let _ = signal_hook::flag::register(signal, asked);
            }
            cancel
        })
        .clone()
}

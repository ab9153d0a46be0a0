use std::future::Future;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// Threads that wait for the network. Bytes are moved by the callers' threads,
/// so these mostly encrypt and decrypt TLS records.
const WORKER_THREADS: usize = 2;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// The one runtime of this process, which every store shares: connections are
/// pooled in it. Started on first use.
pub(super) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(WORKER_THREADS)
            .thread_name("plan-store")
            .enable_all()
            .build()
            .expect("the operating system starts two threads")
    })
}

/// Waits for `future` on this thread, which must not be one of a runtime.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    runtime().block_on(future)
}

/// Gives OpenDAL its HTTP client: rustls with ring, certificates as the
/// operating system trusts them. The first call decides; later ones repeat its
/// answer.
pub(super) fn install_http_transport() -> Result<(), String> {
    static INSTALLED: OnceLock<Result<(), String>> = OnceLock::new();
    INSTALLED
        .get_or_init(|| {
            // An error means that a provider stands already, which serves as well.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let client = reqwest::Client::builder()
                .user_agent(concat!("plan/", env!("CARGO_PKG_VERSION")))
                .connect_timeout(CONNECT_TIMEOUT)
                .build()
                .map_err(|error| format!("the HTTP client can't start: {error:?}"))?;
            opendal::HttpTransporter::install_default(opendal_http_transport_reqwest::ReqwestTransport::new(client));
            Ok(())
        })
        .clone()
}

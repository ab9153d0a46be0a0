use super::error::{Failure, NotifyErrorKind};
use crate::base::Secret;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Method, StatusCode, Url, redirect};
use std::time::Duration;

/// How long and how often a channel is tried.
pub(super) struct Patience {
    /// For one attempt, from connecting to the end of the answer.
    pub(super) timeout: Duration,
    pub(super) attempts: u32,
    /// Before the second attempt; doubles after each.
    pub(super) first_delay: Duration,
    /// The longest wait that a server may ask for.
    pub(super) longest_delay: Duration,
}

impl Default for Patience {
    /// Chosen: a restart or a rate limit is waited out, a dead server delays a
    /// run's end by half a minute.
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            attempts: 3,
            first_delay: Duration::from_secs(1),
            longest_delay: Duration::from_secs(20),
        }
    }
}

impl Patience {
    /// The wait after attempt `attempt` (from 0), given what the server asked for.
    pub(super) fn delay(&self, attempt: u32, asked: Option<Duration>) -> Duration {
        asked.unwrap_or(self.first_delay * 2u32.saturating_pow(attempt)).min(self.longest_delay)
    }
}

/// An HTTP request whole in memory. The address is a secret.
pub(super) struct Request {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

/// How much of a server's refusal is worth showing.
const ANSWER_LIMIT_CHARS: usize = 200;

/// How much of an answer is read at all.
const ANSWER_LIMIT_BYTES: usize = 16 << 10;

enum Attempt {
    Delivered,
    /// Again, after the wait that the server asked for.
    Again(Failure, Option<Duration>),
    Refused(Failure),
}

impl Request {
    /// # Errors
    ///
    /// If `url` is no `http` or `https` address.
    pub(super) fn post(url: &Secret<String>, body: Vec<u8>) -> Result<Self, Failure> {
        let url = Url::parse(url.expose().trim())
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| Failure::settings("its address is no `https://` or `http://` address"))?;
        Ok(Self { method: Method::POST, url, headers: HeaderMap::new(), body })
    }

    pub(super) fn with_header(mut self, name: &str, value: &str) -> Result<Self, Failure> {
        let wrong = || Failure::settings(format!("`{name}` can't be sent as a header"));
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
        // Bytes, for names and titles may be UTF-8.
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| wrong())?;
        self.headers.insert(name, value);
        Ok(self)
    }

    /// Sends until it is taken, refused or given up. Any 2xx is fine.
    pub(super) fn send(self, patience: &Patience) -> Result<(), Failure> {
        let host = self.url.host_str().unwrap_or_default().to_owned();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Failure::settings(format!("no runtime: {error}")))?;
        runtime.block_on(self.send_patiently(patience)).map_err(|failure| failure.at(&host))
    }

    async fn send_patiently(self, patience: &Patience) -> Result<(), Failure> {
        // An error means that a provider stands already, which serves as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .user_agent(concat!("plan/", env!("CARGO_PKG_VERSION")))
            .timeout(patience.timeout)
            // A redirected POST loses its body, and would carry the secret elsewhere.
            .redirect(redirect::Policy::none())
            .build()
            .map_err(|error| Failure::settings(format!("the HTTP client can't start: {error}")))?;
        let mut attempt = 0;
        loop {
            match self.send_once(&client).await {
                Attempt::Delivered => return Ok(()),
                Attempt::Refused(failure) => return Err(failure),
                Attempt::Again(failure, _) if attempt + 1 >= patience.attempts => return Err(failure),
                Attempt::Again(_, asked) => tokio::time::sleep(patience.delay(attempt, asked)).await,
            }
            attempt += 1;
        }
    }

    async fn send_once(&self, client: &reqwest::Client) -> Attempt {
        let request =
            client.request(self.method.clone(), self.url.clone()).headers(self.headers.clone()).body(self.body.clone());
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Attempt::Again(unreachable(&error), None),
        };
        let status = response.status();
        if status.is_success() {
            return Attempt::Delivered;
        }
        let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let mut answer = Vec::new();
        while let Ok(Some(chunk)) = response.chunk().await
            && answer.len() < ANSWER_LIMIT_BYTES
        {
            answer.extend_from_slice(&chunk);
        }
        let failure = Failure {
            kind: NotifyErrorKind::Refused,
            host: None,
            detail: format!("the server answered {}{}", status, self.shown(&answer)),
        };
        match status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {
                Attempt::Again(failure, asked.map(Duration::from_secs))
            }
            _ if status.is_server_error() => Attempt::Again(failure, asked.map(Duration::from_secs)),
            _ => Attempt::Refused(failure),
        }
    }

    /// ` (no_service)`: an answer in one short line that repeats none of ours.
    fn shown(&self, answer: &[u8]) -> String {
        let answer = String::from_utf8_lossy(answer);
        let mut line = answer.split_whitespace().collect::<Vec<_>>().join(" ");
        let secrets = [self.url.as_str(), self.url.path(), self.url.query().unwrap_or_default()].into_iter();
        let headers = self.headers.values().filter_map(|value| value.to_str().ok());
        for secret in secrets.chain(headers).filter(|secret| secret.len() >= 6) {
            line = line.replace(secret, "…");
        }
        let short: String = line.chars().take(ANSWER_LIMIT_CHARS).filter(|c| !c.is_control()).collect();
        if short.is_empty() { short } else { format!(" ({short})") }
    }
}

/// reqwest's error names the address, so it is told in our words.
fn unreachable(error: &reqwest::Error) -> Failure {
    let mut source: Option<&dyn std::error::Error> = std::error::Error::source(error);
    let mut cause = None;
    while let Some(error) = source {
        cause = Some(error.to_string());
        source = error.source();
    }
    let detail = match cause {
        _ if error.is_timeout() => "no answer in time".to_owned(),
        Some(cause) => format!("it can't be reached ({cause})"),
        None => "it can't be reached".to_owned(),
    };
    Failure { kind: NotifyErrorKind::Unreachable, host: None, detail }
}

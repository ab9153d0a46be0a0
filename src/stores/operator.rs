use super::settings::CLASS_KEY;
use super::{Class, ServerSideEncryption, Service, SettingsError, StoreSettings};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use opendal::layers::{ConcurrentLimitLayer, RetryLayer, TimeoutLayer};
use opendal::{Configurator, Operator, services};
use std::time::Duration;

/// Repeats of a failed request: after 0.5, 1, 2, 4 and 8 s with jitter, about a
/// quarter of a minute in all. Chosen: outlasts a server's restart, not a night.
const DEFAULT_RETRIES: usize = 5;
const FIRST_DELAY: Duration = Duration::from_millis(500);
const LONGEST_DELAY: Duration = Duration::from_secs(30);

/// A request that moves no object's bytes answers within this.
const CONTROL_TIMEOUT: Duration = Duration::from_secs(60);
/// A line slower than this for each part in flight counts as broken.
const SLOWEST_BYTES_PER_SECOND: u64 = 32 << 10;

pub(super) enum OperatorError {
    Settings(SettingsError),
    OpenDal(opendal::Error),
}

/// An operator without retries and timeouts, whose objects get the class's
/// storage class.
pub(super) fn build(service: &Service, settings: &StoreSettings, class: Class) -> Result<Operator, OperatorError> {
    let mut options = settings.settings.clone();
    let configured = options.remove(CLASS_KEY);
    if let Some(storage_class) = settings.storage_class.clone().or(configured)
        && class == Class::Data
    {
        options.insert(CLASS_KEY.to_owned(), storage_class);
    }
    match &settings.server_side_encryption {
        Some(ServerSideEncryption::S3) => {
            options.insert("server_side_encryption".to_owned(), "AES256".to_owned());
        }
        Some(ServerSideEncryption::Kms { key }) => {
            options.insert("server_side_encryption".to_owned(), "aws:kms".to_owned());
            if let Some(key) = key {
                options.insert("server_side_encryption_aws_kms_key_id".to_owned(), key.clone());
            }
        }
        Some(ServerSideEncryption::Customer { key }) => {
            return with_customer_key(options, key.expose()).map(|operator| limited(operator, settings));
        }
        None => {}
    }
    let operator = Operator::via_iter(service.name, options).map_err(OperatorError::OpenDal)?;
    Ok(limited(operator, settings))
}

/// S3 wants the key's MD5 beside it, which only the builder computes.
fn with_customer_key(
    options: impl IntoIterator<Item = (String, String)>,
    key: &str,
) -> Result<Operator, OperatorError> {
    let bytes = BASE64.decode(key.trim()).ok().filter(|bytes| bytes.len() == 32);
    let bytes = bytes.ok_or(OperatorError::Settings(SettingsError::CustomerKey))?;
    let config = services::S3Config::from_iter(options).map_err(OperatorError::OpenDal)?;
    let builder = config.into_builder().server_side_encryption_with_customer_key("AES256", &bytes);
    Operator::new(builder).map_err(OperatorError::OpenDal)
}

/// Permits for HTTP requests only: an operation would hold its permit for as
/// long as a writer lives, and a few idle writers would stop everyone.
fn limited(operator: Operator, settings: &StoreSettings) -> Operator {
    const UNLIMITED_OPERATIONS: usize = u32::MAX as usize;
    match settings.concurrency {
        None => operator,
        Some(requests) => operator.layer(
            ConcurrentLimitLayer::new(UNLIMITED_OPERATIONS).with_http_concurrent_limit(requests.max(1) as usize),
        ),
    }
}

/// The operator for moving parts of `part_bytes`, `concurrency` at a time: each
/// attempt has a timeout that a slow line can meet, and failed ones are repeated.
pub(super) fn hardened(operator: &Operator, retries: Option<usize>, part_bytes: u64, concurrency: usize) -> Operator {
    let transfer = Duration::from_secs(part_bytes.saturating_mul(concurrency as u64) / SLOWEST_BYTES_PER_SECOND);
    operator
        .clone()
        // Inside the retries: dropped from outside, a retry would lose its buffer.
        .layer(TimeoutLayer::new().with_timeout(CONTROL_TIMEOUT).with_io_timeout(CONTROL_TIMEOUT + transfer))
        .layer(
            RetryLayer::new()
                .with_max_times(retries.unwrap_or(DEFAULT_RETRIES))
                .with_min_delay(FIRST_DELAY)
                .with_max_delay(LONGEST_DELAY)
                .with_jitter(),
        )
}

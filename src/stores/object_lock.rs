//! Object lock on S3. OpenDAL has no word for it, so the requests that make an
//! object get the headers on their way out, and are signed once more: S3 takes
//! no header of its own that is not signed (AWS, "Signature Version 4 signing process").

use super::StoreSettings;
use crate::base::Timestamp;
use crate::plan::LockMode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::{AUTHORIZATION, HOST};
use http::{HeaderName, HeaderValue, Request, Response};
use md5::{Digest as _, Md5};
use opendal::raw::{Layer, ServiceOperation, Servicer};
use opendal::{Buffer, HttpBody, HttpTransport, HttpTransporter, OperationContext};
use reqsign_aws_v4::{
    AssumeRoleCredentialProvider, Credential, DefaultCredentialProvider, RequestSigner, StaticCredentialProvider,
};
use reqsign_core::{Context, OsEnv, ProvideCredentialChain, Signer};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

const MODE: HeaderName = HeaderName::from_static("x-amz-object-lock-mode");
const UNTIL: HeaderName = HeaderName::from_static("x-amz-object-lock-retain-until-date");
const CONTENT_MD5: HeaderName = HeaderName::from_static("content-md5");
/// What a signature adds besides the authorization.
const SIGNED_IN: [&str; 2] = ["x-amz-date", "x-amz-security-token"];

/// For how long nobody may delete an object, from its upload on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObjectLock {
    pub mode: LockMode,
    pub duration: Duration,
    /// What the clock says when the store is opened.
    pub from: Timestamp,
}

impl ObjectLock {
    /// When the lock of an object ends that is uploaded so long after the store was opened.
    fn until(&self, since: Duration) -> Timestamp {
        let wait = chrono::Duration::from_std(self.duration.saturating_add(since)).unwrap_or(chrono::Duration::MAX);
        self.from.checked_add_signed(wait).unwrap_or(Timestamp::MAX_UTC)
    }
}

/// Locks each object that the operator below it makes.
#[derive(Clone)]
pub(super) struct ObjectLockLayer(Arc<Locker>);

struct Locker {
    lock: ObjectLock,
    opened: Instant,
    signer: Signer<Credential>,
}

impl fmt::Debug for ObjectLockLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ObjectLockLayer").field(&self.0.lock).finish()
    }
}

impl ObjectLockLayer {
    pub(super) fn new(lock: ObjectLock, settings: &StoreSettings) -> Self {
        let signer = Signer::new(Context::new(), credentials(settings), RequestSigner::new("s3", ""));
        Self(Arc::new(Locker { lock, opened: Instant::now(), signer }))
    }
}

/// The same credentials, found in the same order, as OpenDAL's.
fn credentials(settings: &StoreSettings) -> ProvideCredentialChain<Credential> {
    let setting = |names: &[&str]| names.iter().find_map(|name| settings.settings.get(*name)).map(String::as_str);
    let is_on = |name| settings.settings.get(name).is_some_and(|value| value == "true" || value == "on");
    let mut found = DefaultCredentialProvider::builder();
    if is_on("disable_config_load") {
        found = found.no_env().no_profile();
    } else if let Some(profile) = setting(&["profile", "aws_profile"]).filter(|profile| !profile.is_empty()) {
        found = found.with_profile(profile);
    }
    if is_on("disable_ec2_metadata") {
        found = found.no_imds();
    }
    let mut chain = ProvideCredentialChain::new().push(found.build());
    let key = setting(&["access_key_id", "aws_access_key_id"]);
    if let (Some(key), Some(secret)) = (key, setting(&["secret_access_key", "aws_secret_access_key"])) {
        let mut given = StaticCredentialProvider::new(key, secret);
        let token = setting(&["session_token", "aws_session_token", "token", "aws_token"]);
        if let Some(token) = token {
            given = given.with_session_token(token);
        }
        chain = chain.push_front(given);
    }
    match setting(&["role_arn"]) {
        None => chain,
        Some(role) => ProvideCredentialChain::new().push(assumed(role, chain, &setting)),
    }
}

fn assumed<'s>(
    role: &str,
    chain: ProvideCredentialChain<Credential>,
    setting: &dyn Fn(&[&str]) -> Option<&'s str>,
) -> AssumeRoleCredentialProvider {
    let region = setting(&["region", "aws_region"]).unwrap_or("us-east-1");
    let context = context(&HttpTransporter::default());
    let signer = Signer::new(context, chain, RequestSigner::new("sts", region));
    let mut provider = AssumeRoleCredentialProvider::new(role.to_owned(), signer)
        .with_region(region.to_owned())
        .with_regional_sts_endpoint();
    if let Some(id) = setting(&["external_id"]) {
        provider = provider.with_external_id(id.to_owned());
    }
    if let Some(name) = setting(&["role_session_name"]) {
        provider = provider.with_role_session_name(name.to_owned());
    }
    if let Some(seconds) = setting(&["assume_role_duration_seconds"]).and_then(|seconds| seconds.parse().ok()) {
        provider = provider.with_duration_seconds(seconds);
    }
    provider
}

fn context(transport: &HttpTransporter) -> Context {
    Context::new()
        .with_file_read(reqsign_file_read_tokio::TokioFileRead)
        .with_http_send(transport.clone())
        .with_env(OsEnv)
}

impl Layer for ObjectLockLayer {
    fn apply_context(&self, _: Servicer, inner: OperationContext) -> OperationContext {
        let transport = inner.http_transport().clone();
        inner.with_http_transport(HttpTransporter::new(LockingTransport { transport, locker: Arc::clone(&self.0) }))
    }
}

struct LockingTransport {
    transport: HttpTransporter,
    locker: Arc<Locker>,
}

impl HttpTransport for LockingTransport {
    async fn fetch(&self, request: Request<Buffer>) -> opendal::Result<Response<HttpBody>> {
        let operation = request.extensions().get::<ServiceOperation>().map(|operation| operation.0);
        let (makes, has_content) = match operation {
            Some("PutObject") => (true, true),
            Some("CreateMultipartUpload") => (true, false),
            Some("UploadPart") => (false, true),
            _ => return self.transport.fetch(request).await,
        };
        let (mut parts, body) = request.into_parts();
        if makes {
            let until = self.locker.lock.until(self.locker.opened.elapsed());
            let until = until.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
            let mode = match self.locker.lock.mode {
                LockMode::Governance => HeaderValue::from_static("GOVERNANCE"),
                LockMode::Compliance => HeaderValue::from_static("COMPLIANCE"),
            };
            parts.headers.insert(MODE, mode);
            parts.headers.insert(UNTIL, HeaderValue::from_str(&until).expect("a time is plain text"));
        }
        if has_content {
            // S3 asks for it wherever a lock is set.
            let mut md5 = Md5::new();
            body.clone().for_each(|piece| md5.update(&piece));
            let md5 = BASE64.encode(md5.finalize());
            parts.headers.insert(CONTENT_MD5, HeaderValue::from_str(&md5).expect("base64 is plain text"));
        }
        self.sign_again(&mut parts).await?;
        self.transport.fetch(Request::from_parts(parts, body)).await
    }
}

impl LockingTransport {
    async fn sign_again(&self, parts: &mut http::request::Parts) -> opendal::Result<()> {
        // An anonymous request stays one.
        let Some(signature) = parts.headers.remove(AUTHORIZATION) else { return Ok(()) };
        let failed = |detail: String| opendal::Error::new(opendal::ErrorKind::Unexpected, detail);
        // Credential=KEY/DATE/REGION/SERVICE/aws4_request
        let region = signature.to_str().ok().and_then(|text| text.split("Credential=").nth(1)?.split('/').nth(2));
        let region = region.ok_or_else(|| failed("a signature without a region".to_owned()))?;
        SIGNED_IN.iter().for_each(|name| drop(parts.headers.remove(*name)));
        self.locker
            .signer
            .clone()
            .with_context(context(&self.transport))
            .with_request_signer(RequestSigner::new("s3", region))
            .sign(parts, None)
            .await
            .map_err(|error| failed(format!("a request for a locked object can't be signed: {error}")))?;
        // As OpenDAL does: the client sets it by the version of HTTP.
        parts.headers.remove(HOST);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stores::fake_s3::{Asked, FakeS3, KEY, SECRET};
    use crate::stores::{Class, Put, Store, WriteOptions};
    use hmac::{Hmac, KeyInit, Mac};
    use sha2::{Digest, Sha256};
    use std::io::Write;

    fn hmac(key: &[u8], text: &str) -> Vec<u8> {
        let mut hmac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        hmac.update(text.as_bytes());
        hmac.finalize().into_bytes().to_vec()
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Computes a request's signature as AWS does ("Signature Version 4 signing
    /// process") and returns the headers that it covers.
    fn check_signature(asked: &Asked) -> Vec<&str> {
        let header = |name: &str| asked.headers[name].as_str();
        let authorization = header("authorization").strip_prefix("AWS4-HMAC-SHA256 ").unwrap();
        let part = |name: &str| authorization.split(", ").find_map(|part| part.strip_prefix(name)).unwrap();
        let (credential, signed) = (part("Credential="), part("SignedHeaders="));
        let scope = credential.strip_prefix(KEY).unwrap().strip_prefix('/').unwrap();
        let headers: String = signed.split(';').map(|name| format!("{name}:{}\n", header(name))).collect();
        let mut query: Vec<String> = asked.query.split('&').filter(|pair| !pair.is_empty()).map(String::from).collect();
        query.iter_mut().filter(|pair| !pair.contains('=')).for_each(|pair| pair.push('='));
        query.sort();
        let canonical = format!(
            "{}\n{}\n{}\n{headers}\n{signed}\n{}",
            asked.method,
            asked.path,
            query.join("&"),
            header("x-amz-content-sha256")
        );
        let hash = hex(&Sha256::digest(canonical.as_bytes()));
        let text = format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{hash}", header("x-amz-date"));
        let first = format!("AWS4{SECRET}").into_bytes();
        let key = scope.split('/').fold(first, |key, part| hmac(&key, part));
        assert_eq!(hex(&hmac(&key, &text)), part("Signature="), "{asked:?}");
        signed.split(';').collect()
    }

    fn write_all(store: &Store) {
        store.put("runs/data/a b.json", b"hello", Put::IfAbsent).unwrap();
        store.put("lease/prune.json", b"mine", Put::Unlocked).unwrap();
        let options = WriteOptions { class: Class::Data, expected_bytes: None };
        let mut object = store.create("archives/data/a.tar", &options).unwrap();
        object.write_all(&vec![7; 9 << 20]).unwrap();
        object.finish().unwrap();
    }

    #[test]
    fn what_makes_an_object_locks_it_and_nothing_else_does() {
        let server = FakeS3::start(|_| ());
        let from = Timestamp::from_timestamp(1_795_000_000, 0).unwrap();
        let lock = ObjectLock { mode: LockMode::Compliance, duration: Duration::from_secs(30 * 86_400), from };
        write_all(&Store::open(&StoreSettings { lock: Some(lock), ..server.settings() }).unwrap());
        let shown = |asked: &Asked| {
            let headers: Vec<&str> = check_signature(asked)
                .into_iter()
                .filter_map(|name| match (name, asked.headers[name].as_str()) {
                    ("x-amz-object-lock-mode", mode) => Some(mode),
                    ("x-amz-object-lock-retain-until-date", until) => {
                        let late = until.parse::<Timestamp>().unwrap() - from - chrono::Duration::days(30);
                        assert!((0..60).contains(&late.num_seconds()), "{until}");
                        Some("UNTIL")
                    }
                    ("content-md5", md5) => {
                        assert_eq!(md5, BASE64.encode(Md5::digest(&asked.body)));
                        Some("MD5")
                    }
                    _ => None,
                })
                .collect();
            format!("{} {}?{} {}", asked.method, asked.path, asked.query, headers.join(" ")).trim_end().to_owned()
        };
        // Parts go side by side.
        let mut lines: Vec<String> = server.asked().iter().map(shown).collect();
        lines.sort();
        insta::assert_snapshot!(lines.join("\n"), @r"
        POST /b/archives/data/a.tar?uploadId=u
        POST /b/archives/data/a.tar?uploads COMPLIANCE UNTIL
        PUT /b/archives/data/a.tar?partNumber=1&uploadId=u MD5
        PUT /b/archives/data/a.tar?partNumber=2&uploadId=u MD5
        PUT /b/lease/prune.json?
        PUT /b/runs/data/a%20b.json? MD5 COMPLIANCE UNTIL
        ");
    }

    #[test]
    fn without_a_lock_nothing_is_added() {
        let server = FakeS3::start(|_| ());
        write_all(&Store::open(&server.settings()).unwrap());
        for asked in server.asked() {
            check_signature(&asked);
            assert!(!asked.headers.keys().any(|name| name.contains("lock") || name == "content-md5"), "{asked:?}");
        }
    }

    #[test]
    fn a_lock_ends_so_long_after_the_upload_and_never_overflows() {
        let from = Timestamp::from_timestamp(1_795_000_000, 0).unwrap();
        let lock = ObjectLock { mode: LockMode::Governance, duration: Duration::from_secs(60), from };
        assert_eq!(lock.until(Duration::from_secs(5)), from + chrono::Duration::seconds(65));
        let ever = ObjectLock { duration: Duration::MAX, ..lock };
        assert_eq!(ever.until(Duration::from_secs(5)), Timestamp::MAX_UTC);
    }
}

//! Where other programs keep backups, as a store: addresses of S3, rclone,
//! restic, Borg and SSH.

use super::draft::{Notes, Origin, Secret, Setting, StoreDraft};
use std::collections::BTreeMap;

/// A region for what does not say its own. Chosen: it is Amazon's default.
const STAND_IN_REGION: &str = "us-east-1";

/// A place that backups go to, and what is to be said about it.
#[derive(Clone, Debug, Default)]
pub(super) struct Location {
    pub store: StoreDraft,
    pub notes: Notes,
}

/// What is known besides the address.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Surroundings<'a> {
    pub region: Option<&'a str>,
    pub endpoint: Option<&'a str>,
    pub origin: Option<&'a Origin>,
}

/// `/a/b` from `a/b/`; empty for nothing.
pub(super) fn root(path: &str) -> String {
    let path = path.trim_matches('/');
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.is_empty() { String::new() } else { format!("/{}", parts.join("/")) }
}

/// A folder of this machine.
pub(super) fn folder(path: &str) -> Location {
    let path = if path.len() > 1 { path.trim_end_matches('/') } else { path };
    Location { store: StoreDraft::new("fs").with("root", path), notes: Notes::default() }
}

/// `bucket/prefix` at Amazon, or at the endpoint.
pub(super) fn s3(bucket_and_path: &str, around: Surroundings<'_>) -> Location {
    let (bucket, path) = bucket_and_path.split_once('/').unwrap_or((bucket_and_path, ""));
    let mut notes = Notes::default();
    let endpoint = around.endpoint.map(without_login).unwrap_or_default();
    let region = match (around.region, endpoint.as_str()) {
        (Some(region), _) => region.to_owned(),
        (None, endpoint) => region_of(endpoint).unwrap_or_else(|| {
            notes.fill_in(around.origin, "`region`: the input does not say it");
            STAND_IN_REGION.to_owned()
        }),
    };
    let store = StoreDraft::new("s3")
        .with("bucket", bucket)
        .with("region", region)
        .with("endpoint", endpoint)
        .with("root", root(path));
    Location { store, notes }
}

/// `https://s3.eu-west-1.example.com` → `eu-west-1`.
fn region_of(endpoint: &str) -> Option<String> {
    let host = endpoint.split("://").last()?.split(['/', ':']).next()?;
    let parts: Vec<&str> = host.split('.').collect();
    let looks_right = |part: &&&str| part.split('-').count() >= 3 && part.ends_with(|c: char| c.is_ascii_digit());
    parts.iter().find(looks_right).map(|part| (*part).to_owned())
}

pub(super) fn gcs(bucket_and_path: &str) -> Location {
    let (bucket, path) = bucket_and_path.split_once('/').unwrap_or((bucket_and_path, ""));
    let store = StoreDraft::new("gcs").with("bucket", bucket).with("root", root(path));
    Location { store, notes: Notes::default() }
}

pub(super) fn azure(container: &str, path: &str, account: Option<&str>, origin: Option<&Origin>) -> Location {
    let mut notes = Notes::default();
    if account.is_none() {
        notes.fill_in(origin, "`endpoint`: the input does not say which storage account it is");
    }
    let endpoint = format!("https://{}.blob.core.windows.net", account.unwrap_or("ACCOUNT"));
    let mut store = StoreDraft::new("azblob").with("container", container).with("endpoint", endpoint);
    store = store.with("root", root(path)).with("account_name", account.unwrap_or_default());
    store.set("account_key", Setting::Secret(Secret::Env("AZURE_STORAGE_KEY".to_owned())));
    Location { store, notes }
}

pub(super) fn b2(bucket: &str, path: &str, origin: Option<&Origin>) -> Location {
    let mut notes = Notes::default();
    notes.fill_in(
        origin,
        "set B2_BUCKET_ID, B2_APPLICATION_KEY_ID and B2_APPLICATION_KEY where `plan` runs; the bucket's S3 endpoint \
         (`store s3`) can do more than B2's own protocol",
    );
    let mut store = StoreDraft::new("b2").with("bucket", bucket).with("root", root(path));
    for (key, variable) in [
        ("bucket_id", "B2_BUCKET_ID"),
        ("application_key_id", "B2_APPLICATION_KEY_ID"),
        ("application_key", "B2_APPLICATION_KEY"),
    ] {
        store.set(key, Setting::Secret(Secret::Env(variable.to_owned())));
    }
    Location { store, notes }
}

/// A folder of a server, `host` being `user@host` or `user@host:port`.
pub(super) fn sftp(host: &str, path: &str, key: Option<&str>) -> Location {
    let (user, address) = host.rsplit_once('@').map_or((None, host), |(user, address)| (Some(user), address));
    // A password in an address is not carried along.
    let user = user.map(|user| user.split(':').next().unwrap_or_default());
    let login = user.map_or(String::new(), |user| format!("{user}@"));
    let store = StoreDraft::new("sftp")
        .with("endpoint", format!("ssh://{login}{address}"))
        .with("root", if path.is_empty() { "." } else { path })
        .with("key", key.unwrap_or_default());
    Location { store, notes: Notes::default() }
}

/// `user@host:path` as scp and rsync write it; none for a path of this machine.
pub(super) fn ssh_address(text: &str) -> Option<(&str, &str)> {
    let (host, path) = text.split_once(':')?;
    let is_host = !host.is_empty() && !host.contains('/') && !path.starts_with(':');
    is_host.then_some((host, path))
}

/// A place that no store of this program reaches; it must be mounted.
pub(super) fn elsewhere(what: &str, name: &str, origin: Option<&Origin>) -> Location {
    let mut location = folder(&format!("/mnt/{}", super::name::name(name, "backup")));
    location.notes.fill_in(
        origin,
        format!("`root`: {what} is none of the stores that a plan can write to; mount it and put the folder here"),
    );
    location
}

/// rclone's remotes, from its configuration.
#[derive(Clone, Debug, Default)]
pub(super) struct Remotes(BTreeMap<String, BTreeMap<String, String>>);

impl Remotes {
    /// Reads `rclone.conf`; what is no setting is passed over.
    pub fn read(&mut self, text: &str) {
        let mut section = None;
        for line in text.lines().map(str::trim) {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                self.0.entry(name.to_owned()).or_default();
                section = Some(name.to_owned());
            } else if let (Some((key, value)), Some(section)) = (line.split_once('='), &section)
                && !line.starts_with(['#', ';'])
                && let Some(settings) = self.0.get_mut(section)
            {
                settings.insert(key.trim().to_owned(), value.trim().to_owned());
            }
        }
    }

    /// The store that `remote:path` is.
    pub fn locate(&self, remote: &str, path: &str, origin: Option<&Origin>) -> Location {
        let settings = self.0.get(remote);
        let setting = |key: &str| settings.and_then(|settings| settings.get(key)).map(String::as_str);
        let kind = setting("type").map_or_else(|| guessed_kind(remote), str::to_owned);
        let (bucket, inside) = path.trim_start_matches('/').split_once('/').unwrap_or((path.trim_matches('/'), ""));
        let mut location = match kind.as_str() {
            "s3" => {
                let endpoint = setting("endpoint").map(with_scheme);
                let around = Surroundings { region: setting("region"), endpoint: endpoint.as_deref(), origin };
                s3(&format!("{bucket}/{inside}"), around)
            }
            "b2" => b2(bucket, inside, origin),
            "google cloud storage" => gcs(&format!("{bucket}/{inside}")),
            "azureblob" => azure(bucket, inside, setting("account"), origin),
            "local" => folder(path),
            "sftp" => {
                let user = setting("user").map_or(String::new(), |user| format!("{user}@"));
                let port = setting("port").map_or(String::new(), |port| format!(":{port}"));
                sftp(&format!("{user}{}{port}", setting("host").unwrap_or("HOST")), path, setting("key_file"))
            }
            "webdav" => {
                let mut store = StoreDraft::new("webdav")
                    .with("endpoint", without_login(setting("url").unwrap_or("https://HOST")))
                    .with("username", setting("user").unwrap_or_default())
                    .with("root", root(path));
                store.set("password", Setting::Secret(Secret::Env("WEBDAV_PASSWORD".to_owned())));
                let mut notes = Notes::default();
                notes.fill_in(origin, "set WEBDAV_PASSWORD where `plan` runs");
                Location { store, notes }
            }
            "crypt" | "alias" | "chunker" | "compress" => {
                match setting("remote").and_then(|inner| inner.split_once(':')) {
                    // One level: a remote of a remote of itself would have no end.
                    Some((inner, base)) if inner != remote && setting("remote").is_some_and(|r| !r.contains("::")) => {
                        let wrapped = self.0.get(inner).and_then(|settings| settings.get("type")).map(String::as_str);
                        if matches!(wrapped, Some("crypt" | "alias" | "chunker" | "compress")) {
                            elsewhere(&format!("rclone's `{remote}:`"), remote, origin)
                        } else {
                            let path = format!("{}/{}", base.trim_end_matches('/'), path.trim_start_matches('/'));
                            self.locate(inner, &path, origin)
                        }
                    }
                    _ => elsewhere(&format!("rclone's `{remote}:`"), remote, origin),
                }
            }
            _ => elsewhere(&format!("rclone's `{remote}:`"), remote, origin),
        };
        if settings.is_none() {
            let text = format!(
                "rclone's remote `{remote}:` is guessed from its name; give `rclone.conf` to `plan import` too"
            );
            location.notes.fill_in(origin, text);
        }
        location
    }

    /// Whether the remote encrypts what it is given.
    pub fn encrypts(&self, remote: &str) -> bool {
        self.0.get(remote).and_then(|settings| settings.get("type")).is_some_and(|kind| kind == "crypt")
    }
}

/// What a remote of this name probably is.
fn guessed_kind(remote: &str) -> String {
    let remote = remote.to_ascii_lowercase();
    let kinds = [
        ("b2", "b2"),
        ("backblaze", "b2"),
        ("gcs", "google cloud storage"),
        ("azure", "azureblob"),
        ("sftp", "sftp"),
        ("webdav", "webdav"),
        ("nextcloud", "webdav"),
        ("s3", "s3"),
        ("aws", "s3"),
        ("wasabi", "s3"),
        ("minio", "s3"),
    ];
    let known = kinds.iter().find(|(part, _)| remote.contains(part));
    known.map_or("unknown", |(_, kind)| kind).to_owned()
}

fn with_scheme(endpoint: &str) -> String {
    if endpoint.contains("://") { endpoint.to_owned() } else { format!("https://{endpoint}") }
}

/// An address without the user and password that may stand in it, and without its query.
pub(super) fn without_login(address: &str) -> String {
    let address = address.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

/// A restic repository. The plan's objects go beside it, not into it: both have folders `index` and `snapshots`.
pub(super) fn restic(repository: &str, around: Surroundings<'_>, remotes: &Remotes) -> Location {
    let origin = around.origin;
    let (scheme, rest) = repository.split_once(':').unwrap_or(("", repository));
    let mut location = match scheme {
        "s3" => {
            let address = rest.split_once("://").map_or(rest, |(_, rest)| rest);
            let (host, path) = address.split_once('/').unwrap_or((address, ""));
            let is_amazon = host == "amazonaws.com" || host.ends_with(".amazonaws.com");
            let given = rest.split_once("://").map_or("https", |(scheme, _)| scheme);
            let endpoint = format!("{given}://{}", host.rsplit_once('@').map_or(host, |(_, host)| host));
            let region = around.region.map(str::to_owned).or_else(|| region_of(&endpoint));
            let around =
                Surroundings { region: region.as_deref(), endpoint: (!is_amazon).then_some(endpoint.as_str()), origin };
            s3(path.trim_start_matches('/'), around)
        }
        "b2" => {
            let (bucket, path) = rest.split_once(':').unwrap_or((rest, ""));
            b2(bucket, path, origin)
        }
        "gs" => {
            let (bucket, path) = rest.split_once(':').unwrap_or((rest, ""));
            gcs(&format!("{bucket}/{}", path.trim_start_matches('/')))
        }
        "azure" => {
            let (container, path) = rest.split_once(':').unwrap_or((rest, ""));
            azure(container, path, None, origin)
        }
        "sftp" => match rest.strip_prefix("//") {
            Some(address) => {
                let (host, path) = address.split_once('/').unwrap_or((address, ""));
                // `//` after the host: an absolute path.
                sftp(host, path, None)
            }
            None => {
                let (host, path) = rest.split_once(':').unwrap_or((rest, ""));
                sftp(host, path, None)
            }
        },
        "rclone" => {
            let (remote, path) = rest.split_once(':').unwrap_or((rest, ""));
            remotes.locate(remote, path, origin)
        }
        "rest" => elsewhere("restic's REST server", "restic", origin),
        "swift" => elsewhere("OpenStack Swift", "swift", origin),
        "local" => folder(rest),
        // An address of a kind that is not known may hold a password.
        _ if repository.contains("://") => elsewhere("a repository of another kind", "restic", origin),
        _ => folder(repository),
    };
    beside(&mut location.store, "restic");
    location
}

/// A Borg repository; the plan's objects go beside it.
pub(super) fn borg(repository: &str, origin: Option<&Origin>, remotes: &Remotes) -> Location {
    let mut location = if let Some(address) = repository.strip_prefix("ssh://").or(repository.strip_prefix("sftp://")) {
        let (host, path) = address.split_at(address.find('/').unwrap_or(address.len()));
        // `/./x` and `/~/x` are relative to the home of the user there.
        let path = path.strip_prefix("/./").or(path.strip_prefix("/~/")).unwrap_or(path);
        sftp(host, path, None)
    } else if let Some(rest) = repository.strip_prefix("rclone:") {
        let (remote, path) = rest.split_once(':').unwrap_or((rest, ""));
        remotes.locate(remote, path, origin)
    } else if repository.starts_with("s3:") || repository.starts_with("b2:") {
        elsewhere("Borg's own S3 address", "borg", origin)
    } else if repository.contains("://") && !repository.starts_with("file://") {
        elsewhere("a repository of another kind", "borg", origin)
    } else if let Some((host, path)) = ssh_address(repository) {
        sftp(host, path, None)
    } else {
        folder(repository.strip_prefix("file://").unwrap_or(repository))
    };
    beside(&mut location.store, "borg");
    location
}

/// Moves the root to a place beside an old repository.
fn beside(store: &mut StoreDraft, what: &str) {
    let root = match store.text("root") {
        Some(root) if !matches!(root, "" | "/" | ".") => format!("{}-plan", root.trim_end_matches('/')),
        _ if matches!(store.service, "fs" | "sftp") => format!("{what}-plan"),
        _ => "/plan".to_owned(),
    };
    store.set("root", Setting::Text(root));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(location: &Location) -> String {
        let settings = location.store.settings.iter().map(|(key, value)| match value {
            Setting::Text(text) => format!("{key}={text}"),
            Setting::Secret(_) => format!("{key}=secret"),
        });
        let notes = location.notes.iter().map(|note| format!("({})", note.text));
        format!("{}: {}", location.store.service, settings.chain(notes).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn addresses_of_restic_become_stores_beside_the_repository() {
        let shown: Vec<String> = [
            "/srv/restic-repo",
            "s3:s3.eu-central-1.amazonaws.com/bucket/laptop",
            "s3:https://key:hunter2@minio.example:9000/bucket",
            "b2:bucket:path",
            "sftp:user@host:/srv/restic",
            "sftp://user@host:2222//srv/restic",
            "gs:bucket:/",
            "azure:container:/x",
            "rest:https://user:hunter2@host:8000/",
            "swift2:https://user:hunter2@host/x",
        ]
        .iter()
        .map(|address| shown(&restic(address, Surroundings::default(), &Remotes::default())))
        .collect();
        assert!(!shown.concat().contains("hunter2"));
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[test]
    fn addresses_of_borg_become_stores_beside_the_repository() {
        let shown: Vec<String> =
            ["ssh://u@host:22/./repo", "u@host:repo", "/var/borg", "ssh://u:hunter2@host/srv/borg"]
                .iter()
                .map(|address| shown(&borg(address, None, &Remotes::default())))
                .collect();
        insta::assert_snapshot!(shown.join("\n"));
    }

    #[test]
    fn remotes_of_rclone_are_read_without_their_secrets() {
        let mut remotes = Remotes::default();
        remotes.read("[vault]\ntype = crypt\nremote = box:backups\npassword = hunter2\n\n[box]\ntype = s3\nprovider = Minio\nendpoint = minio.example:9000\naccess_key_id = AKIA\nsecret_access_key = hunter2\n[loop]\ntype=alias\nremote=loop:x\n");
        let shown: Vec<String> = [("box", "bucket/x"), ("vault", "server"), ("drive", "x"), ("loop", "y")]
            .iter()
            .map(|(remote, path)| shown(&remotes.locate(remote, path, None)))
            .collect();
        assert!(!shown.concat().contains("hunter2") && remotes.encrypts("vault"));
        insta::assert_snapshot!(shown.join("\n"));
    }
}

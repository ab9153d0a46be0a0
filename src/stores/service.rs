use super::keys::field_names;
use opendal::services;

/// What this program knows of one of OpenDAL's services.
#[derive(Debug)]
pub struct Service {
    pub name: &'static str,
    /// The storage classes that can be asked for; empty: none can.
    pub storage_classes: &'static [&'static str],
    /// The settings that most plans need, for messages and editors.
    pub usual_keys: &'static [&'static str],
    /// Settings that it can't do without, each with its other names. The first
    /// says where the objects are.
    required_keys: &'static [&'static [&'static str]],
    /// An upload may have no more parts than this.
    max_parts: u64,
    /// What is half written shows under its name: write under another, then rename.
    pub(super) rename_to_commit: bool,
    keys: fn() -> &'static [&'static str],
}

/// S3's limit, and that of the services that speak its protocol.
const S3_MAX_PARTS: u64 = 10_000;
/// Scaleway allows fewer than the protocol does.
const SCALEWAY_MAX_PARTS: u64 = 1_000;

const NO_CLASSES: &[&str] = &[];

const SERVICES: [Service; 8] = [
    Service {
        name: "azblob",
        storage_classes: NO_CLASSES,
        usual_keys: &["container", "endpoint", "root", "account_name", "account_key"],
        required_keys: &[&["container", "azure_container_name", "container_name"]],
        max_parts: 50_000,
        rename_to_commit: false,
        keys: field_names::<services::AzblobConfig>,
    },
    Service {
        name: "b2",
        storage_classes: NO_CLASSES,
        usual_keys: &["bucket", "bucket_id", "root", "application_key_id", "application_key"],
        required_keys: &[&["bucket"], &["bucket_id"]],
        max_parts: S3_MAX_PARTS,
        rename_to_commit: false,
        keys: field_names::<services::B2Config>,
    },
    Service {
        name: "fs",
        storage_classes: NO_CLASSES,
        usual_keys: &["root"],
        required_keys: &[&["root"]],
        max_parts: u64::MAX,
        rename_to_commit: false,
        keys: field_names::<services::FsConfig>,
    },
    Service {
        name: "gcs",
        storage_classes: &["STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE"],
        usual_keys: &["bucket", "root", "credential_path", "credential"],
        required_keys: &[&["bucket", "bucket_name", "google_bucket", "google_bucket_name"]],
        max_parts: S3_MAX_PARTS,
        rename_to_commit: false,
        keys: field_names::<services::GcsConfig>,
    },
    Service {
        name: "memory",
        storage_classes: NO_CLASSES,
        usual_keys: &[],
        required_keys: &[],
        max_parts: u64::MAX,
        rename_to_commit: false,
        keys: field_names::<services::MemoryConfig>,
    },
    Service {
        name: "s3",
        storage_classes: &[
            "STANDARD",
            "STANDARD_IA",
            "ONEZONE_IA",
            "INTELLIGENT_TIERING",
            "GLACIER_IR",
            "GLACIER",
            "DEEP_ARCHIVE",
            "EXPRESS_ONEZONE",
            "OUTPOSTS",
            "REDUCED_REDUNDANCY",
        ],
        usual_keys: &["bucket", "region", "endpoint", "root", "profile", "access_key_id", "secret_access_key"],
        required_keys: &[&["bucket", "bucket_name", "aws_bucket", "aws_bucket_name"]],
        max_parts: S3_MAX_PARTS,
        rename_to_commit: false,
        keys: field_names::<services::S3Config>,
    },
    Service {
        name: "sftp",
        storage_classes: NO_CLASSES,
        usual_keys: &["endpoint", "user", "key", "root", "known_hosts_strategy"],
        required_keys: &[&["endpoint"]],
        max_parts: u64::MAX,
        rename_to_commit: true,
        keys: field_names::<services::SftpConfig>,
    },
    Service {
        name: "webdav",
        storage_classes: NO_CLASSES,
        usual_keys: &["endpoint", "username", "password", "root"],
        required_keys: &[&["endpoint"]],
        max_parts: u64::MAX,
        rename_to_commit: true,
        keys: field_names::<services::WebdavConfig>,
    },
];

/// Parts are this large unless the number of parts would pass the limit.
/// Chosen: four in flight are 32 MiB, and a part outweighs its request.
const PART_BYTES: u64 = 8 << 20;

impl Service {
    /// Every service that this program was built with, by name.
    pub fn all() -> &'static [Service] {
        &SERVICES
    }

    pub fn find(name: &str) -> Option<&'static Service> {
        SERVICES.iter().find(|service| service.name == name)
    }

    /// The settings that the service reads, aliases and deprecated ones among
    /// them; unsorted.
    pub fn keys(&self) -> &'static [&'static str] {
        (self.keys)()
    }

    /// The first setting that is needed and not among `set`.
    pub(super) fn missing_key<'a>(&self, set: impl Iterator<Item = &'a str>) -> Option<&'static str> {
        let set: Vec<&str> = set.collect();
        let is_missing = |names: &&&[&'static str]| !names.iter().any(|name| set.contains(name));
        self.required_keys.iter().find(is_missing).map(|names| names[0])
    }

    /// The names of the setting that says which bucket, container or server it is.
    pub(super) fn place_keys(&self) -> &'static [&'static str] {
        self.required_keys.first().copied().unwrap_or_default()
    }

    /// How large the parts of an upload of about `expected_bytes` must be.
    /// Twice the expected size still fits in the allowed number of parts.
    pub(super) fn part_bytes(&self, endpoint: &str, expected_bytes: Option<u64>) -> u64 {
        let max_parts = if endpoint.contains(".scw.cloud") { SCALEWAY_MAX_PARTS } else { self.max_parts };
        let needed = expected_bytes.unwrap_or(0).saturating_mul(2).div_ceil(max_parts);
        needed.next_multiple_of(1 << 20).max(PART_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_names_its_settings() {
        let shown: Vec<String> = Service::all().iter().map(|s| format!("{}: {}", s.name, s.keys().join(" "))).collect();
        insta::assert_snapshot!(shown.join("\n"), @"
        azblob: root azure_container_name container container_name azure_endpoint azure_storage_endpoint endpoint account_name azure_storage_account_name access_key account_key azure_storage_access_key azure_storage_account_key azure_storage_master_key master_key encryption_key encryption_key_sha256 encryption_algorithm azure_storage_sas_key azure_storage_sas_token sas_key sas_token batch_max_operations skip_signature
        b2: root application_key_id application_key bucket bucket_id
        fs: root atomic_write_dir
        gcs: root bucket bucket_name google_bucket google_bucket_name endpoint scope google_service_account google_service_account_path service_account service_account_path credential google_service_account_key service_account_key credential_path google_application_credentials predefined_acl default_storage_class google_skip_signature skip_signature allow_anonymous disable_vm_metadata disable_config_load token
        memory: root
        s3: root aws_bucket aws_bucket_name bucket bucket_name enable_versioning aws_endpoint aws_endpoint_url endpoint endpoint_url aws_region region aws_profile profile access_key_id aws_access_key_id aws_secret_access_key secret_access_key aws_session_token aws_token session_token token role_arn external_id role_session_name assume_role_duration_seconds assume_role_session_tags disable_config_load disable_ec2_metadata skip_signature allow_anonymous aws_server_side_encryption server_side_encryption aws_sse_kms_key_id server_side_encryption_aws_kms_key_id server_side_encryption_customer_algorithm aws_sse_customer_key_base64 server_side_encryption_customer_key server_side_encryption_customer_key_md5 default_storage_class aws_virtual_hosted_style_request enable_virtual_host_style virtual_hosted_style_request batch_max_operations delete_max_size disable_stat_with_override aws_checksum_algorithm checksum_algorithm disable_write_with_if_match enable_write_with_append disable_list_objects_v2 aws_request_payer enable_request_payer request_payer default_acl
        sftp: endpoint root user key known_hosts_strategy enable_copy
        webdav: endpoint username password token root disable_copy disable_create_dir enable_user_metadata user_metadata_prefix user_metadata_uri enable_conditional_read
        ");
    }

    #[test]
    fn the_settings_that_this_program_names_exist() {
        for service in Service::all() {
            for key in service.usual_keys.iter().chain(service.required_keys.iter().copied().flatten()) {
                assert!(service.keys().contains(key), "{} {key}", service.name);
            }
        }
    }

    #[test]
    fn part_sizes_keep_the_number_of_parts_within_the_limit() {
        let s3 = Service::find("s3").unwrap();
        assert_eq!(s3.part_bytes("", None), 8 << 20);
        assert_eq!(s3.part_bytes("", Some(512 << 20)), 8 << 20);
        for expected in [100 << 30, 1 << 40, 5 << 40] {
            let part = s3.part_bytes("", Some(expected));
            assert!(expected.div_ceil(part) <= S3_MAX_PARTS, "{expected} in parts of {part}");
        }
        let scaleway = s3.part_bytes("https://s3.fr-par.scw.cloud", Some(100 << 30));
        assert!((100u64 << 30).div_ceil(scaleway) <= SCALEWAY_MAX_PARTS);
    }
}

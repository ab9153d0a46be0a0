use super::StorageClass;
use super::class;
use crate::plan::{SettingValue, StoreSpec};
use std::fmt;

/// Who runs a store and bills for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    Aws,
    Gcs,
    Azure,
    B2,
    Wasabi,
    R2,
    Scaleway,
    Ovh,
    Hetzner,
}

/// What an S3 endpoint's address contains, and whose it is. From the providers'
/// own documentation of their endpoints.
const S3_ENDPOINTS: [(&str, Provider); 9] = [
    (".amazonaws.com", Provider::Aws),
    ("storage.googleapis.com", Provider::Gcs),
    (".backblazeb2.com", Provider::B2),
    (".wasabisys.com", Provider::Wasabi),
    (".r2.cloudflarestorage.com", Provider::R2),
    (".scw.cloud", Provider::Scaleway),
    (".cloud.ovh.net", Provider::Ovh),
    (".cloud.ovh.us", Provider::Ovh),
    (".your-objectstorage.com", Provider::Hetzner),
];

/// Where the objects of a tier lie, as far as its settings tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A folder or the memory of this machine: nobody sends a bill.
    Machine,
    Provider(Provider),
    /// A server that we know nothing about.
    Other,
}

impl Place {
    pub fn of(store: &StoreSpec) -> Self {
        match store.service.value.as_str() {
            "fs" | "memory" => Self::Machine,
            "gcs" => Self::Provider(Provider::Gcs),
            "azblob" => Self::Provider(Provider::Azure),
            "b2" => Self::Provider(Provider::B2),
            "s3" => Self::of_s3(store),
            _ => Self::Other,
        }
    }

    fn of_s3(store: &StoreSpec) -> Self {
        let Some(endpoint) = store.settings.iter().find(|setting| setting.key.value == "endpoint") else {
            return Self::Provider(Provider::Aws);
        };
        let SettingValue::Text(address) = &endpoint.value.value else { return Self::Other };
        let address = address.to_ascii_lowercase();
        // A port, a path or a final dot may follow the host's name.
        let host = address.split_once("://").map_or(address.as_str(), |(_, rest)| rest);
        let host = host.split(['/', ':']).next().unwrap_or(host).trim_end_matches('.');
        let found = S3_ENDPOINTS.iter().find(|(end, _)| format!(".{host}").ends_with(end));
        found.map_or(Self::Other, |(_, provider)| Self::Provider(*provider))
    }

    pub fn provider(self) -> Option<Provider> {
        match self {
            Self::Provider(provider) => Some(provider),
            Self::Machine | Self::Other => None,
        }
    }
}

impl Provider {
    pub const ALL: [Provider; 9] = [
        Provider::Aws,
        Provider::Gcs,
        Provider::Azure,
        Provider::B2,
        Provider::Wasabi,
        Provider::R2,
        Provider::Scaleway,
        Provider::Ovh,
        Provider::Hetzner,
    ];

    /// Its key in a price file.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Gcs => "gcs",
            Self::Azure => "azure",
            Self::B2 => "b2",
            Self::Wasabi => "wasabi",
            Self::R2 => "r2",
            Self::Scaleway => "scaleway",
            Self::Ovh => "ovh",
            Self::Hetzner => "hetzner",
        }
    }

    /// The storage classes that it has, the one for objects without a class first.
    pub fn classes(self) -> &'static [StorageClass] {
        class::classes(self)
    }

    /// Whether [`Provider::classes`] are all that it has: another name is wrong there.
    pub fn classes_are_complete(self) -> bool {
        self != Self::Ovh
    }

    pub fn class(self, name: &str) -> Option<&'static StorageClass> {
        self.classes().iter().find(|class| class.name == name)
    }

    /// The class of an object that asks for none.
    pub fn default_class(self) -> &'static StorageClass {
        self.classes().first().expect("every provider has a class")
    }
}

/// The name that its customers know: `Amazon S3`.
impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Aws => "Amazon S3",
            Self::Gcs => "Google Cloud Storage",
            Self::Azure => "Azure Blob Storage",
            Self::B2 => "Backblaze B2",
            Self::Wasabi => "Wasabi",
            Self::R2 => "Cloudflare R2",
            Self::Scaleway => "Scaleway",
            Self::Ovh => "OVHcloud",
            Self::Hetzner => "Hetzner",
        })
    }
}

impl serde::Serialize for Provider {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::sample;

    #[test]
    fn the_endpoint_tells_the_provider() {
        let place = |endpoint: &str| Place::of(&sample::store("s3", &[("endpoint", endpoint)]));
        for (endpoint, provider) in [
            ("https://s3.eu-central-1.amazonaws.com", Provider::Aws),
            ("https://storage.googleapis.com/", Provider::Gcs),
            ("https://s3.us-west-004.backblazeb2.com", Provider::B2),
            ("s3.wasabisys.com", Provider::Wasabi),
            ("https://0123456789abcdef.r2.cloudflarestorage.com", Provider::R2),
            ("https://s3.FR-PAR.scw.cloud:443/", Provider::Scaleway),
            ("https://s3.gra.io.cloud.ovh.net", Provider::Ovh),
            ("https://fsn1.your-objectstorage.com", Provider::Hetzner),
        ] {
            assert_eq!(place(endpoint), Place::Provider(provider), "{endpoint}");
        }
        for endpoint in ["http://127.0.0.1:9000", "https://minio.example.com", "https://amazonaws.com.example.org"] {
            assert_eq!(place(endpoint), Place::Other, "{endpoint}");
        }
    }

    #[test]
    fn the_service_tells_the_rest() {
        let place = |service: &str| Place::of(&sample::store(service, &[("bucket", "b")]));
        assert_eq!(place("s3"), Place::Provider(Provider::Aws));
        assert_eq!(place("gcs"), Place::Provider(Provider::Gcs));
        assert_eq!(place("azblob"), Place::Provider(Provider::Azure));
        assert_eq!(place("b2"), Place::Provider(Provider::B2));
        assert_eq!(place("fs"), Place::Machine);
        assert_eq!(place("sftp"), Place::Other);
    }
}

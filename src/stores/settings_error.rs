use super::Service;
use crate::diagnostics::list;

/// A setting of a store is wrong. The message says what; [`SettingsError::help`]
/// what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    #[error("this program has no service `{found}`")]
    UnknownService { found: String, suggestion: Option<&'static str> },
    #[error("`{service}` has no setting `{key}`")]
    UnknownKey { service: &'static str, key: String, suggestion: Option<&'static str> },
    #[error("`{key}` is set twice")]
    RepeatedKey { key: String },
    #[error("`{service}` needs `{key}`")]
    MissingKey { service: &'static str, key: &'static str },
    #[error("`{service}` has no storage class `{class}`")]
    UnknownClass { service: &'static str, class: String, suggestion: Option<&'static str> },
    #[error("a storage class can't be chosen on `{service}`")]
    NoClasses { service: &'static str },
    #[error("server-side encryption can't be chosen on `{service}`")]
    NoEncryption { service: &'static str },
    #[error("the customer's key for server-side encryption is not the base64 of 32 bytes")]
    CustomerKey,
    #[error("`{{{found}}}` is no placeholder")]
    UnknownPlaceholder { found: String, known: &'static [&'static str] },
    #[error("`{{source}}` stands where no source is meant")]
    NoSource,
    #[error("`{key}` can't be the name of metadata")]
    MetadataKey { key: String },
    #[error("`{key}` can't be resolved: {reason}")]
    Secret { key: String, reason: String },
}

impl SettingsError {
    /// What was probably meant.
    pub fn suggestion(&self) -> Option<&'static str> {
        match self {
            Self::UnknownService { suggestion, .. }
            | Self::UnknownKey { suggestion, .. }
            | Self::UnknownClass { suggestion, .. } => *suggestion,
            _ => None,
        }
    }

    /// What to do about it, in one phrase.
    pub fn help(&self) -> String {
        if let Some(name) = self.suggestion() {
            return format!("did you mean `{name}`?");
        }
        let of = |service: &str| Service::find(service);
        match self {
            Self::UnknownService { .. } => {
                format!("use one of {}", list(Service::all().iter().map(|service| service.name), "or"))
            }
            Self::UnknownKey { service, .. } => {
                let usual = of(service).map_or("nothing".to_owned(), |s| list(s.usual_keys.iter().copied(), "and"));
                format!("`{service}` usually takes {usual}")
            }
            Self::UnknownClass { service, .. } => {
                let classes = of(service).map_or(String::new(), |s| list(s.storage_classes.iter().copied(), "or"));
                format!("use one of {classes}")
            }
            Self::RepeatedKey { .. } => "remove one".to_owned(),
            Self::MissingKey { key, .. } => format!("add `{key}` to the store"),
            Self::NoClasses { .. } => "remove `storage-class`; the service or its lifecycle rules decide".to_owned(),
            Self::NoEncryption { .. } => "remove it; `encrypt` encrypts before anything is uploaded".to_owned(),
            Self::CustomerKey => "make one with `openssl rand -base64 32`".to_owned(),
            Self::UnknownPlaceholder { known, .. } => {
                let braced: Vec<String> = known.iter().map(|name| format!("{{{name}}}")).collect();
                format!("use {}", list(braced.iter().map(String::as_str), "or"))
            }
            Self::NoSource => "use `{tier}`, or name the source".to_owned(),
            Self::MetadataKey { .. } => "use letters, digits and `-`".to_owned(),
            Self::Secret { .. } => "set it where the plan runs".to_owned(),
        }
    }
}

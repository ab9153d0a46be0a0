use crate::base::Timestamp;

/// Whether an object may lie in the tier's storage class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Small, read on every run: always in the service's standard class.
    Hot,
    /// In the tier's storage class, which may have to be thawed before a read.
    Data,
}

#[derive(Clone, Copy, Debug)]
pub struct WriteOptions {
    pub class: Class,
    /// About how large the object will be. An object may become twice as large
    /// without passing the service's limit on parts.
    pub expected_bytes: Option<u64>,
}

/// What [`super::Store::put`] does about an object of the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// Fails with `AlreadyExists`, unless it holds the very same bytes.
    IfAbsent,
    /// As `IfAbsent`, for what is deleted again soon: never under an object lock.
    Unlocked,
    Replace,
    /// As `Replace`, for what was written [`Put::Unlocked`].
    Renew,
}

/// An object as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    pub name: String,
    pub size_bytes: u64,
    /// By the service's clock; `None` where it keeps none.
    pub modified: Option<Timestamp>,
}

impl StoredObject {
    pub(super) fn new(name: String, metadata: &opendal::Metadata) -> Self {
        let modified = metadata.last_modified().map(|time| Timestamp::from(std::time::SystemTime::from(time)));
        Self { name, size_bytes: metadata.content_length(), modified }
    }
}

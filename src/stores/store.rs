use super::counters::Counting;
use super::error::{classify, classify_io, scrub};
use super::faults::{Call, Faults, Verdict};
use super::local::LocalFolder;
use super::name::{TEMPORARY_FOLDER, check_name};
use super::object_lock::ObjectLockLayer;
use super::operator::{OperatorError, build, hardened};
use super::pace::Pace;
use super::remote::Upload;
use super::runtime::{block_on, install_http_transport};
use super::writer::Sink;
use super::{
    Class, Counters, ObjectReader, ObjectWriter, Operation, Put, Service, SettingsError, StoreError, StoreErrorKind,
    StoreSettings, StoredObject, WriteOptions,
};
use futures_util::TryStreamExt as _;
use opendal::{EntryMode, Operator};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// A flat set of named objects. Cheap to clone; clones share connections,
/// rates and counters. Calls block, and may come from any number of threads.
///
/// Requests that may succeed later have been repeated when a call fails.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
    faults: Option<Arc<Faults>>,
}

pub(super) struct Inner {
    service: &'static Service,
    /// What [`Store::describe`] says.
    place: String,
    endpoint: String,
    backend: Backend,
    pub(super) metadata: Vec<(String, String)>,
    /// Values to blank in messages.
    secrets: Vec<String>,
    pub(super) upload: Pace,
    pub(super) download: Pace,
    pub(super) counting: Counting,
    retries: Option<usize>,
    /// Parts in flight for each object that is read or written.
    pub(super) concurrency: usize,
}

enum Backend {
    Remote {
        hot: Operator,
        data: Operator,
        /// As `hot`, but objects are not locked.
        unlocked: Operator,
    },
    /// The operator reads; it exists once the root does, for making it creates the root.
    Folder { folder: LocalFolder, operator: OnceLock<Operator> },
}

/// Parts in flight for one object unless the tier says less. Chosen: enough to
/// hide a round trip, four parts' memory.
const DEFAULT_CONCURRENCY: usize = 4;

impl Store {
    /// Checks the settings and makes ready. Connects to nothing, creates nothing.
    ///
    /// # Errors
    ///
    /// Of kind `Settings`.
    pub fn open(settings: &StoreSettings) -> Result<Store, StoreError> {
        let place = settings.place();
        let secrets = settings.secret_values();
        let wrong = |detail: &str| StoreError {
            kind: StoreErrorKind::Settings,
            operation: Operation::Open,
            object: None,
            store: place.clone(),
            detail: scrub(detail, &secrets),
        };
        let said = |error: &SettingsError| format!("{error}; {}", error.help());
        let service = settings.validate().map_err(|error| wrong(&said(&error)))?;
        let backend = if service.name == "fs" {
            let setting = |key: &str| settings.settings.get(key).map(PathBuf::from);
            let root = setting("root").expect("validated settings of `fs` have a root");
            if let Some(detail) = never_a_folder(&root) {
                return Err(wrong(&detail));
            }
            Backend::Folder { folder: LocalFolder::new(root, setting("atomic_write_dir")), operator: OnceLock::new() }
        } else {
            install_http_transport().map_err(|error| wrong(&error))?;
            let build = |class| {
                build(service, settings, class).map_err(|error| match error {
                    OperatorError::Settings(error) => wrong(&said(&error)),
                    OperatorError::OpenDal(error) => wrong(&classify(&error).1),
                })
            };
            let hot = build(Class::Hot)?;
            let data = if settings.chooses_class() { build(Class::Data)? } else { hot.clone() };
            // Only S3 is told object by object.
            let lock = settings.lock.filter(|_| service.name == "s3");
            let lock = lock.map(|lock| ObjectLockLayer::new(lock, settings));
            let locked = |operator: &Operator| match &lock {
                Some(lock) => operator.clone().layer(lock.clone()),
                None => operator.clone(),
            };
            Backend::Remote { hot: locked(&hot), data: locked(&data), unlocked: hot }
        };
        Ok(Self::assemble(Inner {
            service,
            endpoint: settings.settings.get("endpoint").cloned().unwrap_or_default(),
            backend,
            metadata: settings.metadata.clone(),
            upload: Pace::new(settings.upload),
            download: Pace::new(settings.download),
            counting: Counting::default(),
            retries: settings.retries,
            concurrency: settings
                .concurrency
                .map_or(DEFAULT_CONCURRENCY, |n| (n as usize).clamp(1, DEFAULT_CONCURRENCY)),
            place,
            secrets,
        }))
    }

    /// An empty store in this process's memory.
    pub fn memory() -> Store {
        let settings = StoreSettings::new("memory", []);
        Self::open(&settings).expect("a store in memory needs no settings")
    }

    /// A store over an operator made elsewhere, for services and layers that a
    /// plan can't name.
    ///
    /// # Panics
    ///
    /// If the service is none of [`Service::all`].
    pub fn from_operator(operator: Operator) -> Store {
        let operator_info = operator.info();
        let service = Service::find(operator_info.scheme()).expect("a service of this program");
        Self::assemble(Inner {
            service,
            place: format!("{}://{}{}", service.name, operator_info.name(), operator_info.root()),
            endpoint: String::new(),
            backend: Backend::Remote { hot: operator.clone(), data: operator.clone(), unlocked: operator },
            metadata: Vec::new(),
            secrets: Vec::new(),
            upload: Pace::new(None),
            download: Pace::new(None),
            counting: Counting::default(),
            retries: None,
            concurrency: DEFAULT_CONCURRENCY,
        })
    }

    fn assemble(inner: Inner) -> Store {
        Store { inner: Arc::new(inner), faults: None }
    }

    /// The same store, failing as told. See [`super::testing`].
    pub fn with_faults(&self, faults: Arc<Faults>) -> Store {
        Store { inner: self.inner.clone(), faults: Some(faults) }
    }

    /// Whether it is a folder of this machine: reading it is no request to a service.
    pub fn is_local(&self) -> bool {
        matches!(self.inner.backend, Backend::Folder { .. })
    }

    /// `s3://bucket/root`; holds no secret.
    pub fn describe(&self) -> String {
        self.inner.place.clone()
    }

    pub fn counters(&self) -> Counters {
        self.inner.counting.snapshot()
    }

    /// Whether of two [`Put::IfAbsent`] at the same moment only one succeeds.
    /// Elsewhere the store looks first and writes then.
    pub fn creates_exclusively(&self) -> bool {
        match &self.inner.backend {
            Backend::Folder { .. } => true,
            Backend::Remote { hot, .. } => {
                hot.info().capability().write_with_if_not_exists && !self.inner.service.rename_to_commit
            }
        }
    }

    /// Whether the service takes an object part by part. One that does not makes
    /// [`ObjectWriter`] hold the whole object in memory: keep objects small.
    pub fn streams_uploads(&self) -> bool {
        match &self.inner.backend {
            Backend::Folder { .. } => true,
            Backend::Remote { hot, .. } => Upload::streams(hot),
        }
    }

    /// Begins an object. Nothing is visible before [`ObjectWriter::finish`],
    /// which replaces an object of that name.
    pub fn create(&self, name: &str, options: &WriteOptions) -> Result<ObjectWriter, StoreError> {
        let failed = |error| self.failure(Operation::Write, Some(name), error);
        self.check(Operation::Write, name)?;
        let verdict = self.meet_fault(Call::Create, Operation::Write, Some(name))?;
        let part_bytes = self.inner.service.part_bytes(&self.inner.endpoint, options.expected_bytes);
        let sink = match &self.inner.backend {
            Backend::Folder { folder, .. } => {
                Sink::Local(folder.create().map_err(|error| self.io_failure(Operation::Write, name, &error))?)
            }
            Backend::Remote { hot, data, .. } => {
                let operator = if options.class == Class::Hot { hot } else { data };
                let operator = hardened(operator, self.inner.retries, part_bytes, self.inner.concurrency);
                Sink::Remote(self.upload(operator).begin(name, part_bytes, self.inner.concurrency).map_err(failed)?)
            }
        };
        self.lose_answer(verdict, Operation::Write, Some(name))?;
        Ok(ObjectWriter::new(self.clone(), name, sink, part_bytes))
    }

    fn upload(&self, operator: Operator) -> Upload {
        let stores_metadata = operator.info().capability().write_with_user_metadata;
        Upload {
            operator,
            metadata: if stores_metadata { self.inner.metadata.clone() } else { Vec::new() },
            rename_to_commit: self.inner.service.rename_to_commit,
        }
    }

    /// Writes a small object of class [`Class::Hot`] at once.
    pub fn put(&self, name: &str, bytes: &[u8], how: Put) -> Result<(), StoreError> {
        self.check(Operation::Write, name)?;
        let verdict = self.meet_fault(Call::Put, Operation::Write, Some(name))?;
        self.inner.upload.take(bytes.len());
        match self.put_once(name, bytes, how) {
            // A repeated request meets its own success, whose answer was lost.
            Err(error) if error.kind == StoreErrorKind::AlreadyExists && self.holds(name, bytes) => {}
            result => result?,
        }
        self.inner.counting.wrote(1, bytes.len() as u64);
        self.lose_answer(verdict, Operation::Write, Some(name))
    }

    fn put_once(&self, name: &str, bytes: &[u8], how: Put) -> Result<(), StoreError> {
        let replace = matches!(how, Put::Replace | Put::Renew);
        let already_exists = || self.error(StoreErrorKind::AlreadyExists, Operation::Write, Some(name), "");
        match &self.inner.backend {
            Backend::Folder { folder, .. } => {
                let write = || {
                    let mut file = folder.create()?;
                    io::Write::write_all(&mut file, bytes)?;
                    folder.commit(file, name, replace, &self.inner.metadata)
                };
                write().map_err(|error| self.io_failure(Operation::Write, name, &error))
            }
            Backend::Remote { hot, unlocked, .. } => {
                let operator = if matches!(how, Put::Unlocked | Put::Renew) { unlocked } else { hot };
                let operator = hardened(operator, self.inner.retries, bytes.len() as u64, 1);
                if !replace && !self.creates_exclusively() && self.look_up(&operator, name)?.is_some() {
                    return Err(already_exists());
                }
                let exclusively = !replace && self.creates_exclusively();
                let put = self.upload(operator).put(name, bytes, exclusively);
                put.map_err(|error| self.failure(Operation::Write, Some(name), error))
            }
        }
    }

    fn holds(&self, name: &str, bytes: &[u8]) -> bool {
        self.read_whole(name, bytes.len() as u64).is_ok_and(|stored| stored == bytes)
    }

    /// The whole object.
    ///
    /// # Errors
    ///
    /// `TooLarge` if it has more than `max_bytes`, of which no more are read.
    pub fn read(&self, name: &str, max_bytes: u64) -> Result<Vec<u8>, StoreError> {
        self.check(Operation::Read, name)?;
        let verdict = self.meet_fault(Call::Read, Operation::Read, Some(name))?;
        let bytes = self.read_whole(name, max_bytes)?;
        self.received(bytes.len());
        self.lose_answer(verdict, Operation::Read, Some(name))?;
        Ok(bytes)
    }

    fn read_whole(&self, name: &str, max_bytes: u64) -> Result<Vec<u8>, StoreError> {
        let failed = |error| self.failure(Operation::Read, Some(name), error);
        let operator = self.existing_reader(name)?;
        block_on(async {
            let reader = operator.reader(name).await.map_err(failed)?;
            let mut stream = reader.into_stream(..).await.map_err(failed)?;
            let mut bytes = Vec::new();
            while let Some(buffer) = stream.try_next().await.map_err(failed)? {
                if (bytes.len() + buffer.len()) as u64 > max_bytes {
                    let detail = format!("more than {max_bytes} bytes");
                    return Err(self.error(StoreErrorKind::TooLarge, Operation::Read, Some(name), &detail));
                }
                for chunk in buffer {
                    bytes.extend_from_slice(&chunk);
                }
            }
            Ok(bytes)
        })
    }

    /// Fills `into` with the bytes from `offset` on; an object that ends before is an error.
    pub fn read_range(&self, name: &str, offset: u64, into: &mut [u8]) -> Result<(), StoreError> {
        self.check(Operation::Read, name)?;
        let verdict = self.meet_fault(Call::Read, Operation::Read, Some(name))?;
        let short = |detail: &str| self.error(StoreErrorKind::Unexpected, Operation::Read, Some(name), detail);
        let end = offset.checked_add(into.len() as u64).ok_or_else(|| short("the range has no end"))?;
        if into.is_empty() {
            return Ok(());
        }
        match &self.inner.backend {
            // Straight from the file: the runtime's threads would only hand the bytes over.
            Backend::Folder { folder, .. } => {
                folder.read_range(name, offset, into).map_err(|error| match error.kind() {
                    io::ErrorKind::UnexpectedEof => short("it ends before the range does"),
                    _ => self.io_failure(Operation::Read, name, &error),
                })?;
            }
            Backend::Remote { .. } => {
                let operator = self.existing_reader(name)?;
                let bytes = block_on(operator.read_with(name).range(offset..end).into_future())
                    .map_err(|error| self.failure(Operation::Read, Some(name), error))?;
                if bytes.len() != into.len() {
                    return Err(short("it ends before the range does"));
                }
                let mut filled = 0;
                for chunk in bytes {
                    into[filled..filled + chunk.len()].copy_from_slice(&chunk);
                    filled += chunk.len();
                }
            }
        }
        self.received(into.len());
        self.lose_answer(verdict, Operation::Read, Some(name))
    }

    /// Reads the object from its start to its end, some ranges ahead.
    pub fn stream(&self, name: &str) -> Result<ObjectReader, StoreError> {
        match self.stat(name)? {
            Some(object) => self.stream_sized(name, object.size_bytes),
            None => Err(self.error(StoreErrorKind::NotFound, Operation::Read, Some(name), "")),
        }
    }

    /// [`Store::stream`] for an object known to have `size_bytes`, which saves a
    /// request. If it has fewer, reading fails; more are not read.
    pub fn stream_sized(&self, name: &str, size_bytes: u64) -> Result<ObjectReader, StoreError> {
        self.check(Operation::Read, name)?;
        Ok(ObjectReader::new(self.clone(), self.existing_reader(name)?, name, size_bytes))
    }

    /// `None`: there is no such object.
    pub fn stat(&self, name: &str) -> Result<Option<StoredObject>, StoreError> {
        self.check(Operation::Stat, name)?;
        let verdict = self.meet_fault(Call::Stat, Operation::Stat, Some(name))?;
        let found = match self.reader_operator(Operation::Stat, Some(name))? {
            Some(operator) => self.look_up(&operator, name)?,
            None => None,
        };
        self.inner.counting.looked_up();
        self.lose_answer(verdict, Operation::Stat, Some(name))?;
        Ok(found)
    }

    fn look_up(&self, operator: &Operator, name: &str) -> Result<Option<StoredObject>, StoreError> {
        match block_on(operator.stat(name)) {
            Ok(metadata) if metadata.is_file() => Ok(Some(StoredObject::new(name.to_owned(), &metadata))),
            Ok(_) => Ok(None),
            Err(error) => match self.failure(Operation::Stat, Some(name), error) {
                error if error.kind == StoreErrorKind::NotFound => Ok(None),
                error => Err(error),
            },
        }
    }

    /// Every object whose name starts with `prefix` (empty: every object),
    /// sorted by name.
    pub fn list(&self, prefix: &str) -> Result<Vec<StoredObject>, StoreError> {
        let object = (!prefix.is_empty()).then_some(prefix);
        if !prefix.is_empty() {
            self.check(Operation::List, prefix.trim_end_matches('/'))?;
        }
        let verdict = self.meet_fault(Call::List, Operation::List, object)?;
        // The part up to the last `/` is listed and the rest compared here, for
        // only some services know prefixes that are no folders.
        let folder = prefix.rfind('/').map_or("", |at| &prefix[..=at]);
        let mut objects = Vec::new();
        if let Some(operator) = self.reader_operator(Operation::List, object)? {
            let entries = match block_on(operator.list_with(folder).recursive(true).into_future()) {
                Ok(entries) => entries,
                Err(error) => match self.failure(Operation::List, object, error) {
                    error if error.kind == StoreErrorKind::NotFound => Vec::new(),
                    error => return Err(error),
                },
            };
            objects.extend(entries.into_iter().filter_map(|entry| {
                let (name, metadata) = entry.into_parts();
                let shown = metadata.mode() == EntryMode::FILE && name.starts_with(prefix);
                let unfinished = name.split('/').next() == Some(TEMPORARY_FOLDER);
                (shown && !unfinished).then(|| StoredObject::new(name, &metadata))
            }));
        }
        objects.sort_by(|a, b| a.name.cmp(&b.name));
        self.inner.counting.listed();
        self.lose_answer(verdict, Operation::List, object)?;
        Ok(objects)
    }

    /// Deletes in this order, in batches where the service can. Names that are
    /// not there are fine.
    pub fn delete(&self, names: &[String]) -> Result<(), StoreError> {
        let first = names.first().map(String::as_str);
        names.iter().try_for_each(|name| self.check(Operation::Delete, name))?;
        let verdict = self.meet_fault(Call::Delete, Operation::Delete, first)?;
        if let Some(operator) = self.reader_operator(Operation::Delete, first)? {
            block_on(operator.delete_iter(names.iter().cloned()))
                .map_err(|error| self.failure(Operation::Delete, first, error))?;
        }
        if let Backend::Folder { folder, .. } = &self.inner.backend {
            let first = first.unwrap_or_default();
            folder.sync_parents(names).map_err(|error| self.io_failure(Operation::Delete, first, &error))?;
        }
        self.inner.counting.deleted(names.len() as u64);
        self.lose_answer(verdict, Operation::Delete, first)
    }

    /// The operator for everything but writing; `None` while a local root does not exist.
    fn reader_operator(&self, operation: Operation, object: Option<&str>) -> Result<Option<Operator>, StoreError> {
        let operator = match &self.inner.backend {
            Backend::Remote { hot, .. } => hot,
            Backend::Folder { folder, operator } => match operator.get() {
                Some(operator) => operator,
                None if !folder.root().exists() => return Ok(None),
                None => {
                    let root = folder.root().to_string_lossy();
                    let opened = Operator::new(opendal::services::Fs::default().root(&root))
                        .map_err(|error| self.failure(operation, object, error))?;
                    operator.get_or_init(|| opened)
                }
            },
        };
        let concurrency = self.inner.concurrency;
        Ok(Some(hardened(operator, self.inner.retries, super::reader::RANGE_BYTES, concurrency)))
    }

    fn existing_reader(&self, name: &str) -> Result<Operator, StoreError> {
        let operator = self.reader_operator(Operation::Read, Some(name))?;
        operator.ok_or_else(|| self.error(StoreErrorKind::NotFound, Operation::Read, Some(name), ""))
    }

    fn received(&self, bytes: usize) {
        self.inner.download.take(bytes);
        self.inner.counting.read(bytes as u64);
    }

    fn check(&self, operation: Operation, name: &str) -> Result<(), StoreError> {
        check_name(name).map_err(|reason| self.error(StoreErrorKind::BadName, operation, Some(name), reason))
    }
}

/// What readers and writers of one object share with the store.
impl Store {
    pub(super) fn inner(&self) -> &Inner {
        &self.inner
    }

    pub(super) fn folder(&self) -> Option<&LocalFolder> {
        match &self.inner.backend {
            Backend::Folder { folder, .. } => Some(folder),
            Backend::Remote { .. } => None,
        }
    }

    pub(super) fn faults(&self) -> Option<&Faults> {
        self.faults.as_deref()
    }

    pub(super) fn error(
        &self,
        kind: StoreErrorKind,
        operation: Operation,
        object: Option<&str>,
        detail: &str,
    ) -> StoreError {
        StoreError {
            kind,
            operation,
            object: object.map(str::to_owned),
            store: self.inner.place.clone(),
            detail: scrub(detail, &self.inner.secrets),
        }
    }

    pub(super) fn failure(&self, operation: Operation, object: Option<&str>, error: opendal::Error) -> StoreError {
        let (kind, said) = classify(&error);
        self.error(kind, operation, object, &said)
    }

    pub(super) fn io_failure(&self, operation: Operation, object: &str, error: &io::Error) -> StoreError {
        self.error(classify_io(error), operation, Some(object), &error.to_string())
    }

    pub(super) fn meet_fault(
        &self,
        call: Call,
        operation: Operation,
        object: Option<&str>,
    ) -> Result<Verdict, StoreError> {
        match self.faults.as_ref().map_or(Verdict::Proceed, |faults| faults.at_call(call)) {
            Verdict::Fail(kind) => Err(self.error(kind, operation, object, "a fault made for a test")),
            verdict => Ok(verdict),
        }
    }

    pub(super) fn lose_answer(
        &self,
        verdict: Verdict,
        operation: Operation,
        object: Option<&str>,
    ) -> Result<(), StoreError> {
        match verdict {
            Verdict::ProceedThenFail(kind) => Err(self.error(kind, operation, object, "a fault made for a test")),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.inner.place).finish()
    }
}

/// Why a path can never be a folder, so that nobody waits for it. One that is not
/// there may come, and so may access to it.
fn never_a_folder(root: &Path) -> Option<String> {
    let what = match std::fs::metadata(root) {
        Ok(found) if !found.is_dir() => "is no folder".to_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            "lies below something that is no folder".to_owned()
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidFilename || is_loop(&error) => {
            format!("can't be a folder: {}", crate::files::plain_reason(&error))
        }
        _ => return None,
    };
    Some(format!("it {what}; name another `root`, or move away what is there"))
}

/// The standard library has no stable name for it.
fn is_loop(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

use super::forgotten::Forgotten;
use super::layout;
use super::verify::objects_of;
use super::{Catalogue, Repository, RepositoryError, go_on};
use crate::archive::RunRecord;
use crate::base::{Cancellation, Context};
use crate::stores::{Class, Put, StoreErrorKind, WriteOptions};
use std::collections::{BTreeSet, HashMap};
use std::io::{Read, Write};

/// What a copy did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CopyOutcome {
    /// Snapshots that the target has now and had not before.
    pub snapshots: u64,
    pub objects: u64,
    pub bytes: u64,
}

/// Copies the snapshots of a source that are newer than any `to` has, object by
/// object as they are stored: no key is needed, and the target can be read by whoever can
/// read the original. Makes the target repository where there is none.
///
/// A snapshot without a run record is passed over: nobody knows what it needs.
///
/// # Errors
/// Among others where it is cancelled, which it looks for before each listing and each object. What
/// was copied stays, and the next copy goes on from there.
pub fn copy(
    from: &Catalogue<'_>,
    to: &crate::stores::Store,
    source: &str,
    context: &Context,
    cancel: &Cancellation,
) -> Result<CopyOutcome, RepositoryError> {
    let target = match Repository::find(to)? {
        Some(target) => target,
        None => Repository::create(to, context)?,
    };
    go_on(cancel)?;
    let present: BTreeSet<String> = target.store.list("")?.into_iter().map(|object| object.name).collect();
    go_on(cancel)?;
    let sizes: HashMap<String, u64> =
        from.store().list("")?.into_iter().map(|object| (object.name, object.size_bytes)).collect();
    go_on(cancel)?;
    let records = from.records_unless(None, cancel)?;
    go_on(cancel)?;
    // By object: the record of the run that lists it, which need not be in its name.
    let owners: HashMap<&str, String> = records
        .iter()
        .flat_map(|record| {
            let name = layout::run_record(&record.source, &record.run);
            record.objects.iter().map(move |object| (object.name.as_str(), name.clone()))
        })
        .collect();
    let mut outcome = CopyOutcome::default();
    let mut copied: BTreeSet<String> = BTreeSet::new();
    // What the target's own retention has forgotten must not come back.
    let newest =
        present.iter().filter(|name| name.starts_with(layout::SNAPSHOTS)).filter_map(|name| layout::parse(name));
    let newest = newest.filter(|(of, _)| of == source).map(|(_, run)| run.started).max();
    for info in from.snapshots(Some(source))? {
        // The ids of one second are in no order.
        let is_new = newest.is_none_or(|newest| info.run.started >= newest) && !present.contains(&info.name);
        let Some(record) = info.record.as_ref().filter(|_| is_new) else { continue };
        let mut needed: BTreeSet<String> =
            objects_of(record).filter(|name| *name != info.name).map(String::from).collect();
        // Of earlier runs only objects may be needed; their records tell how to verify those.
        let owning: BTreeSet<String> = needed.iter().filter_map(|name| owners.get(name.as_str())).cloned().collect();
        leave_behind(&target, record, owning.iter().filter(|name| !present.contains(*name)), &copied)?;
        needed.extend(owning);
        let own_record = layout::run_record(&record.source, &record.run);
        for name in needed.iter().filter(|name| **name != own_record).chain([&own_record, &info.name]) {
            if present.contains(name) || !copied.insert(name.clone()) {
                continue;
            }
            let Some(size) = sizes.get(name) else {
                if name.starts_with(layout::RUNS) {
                    continue;
                }
                return Err(RepositoryError::Missing { store: from.store().describe(), object: name.clone() });
            };
            go_on(cancel)?;
            copy_object(from, &target, name, *size, cancel)?;
            outcome.objects += 1;
            outcome.bytes += size;
        }
        outcome.snapshots += 1;
    }
    Ok(outcome)
}

/// Writes down of which earlier runs only records and objects are copied for the sake of `record`'s
/// snapshot, before they come: a verification would take their snapshots for deleted ones.
fn leave_behind<'n>(
    to: &Repository,
    record: &RunRecord,
    owning: impl Iterator<Item = &'n String>,
    copied: &BTreeSet<String>,
) -> Result<(), RepositoryError> {
    let snapshots = owning.filter_map(|name| layout::parse(name)).filter(|(_, run)| *run < record.run);
    let mut left = Forgotten::default();
    for (source, run) in snapshots {
        let [sealed, plain] = [true, false].map(|encrypted| layout::snapshot(&source, &run, encrypted));
        if !copied.contains(&sealed) && !copied.contains(&plain) {
            left.names.insert(sealed);
        }
    }
    if left.names.is_empty() {
        return Ok(());
    }
    match left.write(&to.store, &record.run) {
        // Of a copy that was cut off: its list names these and more.
        Err(RepositoryError::Store(error)) if error.kind == StoreErrorKind::AlreadyExists => Ok(()),
        written => written,
    }
}

fn copy_object(
    from: &Catalogue<'_>,
    to: &Repository,
    name: &str,
    size: u64,
    cancel: &Cancellation,
) -> Result<(), RepositoryError> {
    let read_failed = |error| RepositoryError::io(from.store(), name, error);
    let write_failed = |error| RepositoryError::io(&to.store, name, error);
    if !name.starts_with(layout::ARCHIVES) && !name.starts_with(layout::TREES) {
        let bytes = from.store().read(name, size)?;
        return match to.store.put(name, &bytes, Put::IfAbsent) {
            Err(error) if error.kind == StoreErrorKind::AlreadyExists => Ok(()),
            other => Ok(other?),
        };
    }
    let class = if name.starts_with(layout::ARCHIVES) { Class::Data } else { Class::Hot };
    let mut input = from.store().stream_sized(name, size)?;
    let mut output = to.store.create(name, &WriteOptions { class, expected_bytes: Some(size) })?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        go_on(cancel)?;
        let count = input.read(&mut buffer).map_err(read_failed)?;
        if count == 0 {
            break;
        }
        output.write_all(&buffer[..count]).map_err(write_failed)?;
    }
    Ok(output.finish()?)
}

//! Where good bytes of a damaged object are.

use super::{Mend, Origin, RepairRequest, derive, record, snapshot};
use crate::archive::{FormatError, HashingWriter, RunRecord, StoredObject};
use crate::repository::verify::{VerifyOutcome, VerifyProblem, sha256_of};
use crate::repository::{Catalogue, RepositoryError, go_on, layout};
use crate::stores::{Put, Store, StoreError, StoreErrorKind};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Write};

/// Looks for what mends a repository, and keeps what it made anew for that.
pub(super) struct Search<'a> {
    pub(super) request: &'a RepairRequest<'a>,
    /// What is derived.
    made: Store,
    /// By object: why what was found is of no use.
    refused: BTreeMap<String, Vec<String>>,
    /// What was looked for in other tiers: a name and a sum, as far as any is known.
    sought: BTreeSet<(String, Option<String>)>,
}

impl<'a> Search<'a> {
    pub(super) fn new(request: &'a RepairRequest<'a>) -> Self {
        Self { request, made: Store::memory(), refused: BTreeMap::new(), sought: BTreeSet::new() }
    }

    /// What mends these problems, of what is not among `mends` already. Something is derived only
    /// where no copy is found any more: the copies may be what it is derived from.
    pub(super) fn find(
        &mut self,
        catalogue: &Catalogue<'_>,
        verified: &VerifyOutcome,
        mends: &[Mend],
        may_derive: bool,
    ) -> Result<Vec<Mend>, RepositoryError> {
        let records = catalogue.records(None)?;
        // Of several that list an object the last one counts.
        let sums: HashMap<&str, &StoredObject> =
            records.iter().flat_map(|record| &record.objects).map(|object| (object.name.as_str(), object)).collect();
        let open: Vec<(&VerifyProblem, Option<&StoredObject>)> = verified
            .problems
            .iter()
            .filter(|problem| mends.iter().all(|mend| mend.object != problem.object))
            .map(|problem| (problem, sums.get(problem.object.as_str()).copied()))
            .collect();
        let mut found: BTreeMap<String, Mend> = BTreeMap::new();
        for (problem, sum) in &open {
            let mend = self.copy(catalogue, problem, *sum)?;
            found.extend(mend.map(|mend| (mend.object.clone(), mend)));
        }
        if found.is_empty() && may_derive {
            for (problem, _) in open.iter().filter(|(problem, _)| problem.object.starts_with(layout::INDEXES)) {
                for mend in self.ingredients(catalogue, problem, &sums, mends)? {
                    found.insert(mend.object.clone(), mend);
                }
            }
        }
        if found.is_empty() && may_derive {
            for (problem, sum) in &open {
                let mend = self.derive(catalogue, problem, *sum, &records)?;
                found.extend(mend.map(|mend| (mend.object.clone(), mend)));
            }
        }
        Ok(found.into_values().collect())
    }

    /// The same object in another tier.
    fn copy(
        &mut self,
        catalogue: &Catalogue<'_>,
        problem: &VerifyProblem,
        sum: Option<&StoredObject>,
    ) -> Result<Option<Mend>, RepositoryError> {
        go_on(&self.request.cancel)?;
        let name = &problem.object;
        if name.ends_with('/') {
            return record::remembered(self, problem);
        }
        // A record may name anything.
        if layout::parse(name).is_none() || !self.sought.insert((name.clone(), sum.map(|sum| sum.sha256.clone()))) {
            return Ok(None);
        }
        if name.starts_with(layout::RUNS) {
            return record::copy(self, catalogue, problem);
        }
        let Some(sum) = sum else { return Ok(None) };
        if self.is_good(self.request.repository().store(), sum)? {
            self.refuse(name, "it is stored as it was written, so no copy is better".to_owned());
            return Ok(None);
        }
        for donor in self.request.donors {
            match holds(donor.catalogue.store(), sum, self.request) {
                Ok(true) => {
                    let origin = Origin::Tier(donor.tier.to_owned());
                    return Ok(Some(self.mend(problem, origin, sum.clone(), donor.catalogue.store())));
                }
                Ok(false) => {}
                Err(error) => self.passed_over(name, donor.tier, error)?,
            }
        }
        Ok(None)
    }

    /// Copies of what an index is derived from, where that is damaged: without the index nothing was read of it.
    fn ingredients(
        &mut self,
        catalogue: &Catalogue<'_>,
        index: &VerifyProblem,
        sums: &HashMap<&str, &StoredObject>,
        mends: &[Mend],
    ) -> Result<Vec<Mend>, RepositoryError> {
        let Some((source, run)) = layout::parse(&index.object) else { return Ok(Vec::new()) };
        let mut found = Vec::new();
        for folder in [layout::ARCHIVES, layout::TREES] {
            let mut objects = catalogue.list(&format!("{folder}{}/", layout::component(&source)))?;
            objects.retain(|object| layout::parse(&object.name).is_some_and(|(_, of)| of == run));
            for object in objects.iter().filter(|object| mends.iter().all(|mend| mend.object != object.name)) {
                let Some(sum) = sums.get(object.name.as_str()) else { continue };
                if self.is_good(self.request.repository().store(), sum)? {
                    continue;
                }
                let problem = VerifyProblem {
                    object: object.name.clone(),
                    problem: "its bytes are not those that were written".to_owned(),
                    snapshots: index.snapshots.clone(),
                };
                found.extend(self.copy(catalogue, &problem, Some(sum))?);
            }
        }
        Ok(found)
    }

    /// What can be made anew from what the repository holds.
    fn derive(
        &mut self,
        catalogue: &Catalogue<'_>,
        problem: &VerifyProblem,
        sum: Option<&StoredObject>,
        records: &[RunRecord],
    ) -> Result<Option<Mend>, RepositoryError> {
        let name = &problem.object;
        let Some((source, run)) = layout::parse(name) else { return Ok(None) };
        // One that is as it was written can't be made better.
        if let Some(sum) = sum
            && self.is_good(self.request.repository().store(), sum)?
        {
            return Ok(None);
        }
        let made = if name.starts_with(layout::INDEXES) {
            derive::index(self.request, catalogue, name, records)
        } else if name.starts_with(layout::SNAPSHOTS) {
            snapshot::derive(self.request, catalogue, name, records)
        } else if name.starts_with(layout::RUNS) {
            record::derive(self.request, catalogue, (&source, &run), records)
        } else {
            return Ok(None);
        };
        match made {
            Ok(bytes) => self.derived(problem, &bytes, sum).map(Some),
            Err(RepositoryError::Cancelled) => Err(RepositoryError::Cancelled),
            Err(error) => {
                let why = match error {
                    RepositoryError::Object {
                        object,
                        source: FormatError::Corrupt { what: derive::IT, detail },
                        ..
                    } if object == *name => detail,
                    RepositoryError::Object { object, source, .. } if object == *name => source.to_string(),
                    other => other.to_string(),
                };
                self.refuse(name, format!("no other tier has it whole, and it can't be made anew: {why}"));
                Ok(None)
            }
        }
    }

    /// Whether an object is there and hashes right.
    fn is_good(&self, store: &Store, sum: &StoredObject) -> Result<bool, RepositoryError> {
        match holds(store, sum, self.request) {
            Err(RepositoryError::Store(error)) if error.kind == StoreErrorKind::Archived => Ok(true),
            Err(error) if error.is_damage() => Ok(false),
            other => other,
        }
    }

    /// A donor that can't be read is no reason to mend nothing.
    pub(super) fn passed_over(
        &mut self,
        object: &str,
        tier: &str,
        error: RepositoryError,
    ) -> Result<(), RepositoryError> {
        match error {
            RepositoryError::Cancelled => Err(error),
            RepositoryError::Store(StoreError { kind: StoreErrorKind::Archived, .. }) => {
                self.refuse(object, format!("tier `{tier}` has it in an archive class: thaw it there first"));
                Ok(())
            }
            error => {
                self.refuse(object, format!("tier `{tier}` could not be read: {error}"));
                Ok(())
            }
        }
    }

    pub(super) fn refuse(&mut self, object: &str, why: String) {
        let reasons = self.refused.entry(object.to_owned()).or_default();
        if !reasons.contains(&why) {
            reasons.push(why);
        }
    }

    pub(super) fn refused(self) -> BTreeMap<String, String> {
        self.refused.into_iter().map(|(object, reasons)| (object, reasons.join("; "))).collect()
    }

    pub(super) fn mend(&self, problem: &VerifyProblem, origin: Origin, sum: StoredObject, from: &Store) -> Mend {
        Mend {
            object: sum.name,
            problem: problem.problem.clone(),
            snapshots: problem.snapshots.clone(),
            origin,
            size: sum.size,
            sha256: sum.sha256,
            recorded: None,
            from: from.clone(),
        }
    }

    /// Keeps an object that was made anew. `recorded`: what a record says that it was.
    pub(super) fn derived(
        &self,
        problem: &VerifyProblem,
        bytes: &[u8],
        recorded: Option<&StoredObject>,
    ) -> Result<Mend, RepositoryError> {
        let sum = keep(&self.made, &problem.object, bytes)?;
        let mend = self.mend(problem, Origin::Derived, sum, &self.made);
        Ok(Mend { recorded: recorded.map(|object| object.sha256.clone()), ..mend })
    }

    /// The records of this repair: one a source of which something is derived that a record gives a sum of.
    pub(super) fn records(&self, mends: &[Mend]) -> Result<Vec<Mend>, RepositoryError> {
        let mut by_source: BTreeMap<String, Vec<StoredObject>> = BTreeMap::new();
        for mend in mends.iter().filter(|mend| mend.origin == Origin::Derived) {
            let is_data = !mend.object.starts_with(layout::RUNS);
            if let Some((source, _)) = layout::parse(&mend.object).filter(|_| is_data) {
                let (name, sha256) = (mend.object.clone(), mend.sha256.clone());
                by_source.entry(source).or_default().push(StoredObject { name, size: mend.size, sha256 });
            }
        }
        let records = by_source.into_iter().map(|(source, objects)| {
            let record = record::of_repair(self.request, &source, objects);
            let object = layout::run_record(&source, &self.request.run);
            let sum = keep(&self.made, &object, &record::bytes(&record))?;
            let problem = VerifyProblem { object, problem: String::new(), snapshots: Vec::new() };
            Ok(self.mend(&problem, Origin::Derived, sum, &self.made))
        });
        records.collect()
    }
}

fn keep(made: &Store, name: &str, bytes: &[u8]) -> Result<StoredObject, RepositoryError> {
    made.put(name, bytes, Put::Replace)?;
    Ok(sum_of(name, bytes))
}

pub(super) fn sum_of(name: &str, bytes: &[u8]) -> StoredObject {
    let mut hasher = HashingWriter::new(io::sink());
    hasher.write_all(bytes).expect("a sink takes everything");
    let (_, size, sha256) = hasher.finish();
    StoredObject { name: name.to_owned(), size, sha256 }
}

/// Whether a store has an object with these very bytes.
pub(super) fn holds(store: &Store, sum: &StoredObject, request: &RepairRequest<'_>) -> Result<bool, RepositoryError> {
    let is_as_long = store.stat(&sum.name)?.is_some_and(|found| found.size_bytes == sum.size);
    Ok(is_as_long && hashed(store, &sum.name, sum.size, request)?.sha256 == sum.sha256)
}

/// An object that has `size` bytes, with its sum.
pub(super) fn hashed(
    store: &Store,
    name: &str,
    size: u64,
    request: &RepairRequest<'_>,
) -> Result<StoredObject, RepositoryError> {
    let sha256 = sha256_of(store, name, size, |_| go_on(&request.cancel))?;
    Ok(StoredObject { name: name.to_owned(), size, sha256 })
}

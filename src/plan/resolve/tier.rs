//! `tier NAME { … }`.

use super::{Resolver, argument, arguments, spanned_text};
use crate::diagnostics::Spanned;
use crate::language::{Node, ValueKind};
use crate::plan::{
    Compression, Encryption, Keep, Level, Limits, Lock, LockMode, Mode, Schedule, ServerSideEncryption, Setting,
    SettingValue, StoreSpec, Take, Tier, Verify,
};
use std::collections::HashMap;

/// The levels of gzip and zstd that make sense for archives. zstd's negative levels are for wires, not for years.
const GZIP_LEVELS: std::ops::RangeInclusive<u32> = 1..=9;
const ZSTD_LEVELS: std::ops::RangeInclusive<u32> = 1..=22;
/// gzip's own default.
const GZIP_DEFAULT_LEVEL: u32 = 6;

impl Resolver<'_> {
    /// Everything in the tier is read before it is decided whether a tier can be made of it.
    pub(super) fn tier(&mut self, node: &Node) -> Option<Tier> {
        let name = self.name(node, "tier");
        let schedule = node.child("schedule").and_then(|child| self.schedule(child));
        let takes = node.children_named("take").flat_map(|child| self.take(child, schedule.as_ref())).collect();
        let store = node.child("store").and_then(|child| self.store(child));
        let compression = self.compression(node);
        let volume_size =
            node.child("volume-size").and_then(|child| child.arguments.first()).and_then(|value| self.size(value));
        let tier = Tier {
            // Without a name or a store there is no tier; both are read here only to keep the order of diagnostics.
            name: name?,
            store: store?,
            storage_class: node.child("storage-class").and_then(argument),
            server_side_encryption: node
                .child("server-side-encryption")
                .and_then(|child| self.server_side_encryption(child)),
            metadata: node.children_named("metadata").flat_map(metadata).collect(),
            encryption: encryption(node.child("encrypt")),
            compression,
            mode: mode(node),
            schedule,
            takes,
            keep: node.child("keep").map(|child| self.keep(child)),
            verify: node.children_named("verify").filter_map(|child| self.verify(child)).collect(),
            limits: node.child("limit").map(|child| self.limits(child)).unwrap_or_default(),
            from: node.child("from").and_then(argument),
            lock: node.child("lock").and_then(|child| self.lock(child)),
            volume_size,
            span: node.span,
        };
        Some(tier)
    }

    fn schedule(&mut self, node: &Node) -> Option<Schedule> {
        let jitter = self.property(node, "jitter", Self::duration);
        Some(Schedule { cron: argument(node)?, jitter })
    }

    fn take(&mut self, node: &Node, tiers: Option<&Schedule>) -> Vec<Take> {
        let schedule = self.schedule_property(node).or_else(|| {
            // A schedule of its own that cannot be read must not become the tier's.
            if node.property("schedule").is_some() { None } else { tiers.cloned() }
        });
        arguments(node).map(|source| Take { source, schedule: schedule.clone(), span: node.span }).collect()
    }

    fn store(&mut self, node: &Node) -> Option<StoreSpec> {
        let settings = node.children.iter().filter(|child| child.name.value != "allow");
        let settings = settings.filter_map(|child| self.store_setting(child)).collect();
        Some(StoreSpec { service: argument(node)?, settings, span: node.span })
    }

    fn store_setting(&mut self, node: &Node) -> Option<Setting> {
        let value = node.arguments.first()?;
        let read = match &value.kind {
            ValueKind::String(_) if value.annotation.is_some() => SettingValue::Secret(self.secret(value)?.value),
            _ => SettingValue::Text(value.to_text()?),
        };
        Some(Setting { key: node.name.clone(), value: Spanned::new(read, value.span) })
    }

    fn compression(&mut self, tier: &Node) -> Spanned<Compression> {
        let default = Spanned::new(Compression::default(), tier.name.span);
        let Some(node) = tier.child("compress") else { return default };
        let Some(method) = argument(node) else { return default };
        let level = node.property("level");
        let compression = match method.value.as_str() {
            "gzip" => Compression::Gzip {
                level: level
                    .and_then(|level| self.compression_level(level, "gzip", GZIP_LEVELS))
                    .unwrap_or(GZIP_DEFAULT_LEVEL),
            },
            "none" => {
                if let Some(level) = level {
                    self.no_compression_level(level);
                }
                Compression::None
            }
            "zstd" => match level.and_then(|level| self.compression_level(level, "zstd", ZSTD_LEVELS)) {
                Some(level) => Compression::Zstd { level: level.cast_signed() },
                None => Compression::default(),
            },
            _ => return default,
        };
        Spanned::new(compression, method.span)
    }

    fn keep(&mut self, node: &Node) -> Keep {
        Keep {
            last: self.property(node, "last", Self::count),
            hourly: self.property(node, "hourly", Self::count),
            daily: self.property(node, "daily", Self::count),
            weekly: self.property(node, "weekly", Self::count),
            monthly: self.property(node, "monthly", Self::count),
            yearly: self.property(node, "yearly", Self::count),
            within: self.property(node, "within", Self::duration),
            span: node.span,
        }
    }

    fn verify(&mut self, node: &Node) -> Option<Verify> {
        let sample = self.property(node, "sample", Self::percentage);
        let schedule = self.schedule_property(node);
        let level = argument(node)?;
        let read = match level.value.as_str() {
            "presence" => Level::Presence,
            "checksum" => Level::Checksum,
            "contents" => Level::Contents,
            _ => return None,
        };
        Some(Verify { level: Spanned::new(read, level.span), sample, schedule, span: node.span })
    }

    fn limits(&mut self, node: &Node) -> Limits {
        Limits {
            upload: self.property(node, "upload", Self::rate),
            download: self.property(node, "download", Self::rate),
            concurrency: self.property(node, "concurrency", Self::count),
        }
    }

    fn lock(&mut self, node: &Node) -> Option<Lock> {
        let duration = self.property(node, "for", Self::duration);
        let mode = argument(node)?;
        let read = match mode.value.as_str() {
            "governance" => LockMode::Governance,
            "compliance" => LockMode::Compliance,
            _ => return None,
        };
        Some(Lock { mode: Spanned::new(read, mode.span), duration, span: node.span })
    }

    fn server_side_encryption(&mut self, node: &Node) -> Option<Spanned<ServerSideEncryption>> {
        let kind = argument(node)?;
        let key = node.property("key");
        let read = match kind.value.as_str() {
            "s3" => ServerSideEncryption::S3,
            "kms" => ServerSideEncryption::Kms { key: key.and_then(spanned_text).map(|key| key.value) },
            "customer" => {
                ServerSideEncryption::Customer { key: key.and_then(|key| self.secret(key)).map(|secret| secret.value) }
            }
            _ => return None,
        };
        Some(Spanned::new(read, kind.span))
    }
}

/// Fills in what tiers leave to the one that they copy from: all that it takes, where they take
/// nothing by name, and its schedule, where neither they nor their `take` have one.
pub(super) fn inherit(tiers: &mut [Tier]) {
    let places: HashMap<&str, usize> =
        tiers.iter().enumerate().rev().map(|(at, tier)| (tier.name.value.as_str(), at)).collect();
    let upstream_of = |tier: &Tier| tier.from.as_ref().and_then(|from| places.get(from.value.as_str()).copied());
    let upstream: Vec<Option<usize>> = tiers.iter().map(upstream_of).collect();
    let mut is_seen = vec![false; tiers.len()];
    for start in 0..tiers.len() {
        // Up to a tier that is whole already; a circle ends where it began.
        let mut chain = Vec::new();
        let mut next = Some(start);
        while let Some(at) = next.filter(|at| !is_seen[*at]) {
            is_seen[at] = true;
            chain.push(at);
            next = upstream[at];
        }
        for at in chain.into_iter().rev() {
            if let Some(upstream) = upstream[at] {
                let takes = tiers[upstream].takes.clone();
                follow(&mut tiers[at], &takes);
            }
        }
    }
}

fn follow(tier: &mut Tier, upstream: &[Take]) {
    let Some(from) = &tier.from else { return };
    if tier.takes.is_empty() {
        let take = |copied: &Take| Take {
            source: Spanned::new(copied.source.value.clone(), from.span),
            schedule: tier.schedule.clone(),
            span: from.span,
        };
        tier.takes = upstream.iter().map(take).collect();
    }
    let copied: HashMap<&str, &Take> = upstream.iter().map(|take| (take.source.value.as_str(), take)).collect();
    for take in tier.takes.iter_mut().filter(|take| take.schedule.is_none()) {
        take.schedule = copied.get(take.source.value.as_str()).and_then(|copied| copied.schedule.clone());
    }
}

fn mode(tier: &Node) -> Spanned<Mode> {
    match tier.child("mode").and_then(argument) {
        Some(mode) if mode.value == "full" => Spanned::new(Mode::Full, mode.span),
        Some(mode) => Spanned::new(Mode::Incremental, mode.span),
        None => Spanned::new(Mode::default(), tier.name.span),
    }
}

fn encryption(node: Option<&Node>) -> Encryption {
    match node.and_then(argument) {
        Some(key) if key.value == "none" => Encryption::None { span: Some(key.span) },
        Some(key) => Encryption::Key(key),
        None => Encryption::None { span: None },
    }
}

fn metadata(node: &Node) -> Vec<(Spanned<String>, String)> {
    node.properties.iter().filter_map(|entry| Some((entry.name.clone(), entry.value.to_text()?))).collect()
}

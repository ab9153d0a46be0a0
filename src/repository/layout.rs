//! The names of objects in a store. They sort by time and say what they are.

use crate::archive::Codec;
use crate::base::RunId;

pub(crate) const CONFIG: &str = "repository.json";
pub(crate) const README: &str = "README.txt";
pub(crate) const RESTORE_SCRIPT: &str = "restore.py";
pub(crate) const ARCHIVES: &str = "archives/";
pub(crate) const TREES: &str = "trees/";
pub(crate) const INDEXES: &str = "index/";
pub const SNAPSHOTS: &str = "snapshots/";
pub(crate) const RUNS: &str = "runs/";

/// A plan's name (of a source, a tier) as one component of a path: letters,
/// digits and `._-` stay, all else becomes `%XX`; a leading dot too.
pub fn component(name: &str) -> String {
    let mut out = String::new();
    for (at, byte) in name.bytes().enumerate() {
        let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') || (byte == b'.' && at > 0);
        if plain { out.push(byte as char) } else { out.push_str(&format!("%{byte:02X}")) }
    }
    if out.is_empty() { "%".to_owned() } else { out }
}

/// Undoes [`component`]; `None` for what it cannot have made.
pub(crate) fn name_of(component: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = component.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let (high, low) = (rest.next()?, rest.next()?);
        bytes.push(u8::from_str_radix(std::str::from_utf8(&[high, low]).ok()?, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

fn age(encrypted: bool) -> &'static str {
    if encrypted { ".age" } else { "" }
}

pub(crate) fn archive(source: &str, run: &RunId, number: u32, codec: Codec, encrypted: bool) -> String {
    let source = component(source);
    format!("{ARCHIVES}{source}/{run}-{number:04}.tar{}{}", codec.extension(), age(encrypted))
}

pub(crate) fn tree(source: &str, run: &RunId, encrypted: bool) -> String {
    format!("{TREES}{}/{run}.manifest.zst{}", component(source), age(encrypted))
}

pub(crate) fn index(source: &str, run: &RunId, encrypted: bool) -> String {
    format!("{INDEXES}{}/{run}.json.zst{}", component(source), age(encrypted))
}

pub(crate) fn snapshot(source: &str, run: &RunId, encrypted: bool) -> String {
    format!("{SNAPSHOTS}{}/{run}.json{}", component(source), age(encrypted))
}

pub(crate) fn run_record(source: &str, run: &RunId) -> String {
    format!("{RUNS}{}/{run}.json", component(source))
}

/// Source and run of a name that [`archive`], [`tree`], [`index`], [`snapshot`]
/// or [`run_record`] made.
pub(crate) fn parse(name: &str) -> Option<(String, RunId)> {
    let (_, rest) = name.split_once('/')?;
    let (source, file) = rest.split_once('/')?;
    let run = file.get(..RUN_ID_LEN)?.parse().ok()?;
    let follows = file[RUN_ID_LEN..].starts_with(['.', '-']);
    Some((name_of(source)?, run)).filter(|_| follows)
}

/// The source that an object is of.
pub fn source_of(name: &str) -> Option<String> {
    parse(name).map(|(source, _)| source)
}

/// `20261124T020000Z-1f2e3d4c`
const RUN_ID_LEN: usize = 25;

/// Whether an object's name says that it is encrypted.
pub(crate) fn is_encrypted(name: &str) -> bool {
    name.ends_with(".age")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        let run: RunId = "20261124T020000Z-1f2e3d4c".parse().unwrap();
        let codec = Codec::Zstd { level: 3 };
        assert_eq!(archive("a b", &run, 7, codec, true), "archives/a%20b/20261124T020000Z-1f2e3d4c-0007.tar.zst.age");
        for source in ["data", "..", ".x", "a/b", "ação", "%41", ""] {
            for name in [
                archive(source, &run, 1, codec, true),
                tree(source, &run, false),
                index(source, &run, true),
                snapshot(source, &run, true),
                run_record(source, &run),
            ] {
                if source.is_empty() {
                    continue;
                }
                assert_eq!(parse(&name), Some((source.to_owned(), run.clone())), "{name}");
                assert!(!name.contains("/../") && name.matches('/').count() == 2);
            }
        }
        assert_eq!(parse("snapshots/data/20261124T020000Z-1f2e3d4cx.json"), None);
        assert_eq!(parse("README.txt"), None);
    }
}

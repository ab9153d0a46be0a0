//! The ordinary tools that every archive must be readable with.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub fn hostname() -> String {
    fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned()
}

/// Whether a program can be found. Tests that need one say so loudly; `.ci/test`
/// installs them all and sets `PLAN_TEST_STRICT`, under which a missing one fails.
pub fn have(program: &str) -> bool {
    let found = std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()));
    if !found {
        let message = format!("`{program}` is not installed: this test proves nothing here");
        assert!(std::env::var_os("PLAN_TEST_STRICT").is_none(), "{message}");
        eprintln!("{message}");
    }
    found
}

/// Makes an identity file with `age-keygen`; returns its path and its recipient.
pub fn age_identity(folder: &Path, name: &str) -> (PathBuf, String) {
    let path = folder.join(name);
    let output = Command::new("age-keygen").arg("-o").arg(&path).output().expect("age-keygen runs");
    assert!(output.status.success(), "age-keygen: {}", String::from_utf8_lossy(&output.stderr));
    let text = fs::read_to_string(&path).expect("the identity was written");
    let recipient = text
        .lines()
        .find_map(|line| line.strip_prefix("# public key: "))
        .expect("age-keygen writes the public key as a comment");
    (path, recipient.to_owned())
}

/// Restores archives in the order of their names with nothing but a shell
/// pipeline of `age`, `zstd` or `gzip`, and `tar`, as README.txt tells people to.
///
/// One `tar` reads them all: it sets the times of folders last.
pub fn unpack_with_stock_tools(archives: &[PathBuf], identity: Option<&Path>, into: &Path) {
    fs::create_dir_all(into).expect("the target can be made");
    let unpacked: Vec<String> = archives.iter().map(|archive| unpack_command(archive, identity)).collect();
    let script = format!(
        "set -eo pipefail; {{ {}; }} | tar --extract --ignore-zeros --numeric-owner --preserve-permissions \
         --xattrs --xattrs-include='*' --directory '{}'",
        unpacked.join("; "),
        into.display()
    );
    let output = Command::new("bash").arg("-c").arg(&script).output().expect("bash runs");
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
}

/// What writes an archive's tar stream to standard output.
fn unpack_command(archive: &Path, identity: Option<&Path>) -> String {
    let name = archive.to_string_lossy();
    let (name, decrypt) = match name.strip_suffix(".age") {
        Some(inner) => {
            let identity = identity.expect("an encrypted archive needs an identity");
            (inner, format!("age -d -i '{}'", identity.display()))
        }
        None => (&*name, "cat".to_owned()),
    };
    let decompress = match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("zst") => "zstd -dc",
        Some("gz") => "gzip -dc",
        _ => "cat",
    };
    format!("{decrypt} < '{}' | {decompress}", archive.display())
}

/// The longest name that Linux file systems take (`NAME_MAX`).
const NAME_MAX_BYTES: usize = 255;

/// Why a path from an archive must not be restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathRejection {
    #[error("the path is absolute")]
    Absolute,
    #[error("the path has an empty component")]
    EmptyComponent,
    #[error("the path has the component `.`")]
    CurrentComponent,
    #[error("the path has the component `..`")]
    ParentComponent,
    #[error("the path holds a NUL byte")]
    Nul,
    #[error("the path has a component of more than {NAME_MAX_BYTES} bytes")]
    LongComponent,
}

/// Accepts a path that names something below a folder, and the folder itself (empty).
///
/// The kernel is asked to stay below the target all the same; this gives the
/// reason, and refuses what the kernel would quietly take for another path.
pub fn check_path(path: &[u8]) -> Result<(), PathRejection> {
    if path.is_empty() {
        return Ok(());
    }
    if path.starts_with(b"/") {
        return Err(PathRejection::Absolute);
    }
    if path.contains(&0) {
        return Err(PathRejection::Nul);
    }
    path.split(|&byte| byte == b'/').try_for_each(|component| match component {
        b"" => Err(PathRejection::EmptyComponent),
        b"." => Err(PathRejection::CurrentComponent),
        b".." => Err(PathRejection::ParentComponent),
        long if long.len() > NAME_MAX_BYTES => Err(PathRejection::LongComponent),
        _ => Ok(()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_below_the_target_are_accepted() {
        let long = vec![b'x'; 256];
        for (path, rejection) in [
            (&b"/etc/passwd"[..], PathRejection::Absolute),
            (b"//", PathRejection::Absolute),
            (b"a//b", PathRejection::EmptyComponent),
            (b"a/", PathRejection::EmptyComponent),
            (b".", PathRejection::CurrentComponent),
            (b"a/./b", PathRejection::CurrentComponent),
            (b"..", PathRejection::ParentComponent),
            (b"a/../../b", PathRejection::ParentComponent),
            (b"a\0b", PathRejection::Nul),
            (&long, PathRejection::LongComponent),
        ] {
            assert_eq!(check_path(path), Err(rejection), "{}", path.escape_ascii());
        }
        for path in [&b""[..], b"a", b"a/b", b"...", b"..a/b..", b" ", b"\xff/\n", &long[..255]] {
            assert_eq!(check_path(path), Ok(()), "{}", path.escape_ascii());
        }
    }
}

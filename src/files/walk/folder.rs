use super::super::include::Selection;
use std::sync::Arc;

/// A folder on the way from the base to what is being listed.
pub(super) struct Folder {
    /// None: this is the base.
    parent: Option<Arc<Folder>>,
    name: Box<[u8]>,
    /// The file system that it lies on.
    pub device: u64,
    /// What of it is taken; none: all.
    pub selection: Option<Arc<Selection>>,
    /// The only file system to go into; none: any.
    pub only_device: Option<u64>,
}

impl Folder {
    pub fn root(device: u64, selection: Option<Arc<Selection>>, only_device: Option<u64>) -> Arc<Self> {
        Arc::new(Self { parent: None, name: Box::default(), device, selection, only_device })
    }

    pub fn child(
        self: &Arc<Self>,
        name: &[u8],
        device: u64,
        selection: Option<Arc<Selection>>,
        only_device: Option<u64>,
    ) -> Arc<Self> {
        Arc::new(Self { parent: Some(Arc::clone(self)), name: name.into(), device, selection, only_device })
    }

    /// Whether the folder was asked for by name: the base, or a plain include.
    pub fn is_named(&self) -> bool {
        let Some(parent) = &self.parent else { return true };
        let part = parent.selection.as_deref().and_then(|selection| selection.part(&self.name));
        part.is_some_and(|part| part.is_named())
    }

    /// Makes `path` the folder's path below the base.
    ///
    /// Paths are put together when they are needed and not kept: in a deep
    /// chain of folders they would take the square of its depth.
    pub fn write_path(&self, path: &mut Vec<u8>) {
        let chain = || std::iter::successors(Some(self), |folder| folder.parent.as_deref());
        let named = || chain().filter(|folder| !folder.name.is_empty());
        let length = named().map(|folder| folder.name.len() + 1).sum::<usize>().saturating_sub(1);
        path.clear();
        path.resize(length, b'/');
        let mut end = length;
        for folder in named() {
            let start = end - folder.name.len();
            path[start..end].copy_from_slice(&folder.name);
            end = start.saturating_sub(1);
        }
    }
}

impl Drop for Folder {
    /// One link of the chain after the other: a tree may be deeper than the stack.
    fn drop(&mut self) {
        let mut next = self.parent.take();
        while let Some(folder) = next {
            next = Arc::into_inner(folder).and_then(|mut last| last.parent.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_deeper_than_the_stack_has_a_path_and_goes_away() {
        let mut folder = Folder::root(0, None, None);
        for _ in 0..200_000 {
            folder = folder.child(b"d", 0, None, None);
        }
        let mut path = b"left from before".to_vec();
        folder.write_path(&mut path);
        assert_eq!(path, vec!["d"; 200_000].join("/").into_bytes());
        drop(folder);
    }
}

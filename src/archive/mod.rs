//! Chunks, frames, tar, manifests, snapshots and age: the bytes of format version 1.

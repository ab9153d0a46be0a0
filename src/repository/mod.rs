//! The archive format laid out in a store: catalogue, backup, restore, verify, prune.

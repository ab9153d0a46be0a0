//! The checker's rules, one file a family.

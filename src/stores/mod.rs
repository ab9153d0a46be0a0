//! OpenDAL operators from a plan's settings, behind a small blocking interface.

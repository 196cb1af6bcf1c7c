//! The dress rehearsal of this repository's migrations: a test for each check.

rehearsal::suite!();

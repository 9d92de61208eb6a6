//! Releases that meet a fault.

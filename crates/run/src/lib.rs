//! Longshore drives here: asks the world what the decision needs, and carries a plan out.

pub mod ports;
pub mod labels;
pub mod gather;
pub mod event;
pub mod build;
pub mod verify;
pub mod tag;
pub mod prepare;
pub mod release;
pub mod status;

//! Longshore drives here: asks the world what the decision needs, and carries a plan out.

pub mod adoption;
pub mod bases;
pub mod build;
pub mod compare;
pub mod event;
pub mod gather;
pub mod history;
pub mod labels;
pub mod lint;
pub mod ports;
pub mod prepare;
pub mod prove;
pub mod release;
pub mod same;
pub mod status;
pub mod tag;
pub mod verify;

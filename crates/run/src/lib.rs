//! Longshore drives here: asks the world what the decision needs, and carries a plan out.

pub mod ports;

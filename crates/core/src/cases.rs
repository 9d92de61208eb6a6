//! The cases in which tools of this kind are wrong, each as a short story about a small repository.
//!
//! They cross the modules on purpose: from files to a plan. The first file has the cases that other tools are known to get
//! wrong; the others go through one subject each.

mod peers;

//! The stories of a release, told with real parts.

mod faults;
mod stories;

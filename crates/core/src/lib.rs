//! Longshore decides here: values in, values out, and never a look at the world.
//!
//! The modules, from top to bottom, are the story of a release; each uses only those above it.

mod yaml;

pub mod path;

pub mod object;

pub mod tree;

pub mod checkout;

pub mod image;

pub mod name;

pub mod config;

pub mod dockerfile;

pub mod ignore;

pub mod glob;

pub mod reason;

pub mod elsewhere;

pub mod inputs;

pub mod snapshot;

pub mod evidence;

pub mod graph;

pub mod discover;

pub mod proof;

pub mod values;

pub mod chart;

pub mod record;

pub mod plan;

pub mod inventory;

pub mod lint;

pub mod picture;

#[cfg(any(test, feature = "fixture"))]
pub mod fixture;

#[cfg(any(test, feature = "fixture"))]
pub mod cases;

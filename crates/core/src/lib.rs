//! Longshore decides here: values in, values out, and never a look at the world.

pub mod path;
pub mod object;
pub mod tree;
pub mod image;
pub mod name;
pub mod config;
pub mod dockerfile;
pub mod ignore;
pub mod glob;
pub mod values;
pub mod inventory;

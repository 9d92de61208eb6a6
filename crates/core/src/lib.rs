//! Longshore decides here: values in, values out, and never a look at the world.

pub mod config;
pub mod dockerfile;
pub mod glob;
pub mod ignore;
pub mod image;
pub mod inventory;
pub mod name;
pub mod object;
pub mod path;
pub mod tree;
pub mod values;

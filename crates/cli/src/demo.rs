//! What the demonstration ships: a made-up monorepo in the likeness of a real platform.
//!
//! A tool that releases seventy images at once cannot be shown on three. So the demonstration lays down a repository
//! with the shape of a real one: the uses, tags and repositories are facts ([`inventory`]), the code in it is ours
//! ([`monorepo`]). Nothing here touches the world but [`monorepo::Layout::write`].

pub(crate) mod inventory;
pub(crate) mod monorepo;

//! Releases that go well.

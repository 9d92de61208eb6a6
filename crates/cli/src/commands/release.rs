//! wip
use crate::{args::{Common, Release}, ui::Ui, failure::Failure};
pub(crate) async fn run(_c: &Common, _a: &Release, _ui: &Ui) -> Result<u8, Failure> { Ok(0) }

//! wip
use crate::{args::{Common, Demo}, ui::Ui, failure::Failure};
pub(crate) async fn run(_c: &Common, _a: &Demo, _ui: &Ui) -> Result<u8, Failure> { Ok(0) }

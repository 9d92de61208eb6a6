//! wip
use crate::{args::{Common, Init}, ui::Ui, failure::Failure};
pub(crate) async fn run(_c: &Common, _a: &Init, _ui: &Ui) -> Result<u8, Failure> { Ok(0) }

//! wip
use crate::{
    args::{Common, Init},
    failure::Failure,
    ui::Ui,
};
pub(crate) async fn run(_c: &Common, _a: &Init, _ui: &Ui) -> Result<u8, Failure> {
    Ok(0)
}

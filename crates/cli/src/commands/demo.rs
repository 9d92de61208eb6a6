//! wip
use crate::{
    args::{Common, Demo},
    failure::Failure,
    ui::Ui,
};
pub(crate) async fn run(_c: &Common, _a: &Demo, _ui: &Ui) -> Result<u8, Failure> {
    Ok(0)
}

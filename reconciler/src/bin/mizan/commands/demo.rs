//! Under way.
use crate::{Failure, args::Demo};
pub(crate) fn run(_: &Demo, _: bool) -> Result<u8, Failure> { Err(Failure::usage("under way")) }

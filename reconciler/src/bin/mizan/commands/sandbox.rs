//! Under way.
use crate::{Failure, args::Sandbox};
pub(crate) fn run(_: &Sandbox, _: bool) -> Result<u8, Failure> { Err(Failure::usage("under way")) }

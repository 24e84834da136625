//! Under way.
use crate::*;
use mizan_core::{Ext, Name, SideId};
/// Stub.
pub struct Qoyod(SideId);
/// Stub.
#[derive(Debug, thiserror::Error)]
#[error("stub")]
pub struct QoyodError;
impl Qoyod {
    /// Stub.
    pub fn new(side: SideId, _: crate::http::Api, _: Vec<Binding>) -> Result<Self, QoyodError> { Ok(Self(side)) }
}
impl Adapter for Qoyod {
    fn side(&self) -> &SideId { &self.0 }
    fn capabilities(&self, _: &Name) -> Capabilities { panic!() }
    fn pull<'a>(&'a self, _: &'a Name, _: Pull, _: Option<&'a str>, _: &'a dyn Known) -> BoxFuture<'a, Result<Page, Fault>> { panic!() }
    fn get<'a>(&'a self, _: &'a Name, _: &'a Ext) -> BoxFuture<'a, Result<Fetched, Fault>> { panic!() }
    fn execute<'a>(&'a self, _: Order<'a>) -> BoxFuture<'a, Result<Answer, Fault>> { panic!() }
    fn find<'a>(&'a self, _: &'a Name, _: Probe<'a>) -> BoxFuture<'a, Result<Vec<Row>, Fault>> { panic!() }
}

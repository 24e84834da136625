//! Qoyod: products, warehouses and stock, categories, units, taxes, accounts, customers, invoices and payments.
//!
//! The API has no conditional write, no idempotency key and no list of deletions, so updates are read, compared
//! and written; a create without an answer is looked up by its natural key; and absence is believed only when the
//! remote says so in its exact words. Nothing here repeats a write.
//!
//! Options of an entity (unknown ones are refused):
//!
//! | option | default | what it is |
//! | --- | --- | --- |
//! | `resource` | required | the path of the resource, such as `products` |
//! | `window_seconds` | 300 | overlap of one incremental listing with the one before |
//! | `parallel` | 4 | writes at the same time |
//! | `on_create_line` | none | request fields that each line of a new invoice or adjustment gets besides the mapped ones |
//!
//! | resource | create | change | delete | changed since | unique | listing |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | `products` | yes | yes | no | yes | `sku` | pages |
//! | `inventories` (warehouses) | yes | yes | no | yes | | whole |
//! | `inventory_adjustments` | yes | no | no | no | | none: written, never read |
//! | `categories` | yes | yes | no | yes | | whole |
//! | `product_unit_types` | yes | no | no | yes | | whole |
//! | `taxes` | no | no | no | no | | pages |
//! | `accounts` | yes | yes | no | no | | pages on demand |
//! | `customers` | yes | yes | no | yes | | pages |
//! | `invoices` | yes | drafts, without lines | yes | yes | `reference` | pages |
//! | `invoice_payments` | yes | no | no | yes | `reference` | pages |
//!
//! Paths of fields are the names of answers (`name_ar`, `is_sold`, `unit_type`); the names of requests (`name`,
//! `sale_item`, `product_unit_type_id`) work as well. Fields that only answers have (`total`, `inventories`) are never
//! sent, so stock is mapped as `inventories[id=1].stock`, read only, and written by an adjustment. An invoice's
//! `inventory_id` is read from its lines, a payment's `invoice_id` from its allocation.

mod answer;
mod errors;
mod find;
mod options;
mod paging;
mod pull;
mod request;
mod resources;
#[cfg(test)]
mod testing;
mod write;

use crate::http::{Api, Request, Response};
use crate::{
    Adapter, Answer, Binding, BoxFuture, Capabilities, Conditional, Fault, Fetched, Known, Order,
    Page, Probe, Pull, Row,
};
use mizan_core::schema::Type;
use mizan_core::{Ext, Name, SideId};
use options::Bound;
use resources::Resource;
use serde_json::Value as Json;
use std::collections::BTreeMap;

pub use options::QoyodError;

/// One company at Qoyod.
#[derive(Debug)]
pub struct Qoyod {
    side: SideId,
    api: Api,
    entities: BTreeMap<Name, Bound>,
}

impl Qoyod {
    /// Binds entities to resources; nothing is asked yet.
    ///
    /// Two entities may share a resource, such as a catalogue and its stock.
    ///
    /// # Errors
    /// When an entity's settings are unknown or wrong, or name no resource, or an entity is bound twice.
    pub fn new(side: SideId, api: Api, bindings: Vec<Binding>) -> Result<Self, QoyodError> {
        let mut entities = BTreeMap::new();
        for binding in bindings {
            let bound = Bound::of(binding)?;
            let entity = bound.binding.entity.clone();
            if entities.insert(entity.clone(), bound).is_some() {
                return Err(QoyodError::Twice { entity });
            }
        }
        Ok(Self { side, api, entities })
    }

    fn bound(&self, entity: &Name) -> Result<&Bound, Fault> {
        let missing = || Fault::BadAnswer(format!("entity `{entity}` is not bound to a resource"));
        self.entities.get(entity).ok_or_else(missing)
    }

    async fn send(&self, request: Request) -> Result<Response, Fault> {
        self.api.send(request::common(request)).await.map_err(errors::fault)
    }

    /// The native row with an id; `None` where the remote says that there is none.
    async fn read(&self, bound: &Bound, ext: &Ext) -> Result<Option<Json>, Fault> {
        let name = bound.resource.name;
        if !bound.resource.readable() {
            return Err(Fault::BadAnswer(format!("Qoyod does not show {name}")));
        }
        let response = self.send(Request::get(request::row_path(bound, ext))).await?;
        if response.status == 404 && answer::no_such_row(bound.resource, ext, &response.text()) {
            return Ok(None);
        }
        let native = answer::single(bound.resource, &response)?;
        if answer::ext_of(&native).as_ref() == Some(ext) {
            return Ok(Some(native));
        }
        Err(Fault::BadAnswer(format!("/{name} answered with another row than {ext}")))
    }

    async fn fetch(&self, bound: &Bound, ext: &Ext) -> Result<Fetched, Fault> {
        let Some(native) = self.read(bound, ext).await? else { return Ok(Fetched::NotFound) };
        let bad = |why| Fault::BadAnswer(format!("{} {ext}: {why}", bound.resource.name));
        answer::row(bound, ext.clone(), native).map(Fetched::Found).map_err(bad)
    }
}

impl Bound {
    /// Every field of the natural key is mapped and can be compared as a text.
    fn finds_by_key(&self) -> bool {
        let Binding { key, lens, .. } = &self.binding;
        let plain = |field: &Name| {
            let kind = lens.fields.iter().find(|known| known.field == *field).map(|f| &f.kind);
            kind.is_some_and(|kind| !matches!(kind, Type::Ref(_) | Type::Items(_) | Type::Any))
        };
        self.resource.readable() && !key.is_empty() && key.iter().all(plain)
    }
}

impl Adapter for Qoyod {
    fn side(&self) -> &SideId {
        &self.side
    }

    fn capabilities(&self, entity: &Name) -> Capabilities {
        let bound = self.entities.get(entity);
        let has = |part: fn(&Resource) -> bool| bound.is_some_and(|bound| part(bound.resource));
        Capabilities {
            since: has(|resource| resource.since),
            sweep: has(Resource::readable),
            conditional: Conditional::ReadCompareWrite,
            idempotent: false,
            marker: false,
            unique_key: bound.is_some_and(Bound::unique_key),
            find_by_key: bound.is_some_and(Bound::finds_by_key),
            create: has(|resource| resource.create),
            update: has(|resource| resource.update),
            delete: has(|resource| resource.delete),
            stale_reads: false,
            window_ms: bound.map_or(0, |bound| bound.window_ms),
            parallel: bound.map_or(1, |bound| bound.parallel),
        }
    }

    fn pull<'a>(
        &'a self,
        entity: &'a Name,
        pull: Pull,
        token: Option<&'a str>,
        _: &'a dyn Known,
    ) -> BoxFuture<'a, Result<Page, Fault>> {
        Box::pin(async move { pull::pull(self, self.bound(entity)?, pull, token).await })
    }

    fn get<'a>(&'a self, entity: &'a Name, ext: &'a Ext) -> BoxFuture<'a, Result<Fetched, Fault>> {
        Box::pin(async move { self.fetch(self.bound(entity)?, ext).await })
    }

    fn execute<'a>(&'a self, order: Order<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        Box::pin(async move {
            let entity = &order.command.entity;
            match self.entities.get(entity) {
                Some(bound) => write::execute(self, bound, order).await,
                None => Ok(errors::unsupported(format!("entity `{entity}` is not bound"))),
            }
        })
    }

    fn find<'a>(
        &'a self,
        entity: &'a Name,
        probe: Probe<'a>,
    ) -> BoxFuture<'a, Result<Vec<Row>, Fault>> {
        Box::pin(async move {
            let bound = self.bound(entity)?;
            match probe {
                Probe::Key(image) => find::by_key(self, bound, image).await,
                Probe::Marker(_) => Err(Fault::BadAnswer("Qoyod keeps no markers".to_owned())),
            }
        })
    }
}

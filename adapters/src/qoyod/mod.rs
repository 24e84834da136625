//! Qoyod: products, warehouses and stock, categories, units, taxes, accounts, customers, invoices and payments.
//!
//! The API has no conditional write, no idempotency key and no list of deletions, so updates are read, compared
//! and written; a create without an answer is looked up by sku or reference; and absence is believed only when the
//! remote says so in its exact words. Nothing here repeats a write.

mod answer;
mod pages;
mod request;
mod resources;

use crate::http::{Api, HttpError, Request, Response};
use crate::{
    Adapter, Answer, Binding, BoxFuture, Capabilities, Conditional, Fault, Fetched, Known, Order,
    Page, Probe, Pull, Refusal, Row,
};
use mizan_core::normalise::key_text;
use mizan_core::{Ext, Image, Name, Operation, SideId};
use resources::{RESOURCES, Resource, resource};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

/// The settings of a Qoyod side cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QoyodError {
    /// An entity names no resource, or one that is not there.
    #[error("entity `{entity}` needs `resource`, one of {known}")]
    Resource {
        /// The entity.
        entity: Name,
        /// The resources.
        known: String,
    },
    /// A setting is not known.
    #[error(
        "`{option}` is not a setting of entity `{entity}` on a Qoyod side; possible are {known}"
    )]
    Option {
        /// The entity.
        entity: Name,
        /// The setting.
        option: String,
        /// The settings.
        known: String,
    },
}

const OPTIONS: &[&str] = &["resource", "window_seconds", "parallel", "on_create_line"];

/// An entity with its resource.
struct Bound {
    binding: Binding,
    resource: &'static Resource,
    window_ms: i64,
    parallel: usize,
    line: Map<String, Json>,
}

/// One company at Qoyod.
pub struct Qoyod {
    side: SideId,
    api: Api,
    entities: BTreeMap<Name, Bound>,
}

impl Qoyod {
    /// Binds entities to resources.
    ///
    /// # Errors
    /// When an entity's settings are unknown or name no resource.
    pub fn new(side: SideId, api: Api, bindings: Vec<Binding>) -> Result<Self, QoyodError> {
        let mut entities = BTreeMap::new();
        for binding in bindings {
            let bound = bind(binding)?;
            entities.insert(bound.binding.entity.clone(), bound);
        }
        Ok(Self { side, api, entities })
    }

    fn bound(&self, entity: &Name) -> Result<&Bound, Fault> {
        let missing = || Fault::BadAnswer(format!("entity `{entity}` is not bound to a resource"));
        self.entities.get(entity).ok_or_else(missing)
    }

    async fn send(&self, request: Request) -> Result<Response, Fault> {
        self.api.send(request::common(request)).await.map_err(fault)
    }

    async fn read(&self, bound: &Bound, ext: &Ext) -> Result<Fetched, Fault> {
        let path = format!("/{}/{}", bound.resource.name, crate::http::segment(ext.as_str()));
        let response = self.send(Request::get(path)).await?;
        let text = response.text().into_owned();
        if response.status == 404 && answer::found_nothing(bound.resource, &text) {
            return Ok(Fetched::NotFound);
        }
        let native = single(bound.resource, &response)?;
        Ok(Fetched::Found(answer::row(&bound.binding, bound.resource, &native)?))
    }

    async fn create(&self, bound: &Bound, set: &Image) -> Result<Answer, Fault> {
        if !bound.resource.create {
            return Ok(unsupported("create", bound.resource));
        }
        let body = request::create_body(bound.resource, &bound.binding, &bound.line, set);
        let path = format!("/{}", bound.resource.name);
        let response = self.send(Request::post(path).json(&body)).await?;
        self.written(bound, &response, None)
    }

    async fn update(&self, bound: &Bound, ext: &Ext, order: Order<'_>) -> Result<Answer, Fault> {
        if !bound.resource.update {
            return Ok(unsupported("change", bound.resource));
        }
        match self.read(bound, ext).await.map_err(before_write)? {
            Fetched::NotFound => return Ok(Answer::Gone),
            Fetched::Found(row) if !as_expected(&row, order.expect) => {
                return Ok(Answer::Changed(row));
            }
            Fetched::Found(_) => {}
        }
        let body = request::update_body(bound.resource, &bound.binding, order.set);
        let path = format!("/{}/{}", bound.resource.name, crate::http::segment(ext.as_str()));
        let response = self.send(Request::put(path).json(&body)).await?;
        self.written(bound, &response, Some(ext))
    }

    async fn delete(&self, bound: &Bound, ext: &Ext, order: Order<'_>) -> Result<Answer, Fault> {
        if !bound.resource.delete {
            return Ok(unsupported("delete", bound.resource));
        }
        match self.read(bound, ext).await.map_err(before_write)? {
            Fetched::NotFound => return Ok(Answer::Deleted),
            Fetched::Found(row) if !as_expected(&row, order.expect) => {
                return Ok(Answer::Changed(row));
            }
            Fetched::Found(_) => {}
        }
        let path = format!("/{}/{}", bound.resource.name, crate::http::segment(ext.as_str()));
        let response = self.send(Request::delete(path)).await?;
        if response.is_success() {
            return Ok(Answer::Deleted);
        }
        self.written(bound, &response, Some(ext))
    }

    /// What the answer to a write says.
    fn written(
        &self,
        bound: &Bound,
        response: &Response,
        ext: Option<&Ext>,
    ) -> Result<Answer, Fault> {
        let text = response.text().into_owned();
        if response.is_success() {
            // Before 2026-08-31 a failed adjustment answered 200 with an `errors` key.
            let body: Option<Json> = serde_json::from_str(&text).ok();
            if body.as_ref().is_some_and(|body| body.get("errors").is_some())
                && let Some(refused) = answer::refusal(422, &text)
            {
                return Ok(refused);
            }
            let native = body.as_ref().and_then(|body| body.get(bound.resource.single_root));
            let shown = native.and_then(answer::ext_of);
            let Some(ext) = shown.as_ref().or(ext).cloned() else {
                let why =
                    format!("the answer to a create of {} carries no id", bound.resource.name);
                return Err(Fault::InDoubt(why));
            };
            // An answer without the row is a row to read, not a row without fields.
            let row = native.and_then(|n| answer::row(&bound.binding, bound.resource, n).ok());
            return Ok(Answer::Done { ext, row: row.filter(|_| shown.is_some()) });
        }
        if let Some(refused) = answer::refusal(response.status, &text) {
            return Ok(refused);
        }
        if response.status == 404 && ext.is_some() && answer::found_nothing(bound.resource, &text) {
            return Ok(Answer::Gone);
        }
        let (name, status) = (bound.resource.name, response.status);
        Err(Fault::NotSent(format!("/{name} answered {status}; is the address right?")))
    }
}

fn bind(binding: Binding) -> Result<Bound, QoyodError> {
    let entity = binding.entity.clone();
    let empty = Map::new();
    let options = binding.options.as_object().unwrap_or(&empty);
    if let Some(option) = options.keys().find(|key| !OPTIONS.contains(&key.as_str())) {
        let (option, known) = (option.clone(), OPTIONS.join(", "));
        return Err(QoyodError::Option { entity, option, known });
    }
    let name = options.get("resource").and_then(Json::as_str).unwrap_or("");
    let Some(resource) = resource(name) else {
        let known: Vec<&str> = RESOURCES.iter().map(|resource| resource.name).collect();
        return Err(QoyodError::Resource { entity, known: known.join(", ") });
    };
    let number = |name: &str| options.get(name).and_then(Json::as_i64);
    let window_ms = number("window_seconds").unwrap_or(300).max(0).saturating_mul(1_000);
    let parallel =
        number("parallel").and_then(|n| usize::try_from(n).ok()).unwrap_or(4).clamp(1, 64);
    let line = options.get("on_create_line").and_then(Json::as_object).cloned().unwrap_or_default();
    Ok(Bound { binding, resource, window_ms, parallel, line })
}

fn unsupported(verb: &str, resource: &Resource) -> Answer {
    let message = format!("Qoyod cannot {verb} {}", resource.name);
    Answer::Refused { why: Refusal::Unsupported, message }
}

/// A read that failed before a write: the write was surely not sent.
fn before_write(fault: Fault) -> Fault {
    match fault {
        Fault::InDoubt(why) | Fault::BadAnswer(why) => {
            Fault::NotSent(format!("the row could not be read before the write: {why}"))
        }
        Fault::NotSent(_) | Fault::Unauthorized(_) => fault,
    }
}

fn as_expected(row: &Row, expect: Option<&Image>) -> bool {
    expect.is_none_or(|expect| {
        expect.iter().all(|(name, value)| row.image.get(name).is_none_or(|shown| shown == value))
    })
}

fn fault(error: HttpError) -> Fault {
    match error {
        HttpError::NotSent { why } => Fault::NotSent(why),
        HttpError::InDoubt { why } => Fault::InDoubt(why),
        HttpError::Unauthorized { why } => Fault::Unauthorized(why),
        HttpError::BadAnswer { why } => Fault::BadAnswer(why),
        HttpError::Throttled { retry_after } => Fault::NotSent(format!(
            "the limit of requests is reached for {} s",
            retry_after.as_secs()
        )),
        HttpError::TooLarge { limit } => {
            Fault::BadAnswer(format!("the answer is larger than {limit} bytes"))
        }
    }
}

/// The row under its root.
fn single(resource: &Resource, response: &Response) -> Result<Json, Fault> {
    let bad = |what: &str| Fault::BadAnswer(format!("/{}: {what}", resource.name));
    if !response.is_success() {
        return Err(bad(&format!("status {}", response.status)));
    }
    let body: Json = response.json().map_err(|_| bad("not JSON"))?;
    body.get(resource.single_root).cloned().ok_or_else(|| bad("the row is missing"))
}

impl Adapter for Qoyod {
    fn side(&self) -> &SideId {
        &self.side
    }

    fn capabilities(&self, entity: &Name) -> Capabilities {
        let bound = self.entities.get(entity);
        let has = |part: fn(&Resource) -> bool| bound.is_some_and(|bound| part(bound.resource));
        let unique_key = bound.is_some_and(|bound| {
            let path =
                bound.binding.key.first().and_then(|key| {
                    bound.binding.lens.fields.iter().find(|field| field.field == *key)
                });
            let path = path.map(|field| field.path.as_str());
            bound.binding.key.len() == 1 && path.is_some() && path == bound.resource.unique
        });
        Capabilities {
            since: has(|resource| resource.since),
            sweep: true,
            conditional: Conditional::ReadCompareWrite,
            idempotent: false,
            marker: false,
            unique_key,
            find_by_key: bound.is_some_and(|bound| !bound.binding.key.is_empty()),
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
        Box::pin(async move { pages::pull(self, self.bound(entity)?, pull, token).await })
    }

    fn get<'a>(&'a self, entity: &'a Name, ext: &'a Ext) -> BoxFuture<'a, Result<Fetched, Fault>> {
        Box::pin(async move { self.read(self.bound(entity)?, ext).await })
    }

    fn execute<'a>(&'a self, order: Order<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        Box::pin(async move {
            let bound = self.bound(&order.command.entity)?;
            match &order.command.operation {
                Operation::Create => self.create(bound, order.set).await,
                Operation::Update { ext, .. } => self.update(bound, ext, order).await,
                Operation::Delete { ext, .. } => self.delete(bound, ext, order).await,
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
            let image = match probe {
                Probe::Key(image) => image,
                Probe::Marker(_) => {
                    return Err(Fault::BadAnswer("Qoyod keeps no markers".to_owned()));
                }
            };
            let rows = pages::find(self, bound, image).await?;
            let key = &bound.binding.key;
            let fits = |row: &Row| {
                key.iter().all(|field| {
                    row.image.get(field).and_then(key_text) == image.get(field).and_then(key_text)
                })
            };
            Ok(rows.into_iter().filter(fits).collect())
        })
    }
}

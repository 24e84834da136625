//! The API: from a path and a body to an answer.

use super::auth::Rights;
use super::faults::FaultKind;
use super::kind::Kind;
use super::lists;
use super::messages::Locale;
use super::present;
use super::refusal::Refusal;
use super::reply::Reply;
use super::resources::{self, balance, invoices, payments};
use super::world::World;

/// A request that has been let in.
pub(crate) struct Call<'a> {
    pub(crate) method: &'a str,
    /// The path after `/2.0`.
    pub(crate) path: &'a str,
    pub(crate) query: &'a [(String, String)],
    pub(crate) body: &'a [u8],
    /// What the header `LOCALE` asks for.
    pub(crate) locale: Option<Locale>,
    pub(crate) rights: &'a Rights,
    /// The fault that changes what this request does.
    pub(crate) fault: Option<FaultKind>,
}

/// Carries a request out.
pub(crate) fn answer(world: &mut World, call: &Call) -> Reply {
    let parts: Vec<&str> = call.path.split('/').filter(|part| !part.is_empty()).collect();
    let kind = parts.first().and_then(|part| Kind::of_path(part));
    let default = match kind {
        _ if world.vices.arabic_by_default => Locale::Arabic,
        Some(Kind::Categories) => Locale::Arabic,
        Some(_) | None => Locale::English,
    };
    let locale = call.locale.unwrap_or(default);
    let Some(kind) = kind else { return Refusal::NoRoute.reply(locale) };
    match route(world, call, kind, &parts) {
        Ok(reply) => {
            if call.method != "GET" {
                world.counters.writes += 1;
            }
            reply
        }
        Err(refusal) => refusal.reply(locale),
    }
}

fn route(world: &mut World, call: &Call, kind: Kind, parts: &[&str]) -> Result<Reply, Refusal> {
    allow(call, kind)?;
    let as_receipt = parts.first() == Some(&"receipts");
    let id = match parts.get(1) {
        Some(text) => Some(text.parse::<u64>().map_err(|_| Refusal::NoRoute)?),
        None => None,
    };
    match (call.method, kind, id, parts.get(2).copied()) {
        ("GET", Kind::Adjustments, ..) => Err(Refusal::NoRoute),
        ("GET", kind, None, None) => {
            lists::answer(world, kind, call.query, call.rights, call.fault)
        }
        ("GET", kind, Some(id), None) => read(world, kind, id, call.rights),
        ("GET", Kind::Customers, Some(id), Some("balance")) => balance::read(world, id),
        ("POST", kind, None, None) if !as_receipt => {
            resources::create(world, kind, call.body, call.fault)
        }
        ("PUT", kind, Some(id), None) => resources::update(world, kind, id, call.body),
        ("DELETE", Kind::Invoices, Some(id), None) => invoices::delete(world, id),
        ("DELETE", Kind::Payments, Some(id), None) if as_receipt => payments::delete(world, id),
        _ => Err(Refusal::NoRoute),
    }
}

/// A token with basic scopes reads what they name and nothing else.
fn allow(call: &Call, kind: Kind) -> Result<(), Refusal> {
    let Rights::Basic(scopes) = call.rights else { return Ok(()) };
    let needed = match kind {
        Kind::Accounts => "account:read",
        Kind::Customers => "customer:read",
        _ => return Err(Refusal::Forbidden),
    };
    let allowed = call.method == "GET" && scopes.iter().any(|scope| scope == needed);
    if allowed { Ok(()) } else { Err(Refusal::Forbidden) }
}

fn read(world: &World, kind: Kind, id: u64, rights: &Rights) -> Result<Reply, Refusal> {
    let fields = world.get(kind, id).ok_or(Refusal::NoRecord(kind, id))?;
    let record = match kind {
        Kind::Inventories => present::inventory(world, fields),
        kind => present::record(world, kind, fields, rights),
    };
    Ok(Reply::rooted(200, kind.root(), record))
}

//! Carrying out writes: one request that changes something, never repeated, and what became of it.

use super::options::Bound;
use super::resources::RESOURCES;
use super::{Qoyod, answer, errors, request};
use crate::http::{Request, Response};
use crate::{Answer, Fault, Fetched, Order, Refusal, Row};
use mizan_core::{Ext, Image, Name, Operation, Value};
use serde_json::Value as Json;

/// Carries out an order.
pub(super) async fn execute(
    qoyod: &Qoyod,
    bound: &Bound,
    order: Order<'_>,
) -> Result<Answer, Fault> {
    let resource = bound.resource;
    let (verb, can) = match &order.command.operation {
        Operation::Create => ("create", resource.create),
        Operation::Update { .. } => ("change", resource.update),
        Operation::Delete { .. } => ("delete", resource.delete),
    };
    if !can {
        return Ok(errors::unsupported(format!("Qoyod cannot {verb} {}", resource.name)));
    }
    match &order.command.operation {
        Operation::Create => create(qoyod, bound, order.set).await,
        Operation::Update { ext, .. } => update(qoyod, bound, ext, order).await,
        Operation::Delete { ext, .. } => delete(qoyod, bound, ext, order).await,
    }
}

async fn create(qoyod: &Qoyod, bound: &Bound, set: &Image) -> Result<Answer, Fault> {
    let response = qoyod.send(request::create(bound, set)).await?;
    if !response.is_success() {
        if response.status == 404 && answer::misses_another(RESOURCES, &response.text()) {
            let message = format!("a row that it refers to: {}", response.text());
            return Ok(Answer::Refused { why: Refusal::BadReference, message: cut(message) });
        }
        return refused(bound, &response);
    }
    if let Some(refused) = hidden(&response) {
        return Ok(refused);
    }
    let native = answer::single(bound.resource, &response).ok();
    let Some((ext, native)) = native.and_then(|native| Some((answer::ext_of(&native)?, native)))
    else {
        let name = bound.resource.name;
        return Err(Fault::InDoubt(format!("the answer to a create of {name} carries no id")));
    };
    done(qoyod, bound, ext, Some(native), set).await
}

async fn update(
    qoyod: &Qoyod,
    bound: &Bound,
    ext: &Ext,
    order: Order<'_>,
) -> Result<Answer, Fault> {
    let request = match request::update(bound, ext, order.set) {
        Ok(request) => request,
        Err(why) => return Ok(errors::unsupported(why)),
    };
    match look(qoyod, bound, ext, order.expect).await? {
        Look::Expected => {}
        Look::Missing => return Ok(Answer::Gone),
        Look::Other(answer) => return Ok(answer),
    }
    let response = qoyod.send(request).await?;
    if !response.is_success() {
        if response.status == 404 && answer::no_such_row(bound.resource, ext, &response.text()) {
            return Ok(Answer::Gone);
        }
        return not_offered("change", bound, &response);
    }
    if let Some(refused) = hidden(&response) {
        return Ok(refused);
    }
    let native = answer::single(bound.resource, &response).ok();
    let native = native.filter(|native| answer::ext_of(native).as_ref() == Some(ext));
    done(qoyod, bound, ext.clone(), native, order.set).await
}

async fn delete(
    qoyod: &Qoyod,
    bound: &Bound,
    ext: &Ext,
    order: Order<'_>,
) -> Result<Answer, Fault> {
    match look(qoyod, bound, ext, order.expect).await? {
        Look::Expected => {}
        Look::Missing => return Ok(Answer::Deleted),
        Look::Other(answer) => return Ok(answer),
    }
    let response = qoyod.send(Request::delete(request::row_path(bound, ext))).await?;
    if response.is_success() {
        // A bare sentence or nothing; the status says it all.
        return Ok(Answer::Deleted);
    }
    if response.status == 404 && answer::no_such_row(bound.resource, ext, &response.text()) {
        return Ok(Answer::Deleted);
    }
    Ok(match not_offered("delete", bound, &response)? {
        Answer::Refused { why: Refusal::Invalid, message } => {
            Answer::Refused { why: Refusal::Locked, message }
        }
        answer => answer,
    })
}

/// What a row looks like before it is written.
enum Look {
    /// As expected.
    Expected,
    /// Not there.
    Missing,
    /// Something that answers the order without a write.
    Other(Answer),
}

async fn look(
    qoyod: &Qoyod,
    bound: &Bound,
    ext: &Ext,
    expect: Option<&Image>,
) -> Result<Look, Fault> {
    let Some(native) = qoyod.read(bound, ext).await.map_err(before_write)? else {
        return Ok(Look::Missing);
    };
    Ok(match answer::row(bound, ext.clone(), native) {
        Ok(row) if as_expected(&row, expect) => Look::Expected,
        Ok(row) => Look::Other(Answer::Changed(row)),
        // What cannot be compared must not be overwritten, and other rows are none the worse for it.
        Err(message) => Look::Other(Answer::Refused { why: Refusal::Invalid, message }),
    })
}

/// True where every field that both know is the same, and the row holds nothing that the log has not seen; a field
/// that the row does not show says nothing.
fn as_expected(row: &Row, expect: Option<&Image>) -> bool {
    expect.is_none_or(|expect| {
        let same =
            |(name, value): (&Name, &Value)| row.image.get(name).is_none_or(|shown| shown == value);
        let seen = |(name, value): (&Name, &Value)| value.is_null() || expect.get(name).is_some();
        expect.iter().all(same) && row.image.iter().all(seen)
    })
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

/// The write was done; shows the row as it is right after it.
async fn done(
    qoyod: &Qoyod,
    bound: &Bound,
    ext: Ext,
    native: Option<Json>,
    set: &Image,
) -> Result<Answer, Fault> {
    let shown = native.and_then(|native| answer::row(bound, ext.clone(), native).ok());
    let full = shown.filter(|row| set.iter().all(|(name, _)| row.image.get(name).is_some()));
    let row = match full {
        Some(row) => Some(row),
        None if !bound.resource.readable() => None,
        // The answer did not carry all of it. If this read fails, the write is done all the same.
        None => match qoyod.fetch(bound, &ext).await {
            Ok(Fetched::Found(row)) => Some(row),
            Ok(Fetched::NotFound) | Err(_) => None,
        },
    };
    Ok(Answer::Done { ext, row })
}

fn hidden(response: &Response) -> Option<Answer> {
    let body: Json = serde_json::from_slice(&response.body).ok()?;
    errors::hidden_refusal(&body)
}

/// A refusal, or a status that says that nothing was processed.
fn refused(bound: &Bound, response: &Response) -> Result<Answer, Fault> {
    if let Some(refused) = errors::refusal(response.status, &response.text()) {
        return Ok(refused);
    }
    let (name, status) = (bound.resource.name, response.status);
    Err(Fault::NotSent(format!("/{name} answered {status}; is the address right?")))
}

/// The row is there and its path is not: this company's Qoyod does not offer the operation.
fn not_offered(verb: &str, bound: &Bound, response: &Response) -> Result<Answer, Fault> {
    if matches!(response.status, 404 | 405) {
        let name = bound.resource.name;
        return Ok(errors::unsupported(format!("this Qoyod does not offer to {verb} {name}")));
    }
    refused(bound, response)
}

fn cut(text: String) -> String {
    text.chars().take(500).collect()
}

#[cfg(test)]
mod tests {
    use super::super::testing::{bound, image};
    use super::*;
    use serde_json::json;

    #[test]
    fn only_what_both_know_is_compared() {
        let products = bound("products");
        let row = |native: Json| answer::row(&products, Ext::new("1"), native).unwrap();
        let expect = image(&products, json!({"sku": "A", "selling_price": "2.50"}));
        assert!(as_expected(&row(json!({"sku": "A", "selling_price": "2.5"})), Some(&expect)));
        assert!(as_expected(&row(json!({"sku": "A"})), Some(&expect)));
        assert!(as_expected(&row(json!({"sku": "A", "name_ar": "ب"})), None));
        assert!(!as_expected(&row(json!({"sku": "A", "selling_price": null})), Some(&expect)));
        assert!(!as_expected(&row(json!({"sku": "a"})), Some(&expect)));
        // Something that was typed in unseen must not be overwritten or deleted with the row (L40).
        assert!(!as_expected(&row(json!({"sku": "A", "name_ar": "ب"})), Some(&expect)));
        assert!(as_expected(&row(json!({"sku": "A", "name_ar": null})), Some(&expect)));
    }

    #[test]
    fn a_read_that_failed_before_a_write_leaves_no_doubt() {
        let not_sent = |fault| matches!(before_write(fault), Fault::NotSent(_));
        assert!(not_sent(Fault::BadAnswer("status 500".to_owned())));
        assert!(not_sent(Fault::InDoubt("status 500".to_owned())));
        let why = || Fault::Unauthorized("no".to_owned());
        assert_eq!(before_write(why()), why());
    }
}

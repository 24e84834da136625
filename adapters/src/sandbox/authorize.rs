//! Where a person logs in: a page with two buttons, and the way back to who sent them here.

use super::auth::{Bound, Ticket};
use super::forms::pairs;
use super::oauth::{issuer, wanted};
use super::reply::Reply;
use super::world::World;
use crate::http::form;
use axum::http::request::Parts;

/// What is wrong with a request: shown here where there is no way back, else sent back.
enum Wrong {
    Here(&'static str),
    Back(Back, &'static str),
}

/// Who is to be sent back where.
struct Back {
    redirect: String,
    state: Option<String>,
    issuer: String,
}

impl Back {
    fn with(self, name: &str, value: &str) -> Reply {
        let mut found = vec![(name, value), ("iss", self.issuer.as_str())];
        found.extend(self.state.as_deref().map(|state| ("state", state)));
        let joint = if self.redirect.contains('?') { '&' } else { '?' };
        Reply::redirect(format!("{}{joint}{}", self.redirect, form(&found)))
    }
}

/// Shows the page.
pub(crate) fn ask(world: &World, parts: &Parts) -> Reply {
    match read(world, parts) {
        Err(wrong) => refuse(wrong),
        Ok((_, ticket)) => {
            let query = escaped(parts.uri.query().unwrap_or_default());
            let scope = match &ticket.rights {
                super::auth::Rights::All => "everything".to_owned(),
                super::auth::Rights::Basic(scopes) => escaped(&scopes.join(", ")),
            };
            Reply::page(
                200,
                format!(
                    "<!doctype html><meta charset=\"utf-8\"><title>Sandbox</title>\
                     <p>A program asks for access to this sandbox: {scope}.</p>\
                     <form method=\"post\" action=\"/oauth/authorize?{query}\">\
                     <button name=\"decision\" value=\"allow\">Allow</button> \
                     <button name=\"decision\" value=\"deny\">Deny</button></form>\n"
                ),
            )
        }
    }
}

/// Sends the person back, with a code or without.
pub(crate) fn decide(world: &mut World, parts: &Parts, form: &[(String, String)]) -> Reply {
    let (back, mut ticket) = match read(world, parts) {
        Ok(found) => found,
        Err(wrong) => return refuse(wrong),
    };
    if !form.iter().any(|(name, value)| name == "decision" && value == "allow") {
        return back.with("error", "access_denied");
    }
    ticket.family = world.tokens.family();
    let code = world.tokens.issue_single_use(ticket);
    back.with("code", &code)
}

fn refuse(wrong: Wrong) -> Reply {
    match wrong {
        Wrong::Here(why) => Reply::page(400, format!("<!doctype html><p>{why}</p>\n")),
        Wrong::Back(back, error) => back.with("error", error),
    }
}

fn read(world: &World, parts: &Parts) -> Result<(Back, Ticket), Wrong> {
    let query = pairs(parts.uri.query().unwrap_or_default());
    let field =
        |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    if field("client_id").as_deref() != Some(world.options.client_id.as_str()) {
        return Err(Wrong::Here("The client is not known."));
    }
    let redirect = field("redirect_uri").filter(|uri| uri.starts_with("http"));
    let Some(redirect) = redirect else {
        return Err(Wrong::Here("The redirect address is missing."));
    };
    let issuer = issuer(&parts.headers);
    let back = Back { redirect: redirect.clone(), state: field("state"), issuer };
    if field("response_type").as_deref() != Some("code") {
        return Err(Wrong::Back(back, "unsupported_response_type"));
    }
    let challenge = field("code_challenge");
    if challenge.is_some() && field("code_challenge_method").as_deref() != Some("S256") {
        return Err(Wrong::Back(back, "invalid_request"));
    }
    match wanted(field("scope").as_deref()) {
        Err((_, error)) => Err(Wrong::Back(back, error)),
        Ok(rights) => {
            let code = Some(Bound { redirect: Some(redirect), challenge });
            Ok((back, Ticket { rights, family: 0, code }))
        }
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

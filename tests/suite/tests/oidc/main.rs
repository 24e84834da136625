//! OAuth 2.0 against the certified `oidc-provider`, with the built binary, a scripted browser, and faults in between.
//!
//! `tests/run` installs the provider; by hand: `npm ci --prefix DIR` with tests/oidc/package*.json in DIR, and
//! `MIZAN_OIDC=DIR`. The binary is the one beside this test, so build it first: `cargo build -p mizan`.

mod browser;
mod crash;
mod flows;
mod gateway;
mod provider;
mod secrets;
mod shop;

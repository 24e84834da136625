//! The sandbox over HTTP, rule by rule, as a client of the real system would see it.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod access;
mod client;
mod door;
mod faults;
mod invoices;
mod lists;
mod payments;
mod records;
mod stock;
mod vices;

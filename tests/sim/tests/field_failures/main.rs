//! How shipped sync products lost data, each as a test whose name begins with its number; the table that says where the
//! others are is in docs/src/testing.md.

mod base;
mod creates;
mod cursors;
mod deletes;
mod echo;
mod effects;
mod reporting;
mod table;

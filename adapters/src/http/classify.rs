//! What an outcome means: one pure table.
//!
//! | outcome                             | read        | write        |
//! |-------------------------------------|-------------|--------------|
//! | 2xx, 304, 4xx except those below    | answer      | answer       |
//! | 401                                 | unauthorized| unauthorized |
//! | 429                                 | throttled   | throttled    |
//! | 408, 5xx                            | again       | in doubt     |
//! | 1xx, 3xx, anything else             | bad         | in doubt     |
//! | cannot be built                     | unsendable  | unsendable   |
//! | DNS, connect, connect timeout       | not sent    | not sent     |
//! | timeout, reset, truncated           | again       | in doubt     |
//! | answer too large                    | too large   | in doubt     |
//!
//! A 401 and a 429 are refused before processing, so a write may be sent again after them. A 408 comes from
//! gateways too, which may have passed the write on; a redirect after a `POST` is how some servers say "done".

use super::{Effect, FailureKind};

/// What happened to one try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The remote answered with this status.
    Status(u16),
    /// There was no whole answer.
    Failed(FailureKind),
}

/// What it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// An answer, good or bad; it belongs to the adapter.
    Answer,
    /// The credentials are not accepted; not processed.
    Unauthorized,
    /// Asked to slow down; not processed.
    Throttled,
    /// Surely not sent; may be sent again.
    NotSent,
    /// Surely not sent, and never will be.
    Unsendable,
    /// No usable answer to a read; may be asked again.
    Again,
    /// A write that may have been processed; never sent again.
    InDoubt,
    /// The answer to a read is too large; asking again will not help.
    TooLarge,
    /// The answer to a read makes no sense; asking again will not help.
    Bad,
}

/// Says what an outcome means for a request with this effect.
#[must_use]
pub fn classify(effect: Effect, outcome: Outcome) -> Class {
    let unless_write = |class| match effect {
        Effect::Read => class,
        Effect::Write => Class::InDoubt,
    };
    match outcome {
        Outcome::Status(401) => Class::Unauthorized,
        Outcome::Status(429) => Class::Throttled,
        Outcome::Status(408 | 500..=599) => unless_write(Class::Again),
        Outcome::Status(200..=299 | 304 | 400..=499) => Class::Answer,
        Outcome::Status(_) => unless_write(Class::Bad),
        Outcome::Failed(FailureKind::Unsendable) => Class::Unsendable,
        Outcome::Failed(FailureKind::Dns | FailureKind::Connect | FailureKind::ConnectTimeout) => {
            Class::NotSent
        }
        Outcome::Failed(FailureKind::Timeout | FailureKind::Reset | FailureKind::Truncated) => {
            unless_write(Class::Again)
        }
        Outcome::Failed(FailureKind::TooLarge { .. }) => unless_write(Class::TooLarge),
    }
}

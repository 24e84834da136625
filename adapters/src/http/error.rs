//! What a caller can do about a request without a usable answer.

use std::time::Duration;

/// Why there is no answer; each variant asks for something else.
///
/// The texts are made of our own words and of the remote's host, status and the kind of failure; no header, query
/// value or body ever gets into them, so they may be logged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// It surely was not processed: the name, the connection or our own gate failed before it was sent.
    #[error("not sent: {why}")]
    NotSent {
        /// What failed.
        why: String,
    },
    /// A write that may have been processed; look before sending it again. Reads never give this.
    #[error("in doubt, the write may have been processed: {why}")]
    InDoubt {
        /// What failed.
        why: String,
    },
    /// The remote asks for a pause longer than we wait by ourselves, or asked too often; it was not processed.
    #[error("throttled, to be tried again after {} s", retry_after.as_secs())]
    Throttled {
        /// How long to wait.
        retry_after: Duration,
    },
    /// The credentials are not accepted; it was not processed.
    #[error("not authorised: {why}")]
    Unauthorized {
        /// What a person has to do.
        why: String,
    },
    /// The answer to a read is longer than allowed.
    #[error("the answer is longer than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// There is no usable answer, and nothing was changed by asking.
    #[error("unusable answer: {why}")]
    BadAnswer {
        /// What is wrong with it.
        why: String,
    },
}

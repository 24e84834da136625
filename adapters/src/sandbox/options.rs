//! What a sandbox is started with: credentials, limits, faults and the remote's own vices.

use serde::{Deserialize, Serialize};

/// How a sandbox behaves.
#[derive(Clone, Debug)]
pub struct SandboxOptions {
    /// The API key that it accepts.
    pub api_key: String,
    /// The OAuth client that it accepts.
    pub client_id: String,
    /// That client's secret.
    pub client_secret: String,
    /// Requests per 60 seconds; `None` lifts the limit.
    pub requests_per_minute: Option<u32>,
    /// Lifetime of an access token, in seconds.
    pub token_seconds: u64,
    /// Faults that strike by chance.
    pub faults: Faults,
    /// What the remote does differently from its documentation.
    pub vices: Vices,
    /// Seed of everything that happens by chance.
    pub seed: u64,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self {
            api_key: "sandbox-key".to_owned(),
            client_id: "sandbox-client".to_owned(),
            client_secret: "sandbox-secret".to_owned(),
            requests_per_minute: Some(300),
            token_seconds: 7200,
            faults: Faults::default(),
            vices: Vices::default(),
            seed: 1,
        }
    }
}

/// Faults by chance, each in requests per thousand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// The effect happens, the answer is lost.
    pub answer_lost: u32,
    /// 500 and no effect.
    pub error_before: u32,
    /// The effect happens, the answer is 500.
    pub error_after: u32,
    /// 429 and no effect.
    pub throttled: u32,
    /// The answer's body is cut in the middle.
    pub truncated: u32,
    /// Every answer takes so many milliseconds longer.
    pub slow_ms: u64,
}

/// A fault that strikes exactly once, at the next request that fits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OneFault {
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub method: String,
    /// Beginning of the path after `/2.0`, as in `/products`.
    pub path: String,
    /// What happens.
    pub kind: FaultKind,
}

/// What a fault does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The effect happens, the answer is lost.
    AnswerLost,
    /// 500 and no effect.
    ErrorBefore,
    /// The effect happens, the answer is 500.
    ErrorAfter,
    /// 429 and no effect.
    Throttled,
    /// The answer's body is cut in the middle.
    Truncated,
    /// 401, as if the token had expired.
    Unauthorized,
}

/// What the remote does differently from its documentation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Vices {
    /// A stock movement moves the product's `updated_at`.
    pub stock_bumps_updated_at: bool,
    /// `page` and `per_page` are ignored: everything comes at once.
    pub ignores_paging: bool,
    /// `q[id_gt]` is ignored.
    pub ignores_id_gt: bool,
    /// Any page of accounts past the first answers 500.
    pub accounts_fail_after_first_page: bool,
    /// Failed adjustments answer 200 with an `errors` key, as before 2026-08-31.
    pub adjustment_errors_with_200: bool,
    /// Seconds that the server's clock is ahead.
    pub clock_skew_seconds: i64,
}

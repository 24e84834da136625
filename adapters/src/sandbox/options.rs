//! What a sandbox is started with: credentials, limits, and how far the remote strays from its documentation.

use super::faults::{Faults, RareFaults};
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
    /// Whether the client credentials grant hands out a refresh token too.
    pub refresh_with_client_credentials: bool,
    /// Faults that strike by chance.
    pub faults: Faults,
    /// Rarer faults that strike by chance.
    pub rare_faults: RareFaults,
    /// What the remote does differently from its documentation.
    pub vices: Vices,
    /// Seed of everything that happens by chance.
    pub seed: u64,
    /// What the header `X-Backdoor` must hold; `None` makes one up.
    pub back_door_token: Option<String>,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self {
            api_key: "sandbox-key".to_owned(),
            client_id: "sandbox-client".to_owned(),
            client_secret: "sandbox-secret".to_owned(),
            requests_per_minute: Some(300),
            token_seconds: 7200,
            refresh_with_client_credentials: true,
            faults: Faults::default(),
            rare_faults: RareFaults::default(),
            vices: Vices::default(),
            seed: 1,
            back_door_token: None,
        }
    }
}

/// What the remote does differently from its documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Vices {
    /// A stock movement moves the product's `updated_at`.
    pub stock_bumps_updated_at: bool,
    /// `page` and `per_page` are ignored: everything comes at once.
    pub ignores_paging: bool,
    /// Payments are listed whole, whatever `page` and `per_page` say.
    pub payments_ignore_paging: bool,
    /// `q[id_gt]` is ignored.
    pub ignores_id_gt: bool,
    /// Any page of accounts past the first 100 rows answers 500.
    pub accounts_fail_after_first_page: bool,
    /// The largest `per_page` that is honoured; `None`: any.
    pub page_max: Option<usize>,
    /// A failed adjustment answers 200 with an `errors` key, as before 2026-08-31.
    pub adjustment_errors_with_200: bool,
    /// Lists show a row's change only so many milliseconds after its `updated_at`.
    pub late_commit_ms: u64,
    /// A token with a basic scope gets fewer fields.
    pub reduced_basic_scopes: bool,
    /// A tax of code Z or E needs a reason.
    pub demands_tax_reason: bool,
    /// An empty list answers 404 with an object in place of the sentence.
    pub nothing_as_object: bool,
    /// Messages are Arabic unless `LOCALE: en` is sent.
    pub arabic_by_default: bool,
    /// Seconds that the server's clock is ahead.
    pub clock_skew_seconds: i64,
    /// Texts of products and customers are stored without white space at their ends.
    pub trims_texts: bool,
    /// E-mail addresses are stored in lower case.
    pub lowers_emails: bool,
    /// The longest text of products and customers, in characters; what is longer is cut. `None`: any.
    pub text_max: Option<usize>,
    /// Prices of products are rounded to so many digits after the point, halves up; `None`: as sent.
    pub price_scale: Option<u32>,
}

impl Default for Vices {
    fn default() -> Self {
        Self {
            stock_bumps_updated_at: false,
            ignores_paging: false,
            payments_ignore_paging: false,
            ignores_id_gt: false,
            accounts_fail_after_first_page: false,
            page_max: None,
            adjustment_errors_with_200: false,
            late_commit_ms: 0,
            reduced_basic_scopes: true,
            demands_tax_reason: true,
            nothing_as_object: false,
            arabic_by_default: false,
            clock_skew_seconds: 0,
            trims_texts: false,
            lowers_emails: false,
            text_max: None,
            price_scale: None,
        }
    }
}

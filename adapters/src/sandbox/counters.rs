//! What the sandbox counted.

use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// Requests by route and by status, and writes that had an effect.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters {
    /// Requests by method and resource.
    pub(crate) by_route: BTreeMap<String, u64>,
    /// Answers by method, path and status; a lost answer has the status `lost`.
    pub(crate) by_status: BTreeMap<String, u64>,
    pub(crate) writes: u64,
}

impl Counters {
    pub(crate) fn request(&mut self, route: &str) {
        let resource = route.splitn(3, '/').take(2).collect::<Vec<_>>().join("/");
        *self.by_route.entry(resource).or_default() += 1;
    }

    pub(crate) fn answer(&mut self, route: &str, status: &str) {
        *self.by_status.entry(format!("{route} {status}")).or_default() += 1;
    }

    pub(crate) fn json(&self, most_in_a_minute: usize) -> Json {
        json!({
            "requests": self.by_route, "answers": self.by_status, "writes": self.writes,
            "most_in_a_minute": most_in_a_minute,
        })
    }
}

/// A method and path with ids replaced, as counters name them.
pub(crate) fn route(method: &str, path: &str) -> String {
    let mut route = method.to_owned();
    route.push(' ');
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let is_id = part.bytes().all(|byte| byte.is_ascii_digit());
        route.push('/');
        route.push_str(if is_id { "{id}" } else { part });
    }
    route
}

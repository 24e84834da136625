//! When a request is sent again: the only place that knows.
//!
//! A read is repeated after anything that another try may mend. A write is repeated only when it surely was not
//! processed: no connection was made, or the remote said 429. Nothing is repeated once the budget is used up, so
//! that a remote in trouble is not asked several times as often as usual.

use super::classify::{Class, Outcome, classify};
use super::{Closed, Transport};
use super::{Credential, Failure, FailureKind, HttpError, Limiter, Request, Response};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How often, how long, and when to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Tries per request, the first one included.
    pub tries_max: u32,
    /// How often a request waits for a 429. Apart from the tries, since a 429 promises that later is better.
    pub throttles_max: u32,
    /// The pause after the first failed try; it doubles with each.
    pub backoff_first: Duration,
    /// The longest pause between tries.
    pub backoff_max: Duration,
    /// The pause after a 429 that names none.
    pub throttle_wait_default: Duration,
    /// The longest pause that is waited for here; longer ones go back to the caller.
    pub throttle_wait_max: Duration,
    /// How long nothing is sent with a credential that the remote has refused.
    pub refusal_pause: Duration,
    /// Repeats that may be made in a row before any success; each further one needs five successes.
    pub budget_retries: u32,
    /// Seed of the jitter; handed in, so that a run can be repeated.
    pub seed: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            tries_max: 3,
            throttles_max: 5,
            backoff_first: Duration::from_secs(1),
            backoff_max: Duration::from_secs(20),
            throttle_wait_default: Duration::from_secs(60),
            throttle_wait_max: Duration::from_secs(300),
            refusal_pause: Duration::from_secs(30),
            budget_retries: 10,
            seed: 0,
        }
    }
}

/// One request in five may be a repeat in the long run.
const SUCCESSES_PER_RETRY: u32 = 5;

/// What a request has gone through so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tries {
    /// Tries that failed, the latest included.
    pub failed: u32,
    /// Tries that were throttled, the latest included.
    pub throttled: u32,
}

/// What to do after a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Hand back what there is.
    Give,
    /// Send again after this long.
    Wait(Duration),
}

/// Says what to do after a try; `request` is any number that tells requests apart, for the jitter.
///
/// The class already knows whether the request is a write, so an unsafe repeat cannot be asked for here.
#[must_use]
pub fn step(
    policy: &Policy,
    request: u64,
    tries: Tries,
    class: Class,
    retry_after: Option<Duration>,
) -> Step {
    match class {
        Class::Throttled => {
            let wait = retry_after.unwrap_or(policy.throttle_wait_default);
            if tries.throttled > policy.throttles_max || wait > policy.throttle_wait_max {
                return Step::Give;
            }
            Step::Wait(wait)
        }
        Class::Again | Class::NotSent if tries.failed < policy.tries_max => {
            let wait = backoff(policy, request, tries.failed);
            let wait = retry_after.map_or(wait, |asked| asked.max(wait));
            if wait > policy.throttle_wait_max { Step::Give } else { Step::Wait(wait) }
        }
        Class::Again | Class::NotSent => Step::Give,
        Class::Answer
        | Class::Unauthorized
        | Class::Unsendable
        | Class::InDoubt
        | Class::TooLarge
        | Class::Bad => Step::Give,
    }
}

/// The pause after so many failed tries: between half and all of the doubled one, the same for the same numbers.
#[must_use]
pub fn backoff(policy: &Policy, request: u64, failed: u32) -> Duration {
    let doublings = failed.saturating_sub(1).min(20);
    let whole = policy.backoff_first.saturating_mul(1 << doublings).min(policy.backoff_max);
    let half = whole / 2;
    let thousandths = scramble(policy.seed ^ scramble(request ^ (u64::from(failed) << 48))) % 1001;
    half + half * u32::try_from(thousandths).unwrap_or(0) / 1000
}

/// SplitMix64: spreads neighbouring numbers over the whole range.
fn scramble(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What is left for repeats, shared by all requests of an [`Api`](super::Api).
#[derive(Debug)]
pub(super) struct Budget {
    max: u32,
    left: Mutex<u32>,
}

impl Budget {
    pub(super) fn new(policy: &Policy) -> Self {
        let max = policy.budget_retries.saturating_mul(SUCCESSES_PER_RETRY);
        Self { max, left: Mutex::new(max) }
    }

    fn earn(&self) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        *left = left.saturating_add(1).min(self.max);
    }

    fn spend(&self) -> bool {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = left.checked_sub(SUCCESSES_PER_RETRY);
        *left = rest.unwrap_or(*left);
        rest.is_some()
    }
}

/// What a request is sent with.
pub(super) struct Line<'a> {
    pub(super) transport: &'a dyn Transport,
    pub(super) limiter: &'a Limiter,
    pub(super) policy: &'a Policy,
    pub(super) budget: &'a Budget,
    pub(super) number: u64,
}

/// Sends a request until there is something to hand back; a 401 comes back as a response.
pub(super) async fn run(
    line: &Line<'_>,
    request: &Request,
    credential: Option<&Credential>,
) -> Result<Response, HttpError> {
    let mut tries = Tries::default();
    loop {
        let paused = line.limiter.paused_for();
        if paused > line.policy.throttle_wait_max {
            return Err(HttpError::Throttled { retry_after: paused });
        }
        let permit = line.limiter.acquire().await.map_err(closed)?;
        line.limiter.counters().sent(request.effect, tries != Tries::default());
        let result = line.transport.exchange(request, credential).await;
        drop(permit);

        let class = classify(request.effect, outcome(&result));
        let retry_after = result.as_ref().ok().and_then(Response::retry_after);
        log(request, &result, class);
        count(&mut tries, class);
        if class == Class::Answer {
            line.budget.earn();
        }
        let next = step(line.policy, line.number, tries, class, retry_after);
        if class == Class::Throttled {
            // For all tasks: the remote counts the account, not the task.
            let wait = retry_after.unwrap_or(line.policy.throttle_wait_default);
            line.limiter.counters().throttled();
            line.limiter.pause_for(wait);
        }
        match next {
            Step::Wait(_) if class == Class::Throttled => {}
            Step::Wait(wait) if line.budget.spend() => {
                line.limiter.rest(wait).await.map_err(closed)?;
            }
            Step::Wait(_) | Step::Give => return conclude(line.policy, tries, class, result),
        }
    }
}

fn outcome(result: &Result<Response, Failure>) -> Outcome {
    match result {
        Ok(response) => Outcome::Status(response.status),
        Err(failure) => Outcome::Failed(failure.kind),
    }
}

fn count(tries: &mut Tries, class: Class) {
    match class {
        Class::Throttled => tries.throttled += 1,
        _ => tries.failed += 1,
    }
}

fn closed(closed: Closed) -> HttpError {
    HttpError::NotSent { why: closed.to_string() }
}

fn log(request: &Request, result: &Result<Response, Failure>, class: Class) {
    let method = request.method.as_str();
    match result {
        Ok(response) => {
            let (status, bytes) = (response.status, response.body.len());
            tracing::debug!(method, path = request.path, status, bytes, ?class, "answered");
        }
        Err(failure) => {
            let why = failure.why.as_str();
            tracing::debug!(method, path = request.path, why, ?class, "not answered");
        }
    }
}

fn conclude(
    policy: &Policy,
    tries: Tries,
    class: Class,
    result: Result<Response, Failure>,
) -> Result<Response, HttpError> {
    let retry_after = result.as_ref().ok().and_then(Response::retry_after);
    let why = match &result {
        Ok(response) if (300..400).contains(&response.status) => {
            format!("status {}, and redirects are not followed", response.status)
        }
        Ok(response) => format!("status {}", response.status),
        Err(failure) => failure.why.clone(),
    };
    match class {
        Class::Answer | Class::Unauthorized => {
            result.map_err(|failure| HttpError::BadAnswer { why: failure.why })
        }
        Class::Throttled => Err(HttpError::Throttled {
            retry_after: retry_after.unwrap_or(policy.throttle_wait_default),
        }),
        Class::NotSent | Class::Unsendable => {
            Err(HttpError::NotSent { why: after(&why, tries.failed) })
        }
        Class::InDoubt => Err(HttpError::InDoubt { why }),
        Class::TooLarge => match result {
            Err(Failure { kind: FailureKind::TooLarge { limit }, .. }) => {
                Err(HttpError::TooLarge { limit })
            }
            _ => Err(HttpError::BadAnswer { why }),
        },
        Class::Again | Class::Bad => Err(HttpError::BadAnswer { why: after(&why, tries.failed) }),
    }
}

fn after(why: &str, tries: u32) -> String {
    if tries > 1 { format!("{why} ({tries} tries)") } else { why.to_owned() }
}

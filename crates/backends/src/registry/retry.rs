//! When a request is sent again, and when: after 408, 429, 5xx and lost connections, and never without a limit.
//!
//! A registry that says how long to wait (`Retry-After` with 429 and 503) is obeyed up to a limit, and then all
//! requests to it wait, not only the one that was told. Otherwise the waits double, with some jitter, so that workers
//! that failed together do not come back together. A 403 that speaks of a rate limit is a 429.

use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, SystemTime};

use super::answer::Answer;

/// How long a client waits for what, and how often it tries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patience {
    /// The first wait after a failure; each further one is twice as long. Half a second by default.
    pub first_delay: Duration,
    /// The longest of these waits. 30 seconds by default.
    pub last_delay: Duration,
    /// The longest wait that a registry may ask for; above it the request fails. 120 seconds by default.
    pub longest_wait: Duration,
    /// How often a reading request is sent, at most. 5 by default.
    pub reads: u32,
    /// How often a writing request is sent, at most. 8 by default.
    pub writes: u32,
    /// How long a connection may take to be made. 10 seconds by default.
    pub connect_timeout: Duration,
    /// How long an answer may stand still. 60 seconds by default.
    pub read_timeout: Duration,
    /// How long an answer may take as a whole, whatever trickles in; sending bodies gets more. 5 minutes by default.
    pub whole_timeout: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first_delay: Duration::from_millis(500),
            last_delay: Duration::from_secs(30),
            longest_wait: Duration::from_secs(120),
            reads: 5,
            writes: 8,
            connect_timeout: Duration::from_secs(10),
            read_timeout: Duration::from_secs(60),
            whole_timeout: Duration::from_secs(300),
        }
    }
}

impl Patience {
    /// The wait before the next try, after this many failures (1 is the first).
    pub(super) fn delay(&self, failures: u32) -> Duration {
        let doubled = self.first_delay.saturating_mul(1 << failures.saturating_sub(1).min(20));
        let base = doubled.min(self.last_delay);
        (base + base.mul_f64(chance() / 2.0)).min(self.last_delay)
    }

    /// A little extra, so that those who waited for the same moment do not all come at it.
    pub(super) fn jitter(&self) -> Duration {
        self.first_delay.mul_f64(chance() / 2.0)
    }
}

/// A number in `0.0..1.0`, another one each time: the standard library's hash keys are random, and enough for jitter.
fn chance() -> f64 {
    let bits = u32::try_from(RandomState::new().hash_one(0_u8) >> 32).unwrap_or(0);
    f64::from(bits) / (f64::from(u32::MAX) + 1.0)
}

/// What to do after an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is the answer, good or bad.
    Final,
    /// Send the request again after the usual wait.
    Again,
    /// The registry is being asked too much: all requests to it wait, this long if it said so.
    SlowDown(Option<Duration>),
}

/// Judges an answer.
pub(super) fn judge(answer: &Answer, now: SystemTime) -> Verdict {
    let asked = || answer.header("retry-after").and_then(|value| retry_after(value, now));
    match answer.status {
        429 => Verdict::SlowDown(asked()),
        403 if answer.speaks_of_rate_limit() => Verdict::SlowDown(asked()),
        503 => asked().map_or(Verdict::Again, |wait| Verdict::SlowDown(Some(wait))),
        408 | 500..=599 => Verdict::Again,
        _ => Verdict::Final,
    }
}

/// Reads `Retry-After`: seconds or an HTTP date; anything else says nothing.
fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, retry_after: Option<&str>, body: &str) -> Answer {
        let mut headers = http::HeaderMap::new();
        headers.extend(retry_after.map(|value| (http::header::RETRY_AFTER, value.parse().unwrap())));
        Answer { status, headers, body: body.as_bytes().to_vec() }
    }

    #[test]
    fn verdicts() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let seconds = |seconds| Verdict::SlowDown(Some(Duration::from_secs(seconds)));
        let limit = r#"{"errors":[{"code":"DENIED","message":"API rate limit exceeded"}]}"#;
        let table = [
            (answer(200, None, ""), Verdict::Final),
            (answer(404, None, ""), Verdict::Final),
            (answer(403, None, "no"), Verdict::Final),
            (answer(403, None, limit), Verdict::SlowDown(None)),
            (answer(408, None, ""), Verdict::Again),
            (answer(429, None, ""), Verdict::SlowDown(None)),
            (answer(429, Some("3"), ""), seconds(3)),
            (answer(429, Some("12.5ms"), ""), Verdict::SlowDown(None)),
            (answer(429, Some("Sun, 09 Sep 2001 01:46:45 GMT"), ""), seconds(5)),
            (answer(429, Some("Sun, 09 Sep 2001 01:46:35 GMT"), ""), seconds(0)),
            (answer(429, Some("99999999999999999999"), ""), Verdict::SlowDown(None)),
            (answer(500, Some("3"), ""), Verdict::Again),
            (answer(502, None, ""), Verdict::Again),
            (answer(503, None, ""), Verdict::Again),
            (answer(503, Some("7"), ""), seconds(7)),
        ];
        for (answer, verdict) in table {
            assert_eq!(judge(&answer, now), verdict, "{answer:?}");
        }
    }

    #[test]
    fn waits_double_up_to_the_longest() {
        let patience = Patience::default();
        for (failures, low, high) in
            [(1, 500, 750), (2, 1000, 1500), (5, 8000, 12000), (9, 30000, 30000), (99, 30000, 30000)]
        {
            let delay = patience.delay(failures).as_millis();
            assert!((low..=high).contains(&delay), "{failures}: {delay}");
        }
    }
}

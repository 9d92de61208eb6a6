//! Misbehaviour to order: which request, and what happens to it.
//!
//! A fault counts the requests that it fits, from 0, and acts on those in its range. The first fault that acts on a
//! request is the only one.

use std::ops::Range;
use std::sync::Mutex;
use std::time::Duration;

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// It is answered with this, and nothing is done.
    Status {
        /// The status.
        code: u16,
        /// Headers, name and value.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
    /// The connection is dropped, and nothing is done.
    ResetBefore,
    /// A write is acknowledged with 201, and nothing is stored.
    AckLost,
    /// It is carried out, and the connection is dropped instead of an answer.
    AppliedThenReset,
    /// It is carried out and answered, and the connection is dropped in the middle of the body.
    CutReply,
    /// It waits, then all goes well.
    Delay(Duration),
    /// It is answered as if the manifest were not there.
    Stale404,
    /// It is carried out, and one byte of the answer's body is another one.
    WrongBytes,
}

impl Action {
    /// An answer with a status alone.
    pub fn status(code: u16) -> Self {
        Self::Status { code, headers: Vec::new(), body: String::new() }
    }

    /// A redirect to this address.
    pub fn redirect(location: &str) -> Self {
        let headers = vec![("location".to_owned(), location.to_owned())];
        Self::Status { code: 307, headers, body: String::new() }
    }
}

/// A fault: which requests, and what happens to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The method; empty for any.
    pub method: String,
    /// What the path (with its query) must contain; empty for any.
    pub path_contains: String,
    /// Which of the fitting requests, counted from 0.
    pub nth: Range<usize>,
    /// What happens.
    pub action: Action,
}

impl Fault {
    /// A fault of the fitting requests in this range, counted from 0.
    pub fn new(method: &str, path_contains: &str, nth: Range<usize>, action: Action) -> Self {
        Self { method: method.to_owned(), path_contains: path_contains.to_owned(), nth, action }
    }

    /// A fault of every fitting request.
    pub fn always(method: &str, path_contains: &str, action: Action) -> Self {
        Self::new(method, path_contains, 0..usize::MAX, action)
    }

    fn fits(&self, method: &str, path: &str) -> bool {
        (self.method.is_empty() || self.method == method) && path.contains(&self.path_contains)
    }
}

/// The faults of a server, each with how many requests have fitted it.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<Vec<(Fault, usize)>>);

impl Faults {
    pub(crate) fn add(&self, fault: Fault) {
        crate::store::lock(&self.0).push((fault, 0));
    }

    pub(crate) fn clear(&self) {
        crate::store::lock(&self.0).clear();
    }

    /// What is to happen to this request; every fault that it fits counts it.
    pub(crate) fn next(&self, method: &str, path: &str) -> Option<Action> {
        let mut action = None;
        for (fault, count) in crate::store::lock(&self.0).iter_mut().filter(|(fault, _)| fault.fits(method, path)) {
            if action.is_none() && fault.nth.contains(count) {
                action = Some(fault.action.clone());
            }
            *count += 1;
        }
        action
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_requests_in_the_range_are_hit() {
        let faults = Faults::default();
        faults.add(Fault::new("PUT", "/manifests/", 1..3, Action::ResetBefore));
        let hits = |method, path| (0..4).map(|_| faults.next(method, path).is_some()).collect::<Vec<_>>();
        assert_eq!(hits("GET", "/v2/a/manifests/x"), [false; 4]);
        assert_eq!(hits("PUT", "/v2/a/blobs/x"), [false; 4]);
        assert_eq!(hits("PUT", "/v2/a/manifests/x"), [false, true, true, false]);
    }

    #[test]
    fn the_first_fault_wins_and_all_count() {
        let faults = Faults::default();
        faults.add(Fault::new("", "", 0..1, Action::ResetBefore));
        faults.add(Fault::new("", "", 0..2, Action::Stale404));
        let got: Vec<_> = (0..3).map(|_| faults.next("GET", "/")).collect();
        assert_eq!(got, [Some(Action::ResetBefore), Some(Action::Stale404), None]);
    }
}

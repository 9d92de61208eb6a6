//! What a run of a program came to.

use crate::redact::redact;

/// How a program ended and all it said.
#[derive(Debug, Clone)]
#[must_use = "a run whose outcome nobody looks at proves nothing"]
pub struct Outcome {
    /// Its exit status; as in a shell, 128 and the signal's number when a signal ended it.
    pub status: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
    /// The command line, for messages.
    pub(crate) line: String,
    /// Texts of this environment and their placeholders.
    pub(crate) known: Vec<(String, String)>,
}

impl Outcome {
    /// Expects status 0.
    #[track_caller]
    pub fn success(self) -> Self {
        self.fails_with(0)
    }

    /// Expects this status.
    #[track_caller]
    pub fn fails_with(self, status: i32) -> Self {
        assert!(self.status == status, "expected status {status} of `{}`, got:\n{}", self.line, self.report());
        self
    }

    /// Expects that SIGKILL ended it, as a kill point does.
    #[track_caller]
    pub fn killed(self) -> Self {
        self.fails_with(137)
    }

    /// Standard output as one JSON value.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("`{}` printed no JSON ({error}):\n{}", self.line, self.report()))
    }

    /// Standard output as JSON, one value a line.
    #[track_caller]
    pub fn json_lines(&self) -> Vec<serde_json::Value> {
        let read = |line| {
            serde_json::from_str(line)
                .unwrap_or_else(|error| panic!("`{}` printed `{line}`, no JSON: {error}", self.line))
        };
        self.stdout.lines().map(read).collect()
    }

    /// Status and both outputs in one text for a snapshot, with a placeholder for each temporary path, commit id,
    /// digest, port, instant and duration. An output with nothing in it is left out.
    pub fn redacted(&self) -> String {
        redact(&self.report(), &self.known)
    }

    fn report(&self) -> String {
        let mut report = format!("status: {}\n", self.status);
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                let end = if text.ends_with('\n') { "" } else { "\n" };
                report.extend(["--- ", name, "\n", text, end]);
            }
        }
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(status: i32, stdout: &str, stderr: &str) -> Outcome {
        let known = vec![("/tmp/x".to_owned(), "[ENV]".to_owned())];
        Outcome { status, stdout: stdout.to_owned(), stderr: stderr.to_owned(), line: "program".to_owned(), known }
    }

    #[test]
    fn a_snapshot_holds_status_and_both_outputs() {
        let outcome = outcome(2, "one\n", "error: `/tmp/x/repo` is no repository");
        assert_eq!(
            outcome.redacted(),
            "status: 2\n--- stdout\none\n--- stderr\nerror: `[ENV]/repo` is no repository\n"
        );
        assert_eq!(self::outcome(0, "", "").redacted(), "status: 0\n");
    }

    #[test]
    fn json_is_read_whole_or_by_the_line() {
        assert_eq!(outcome(0, "{\"a\":1}\n", "talk").json()["a"], 1);
        assert_eq!(outcome(0, "1\n2\n", "").json_lines(), [1, 2]);
    }

    #[test]
    #[should_panic(expected = "expected status 0 of `program`, got:\nstatus: 1\n--- stderr\nno\n")]
    fn another_status_fails_the_test_with_all_that_was_said() {
        drop(outcome(1, "", "no\n").success());
    }
}

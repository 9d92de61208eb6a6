//! `HEALTHCHECK`: only checked, since it reads nothing.

use super::flag::{Flags, Holds, Known};
use super::node::Node;

const FLAGS: Known = &[
    ("interval", Holds::Text),
    ("timeout", Holds::Text),
    ("start-period", Holds::Text),
    ("start-interval", Holds::Text),
    ("retries", Holds::Text),
];

/// Refuses what BuildKit refuses.
pub(crate) fn check(node: &Node) -> Result<(), String> {
    let Some((kind, command)) = node.arguments.split_first() else {
        return Err("`HEALTHCHECK` needs at least one argument".to_owned());
    };
    match kind.to_uppercase().as_str() {
        "NONE" if command.is_empty() => return Ok(()),
        "NONE" => return Err("`HEALTHCHECK NONE` takes no arguments".to_owned()),
        "CMD" if command.is_empty() => return Err("the command after `HEALTHCHECK CMD` is missing".to_owned()),
        "CMD" => {}
        other => return Err(format!("unknown type `{other}` in `HEALTHCHECK`, it takes `CMD` or `NONE`")),
    }
    let flags = Flags::check(&node.flags, FLAGS)?;
    for name in ["interval", "timeout", "start-period", "start-interval"] {
        let text = flags.text(name);
        if !text.is_empty() && !duration(text).is_some_and(|value| value == 0.0 || value >= 1e6) {
            return Err(format!("`--{name}={text}` is no duration of at least a millisecond"));
        }
    }
    let retries = flags.text("retries");
    if !retries.is_empty() && !retries.parse::<i32>().is_ok_and(|number| number >= 0) {
        return Err(format!("`--retries={retries}` is not a count"));
    }
    Ok(())
}

/// A duration as Go writes them, in nanoseconds: `1m30s`, `.5s`, `0`.
fn duration(text: &str) -> Option<f64> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(0.0);
    }
    let mut sum = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let number = rest.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(rest.len());
        let (digits, after) = rest.split_at(number);
        let unit = after.find(|character: char| character.is_ascii_digit() || character == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(unit);
        let nanoseconds = match unit {
            "ns" => 1.0,
            "us" | "µs" | "μs" => 1e3,
            "ms" => 1e6,
            "s" => 1e9,
            "m" => 6e10,
            "h" => 3.6e12,
            _ => return None,
        };
        if !digits.bytes().any(|byte| byte.is_ascii_digit()) {
            return None;
        }
        sum += format!("0{digits}").parse::<f64>().ok()? * nanoseconds;
        rest = after;
    }
    Some(sum * sign).filter(|value| value.abs() < 9.223_372_036_854_776e18)
}

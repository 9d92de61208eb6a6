//! Character classes of Go's regular expressions, `[^a-c\d[:space:]]`, and the escapes inside and outside of them.
//!
//! What is read is written anew for the `regex` crate as ranges of code points, so none of the crate's own notation
//! (`&&`, `--`, nested classes) can be hit by accident.

/// A range of code points.
type Range = (u32, u32);

const LAST: u32 = char::MAX as u32;

/// Reads the class that `text` starts with: the class as the `regex` crate has it, and what follows.
pub(super) fn read(text: &str) -> Result<(String, &str), String> {
    let inside = &text[1..];
    let (negated, mut rest) = inside.strip_prefix('^').map_or((false, inside), |rest| (true, rest));
    let (mut singles, mut shorthands) = (Vec::new(), Vec::new());
    let mut first = true;
    loop {
        if let Some(after) = rest.strip_prefix(']').filter(|_| !first) {
            return Ok((ranges(&singles, &shorthands, negated), after));
        }
        first = false;
        if let Some((named, after)) = read_named(rest)? {
            singles.extend(named);
            rest = after;
        } else if let Some((shorthand, after)) = read_shorthand(rest)? {
            shorthands.push(shorthand);
            rest = after;
        } else {
            let (range, after) = read_range(rest)?;
            singles.push(range);
            rest = after;
        }
    }
}

/// `a` or `a-c`; a `-` before the closing bracket is itself.
fn read_range(text: &str) -> Result<(Range, &str), String> {
    let (from, rest) = read_single(text)?;
    match rest.strip_prefix('-') {
        Some(after) if !after.is_empty() && !after.starts_with(']') => {
            let (to, after) = read_single(after)?;
            if to < from {
                return Err("a range in a class ends before it starts".to_owned());
            }
            Ok(((from, to), after))
        }
        _ => Ok(((from, from), rest)),
    }
}

fn read_single(text: &str) -> Result<(u32, &str), String> {
    match text.chars().next() {
        None => Err("a `[` is not closed".to_owned()),
        Some('\\') => read_escape(text),
        Some(character) => Ok((u32::from(character), &text[character.len_utf8()..])),
    }
}

/// `[:name:]` or `[:^name:]`
fn read_named(text: &str) -> Result<Option<(Vec<Range>, &str)>, String> {
    let Some((name, rest)) = text.strip_prefix("[:").and_then(|text| text.split_once(":]")) else { return Ok(None) };
    let (negated, plain) = name.strip_prefix('^').map_or((false, name), |plain| (true, plain));
    let found: &[(u8, u8)] = match plain {
        "alnum" => &[(b'0', b'9'), (b'A', b'Z'), (b'a', b'z')],
        "alpha" => &[(b'A', b'Z'), (b'a', b'z')],
        "ascii" => &[(0, 0x7f)],
        "blank" => &[(b'\t', b'\t'), (b' ', b' ')],
        "cntrl" => &[(0, 0x1f), (0x7f, 0x7f)],
        "digit" => &[(b'0', b'9')],
        "graph" => &[(b'!', b'~')],
        "lower" => &[(b'a', b'z')],
        "print" => &[(b' ', b'~')],
        "punct" => &[(b'!', b'/'), (b':', b'@'), (b'[', b'`'), (b'{', b'~')],
        "space" => &[(b'\t', b'\r'), (b' ', b' ')],
        "upper" => &[(b'A', b'Z')],
        "word" => &[(b'0', b'9'), (b'A', b'Z'), (b'_', b'_'), (b'a', b'z')],
        "xdigit" => &[(b'0', b'9'), (b'A', b'F'), (b'a', b'f')],
        _ => return Err(format!("there is no class `[:{name}:]`")),
    };
    Ok(Some((signed(found, negated), rest)))
}

/// `\d`, `\S`, `\pL`, `\p{Greek}` and the like, to be put into a class as it is; none where `text` starts with another
/// thing.
pub(super) fn read_shorthand(text: &str) -> Result<Option<(String, &str)>, String> {
    let mut characters = text.chars();
    let (Some('\\'), Some(kind)) = (characters.next(), characters.next()) else { return Ok(None) };
    let rest = &text[1 + kind.len_utf8()..];
    let found: &[(u8, u8)] = match kind.to_ascii_lowercase() {
        'd' => &[(b'0', b'9')],
        's' => &[(b'\t', b'\n'), (b'\x0c', b'\r'), (b' ', b' ')],
        'w' => &[(b'0', b'9'), (b'A', b'Z'), (b'_', b'_'), (b'a', b'z')],
        'p' => return read_property(kind == 'P', rest).map(Some),
        _ => return Ok(None),
    };
    Ok(Some((write(&signed(found, kind.is_ascii_uppercase())), rest)))
}

/// What follows `\p`: one letter, or a name in braces, which may start with `^`.
fn read_property(negated: bool, text: &str) -> Result<(String, &str), String> {
    let unknown = |name: &str| format!("there is no class `\\p{{{name}}}`");
    let (name, rest) = match text.strip_prefix('{') {
        Some(text) => text.split_once('}').ok_or("a `\\p{` is not closed")?,
        None => {
            let first = text.chars().next().ok_or(r"`\p` needs a name")?;
            text.split_at(first.len_utf8())
        }
    };
    let (inverse, plain) = name.strip_prefix('^').map_or((false, name), |plain| (true, plain));
    if plain.is_empty() || !plain.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_') {
        return Err(unknown(name));
    }
    let written = format!("\\{}{{{plain}}}", if negated == inverse { 'p' } else { 'P' });
    if regex::Regex::new(&written).is_err() {
        return Err(unknown(name));
    }
    Ok((written, rest))
}

/// The code point that an escape stands for; `text` starts with the backslash.
pub(super) fn read_escape(text: &str) -> Result<(u32, &str), String> {
    let Some(kind) = text[1..].chars().next() else { return Err(r"a `\` ends the pattern".to_owned()) };
    let rest = &text[1 + kind.len_utf8()..];
    let unknown = || format!(r"there is no escape `\{kind}`");
    let code = match kind {
        'a' => 0x07,
        'f' => 0x0c,
        'n' => 0x0a,
        'r' => 0x0d,
        't' => 0x09,
        'v' => 0x0b,
        'x' => return read_hexadecimal(rest).ok_or_else(unknown),
        '0'..='7' => {
            let more = rest.bytes().take(2).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
            if kind != '0' && more == 0 {
                return Err(unknown());
            }
            let digits = &text[1..2 + more];
            return u32::from_str_radix(digits, 8).map(|code| (code, &rest[more..])).map_err(|_| unknown());
        }
        _ if kind.is_ascii() && !kind.is_ascii_alphanumeric() => u32::from(kind),
        _ => return Err(unknown()),
    };
    Ok((code, rest))
}

/// What follows `\x`: two digits, or any number of them in braces.
fn read_hexadecimal(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = match text.strip_prefix('{') {
        Some(text) => text.split_once('}')?,
        None => text.split_at_checked(2)?,
    };
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let significant = digits.trim_start_matches('0');
    let code =
        if significant.is_empty() && !digits.is_empty() { 0 } else { u32::from_str_radix(significant, 16).ok()? };
    (code <= LAST).then_some((code, rest))
}

/// A class of ranges and shorthands, in the crate's words.
pub(super) fn ranges(singles: &[Range], shorthands: &[String], negated: bool) -> String {
    let inside = shorthands.concat() + &write(singles);
    match (inside.is_empty(), negated) {
        // Only surrogates, which a pattern can name.
        (true, false) => format!("[^\\x{{0}}-\\x{{{LAST:x}}}]"),
        (true, true) => format!("[\\x{{0}}-\\x{{{LAST:x}}}]"),
        (false, false) => format!("[{inside}]"),
        (false, true) => format!("[^{inside}]"),
    }
}

/// The ranges as they stand in a class, without the surrogates, which no text holds.
fn write(ranges: &[Range]) -> String {
    let halves = ranges.iter().flat_map(|(from, to)| [(*from, (*to).min(0xd7ff)), ((*from).max(0xe000), *to)]);
    halves.filter(|(from, to)| from <= to).map(|(from, to)| format!("\\x{{{from:x}}}-\\x{{{to:x}}}")).collect()
}

/// The ranges, or everything else.
fn signed(found: &[(u8, u8)], negated: bool) -> Vec<Range> {
    let found = found.iter().map(|(from, to)| (u32::from(*from), u32::from(*to)));
    if !negated {
        return found.collect();
    }
    let mut next = 0;
    let mut others = Vec::new();
    for (from, to) in found {
        if next < from {
            others.push((next, from - 1));
        }
        next = to + 1;
    }
    others.push((next, LAST));
    others
}

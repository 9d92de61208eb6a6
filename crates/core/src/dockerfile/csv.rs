//! The comma-separated values of `--mount` and `--device`.

use super::flag::FlagValue;

/// Splits at commas; a field may be quoted as in CSV. Each character keeps its origin.
pub(crate) fn fields(value: &FlagValue) -> Result<Vec<FlagValue>, String> {
    let characters: Vec<(char, (usize, usize))> =
        value.text.chars().zip(value.origins.iter().copied().chain(std::iter::repeat((0, 0)))).collect();
    let malformed = || format!("the quotes in `{}` are malformed", value.text);
    if characters.is_empty() {
        return Err("the value is empty".to_owned());
    }
    let mut fields = Vec::new();
    let mut at = 0;
    loop {
        let mut field = FlagValue::default();
        let mut push = |(character, origin): (char, (usize, usize))| {
            field.text.push(character);
            field.origins.push(origin);
        };
        if characters.get(at).is_some_and(|(character, _)| *character == '"') {
            at += 1;
            loop {
                match (characters.get(at), characters.get(at + 1)) {
                    (Some(('"', start)), Some(('"', end))) => {
                        push(('"', (start.0, end.1)));
                        at += 2;
                    }
                    (Some(('"', _)), Some((',', _)) | None) => {
                        at += 1;
                        break;
                    }
                    (Some(('"', _)), Some(_)) | (None, _) => return Err(malformed()),
                    (Some(other), _) => {
                        push(*other);
                        at += 1;
                    }
                }
            }
        } else {
            while let Some(other) = characters.get(at).filter(|(character, _)| *character != ',') {
                if other.0 == '"' {
                    return Err(malformed());
                }
                push(*other);
                at += 1;
            }
        }
        fields.push(field);
        if at >= characters.len() {
            return Ok(fields);
        }
        at += 1;
    }
}

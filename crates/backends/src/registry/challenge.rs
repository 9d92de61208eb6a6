//! What a registry asks for when it answers 401: the `WWW-Authenticate` header, read by the grammar of RFC 9110.

/// One challenge: the scheme in lower case, and its parameters with names in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Challenge {
    pub(super) scheme: String,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    /// The value of a parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// All challenges of one header value; what does not fit the grammar ends the reading.
pub(super) fn parse(header: &str) -> Vec<Challenge> {
    let mut reader = Reader(header);
    let mut challenges: Vec<Challenge> = Vec::new();
    loop {
        reader.skip(" \t,");
        let Some(word) = reader.token() else { return challenges };
        reader.skip(" \t");
        if reader.eat('=') {
            reader.skip(" \t");
            let Some(value) = reader.value() else { return challenges };
            // A parameter before any scheme belongs to nothing.
            let Some(challenge) = challenges.last_mut() else { return challenges };
            challenge.parameters.push((word.to_ascii_lowercase(), value));
        } else {
            challenges.push(Challenge { scheme: word.to_ascii_lowercase(), parameters: Vec::new() });
        }
    }
}

struct Reader<'a>(&'a str);

impl<'a> Reader<'a> {
    fn skip(&mut self, characters: &str) {
        self.0 = self.0.trim_start_matches(|character| characters.contains(character));
    }

    fn eat(&mut self, character: char) -> bool {
        self.0.strip_prefix(character).map(|rest| self.0 = rest).is_some()
    }

    fn token(&mut self) -> Option<&'a str> {
        let legal = |character: char| character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character);
        let end = self.0.find(|character| !legal(character)).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        (!token.is_empty()).then_some(token)
    }

    /// A quoted string, or what stands there up to the next comma or blank (some servers quote nothing).
    fn value(&mut self) -> Option<String> {
        if !self.eat('"') {
            let end = self.0.find([',', ' ', '\t']).unwrap_or(self.0.len());
            let (value, rest) = self.0.split_at(end);
            self.0 = rest;
            return Some(value.to_owned());
        }
        let mut value = String::new();
        let mut characters = self.0.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.0 = &self.0[at + 1..];
                    return Some(value);
                }
                '\\' => value.extend(characters.next().map(|(_, character)| character)),
                _ => value.push(character),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(header: &str) -> String {
        let one = |challenge: &Challenge| {
            let parameters: Vec<_> =
                challenge.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
            format!("{}[{}]", challenge.scheme, parameters.join(";"))
        };
        parse(header).iter().map(one).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn challenges() {
        let table = [
            (
                r#"Bearer realm="https://a/token",service="a",scope="repository:x:pull,push""#,
                "bearer[realm=https://a/token;service=a;scope=repository:x:pull,push]",
            ),
            (r#"BEARER Realm="https://a" , SERVICE="b""#, "bearer[realm=https://a;service=b]"),
            ("Bearer realm=https://a/t?x=y,service=b", "bearer[realm=https://a/t?x=y;service=b]"),
            (r#"Basic realm="a \"b\", c""#, r#"basic[realm=a "b", c]"#),
            (r#"Negotiate, Basic realm="x", Bearer realm="y""#, "negotiate[] basic[realm=x] bearer[realm=y]"),
            (r#"Bearer realm="no end"#, "bearer[]"),
            (r#"realm="nobody's""#, ""),
            ("", ""),
            ("Bearer realm=\"é\"", "bearer[realm=é]"),
            ("Basic \u{0}", "basic[]"),
        ];
        for (header, expected) in table {
            assert_eq!(text(header), expected, "{header}");
        }
    }
}

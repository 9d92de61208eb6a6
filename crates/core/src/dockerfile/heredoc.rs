//! Heredocs: `RUN <<EOF`, `COPY <<"a.txt" <<-b.txt /to/`.

use super::shell::{Lexer, NoVariables};

/// A heredoc of an instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heredoc {
    /// The word that ends it.
    pub(crate) name: String,
    /// The number before `<<`; the shell's business.
    pub(crate) descriptor: String,
    /// Variables in it are expanded: no part of the word was quoted.
    pub(crate) expands: bool,
    /// `<<-`: tabs before its lines do not count.
    pub(crate) strips_tabs: bool,
    /// Its lines, with their endings.
    pub(crate) content: String,
}

/// The heredocs that the line of an instruction announces, in order.
pub(crate) fn find(line: &str) -> Result<Vec<Heredoc>, String> {
    let lexer = Lexer { raw_quotes: true, raw_escapes: true, skip_unset: true, ..Lexer::new('\\') };
    // BuildKit sees no heredoc at all in a line whose quotes do not close.
    let words = lexer.words(line, &NoVariables).unwrap_or_default();
    words.iter().filter_map(|word| read(word).transpose()).collect()
}

/// The heredoc that `word` announces, if it does; an error if it cannot be unquoted.
pub(crate) fn read(word: &str) -> Result<Option<Heredoc>, String> {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    let (descriptor, rest) = word.split_at(digits);
    let Some(rest) = rest.strip_prefix("<<") else { return Ok(None) };
    let (strips_tabs, rest) = rest.strip_prefix('-').map_or((false, rest), |rest| (true, rest));
    let rest = rest.trim_start_matches(['\t', '\n', '\u{c}', '\r', ' ']);
    if rest.is_empty() || rest.contains('<') {
        return Ok(None);
    }
    let lexer = Lexer { skip_unset: true, ..Lexer::new('\\') };
    let words = lexer.words(rest, &NoVariables)?;
    let [name] = words.as_slice() else { return Ok(None) };
    let raw = Lexer { raw_quotes: true, ..lexer }.words(rest, &NoVariables)?;
    let [raw] = raw.as_slice() else {
        return Err(format!("the heredoc `{rest}` is quoted in a way that cannot be read"));
    };
    let quotes = |text: &str| text.matches(['\'', '"']).count();
    Ok(Some(Heredoc {
        name: name.clone(),
        descriptor: descriptor.to_owned(),
        expands: quotes(name) == quotes(raw),
        strips_tabs,
        content: String::new(),
    }))
}

//! What a bare word is: a name, a number, a keyword, or none of them.

use super::lexer::FOREIGN_QUOTES;
use crate::language::ValueKind;

/// What a bare word is.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::language) enum WordKind {
    /// A string that needs no quotation marks.
    Text,
    Value(ValueKind),
    Bad(BadWord),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::language) enum BadWord {
    /// `true`, `null`: KDL 1's keywords, and what stands for them in KDL 2.
    OldKeyword(&'static str, OldValue),
    /// Starts with `#`.
    UnknownKeyword,
    /// Starts like a number, but has a unit or the like: `4h`, `5%`, `2026-01-01`.
    NumberWithText,
    /// Meant as a number.
    MalformedNumber,
    /// Nothing but characters that mean something elsewhere: `]`, `/`, `\`.
    Stray,
    /// A character without a shape: its offset in the word, and its length.
    Invisible(usize, usize),
    /// Holds a character that only quoted strings may hold.
    NeedsQuotes,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::language) enum OldValue {
    Bool(bool),
    Null,
    Float,
}

pub(in crate::language) fn classify(word: &str) -> WordKind {
    if let Some(keyword) = word.strip_prefix('#') {
        return match keyword {
            "true" => WordKind::Value(ValueKind::Bool(true)),
            "false" => WordKind::Value(ValueKind::Bool(false)),
            "null" => WordKind::Value(ValueKind::Null),
            "inf" => WordKind::Value(ValueKind::Float(f64::INFINITY)),
            "-inf" => WordKind::Value(ValueKind::Float(f64::NEG_INFINITY)),
            "nan" => WordKind::Value(ValueKind::Float(f64::NAN)),
            _ => WordKind::Bad(BadWord::UnknownKeyword),
        };
    }
    if let Some((at, c)) = word.char_indices().find(|(_, c)| is_invisible(*c)) {
        return WordKind::Bad(BadWord::Invisible(at, c.len_utf8()));
    }
    let unsigned = word.strip_prefix(['-', '+']).unwrap_or(word);
    let dotted = unsigned.strip_prefix('.').unwrap_or(unsigned);
    if dotted.starts_with(|c: char| c.is_ascii_digit()) {
        return match number(word) {
            Some(value) => WordKind::Value(value),
            None if is_meant_as_number(unsigned) => WordKind::Bad(BadWord::MalformedNumber),
            None => WordKind::Bad(BadWord::NumberWithText),
        };
    }
    if let Some(old) = old_keyword(word) {
        return WordKind::Bad(old);
    }
    let forbidden = |c: char| matches!(c, '\\' | '/' | '[' | ']' | '#');
    if word.chars().all(forbidden) {
        return WordKind::Bad(BadWord::Stray);
    }
    if word.contains(forbidden) {
        return WordKind::Bad(BadWord::NeedsQuotes);
    }
    WordKind::Text
}

fn old_keyword(word: &str) -> Option<BadWord> {
    let (new, value) = match word {
        "true" => ("#true", OldValue::Bool(true)),
        "false" => ("#false", OldValue::Bool(false)),
        "null" => ("#null", OldValue::Null),
        "inf" => ("#inf", OldValue::Float),
        "-inf" => ("#-inf", OldValue::Float),
        "nan" => ("#nan", OldValue::Float),
        _ => return None,
    };
    Some(BadWord::OldKeyword(new, value))
}

/// Characters that show nothing: control, direction, no width.
pub(in crate::language) fn is_invisible(c: char) -> bool {
    is_disallowed(c) || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200d}' | '\u{2060}')
}

/// Characters that KDL allows nowhere in a text as they are.
pub(in crate::language) fn is_disallowed(c: char) -> bool {
    matches!(c, '\0'..='\u{8}' | '\u{e}'..='\u{1f}' | '\u{7f}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// Whether a word may stand without quotation marks as this very text.
pub(in crate::language) fn is_plain(word: &str) -> bool {
    !word.is_empty()
        && classify(word) == WordKind::Text
        && !word.ends_with([',', ':'])
        && !word.contains(|c: char| {
            super::lexer::is_space(c)
                || super::lexer::is_newline(c)
                || matches!(c, '{' | '}' | '(' | ')' | ';' | '=' | '"')
                || FOREIGN_QUOTES.iter().any(|(open, _)| *open == c)
        })
}

/// A text as a value of a plan: bare where that reads as the same text, else in quotation marks.
pub fn written(text: &str) -> String {
    if is_plain(text) {
        return text.to_owned();
    }
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if is_disallowed(c) || super::lexer::is_newline(c) => out += &format!("\\u{{{:x}}}", u32::from(c)),
            c => out.push(c),
        }
    }
    out + "\""
}

/// `0x…`, or digits with one point or an exponent: whoever wrote it wanted a number.
fn is_meant_as_number(unsigned: &str) -> bool {
    let prefixed = ["0x", "0o", "0b"].iter().any(|prefix| unsigned.starts_with(prefix));
    prefixed || unsigned.chars().all(|c| c.is_ascii_digit() || c == '_') || {
        let numeric = |c: char| c.is_ascii_digit() || matches!(c, '_' | '.' | 'e' | 'E' | '+' | '-');
        unsigned.chars().all(numeric) && unsigned.matches('.').count() == 1 && unsigned.matches('-').count() < 2
    }
}

fn number(word: &str) -> Option<ValueKind> {
    let (negative, unsigned) = match word.as_bytes()[0] {
        b'-' => (true, &word[1..]),
        b'+' => (false, &word[1..]),
        _ => (false, word),
    };
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = unsigned.strip_prefix(prefix) {
            let first = digits.chars().next()?;
            if !first.is_digit(radix) || !digits.chars().all(|c| c.is_digit(radix) || c == '_') {
                return None;
            }
            let value = i128::from_str_radix(&digits.replace('_', ""), radix).ok()?;
            return Some(ValueKind::Integer(if negative { -value } else { value }));
        }
    }
    let digits = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_digit() || c == '_')
    };
    if digits(unsigned) {
        let value: i128 = unsigned.replace('_', "").parse().ok()?;
        return Some(ValueKind::Integer(if negative { -value } else { value }));
    }
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let exponent_ok = exponent.is_none_or(|e| digits(e.strip_prefix(['-', '+']).unwrap_or(e)));
    if !digits(whole) || !fraction.is_none_or(digits) || !exponent_ok {
        return None;
    }
    word.replace('_', "").parse().ok().map(ValueKind::Float)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_names_numbers_keywords_or_bad() {
        use ValueKind::{Float, Integer};
        for (word, kind) in [
            ("full", WordKind::Text),
            ("*.tmp", WordKind::Text),
            ("@daily", WordKind::Text),
            ("-", WordKind::Text),
            ("--x", WordKind::Text),
            (".git", WordKind::Text),
            ("30", WordKind::Value(Integer(30))),
            ("-1_000", WordKind::Value(Integer(-1000))),
            ("0xff", WordKind::Value(Integer(255))),
            ("2.5e3", WordKind::Value(Float(2500.0))),
            ("#-inf", WordKind::Value(Float(f64::NEG_INFINITY))),
            ("#yes", WordKind::Bad(BadWord::UnknownKeyword)),
            ("true", WordKind::Bad(BadWord::OldKeyword("#true", OldValue::Bool(true)))),
            ("4h", WordKind::Bad(BadWord::NumberWithText)),
            ("5%", WordKind::Bad(BadWord::NumberWithText)),
            ("2026-01-01", WordKind::Bad(BadWord::NumberWithText)),
            ("10.0.0.1", WordKind::Bad(BadWord::NumberWithText)),
            ("1.", WordKind::Bad(BadWord::MalformedNumber)),
            ("0xzz", WordKind::Bad(BadWord::MalformedNumber)),
            ("/opt", WordKind::Bad(BadWord::NeedsQuotes)),
            ("]", WordKind::Bad(BadWord::Stray)),
            ("a\u{200b}b", WordKind::Bad(BadWord::Invisible(1, 3))),
        ] {
            assert_eq!(classify(word), kind, "{word}");
        }
    }
}

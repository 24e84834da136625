//! What a server says, in a form that may be shown: one line, short, and without any secret.

/// Longest text of a server that is shown, in characters.
const SHOWN_MAX: usize = 300;

/// From this length on, a word of letters and digits is taken for a token.
const TOKEN_MIN: usize = 24;

const HIDDEN: &str = "[hidden]";

/// The server's words without these secrets, without what looks like a token, and without control characters.
///
/// A server may quote in an error what it was sent. That is not known of any, and must not decide what ends up in a log.
pub(super) fn scrubbed(text: &str, secrets: &[&str]) -> String {
    let mut text = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        text = text.replace(secret, HIDDEN);
    }
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .map(|word| if looks_like_a_token(word) { HIDDEN } else { word })
        .collect();
    words.join(" ").chars().take(SHOWN_MAX).collect()
}

fn looks_like_a_token(word: &str) -> bool {
    word.chars().count() >= TOKEN_MIN
        && word.chars().any(|c| c.is_ascii_digit())
        && word.chars().any(char::is_alphabetic)
        && !word.contains("://")
}

#[cfg(test)]
mod tests {
    use super::scrubbed;

    #[test]
    fn secrets_and_what_looks_like_one_are_hidden() {
        let said = "grant\r\nrequest \u{1b}[31mis invalid: abc123 eyJhbGciOiJIUzI1NiJ9.e30.Zm9v1";
        assert_eq!(
            scrubbed(said, &["abc123", ""]),
            "grant request [31mis invalid: [hidden] [hidden]"
        );
        assert_eq!(scrubbed("x".repeat(999).as_str(), &[]).len(), 300);
        assert_eq!(scrubbed("ممنوع: access_denied", &[]), "ممنوع: access_denied");
    }

    #[test]
    fn an_address_keeps_no_secret_either() {
        let said = "see https://id.example/errors/1?token=s3cret";
        assert_eq!(scrubbed(said, &["s3cret"]), "see https://id.example/errors/1?token=[hidden]");
    }
}

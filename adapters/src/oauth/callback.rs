//! What comes back from the authorization server by way of the browser, and whether it belongs to this log-in.

use super::AuthError;
use super::scrub::scrubbed;
use oauth2::CsrfToken;
use oauth2::url::Url;
use secrecy::{ExposeSecret, SecretString};

/// Longest query that is looked at.
const QUERY_MAX: usize = 16 * 1024;

/// An authorization code that came with the right `state`.
#[derive(Clone, Debug)]
pub struct Code(SecretString);

impl Code {
    pub(super) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// What an answer must hold to belong to a log-in.
#[derive(Clone, Debug)]
pub struct Expected {
    pub(super) state: CsrfToken,
    pub(super) issuer: Option<String>,
    pub(super) names_issuer: bool,
}

/// Why an answer is no end of a log-in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It belongs to another log-in, or somebody made it up; the right one may still come.
    #[error("the answer does not belong to this log-in: {0}")]
    Strange(&'static str),
    /// It is the right one, and it says no.
    #[error(transparent)]
    Denied(AuthError),
}

impl Expected {
    /// Reads the address that the browser was sent to, as it stands in the address bar.
    ///
    /// # Errors
    /// [`Unfit`].
    pub fn read_address(&self, address: &str) -> Result<Code, Unfit> {
        let url = Url::parse(address.trim()).map_err(|_| {
            Unfit::Strange("it is no address; paste all of it, beginning with http")
        })?;
        self.read_query(url.query().unwrap_or_default())
    }

    /// Reads the query of that address.
    ///
    /// The state is looked at first, and compared by digests, in a time that does not tell how much of it was right.
    ///
    /// # Errors
    /// [`Unfit`].
    pub fn read_query(&self, query: &str) -> Result<Code, Unfit> {
        if query.len() > QUERY_MAX {
            return Err(Unfit::Strange("it is too long"));
        }
        let mut url = Url::parse("http://localhost/").map_err(|_| Unfit::Strange("no address"))?;
        url.set_query(Some(query));
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let one = |name: &str| {
            let mut all = pairs.iter().filter(|(key, _)| key == name).map(|(_, value)| value);
            match (all.next(), all.next()) {
                (_, Some(_)) => Err(Unfit::Strange("it names something twice")),
                (found, None) => Ok(found.cloned()),
            }
        };
        let Some(state) = one("state")? else {
            return Err(Unfit::Strange("it has no state"));
        };
        if CsrfToken::new(state) != self.state {
            return Err(Unfit::Strange("its state is another one"));
        }
        match (one("iss")?, &self.issuer) {
            (Some(theirs), Some(ours)) if theirs != *ours => {
                return Err(Unfit::Strange("it comes from another issuer"));
            }
            (None, Some(_)) if self.names_issuer => {
                return Err(Unfit::Strange("it does not name the issuer"));
            }
            _ => {}
        }
        if let Some(error) = one("error")? {
            return Err(Unfit::Denied(self.denied(&error, one("error_description")?.as_deref())));
        }
        match one("code")? {
            Some(code) if !code.is_empty() => Ok(Code(SecretString::from(code))),
            _ => Err(Unfit::Strange("it has no code")),
        }
    }

    fn denied(&self, error: &str, description: Option<&str>) -> AuthError {
        let secrets = [self.state.secret().as_str()];
        let error = scrubbed(error, &secrets);
        let said = description.map(|text| scrubbed(text, &secrets));
        let said = said.filter(|text| !text.is_empty()).map(|text| format!(": {text}"));
        AuthError::Denied { why: format!("{error}{}", said.unwrap_or_default()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected() -> Expected {
        Expected {
            state: CsrfToken::new("s1".to_owned()),
            issuer: Some("https://id.example".to_owned()),
            names_issuer: true,
        }
    }

    #[test]
    fn what_does_not_belong_here_is_told_apart_from_a_refusal() {
        let iss = "iss=https%3A%2F%2Fid.example";
        let table = [
            (format!("code=c&state=s1&{iss}"), "ok"),
            (format!("code=c&state=s2&{iss}"), "state is another"),
            (format!("code=c&{iss}"), "no state"),
            (format!("code=c&state=s1&state=s1&{iss}"), "twice"),
            (format!("code=c&code=d&state=s1&{iss}"), "twice"),
            ("code=c&state=s1&iss=https%3A%2F%2Fevil.example".to_owned(), "another issuer"),
            ("code=c&state=s1".to_owned(), "not name the issuer"),
            (format!("state=s1&{iss}"), "no code"),
            (format!("code=&state=s1&{iss}"), "no code"),
            (format!("error=access_denied&state=s2&{iss}"), "state is another"),
            (format!("code={}&state=s1&{iss}", "x".repeat(17_000)), "too long"),
        ];
        for (query, wanted) in table {
            match expected().read_query(&query) {
                Ok(code) => assert_eq!((code.expose(), wanted), ("c", "ok"), "{query}"),
                Err(Unfit::Strange(why)) => assert!(why.contains(wanted), "{query}: {why}"),
                Err(Unfit::Denied(why)) => panic!("{query}: {why}"),
            }
        }
    }

    #[test]
    fn a_refusal_is_shown_as_it_is() {
        let query = "error=access_denied&error_description=The+owner+said+no%0a&state=s1\
                     &iss=https%3A%2F%2Fid.example";
        let error = expected().read_query(query).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the authorization server did not log in: access_denied: The owner said no"
        );
    }

    #[test]
    fn a_pasted_address_is_read_whole() {
        let expected = Expected { names_issuer: false, ..expected() };
        let code = expected.read_address(" http://127.0.0.1:9/cb?state=s1&code=a%2Fb \n").unwrap();
        assert_eq!(code.expose(), "a/b");
        assert!(matches!(expected.read_address("a/b"), Err(Unfit::Strange(_))));
    }
}

//! A person with a browser: follows redirects, keeps cookies, fills in the log-in and consent forms.

use crate::provider::http;
use std::collections::BTreeMap;

#[derive(Default)]
pub(crate) struct Browser {
    cookies: BTreeMap<String, String>,
}

impl Browser {
    async fn send(&mut self, request: reqwest::RequestBuilder) -> (Option<String>, String) {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let answer = request.header("cookie", cookies.join("; ")).send().await.expect("an answer");
        for cookie in answer.headers().get_all("set-cookie") {
            let cookie = cookie.to_str().expect("a text");
            let pair = cookie.split(';').next().unwrap_or_default();
            let (name, value) = pair.split_once('=').expect("a cookie");
            if value.is_empty() {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        let location = answer.headers().get("location");
        let location = location.map(|to| to.to_str().expect("a text").to_owned());
        (location, answer.text().await.expect("a body"))
    }

    /// Opens an address, logs in and consents; gives the address on this machine where that ends.
    pub(crate) async fn log_in(&mut self, address: &str, ends_at: &str) -> String {
        let origin = address.split("/auth").next().expect("an origin").to_owned();
        let absolute =
            |to: &str| if to.starts_with("http") { to.to_owned() } else { format!("{origin}{to}") };
        let mut at = address.to_owned();
        for _ in 0..12 {
            let (mut location, page) = self.send(http().get(&at)).await;
            if location.is_none() {
                let action = between(&page, "action=\"", "\"");
                let prompt = between(&page, "name=\"prompt\" value=\"", "\"");
                let form = format!("prompt={prompt}&login=merchant&password=x");
                let request = http()
                    .post(absolute(&action))
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body(form);
                location = self.send(request).await.0;
            }
            at = absolute(&location.expect("it leads on"));
            if at.starts_with(ends_at) {
                return at;
            }
        }
        panic!("it leads nowhere: {at}");
    }
}

fn between(page: &str, from: &str, to: &str) -> String {
    let rest = page.split(from).nth(1).unwrap_or_else(|| panic!("no {from} in {page}"));
    rest.split(to).next().unwrap_or_default().to_owned()
}

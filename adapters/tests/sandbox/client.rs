//! A client that hides nothing: status, headers, text.

use mizan_adapters::sandbox::{BackDoor, Sandbox, SandboxOptions};
use reqwest::Method;
use serde_json::{Map, Value as Json, json};
use std::sync::Once;

/// A sandbox with a client that holds its API key.
pub(crate) struct Tenant {
    pub(crate) sandbox: Sandbox,
    pub(crate) door: BackDoor,
    pub(crate) http: reqwest::Client,
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Got {
    pub(crate) status: u16,
    pub(crate) text: String,
    pub(crate) retry_after: Option<String>,
    pub(crate) date: String,
}

impl Got {
    /// The body as JSON, null where it is none.
    pub(crate) fn json(&self) -> Json {
        serde_json::from_str(&self.text).unwrap_or(Json::Null)
    }

    /// Status and body together.
    pub(crate) fn both(&self) -> (u16, Json) {
        (self.status, self.json())
    }
}

pub(crate) fn client() -> reqwest::Client {
    static PROVIDER: Once = Once::new();
    PROVIDER.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
    reqwest::Client::builder().build().unwrap()
}

impl Tenant {
    pub(crate) async fn start() -> Self {
        Self::with(SandboxOptions { requests_per_minute: None, ..SandboxOptions::default() }).await
    }

    pub(crate) async fn with(options: SandboxOptions) -> Self {
        let sandbox = Sandbox::start_local(options).await.unwrap();
        let door = sandbox.back_door();
        Self { sandbox, door, http: client() }
    }

    /// A request with the API key and `LOCALE: en`; fails where no whole answer comes.
    pub(crate) async fn try_send(
        &self,
        method: Method,
        path: &str,
        body: Option<Json>,
    ) -> reqwest::Result<Got> {
        let url = format!("{}{path}", self.sandbox.url());
        let request = self.http.request(method, url).header("API-KEY", "sandbox-key");
        let request = request.header("LOCALE", "en");
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        got(request.send().await?).await
    }

    pub(crate) async fn get(&self, path: &str) -> Got {
        self.try_send(Method::GET, path, None).await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: Json) -> Got {
        self.try_send(Method::POST, path, Some(body)).await.unwrap()
    }

    pub(crate) async fn put(&self, path: &str, body: Json) -> Got {
        self.try_send(Method::PUT, path, Some(body)).await.unwrap()
    }

    pub(crate) async fn delete(&self, path: &str) -> Got {
        self.try_send(Method::DELETE, path, None).await.unwrap()
    }

    /// A tracked product with this SKU, by the back door.
    pub(crate) fn product(&self, sku: &str) -> u64 {
        self.door.create("products", &map(product(sku))).unwrap()
    }

    /// A customer with this name, by the back door.
    pub(crate) fn customer(&self, name: &str) -> u64 {
        self.door.create("customers", &map(json!({ "name": name }))).unwrap()
    }

    /// The ids of a list.
    pub(crate) async fn ids(&self, path: &str, root: &str) -> Vec<u64> {
        let body = self.get(path).await.json();
        body[root].as_array().unwrap().iter().map(|row| row["id"].as_u64().unwrap()).collect()
    }
}

pub(crate) async fn got(response: reqwest::Response) -> reqwest::Result<Got> {
    let status = response.status().as_u16();
    let header =
        |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
    let (retry_after, date) = (header("Retry-After"), header("Date").unwrap_or_default());
    Ok(Got { status, retry_after, date, text: response.text().await? })
}

pub(crate) fn map(value: Json) -> Map<String, Json> {
    value.as_object().unwrap().clone()
}

/// The request for a tracked product at 30 with 15 % tax.
pub(crate) fn product(sku: &str) -> Json {
    json!({
        "name": format!("منتج {sku}"), "en_name": format!("Product {sku}"), "sku": sku,
        "category_id": 1, "product_unit_type_id": 7, "tax_id": 1, "sale_item": true,
        "purchase_item": true, "selling_price": 30, "buying_price": "18",
        "sales_account_id": 17, "expense_account_id": 12, "track_quantity": 1,
    })
}

/// The request for an invoice of one line.
pub(crate) fn invoice(contact: u64, product: u64, quantity: &str, price: &str) -> Json {
    json!({
        "contact_id": contact, "issue_date": "2026-09-01", "due_date": "2026-09-01",
        "inventory_id": 1,
        "line_items": [{ "product_id": product, "quantity": quantity, "unit_price": price }],
    })
}

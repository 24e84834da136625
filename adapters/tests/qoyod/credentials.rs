//! API keys, and OAuth tokens that end.

use super::world::{World, coffee, key, over, policy, sandbox};
use mizan_adapters::Fault;
use mizan_adapters::http::Auth;
use mizan_adapters::oauth::{ClientAuth, Grant, MemoryStore, OAuth, Provider, Settings};
use mizan_adapters::sandbox::FaultKind;
use secrecy::SecretString;
use std::sync::Arc;

async fn with_oauth(secret: &str) -> World {
    let sandbox = sandbox().await;
    let secret = SecretString::from(secret);
    let mut settings = Settings::new(Grant::ClientCredentials, "sandbox-client", Some(secret));
    settings.client_auth = ClientAuth::Body;
    let provider = Provider::token_endpoint(sandbox.token_url(), policy());
    let clock = Arc::new(|| chrono::Utc::now().timestamp());
    let store = Arc::new(MemoryStore::default());
    let oauth = OAuth::new(settings, provider, store, clock).unwrap();
    over(sandbox, Auth::Bearer(Arc::new(oauth)))
}

#[tokio::test]
async fn a_wrong_key_is_said_to_be_wrong_and_nothing_is_written() {
    let world = over(sandbox().await, key("wrong-key"));
    let answer = world.try_create("product", coffee()).await;
    let Err(Fault::Unauthorized(why)) = answer else { panic!("{answer:?}") };
    assert!(!why.contains("wrong-key"), "{why}");
    assert!(matches!(world.get("product", "1").await, Err(Fault::Unauthorized(_))));
    assert_eq!(world.door.writes(), 0);
}

#[tokio::test]
async fn tokens_are_had_and_renewed_in_the_middle_of_the_work() {
    let world = with_oauth("sandbox-secret").await;
    let row = world.create("product", coffee()).await;
    world.door.expire_tokens();
    assert!(world.get("product", row.ext.as_str()).await.is_ok());
    world.door.expire_tokens();
    let change = serde_json::json!({"name_en": "New"});
    let answer = world.update("product", &row.ext, change, &row.image).await;
    assert!(matches!(answer, Ok(mizan_adapters::Answer::Done { .. })), "{answer:?}");
    // A write that is refused for its token was not processed, and is sent again.
    world.next_fault("POST", "/customers", FaultKind::Unauthorized);
    world.create("customer", serde_json::json!({"name": "Nadia"})).await;
    assert_eq!((world.door.writes(), world.requests("POST /customers")), (3, 2));
    assert!(world.api.stats().writes >= 4);
}

#[tokio::test]
async fn a_wrong_secret_needs_a_person() {
    let world = with_oauth("wrong-secret").await;
    let answer = world.try_create("product", coffee()).await;
    let Err(Fault::Unauthorized(why)) = answer else { panic!("{answer:?}") };
    assert!(!why.contains("wrong-secret"), "{why}");
}

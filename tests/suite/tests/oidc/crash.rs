//! Killed around a refresh: what is left, and how it goes on.

use crate::gateway::{Fault, Gateway, Victim};
use crate::provider::Provider;
use crate::shop::{PERSON, Shop, by_gateway, confidential, told};
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_around_a_refresh_it_goes_on_or_asks_a_person_and_says_why() {
    let provider = Arc::new(Provider::start().await);
    let gateway = Gateway::start(Arc::clone(&provider)).await;
    let shop = Shop::new(&gateway, &(by_gateway(&gateway, &provider) + PERSON + &confidential()));
    shop.log_in().await;

    // Before the provider has seen it: the token is as good as before, and the next run refreshes.
    shop.age();
    let before = shop.token("refresh_token");
    killed(&shop, &gateway, Fault::KillBefore).await;
    assert_eq!(shop.token("refresh_token"), before);
    assert!(shop.tokens()["sent_at"].is_u64(), "it was noted that the token was sent");
    let status = shop.good(&["auth", "status"]).await;
    assert!(status.all.contains("no answer was kept"), "{}", told(&status.all));
    shop.good(&["check"]).await;
    assert_eq!(provider.count("refresh_ok").await, 1);
    assert!(shop.tokens()["sent_at"].is_null());

    // After the provider has answered, and before the answer is kept: the new token is lost, the old one is used up. The
    // next run can only try the old one; this provider takes that for theft, and a person has to log in.
    shop.age();
    let before = shop.token("refresh_token");
    killed(&shop, &gateway, Fault::KillAfter).await;
    assert_eq!(shop.token("refresh_token"), before, "the file is whole, and old");
    assert_eq!(provider.count("refresh_ok").await, 2, "the provider has done it");
    let ran = shop.run(&["sync"]).await;
    assert_eq!(ran.code, Some(1));
    let text = told(&ran.all);
    assert!(
        text.contains("no answer to the refresh begun at")
            && text.contains("type: mizan auth login shop"),
        "{text}"
    );
    shop.log_in().await;
    shop.good(&["sync"]).await;
    assert_eq!(gateway.products(), 1);
}

async fn killed(shop: &Shop, gateway: &Gateway, fault: fn(Victim) -> Fault) {
    let victim = Victim::default();
    gateway.fault(fault(victim.clone()));
    let child = shop.command(&["check"]).spawn().expect("runs");
    victim.is(child.id().expect("it runs"));
    let ran = shop.end(child).await;
    assert_eq!(ran.code, None, "killed: {}", told(&ran.all));
}

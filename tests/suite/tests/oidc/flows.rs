//! What people do with it, and what the provider does.

use crate::gateway::{Fault, Gateway};
use crate::provider::{PUBLIC, Provider};
use crate::shop::{PERSON, Shop, by_gateway, confidential, told};
use std::sync::Arc;
use std::time::Duration;

async fn both() -> (Arc<Provider>, Gateway) {
    let provider = Arc::new(Provider::start().await);
    let gateway = Gateway::start(Arc::clone(&provider)).await;
    (provider, gateway)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_logs_in_syncs_and_logs_out() {
    let (provider, gateway) = both().await;
    let clients = [confidential(), format!("client_id = \"{PUBLIC}\"\n")];
    for (turn, client) in clients.iter().enumerate() {
        let shop =
            Shop::new(&gateway, &format!("issuer = \"{}\"\n{PERSON}{client}", provider.issuer));
        shop.product(&format!("P-{turn}"));
        for verb in [&["check"][..], &["check", "--offline"], &["sync"]] {
            let ran = shop.run(verb).await;
            assert_eq!(ran.code, Some(1), "{verb:?}");
            assert!(ran.all.contains("mizan auth login shop"), "{verb:?}: {}", told(&ran.all));
        }
        assert_eq!(shop.run(&["auth", "status"]).await.code, Some(3));
        if turn == 0 {
            shop.log_in().await
        } else {
            shop.log_in_by_paste().await
        };
        let status = shop.good(&["auth", "status", "shop"]).await;
        assert!(status.all.contains("products:read"), "{}", told(&status.all));
        shop.good(&["check"]).await;
        shop.good(&["sync"]).await;
        let (access, refresh) = (shop.token("access_token"), shop.token("refresh_token"));
        assert!(provider.is_active(&refresh).await);
        shop.good(&["auth", "logout", "shop"]).await;
        assert!(!shop.token_file().exists());
        assert!(!provider.is_active(&access).await && !provider.is_active(&refresh).await);
        assert_eq!(shop.run(&["sync"]).await.code, Some(1));
    }
    assert_eq!((provider.count("code_ok").await, provider.count("code_refused").await), (2, 0));
    assert_eq!(gateway.products(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_its_own_needs_nobody() {
    let (provider, gateway) = both().await;
    let oauth = format!("issuer = \"{}\"\n{}", provider.issuer, confidential());
    let shop = Shop::new(&gateway, &format!("{oauth}scope = \"products:read products:write\"\n"));
    shop.good(&["auth", "status"]).await;
    shop.good(&["sync"]).await;
    shop.good(&["sync"]).await;
    assert_eq!(provider.count("client_ok").await, 1, "the token is kept");
    assert_eq!(shop.run(&["auth", "login", "shop"]).await.code, Some(2));
    // Refused before its time: renewed once, and the write that was refused is repeated once.
    provider.revoke(&shop.token("access_token")).await;
    shop.product("P-2");
    shop.good(&["sync"]).await;
    assert_eq!(
        (provider.count("client_ok").await, gateway.refused(), gateway.products()),
        (2, 1, 2)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotated_token_used_twice_ends_the_grant_and_a_person_is_asked() {
    let (provider, gateway) = both().await;
    let oauth = by_gateway(&gateway, &provider) + PERSON + &confidential();
    let shop = Shop::new(&gateway, &oauth);
    shop.log_in().await;
    shop.good(&["sync"]).await;
    shop.age();
    let before = std::fs::read(shop.token_file()).expect("read");
    let first = shop.token("refresh_token");
    shop.good(&["sync"]).await;
    let second = shop.token("refresh_token");
    assert_ne!(first, second, "rotated");
    assert!(provider.is_active(&second).await);
    // Somebody brings back an old copy of the file.
    std::fs::write(shop.token_file(), before).expect("written");
    let ran = shop.run(&["sync"]).await;
    assert_eq!(ran.code, Some(1));
    assert!(
        told(&ran.all).contains("log in again") && ran.all.contains("type: mizan auth login shop"),
        "{}",
        told(&ran.all)
    );
    assert!(!provider.is_active(&second).await, "the provider ends all of it");
    assert_eq!(provider.count("refresh_refused").await, 1);
    // The connection is paused: nobody asks again with what was refused for good.
    let asked = gateway.asked();
    for verb in ["sync", "check"] {
        let ran = shop.run(&[verb]).await;
        assert_eq!(ran.code, Some(1));
        assert!(ran.all.contains("mizan auth login shop"), "{}", told(&ran.all));
    }
    assert_eq!(gateway.asked(), asked);
    assert_eq!(shop.run(&["auth", "status"]).await.code, Some(3));
    shop.log_in().await;
    shop.good(&["sync"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_access_token_is_renewed_once_and_the_write_repeated_once() {
    let (provider, gateway) = both().await;
    let shop = Shop::new(&gateway, &(by_gateway(&gateway, &provider) + PERSON + &confidential()));
    shop.log_in().await;
    shop.good(&["sync"]).await;
    gateway.block(&shop.token("access_token"));
    shop.product("P-2");
    shop.good(&["sync"]).await;
    assert_eq!((provider.count("refresh_ok").await, gateway.refused()), (1, 1));
    assert_eq!(gateway.products(), 2);
    // With the grant gone and the token refused, a person is asked after one try.
    provider.revoke(&shop.token("refresh_token")).await;
    shop.product("P-3");
    let ran = shop.run(&["sync"]).await;
    assert_eq!(ran.code, Some(1), "{}", told(&ran.all));
    assert_eq!((provider.count("refresh_refused").await, gateway.refused()), (1, 2));
    assert_eq!(gateway.products(), 2, "nothing is lost: it is sent after the log-in");
    shop.log_in().await;
    shop.good(&["sync"]).await;
    assert_eq!(gateway.products(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_refresh_at_once_refresh_once() {
    let (provider, gateway) = both().await;
    let oauth = by_gateway(&gateway, &provider) + PERSON + &confidential();
    let shop = Shop::new(&gateway, &oauth);
    shop.log_in().await;
    for round in 1..=3 {
        shop.age();
        gateway.fault(Fault::Slow(Duration::from_millis(400)));
        let children: Vec<_> =
            (0..4).map(|_| shop.command(&["check"]).spawn().expect("runs")).collect();
        for child in children {
            let ran = shop.end(child).await;
            assert_eq!(ran.code, Some(0), "{}", told(&ran.all));
        }
        assert_eq!(provider.count("refresh_ok").await, round);
    }
    assert_eq!(provider.count("refresh_refused").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_wrong_by_five_minutes_changes_nothing() {
    for skew_s in [300, -300] {
        let provider = Arc::new(Provider::start_skewed(skew_s).await);
        let gateway = Gateway::start(Arc::clone(&provider)).await;
        let shop =
            Shop::new(&gateway, &(by_gateway(&gateway, &provider) + PERSON + &confidential()));
        shop.log_in().await;
        shop.good(&["sync"]).await;
        assert_eq!(provider.count("refresh_ok").await, 0, "{skew_s}: it is not taken for ended");
        shop.age();
        shop.good(&["sync"]).await;
        shop.good(&["sync"]).await;
        assert_eq!((provider.count("refresh_ok").await, gateway.refused()), (1, 0), "{skew_s}");
    }
}

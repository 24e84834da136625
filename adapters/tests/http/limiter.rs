//! The gate with real tasks. Time is checked from below only: a busy machine makes things late, never early.

use mizan_adapters::http::{Closed, Limiter, Limits};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

const LONG: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn tasks_share_the_count() {
    let period = Duration::from_millis(120);
    let limiter = Limiter::new(Limits { requests_max: Some(5), period, concurrent_max: 100 });
    let began = Instant::now();
    let tasks: Vec<_> = (0..23)
        .map(|_| {
            let limiter = limiter.clone();
            tokio::spawn(async move { limiter.acquire().await.map(drop) })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert!(began.elapsed() >= period * 4, "23 requests at 5 per period need four periods more");
    assert!(limiter.stats().waits >= 18, "{:?}", limiter.stats());
    assert!(limiter.stats().waited_ms >= 120);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_than_so_many_at_a_time() {
    let limiter = Limiter::new(Limits { requests_max: None, period: LONG, concurrent_max: 3 });
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let tasks: Vec<_> = (0..30)
        .map(|_| {
            let (limiter, now, most) = (limiter.clone(), Arc::clone(&now), Arc::clone(&most));
            tokio::spawn(async move {
                let permit = limiter.acquire().await.unwrap();
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                sleep(Duration::from_millis(3)).await;
                now.fetch_sub(1, Ordering::SeqCst);
                drop(permit);
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert!((1..=3).contains(&most.load(Ordering::SeqCst)));
}

#[tokio::test]
async fn a_pause_holds_for_all_tasks() {
    let limiter = Limiter::new(Limits { requests_max: None, ..Limits::default() });
    let began = Instant::now();
    let pause = Duration::from_millis(150);
    limiter.pause_for(pause);
    assert!(limiter.paused_for() > Duration::ZERO);
    let other = limiter.clone();
    let task = tokio::spawn(async move { other.acquire().await.map(drop) });
    limiter.acquire().await.unwrap();
    task.await.unwrap().unwrap();
    assert!(began.elapsed() >= pause);
}

#[tokio::test]
async fn an_endless_pause_does_not_overflow() {
    let limiter = Limiter::default();
    limiter.pause_for(Duration::MAX);
    assert!(timeout(Duration::from_secs(5), limiter.acquire()).await.is_ok());
}

#[tokio::test]
async fn closing_wakes_those_who_wait() {
    let limiter = Limiter::new(Limits { requests_max: Some(1), period: LONG, concurrent_max: 2 });
    let _first = limiter.acquire().await.unwrap();
    let waiting: Vec<_> = (0..3)
        .map(|_| {
            let limiter = limiter.clone();
            tokio::spawn(async move { limiter.acquire().await.map(drop) })
        })
        .collect();
    sleep(Duration::from_millis(20)).await;
    limiter.close();
    for task in waiting {
        let result = timeout(Duration::from_secs(10), task).await.unwrap().unwrap();
        assert_eq!(result, Err(Closed));
    }
    assert_eq!(limiter.acquire().await.map(drop), Err(Closed));
}

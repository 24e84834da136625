//! Servers to talk to: one that speaks HTTP, and one that breaks off.

use axum::Router;
use mizan_adapters::http::{Api, Auth, Client, Limiter, Limits, Policy};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Serves a router on a port of its own; gives the base URL.
pub(crate) async fn serve(router: Router) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// Accepts connections, reads the head of a request, writes these bytes and hangs up.
pub(crate) fn raw(answer: &'static [u8]) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { continue };
            counted.fetch_add(1, Ordering::SeqCst);
            // Without an answer, bytes stay unread, so that closing resets the connection.
            let mut buffer = vec![0; if answer.is_empty() { 4 } else { 4096 }];
            let _ = stream.read(&mut buffer);
            let _ = stream.write_all(answer);
        }
    });
    (format!("http://{address}"), count)
}

/// Retries without making the tests wait.
pub(crate) fn quick() -> Policy {
    let ms = Duration::from_millis;
    Policy { backoff_first: ms(2), backoff_max: ms(4), ..Policy::default() }
}

pub(crate) fn client(base: &str) -> Client {
    Client::builder(base).timeout(Duration::from_secs(5)).build().unwrap()
}

pub(crate) fn api(base: &str) -> Api {
    Api::new(client(base), Auth::None, Limiter::new(Limits::default()), quick())
}

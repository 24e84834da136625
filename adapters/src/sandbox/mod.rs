//! A local Qoyod over HTTP: the behaviour that integrators have seen, for demos, tests and users' own CI.
//!
//! It keeps one company in memory, answers as the real one does (odd root keys, 404 for an empty list, decimals as
//! texts, stamps of one second in Riyadh's offset), and has what the real one has not: a back door to act as a web
//! user, counters, and faults on request. What it emulates and from which evidence is in `docs/src/adapters.md`.
//!
//! ```no_run
//! # async fn start() -> std::io::Result<()> {
//! use mizan_adapters::sandbox::{Sandbox, SandboxOptions};
//! let sandbox = Sandbox::start(SandboxOptions::default(), ([127, 0, 0, 1], 0).into()).await?;
//! println!("{}", sandbox.url());
//! # Ok(())
//! # }
//! ```

mod backdoor;
mod list;
mod options;
mod rules;
mod server;
mod store;

use server::Shared;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use backdoor::BackDoor;
pub use options::{FaultKind, Faults, OneFault, SandboxOptions, Vices};

/// A running sandbox; it ends when it is stopped or dropped.
pub struct Sandbox {
    address: SocketAddr,
    shared: Shared,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Sandbox {
    /// Starts a sandbox at an address; port 0 takes a free one.
    ///
    /// # Errors
    /// When the address is taken or may not be used.
    pub async fn start(options: SandboxOptions, address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let backdoor = uuid::Uuid::new_v4().simple().to_string();
        let tenant = Arc::new(Mutex::new(store::Tenant::new(options)));
        let shared = Shared { tenant, backdoor: backdoor.into() };
        let router = server::router(shared.clone());
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let ended = async {
                // A dropped sender means the same as a sent stop.
                let _ = stopped.await;
            };
            if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(ended).await {
                tracing::error!(%error, "the sandbox ended");
            }
        });
        Ok(Self { address, shared, stop: Some(stop), task })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL of its API.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/2.0", self.address)
    }

    /// The URL of its token endpoint.
    #[must_use]
    pub fn token_url(&self) -> String {
        format!("http://{}/oauth/token", self.address)
    }

    /// The back door, for this process.
    #[must_use]
    pub fn back_door(&self) -> BackDoor {
        BackDoor { shared: self.shared.clone() }
    }

    /// What the header `X-Backdoor` must hold to use the back door over HTTP.
    #[must_use]
    pub fn back_door_token(&self) -> &str {
        &self.shared.backdoor
    }

    /// Ends it; what it holds is gone.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        // Connections that a client keeps open must not keep the sandbox alive.
        let _ = tokio::time::timeout(std::time::Duration::from_millis(200), &mut self.task).await;
        self.task.abort();
    }
}

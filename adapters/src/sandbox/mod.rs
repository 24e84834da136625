//! A local Qoyod over HTTP: the behaviour that integrators have seen, for demos, tests and users' own CI.
//!
//! It keeps one company in memory and answers as the real one does: odd root keys, 404 for an empty list, decimals as
//! texts, stamps of whole seconds in Riyadh's offset. It also has what the real one has not: a back door to act as a
//! web user, counters, and faults on request. Nothing is kept when it ends.
//!
//! ```no_run
//! # async fn start() -> std::io::Result<()> {
//! use mizan_adapters::sandbox::{Sandbox, SandboxOptions};
//! let sandbox = Sandbox::start(SandboxOptions::default(), ([127, 0, 0, 1], 0).into()).await?;
//! println!("{}", sandbox.url());
//! # Ok(())
//! # }
//! ```

mod api;
mod auth;
mod authorize;
mod backdoor;
mod clock;
mod columns;
mod counters;
mod faults;
mod forms;
mod kind;
mod limits;
mod line;
mod lists;
mod messages;
mod oauth;
mod options;
mod paging;
mod present;
mod ransack;
mod refusal;
mod reply;
mod resources;
mod seed;
mod server;
mod table;
mod values;
mod world;

pub use backdoor::BackDoor;
pub use faults::{FaultKind, Faults, OneFault, RareFaults};
pub use options::{SandboxOptions, Vices};

use line::{Door, Fate};
use server::Shared;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use world::World;

/// How long open connections may take to end.
const PATIENCE: Duration = Duration::from_millis(200);

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
        let made_up = || uuid::Uuid::new_v4().simple().to_string();
        let token = options.back_door_token.clone().unwrap_or_else(made_up);
        Self::serve(Shared::new(World::new(options), token), address).await
    }

    /// Starts a sandbox at a free port of the loopback address.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start_local(options: SandboxOptions) -> io::Result<Self> {
        Self::start(options, SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    /// Starts a sandbox with everything that another one holds, as a server comes back after an outage.
    ///
    /// # Errors
    /// When the address is taken or may not be used.
    pub async fn resume(back_door: &BackDoor, address: SocketAddr) -> io::Result<Self> {
        Self::serve(back_door.shared.clone(), address).await
    }

    async fn serve(shared: Shared, address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let service = server::router(shared.clone()).into_make_service_with_connect_info::<Fate>();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let ended = async {
                // A dropped sender means the same as a sent stop.
                let _ = stopped.await;
            };
            let serving = axum::serve(Door(listener), service).with_graceful_shutdown(ended);
            if let Err(error) = serving.await {
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

    /// The base URL of its API, up to and with `/2.0`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/2.0", self.address)
    }

    /// The URL of its token endpoint.
    #[must_use]
    pub fn token_url(&self) -> String {
        format!("http://{}/oauth/token", self.address)
    }

    /// The issuer of its tokens, whose discovery document names all endpoints.
    #[must_use]
    pub fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The URL where a person logs in.
    #[must_use]
    pub fn authorize_url(&self) -> String {
        format!("http://{}/oauth/authorize", self.address)
    }

    /// The back door, for this process.
    #[must_use]
    pub fn back_door(&self) -> BackDoor {
        BackDoor { shared: self.shared.clone() }
    }

    /// What the header `X-Backdoor` must hold to use the back door over HTTP.
    #[must_use]
    pub fn back_door_token(&self) -> &str {
        &self.shared.back_door_token
    }

    /// Ends it; what it holds lives on only in its back door.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            // Fails only where the task has ended already.
            let _ = stop.send(());
        }
        // Connections that a client keeps open must not keep the sandbox alive.
        if tokio::time::timeout(PATIENCE, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

//! `mizan sandbox`: a local stand-in for Qoyod.

use crate::Failure;
use crate::args::{Sandbox, SandboxQoyod};
use mizan::adapters::sandbox::{Sandbox as Server, SandboxOptions};
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};

pub(crate) fn run(args: &Sandbox, json: bool) -> Result<u8, Failure> {
    match args {
        Sandbox::Qoyod(args) => {
            let runtime = tokio::runtime::Runtime::new()?;
            runtime.block_on(serve(args, json))
        }
    }
}

async fn serve(args: &SandboxQoyod, json: bool) -> Result<u8, Failure> {
    let limit = if args.requests_per_minute == 0 { None } else { Some(args.requests_per_minute) };
    let options = SandboxOptions {
        api_key: args.api_key.clone(),
        requests_per_minute: limit,
        token_seconds: args.token_seconds,
        ..SandboxOptions::default()
    };
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let server = Server::start(options, address).await?;
    if json {
        println!(
            "{}",
            json!({
                "url": server.url(), "token_url": server.token_url(),
                "authorize_url": server.authorize_url(), "issuer": server.issuer(),
                "back_door": server.back_door_token(),
            })
        );
    } else {
        println!("a local Qoyod listens at {}", server.url());
        println!(
            "tokens for OAuth: {} (client sandbox-client, secret sandbox-secret)",
            server.token_url()
        );
        println!(
            "logging in as a person: issuer = \"{}\" (or {})",
            server.issuer(),
            server.authorize_url()
        );
        println!(
            "back door: curl -H 'X-Backdoor: {}' http://{}/backdoor/counts",
            server.back_door_token(),
            server.address()
        );
        println!("Ctrl-C ends it, and what it holds is gone");
    }
    tokio::signal::ctrl_c().await?;
    server.stop().await;
    Ok(0)
}

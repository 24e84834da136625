//! The `mizan` binary: parse, call the library, print, exit.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is the program that talks to people"
)]

mod args;
mod commands;
mod demo;
mod output;

use args::{Cli, Command};
use clap::Parser;
use std::process::ExitCode;

/// Wrong usage or configuration.
pub(crate) const USAGE: u8 = 2;

/// What a command failed with: the exit code and what to say.
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) what: String,
}

impl Failure {
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self { code: USAGE, what: what.into() }
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut what = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !what.contains(&text) {
                what.push_str(": ");
                what.push_str(&text);
            }
            source = cause.source();
        }
        Self { code: 1, what }
    }
}

/// `mizan log | head` closes the pipe early: that is no error, and nothing to panic about.
fn end_quietly_on_a_closed_pipe() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let text = info.payload().downcast_ref::<String>();
        if text.is_some_and(|text| text.contains("Broken pipe")) {
            std::process::exit(0);
        }
        usual(info);
    }));
}

fn main() -> ExitCode {
    end_quietly_on_a_closed_pipe();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, not errors.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { USAGE } else { 0 });
        }
    };
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let json = cli.json;
    match run(&cli) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            if json {
                println!("{}", serde_json::json!({ "error": failure.what, "code": failure.code }));
            } else {
                eprintln!("mizan: {}", failure.what);
            }
            ExitCode::from(failure.code)
        }
    }
}

fn run(cli: &Cli) -> Result<u8, Failure> {
    match &cli.command {
        Command::Demo(args) => commands::demo::run(args, cli.json),
        Command::Init(args) => commands::init::run(args, &cli.config),
        Command::Check(args) => commands::check::run(args, cli),
        Command::Sync(args) => commands::sync::run(args, cli),
        Command::Status => commands::status::run(cli),
        Command::Log(args) => commands::log::run(args, cli),
        Command::AsOf(args) => commands::as_of::run(args, cli),
        Command::Conflicts(args) => commands::conflicts::run(args, cli),
        Command::Redecide(args) => commands::redecide::run(args, cli),
        Command::Parked(args) => commands::parked::run(args, cli),
        Command::Explain(args) => commands::explain::run(args, cli),
        Command::Blame(args) => commands::blame::run(args, cli),
        Command::Diff(args) => commands::diff::run(args, cli),
        Command::Undo(args) => commands::undo::run(args, cli),
        Command::Replay(args) => commands::replay::run(args, cli),
        Command::WhatIf(args) => commands::what_if::run(args, cli),
        Command::Audit(args) => commands::audit::run(args, cli),
        Command::Doctor(args) => commands::doctor::run(args, cli),
        Command::Auth(args) => commands::auth::run(args, cli),
        Command::Erase(args) => commands::erase::run(args, cli),
        Command::Export(args) => commands::export::run(args, cli),
        Command::Bundle(args) => commands::bundle::run(args, cli),
        Command::Import(args) => commands::import::run(args, cli),
        Command::Sandbox(args) => commands::sandbox::run(args, cli.json),
    }
}

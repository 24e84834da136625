//! `mizan auth`: logging in to sides, out of them, and what is known of their tokens.

use crate::Failure;
use crate::args::{Auth, Cli, Login as LoginArgs};
use crate::output::{load, table};
use mizan::adapters::oauth::{Code, Login, Revoked, Unfit};
use mizan::auth::{Session, SessionError, Standing, standing};
use mizan::config::Config;
use serde_json::json;
use std::io::BufRead;
use std::time::Duration;
use tokio::sync::mpsc;

pub(crate) fn run(args: &Auth, cli: &Cli) -> Result<u8, Failure> {
    let config = load(&cli.config)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    match args {
        Auth::Login(args) => runtime.block_on(login(args, cli.json, &config)),
        Auth::Status { side } => status(side.as_deref(), cli.json, &config),
        Auth::Logout { side } => runtime.block_on(logout(side, cli.json, &config)),
    }
}

/// A side that cannot be logged in to is wrong usage; all else has failed.
fn failure(error: SessionError) -> Failure {
    match &error {
        SessionError::NoSuchSide { .. } | SessionError::NoLogin { .. } => {
            Failure::usage(error.to_string())
        }
        _ => Failure::from(error),
    }
}

/// What a person has to read now; standard output is the document's where one is wanted.
fn tell(json: bool, text: &str) {
    if json {
        eprintln!("{text}");
    } else {
        println!("{text}");
    }
}

async fn login(args: &LoginArgs, json: bool, config: &Config) -> Result<u8, Failure> {
    let session = Session::open(config, &args.side).map_err(failure)?;
    let limit = Duration::from_secs(args.timeout);
    let gave_up = |why: &str| Failure { code: 1, what: format!("{why}; nothing was changed") };
    let answer = async {
        if args.paste {
            by_paste(&session, json).await
        } else {
            by_browser(&session, args, json).await
        }
    };
    let (login, code) = tokio::select! {
        answer = tokio::time::timeout(limit, answer) => match answer {
            Ok(answer) => answer?,
            Err(_) => return Err(gave_up(&format!("no answer came within {} s", args.timeout))),
        },
        _ = tokio::signal::ctrl_c() => return Err(gave_up("interrupted")),
    };
    session.finish(login, &code).await.map_err(failure)?;
    let Some(found) = standing(config).into_iter().find(|one| one.side.as_str() == args.side)
    else {
        return Ok(0);
    };
    if json {
        println!("{}", serde_json::to_string(&found)?);
        return Ok(0);
    }
    println!("logged in to {}", found.side);
    print_one(&found);
    Ok(0)
}

async fn by_browser(
    session: &Session,
    args: &LoginArgs,
    json: bool,
) -> Result<(Login, Code), Failure> {
    let (login, loopback) = session.listen().await.map_err(failure)?;
    tell(
        json,
        &format!(
            "open this address in a browser on this machine, and log in:\n\n{}\n",
            login.address()
        ),
    );
    let (at, s) = (loopback.redirect(), args.timeout);
    tell(json, &format!("waiting for the answer at {at}, at most {s} s; Ctrl-C gives up"));
    let code = session.wait(&login, loopback).await.map_err(failure)?;
    Ok((login, code))
}

async fn by_paste(session: &Session, json: bool) -> Result<(Login, Code), Failure> {
    let login = session.pasted().await.map_err(failure)?;
    tell(
        json,
        &format!("open this address in a browser anywhere, and log in:\n\n{}\n", login.address()),
    );
    tell(
        json,
        "the browser is then sent to an address that it may not be able to open: that is as it should be.\n\
         copy that address out of the address bar, whole, and paste it here:",
    );
    let mut lines = lines();
    while let Some(line) = lines.recv().await {
        if line.trim().is_empty() {
            continue;
        }
        match login.expected().read_address(&line) {
            Ok(code) => return Ok((login, code)),
            Err(Unfit::Denied(error)) => return Err(Failure::from(error)),
            Err(Unfit::Strange(why)) => {
                eprintln!(
                    "mizan: {why}; paste the address that the browser shows after the log-in"
                );
            }
        }
    }
    Err(Failure { code: 1, what: "no address was pasted; nothing was changed".to_owned() })
}

/// The lines of standard input, from a thread that nobody waits for: a read of a terminal cannot be given up.
fn lines() -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

fn status(side: Option<&str>, json: bool, config: &Config) -> Result<u8, Failure> {
    let mut found = standing(config);
    if let Some(side) = side {
        found.retain(|one| one.side.as_str() == side);
        if found.is_empty() {
            let known: Vec<&str> = config.sides.keys().map(|side| side.as_str()).collect();
            return Err(Failure::usage(format!(
                "there is no side `{side}`; there are {}",
                known.join(", ")
            )));
        }
    }
    let code = if found.iter().all(|one| one.ready && one.to_do.is_none()) { 0 } else { 3 };
    if json {
        println!("{}", serde_json::to_string(&found)?);
        return Ok(code);
    }
    let mut out = table(&["side", "let in by", "valid until", "refresh token", "scope", "kept"]);
    for one in &found {
        let kept = match (&one.token_file, one.sealed, &one.valid_until) {
            (None, _, _) | (_, _, None) => "-",
            (Some(_), true, _) => "sealed",
            (Some(_), false, _) => "in plain, for the owner only",
        };
        out.add_row([
            one.side.to_string(),
            one.by.replace('_', " "),
            until(one),
            if one.by != "authorization_code" {
                "-"
            } else if one.refresh_token {
                "yes"
            } else {
                "no"
            }
            .to_owned(),
            one.scope.clone().unwrap_or_else(|| "-".to_owned()),
            kept.to_owned(),
        ]);
    }
    println!("{out}");
    for one in &found {
        print_notes(one);
    }
    Ok(code)
}

fn until(one: &Standing) -> String {
    match &one.valid_until {
        None => "-".to_owned(),
        Some(at) if one.ended => format!("{at}, ended"),
        Some(at) => at.clone(),
    }
}

fn print_one(one: &Standing) {
    println!("valid until {}; replaced ahead of that", until(one));
    if let Some(scope) = &one.scope {
        println!("scope: {scope}");
    }
    if let Some(file) = &one.token_file {
        let how = if one.sealed { "sealed" } else { "in plain, for the owner only" };
        println!("kept in {}, {how}", file.display());
    }
    print_notes(one);
}

fn print_notes(one: &Standing) {
    if let Some(note) = &one.note {
        println!("{}: {note}", one.side);
    }
    if let Some(command) = &one.to_do {
        println!("{}: log in: {command}", one.side);
    }
}

async fn logout(side: &str, as_json: bool, config: &Config) -> Result<u8, Failure> {
    let session = Session::open(config, side).map_err(failure)?;
    let revoked = session.log_out().await.map_err(failure)?;
    let (word, text, code) = match &revoked {
        Revoked::Done => ("done", "the tokens are forgotten here and revoked at the server".to_owned(), 0),
        Revoked::Nothing => ("nothing", "there were no tokens".to_owned(), 0),
        Revoked::NotOffered => (
            "not_offered",
            "the tokens are forgotten here; this server has no address to revoke them, so they live on there until \
             they end or are withdrawn in its own settings"
                .to_owned(),
            0,
        ),
        Revoked::Failed(error) => (
            "failed",
            format!(
                "the tokens are forgotten here, but could not be revoked: {error}; withdraw them in the server's own \
                 settings"
            ),
            1,
        ),
    };
    if as_json {
        println!("{}", json!({ "side": side, "revoked": word, "what": text, "exit_code": code }));
    } else {
        println!("{side}: {text}");
    }
    Ok(code)
}

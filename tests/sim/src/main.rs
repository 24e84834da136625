//! `mizan-sim`: random histories through the real engine.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

mod ablations;
mod digest;
mod exhaustive;

use clap::{Parser, Subcommand};
use mizan_testkit::simulation::campaign::{Campaign, Failure, Findings, campaign};
use mizan_testkit::simulation::{Broken, Story, Variant, run, shrink, trace};
use mizan_testkit::{Profile, Vice};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// Runs the reconciler through random histories of a simulated world and checks every law.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// How many histories.
    #[arg(long, default_value_t = 10_000)]
    histories: u64,
    /// The first seed; each history has the next one.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many sides.
    #[arg(long, default_value_t = 2)]
    sides: usize,
    /// What the sides offer; `all` runs every profile.
    #[arg(long, default_value = "full")]
    profile: String,
    /// Gives the last side a vice, such as `stamps-coarse`; `list` names them all.
    #[arg(long)]
    vice: Option<String>,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Fewest and most steps, as 5..45.
    #[arg(long, default_value = "5..45")]
    steps: String,
    /// Replays a story from a file and tells what happens.
    #[arg(long)]
    story: Option<PathBuf>,
    /// With `--story`: when users have stopped, the sides put many requests off before they answer all.
    #[arg(long)]
    throttled: bool,
    /// Saves the smallest failing stories in this folder.
    #[arg(long)]
    save: Option<PathBuf>,
    /// Stops at the first broken law.
    #[arg(long)]
    stop: bool,
    /// Prints one line of JSON for each profile.
    #[arg(long)]
    json: bool,
    /// Writes the traces that the tests of core are held against, and runs nothing else.
    #[arg(long)]
    traces: Option<PathBuf>,
    /// Prints a hash of all log bytes for each hundred seeds, and judges nothing.
    #[arg(long)]
    digest: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Runs every history of a few steps, from two starts.
    Exhaustive(exhaustive::Arguments),
    /// Switches design choices off, one after the other: each time a law must break.
    Ablations(ablations::Ablations),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match &arguments.command {
        Some(Command::Exhaustive(wanted)) => return exhaustive::run(wanted),
        Some(Command::Ablations(wanted)) => return ablations::run(wanted),
        None => {}
    }
    if let Some(path) = &arguments.story {
        return replay(path, arguments.throttled);
    }
    if let Some(path) = &arguments.traces {
        return write_traces(path);
    }
    let profiles = match arguments.profile.as_str() {
        "all" => Profile::ALL.to_vec(),
        name => match Profile::named(name) {
            Some(profile) => vec![profile],
            None => {
                let names: Vec<&str> = Profile::ALL.iter().map(|one| one.name()).collect();
                eprintln!("no profile `{name}`; there are {}", names.join(", "));
                return ExitCode::from(2);
            }
        },
    };
    let bounds = arguments.steps.split_once("..");
    let bounds = bounds.and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    let Some(steps) = bounds else {
        eprintln!("--steps wants two numbers, as 5..45");
        return ExitCode::from(2);
    };
    let broken = match arguments.vice.as_deref() {
        None => Broken::Nothing,
        Some(name) => match Vice::named(name) {
            Some(vice) => Broken::Vicious(vice),
            None => return list_vices(name),
        },
    };
    let variant = Variant { broken, ..Variant::default() };
    let mut clean = true;
    for profile in profiles {
        if arguments.digest {
            let seeds = arguments.seed..arguments.seed.saturating_add(arguments.histories);
            digest::print(profile, seeds, arguments.sides, steps, arguments.threads);
            continue;
        }
        clean &= run_profile(&arguments, profile, steps, variant);
    }
    if clean { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

fn list_vices(wanted: &str) -> ExitCode {
    for vice in Vice::ALL {
        let laws: Vec<String> = vice.breaks().iter().map(ToString::to_string).collect();
        println!("{:<18} {}", vice.name(), laws.join(", "));
    }
    if wanted == "list" {
        return ExitCode::SUCCESS;
    }
    eprintln!("no vice `{wanted}`; these are the vices, with the laws that nobody could keep");
    ExitCode::from(2)
}

fn run_profile(
    arguments: &Arguments,
    profile: Profile,
    steps: (usize, usize),
    variant: Variant,
) -> bool {
    let what = Campaign {
        histories: arguments.histories,
        seed: arguments.seed,
        profile,
        sides: arguments.sides,
        steps,
        threads: arguments.threads,
        stop: arguments.stop,
        variant,
    };
    let begun = Instant::now();
    let found = campaign(&what, &|index| {
        if index > 0 && index.is_multiple_of(10_000) {
            eprintln!("{index} histories of {}", profile.name());
        }
    });
    let seconds = begun.elapsed().as_secs_f64().max(0.001);
    let rate = found.histories as f64 / seconds;
    if arguments.json {
        print_json(&found, profile, rate);
    } else {
        println!(
            "{}: {} histories, {} sides, {seconds:.1} s, {rate:.0} a second",
            profile.name(),
            found.histories,
            arguments.sides
        );
        print!("{}", found.coverage);
        for (law, count) in &found.allowed {
            println!("not to be kept with such sides: {law}: {count}");
        }
        for (law, count) in &found.broken {
            println!("BROKEN {law}: {count}");
        }
        for failure in &found.failures {
            tell(failure, variant, arguments.save.as_deref());
        }
    }
    let missing =
        if found.histories < SAYS_SOMETHING { Vec::new() } else { found.coverage.missing(profile) };
    for what in &missing {
        eprintln!("{} NEVER HAPPENED: {what}", profile.name());
    }
    found.broken.is_empty() && missing.is_empty()
}

/// From so many histories on, what never happened is a fault of the simulation.
const SAYS_SOMETHING: u64 = 50_000;

fn print_json(found: &Findings, profile: Profile, rate: f64) {
    let pairs = |list: Vec<(String, u64)>| {
        let list: Vec<String> = list.iter().map(|(name, n)| format!("\"{name}\":{n}")).collect();
        format!("{{{}}}", list.join(","))
    };
    let broken = pairs(found.broken.iter().map(|(law, n)| (law.to_string(), *n)).collect());
    let allowed = pairs(found.allowed.iter().map(|(law, n)| (law.to_string(), *n)).collect());
    let coverage =
        pairs(found.coverage.0.iter().map(|(what, n)| ((*what).to_owned(), *n)).collect());
    println!(
        "{{\"profile\":\"{}\",\"histories\":{},\"per_second\":{rate:.0},\"broken\":{broken},\"allowed\":{allowed},\"coverage\":{coverage}}}",
        profile.name(),
        found.histories
    );
}

fn tell(failure: &Failure, variant: Variant, save: Option<&Path>) {
    let law = failure.violation.law;
    let small = shrink(&failure.story, law, variant);
    let told = run(&small, Variant { tell: true, ..variant });
    println!("\n{law} breaks ({} steps, seed {}):", small.steps.len(), small.seed);
    println!("  as drawn: {}", failure.violation.what);
    for line in told.trace.iter().take_while(|line| *line != "the log:") {
        println!("    {line}");
    }
    for violation in told.violations.iter().filter(|one| one.law == law) {
        println!("  => {violation}");
    }
    println!("  as a story:\n{small}");
    if let Some(folder) = save {
        let path = folder.join(format!("{}-{law:?}-{}.story", small.profile.name(), small.seed));
        match std::fs::write(&path, format!("# breaks {law}\n{small}")) {
            Ok(()) => println!("  saved as {}", path.display()),
            Err(error) => eprintln!("cannot write {}: {error}", path.display()),
        }
    }
}

/// Histories of each profile and number of sides that become traces.
const TRACES_EACH: u64 = 6;

fn write_traces(path: &Path) -> ExitCode {
    let bytes = trace::to_bytes(&trace::traces(TRACES_EACH));
    match std::fs::write(path, &bytes) {
        Ok(()) => {
            println!("{} bytes in {}", bytes.len(), path.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("cannot write {}: {error}", path.display());
            ExitCode::from(1)
        }
    }
}

fn replay(path: &Path, throttled: bool) -> ExitCode {
    let story = match std::fs::read_to_string(path) {
        Ok(text) => text.parse::<Story>().map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let story = match story {
        Ok(story) => story,
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            return ExitCode::from(2);
        }
    };
    if story.profile == Profile::Own {
        eprintln!(
            "{}: the set-up of this story is in the code that found it; replay it with `Simulation::replay` there",
            path.display()
        );
        return ExitCode::from(2);
    }
    let outcome = run(&story, Variant { tell: true, throttled, ..Variant::default() });
    outcome.trace.iter().for_each(|line| println!("{line}"));
    outcome.violations.iter().for_each(|violation| println!("=> {violation}"));
    if outcome.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

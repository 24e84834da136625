//! `mizan-sim exhaustive`: every history of a few steps.

use crate::tell;
use clap::Args;
use mizan_testkit::Profile;
use mizan_testkit::simulation::Variant;
use mizan_testkit::simulation::exhaustive::{Exhaustive, SMALL, exhaustive, full, quiet_seed};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// Runs every history of a few steps, from two starts.
#[derive(Args)]
pub(crate) struct Arguments {
    /// Steps of each history.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=8))]
    length: u8,
    /// Twelve steps instead of twenty.
    #[arg(long)]
    small: bool,
    /// Where to look for a set-up without faults of its own.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What the sides offer.
    #[arg(long, default_value = "full")]
    profile: String,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Saves the smallest failing stories in this folder.
    #[arg(long)]
    save: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let Some(profile) = Profile::named(&arguments.profile) else {
        eprintln!("no profile `{}`", arguments.profile);
        return ExitCode::from(2);
    };
    let what = Exhaustive {
        length: usize::from(arguments.length),
        alphabet: if arguments.small { SMALL.to_vec() } else { full() },
        seed: quiet_seed(arguments.seed, profile),
        profile,
        threads: arguments.threads,
        variant: Variant::default(),
    };
    let begun = Instant::now();
    let found = exhaustive(&what, &|done, of| {
        if done.is_multiple_of(100) {
            eprintln!("{done} of {of} parts");
        }
    });
    let seconds = begun.elapsed().as_secs_f64().max(0.001);
    println!(
        "all {} histories of {} steps out of {}, from two starts, {} (seed {}): {} that differ, {seconds:.1} s, \
         {:.0} a second",
        found.histories,
        what.length,
        what.alphabet.len(),
        profile.name(),
        what.seed,
        found.judged,
        found.judged as f64 / seconds
    );
    for (law, count) in &found.broken {
        println!("BROKEN {law}: {count}");
    }
    for failure in &found.failures {
        tell(failure, Variant::default(), arguments.save.as_deref());
    }
    if found.broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::from(1) }
}

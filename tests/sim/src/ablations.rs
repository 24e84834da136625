//! `mizan-sim ablations`: switches design choices off, one after the other, and shows which law breaks.

use clap::Args;
use std::path::PathBuf;
#[cfg(not(feature = "ablate"))]
use std::process::ExitCode;

/// What to try.
#[derive(Args, Debug)]
pub(crate) struct Ablations {
    /// Most histories for each switch.
    #[arg(long, default_value_t = 20_000)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only this switch; its smallest story is told.
    #[arg(long)]
    only: Option<String>,
    /// Stories that are tried where the random histories were not enough.
    #[arg(long, default_value = "tests/sim/stories")]
    stories: PathBuf,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Prints one line of JSON for each switch.
    #[arg(long)]
    json: bool,
}

#[cfg(not(feature = "ablate"))]
pub(crate) fn run(_: &Ablations) -> ExitCode {
    eprintln!("no switch can be off in this build; build it with `--features ablate`");
    ExitCode::from(2)
}

#[cfg(feature = "ablate")]
pub(crate) use switched::run;

#[cfg(feature = "ablate")]
mod switched {
    use super::Ablations;
    use mizan_testkit::simulation::ablations::{ALL, Ablation, Bound, Proof, ablate, prove};
    use mizan_testkit::simulation::campaign::{Campaign, Failure, campaign};
    use mizan_testkit::simulation::{Story, Switch, Variant};
    use mizan_testkit::{Law, Profile};
    use std::path::Path;
    use std::process::ExitCode;
    use std::time::Instant;

    pub(crate) fn run(arguments: &Ablations) -> ExitCode {
        let mut chosen: Vec<&Ablation> = ALL.iter().collect();
        if let Some(name) = &arguments.only {
            chosen.retain(|one| one.switch().name() == name);
            if chosen.is_empty() {
                let names: Vec<&str> = Switch::ALL.iter().map(|switch| switch.name()).collect();
                eprintln!("no switch `{name}`; there are {}", names.join(", "));
                return ExitCode::from(2);
            }
        }
        if !arguments.json {
            line(["switch", "beside it", "profile", "found in", "histories", "seconds", "laws"]);
        }
        let mut sound = true;
        let mut used: Vec<(Profile, usize, u64)> = Vec::new();
        for ablation in chosen {
            let found = find(arguments, ablation);
            if arguments.json {
                found.json(ablation);
            } else {
                found.row(ablation);
            }
            sound &= found.proof.is_some() || !ablation.covered.is_empty();
            note(&mut used, ablation, found.tried);
            if let (Some(proof), Some(_), false) = (found.proof, &arguments.only, arguments.json) {
                let failure = Failure { story: proof.story, violation: proof.violation };
                let variant = Variant { without: ablation.off, ..Variant::default() };
                crate::tell(&failure, variant, None);
            }
        }
        for (profile, sides, histories) in used {
            sound &= control(arguments, profile, sides, histories);
        }
        if sound { ExitCode::SUCCESS } else { ExitCode::from(1) }
    }

    /// What became of one switch.
    struct Found {
        proof: Option<Proof>,
        /// The seed or the story that showed it; empty where nothing did.
        place: String,
        tried: u64,
        seconds: f64,
    }

    fn find(arguments: &Ablations, ablation: &Ablation) -> Found {
        let begun = Instant::now();
        let (histories, seed, threads) = (arguments.seeds, arguments.seed, arguments.threads);
        let proof = ablate(ablation, Bound { histories, seed, threads });
        let tried = proof.as_ref().map_or(histories, |proof| proof.seed - seed + 1);
        let (proof, place) = match proof {
            Some(proof) => {
                let place = format!("seed {}", proof.seed);
                (Some(proof), place)
            }
            None => match old_story(&arguments.stories, ablation) {
                Some((name, proof)) => (Some(proof), name),
                None => (None, String::new()),
            },
        };
        Found { proof, place, tried, seconds: begun.elapsed().as_secs_f64() }
    }

    /// The first story of the folder in which the choice makes the difference, whatever its profile.
    fn old_story(folder: &Path, ablation: &Ablation) -> Option<(String, Proof)> {
        let mut paths: Vec<_> =
            std::fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.sort();
        paths.iter().find_map(|path| {
            let story: Story = std::fs::read_to_string(path).ok()?.parse().ok()?;
            let number = path.file_name()?.to_str()?.split('-').next()?;
            Some((format!("story {number}"), prove(ablation, story)?))
        })
    }

    /// Remembers the most histories that were tried of a profile.
    fn note(used: &mut Vec<(Profile, usize, u64)>, ablation: &Ablation, tried: u64) {
        let place = (ablation.profile, ablation.sides);
        match used.iter_mut().find(|(profile, sides, _)| (*profile, *sides) == place) {
            Some((_, _, most)) => *most = tried.max(*most),
            None => used.push((place.0, place.1, tried)),
        }
    }

    /// The same seeds with every choice in place break nothing.
    fn control(arguments: &Ablations, profile: Profile, sides: usize, histories: u64) -> bool {
        let what = Campaign {
            histories,
            seed: arguments.seed,
            profile,
            sides,
            steps: (5, 45),
            threads: arguments.threads,
            stop: false,
            variant: Variant::default(),
        };
        let found = campaign(&what, &|_| {});
        let (place, laws) = (place(profile, sides), names(found.broken.keys()));
        if arguments.json {
            println!("{{\"control\":\"{place}\",\"histories\":{histories},\"laws\":\"{laws}\"}}");
        } else {
            let laws = if laws.is_empty() { "nothing" } else { &laws };
            println!("control: {histories} histories of {place} with nothing off break {laws}");
        }
        found.broken.is_empty()
    }

    fn place(profile: Profile, sides: usize) -> String {
        match sides {
            2 => profile.name().to_owned(),
            sides => format!("{}, {sides} sides", profile.name()),
        }
    }

    fn names<'a>(laws: impl IntoIterator<Item = &'a Law>) -> String {
        laws.into_iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }

    fn beside(ablation: &Ablation) -> String {
        ablation.beside().iter().map(|switch| switch.name()).collect::<Vec<_>>().join(" ")
    }

    impl Found {
        fn laws(&self) -> String {
            names(self.proof.iter().flat_map(|proof| &proof.laws))
        }

        fn json(&self, ablation: &Ablation) {
            println!(
                "{{\"switch\":\"{}\",\"beside\":\"{}\",\"profile\":\"{}\",\"found_in\":\"{}\",\
                 \"histories\":{},\"seconds\":{:.1},\"laws\":\"{}\",\"covered\":\"{}\"}}",
                ablation.switch().name(),
                beside(ablation),
                place(ablation.profile, ablation.sides),
                self.place,
                self.tried,
                self.seconds,
                self.laws(),
                ablation.covered
            );
        }

        fn row(&self, ablation: &Ablation) {
            let laws = match &self.proof {
                Some(_) => self.laws(),
                None if ablation.covered.is_empty() => "NOTHING BREAKS".to_owned(),
                None => format!("none: {}", ablation.covered),
            };
            line([
                ablation.switch().name(),
                &beside(ablation),
                &place(ablation.profile, ablation.sides),
                &self.place,
                &self.tried.to_string(),
                &format!("{:.1}", self.seconds),
                &laws,
            ]);
        }
    }

    fn line(cells: [&str; 7]) {
        let [switch, beside, place, found, tried, seconds, laws] = cells;
        println!("{switch:23} {beside:29} {place:13} {found:11} {tried:>9} {seconds:>7}  {laws}");
    }
}

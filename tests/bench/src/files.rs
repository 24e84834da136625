//! Two folders of files: Mizan beside Unison, rclone and the plainest correct synchroniser, by one harness.

use crate::measure::{Figure, Sheet, Target, median, ratio};
use crate::{Common, Outcome};
use clap::Args;
use serde_json::Value as Json;
use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const CONTENDER: &str = include_str!("../peers/mizan");

/// The baseline: it does the same work on the files and keeps no log.
const FLOOR: &str = "refsync-fsync";

/// What may be asked for.
#[derive(Args, Clone)]
pub(crate) struct Wishes {
    /// The folder of the peers' harness; else `MIZAN_PEERS`, else `shared/peers` beside the repository.
    #[arg(long, env = "MIZAN_PEERS")]
    peers: Option<PathBuf>,
    /// Contenders, in the order of their turns.
    #[arg(long, default_value = "refsync-fsync refsync-batch unison rclone160 mizan")]
    contenders: String,
    /// Numbers of records.
    #[arg(long, default_value = "1000 10000")]
    sizes: String,
    /// Rounds.
    #[arg(long, default_value_t = 3)]
    rounds: u32,
    /// Workloads of the harness, or `all`.
    #[arg(long, default_value = "all")]
    workloads: String,
    /// A folder to work in that is kept and used again.
    #[arg(long)]
    work: Option<PathBuf>,
}

/// Runs the section.
pub(crate) fn run(wishes: &Wishes, common: &Common) -> Outcome {
    let source = find_peers(wishes)?;
    let peer = std::env::current_exe()?.with_file_name("mizan-peer");
    if !peer.is_file() {
        return Err(
            "mizan-peer is not beside this program: cargo build --release -p mizan-bench".into()
        );
    }
    let scratch = common.scratch()?;
    let work = wishes.work.clone().unwrap_or_else(|| scratch.path().to_owned()).join("peers");
    prepare(&source, &work)?;
    build_floor(&work)?;
    let contenders = available(&wishes.contenders);
    let (sizes, rounds) =
        if common.quick { ("1000", 1) } else { (wishes.sizes.as_str(), wishes.rounds) };
    let results = work.join("results/mizan.jsonl");
    fs::create_dir_all(work.join("results"))?;
    if results.exists() {
        fs::remove_file(&results)?;
    }
    let mut harness = Command::new("./all.sh");
    if common.json {
        harness.stdout(std::io::stderr());
    }
    let status = harness
        .current_dir(&work)
        .env("PEERS", &contenders)
        .env("NS", sizes)
        .env("ROUNDS", rounds.to_string())
        .env("WORKLOADS", &wishes.workloads)
        .env("OUT", &results)
        .env("MIZAN_PEER", &peer)
        .status()?;
    if !status.success() {
        return Err(format!("the harness ended with {status}").into());
    }
    let runs: Vec<Json> = fs::read_to_string(&results)?
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    if !common.json {
        println!("{}", fs::read_to_string(results.with_extension("md"))?);
    }
    show(&mut Sheet::new(common.json), &runs, &contenders);
    let wrong = tell_wrong(&runs);
    if wrong > 0 {
        Err(format!("{wrong} runs of Mizan did not end as they should").into())
    } else {
        Ok(())
    }
}

fn find_peers(wishes: &Wishes) -> Result<PathBuf, Box<dyn Error>> {
    if let Some(given) = &wishes.peers {
        return Ok(given.clone());
    }
    let here = std::env::current_dir()?;
    let beside = here.ancestors().map(|folder| folder.join("shared/peers"));
    beside.into_iter().find(|folder| folder.join("harness.py").is_file()).ok_or_else(|| {
        "the peers' harness is not here: it is the folder `peers` of the research beside the repository \
         (harness.py, all.sh, adapters/); name its place with MIZAN_PEERS"
            .into()
    })
}

/// Copies the harness, and puts Mizan among its contenders.
fn prepare(source: &Path, work: &Path) -> Outcome {
    copy(source, work)?;
    for name in ["mizan", "mizan-batch"] {
        let path = work.join("adapters").join(name);
        fs::write(&path, CONTENDER)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            copy(&source, &target)?;
        } else {
            fs::copy(&source, &target)?;
        }
    }
    Ok(())
}

fn build_floor(work: &Path) -> Outcome {
    let target = work.join("tools/rs/target");
    if target.join("release/floor").is_file() {
        return Ok(());
    }
    let status = Command::new("cargo")
        .args(["build", "--release", "--quiet"])
        .current_dir(work.join("tools/rs/floor"))
        .env("CARGO_TARGET_DIR", &target)
        .status()?;
    if status.success() { Ok(()) } else { Err("the floor program does not build".into()) }
}

/// The contenders whose programs are here; what is missing is installed where that is possible.
fn available(wanted: &str) -> String {
    let kept = wanted.split_whitespace().filter(|name| {
        let program = match *name {
            name if name.starts_with("unison") => "unison",
            name if name.starts_with("rclone") => "rclone",
            _ => return true,
        };
        let here = has(program) || (install(program) && has(program));
        if !here {
            eprintln!("{name} is left out: {program} is not installed (apt-get install {program})");
        }
        here
    });
    kept.collect::<Vec<_>>().join(" ")
}

fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn install(program: &str) -> bool {
    let mut command = Command::new("apt-get");
    command.args(["install", "-y", "-qq", program]);
    command.output().is_ok_and(|output| output.status.success())
}

/// Seconds of one contender's runs, by round.
fn seconds(runs: &[Json], who: &str, size: u64, workload: &str) -> Vec<f64> {
    let of_these = runs.iter().filter(|run| {
        run["peer"] == who && run["n"].as_u64() == Some(size) && run["w"] == workload
    });
    of_these.filter_map(|run| run["wall"].as_f64()).collect()
}

fn show(sheet: &mut Sheet, runs: &[Json], contenders: &str) {
    let mut sizes: Vec<u64> = runs.iter().filter_map(|run| run["n"].as_u64()).collect();
    sizes.sort_unstable();
    sizes.dedup();
    sheet.section("Two folders of files, wall seconds");
    let workloads = [
        ("W1", "first sync", 3.0),
        ("W2", "nothing changed", 2.0),
        ("W2b", "nothing changed, later", 2.0),
        ("W3", "1 % changed on A", 2.0),
        ("W4", "1 % changed on each side", 2.0),
        ("W6", "1 % deleted on A", 2.0),
    ];
    let ours = contenders.split(' ').filter(|name| name.starts_with("mizan"));
    let ours: Vec<&str> = ours.collect();
    for (size, (workload, name, most)) in
        sizes.iter().flat_map(|size| workloads.iter().map(move |workload| (*size, workload)))
    {
        let what = format!("{size} records: {name}");
        for who in &ours {
            let own = seconds(runs, who, size, workload);
            for other in contenders.split(' ').filter(|other| !ours.contains(other)) {
                let theirs = seconds(runs, other, size, workload);
                if own.is_empty() || theirs.is_empty() {
                    continue;
                }
                let target = match other {
                    FLOOR => Some(*most),
                    "unison" | "rclone160" => Some(1.0),
                    _ => None,
                };
                let figure = Figure::new(&what, *who, median(&own), "s");
                let figure = figure
                    .against(ratio(&own, &theirs), format!("{other} ({:.3} s)", median(&theirs)));
                sheet.add(&match target {
                    Some(most) => figure.target(Target::AtMost(most)),
                    None => figure,
                });
            }
        }
    }
}

/// Runs of Mizan after which the sides did not hold what they should.
fn tell_wrong(runs: &[Json]) -> usize {
    let mut wrong = 0;
    for run in runs {
        let ours = run["peer"].as_str().is_some_and(|peer| peer.starts_with("mizan"));
        let bad = run["w"] == "ERROR"
            || run["check"]["ok"] == false
            || run["rc"].as_i64().unwrap_or(0) != 0;
        if ours && bad {
            wrong += 1;
            eprintln!("wrong: {run}");
        }
    }
    wrong
}

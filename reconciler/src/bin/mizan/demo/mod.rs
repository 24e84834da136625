//! The demo: a local Qoyod and a shop, and this very binary run between them.

mod data;
mod steps;
mod summary;
mod world;

use crate::Failure;
use summary::{Summary, summarise};
use world::World;

/// Tells the whole story; `quiet` for machines.
pub(crate) async fn tell(
    folder: &std::path::Path,
    quiet: bool,
) -> Result<impl serde::Serialize + use<>, Failure> {
    let begun = std::time::Instant::now();
    let world = World::start(folder, quiet).await?;
    steps::first_sync(&world).await?;
    steps::edits_on_both_sides(&world).await?;
    steps::conflict(&world).await?;
    steps::lost_answer(&world).await?;
    steps::crash(&world).await?;
    let mut summary: Summary = summarise(&world)?;
    summary.seconds = begun.elapsed().as_secs_f64();
    world.say("In the end, counted from the log and from both systems:");
    world.tell(&format!(
        "{} records, {} links, {} events, {} commands, {} conflicts",
        summary.records, summary.links, summary.events, summary.commands, summary.conflicts
    ));
    world.tell(&format!(
        "duplicates: {}   lost edits: {}   both sides equal: {}   {:.1} s",
        summary.duplicates,
        summary.lost_edits,
        if summary.equal { "yes" } else { "no" },
        summary.seconds
    ));
    let broken = summary.duplicates > 0 || summary.lost_edits > 0 || !summary.equal;
    world.stop().await;
    if broken {
        return Err(Failure { code: 1, what: format!("the story went wrong: {summary:?}") });
    }
    Ok(summary)
}

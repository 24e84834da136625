//! The check of a log: are the events still those that were hashed, signed and anchored.

use super::note::{Checkpoint, Note, VerifyingKey};
use super::{AuditError, Watch, origin_of};
use mizan_core::{Event, Fact, Seq};
use mizan_store::merkle::{Frontier, TreeHash, leaf_hash, verify_consistency};
use mizan_store::{EventLog, StoreError};
use serde::Serialize;

/// Events between two calls of a [`Watch`].
const WATCH_EVERY: u64 = 4_096;
/// Leaves that are compared at once.
const LEAVES_AT_ONCE: u64 = 8_192;

/// What is known from outside the log.
#[derive(Clone, Default)]
pub struct Evidence {
    /// The keys whose signatures count; without any, signatures are not checked.
    pub keys: Vec<VerifyingKey>,
    /// Notes that anchors hold, each with the name of the anchor.
    pub anchored: Vec<(String, String)>,
    /// Told about progress.
    pub watch: Option<Watch>,
}

/// How a log stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Everything fits.
    Ok,
    /// An event between these positions, both included, is not what it was; where both are equal, it is this one.
    Tampered {
        /// The first that may be changed.
        from: Seq,
        /// The last that may be the first changed one.
        to: Seq,
    },
    /// An anchor holds a signed checkpoint of this size that belongs to another history.
    Fork {
        /// The size.
        size: u64,
    },
    /// A signed checkpoint covers more events than the log holds.
    Truncated {
        /// The events that it covers.
        size: u64,
        /// The events that are there.
        events: u64,
    },
}

/// One thing that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it means.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// What does not fit with what.
    pub what: String,
}

/// The result of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// The worst finding, or that all is well.
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Events in the log.
    pub events: u64,
    /// The root over them, as their bytes give it now.
    pub root: String,
    /// Checkpoints in the log.
    pub checkpoints: usize,
    /// The events that a good signed checkpoint in the log covers.
    pub covered: u64,
    /// The events that an anchor proves; what is behind them rests on the key alone.
    pub anchored: u64,
    /// Whether signatures were checked.
    pub signatures_checked: bool,
    /// What does not fit.
    pub findings: Vec<Finding>,
    /// What does no harm and should be known.
    pub warnings: Vec<String>,
}

/// A checkpoint as the log holds it.
struct Held {
    at: Seq,
    size: u64,
    root: TreeHash,
    note: String,
}

/// Everything that one pass over the log finds.
#[derive(Default)]
struct Read {
    leaves: Vec<TreeHash>,
    held: Vec<Held>,
    origin: Option<String>,
    damaged: Option<Finding>,
}

impl Read {
    /// Keeps what an event says about the log itself.
    fn note(&mut self, event: Event) {
        if let Fact::Opened { log_id, .. } = &event.fact {
            self.origin.get_or_insert(origin_of(log_id));
        }
        if let Fact::Checkpointed { size, root, note } = event.fact {
            self.held.push(Held { at: event.seq, size, root: TreeHash(root.0), note });
        }
    }
}

/// Checks a log against itself and against what anchors hold (L52, LAWS 3.3).
///
/// Reads every event once and hashes it; a million events of 300 bytes take about a second.
///
/// # Errors
/// When the log cannot be read for another reason than damage, which is a finding.
pub fn verify(log: &dyn EventLog, evidence: &Evidence) -> Result<Verified, AuditError> {
    let read = read(log, evidence)?;
    let mut check = Check { evidence, read: &read, findings: Vec::new(), good: Vec::new() };
    let mut sizes: Vec<u64> = read.held.iter().map(|held| held.size).collect();
    let anchored: Vec<(&str, Result<Checkpoint, String>)> =
        evidence.anchored.iter().map(|(name, note)| (name.as_str(), check.parse(note))).collect();
    sizes.extend(anchored.iter().filter_map(|(_, note)| Some(note.as_ref().ok()?.size)));
    sizes.push(read.leaves.len() as u64);
    let roots = roots(&read.leaves, sizes);
    check.checkpoints(&roots);
    let covered = check.good.last().map_or(0, |(size, _)| *size);
    let proven = check.anchors(&anchored, &roots);
    let (mut findings, good) = (check.findings, check.good);
    findings.extend(read.damaged.clone());
    let mut warnings = Vec::new();
    if read.damaged.is_none() {
        kept_leaves(log, &read.leaves, covered.max(proven), &mut findings, &mut warnings)?;
    }
    narrow(&mut findings);
    between(log, &good, read.damaged.is_some() || !warnings.is_empty(), &mut findings)?;
    if evidence.keys.is_empty() && !read.held.is_empty() {
        warnings.push(
            "signatures were not checked: there is no public key beside the log; give one with --key"
                .to_owned(),
        );
    }
    let verdict = findings.iter().map(|finding| finding.verdict).max_by_key(gravity);
    let count = read.leaves.len() as u64;
    Ok(Verified {
        verdict: verdict.unwrap_or(Verdict::Ok),
        events: count,
        root: root_at(&roots, count).map_or_else(String::new, |root| root.to_string()),
        checkpoints: read.held.len(),
        covered,
        anchored: proven,
        signatures_checked: !evidence.keys.is_empty(),
        findings,
        warnings,
    })
}

fn gravity(verdict: &Verdict) -> (u8, std::cmp::Reverse<u64>) {
    let order = |at: u64| std::cmp::Reverse(at);
    match verdict {
        Verdict::Ok => (0, order(0)),
        Verdict::Fork { size } => (1, order(*size)),
        Verdict::Truncated { size, .. } => (2, order(*size)),
        // Of two, the one that is known more exactly, then the earlier one.
        Verdict::Tampered { from, to } if from == to => (4, order(from.0)),
        Verdict::Tampered { from, .. } => (3, order(from.0)),
    }
}

fn read(log: &dyn EventLog, evidence: &Evidence) -> Result<Read, AuditError> {
    let mut read = Read::default();
    let scanned = log.scan(Seq(0), &mut |seq, bytes| {
        read.leaves.push(leaf_hash(bytes));
        if let Some(watch) = evidence.watch.as_ref().filter(|_| seq.0.is_multiple_of(WATCH_EVERY)) {
            watch(seq.0);
        }
        match Event::from_bytes(seq, bytes) {
            Ok(event) => read.note(event),
            Err(error) => {
                read.damaged.get_or_insert_with(|| Finding {
                    verdict: Verdict::Tampered { from: seq, to: seq },
                    what: format!("event {seq} cannot be read: {error}"),
                });
            }
        }
        Ok(())
    });
    match scanned {
        Err(StoreError::Damaged { seq, reason, .. }) => {
            read.damaged = Some(Finding {
                verdict: Verdict::Tampered { from: seq, to: seq },
                what: format!("event {seq} cannot be read: {reason}"),
            });
            Ok(read)
        }
        other => Ok(other.map(|()| read)?),
    }
}

/// The roots at these sizes, as far as there are so many leaves.
fn roots(leaves: &[TreeHash], mut sizes: Vec<u64>) -> Vec<(u64, TreeHash)> {
    sizes.sort_unstable();
    sizes.dedup();
    let mut tree = Frontier::default();
    let mut left = leaves.iter();
    let mut roots = Vec::with_capacity(sizes.len());
    for size in sizes {
        while tree.size() < size {
            let Some(leaf) = left.next() else { return roots };
            tree.push(*leaf);
        }
        roots.push((size, tree.root()));
    }
    roots
}

fn root_at(roots: &[(u64, TreeHash)], size: u64) -> Option<TreeHash> {
    let at = roots.binary_search_by_key(&size, |(size, _)| *size).ok()?;
    roots.get(at).map(|(_, root)| *root)
}

struct Check<'c> {
    evidence: &'c Evidence,
    read: &'c Read,
    findings: Vec<Finding>,
    /// Sizes and roots of checkpoints that fit, smallest first.
    good: Vec<(u64, TreeHash)>,
}

impl Check<'_> {
    /// Reads a note; the error says why it is worth nothing.
    fn parse(&self, text: &str) -> Result<Checkpoint, String> {
        let note: Note = text.parse().map_err(|error: AuditError| error.to_string())?;
        let checkpoint: Checkpoint =
            note.text().parse().map_err(|error: AuditError| error.to_string())?;
        let keys = &self.evidence.keys;
        if !keys.is_empty() && !keys.iter().any(|key| note.is_signed_by(key)) {
            return Err("it is not signed by a key that counts".to_owned());
        }
        Ok(checkpoint)
    }

    /// Whether a checkpoint is of another log than the first event says.
    fn is_foreign(&self, checkpoint: &Checkpoint) -> bool {
        self.read.origin.as_ref().is_some_and(|origin| *origin != checkpoint.origin)
    }

    fn tampered(&mut self, from: Seq, to: Seq, what: String) {
        self.findings.push(Finding { verdict: Verdict::Tampered { from, to }, what });
    }

    /// Every checkpoint in the log: its note, its place, and the root of the events before it.
    fn checkpoints(&mut self, roots: &[(u64, TreeHash)]) {
        for held in &self.read.held {
            let at = held.at;
            let checkpoint = match self.parse(&held.note) {
                Ok(checkpoint) => checkpoint,
                Err(why) => {
                    self.tampered(at, at, format!("the checkpoint at event {at}: {why}"));
                    continue;
                }
            };
            let known = self.good.last().map_or(0, |(size, _)| *size);
            if self.is_foreign(&checkpoint) {
                // Its signature is good, so it may as well be the log's first event that was changed.
                let what = format!(
                    "the checkpoint at event {at} is of {}, not of this log",
                    checkpoint.origin
                );
                self.tampered(Seq(known + 1), at, what);
                continue;
            }
            if (checkpoint.size, checkpoint.root) != (held.size, held.root) {
                let what =
                    format!("the checkpoint at event {at} says something else than its note");
                self.tampered(at, at, what);
                continue;
            }
            let (size, events) = (held.size, at.0 - 1);
            if size > events {
                self.findings.push(Finding {
                    verdict: Verdict::Truncated { size, events },
                    what: format!(
                        "the checkpoint at event {at} covers {size} events, but only {events} stand before it"
                    ),
                });
                continue;
            }
            if root_at(roots, size) == Some(held.root) {
                self.good.push((size, held.root));
            } else {
                let what = format!(
                    "the events up to {size} do not give the root that the checkpoint at event {at} signs; those up to \
                     {known} do give theirs"
                );
                self.tampered(Seq(known + 1), Seq(size), what);
            }
        }
    }

    /// What anchors hold, against the events; gives the largest size that one of them proves.
    fn anchors(
        &mut self,
        anchored: &[(&str, Result<Checkpoint, String>)],
        roots: &[(u64, TreeHash)],
    ) -> u64 {
        let events = self.read.leaves.len() as u64;
        let mut proven = 0;
        for (name, note) in anchored {
            let checkpoint = match note {
                Ok(checkpoint) => checkpoint,
                Err(why) => {
                    let verdict = Verdict::Fork { size: 0 };
                    self.findings
                        .push(Finding { verdict, what: format!("a note in {name}: {why}") });
                    continue;
                }
            };
            let size = checkpoint.size;
            if self.is_foreign(checkpoint) {
                self.findings.push(Finding {
                    verdict: Verdict::Fork { size },
                    what: format!("a note in {name} is of another log, {}", checkpoint.origin),
                });
            } else if size > events {
                self.findings.push(Finding {
                    verdict: Verdict::Truncated { size, events },
                    what: format!(
                        "{name} holds a checkpoint of {size} events; the log has {events}"
                    ),
                });
            } else if root_at(roots, size) == Some(checkpoint.root) {
                proven = proven.max(size);
            } else {
                self.findings.push(Finding {
                    verdict: Verdict::Fork { size },
                    what: format!(
                        "{name} holds a checkpoint of {size} events with another root: the log was written anew"
                    ),
                });
            }
        }
        proven
    }
}

/// Compares the hashes that the store kept with those of the events.
fn kept_leaves(
    log: &dyn EventLog,
    leaves: &[TreeHash],
    proven: u64,
    findings: &mut Vec<Finding>,
    warnings: &mut Vec<String>,
) -> Result<(), AuditError> {
    let count = leaves.len() as u64;
    let mut from = 0;
    while from < count {
        let to = (from + LEAVES_AT_ONCE).min(count);
        let kept = log.leaves(Seq(from), Seq(to))?;
        let now = leaves.get(from as usize..to as usize).unwrap_or_default();
        if let Some(at) = kept.iter().zip(now).position(|(kept, now)| kept != now) {
            let at = Seq(from + at as u64 + 1);
            if at.0 <= proven {
                // A signed root says that the event is right, so the kept hash is what changed.
                warnings.push(format!(
                    "the hash kept for event {at} was damaged; the event itself fits a signed root. `mizan doctor \
                     --rebuild` makes the hashes anew"
                ));
            } else {
                findings.push(Finding {
                    verdict: Verdict::Tampered { from: at, to: at },
                    what: format!(
                        "event {at} is not the one whose hash was kept when it was appended"
                    ),
                });
            }
            return Ok(());
        }
        from = to;
    }
    Ok(())
}

/// Where a kept hash names the event, ranges that hold it say no more than that.
fn narrow(findings: &mut Vec<Finding>) {
    let exact = findings.iter().find_map(|finding| match finding.verdict {
        Verdict::Tampered { from, to } if from == to => Some(from),
        Verdict::Ok
        | Verdict::Tampered { .. }
        | Verdict::Fork { .. }
        | Verdict::Truncated { .. } => None,
    });
    let Some(at) = exact else { return };
    for finding in findings {
        match &mut finding.verdict {
            Verdict::Tampered { from, to } if *from <= at && at <= *to => (*from, *to) = (at, at),
            Verdict::Ok
            | Verdict::Tampered { .. }
            | Verdict::Fork { .. }
            | Verdict::Truncated { .. } => {}
        }
    }
}

/// Proofs between all good checkpoints, made by the store and checked as an outsider would.
///
/// Not where hashes that the store kept are damaged: its proofs cannot be right then, and that is said already.
fn between(
    log: &dyn EventLog,
    good: &[(u64, TreeHash)],
    damaged: bool,
    findings: &mut Vec<Finding>,
) -> Result<(), AuditError> {
    if damaged || !findings.is_empty() {
        return Ok(());
    }
    for pair in good.windows(2) {
        let [(old, old_root), (new, new_root)] = pair else { continue };
        if old > new {
            continue;
        }
        let path = log.consistency(Seq(*old), Seq(*new))?;
        if !verify_consistency(*old, old_root, *new, new_root, &path) {
            findings.push(Finding {
                verdict: Verdict::Tampered { from: Seq(*old), to: Seq(*new) },
                what: format!(
                    "no proof leads from the checkpoint of {old} events to that of {new}"
                ),
            });
        }
    }
    Ok(())
}

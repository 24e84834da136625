//! When a checkpoint is due, and making it: the layer above the engine, which knows nothing of signatures.

use super::anchor::{Delivered, deliver_pending};
use super::key::SigningKey;
use super::note::{Checkpoint, VerifyingKey};
use super::{AuditError, key, origin_of};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{AuditConfig, Config};
use crate::engine::{Engine, EngineError, Journal};
use mizan_core::{ContentHash, Event, Fact, Seq, Timestamp};
use mizan_store::EventLog;
use std::fs;
use std::path::PathBuf;

/// A log that facts can be appended to: an engine, or a journal that was opened without sides.
pub trait Ledger {
    /// The log and its state.
    fn journal(&self) -> &Journal;

    /// Appends facts now.
    ///
    /// # Errors
    /// When the log refuses them.
    fn append(&mut self, facts: Vec<Fact>) -> Result<(), EngineError>;
}

impl Ledger for Engine {
    fn journal(&self) -> &Journal {
        Self::journal(self)
    }

    fn append(&mut self, facts: Vec<Fact>) -> Result<(), EngineError> {
        Self::append(self, facts)
    }
}

impl Ledger for Journal {
    fn journal(&self) -> &Journal {
        self
    }

    fn append(&mut self, facts: Vec<Fact>) -> Result<(), EngineError> {
        self.append_facts(SystemClock.now(), facts)
    }
}

/// The newest checkpoint in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Last {
    /// Where it stands.
    pub at: Seq,
    /// When it was made.
    pub time: Timestamp,
    /// The events that it covers.
    pub size: u64,
    /// The root over them.
    pub root: ContentHash,
    /// The signed note.
    pub note: String,
}

/// What was done for the proof of a log.
#[derive(Debug, Default)]
pub struct Kept {
    /// The checkpoint that was made; `None` where nothing had happened since the last one.
    pub made: Option<Last>,
    /// What anchors were given, and which of them failed.
    pub anchored: Vec<Delivered>,
    /// Why no checkpoint could be made; the log itself is as good as before.
    pub problem: Option<AuditError>,
}

/// Makes the checkpoints of one log.
#[derive(Clone, Debug)]
pub struct Keeper {
    settings: AuditConfig,
    log: PathBuf,
}

impl Keeper {
    /// The keeper of a configuration's log.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self { settings: config.audit.clone(), log: config.log.clone() }
    }

    /// The settings that it works by.
    #[must_use]
    pub fn settings(&self) -> &AuditConfig {
        &self.settings
    }

    /// The file of the signing key.
    #[must_use]
    pub fn key_path(&self) -> PathBuf {
        self.settings.key.clone().unwrap_or_else(|| self.log.join("audit.key"))
    }

    /// The folder of the log, where it is kept which anchor has what.
    pub(super) fn folder(&self) -> &std::path::Path {
        &self.log
    }

    /// The public key that was written when the signing key was made, if it is still there.
    ///
    /// # Errors
    /// When the file is there and is no key.
    pub fn public_key(&self) -> Result<Option<VerifyingKey>, AuditError> {
        match fs::read_to_string(key::public_of(&self.key_path())) {
            Ok(text) => text.parse().map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(AuditError::file(&key::public_of(&self.key_path()), error)),
        }
    }

    /// The newest checkpoint of the log.
    ///
    /// Where it was is remembered in a file, which is only a hint: what stands there is looked at, and so is
    /// everything behind it. Without the hint the whole log is read.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn last(&self, journal: &Journal) -> Result<Option<Last>, AuditError> {
        let hint = fs::read_to_string(self.hint()).ok().and_then(|text| text.trim().parse().ok());
        let mut last = match hint.filter(|hint| *hint > 0 && *hint <= journal.head().0) {
            Some(hint) => {
                let bytes = journal.with_log(|log| log.read(Seq(hint)))?;
                let event = bytes.and_then(|bytes| Event::from_bytes(Seq(hint), &bytes).ok());
                event.as_ref().and_then(last_of)
            }
            None => None,
        };
        let after = last.as_ref().map_or(Seq(0), |last| last.at);
        journal.each_event(after, &mut |event| last = last_of(event).or_else(|| last.take()))?;
        Ok(last)
    }

    /// Whether enough was appended, or enough time has passed, since the last checkpoint for another one.
    ///
    /// For a program that runs on; at the end of a sync one is made for whatever is new.
    ///
    /// # Errors
    /// As [`Keeper::last`].
    pub fn is_due(&self, journal: &Journal, now: Timestamp) -> Result<bool, AuditError> {
        if !self.settings.checkpoints {
            return Ok(false);
        }
        let last = self.last(journal)?;
        let new = journal.head().0 - last.as_ref().map_or(0, |last| last.at.0);
        let since = last.map_or(i64::MAX, |last| now.0.saturating_sub(last.time.0));
        let seconds = i64::try_from(self.settings.seconds).unwrap_or(i64::MAX);
        Ok(new > 0 && (new >= self.settings.every || since >= seconds.saturating_mul(1_000)))
    }

    /// Makes a checkpoint of everything in the log; `None` where nothing but a checkpoint was appended since the last.
    ///
    /// `new_key` allows a new key for a log whose checkpoints were signed with one that is lost.
    ///
    /// # Errors
    /// When the key cannot be read or made, the log has no identity yet, or its kept hashes are not those of its
    /// events.
    pub fn checkpoint(
        &self,
        ledger: &mut dyn Ledger,
        new_key: bool,
    ) -> Result<Option<Last>, AuditError> {
        let journal = ledger.journal();
        let last = self.last(journal)?;
        let head = journal.head();
        if last.as_ref().is_some_and(|last| last.at == head) {
            return Ok(None);
        }
        let Some(log_id) = journal.state().log_id else {
            return Err(AuditError::Nothing(
                "the log is empty and has no identity yet; `mizan sync` begins it".to_owned(),
            ));
        };
        let origin = origin_of(&log_id);
        let key = self.key(&origin, last.is_some() && !new_key)?;
        let root = journal.with_log(|log: &dyn EventLog| log.root(head))?;
        let checkpoint = Checkpoint { origin, size: head.0, root };
        let note = key.sign(&checkpoint).to_string();
        let (size, root) = (head.0, ContentHash(root.0));
        ledger.append(vec![Fact::Checkpointed { size, root, note }])?;
        let made = self.last(ledger.journal())?;
        if let Some(made) = &made {
            // Without the hint the log is read again; nothing depends on it.
            let _only_a_hint = fs::write(self.hint(), format!("{}\n", made.at));
        }
        Ok(made)
    }

    /// The signing key; a new one where none was ever used.
    fn key(&self, origin: &str, used_before: bool) -> Result<SigningKey, AuditError> {
        let path = self.key_path();
        if path.exists() {
            let key = SigningKey::load(&path, origin)?;
            key.publish(&path)?;
            return Ok(key);
        }
        if used_before {
            return Err(AuditError::Key {
                path,
                why: "is missing, although it signed the checkpoints before. Put it back; or, if it is lost, make a new \
                      one with `mizan audit checkpoint --new-key` and tell whoever checks the log"
                    .to_owned(),
            });
        }
        SigningKey::create(&path, origin)
    }

    fn hint(&self) -> PathBuf {
        self.log.join("audited")
    }
}

fn last_of(event: &Event) -> Option<Last> {
    if let Fact::Checkpointed { size, root, note } = &event.fact {
        let (at, time, size, root, note) = (event.seq, event.at, *size, *root, note.clone());
        Some(Last { at, time, size, root, note })
    } else {
        None
    }
}

/// Makes a checkpoint if one is wanted and gives anchors what they do not have yet; never fails a sync.
///
/// `stopping` makes one for whatever is new, otherwise the cadence of the configuration decides.
pub async fn keep(keeper: &Keeper, ledger: &mut dyn Ledger, stopping: bool) -> Kept {
    let mut kept = Kept::default();
    if !keeper.settings.checkpoints {
        return kept;
    }
    let now = SystemClock.now();
    let due = if stopping { Ok(true) } else { keeper.is_due(ledger.journal(), now) };
    let made = due.and_then(|due| if due { keeper.checkpoint(ledger, false) } else { Ok(None) });
    match made {
        Ok(made) => kept.made = made,
        Err(error) => {
            kept.problem = Some(error);
            return kept;
        }
    }
    if !keeper.settings.anchors.is_empty() {
        match keeper.last(ledger.journal()) {
            Ok(Some(last)) => kept.anchored = deliver_pending(keeper, &last, false).await,
            Ok(None) => {}
            Err(error) => kept.problem = Some(error),
        }
    }
    kept
}

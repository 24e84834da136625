//! Table: events as rows of CSV, for spreadsheets and analysts.

use crate::engine::{EngineError, Journal};
use mizan_core::event::Subject;
use mizan_core::fold::{State, fold};
use mizan_core::{CommandId, Event, Fact, Name, RecordId, Seq, SideId, Value};
use std::collections::BTreeMap;
use std::io::Write;
use std::ops::ControlFlow;

/// The columns, in their order.
pub const COLUMNS: [&str; 8] =
    ["position", "at", "kind", "entity", "record", "side", "row", "fact"];

/// Why a table was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The log failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The file failed.
    #[error("the table could not be written: {0}")]
    Write(#[from] csv::Error),
    /// The file failed at its end.
    #[error("the table could not be written: {0}")]
    Io(#[from] std::io::Error),
}

/// Writes the events `from..=to` as CSV, one a row, after a row of names; returns how many.
///
/// The last column is the whole fact as JSON, as `mizan log --json` prints it. `progress` is told the position that is
/// reached, now and then.
///
/// # Errors
/// When the log cannot be read or the file cannot be written.
pub fn write_csv(
    journal: &Journal,
    (from, to): (Seq, Seq),
    out: &mut dyn Write,
    progress: &mut dyn FnMut(Seq),
) -> Result<u64, TableError> {
    let mut table = csv::Writer::from_writer(out);
    table.write_record(COLUMNS)?;
    let (mut state, mut about) = (State::default(), BTreeMap::new());
    let (mut rows, mut failed) = (0, None);
    journal.try_each_event(Seq(0), &mut |event| {
        if event.seq > to {
            return Ok(ControlFlow::Break(()));
        }
        if let Fact::Intent { command } = &event.fact {
            let what = (command.entity.clone(), command.record, command.side.clone());
            about.insert(command.id, what);
        }
        fold(&mut state, event)?;
        if event.seq >= from {
            if let Err(error) = table.write_record(row(event, &state, &about)) {
                failed = Some(error);
                return Ok(ControlFlow::Break(()));
            }
            rows += 1;
        }
        if event.seq.0.is_multiple_of(1_024) {
            progress(event.seq);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    if let Some(error) = failed {
        return Err(error.into());
    }
    table.flush()?;
    Ok(rows)
}

type Commands = BTreeMap<CommandId, (Name, RecordId, SideId)>;

fn row(event: &Event, state: &State, about: &Commands) -> [String; 8] {
    let mut cells = Cells::default();
    cells.fill(&event.fact, state, about);
    let Cells { entity, record, side, row } = cells;
    let fact = serde_json::to_string(&event.fact).unwrap_or_default();
    let at = Value::Instant(event.at.0).to_string();
    [event.seq.to_string(), at, event.fact.kind().to_owned(), entity, record, side, row, fact]
}

#[derive(Default)]
struct Cells {
    entity: String,
    record: String,
    side: String,
    row: String,
}

impl Cells {
    fn of_record(&mut self, id: RecordId, state: &State) {
        self.record = id.to_string();
        self.entity = state.record(id).map(|one| one.entity.to_string()).unwrap_or_default();
    }

    fn of_row(&mut self, entity: &Name, side: &SideId, row: &str, state: &State) {
        self.entity = entity.to_string();
        self.side = side.to_string();
        row.clone_into(&mut self.row);
        let record = state.record_of(entity, side, &mizan_core::Ext::new(row));
        self.record = record.map(|id| id.to_string()).unwrap_or_default();
    }

    fn fill(&mut self, fact: &Fact, state: &State, about: &Commands) {
        match fact {
            Fact::Observed { entity, side, ext, .. } | Fact::Linked { entity, side, ext, .. } => {
                self.of_row(entity, side, ext.as_str(), state);
            }
            Fact::Parked { subject, .. } | Fact::Unparked { subject, .. } => match subject {
                Subject::Record(id) => self.of_record(*id, state),
                Subject::Row { entity, side, ext } => {
                    self.of_row(entity, side, ext.as_str(), state);
                }
            },
            Fact::Decided { record, .. }
            | Fact::Resolved { record, .. }
            | Fact::Unresolved { record, .. }
            | Fact::Erased { record, .. }
            | Fact::Shadowed { record, .. } => self.of_record(*record, state),
            Fact::Forked { from, .. } => self.of_record(*from, state),
            Fact::Intent { command } => {
                self.of_record(command.record, state);
                self.side = command.side.to_string();
                let ext = command.operation.ext();
                self.row = ext.map(ToString::to_string).unwrap_or_default();
            }
            Fact::Done { command, ext, .. } => {
                self.of_command(command, about);
                self.row = ext.to_string();
            }
            Fact::Deleted { command }
            | Fact::Refused { command, .. }
            | Fact::Withdrawn { command, .. }
            | Fact::Drifted { command, .. } => self.of_command(command, about),
            Fact::Cursor { side, entity, .. }
            | Fact::Swept { side, entity, .. }
            | Fact::Unreadable { side, entity, .. }
            | Fact::Readable { side, entity, .. } => {
                (self.side, self.entity) = (side.to_string(), entity.to_string());
            }
            Fact::SideAttached { side } => self.side = side.to_string(),
            Fact::EntityDeclared { entity, .. }
            | Fact::PolicySet { entity, .. }
            | Fact::Redecided { entity, .. } => self.entity = entity.to_string(),
            Fact::Opened { .. } | Fact::Approved { .. } | Fact::Checkpointed { .. } => {}
        }
    }

    fn of_command(&mut self, command: &CommandId, about: &Commands) {
        if let Some((entity, record, side)) = about.get(command) {
            self.entity = entity.to_string();
            self.record = record.to_string();
            self.side = side.to_string();
        }
    }
}

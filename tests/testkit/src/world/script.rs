//! What a scenario has planned: troubles that happen once, and deeds of users at chosen moments.

use super::World;
use std::fmt;
use std::sync::Arc;

/// Something that goes wrong on a side, once, the next time that it can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A write is lost on its way, and nobody knows.
    RequestLost,
    /// A write is given up, and arrives after all a moment later.
    RequestLate,
    /// A write is done and its answer is lost.
    AnswerLost,
    /// A write surely does not leave, as with a 429 or without a connection.
    NotSent,
    /// A read does not leave, as with a side that is down.
    Down,
    /// A write is refused for want of credentials.
    Unauthorized,
    /// A write is refused: the row is locked.
    Locked,
    /// A write is refused: the side's rules do not allow the values.
    Invalid,
    /// The first page of a listing cannot be read.
    ListFails,
    /// The second page of a listing cannot be read.
    SecondPageFails,
    /// A listing ends after its first row, and says that it was cut.
    ListCut,
    /// A listing is empty, and says that it is complete.
    ListEmpty,
    /// A listing shows the side as it was 50 ms ago.
    ListStale,
    /// The last row of a listing is left out, and it says that it is complete.
    RowLeftOut,
    /// A direct read fails.
    GetFails,
    /// A direct read says of a row that is there that it is not found.
    GetHides,
    /// A row of a listing cannot be read.
    RowUnreadable,
}

/// When a user acts, as seen from our next request to the side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// After our read and before our write arrives.
    BeforeWrite,
    /// After our write and before its answer.
    AfterWrite,
    /// Before the second page of a listing is read.
    BetweenPages,
    /// Before a row is read directly.
    BeforeGet,
}

/// A user's deed.
type Deed = Arc<dyn Fn(&mut World) + Send + Sync>;

/// Everything that is planned.
#[derive(Clone, Default)]
pub(crate) struct Script {
    troubles: Vec<(usize, Trouble)>,
    deeds: Vec<(usize, Moment, Deed)>,
    /// Rows on a page; random where nothing is said.
    pub(crate) page_size: Option<usize>,
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("troubles", &self.troubles).finish_non_exhaustive()
    }
}

impl World {
    /// Plans a trouble.
    pub fn plan_trouble(&mut self, side: usize, trouble: Trouble) {
        self.script.troubles.push((side, trouble));
    }

    /// Plans a user's deed.
    pub fn plan_deed(
        &mut self,
        side: usize,
        moment: Moment,
        deed: impl Fn(&mut Self) + Send + Sync + 'static,
    ) {
        self.script.deeds.push((side, moment, Arc::new(deed)));
    }

    /// What was planned and has not happened: a scenario that expects something else than it says.
    #[must_use]
    pub fn planned(&self) -> Vec<String> {
        let troubles = self.script.troubles.iter();
        let troubles = troubles.map(|(side, what)| format!("{what:?} on {}", self.sides[*side].id));
        let deeds = self.script.deeds.iter();
        let deeds = deeds.map(|(side, when, _)| format!("{when:?} on {}", self.sides[*side].id));
        troubles.chain(deeds).collect()
    }

    /// True once for each time that the trouble was planned.
    pub(crate) fn befalls(&mut self, side: usize, trouble: Trouble) -> bool {
        let planned = self.script.troubles.iter().position(|one| *one == (side, trouble));
        let Some(at) = planned else { return false };
        self.script.troubles.remove(at);
        let id = self.side_id(side);
        self.tell(|| format!("{trouble:?} on {id}"));
        true
    }

    /// Users do what was planned for this moment.
    pub(crate) fn meanwhile(&mut self, side: usize, moment: Moment) {
        let due = |one: &(usize, Moment, Deed)| one.0 == side && one.1 == moment;
        while let Some(at) = self.script.deeds.iter().position(due) {
            let (_, _, deed) = self.script.deeds.remove(at);
            deed(self);
        }
    }
}

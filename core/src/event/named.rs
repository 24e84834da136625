//! What an event names by its hash: the bodies that must be there for it to be understood.

use super::Fact;
use crate::ContentHash;
use crate::command::Operation;
use crate::fold::empty_image;

impl Fact {
    /// Calls `visit` for each body that this fact names, in the order of its parts; one may come more than once.
    ///
    /// The image of which nothing is known is not among them: it is never stored. What [`Fact::Erased`] lists is not
    /// either: it says what is gone.
    ///
    /// ```
    /// use mizan_core::{ContentHash, Fact};
    /// let rules = ContentHash::of("mizan.schema.v1", b"{}");
    /// let fact = Fact::PolicySet { entity: "product".into(), policy: "declared/1".into(), params: rules };
    /// let mut named = Vec::new();
    /// fact.each_body(&mut |hash| named.push(*hash));
    /// assert_eq!(named, [rules]);
    /// ```
    pub fn each_body(&self, visit: &mut dyn FnMut(&ContentHash)) {
        let nothing = empty_image();
        let mut visit = |hash: &ContentHash| {
            if *hash != nothing {
                visit(hash);
            }
        };
        match self {
            Self::PolicySet { params, .. } | Self::Shadowed { params, .. } => visit(params),
            Self::Observed { seen, .. } => seen.iter().for_each(visit),
            Self::Decided { decision, .. } => {
                visit(&decision.merged);
                decision.sides.iter().for_each(|after| visit(&after.base));
            }
            Self::Intent { command } => {
                match &command.operation {
                    Operation::Create => {}
                    Operation::Update { expect, .. } | Operation::Delete { expect, .. } => {
                        visit(expect);
                    }
                }
                visit(&command.set);
            }
            Self::Done { seen, base, .. } => {
                visit(seen);
                visit(base);
            }
            Self::Forked { merged, .. } => visit(merged),
            Self::Opened { .. }
            | Self::SideAttached { .. }
            | Self::EntityDeclared { .. }
            | Self::Cursor { .. }
            | Self::Swept { .. }
            | Self::Linked { .. }
            | Self::Deleted { .. }
            | Self::Refused { .. }
            | Self::Withdrawn { .. }
            | Self::Parked { .. }
            | Self::Unparked { .. }
            | Self::Resolved { .. }
            | Self::Unresolved { .. }
            | Self::Redecided { .. }
            | Self::Approved { .. }
            | Self::Drifted { .. }
            | Self::Unreadable { .. }
            | Self::Readable { .. }
            | Self::Checkpointed { .. }
            | Self::Erased { .. } => {}
        }
    }
}

//! The writes that follow from an undo.

use super::super::{Action, Because, Restored, Send};
use super::Subject;
use mizan_core::compare::expected;
use mizan_core::fold::Presence;
use mizan_core::{Image, SideId};

impl Subject<'_> {
    /// The writes that follow.
    pub(super) fn sends(&self, action: &Action) -> Vec<Send> {
        let mut sends = Vec::new();
        for (side, on) in &self.entity.sides {
            let slot = self.now.slots.get(side);
            let here = slot.filter(|slot| slot.presence == Presence::Here);
            let ext = here.and_then(|slot| slot.ext.clone());
            let send = match action {
                Action::Restore { fields } if here.is_some() => {
                    let sets = self.sets(side, fields, false);
                    (!sets.is_empty()).then_some(("update", sets))
                }
                Action::Delete if here.is_some() && on.deletes => {
                    Some(("delete", Image::default()))
                }
                Action::CreateAgain { fields } => match here {
                    None if on.creates => {
                        Some(("create", self.sets(side, &self.all(fields), true)))
                    }
                    None => None,
                    Some(_) => {
                        let sets = self.sets(side, fields, false);
                        (!sets.is_empty()).then_some(("update", sets))
                    }
                },
                Action::Restore { .. }
                | Action::Delete
                | Action::Correct { .. }
                | Action::Leave => None,
            };
            if let Some((verb, sets)) = send {
                sends.push(Send { side: side.clone(), ext, verb, sets });
            }
        }
        sends
    }

    /// Of a record that is created again, also what it still holds.
    fn all(&self, fields: &[Restored]) -> Vec<Restored> {
        let [_, _, now] = &self.images;
        let held = now.iter().filter(|(name, value)| {
            !value.is_null() && !fields.iter().any(|one| one.field == **name)
        });
        let held = held.map(|(name, value)| Restored {
            field: name.clone(),
            from: value.clone(),
            to: value.clone(),
            because: Because::HeldBefore,
        });
        held.chain(fields.iter().cloned()).collect()
    }

    fn sets(&self, side: &SideId, fields: &[Restored], creating: bool) -> Image {
        let mut sets = Image::default();
        for one in fields {
            let field = self.entity.fields.iter().find(|field| field.name == one.field);
            let Some(field) = field.filter(|field| field.writable_on(side, creating)) else {
                continue;
            };
            if (creating && !one.to.is_null()) || (!creating && self.differs(side, field, &one.to))
            {
                let form = expected(self.journal.state(), field, side, &one.to);
                sets.set(&one.field, form.unwrap_or_else(|| one.to.clone()));
            }
        }
        sets
    }
}

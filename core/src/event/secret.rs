//! The secret part of an event: the values in it, apart from everything that the fold needs.

use super::{Choice, Event, Fact, FieldDecision};
use crate::Value;
use crate::wire::{Reader, WireError, Writer};

/// What an event says in values and in people's words; the rest of it is hashes, names, counters and ids.
///
/// ```
/// use mizan_core::event::{Choice, Secret};
/// use mizan_core::{Event, Fact, RecordId, Seq, Timestamp, Value};
/// let fact = Fact::Resolved {
///     record: RecordId(0),
///     choices: vec![("email".into(), Choice::Value(Value::text("huda@example.com")))],
///     keep: None,
///     by: "sami".to_owned(),
///     why: "she said so".to_owned(),
/// };
/// let event = Event { seq: Seq(9), at: Timestamp(0), fact };
/// let (structure, secret) = event.split();
/// let secret = secret.expect("there is something to hide");
/// assert!(!format!("{structure:?}").contains("huda"));
/// assert_eq!(Secret::from_bytes(&secret.to_bytes()).unwrap(), secret);
/// assert_eq!(structure.join(&secret), Some(event));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secret {
    values: Vec<Value>,
    texts: Vec<String>,
}

/// One thing to hide, where it stands.
enum Part<'f> {
    Value(&'f mut Value),
    Text(&'f mut String),
}

impl Event {
    /// The event without its values, and the values; `None` where it has none to hide.
    ///
    /// Folding the structure gives the state that folding the event gives, except for three things that the state
    /// keeps for people or for the next decision: the words of a refusal, why something cannot be read, and a value
    /// that a person chose and that was not used yet.
    #[must_use]
    pub fn split(&self) -> (Self, Option<Secret>) {
        let (mut structure, mut secret) = (self.clone(), Secret::default());
        each_part(&mut structure.fact, &mut |part| match part {
            Part::Value(value) => secret.values.push(std::mem::replace(value, Value::Null)),
            Part::Text(text) => secret.texts.push(std::mem::take(text)),
        });
        let hides = secret.values.iter().any(|value| !value.is_null())
            || secret.texts.iter().any(|text| !text.is_empty());
        (structure, hides.then_some(secret))
    }

    /// Puts the values back; `None` where they are not those of this event.
    #[must_use]
    pub fn join(&self, secret: &Secret) -> Option<Self> {
        let mut event = self.clone();
        let (mut values, mut texts) = (secret.values.iter(), secret.texts.iter());
        let mut fits = true;
        each_part(&mut event.fact, &mut |part| match part {
            Part::Value(value) => match values.next() {
                Some(hidden) => *value = hidden.clone(),
                None => fits = false,
            },
            Part::Text(text) => match texts.next() {
                Some(hidden) => text.clone_from(hidden),
                None => fits = false,
            },
        });
        let over = values.next().is_some() || texts.next().is_some();
        (fits && !over).then_some(event)
    }
}

impl Secret {
    /// The bytes that are sealed.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.list(&self.values, Writer::value);
        out.list(&self.texts, |out, text| out.text(text));
        out.0
    }

    /// Reads them.
    ///
    /// # Errors
    /// When the bytes are not what [`Secret::to_bytes`] writes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(bytes);
        let values = reader.list(Reader::value)?;
        let texts = reader.list(|reader| Ok(reader.text()?.to_owned()))?;
        reader.end()?;
        Ok(Self { values, texts })
    }
}

impl Fact {
    /// Changes each value, and each text in people's words, where it stands: what a fact says in other words.
    ///
    /// ```
    /// use mizan_core::{CommandId, ContentHash, Fact};
    /// use mizan_core::event::RefusedBy;
    /// let (command, why) = (CommandId(ContentHash([0; 32])), RefusedBy::Rules);
    /// let mut fact = Fact::Refused { command, why, message: "Huda is too young".to_owned() };
    /// fact.reword(&mut |_| {}, &mut |text| *text = "...".to_owned());
    /// assert_eq!(fact, Fact::Refused { command, why, message: "...".to_owned() });
    /// ```
    pub fn reword(&mut self, value: &mut dyn FnMut(&mut Value), text: &mut dyn FnMut(&mut String)) {
        each_part(self, &mut |part| match part {
            Part::Value(one) => value(one),
            Part::Text(one) => text(one),
        });
    }
}

/// Every value and every text in people's words, in an order that depends on the structure alone.
fn each_part(fact: &mut Fact, visit: &mut dyn FnMut(Part<'_>)) {
    match fact {
        Fact::Decided { decision, .. } => each_value(&mut decision.fields, visit),
        Fact::Shadowed { fields, .. } => each_value(fields, visit),
        Fact::Resolved { choices, why, .. } => {
            for (_, choice) in choices {
                match choice {
                    Choice::Value(value) => visit(Part::Value(value)),
                    Choice::Side(_) | Choice::Skip => {}
                }
            }
            visit(Part::Text(why));
        }
        Fact::Unresolved { why, .. } | Fact::Unreadable { why, .. } => visit(Part::Text(why)),
        Fact::Refused { message, .. } => visit(Part::Text(message)),
        Fact::Opened { .. }
        | Fact::SideAttached { .. }
        | Fact::EntityDeclared { .. }
        | Fact::PolicySet { .. }
        | Fact::Observed { .. }
        | Fact::Cursor { .. }
        | Fact::Swept { .. }
        | Fact::Linked { .. }
        | Fact::Intent { .. }
        | Fact::Done { .. }
        | Fact::Deleted { .. }
        | Fact::Withdrawn { .. }
        | Fact::Parked { .. }
        | Fact::Unparked { .. }
        | Fact::Forked { .. }
        | Fact::Redecided { .. }
        | Fact::Approved { .. }
        | Fact::Drifted { .. }
        | Fact::Readable { .. }
        | Fact::Checkpointed { .. }
        | Fact::Erased { .. } => {}
    }
}

fn each_value(fields: &mut [FieldDecision], visit: &mut dyn FnMut(Part<'_>)) {
    for field in fields {
        visit(Part::Value(&mut field.value));
        field.losers.iter_mut().for_each(|loser| visit(Part::Value(&mut loser.value)));
    }
}

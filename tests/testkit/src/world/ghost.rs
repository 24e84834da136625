//! Ghost state: which user wrote what over what. The engine never sees it.

use chrono::Datelike;
use mizan_core::{Name, Value};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use std::collections::{BTreeMap, BTreeSet};

/// One value that a user wrote.
#[derive(Clone, Debug)]
pub struct Write {
    /// Into which thing.
    pub thing: usize,
    /// Into which field.
    pub field: Name,
    /// On which side.
    pub side: usize,
    /// Another side owns the field: the write is to be reverted.
    pub overrides: bool,
}

/// A deletion by a user.
#[derive(Clone, Debug)]
pub struct Deletion {
    /// Where.
    pub side: usize,
    /// The writes that the row contained.
    pub saw: BTreeSet<u32>,
    /// The movements of its stock that the row contained.
    pub moves: i64,
    /// When.
    pub at: i64,
}

/// One thing of the world: a customer or an order, on whichever sides it is.
#[derive(Clone, Debug)]
pub struct Thing {
    /// Its entity.
    pub entity: Name,
    /// The sides on which a user made a row of it.
    pub made_on: Vec<usize>,
    /// Its deletions.
    pub deletions: Vec<Deletion>,
    /// Its first stock.
    pub stock: i64,
    /// The sum of all movements by users.
    pub moved: i64,
    /// How often it was moved.
    pub moves: u32,
    /// A write to it was in doubt at some time.
    pub doubtful: bool,
    /// A user wrote a value that some side refuses.
    pub poisoned: bool,
    /// A field of it was missing in some answer.
    pub dropped: bool,
    /// Two rows of it may exist on one side through no fault of the engine.
    pub ambiguous: bool,
    /// Things that referred to it at some time.
    pub children: BTreeSet<usize>,
    /// It is the copy of another thing, made where both values of a conflict are kept.
    pub copy: bool,
    /// What users put into its set.
    pub added: BTreeSet<Value>,
    /// What users took out of its set.
    pub removed: BTreeSet<Value>,
    /// What its grouped fields were, together, wherever and whenever a user saw a row of it that he had written to.
    pub together: BTreeSet<Vec<Value>>,
}

impl Thing {
    /// A thing that nothing has happened to.
    #[must_use]
    pub fn new(entity: Name, made_on: Vec<usize>) -> Self {
        Self {
            entity,
            made_on,
            deletions: Vec::new(),
            stock: 100,
            moved: 0,
            moves: 0,
            doubtful: false,
            poisoned: false,
            dropped: false,
            ambiguous: false,
            children: BTreeSet::new(),
            copy: false,
            added: BTreeSet::new(),
            removed: BTreeSet::new(),
            together: BTreeSet::new(),
        }
    }
}

/// What users did.
#[derive(Clone, Debug, Default)]
pub struct Ghost {
    /// All things.
    pub things: Vec<Thing>,
    /// All writes; the first has tag 1.
    pub writes: Vec<Write>,
    /// The writes that replaced a write.
    pub after: BTreeMap<u32, BTreeSet<u32>>,
    /// Tags that were put back by an undo: their order has circles.
    pub looped: BTreeSet<u32>,
    /// Tags that some answer has shown.
    pub shown: BTreeSet<u32>,
    /// Tags that were in a row at some time; a late edit of a row that is gone never was.
    pub stored: BTreeSet<u32>,
    /// How many things were put into sets.
    pub sorted: u32,
    /// What a side stored of a write that was made there, by tag and side.
    pub stored_as: BTreeMap<(u32, usize), Value>,
    empty: BTreeMap<(usize, Name), u32>,
    named: BTreeMap<(usize, Name, Value), u32>,
}

impl Ghost {
    /// Notes a write and gives it its tag.
    pub fn write(&mut self, thing: usize, field: &Name, side: usize, overrides: bool) -> u32 {
        self.writes.push(Write { thing, field: field.clone(), side, overrides });
        u32::try_from(self.writes.len()).unwrap_or(u32::MAX)
    }

    /// The tag of emptying a field.
    pub fn emptied(&mut self, thing: usize, field: &Name, side: usize, overrides: bool) -> u32 {
        if let Some(tag) = self.empty.get(&(thing, field.clone())) {
            return *tag;
        }
        let tag = self.write(thing, field, side, overrides);
        // A field may be empty for other reasons too, so its order is not certain.
        self.looped.insert(tag);
        self.empty.insert((thing, field.clone()), tag);
        tag
    }

    /// Gives a value of a scenario its tag, in each of the forms in which sides store it.
    ///
    /// A value that the field had before, in any of its forms, is the same value come back.
    pub fn name(&mut self, write: Write, forms: &[Value]) -> u32 {
        let (thing, field) = (write.thing, write.field.clone());
        let key = |form: &Value| (thing, field.clone(), form.clone());
        let known = forms.iter().find_map(|form| self.named.get(&key(form))).copied();
        let tag = match known {
            Some(tag) => {
                self.looped.insert(tag);
                tag
            }
            None => self.write(thing, &field, write.side, write.overrides),
        };
        for form in forms {
            self.named.entry(key(form)).or_insert(tag);
        }
        tag
    }

    /// True for the tag of emptying a field.
    #[must_use]
    pub fn is_empty_tag(&self, tag: u32) -> bool {
        self.empty.values().any(|one| *one == tag)
    }

    /// Notes that a write came to be on a side, as this value.
    pub fn made(&mut self, tag: u32, side: usize, value: &Value) {
        self.stored.insert(tag);
        self.stored_as.entry((tag, side)).or_insert_with(|| value.clone());
    }

    /// The write that a tag names.
    #[must_use]
    pub fn of(&self, tag: u32) -> Option<&Write> {
        self.writes.get(usize::try_from(tag).ok()?.checked_sub(1)?)
    }

    /// Notes that a write replaced another.
    pub fn replaced(&mut self, old: Option<u32>, new: u32) {
        if let Some(old) = old
            && old != new
        {
            self.after.entry(old).or_default().insert(new);
        }
    }

    /// The tag of a value of a thing's field, through any normaliser.
    #[must_use]
    pub fn tag(&self, thing: usize, field: &str, value: &Value) -> Option<u32> {
        let named = self.named.get(&(thing, Name::new(field), value.clone()));
        if let Some(tag) = named {
            return Some(*tag);
        }
        let tag = match value {
            Value::Null => return self.empty.get(&(thing, Name::new(field))).copied(),
            Value::Text(text) => {
                let digits = text.trim().strip_prefix('v')?;
                let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
                digits[..end].parse().ok()?
            }
            Value::Decimal(number) => number.trunc().to_u32()?,
            Value::Date(day) => {
                u32::try_from(day.num_days_from_ce() - super::own::DAY_ZERO).ok()?
            }
            Value::Instant(ms) => u32::try_from(ms.div_euclid(super::own::MOMENT_MS)).ok()?,
            Value::Bool(_) | Value::List(_) | Value::Map(_) | Value::Ref(_) => return None,
        };
        let write = self.of(tag)?;
        (write.thing == thing && write.field == field).then_some(tag)
    }

    /// True where `old` is `new` or was replaced by it, through any chain.
    #[must_use]
    pub fn reaches(&self, old: u32, new: u32) -> bool {
        self.chained(old, new, true)
    }

    /// As [`Ghost::reaches`], and no write in the chain was made more than once.
    #[must_use]
    pub fn surely_saw(&self, old: u32, new: u32) -> bool {
        self.chained(old, new, false)
    }

    fn chained(&self, old: u32, new: u32, loops: bool) -> bool {
        let mut seen = BTreeSet::from([old]);
        let mut open = vec![old];
        while let Some(tag) = open.pop() {
            if tag == new {
                return true;
            }
            if !loops && self.looped.contains(&tag) {
                continue;
            }
            for next in self.after.get(&tag).into_iter().flatten() {
                if seen.insert(*next) {
                    open.push(*next);
                }
            }
        }
        false
    }

    /// True where a write is contained in one of `roots`.
    #[must_use]
    pub fn covered(&self, tag: u32, roots: &BTreeSet<u32>) -> bool {
        roots.iter().any(|root| self.reaches(tag, *root))
    }
}

/// The value that carries a tag: recoverable after trimming, cutting and rounding.
#[must_use]
pub(super) fn tagged(tag: u32, decimal: bool, spice: usize) -> Value {
    if decimal {
        let thousandths = [0u32, 500, 125, 375, 10, 5, 945][spice % 7];
        return Value::decimal(Decimal::new(i64::from(tag) * 1000 + i64::from(thousandths), 3));
    }
    let tail = ["", " ", " and some more", "  x", "\t", ""][spice % 6];
    Value::text(format!("v{tag}{tail}"))
}

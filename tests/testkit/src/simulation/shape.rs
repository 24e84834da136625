//! Entities in a few words, for simulations of a set-up of the user's own.

use mizan_core::{
    DeletePolicy, Entity, EntityOnSide, Field, FieldOnSide, Meaning, Name, Rivalry, SideId, Type,
};

/// An entity, on every side of a simulation: its key, its fields, and how their conflicts are decided.
///
/// ```
/// use mizan_core::{Rivalry, SideId};
/// use mizan_testkit::simulation::Shape;
/// let order = Shape::of("order")
///     .key("number")
///     .refers("customer", "customer")
///     .decimal("total")
///     .rivalry(Rivalry::Greatest)
///     .counter("stock");
/// # let _ = order;
/// ```
#[derive(Clone, Debug)]
pub struct Shape {
    name: Name,
    key: Vec<Name>,
    fields: Vec<Field>,
    on_delete: DeletePolicy,
}

impl Shape {
    /// An entity without fields.
    #[must_use]
    pub fn of(name: &str) -> Self {
        let on_delete = DeletePolicy::EditWins;
        Self { name: Name::new(name), key: Vec::new(), fields: Vec::new(), on_delete }
    }

    /// A text that identifies a record on first sight; several make one key together.
    #[must_use]
    pub fn key(mut self, name: &str) -> Self {
        self.key.push(Name::new(name));
        self.field(name, Type::Text)
    }

    /// A text.
    #[must_use]
    pub fn text(self, name: &str) -> Self {
        self.field(name, Type::Text)
    }

    /// An exact decimal.
    #[must_use]
    pub fn decimal(self, name: &str) -> Self {
        self.field(name, Type::Decimal)
    }

    /// A reference to another entity.
    #[must_use]
    pub fn refers(self, name: &str, to: &str) -> Self {
        self.field(name, Type::Ref(Name::new(to)))
    }

    /// A decimal of which movements count, not totals.
    #[must_use]
    pub fn counter(mut self, name: &str) -> Self {
        self = self.field(name, Type::Decimal);
        self.last(|field| field.meaning = Meaning::Counter)
    }

    /// A field of any type.
    #[must_use]
    pub fn field(mut self, name: &str, kind: Type) -> Self {
        self.fields.push(Field::new(name, kind));
        self
    }

    /// Who wins conflicts in the field named last; a person, if nothing is said.
    #[must_use]
    pub fn rivalry(self, rivalry: Rivalry) -> Self {
        self.last(|field| field.rivalry = rivalry)
    }

    /// The side that owns the field named last.
    #[must_use]
    pub fn owner(self, side: &str) -> Self {
        self.last(|field| field.owner = Some(SideId::new(side)))
    }

    /// Delete against edit; the edit wins, if nothing is said.
    #[must_use]
    pub fn on_delete(mut self, policy: DeletePolicy) -> Self {
        self.on_delete = policy;
        self
    }

    fn last(mut self, change: impl FnOnce(&mut Field)) -> Self {
        if let Some(field) = self.fields.last_mut() {
            change(field);
        }
        self
    }

    /// The entity on these sides, of which each may create, update and perhaps delete rows.
    pub(super) fn on(self, sides: &[(SideId, bool)]) -> Entity {
        let whole = FieldOnSide { writable: true, ..FieldOnSide::default() };
        let mut fields = self.fields;
        for field in &mut fields {
            field.sides = sides.iter().map(|(side, _)| (side.clone(), whole.clone())).collect();
        }
        let on =
            |deletes: bool| EntityOnSide { creates: true, updates: true, deletes, clock_ms: None };
        Entity {
            name: self.name,
            fields,
            key: self.key,
            sides: sides.iter().map(|(side, deletes)| (side.clone(), on(*deletes))).collect(),
            on_delete: self.on_delete,
            copies: None,
        }
    }
}

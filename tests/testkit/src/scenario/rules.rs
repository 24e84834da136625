//! What a scenario's sides are like, and who decides.

use super::{Scenario, start};
use crate::setup::{CUSTOMER, ORDER, Setup};
use crate::vices::{Vice, Vices};
use crate::{Faults, Offers, Profile};
use mizan_core::check::Limits;
use mizan_core::{
    DeletePolicy, Entity, EntityOnSide, Field, FieldOnSide, Meaning, Name, Normaliser, Rivalry,
    Rule, Schema, SideId, Type,
};
use std::collections::BTreeMap;

/// The rules of a scenario; to begin with, two sides that offer everything, conflicts are a person's business, and an
/// edit wins over a delete.
///
/// ```
/// use mizan_core::{DeletePolicy, Rule};
/// use mizan_testkit::scenario::{A, B, Rules};
/// let rules = Rules::new().prefers(A).on_delete(DeletePolicy::Park).stores(B, "name", vec![Rule::Trim]);
/// rules.begin().ends();
/// ```
#[derive(Clone, Debug)]
pub struct Rules {
    sides: Vec<(SideId, Offers)>,
    entities: Vec<Entity>,
    vices: Vec<(usize, Vice)>,
    limits: Option<Limits>,
    page_size: usize,
    sweep_first_only: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self::new()
    }
}

impl Rules {
    /// Two sides, A and B.
    #[must_use]
    pub fn new() -> Self {
        Self::between(2)
    }

    /// So many sides, at most four.
    #[must_use]
    pub fn between(sides: usize) -> Self {
        let names = ["A", "B", "C", "D"].iter().take(sides);
        let sides: Vec<(SideId, Offers)> =
            names.map(|name| (SideId::new(name), Offers::FULL)).collect();
        let customer = [
            Field::new("email", Type::Text),
            Field::new("name", Type::Text),
            Field::new("note", Type::Text),
            Field::new("phone", Type::Text),
            Field::new("credit", Type::Decimal),
        ];
        let stock = Field { meaning: Meaning::Counter, ..Field::new("stock", Type::Decimal) };
        let order = [
            Field::new("ref", Type::Text),
            Field::new("customer", Type::Ref(Name::new(CUSTOMER))),
            Field::new("qty", Type::Decimal),
            stock,
        ];
        let entity = |name: &str, key: &str| Entity {
            name: Name::new(name),
            fields: Vec::new(),
            key: vec![Name::new(key)],
            sides: sides.iter().map(|(side, _)| (side.clone(), everything())).collect(),
            on_delete: DeletePolicy::EditWins,
            copies: None,
        };
        let entities = vec![entity(CUSTOMER, "email"), entity(ORDER, "ref")];
        let rules = Self {
            sides,
            entities,
            vices: Vec::new(),
            limits: None,
            page_size: 100,
            sweep_first_only: false,
        };
        let rules = customer.into_iter().fold(rules, |rules, field| rules.field(CUSTOMER, field));
        order.into_iter().fold(rules, |rules, field| rules.field(ORDER, field))
    }

    /// Adds a field to an entity, on all sides.
    #[must_use]
    pub fn field(mut self, entity: &str, field: Field) -> Self {
        let on = FieldOnSide { writable: true, ..FieldOnSide::default() };
        let sides: BTreeMap<SideId, FieldOnSide> =
            self.sides.iter().map(|(side, _)| (side.clone(), on.clone())).collect();
        let of = self.entities.iter_mut().filter(|one| one.name == entity);
        of.for_each(|one| one.fields.push(Field { sides: sides.clone(), ..field.clone() }));
        self
    }

    /// Changes the entities themselves.
    #[must_use]
    pub fn entities(mut self, change: impl FnMut(&mut Entity)) -> Self {
        self.entities.iter_mut().for_each(change);
        self
    }

    fn fields(self, name: Option<&str>, mut change: impl FnMut(&mut Field)) -> Self {
        self.entities(|entity| {
            let fields = entity.fields.iter_mut();
            fields.filter(|one| name.is_none_or(|name| one.name == name)).for_each(&mut change);
        })
    }

    /// A side wins every conflict.
    #[must_use]
    pub fn prefers(self, side: usize) -> Self {
        let rivalry = Rivalry::Prefer(self.sides[side].0.clone());
        self.rivalry(&rivalry)
    }

    /// How every conflict is decided.
    #[must_use]
    pub fn rivalry(self, rivalry: &Rivalry) -> Self {
        self.fields(None, |field| field.rivalry = rivalry.clone())
    }

    /// How delete against edit is decided.
    #[must_use]
    pub fn on_delete(self, policy: DeletePolicy) -> Self {
        self.entities(|entity| entity.on_delete = policy)
    }

    /// A side owns a field.
    #[must_use]
    pub fn owner(self, name: &str, side: usize) -> Self {
        let owner = self.sides[side].0.clone();
        self.fields(Some(name), |field| field.owner = Some(owner.clone()))
    }

    /// What a side makes of a field's values, and says so.
    #[must_use]
    pub fn stores(self, side: usize, name: &str, rules: Vec<Rule>) -> Self {
        let id = self.sides[side].0.clone();
        self.fields(Some(name), |field| {
            if let Some(on) = field.sides.get_mut(&id) {
                on.normaliser = Normaliser(rules.clone());
            }
        })
    }

    /// A side's stamps may be compared with others', and are so exact.
    #[must_use]
    pub fn clock(self, side: usize, within_ms: u32) -> Self {
        let id = self.sides[side].0.clone();
        self.entities(|entity| {
            if let Some(on) = entity.sides.get_mut(&id) {
                on.clock_ms = Some(within_ms);
            }
        })
    }

    /// What a side offers.
    #[must_use]
    pub fn offers(mut self, side: usize, change: impl FnOnce(&mut Offers)) -> Self {
        change(&mut self.sides[side].1);
        self
    }

    /// A side has a vice.
    #[must_use]
    pub fn vice(mut self, side: usize, vice: Vice) -> Self {
        self.vices.push((side, vice));
        self
    }

    /// Guards; without this everything may be done without a person's approval.
    #[must_use]
    pub fn guards(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// Rows on a page of a listing; 100 where nothing is said.
    #[must_use]
    pub fn page_size(mut self, rows: usize) -> Self {
        self.page_size = rows;
        self
    }

    /// Only the first sync lists everything; later ones list what changed.
    #[must_use]
    pub fn sweeps_first_only(mut self) -> Self {
        self.sweep_first_only = true;
        self
    }

    /// Begins the story.
    ///
    /// # Panics
    /// When a change to the entities made the schema unsound.
    #[must_use]
    pub fn begin(self) -> Scenario {
        let names = self.sides.iter().map(|(side, _)| side.clone()).collect();
        let mut entities = self.entities;
        for entity in &mut entities {
            for (side, offers) in &self.sides {
                if let Some(on) = entity.sides.get_mut(side) {
                    on.deletes &= offers.delete;
                }
            }
        }
        let setup = Setup {
            sides: self.sides,
            faults: Faults::none(),
            schema: Schema::new(names, entities).expect("the scenario's schema is sound"),
            late_commits: false,
            silent_stock: false,
            sweep_first_only: self.sweep_first_only,
            replays_original: false,
            ..Setup::drawn(1, Profile::Full, 2)
        };
        let mut run = start(setup);
        if let Some(limits) = self.limits {
            run.settings.limits = limits;
        }
        let mut world = crate::look(&run.world);
        world.script.page_size = Some(self.page_size);
        for side in 0..world.sides.len() {
            let own = self.vices.iter().filter(|(of, _)| *of == side);
            let own: Vec<Vice> = own.map(|(_, vice)| *vice).collect();
            world.sides[side].vices = Vices::of(&own);
        }
        drop(world);
        Scenario::begin(run)
    }
}

fn everything() -> EntityOnSide {
    EntityOnSide { creates: true, updates: true, deletes: true, clock_ms: None }
}

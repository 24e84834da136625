//! A history's set-up: sides, schema, policies and how bad things are, all drawn from one seed.

use crate::profile::{Faults, Offers, Profile};
use crate::rng::SplitMix64;
use crate::world::Own;
use mizan_core::{
    DeletePolicy, Entity, EntityOnSide, Field, FieldOnSide, Meaning, Name, Normaliser, Rivalry,
    Rounding, Rule, Schema, SideId, Type,
};
use std::collections::BTreeMap;

/// Longest time between a change's stamp and its becoming visible, in milliseconds.
pub(crate) const LATE_MAX_MS: i64 = 60;
/// Longest lag of a stale listing, in milliseconds.
pub(crate) const LAG_MAX_MS: i64 = 60;
/// Longest time in which a write that was given up may still arrive, in milliseconds.
pub const VISIBLE_MS: i64 = 80;
/// The overlap window: lateness, lag and one unit of the stamps.
pub const WINDOW_MS: i64 = LATE_MAX_MS + LAG_MAX_MS + 1;

/// The entity that others refer to.
pub const CUSTOMER: &str = "customer";
/// The entity that refers to it.
pub const ORDER: &str = "order";

/// A side's name and what it offers.
pub(crate) type Offered = (SideId, Offers);

/// Everything about a history but its steps.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The seed that it was drawn from.
    pub seed: u64,
    /// The profile.
    pub profile: Profile,
    /// The sides' names and what they offer.
    pub sides: Vec<(SideId, Offers)>,
    /// Faults while the history runs.
    pub faults: Faults,
    /// The schema.
    pub schema: Schema,
    /// Changes that are late in showing are possible.
    pub late_commits: bool,
    /// Stock moves without moving the row's stamp.
    pub silent_stock: bool,
    /// Only the first sync lists everything; else every one does.
    pub sweep_first_only: bool,
    /// A repeated command is answered as the row was then, and not as it is now.
    pub replays_original: bool,
    /// What a simulation of the user's own says beyond the schema; its users act by the schema alone.
    pub own: Option<Own>,
}

impl Setup {
    /// Draws a set-up.
    #[must_use]
    pub fn drawn(seed: u64, profile: Profile, sides: usize) -> Self {
        let mut rng = SplitMix64::part(seed, 1);
        let names = ["A", "B", "C", "D"];
        let sides: Vec<(SideId, Offers)> = names
            .iter()
            .take(sides.clamp(2, names.len()))
            .enumerate()
            .map(|(index, name)| (SideId::new(name), profile.offers(index, &mut rng)))
            .collect();
        let faults = Faults::drawn(&mut rng);
        let mut schema = schema(&mut rng, &sides);
        if profile == Profile::Rules {
            let mut rng = SplitMix64::part(seed, 3);
            schema.entities.iter_mut().for_each(|one| crate::rules::enrich(&mut rng, &sides, one));
        }
        // Stale reads together with late commits are beyond any rule over stamps (T14): the side
        // then says so, and each of its changes is read again.
        Self {
            seed,
            profile,
            sides,
            faults,
            schema,
            late_commits: rng.per_mille(500),
            silent_stock: rng.per_mille(300),
            sweep_first_only: rng.per_mille(400),
            replays_original: rng.per_mille(500),
            own: None,
        }
    }

    /// The index of a side.
    #[must_use]
    pub fn side_index(&self, side: &SideId) -> Option<usize> {
        self.sides.iter().position(|(name, _)| name == side)
    }
}

fn rivalry(rng: &mut SplitMix64, sides: &[(SideId, Offers)]) -> Rivalry {
    match rng.below(4) {
        0 => Rivalry::Manual,
        _ => Rivalry::Prefer(sides[rng.below(sides.len())].0.clone()),
    }
}

struct Shape<'a> {
    name: &'static str,
    kind: Type,
    meaning: Meaning,
    owner: Option<SideId>,
    rules: &'a dyn Fn(usize) -> Vec<Rule>,
}

fn field(rng: &mut SplitMix64, sides: &[(SideId, Offers)], shape: Shape<'_>) -> Field {
    let on = |index: usize| FieldOnSide {
        normaliser: Normaliser((shape.rules)(index)),
        writable: true,
        create_only: false,
    };
    Field {
        meaning: shape.meaning,
        owner: shape.owner,
        rivalry: rivalry(rng, sides),
        sides: sides
            .iter()
            .enumerate()
            .map(|(index, (side, _))| (side.clone(), on(index)))
            .collect::<BTreeMap<_, _>>(),
        ..Field::new(shape.name, shape.kind)
    }
}

fn schema(rng: &mut SplitMix64, sides: &[(SideId, Offers)]) -> Schema {
    let plain = |_: usize| Vec::new();
    let trims = |index: usize| match index {
        1 => vec![Rule::Trim, Rule::MaxLen(9)],
        2 => vec![Rule::Trim],
        _ => Vec::new(),
    };
    let rounds = |index: usize| match index {
        1 => vec![Rule::Decimal { scale: 2, mode: Rounding::HalfUp }],
        2 => vec![Rule::Decimal { scale: 1, mode: Rounding::Truncate }],
        _ => Vec::new(),
    };
    let owner = if rng.per_mille(600) { Some(sides[1].0.clone()) } else { None };
    let mut make = |name, kind, owner, rules: &dyn Fn(usize) -> Vec<Rule>| {
        let meaning = if name == "stock" { Meaning::Counter } else { Meaning::Value };
        field(rng, sides, Shape { name, kind, meaning, owner, rules })
    };
    let customer = vec![
        make("name", Type::Text, None, &trims),
        make("email", Type::Text, None, &plain),
        make("note", Type::Text, owner, &trims),
        make("credit", Type::Decimal, None, &rounds),
    ];
    let order = vec![
        make("ref", Type::Text, None, &plain),
        make("customer", Type::Ref(Name::new(CUSTOMER)), None, &plain),
        make("qty", Type::Decimal, None, &rounds),
        make("stock", Type::Decimal, None, &plain),
    ];
    let entities = vec![
        entity(rng, sides, CUSTOMER, "email", customer),
        entity(rng, sides, ORDER, "ref", order),
    ];
    let names = sides.iter().map(|(side, _)| side.clone()).collect();
    Schema::new(names, entities).expect("the simulated schema is sound")
}

fn entity(
    rng: &mut SplitMix64,
    sides: &[(SideId, Offers)],
    name: &str,
    key: &str,
    fields: Vec<Field>,
) -> Entity {
    let on_delete = match rng.below(6) {
        0 => DeletePolicy::DeleteWins,
        1 => DeletePolicy::Park,
        _ => DeletePolicy::EditWins,
    };
    let on = |offers: &Offers| EntityOnSide {
        creates: true,
        updates: true,
        deletes: offers.delete,
        clock_ms: None,
    };
    Entity {
        name: Name::new(name),
        fields,
        key: vec![Name::new(key)],
        sides: sides.iter().map(|(side, offers)| (side.clone(), on(offers))).collect(),
        on_delete,
        copies: None,
    }
}

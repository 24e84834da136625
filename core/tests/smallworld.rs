//! The small worlds: what Mizan offers passes all of them, and what can lose or loop is found.

use mizan_core::policy::{Conflict, Declared, Policy, Promises, Verdict};
use mizan_core::smallworld::{Bounds, Checked, Law, check_policies};
use mizan_core::{
    DeletePolicy, Entity, EntityOnSide, Field, FieldOnSide, Meaning, Name, Normaliser, Rivalry,
    Rounding, Rule, Schema, SideId, Type, Value,
};
use rust_decimal::Decimal;

fn sides(count: usize) -> Vec<SideId> {
    ["books", "shop", "till"].iter().take(count).map(SideId::new).collect()
}

/// A field on all sides, with rules for each.
fn field(name: &str, kind: Type, count: usize, rules: &[&[Rule]]) -> Field {
    let mut field = Field::new(name, kind);
    for (at, side) in sides(count).into_iter().enumerate() {
        let normaliser = Normaliser(rules.get(at).copied().unwrap_or_default().to_vec());
        field.sides.insert(side, FieldOnSide { normaliser, writable: true, create_only: false });
    }
    field
}

fn entity(name: &str, count: usize, fields: Vec<Field>) -> Entity {
    let on = EntityOnSide { creates: true, updates: true, deletes: true, clock_ms: None };
    Entity {
        name: name.into(),
        fields,
        key: Vec::new(),
        sides: sides(count).into_iter().map(|side| (side, on.clone())).collect(),
        on_delete: DeletePolicy::EditWins,
        copies: None,
    }
}

fn check(count: usize, entities: Vec<Entity>, policy: &dyn Policy) -> Checked {
    let schema = Schema::new(sides(count), entities).expect("a sound schema");
    check_policies(&schema, policy, Bounds::default())
}

fn sound(checked: &Checked) {
    assert!(checked.findings.is_empty(), "{:#?}", checked.findings);
    assert_eq!(checked.capped, Vec::<String>::new());
}

fn text_rules() -> [Rule; 2] {
    [Rule::Trim, Rule::MaxLen(9)]
}

fn round(scale: u32, mode: Rounding) -> Rule {
    Rule::Decimal { scale, mode }
}

fn rivalries(count: usize) -> Vec<Rivalry> {
    let mut all: Vec<Rivalry> = sides(count).into_iter().map(Rivalry::Prefer).collect();
    all.extend([
        Rivalry::Manual,
        Rivalry::Newest,
        Rivalry::Greatest,
        Rivalry::Least,
        Rivalry::KeepBoth,
    ]);
    all
}

/// Every kind of field, under one rivalry.
fn everything(count: usize, rivalry: &Rivalry) -> Vec<Entity> {
    let rules = text_rules();
    let decimals = [round(2, Rounding::HalfUp)];
    let steps = [Rule::Granularity(1_000)];
    let nothing = [Rule::EmptyIsNull, Rule::CaseFold];
    let mut fields = vec![
        field("name", Type::Text, count, &[&rules]),
        field("mail", Type::Text, count, &[&nothing, &rules]),
        field("price", Type::Decimal, count, &[&[], &decimals]),
        field("cost", Type::Decimal, count, &[&[round(1, Rounding::Truncate)], &decimals]),
        field("paid", Type::Bool, count, &[]),
        field("due", Type::Date, count, &[]),
        field("at", Type::Instant, count, &[&steps]),
        field("tags", Type::Any, count, &[&[Rule::Set]]),
        field("owner", Type::Ref("customer".into()), count, &[]),
        field("lines", Type::Items(Vec::new()), count, &[]),
    ];
    fields.iter_mut().for_each(|field| field.rivalry = rivalry.clone());
    let mut product = entity("product", count, fields);
    product.copies = Some("name".into());
    for on in product.sides.values_mut() {
        on.clock_ms = Some(1_000);
    }
    vec![entity("customer", count, vec![field("email", Type::Text, count, &[])]), product]
}

#[test]
fn what_mizan_offers_loses_nothing_and_comes_to_rest() {
    for rivalry in rivalries(2) {
        sound(&check(2, everything(2, &rivalry), &Declared));
    }
}

#[test]
fn three_sides_lose_nothing_either() {
    for rivalry in rivalries(3) {
        let fields = everything(3, &rivalry).pop().map(|product| product.fields);
        let few = fields.unwrap_or_default().into_iter().take(3).collect();
        let schema = Schema::new(sides(3), vec![entity("product", 3, few)]).unwrap();
        let bounds = Bounds { length: 3, ..Bounds::default() };
        sound(&check_policies(&schema, &Declared, bounds));
    }
}

/// Owners, directions, counters, sets and what may be done where.
#[test]
fn declared_rights_lose_nothing_either() {
    let (books, shop) = (SideId::new("books"), SideId::new("shop"));
    let (books, shop) = (&books, &shop);
    let rules = text_rules();
    let decimals = [round(2, Rounding::HalfUp)];
    let fields = || {
        let mut owned = field("note", Type::Text, 2, &[&rules]);
        owned.owner = Some(books.clone());
        let mut other = field("memo", Type::Text, 2, &[&rules]);
        other.owner = Some(shop.clone());
        let mut stock = field("stock", Type::Decimal, 2, &[]);
        stock.meaning = Meaning::Counter;
        let mut coarse = field("weight", Type::Decimal, 2, &[&[], &decimals]);
        coarse.meaning = Meaning::Counter;
        let mut counted = field("shelf", Type::Decimal, 2, &[]);
        counted.meaning = Meaning::Counter;
        counted.stocktake = Some(shop.clone());
        let mut tags = field("tags", Type::Any, 2, &[]);
        tags.meaning = Meaning::Set;
        let mut alone = field("shade", Type::Text, 2, &[]);
        alone.sides.remove(shop);
        vec![owned, other, stock, coarse, counted, tags, alone]
    };
    for on_delete in [DeletePolicy::EditWins, DeletePolicy::DeleteWins, DeletePolicy::Park] {
        for rights in 0..8 {
            let mut product = entity("product", 2, fields());
            product.on_delete = on_delete;
            let on = product.sides.get_mut(shop).unwrap();
            (on.creates, on.updates) = (rights & 1 == 0, rights & 2 == 0);
            on.deletes = rights & 4 == 0;
            if !on.updates {
                // Without an owner what is merged never gets there, which is another test's business.
                product.fields.retain(|field| field.owner.is_some());
            }
            let schema = Schema::new(sides(2), vec![product]).unwrap();
            let length = if rights == 0 { 4 } else { 3 };
            let bounds = Bounds { length, ..Bounds::default() };
            sound(&check_policies(&schema, &Declared, bounds));
        }
    }
}

/// A policy of the user's own, as a function.
struct Own<F>(F, Promises);

impl<F: Fn(&Conflict<'_>) -> Verdict + Send + Sync> Policy for Own<F> {
    fn id(&self) -> Name {
        "own/1".into()
    }
    fn promises(&self) -> Promises {
        self.1
    }
    fn resolve(&self, conflict: &Conflict<'_>) -> Verdict {
        (self.0)(conflict)
    }
}

/// The finding about a decimal field that such a policy decides.
fn about(promises: Promises, decide: impl Fn(&Conflict<'_>) -> Verdict + Send + Sync) -> Checked {
    among(2, promises, decide)
}

fn among(
    count: usize,
    promises: Promises,
    decide: impl Fn(&Conflict<'_>) -> Verdict + Send + Sync,
) -> Checked {
    let rules = [round(0, Rounding::HalfUp)];
    let mut price = field("price", Type::Decimal, count, &[&rules]);
    price.rivalry = Rivalry::Custom("own".into());
    check(count, vec![entity("product", count, vec![price])], &Own(decide, promises))
}

fn refused(checked: &Checked, law: Law) -> &[String] {
    let [finding] = &checked.findings[..] else { panic!("{checked:#?}") };
    assert_eq!(finding.law, law, "{finding:#?}");
    assert!(finding.steps.len() >= 2 && !finding.what.is_empty(), "{finding:#?}");
    &finding.steps
}

fn greatest(conflict: &Conflict<'_>) -> Verdict {
    let all = conflict.candidates.iter().enumerate();
    let best = all.max_by_key(|(_, one)| one.value);
    best.map_or(Verdict::Park, |(index, _)| Verdict::Take(index))
}

fn number(value: &Value) -> Decimal {
    match value {
        Value::Decimal(number) => *number,
        other => panic!("no number: {other}"),
    }
}

#[test]
fn a_lawful_policy_of_the_users_own_passes() {
    sound(&about(Promises::NONE, greatest));
    sound(&about(Promises::ALL, greatest));
}

#[test]
fn a_policy_that_takes_the_first_is_refused() {
    refused(&about(Promises::NONE, |_| Verdict::Take(0)), Law::OneAnswer);
}

#[test]
fn a_policy_that_averages_is_refused() {
    let average = |conflict: &Conflict<'_>| {
        let nothing = conflict.candidates.iter().any(|one| one.value.is_null());
        if nothing {
            return Verdict::Park;
        }
        let sum: Decimal = conflict.candidates.iter().map(|one| number(one.value)).sum();
        Verdict::Merged(Value::decimal(sum / Decimal::from(conflict.candidates.len())))
    };
    refused(&about(Promises::NONE, average), Law::Settled);
}

#[test]
fn a_policy_without_an_answer_is_refused() {
    refused(&about(Promises::NONE, |_| Verdict::Take(7)), Law::Answers);
    let panics = |conflict: &Conflict<'_>| {
        let sum: Decimal = conflict.candidates.iter().map(|one| number(one.value)).sum();
        if sum.is_zero() { Verdict::Park } else { greatest(conflict) }
    };
    let steps = refused(&about(Promises::NONE, panics), Law::Answers).join("\n");
    assert!(steps.contains("empties `price`"), "{steps}");
}

#[test]
fn a_promise_that_is_not_kept_is_refused() {
    let by_name = |conflict: &Conflict<'_>| {
        let all = conflict.candidates.iter();
        let at = all.enumerate().max_by_key(|(_, one)| one.side).map(|(at, _)| at);
        at.map_or(Verdict::Park, Verdict::Take)
    };
    sound(&about(Promises::NONE, by_name));
    let symmetric = Promises { symmetric: true, ..Promises::NONE };
    refused(&about(symmetric, by_name), Law::Symmetric);
    let by_count = |conflict: &Conflict<'_>| match conflict.candidates.len() {
        2 => greatest(conflict),
        _ => {
            let all = conflict.candidates.iter().enumerate();
            let at = all.min_by_key(|(_, one)| one.value).map(|(at, _)| at);
            at.map_or(Verdict::Park, Verdict::Take)
        }
    };
    let incremental = Promises { incremental: true, ..Promises::NONE };
    refused(&among(3, incremental, by_count), Law::Incremental);
    let checked = among(3, Promises::NONE, by_count);
    assert!(checked.findings.is_empty(), "{:#?}", checked.findings);
}

/// What is merged never gets to the shop, so a user there replaces it unseen.
#[test]
fn a_field_that_one_side_is_never_sent_needs_an_owner() {
    let shop = SideId::new("shop");
    for once in [false, true] {
        let mut place = field("place", Type::Text, 2, &[]);
        let on = place.sides.get_mut(&shop).unwrap();
        (on.writable, on.create_only) = (once, once);
        let checked = check(2, vec![entity("product", 2, vec![place.clone()])], &Declared);
        assert_eq!(
            refused(&checked, Law::NothingLost),
            [
                "at first, every side has the record, with the same contents, and all is at rest",
                "books: a user sets `place` to \"b\"",
                "sync",
                "shop: a user sets `place` to \"c\"",
                "sync, until nothing is left to do",
            ]
        );
        for owner in sides(2) {
            place.owner = Some(owner);
            sound(&check(2, vec![entity("product", 2, vec![place.clone()])], &Declared));
        }
    }
}

#[test]
fn a_counter_in_a_group_and_an_owner_in_a_group_are_refused() {
    let pair = |other: Field| {
        let mut first = field("price", Type::Decimal, 2, &[]);
        first.rivalry = Rivalry::Prefer(SideId::new("shop"));
        [first, other].map(|field| Field { group: Some("money".into()), ..field }).to_vec()
    };
    let plain = field("currency", Type::Text, 2, &[]);
    sound(&check(2, vec![entity("product", 2, pair(plain.clone()))], &Declared));
    let mut stock = field("stock", Type::Decimal, 2, &[]);
    stock.meaning = Meaning::Counter;
    refused(&check(2, vec![entity("product", 2, pair(stock))], &Declared), Law::AddsUp);
    let owned = Field { owner: Some(SideId::new("books")), ..plain };
    refused(&check(2, vec![entity("product", 2, pair(owned))], &Declared), Law::Converges);
}

#[test]
fn fields_that_are_declared_alike_share_a_world_and_a_finding() {
    let mut fields = vec![field("a", Type::Text, 2, &[]), field("b", Type::Text, 2, &[])];
    for field in &mut fields {
        field.sides.get_mut(&SideId::new("shop")).unwrap().writable = false;
    }
    let checked = check(2, vec![entity("product", 2, fields)], &Declared);
    assert_eq!((checked.worlds, checked.findings.len()), (1, 1));
    assert_eq!(checked.findings[0].alike, ["product.b"]);
}

#[test]
fn a_world_that_is_too_large_says_so() {
    let schema = vec![entity("product", 2, vec![field("name", Type::Text, 2, &[])])];
    let schema = Schema::new(sides(2), schema).unwrap();
    let checked = check_policies(&schema, &Declared, Bounds { length: 4, situations_max: 50 });
    assert_eq!(checked.capped, ["product.name"]);
    assert!(checked.findings.is_empty());
}

//! Simulations of set-ups of the user's own: they are clean where they should be, and tell where they are not.

use mizan_core::policy::{Conflict, Policy, Verdict};
use mizan_core::{
    DeletePolicy, Entity, EntityOnSide, Field, FieldOnSide, Name, Rivalry, Rule, Schema, SideId,
    Type, Value,
};
use mizan_testkit::policy_laws::PolicyLaw;
use mizan_testkit::simulation::{Laws, Shape, Side, Simulation, Story, Unsupported};
use mizan_testkit::{Faults, Law, Profile, Vice};
use rust_decimal::Decimal;

/// A shop and an ERP with four entities, every kind of field and every way of deciding a conflict.
fn shop_and_erp() -> Simulation {
    Simulation::new()
        .side("shop", Side::full().late_commits().silent_counters().since())
        .side(
            "erp",
            Side::new()
                .marker()
                .find_by_key()
                .stale_reads()
                .rounds("credit", 2)
                .rounds("price", 0)
                .trims("name")
                .cuts("name", 9)
                .page_size(20),
        )
        .entity(
            Shape::of("customer")
                .key("email")
                .text("name")
                .rivalry(Rivalry::Prefer(SideId::new("erp")))
                .decimal("credit")
                .rivalry(Rivalry::Greatest)
                .text("note")
                .owner("erp"),
        )
        .entity(
            Shape::of("product")
                .key("sku")
                .decimal("price")
                .rivalry(Rivalry::Least)
                .counter("stock")
                .field("active", Type::Bool)
                .rivalry(Rivalry::Prefer(SideId::new("shop")))
                .on_delete(DeletePolicy::DeleteWins),
        )
        .entity(
            Shape::of("order")
                .key("number")
                .key("year")
                .refers("customer", "customer")
                .refers("product", "product")
                .field("due", Type::Date)
                .field("paid", Type::Instant),
        )
        .entity(Shape::of("memo").text("words").text("more"))
}

#[test]
fn a_shop_and_an_erp_with_four_entities_keep_every_law() {
    let report = shop_and_erp().histories(600).seed(10_000).run().expect("it can be simulated");
    report.assert_ok();
    for what in [
        "conflict decided by preference",
        "conflict decided for the greatest",
        "conflict decided for the least",
        "conflict left to a person",
        "change put back to the owner's",
        "movements added up",
        "create found done",
        "row linked by its key",
        "edit committed late",
        "listing was stale",
        "process died",
    ] {
        assert!(report.coverage.of(what) > 0, "it never happened: {what}\n{}", report.coverage);
    }
}

#[test]
fn three_sides_keep_every_law() {
    let report = shop_and_erp()
        .side("pos", Side::full().trims("name"))
        .histories(200)
        .seed(20_000)
        .run()
        .expect("it can be simulated");
    report.assert_ok();
}

#[test]
fn the_findings_depend_on_the_seed_alone() {
    let run = |threads| {
        let wrong = shop_and_erp().side("pos", Side::full().vice(Vice::Doubles));
        let report = wrong.histories(60).threads(threads).run().expect("it can be simulated");
        report.to_string()
    };
    assert_eq!(run(1), run(3));
}

/// Takes what nobody said.
struct Average;

impl Policy for Average {
    fn id(&self) -> Name {
        "average/1".into()
    }

    fn resolve(&self, conflict: &Conflict<'_>) -> Verdict {
        let number = |value: &Value| match value {
            Value::Decimal(number) => Some(*number),
            _ => None,
        };
        let all: Vec<Decimal> =
            conflict.candidates.iter().filter_map(|one| number(one.value)).collect();
        if all.is_empty() {
            return Verdict::Park;
        }
        let sum: Decimal = all.iter().sum();
        Verdict::Merged(Value::decimal(sum / Decimal::from(all.len())))
    }
}

/// The largest wins.
struct Largest;

impl Policy for Largest {
    fn id(&self) -> Name {
        "largest/1".into()
    }

    fn resolve(&self, conflict: &Conflict<'_>) -> Verdict {
        let best = conflict.candidates.iter().enumerate().max_by_key(|(_, one)| one.value);
        best.map_or(Verdict::Park, |(index, _)| Verdict::Take(index))
    }
}

fn order_decided_by(name: &str) -> Simulation {
    Simulation::new()
        .side("shop", Side::full())
        .side("erp", Side::full().rounds("total", 2))
        .entity(
            Shape::of("order")
                .key("number")
                .decimal("total")
                .rivalry(Rivalry::Custom(Name::new(name))),
        )
        .histories(200)
}

#[test]
fn a_wrong_policy_breaks_a_law_of_the_whole_and_the_story_is_small() {
    let simulation = order_decided_by("average").policy(Average);
    let folder = tempfile::tempdir().expect("a folder can be made");
    let report = simulation.clone().save_in(folder.path()).run().expect("it can be simulated");
    let laws: Vec<PolicyLaw> = report.policies.iter().map(|one| one.law).collect();
    // A third is no decimal, so the average of three equal values need not be their value: `fixpoint` breaks too.
    assert!(laws.starts_with(&[PolicyLaw::NoInvention]), "{laws:?}");
    assert!(laws.contains(&PolicyLaw::NormaliserStable), "{laws:?}");
    let told = report.failures.iter().find(|one| one.law == Law::NoInvention);
    let told = told.expect("an average is nobody's value");
    assert!(told.story.steps.len() <= 6, "{told}");
    let saved = report.saved.iter().find(|path| path.to_string_lossy().contains("NoInvention"));
    let saved = saved.expect("the story was saved under the name of its law");
    let text = std::fs::read_to_string(saved).expect("the story can be read");
    let story: Story = text.parse().expect("a saved story can be read");
    assert_eq!(story, told.story);
    let outcome = simulation.replay(&story).expect("it can be simulated");
    assert!(outcome.violations.iter().any(|one| one.law == Law::NoInvention));
    assert!(!outcome.trace.is_empty());
}

#[test]
#[should_panic(expected = "NoInvention")]
fn a_report_with_a_broken_law_ends_the_test() {
    order_decided_by("average").policy(Average).run().expect("it can be simulated").assert_ok();
}

#[test]
fn a_right_policy_keeps_every_law() {
    let report = order_decided_by("largest").policy(Largest).run().expect("it can be simulated");
    report.assert_ok();
    assert!(report.coverage.of("conflict decided by a custom policy") > 0, "{}", report.coverage);
}

#[test]
fn each_vice_of_a_side_breaks_its_law() {
    let wanted = [
        (Vice::Doubles, Law::NoDuplicate),
        (Vice::Lies, Law::Absence),
        (Vice::Forgets, Law::NoLostUpdate),
        (Vice::Overwrites, Law::NoLostUpdate),
        (Vice::Blanks, Law::NoLostUpdate),
    ];
    for (vice, law) in wanted {
        let report = Simulation::new()
            .side("shop", Side::full().vice(vice))
            .side("erp", Side::full())
            .entity(Shape::of("customer").key("email").text("name").text("note"))
            .histories(150)
            .run()
            .expect("it can be simulated");
        assert!(report.broken.contains_key(&law), "{vice:?}: {report}");
    }
}

#[test]
fn faults_can_be_one_side_s_alone() {
    let lossy = Faults { answer_lost: 300, ..Faults::none() };
    let report = order_decided_by("largest")
        .policy(Largest)
        .faults(Faults { stale: 1, ..Faults::none() })
        .side("pos", Side::full().faults(lossy))
        .without_crashes()
        .run()
        .expect("it can be simulated");
    report.assert_ok();
    assert!(report.coverage.of("create in doubt") > 0, "{}", report.coverage);
    assert_eq!(report.coverage.of("process died"), 0);
}

#[test]
fn what_a_side_cannot_promise_is_broken_and_allowed() {
    let simulation = Simulation::new()
        .side("shop", Side::full())
        .side("erp", Side::new().marker().races())
        .entity(Shape::of("customer").key("email").text("name"))
        .faults(Faults { edit_before_write: 300, ..Faults::none() })
        .histories(400);
    simulation.clone().run().expect("it can be simulated").assert_ok();
    let all = simulation.laws(Laws::All).run().expect("it can be simulated");
    assert!(all.broken.contains_key(&Law::NoLostUpdate), "{all}");
    let some = Laws::Only(vec![Law::Converge]);
    let some = order_decided_by("average").policy(Average).laws(some).run();
    assert!(some.expect("it can be simulated").broken.is_empty());
}

fn schema(field: Field) -> Schema {
    let sides = [SideId::new("a"), SideId::new("b")];
    let on = EntityOnSide { creates: true, updates: true, deletes: true, clock_ms: Some(10) };
    let whole = FieldOnSide { writable: true, ..FieldOnSide::default() };
    let carried = |mut field: Field| {
        field.sides = sides.iter().map(|side| (side.clone(), whole.clone())).collect();
        field
    };
    let entity = Entity {
        name: "thing".into(),
        fields: vec![carried(Field::new("id", Type::Text)), carried(field)],
        key: vec!["id".into()],
        sides: sides.iter().map(|side| (side.clone(), on.clone())).collect(),
        on_delete: DeletePolicy::Park,
        copies: None,
    };
    Schema::new(sides.to_vec(), vec![entity]).expect("it is sound")
}

fn of_schema(field: Field) -> Simulation {
    let both = Simulation::new().side("a", Side::full()).side("b", Side::full());
    both.schema(&schema(field)).histories(200)
}

#[test]
fn a_schema_of_the_user_s_own_is_simulated_as_it_is() {
    let field = Field { rivalry: Rivalry::Newest, ..Field::new("name", Type::Text) };
    let report = of_schema(field).run().expect("it can be simulated");
    report.assert_ok();
    assert!(report.coverage.of("conflict decided by clocks") > 0, "{}", report.coverage);
}

#[test]
fn what_cannot_be_simulated_is_said_before_it_runs() {
    let refused = |simulation: &Simulation| simulation.run().expect_err("it cannot be simulated");
    assert_eq!(refused(&Simulation::new()), Unsupported::Empty);
    let lists = refused(&of_schema(Field::new("any", Type::Any))).to_string();
    assert!(lists.contains("thing.any") || lists.contains("thing"), "{lists}");
    let short = of_schema(Field::new("name", Type::Text)).side("c", Side::full());
    assert!(matches!(refused(&short), Unsupported::Field { .. }));
    let cut = Simulation::new()
        .side("a", Side::full().cuts("name", 3))
        .side("b", Side::full())
        .entity(Shape::of("thing").text("name"));
    assert!(refused(&cut).to_string().contains("eight characters"));
    let unknown = refused(&order_decided_by("nobody"));
    assert!(unknown.to_string().contains("`nobody`"), "{unknown}");
    let group = Field { group: Some("g".into()), ..Field::new("name", Type::Text) };
    assert!(refused(&of_schema(group)).to_string().contains("thing.name"));
    let missing = Simulation::new()
        .side("a", Side::full())
        .side("c", Side::full())
        .schema(&schema(Field::new("name", Type::Text)));
    assert_eq!(refused(&missing), Unsupported::Side(SideId::new("b")));
}

#[test]
fn a_rule_of_a_side_is_added_to_the_schema_s() {
    let report = Simulation::new()
        .side("a", Side::full().normalises("name", Rule::CaseFold))
        .side("b", Side::full())
        .schema(&schema(Field::new("name", Type::Text)))
        .histories(100)
        .run()
        .expect("it can be simulated");
    report.assert_ok();
}

#[test]
fn a_story_of_a_set_up_of_the_user_s_own_says_so() {
    let story = Story { seed: 1, profile: Profile::Own, sides: 2, steps: Vec::new() };
    assert_eq!(story.to_string().parse::<Story>(), Ok(story));
}

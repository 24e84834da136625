//! Canonical form: L14 (one content, one hash), L16 (normalisers are idempotent), pinned vectors, and bytes that
//! come back as they were.

use mizan_core::event::{FieldDecision, Found, Life, Loser};
use mizan_core::lens::parse_decimal;
use mizan_core::suggest::suggest;
use mizan_core::wire::{Reader, Writer};
use mizan_core::{
    ContentHash, Event, Fact, Image, Name, Normaliser, RecordId, Rounding, Rule, Seq, SideId,
    Timestamp, Value,
};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn decimal() -> impl Strategy<Value = Value> {
    (any::<i64>(), 0u32..18)
        .prop_map(|(number, scale)| Value::decimal(rust_decimal::Decimal::new(number, scale)))
}

/// Texts that rules have something to do with: white space, line ends, case, Arabic digits, telephone numbers.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => "\\PC{0,24}",
        2 => "[ \t\r\n\u{a0}aAbBßİıΣσ\u{301}٠٣٩۵0-9]{0,14}",
        1 => "[+0 ()٠٩-]{0,4}[0-9 ٠-٩.-]{0,16}",
        1 => "[ab]{0,2}",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        decimal(),
        text().prop_map(Value::text),
        (-700_000i32..3_000_000)
            .prop_filter_map("a day", chrono::NaiveDate::from_num_days_from_ce_opt)
            .prop_map(Value::Date),
        any::<i64>().prop_map(Value::Instant),
        ("[a-z]{1,6}", "[A-Za-z0-9]{0,8}").prop_map(|(entity, ext)| Value::row_ref(
            &Name::new(entity),
            &SideId::new("shop"),
            mizan_core::Ext::new(ext)
        )),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            prop::collection::btree_map("[a-z]{1,5}".prop_map(Name::new), inner, 0..4)
                .prop_map(Value::Map),
        ]
    })
}

fn image() -> impl Strategy<Value = Image> {
    prop::collection::btree_map("[a-z_]{1,8}".prop_map(Name::new), value(), 0..8)
        .prop_map(Image::from)
}

/// Few enough that maps of words run into each other and into circles.
fn word() -> impl Strategy<Value = smol_str::SmolStr> {
    prop_oneof!["[abAB]{0,2}", text()].prop_map(|word| match Value::text(word) {
        Value::Text(word) => word,
        _ => unreachable!("a text is a text"),
    })
}

fn rule() -> impl Strategy<Value = Rule> {
    let mode =
        prop_oneof![Just(Rounding::HalfUp), Just(Rounding::HalfEven), Just(Rounding::Truncate)];
    prop_oneof![
        (0u32..6, mode).prop_map(|(scale, mode)| Rule::Decimal { scale, mode }),
        Just(Rule::Trim),
        Just(Rule::CaseFold),
        (0usize..12).prop_map(Rule::MaxLen),
        Just(Rule::EmptyIsNull),
        (1i64..100_000).prop_map(Rule::Granularity),
        Just(Rule::Set),
        Just(Rule::Upper),
        Just(Rule::Collapse),
        Just(Rule::LineEnds),
        Just(Rule::Digits),
        "[1-9][0-9]{0,2}".prop_map(|country| Rule::Phone { country: country.into() }),
        (-720i32..840).prop_map(|offset_minutes| Rule::Day { offset_minutes }),
        value().prop_map(Rule::DefaultIfMissing),
        prop::collection::btree_map(word(), word(), 0..5).prop_map(Rule::EnumMap),
    ]
}

fn simple_rule() -> impl Strategy<Value = Rule> {
    prop_oneof![
        Just(Rule::Trim),
        Just(Rule::CaseFold),
        Just(Rule::Upper),
        Just(Rule::Collapse),
        Just(Rule::LineEnds),
        Just(Rule::Digits),
        Just(Rule::EmptyIsNull),
        (1usize..12).prop_map(Rule::MaxLen),
    ]
}

proptest! {
    #[test]
    fn l14_equal_bytes_are_equal_content(a in image(), b in image()) {
        prop_assert_eq!(a.to_bytes() == b.to_bytes(), a == b);
        prop_assert_eq!(a.hash() == b.hash(), a == b);
    }

    #[test]
    fn l14_images_come_back_from_their_bytes(image in image()) {
        prop_assert_eq!(Image::from_bytes(&image.to_bytes()).unwrap(), image);
    }

    #[test]
    fn l14_spelling_does_not_matter(number in any::<i64>(), scale in 0u32..10, zeros in 0usize..6) {
        let exact = rust_decimal::Decimal::new(number, scale).to_string();
        let padded = if exact.contains('.') { format!("{exact}{}", "0".repeat(zeros)) } else { exact.clone() };
        let read = |text: &str| parse_decimal(text).map(Value::decimal);
        prop_assert_eq!(read(&exact), read(&padded));
    }

    #[test]
    fn l14_order_of_fields_does_not_matter(fields in prop::collection::btree_map("[a-z]{1,6}", decimal(), 0..8)) {
        let forward: Image = fields.iter().map(|(n, v)| (Name::new(n), v.clone())).collect();
        let backward: Image = fields.iter().rev().map(|(n, v)| (Name::new(n), v.clone())).collect();
        prop_assert_eq!(forward.hash(), backward.hash());
    }

    #[test]
    fn l16_normalisers_are_idempotent(rules in prop::collection::vec(rule(), 0..5), value in value()) {
        let normaliser = Normaliser(rules);
        let once = normaliser.apply(&value);
        prop_assert_eq!(normaliser.apply(&once), once);
    }

    #[test]
    fn what_is_suggested_makes_of_each_value_what_was_stored(
        rules in prop::collection::vec(rule(), 1..3),
        values in prop::collection::vec(value(), 1..4),
    ) {
        let side = Normaliser(rules);
        let stored: Vec<Value> = values.iter().map(|value| side.apply(value)).collect();
        let examples: Vec<_> = values.iter().zip(&stored).collect();
        if let Some(suggested) = suggest(&examples) {
            for (sent, stored) in examples {
                prop_assert_eq!(&suggested.apply(sent), stored);
            }
        }
    }

    #[test]
    fn one_simple_rule_is_found_again(rule in simple_rule(), texts in prop::collection::vec(text(), 1..4)) {
        let side = Normaliser(vec![rule]);
        let values: Vec<Value> = texts.into_iter().map(Value::text).collect();
        let stored: Vec<Value> = values.iter().map(|value| side.apply(value)).collect();
        let examples: Vec<_> = values.iter().zip(&stored).collect();
        prop_assert_eq!(suggest(&examples).is_some(), values != stored);
    }

    #[test]
    fn l17_unknown_takes_the_last_known_value(seen in image(), news in image()) {
        let merged = news.clone().over(&seen);
        for (name, value) in seen.iter() {
            prop_assert_eq!(merged.get(name), Some(news.get(name).unwrap_or(value)));
        }
    }

    #[test]
    fn l9_facts_about_the_log_come_back_from_their_bytes(
        (size, root) in (any::<u64>(), any::<[u8; 32]>()),
        seqs in prop::collection::vec(any::<u64>(), 0..5),
        (note, name, value) in (text(), word(), value()),
        record in any::<u32>(),
    ) {
        let (root, record) = (ContentHash(root), RecordId(record));
        let loser = Loser { side: None, value: value.clone() };
        let (field, winner) = (name.clone(), Some(SideId::new(&name)));
        let found = Found::Custom;
        let decided = FieldDecision { field, found, winner, value, losers: vec![loser] };
        let facts = [
            Fact::Checkpointed { size, root, note: note.clone() },
            Fact::Erased {
                record,
                events: seqs.into_iter().map(Seq).collect(),
                bodies: vec![root],
                by: note.clone(),
                why: note,
            },
            Fact::Shadowed {
                record,
                decided: Seq(size),
                policy: name,
                params: root,
                fields: vec![decided],
                life: Life::Disputed,
            },
        ];
        for fact in facts {
            let event = Event { seq: Seq(7), at: Timestamp(9), fact };
            prop_assert_eq!(Event::from_bytes(Seq(7), &event.to_bytes()), Ok(event));
        }
    }

    #[test]
    fn damaged_bytes_are_refused_and_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = Image::from_bytes(&bytes);
        let _ = mizan_core::Event::from_bytes(mizan_core::Seq(1), &bytes);
    }
}

#[test]
fn each_rule_does_what_its_word_says() {
    let words = BTreeMap::from([("Aktiv".into(), "active".into())]);
    let day = "2026-09-01T22:30:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    let begun = "2026-09-01T21:00:00Z".parse::<chrono::DateTime<chrono::Utc>>().unwrap();
    let moment = |at: chrono::DateTime<chrono::Utc>| Value::Instant(at.timestamp_millis());
    let phone = |country: &str| Rule::Phone { country: country.into() };
    let cases = [
        (Rule::Upper, Value::text("straße"), Value::text("STRASSE")),
        (Rule::Collapse, Value::text(" a \t\n b "), Value::text(" a b ")),
        (Rule::LineEnds, Value::text("a\r\nb\rc\nd"), Value::text("a\nb\nc\nd")),
        (Rule::Digits, Value::text("٠١٢٣٤٥٦٧٨٩ ۰۹"), Value::text("0123456789 09")),
        (phone("966"), Value::text("050 123-4567"), Value::text("+966501234567")),
        (phone("966"), Value::text("٠٥٠١٢٣٤٥٦٧"), Value::text("+966501234567")),
        (phone("966"), Value::text("00966 50 123 4567"), Value::text("+966501234567")),
        (phone("966"), Value::text("966501234567"), Value::text("+966501234567")),
        (phone("966"), Value::text("+44 (20) 7946 0958"), Value::text("+442079460958")),
        (phone("966"), Value::text("ext. 12"), Value::text("ext. 12")),
        (phone("966"), Value::text("112"), Value::text("112")),
        (phone("1"), Value::text("(212) 555-0100"), Value::text("+12125550100")),
        (Rule::Day { offset_minutes: 180 }, moment(day), moment(begun)),
        (Rule::DefaultIfMissing(Value::text("-")), Value::Null, Value::text("-")),
        (Rule::DefaultIfMissing(Value::text("-")), Value::text(""), Value::text("-")),
        (Rule::EnumMap(words.clone()), Value::text("Aktiv"), Value::text("active")),
        (Rule::EnumMap(words), Value::text("aktiv"), Value::text("aktiv")),
    ];
    for (rule, sent, stored) in cases {
        assert_eq!(Normaliser(vec![rule.clone()]).apply(&sent), stored, "{rule} of {sent}");
    }
}

#[test]
fn l16_rules_that_undo_each_other_come_to_rest_all_the_same() {
    let words = |from: &str, to: &str| Rule::EnumMap(BTreeMap::from([(from.into(), to.into())]));
    let side = Normaliser(vec![words("a", "B"), words("b", "A"), Rule::CaseFold]);
    for text in ["a", "b", "A", "B"] {
        let once = side.apply(&Value::text(text));
        assert_eq!(side.apply(&once), once, "{text}");
    }
}

#[test]
fn suggestions_name_the_rule_that_a_person_would_declare() {
    let number = |text: &str| Value::decimal(text.parse().unwrap());
    let long = "x".repeat(300);
    let cases = [
        (vec![(Value::text(" Tea "), Value::text("Tea"))], Some("[\"trim\"]")),
        (vec![(Value::text("Tea"), Value::text("tea"))], Some("[\"lower\"]")),
        (vec![(Value::text("٣ kg"), Value::text("3 kg"))], Some("[\"digits\"]")),
        (vec![(Value::text(long), Value::text("x".repeat(40)))], Some("[\"max-length 40\"]")),
        (vec![(Value::text(" Tea "), Value::text("tea"))], Some("[\"trim\", \"lower\"]")),
        (vec![(Value::text(""), Value::Null)], Some("[\"empty-is-nothing\"]")),
        (vec![(Value::Null, Value::text("none"))], Some("[\"default none\"]")),
        (vec![(number("10.125"), number("10.13"))], Some("[\"decimal 2\"]")),
        (
            vec![(number("10.125"), number("10.12")), (number("10.135"), number("10.14"))],
            Some("[\"decimal 2 half-even\"]"),
        ),
        (
            vec![(number("10.125"), number("10.12")), (number("10.137"), number("10.13"))],
            Some("[\"decimal 2 truncate\"]"),
        ),
        (
            vec![(Value::Instant(1_700_000_000_789), Value::Instant(1_700_000_000_000))],
            Some("[\"step 1000\"]"),
        ),
        (vec![(Value::text("tea"), Value::text("coffee"))], None),
        (vec![(Value::text("tea"), Value::text("tea"))], None),
    ];
    for (examples, expected) in cases {
        let examples: Vec<_> = examples.iter().map(|(sent, stored)| (sent, stored)).collect();
        let found = suggest(&examples).map(|rules| rules.to_string());
        assert_eq!(found.as_deref(), expected, "{examples:?}");
    }
}

/// Two steps with little in common took more passes than a normaliser makes.
#[test]
fn golden_l16_two_granularities_come_to_rest_at_a_multiple_of_both() {
    let normaliser = Normaliser(vec![Rule::Granularity(19), Rule::Granularity(22_709)]);
    let once = normaliser.apply(&Value::Instant(-3_883_038_756_249_225_088));
    assert_eq!(normaliser.apply(&once), once);
    let Value::Instant(ms) = once else { panic!("a moment stays a moment") };
    assert_eq!((ms % 19, ms % 22_709), (0, 0));
    assert!(-3_883_038_756_249_225_088 - ms < 19 * 22_709);
}

#[test]
fn l16_moments_at_both_ends_of_time_are_cut_without_overflow() {
    for ms in [i64::MIN, i64::MIN + 1, 0, i64::MAX] {
        for steps in [vec![1_000], vec![i64::MAX], vec![i64::MAX, i64::MAX - 1], vec![-5, 0]] {
            let normaliser = Normaliser(steps.into_iter().map(Rule::Granularity).collect());
            let once = normaliser.apply(&Value::Instant(ms));
            assert_eq!(normaliser.apply(&once), once);
        }
    }
}

#[test]
fn hashes_are_pinned() {
    let mut entries = BTreeMap::new();
    entries.insert(Name::new("qty"), Value::decimal("2.50".parse().unwrap()));
    let image: Image = [
        (Name::new("name"), Value::text("قهوة")),
        (Name::new("price"), Value::decimal("30.00".parse().unwrap())),
        (Name::new("note"), Value::Null),
        (Name::new("active"), Value::Bool(true)),
        (Name::new("day"), Value::Date("2026-09-01".parse().unwrap())),
        (Name::new("at"), Value::Instant(1_700_000_000_000)),
        (Name::new("lines"), Value::List(vec![Value::Map(entries)])),
    ]
    .into_iter()
    .collect();
    assert_eq!(
        image.hash().to_string(),
        "754dbb88751572534e4718c099ea0731fa987b96e18192106d335cc1e4105481"
    );
    // A hash knows its domain: the same bytes in another one are another hash.
    assert_ne!(image.hash(), ContentHash::of("mizan.plan.v1", &image.to_bytes()));
}

#[test]
fn numbers_are_written_shortest_first() {
    for number in [0u64, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
        let mut writer = Writer::default();
        writer.uint(number);
        assert_eq!(Reader::new(&writer.0).uint().unwrap(), number);
    }
    for number in [0i64, -1, 1, i64::MIN, i64::MAX] {
        let mut writer = Writer::default();
        writer.int(number);
        assert_eq!(Reader::new(&writer.0).int().unwrap(), number);
    }
}

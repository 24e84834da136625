//! Probes of a side that keeps its promises, and of sides that break one each.

use super::*;
use mizan_adapters::{
    Answer, BoxFuture, Capabilities, Conditional, Fault, Fetched, Known, Listed, Order, Page,
    Probe, Pull, Refusal, Row,
};
use mizan_core::{
    DeletePolicy, EntityOnSide, Ext, Field, FieldOnSide, Image, Name, Operation, Type, Value,
};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// A promise that a side breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lie {
    None,
    NotIdempotent,
    KeyNotUnique,
    StaleUpdates,
    NotFound,
    NoMarker,
    NotListed,
    DeletesNothing,
    RefusesDeletes,
    OtherAnswer,
    LosesCreate,
    LosesUpdate,
}

struct Side {
    id: SideId,
    lie: Lie,
    rows: Mutex<BTreeMap<String, (Image, String)>>,
}

impl Side {
    fn new(lie: Lie) -> Self {
        Self { id: SideId::new("s"), lie, rows: Mutex::default() }
    }

    fn row(ext: &str, image: &Image, marker: &str) -> Row {
        let (image, marker) = (image.clone(), Some(marker.to_owned()));
        Row { ext: Ext::new(ext), image, stamp: None, tag: None, marker }
    }

    fn all(&self) -> Vec<Row> {
        let rows = self.rows.lock().unwrap();
        rows.iter().map(|(ext, (image, marker))| Self::row(ext, image, marker)).collect()
    }

    fn create(&self, set: &Image, marker: String) -> Result<Answer, Fault> {
        let mut rows = self.rows.lock().unwrap();
        let same = rows.iter().find(|(_, (_, known))| *known == marker);
        if let (Some((ext, (image, marker))), false) = (same, self.lie == Lie::NotIdempotent) {
            let row = Self::row(ext, image, marker);
            return Ok(Answer::Done { ext: row.ext.clone(), row: Some(row) });
        }
        let taken = rows.values().any(|(image, _)| image.get("code") == set.get("code"));
        if taken && !matches!(self.lie, Lie::KeyNotUnique | Lie::NotIdempotent) {
            let message = "the code is taken".to_owned();
            return Ok(Answer::Refused { why: Refusal::KeyTaken(None), message });
        }
        let ext = format!("{}", rows.len() + 1);
        rows.insert(ext.clone(), (set.clone(), marker.clone()));
        if self.lie == Lie::LosesCreate {
            return Err(Fault::InDoubt("cut off".to_owned()));
        }
        let mut shown = set.clone();
        if self.lie == Lie::OtherAnswer {
            shown.set(&Name::new("name"), Value::text("something else"));
        }
        Ok(Answer::Done { ext: Ext::new(&ext), row: Some(Self::row(&ext, &shown, &marker)) })
    }

    fn change(&self, order: Order<'_>, ext: &Ext) -> Result<Answer, Fault> {
        let mut rows = self.rows.lock().unwrap();
        let Some((image, marker)) = rows.get_mut(ext.as_str()) else { return Ok(Answer::Gone) };
        if order.expect != Some(image) && self.lie != Lie::StaleUpdates {
            return Ok(Answer::Changed(Self::row(ext.as_str(), image, marker)));
        }
        if let Operation::Delete { .. } = order.command.operation {
            match self.lie {
                Lie::DeletesNothing => {}
                Lie::RefusesDeletes => {
                    let message = "it is in use".to_owned();
                    return Ok(Answer::Refused { why: Refusal::Locked, message });
                }
                _ => {
                    rows.remove(ext.as_str());
                }
            }
            return Ok(Answer::Deleted);
        }
        *image = order.set.clone().over(image);
        if self.lie == Lie::LosesUpdate {
            return Err(Fault::InDoubt("cut off".to_owned()));
        }
        let row = Self::row(ext.as_str(), image, marker);
        Ok(Answer::Done { ext: ext.clone(), row: Some(row) })
    }
}

impl Adapter for Side {
    fn side(&self) -> &SideId {
        &self.id
    }

    fn capabilities(&self, _: &Name) -> Capabilities {
        Capabilities {
            since: false,
            sweep: true,
            conditional: Conditional::Native,
            idempotent: true,
            marker: true,
            unique_key: true,
            find_by_key: true,
            create: true,
            update: true,
            delete: true,
            stale_reads: false,
            window_ms: 0,
            parallel: 1,
        }
    }

    fn pull<'a>(
        &'a self,
        _: &'a Name,
        _: Pull,
        _: Option<&'a str>,
        _: &'a dyn Known,
    ) -> BoxFuture<'a, Result<Page, Fault>> {
        let hidden = self.lie == Lie::NotListed;
        let rows = if hidden { Vec::new() } else { self.all() };
        let rows = rows.into_iter().map(Listed::Row).collect();
        Box::pin(async move { Ok(Page { rows, next: None, complete: true }) })
    }

    fn get<'a>(&'a self, _: &'a Name, ext: &'a Ext) -> BoxFuture<'a, Result<Fetched, Fault>> {
        let row = self.all().into_iter().find(|row| row.ext == *ext);
        Box::pin(async move { Ok(row.map_or(Fetched::NotFound, Fetched::Found)) })
    }

    fn execute<'a>(&'a self, order: Order<'a>) -> BoxFuture<'a, Result<Answer, Fault>> {
        Box::pin(async move {
            match &order.command.operation {
                Operation::Create => self.create(order.set, order.command.marker()),
                Operation::Update { ext, .. } | Operation::Delete { ext, .. } => {
                    self.change(order, ext)
                }
            }
        })
    }

    fn find<'a>(&'a self, _: &'a Name, probe: Probe<'a>) -> BoxFuture<'a, Result<Vec<Row>, Fault>> {
        let rows = self.all().into_iter().filter(|row| match probe {
            Probe::Key(image) => {
                self.lie != Lie::NotFound && row.image.get("code") == image.get("code")
            }
            Probe::Marker(text) => self.lie != Lie::NoMarker && row.marker.as_deref() == Some(text),
        });
        let rows = rows.collect();
        Box::pin(async move { Ok(rows) })
    }
}

fn entity() -> Entity {
    let side = SideId::new("s");
    let field = |name: &str, kind: Type| {
        let on = FieldOnSide { writable: true, ..FieldOnSide::default() };
        Field { sides: BTreeMap::from([(side.clone(), on)]), ..Field::new(name, kind) }
    };
    let on = EntityOnSide { creates: true, updates: true, deletes: true, clock_ms: None };
    Entity {
        name: Name::new("thing"),
        fields: vec![
            field("code", Type::Text),
            field("name", Type::Text),
            field("price", Type::Decimal),
            field("other", Type::Ref(Name::new("thing"))),
        ],
        key: vec![Name::new("code")],
        sides: BTreeMap::from([(side, on)]),
        on_delete: DeletePolicy::EditWins,
        copies: None,
    }
}

fn probed(lie: Lie) -> (ProbeReport, Vec<Row>) {
    run(lie, false)
}

fn run(lie: Lie, stop: bool) -> (ProbeReport, Vec<Row>) {
    let side = Side::new(lie);
    let options = ProbeOptions {
        token: "123456".to_owned(),
        today: chrono::NaiveDate::from_ymd_opt(2026, 9, 1).unwrap(),
        patience: Duration::ZERO,
        stop: Arc::new(AtomicBool::new(stop)),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let report = runtime.block_on(probe(&side, &entity(), &options));
    let rows = side.all();
    (report, rows)
}

#[test]
fn a_side_that_keeps_its_promises_is_clean_and_as_it_was() {
    let (report, rows) = probed(Lie::None);
    assert!(report.is_clean(), "{report:#?}");
    assert!(report.abilities.iter().all(|one| matches!(one.measured, Measured::Yes(_))));
    assert_eq!((report.abilities.len(), report.made.len()), (10, 1));
    assert_eq!(rows, Vec::new());
    let other = report.fields.iter().find(|field| field.field == "other").unwrap();
    assert_eq!(other.left_out.as_deref(), Some("no thing is there to refer to"));
}

#[test]
fn each_broken_promise_is_found() {
    for (lie, what) in [
        (Lie::NotIdempotent, "the same create sent twice makes one row"),
        (Lie::KeyNotUnique, "a second row with the same key is refused"),
        (Lie::StaleUpdates, "an update made on an old view is refused, by the side itself"),
        (Lie::NotFound, "rows are found by their key"),
        (Lie::NoMarker, "rows keep a marker and are found by it"),
        (Lie::NotListed, "a listing shows a new row"),
        (Lie::DeletesNothing, "a row can be deleted, and is gone then"),
        (Lie::RefusesDeletes, "a row can be deleted, and is gone then"),
    ] {
        let (report, rows) = probed(lie);
        let broken = report.abilities.iter().find(|one| one.what == what).unwrap();
        assert!(broken.is_broken() && !report.is_clean(), "{lie:?}: {report:#?}");
        let left: Vec<_> = report.left.iter().filter_map(|left| left.ext.clone()).collect();
        let there: Vec<_> = rows.into_iter().map(|row| row.ext).collect();
        assert_eq!(left, there, "{lie:?}: what is left is named, and nothing else");
    }
}

#[test]
fn an_answer_that_says_otherwise_than_a_read_is_found() {
    let (report, _) = probed(Lie::OtherAnswer);
    let what = "a read shows what the write answered";
    let read = report.abilities.iter().find(|one| one.what == what).unwrap();
    assert!(matches!(&read.measured, Measured::No(text) if text.ends_with("name")), "{read:?}");
}

#[test]
fn a_create_without_an_answer_is_looked_for_and_removed() {
    let (report, rows) = probed(Lie::LosesCreate);
    assert!(report.failed.is_some());
    assert_eq!((rows, report.left), (Vec::new(), Vec::new()));
}

#[test]
fn an_update_without_an_answer_ends_the_probe_and_the_canary_is_removed() {
    let (report, rows) = probed(Lie::LosesUpdate);
    assert!(report.failed.is_some_and(|why| why.contains("could not be changed")));
    assert_eq!((rows, report.left), (Vec::new(), Vec::new()));
}

#[test]
fn an_interrupted_probe_tidies_up_and_says_that_it_was() {
    let (report, rows) = run(Lie::None, true);
    assert_eq!((rows, report.made.len()), (Vec::new(), 1));
    assert_eq!(report.failed.as_deref(), Some("it was interrupted"));
}

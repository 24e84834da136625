//! Walking the log.

use mizan::core::bodies::{Bodies, Outcome};
use mizan::core::{ContentHash, Fact, Image, Seq, Timestamp, Value};
use mizan::engine::Journal;
use mizan::store::MemoryLog;

#[test]
fn every_event_is_visited_once_and_a_visitor_may_look_up_images() {
    let mut journal = Journal::open(Box::new(MemoryLog::default())).expect("opens");
    let mut outcome = Outcome::default();
    let image: Image = [("name".into(), Value::text("tea"))].into_iter().collect();
    let hash = outcome.keep(image.clone());
    outcome.facts.push(Fact::Opened { log_id: ContentHash([1; 32]), epoch: 1 });
    let plan = ContentHash([2; 32]);
    // More than two pages of what is read at a time, and not a whole number of them.
    outcome.facts.extend((0..9_000).map(|_| Fact::Approved { plan, by: "huda".to_owned() }));
    journal.append(Timestamp(1), outcome).expect("appends");
    // Opened anew, it has no image at hand.
    let journal = Journal::open(journal.into_log()).expect("opens");
    for after in [0, 4_095, 4_096, 4_097, 9_001] {
        let mut seen = Vec::new();
        let visited = journal.each_event(Seq(after), &mut |event| {
            assert_eq!(journal.image(&hash).as_ref(), Some(&image));
            seen.push(event.seq.0);
        });
        visited.expect("reads");
        assert_eq!(seen, (after + 1..=9_001).collect::<Vec<u64>>());
    }
}

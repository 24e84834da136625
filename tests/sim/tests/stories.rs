//! Stories that broke a law once, replayed.

use mizan_testkit::simulation::{Story, Variant, run};
use std::path::Path;

#[test]
fn no_old_story_breaks_a_law_again() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("stories");
    let mut paths: Vec<_> = std::fs::read_dir(&folder)
        .expect("the folder of stories is there")
        .map(|entry| entry.expect("its entries can be read").path())
        .collect();
    paths.sort();
    assert!(paths.len() >= 35, "stories are missing");
    let mut broken = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("a story is a text");
        let story: Story = text.parse().expect("a story has one step a line");
        let allowed = story.profile.may_break();
        for violation in run(&story, Variant::default()).violations {
            if !allowed.contains(&violation.law) {
                broken.push(format!("{}: {violation}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

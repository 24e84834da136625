//! The configurations of this repository can lose nothing and come to rest, in every small world.

use mizan::core::policy::Declared;
use mizan::{Config, check_policies};
use std::path::Path;

fn sound(file: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(file);
    let config = Config::load(&path).expect("it can be used");
    let checked = check_policies(&config, &Declared);
    assert!(checked.findings.is_empty(), "{file}: {}", mizan::policies::told(&checked));
    assert!(checked.capped.is_empty(), "{file}: {:?}", checked.capped);
    let fields: usize = config.schema.entities.iter().map(|entity| entity.fields.len()).sum();
    assert!((1..=fields).contains(&checked.worlds), "{file}: {} worlds", checked.worlds);
}

#[test]
fn what_init_writes_is_sound() {
    sound("reconciler/src/bin/mizan/example.toml");
}

#[test]
fn the_point_of_sale_configuration_is_sound() {
    sound("tests/suite/superstore/mizan.toml");
}

//! The story of the demo, step by step.

use super::data;
use super::world::World;
use crate::Failure;
use mizan::adapters::sandbox::{FaultKind, OneFault};
use serde_json::{Value as Json, json};
use std::time::Duration;

/// Orders that arrive while the machine dies.
const ORDERS_BEFORE_THE_CRASH: usize = 120;

/// Syncs after which everything that can settle has settled.
const SYNCS_MAX: usize = 12;

/// An edit that must not get lost: where it was made, and what should be seen of it.
pub(super) struct Edit {
    pub(super) sku: &'static str,
    pub(super) field: &'static str,
    pub(super) value: &'static str,
    /// It may lose to another edit, and then stands in the log as the loser.
    pub(super) may_lose: bool,
}

/// What the story promises to be true at its end.
pub(super) const EDITS: &[Edit] = &[
    Edit {
        sku: "TEA-100", field: "name_ar", value: "شاي أسود فاخر ١٠٠ كيس", may_lose: false
    },
    Edit { sku: "TEA-100", field: "price", value: "19.25", may_lose: false },
    Edit { sku: "SPC-CMN", field: "price", value: "11.11", may_lose: true },
    Edit { sku: "DAT-AJW", field: "name_en", value: "Ajwa dates, premium, 1 kg", may_lose: true },
    Edit {
        sku: "DAT-AJW",
        field: "name_en",
        value: "Ajwa dates from Madinah 1 kg",
        may_lose: false,
    },
];

pub(super) async fn first_sync(world: &World) -> Result<(), Failure> {
    world.say("1. First sync: the shop has 24 products, 6 customers and 10 orders; the accountant had entered 4 of the products already.");
    let dry = world.mizan(&["sync", "--dry-run", "--json"]).await?;
    let commands = dry["plan"]["commands"].as_array().map_or(0, Vec::len);
    world.tell(&format!(
        "preview: {} rows would be linked, {commands} commands sent first; nothing was changed",
        dry["counts"]["linked"]
    ));
    world.sync("sync").await?;
    let again = world.sync("again").await?;
    world.expect("a second sync sends nothing", again["counts"]["events"] == 0)
}

pub(super) async fn edits_on_both_sides(world: &World) -> Result<(), Failure> {
    world.say("2. Edits on both sides of one product: the shop renames TEA-100, the accountant changes its price. The price of SPC-CMN is changed in the shop, where Qoyod owns it.");
    data::edit(&world.shop(), "products", "TEA-100", "name_ar", EDITS[0].value)?;
    world.web_user("TEA-100", "selling_price", EDITS[1].value);
    data::edit(&world.shop(), "products", "SPC-CMN", "price", EDITS[2].value)?;
    world.sync("sync").await?;
    let tea = data::read(&world.shop(), "products", "TEA-100")?;
    world.expect("both edits are on both sides", tea["price"] == EDITS[1].value)?;
    let cumin = data::read(&world.shop(), "products", "SPC-CMN")?;
    world.expect("the owned field was put back", cumin["price"] == "9.95")
}

pub(super) async fn conflict(world: &World) -> Result<(), Failure> {
    world.say("3. A true conflict: both sides rename DAT-AJW. It waits for a person; everything else goes on.");
    data::edit(&world.shop(), "products", "DAT-AJW", "name_en", EDITS[3].value)?;
    world.web_user("DAT-AJW", "name_en", EDITS[4].value);
    let report = world.sync("sync").await?;
    world.expect("the conflict was found", report["standing"]["conflicts"] == 1)?;
    let shown = world.mizan(&["conflicts", "show", "product:DAT-AJW", "--json"]).await?;
    for field in shown["fields"].as_array().into_iter().flatten() {
        world.tell(&format!("{}: shop and Qoyod disagree", field["field"]));
    }
    let at = shown["at"].to_string();
    let decide = [
        "conflicts",
        "resolve",
        "product:DAT-AJW",
        "--take",
        "qoyod",
        "--at",
        &at,
        "--by",
        "demo",
        "--why",
        "the origin is on the label",
        "--json",
    ];
    world.mizan(&decide).await?;
    world.sync("sync").await?;
    for line in world.text(&["explain", "product:DAT-AJW", "name_en"]).await?.lines() {
        world.tell(line);
    }
    Ok(())
}

pub(super) async fn lost_answer(world: &World) -> Result<(), Failure> {
    world.say(
        "4. A lost answer: the shop adds a product, Qoyod stores it, and the answer never arrives.",
    );
    let new = json!({ "sku": "GFT-BOX", "name_ar": "صندوق هدايا", "name_en": "Gift box", "price": "99.00" });
    data::write(&world.shop(), "products", "GFT-BOX", &new)?;
    let fault = OneFault {
        method: "POST".to_owned(),
        path: "/products".to_owned(),
        kind: FaultKind::AnswerLost,
    };
    world.door.next_fault(fault);
    let report = world.sync("sync").await?;
    world.tell(&format!(
        "in doubt during the sync, resolved by its sku: {}",
        report["counts"]["doubts_resolved"]
    ));
    settle(world).await?;
    let rows = world.door.rows("products").iter().filter(|row| row["sku"] == "GFT-BOX").count();
    world.expect("Qoyod has the product once", rows == 1)
}

pub(super) async fn crash(world: &World) -> Result<(), Failure> {
    world.say("5. The machine dies: 120 orders come in, and mizan is killed (kill -9) twice in the middle of sending them.");
    for number in 11..=10 + ORDERS_BEFORE_THE_CRASH {
        data::order(&world.shop(), number)?;
    }
    world.door.set_faults(mizan::adapters::sandbox::Faults { slow_ms: 4, ..Default::default() });
    for share in [3, 2] {
        let before = world.door.writes();
        let goal = before + (ORDERS_BEFORE_THE_CRASH / share / 2) as u64;
        let mut child = world.spawn(&["sync", "--json"])?;
        while world.door.writes() < goal && child.try_wait()?.is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        child.start_kill()?;
        child.wait().await?;
        world.tell(&format!("killed after {} writes", world.door.writes() - before));
    }
    world.door.set_faults(mizan::adapters::sandbox::Faults::default());
    settle(world).await?;
    let invoices = world.door.rows("invoices").len();
    world.expect("every order is one invoice", invoices == 10 + ORDERS_BEFORE_THE_CRASH)
}

/// Syncs until nothing is in doubt and nothing is left to send.
async fn settle(world: &World) -> Result<Json, Failure> {
    let mut report = Json::Null;
    for _ in 0..SYNCS_MAX {
        report = world.sync("sync").await?;
        if report["standing"]["in_doubt"] == 0 && report["complete"] == true {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1_100)).await;
    }
    Ok(report)
}

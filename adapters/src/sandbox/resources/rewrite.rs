//! What the remote makes of values that are written to it, where its vices say so.

use super::super::values::{Fields, amount, shown};
use super::super::world::World;
use rust_decimal::RoundingStrategy;
use serde_json::Value as Json;

const PRICES: &[&str] = &["buying_price", "selling_price"];

/// A record as it is stored.
pub(super) fn stored(world: &World, record: Fields) -> Fields {
    let vices = world.vices;
    let rewrite = |(name, value): (String, Json)| {
        let value = match (vices.price_scale, PRICES.contains(&name.as_str()), amount(Some(&value)))
        {
            (Some(scale), true, Some(price)) => {
                shown(price.round_dp_with_strategy(scale, RoundingStrategy::MidpointAwayFromZero))
            }
            _ => value,
        };
        let value = match value {
            Json::String(text) => {
                let text = if vices.trims_texts { text.trim().to_owned() } else { text };
                let lower = vices.lowers_emails && name == "email";
                let text = if lower { text.to_lowercase() } else { text };
                let most = vices.text_max.unwrap_or(usize::MAX);
                Json::String(text.chars().take(most).collect())
            }
            other => other,
        };
        (name, value)
    };
    record.into_iter().map(rewrite).collect()
}

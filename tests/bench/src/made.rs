//! Made data: products of about 800 bytes, the same in every run.

use mizan_core::event::Evidence;
use mizan_core::{
    ContentHash, Event, Ext, Fact, FieldSet, Image, KeyHash, Name, Seq, SideId, Timestamp, Value,
};
use rust_decimal::Decimal;

/// The fields of a product, in the order of their bits.
pub(crate) const FIELDS: [&str; 17] = [
    "id",
    "sku",
    "title",
    "brand",
    "category",
    "price_cents",
    "currency",
    "vat_rate",
    "stock",
    "weight_g",
    "ean",
    "account",
    "supplier",
    "active",
    "rev",
    "mark",
    "description",
];

/// The entity of all made data.
pub(crate) const ENTITY: &str = "item";

const WORDS: [&str; 24] = [
    "Stuhl", "Tisch", "Lampe", "Größe", "Kabel", "Regal", "Schraube", "Hammer", "café", "crème",
    "oak", "walnut", "steel", "linen", "cotton", "brass", "glass", "folding", "wireless",
    "outdoor", "garden", "kitchen", "كرسي", "قهوة",
];

/// A small generator of numbers that only look random.
pub(crate) struct Numbers(u64);

impl Numbers {
    /// The same seed gives the same numbers.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }

    fn word(&mut self) -> &'static str {
        let at = self.below(WORDS.len() as u64);
        WORDS[usize::try_from(at).unwrap_or(0)]
    }
}

/// The id of a product.
pub(crate) fn id_of(number: u64) -> String {
    format!("p{number:07}")
}

/// A product; `version` changes its price, revision and mark.
pub(crate) fn product(number: u64, version: u64) -> Image {
    let mut numbers = Numbers::new(number + 1);
    let id = id_of(number);
    let mut text = String::with_capacity(460);
    while text.len() < 440 {
        text.push_str(numbers.word());
        text.push(' ');
    }
    let title: Vec<&str> = (0..5).map(|_| numbers.word()).collect();
    let whole = |number: u64| Value::decimal(Decimal::from(number));
    let price = 100_000 + (numbers.below(899_999) + version * 7) % 899_999;
    let fields = [
        ("account", Value::text((8000 + numbers.below(999)).to_string())),
        ("active", Value::Bool(numbers.below(10) > 0)),
        ("brand", Value::text(numbers.word())),
        ("category", Value::text(format!("{}/{}", numbers.word(), numbers.word()))),
        ("currency", Value::text("SAR")),
        ("description", Value::text(text)),
        ("ean", Value::text((4_000_000_000_000 + number).to_string())),
        ("id", Value::text(&id)),
        ("mark", Value::text(format!("v{version:08}"))),
        ("price_cents", whole(price)),
        ("rev", whole(1000 + version)),
        ("sku", Value::text(format!("SKU-{number:07}"))),
        ("stock", whole(1000 + numbers.below(8999))),
        ("supplier", Value::text(format!("SUP-{:04}", numbers.below(500)))),
        ("title", Value::text(title.join(" "))),
        ("vat_rate", whole(15)),
        ("weight_g", whole(100 + numbers.below(9899))),
    ];
    fields.into_iter().map(|(name, value)| (Name::new(name), value)).collect()
}

/// The fields that a new version changes.
pub(crate) fn changed_by_version() -> FieldSet {
    let mut fields = FieldSet::EMPTY;
    for (bit, name) in FIELDS.iter().enumerate() {
        if ["price_cents", "rev", "mark"].contains(name) {
            fields.insert(bit);
        }
    }
    fields
}

/// All fields.
pub(crate) fn all_fields() -> FieldSet {
    FieldSet((1 << FIELDS.len()) - 1)
}

/// An image as it is stored.
pub(crate) struct Body {
    pub(crate) hash: ContentHash,
    pub(crate) bytes: Vec<u8>,
}

impl Body {
    /// The body of an image.
    pub(crate) fn of(image: &Image) -> Self {
        let bytes = image.to_bytes();
        Self { hash: ContentHash::of(Image::DOMAIN, &bytes), bytes }
    }
}

/// What a read of a product shows; `fresh` where the row was never seen.
pub(crate) fn observed(number: u64, side: &SideId, seen: ContentHash, fresh: bool) -> Fact {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&number.to_be_bytes());
    Fact::Observed {
        entity: Name::new(ENTITY),
        side: side.clone(),
        ext: Ext::new(id_of(number)),
        seen: Some(seen),
        changed: if fresh { all_fields() } else { changed_by_version() },
        edit: true,
        key: Some(KeyHash(key)),
        stamp: Some(Timestamp(1_764_000_000_000)),
        tag: Some(number ^ 0x5bd1_e995),
        evidence: Evidence::List,
        ticket: Seq(number),
    }
}

/// An event's bytes; its position is where they stand, so any will do here.
pub(crate) fn bytes_of(fact: Fact) -> Vec<u8> {
    Event { seq: Seq(1), at: Timestamp(1_764_000_000_000), fact }.to_bytes()
}

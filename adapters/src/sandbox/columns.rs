//! Database columns that filters and sorts may name; many differ from the names in answers.

use super::kind::Kind;

/// How the values of a column compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sort {
    Flag,
    Number,
    Text,
    Time,
}

/// A column, the field that shows it, and its order.
pub(crate) type Column = (&'static str, &'static str, Sort);

const COMMON: &[Column] = &[
    ("id", "id", Sort::Number),
    ("created_at", "created_at", Sort::Time),
    ("updated_at", "updated_at", Sort::Time),
];

/// Finds a column; names that only answers use are not found.
pub(crate) fn column(kind: Kind, name: &str) -> Option<Column> {
    let own = own(kind).iter().chain(COMMON).find(|(column, ..)| *column == name).copied();
    own.filter(|(_, _, sort)| *sort != Sort::Time || name == "date" || is_stamped(kind, name))
}

fn is_stamped(kind: Kind, name: &str) -> bool {
    kind.is_stamped() || !matches!(name, "created_at" | "updated_at")
}

fn own(kind: Kind) -> &'static [Column] {
    match kind {
        Kind::Accounts => &[
            ("code", "code", Sort::Text),
            ("en_name", "name_en", Sort::Text),
            ("ar_name", "name_ar", Sort::Text),
        ],
        Kind::Adjustments => &[],
        Kind::Categories => &[
            ("name", "name", Sort::Text),
            ("parent_id", "parent_id", Sort::Number),
            ("level", "_level", Sort::Number),
        ],
        Kind::Customers => &[
            ("contact_name", "name", Sort::Text),
            ("name", "name", Sort::Text),
            ("primary_email", "email", Sort::Text),
            ("organization", "organization", Sort::Text),
            ("phone_number", "phone_number", Sort::Text),
            ("status", "status", Sort::Text),
            ("tax_number", "tax_number", Sort::Text),
        ],
        Kind::Inventories => &[("name", "name", Sort::Text), ("city", "city", Sort::Text)],
        Kind::Invoices => &[
            ("contact_id", "contact_id", Sort::Number),
            ("due_date", "due_date", Sort::Time),
            ("issue_date", "issue_date", Sort::Time),
            ("reference", "reference", Sort::Text),
            ("status", "status", Sort::Text),
        ],
        Kind::Payments => &[
            ("account_id", "account_id", Sort::Number),
            ("contact_id", "contact_id", Sort::Number),
            ("date", "date", Sort::Time),
            // Filters compare the stored code: 0 for received.
            ("kind", "_kind", Sort::Number),
            ("reference", "reference", Sort::Text),
        ],
        Kind::Products => &[
            ("barcode", "barcode", Sort::Text),
            ("category_id", "category_id", Sort::Number),
            ("en_name", "name_en", Sort::Text),
            ("name", "name_ar", Sort::Text),
            ("sku", "sku", Sort::Text),
            ("track_quantity", "track_quantity", Sort::Flag),
        ],
        Kind::TaxReasons => &[("code", "code", Sort::Text), ("category", "category", Sort::Text)],
        Kind::Taxes => &[("code", "code", Sort::Text), ("english_name", "name_en", Sort::Text)],
        Kind::Units => &[
            ("unit_name", "unit_name", Sort::Text),
            ("unit_representation", "unit_representation", Sort::Text),
        ],
    }
}

//! The kinds of record, with the names that paths and bodies give them.

/// A kind of record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Accounts,
    Adjustments,
    Categories,
    Customers,
    Inventories,
    Invoices,
    Payments,
    Products,
    TaxReasons,
    Taxes,
    Units,
}

impl Kind {
    pub(crate) const ALL: [Self; 11] = [
        Self::Accounts,
        Self::Adjustments,
        Self::Categories,
        Self::Customers,
        Self::Inventories,
        Self::Invoices,
        Self::Payments,
        Self::Products,
        Self::TaxReasons,
        Self::Taxes,
        Self::Units,
    ];

    /// The kind behind the first part of a path.
    pub(crate) fn of_path(part: &str) -> Option<Self> {
        // A payment of an invoice is a receipt: one space of ids, two paths.
        let part = if part == "receipts" { "invoice_payments" } else { part };
        Self::ALL.into_iter().find(|kind| kind.path() == part)
    }

    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Adjustments => "inventory_adjustments",
            Self::Categories => "categories",
            Self::Customers => "customers",
            Self::Inventories => "inventories",
            Self::Invoices => "invoices",
            Self::Payments => "invoice_payments",
            Self::Products => "products",
            Self::TaxReasons => "special_tax_reasons",
            Self::Taxes => "taxes",
            Self::Units => "product_unit_types",
        }
    }

    /// The root key of a request.
    pub(crate) fn request_root(self) -> &'static str {
        match self {
            Self::Payments => "invoice_payment",
            kind => kind.root(),
        }
    }

    /// The root key of an answer with one record.
    pub(crate) fn root(self) -> &'static str {
        match self {
            Self::Accounts => "account",
            Self::Adjustments => "inventory_adjustment",
            Self::Categories => "category",
            Self::Customers => "contact",
            Self::Inventories => "inventory",
            Self::Invoices => "invoice",
            Self::Payments => "receipt",
            Self::Products => "product",
            Self::TaxReasons => "special_tax_reason",
            Self::Taxes => "tax",
            Self::Units => "product_unit_type",
        }
    }

    /// The root key of a list.
    pub(crate) fn list_root(self) -> &'static str {
        match self {
            Self::Payments => "receipts",
            kind => kind.path(),
        }
    }

    /// The root key of the answer to a batch, and its status.
    pub(crate) fn batch_answer(self) -> (u16, &'static str) {
        match self {
            Self::Customers => (200, "contacts"),
            kind => (201, kind.path()),
        }
    }

    /// The status of the answer to a creation.
    pub(crate) fn created_status(self) -> u16 {
        match self {
            Self::Adjustments | Self::Payments => 200,
            _ => 201,
        }
    }

    /// Whether records of this kind carry `created_at` and `updated_at`.
    pub(crate) fn is_stamped(self) -> bool {
        !matches!(self, Self::Taxes | Self::TaxReasons)
    }
}

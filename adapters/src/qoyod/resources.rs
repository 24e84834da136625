//! The resources that a commerce sync needs, with what is odd about each.

/// One resource of the API.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resource {
    /// Its path, and its name in the configuration.
    pub(super) name: &'static str,
    /// Root key of a request body.
    pub(super) request_root: &'static str,
    /// Root key of a listing.
    pub(super) list_root: &'static str,
    /// Root key of one row.
    pub(super) single_root: &'static str,
    /// `q[updated_at_gteq]` works.
    pub(super) since: bool,
    /// Listings come in pages.
    pub(super) paged: bool,
    /// Rows can be created.
    pub(super) create: bool,
    /// Rows can be changed.
    pub(super) update: bool,
    /// Rows can be deleted.
    pub(super) delete: bool,
    /// The field whose values are unique.
    pub(super) unique: Option<&'static str>,
    /// Names in answers that are other names in requests.
    pub(super) renames: &'static [(&'static str, &'static str)],
    /// Fields of answers that a request must not carry.
    pub(super) read_only: &'static [&'static str],
    /// Names in answers that are other column names in filters.
    pub(super) columns: &'static [(&'static str, &'static str)],
    /// The exact words of "there is no such row", besides "found nothing".
    pub(super) missing: &'static str,
}

const PLAIN: Resource = Resource {
    name: "",
    request_root: "",
    list_root: "",
    single_root: "",
    since: true,
    paged: false,
    create: true,
    update: true,
    delete: false,
    unique: None,
    renames: &[],
    read_only: &["id", "created_at", "updated_at"],
    columns: &[],
    missing: "We found nothing",
};

/// All of them.
pub(super) const RESOURCES: &[Resource] = &[
    Resource {
        name: "products",
        request_root: "product",
        list_root: "products",
        single_root: "product",
        paged: true,
        unique: Some("sku"),
        renames: &[
            ("name_ar", "name"),
            ("name_en", "en_name"),
            ("is_sold", "sale_item"),
            ("is_bought", "purchase_item"),
            ("unit_type", "product_unit_type_id"),
        ],
        read_only: &["id", "created_at", "updated_at", "inventories", "unit", "unit_conversions"],
        columns: &[("name_en", "en_name"), ("name_ar", "name")],
        missing: "Product not found",
        ..PLAIN
    },
    Resource {
        name: "inventories",
        request_root: "inventory",
        list_root: "inventories",
        single_root: "inventory",
        missing: "Inventory not found",
        ..PLAIN
    },
    Resource {
        name: "inventory_adjustments",
        request_root: "inventory_adjustment",
        list_root: "inventory_adjustments",
        single_root: "inventory_adjustment",
        since: false,
        update: false,
        ..PLAIN
    },
    Resource {
        name: "categories",
        request_root: "category",
        list_root: "categories",
        single_root: "category",
        ..PLAIN
    },
    Resource {
        name: "product_unit_types",
        request_root: "product_unit_type",
        list_root: "product_unit_types",
        single_root: "product_unit_type",
        update: false,
        missing: "Product Unit Type not found",
        ..PLAIN
    },
    Resource {
        name: "taxes",
        request_root: "tax",
        list_root: "taxes",
        single_root: "tax",
        since: false,
        paged: true,
        create: false,
        update: false,
        ..PLAIN
    },
    Resource {
        name: "accounts",
        request_root: "account",
        list_root: "accounts",
        single_root: "account",
        since: false,
        paged: true,
        columns: &[("name_en", "en_name")],
        ..PLAIN
    },
    Resource {
        name: "customers",
        request_root: "contact",
        list_root: "customers",
        single_root: "contact",
        paged: true,
        columns: &[("name", "contact_name"), ("email", "primary_email")],
        missing: "Customer Not Found",
        ..PLAIN
    },
    Resource {
        name: "invoices",
        request_root: "invoice",
        list_root: "invoices",
        single_root: "invoice",
        paged: true,
        delete: true,
        unique: Some("reference"),
        renames: &[("terms_conditions", "terms_and_conditions")],
        read_only: &["id", "created_at", "updated_at", "total", "due_amount", "paid_amount"],
        ..PLAIN
    },
    Resource {
        name: "invoice_payments",
        request_root: "invoice_payment",
        list_root: "receipts",
        single_root: "receipt",
        paged: true,
        update: false,
        unique: Some("reference"),
        missing: "Invalid receipt ID. Please provide a valid receipt ID.",
        ..PLAIN
    },
];

/// The resource of that name.
pub(super) fn resource(name: &str) -> Option<&'static Resource> {
    RESOURCES.iter().find(|resource| resource.name == name)
}

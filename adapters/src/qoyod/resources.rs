//! The resources that a commerce sync needs, with what is odd about each.

/// How a listing comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Paging {
    /// In pages.
    Pages,
    /// In pages where they are asked for, and whole where not.
    OnDemand,
    /// Always whole.
    Whole,
    /// There is none: rows can be written and never be read again.
    Never,
}

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
    /// How its listing comes.
    pub(super) paging: Paging,
    /// `q[updated_at_gteq]` works.
    pub(super) since: bool,
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
    /// Names that older and newer documents spell differently; requests carry both spellings.
    pub(super) doubles: &'static [(&'static str, &'static str)],
    /// Fields of answers that a request must not carry, besides id and stamps.
    pub(super) read_only: &'static [&'static str],
    /// Rows have `line_items`.
    pub(super) lines: bool,
    /// Names in answers that can be filtered by, with their column names.
    pub(super) columns: &'static [(&'static str, &'static str)],
    /// The noun in "We could not retrieve your …, we found nothing".
    pub(super) noun: &'static str,
    /// The exact words of "there is no such row", besides "We found nothing"; `{id}` stands for the id.
    pub(super) missing: &'static str,
}

/// Fields that no request carries.
pub(super) const STAMPS: &[&str] = &["id", "created_at", "updated_at"];

/// Names of line fields in answers that are other names in requests.
pub(super) const LINE_RENAMES: &[(&str, &str)] =
    &[("tax_percent", "tax_percentage"), ("unit_type", "unit_id")];

/// Line fields of answers that a request must not carry.
pub(super) const LINE_READ_ONLY: &[&str] =
    &["id", "product_name", "unit", "line_total", "discount_amount", "unrounded_vat_value"];

const PLAIN: Resource = Resource {
    name: "",
    request_root: "",
    list_root: "",
    single_root: "",
    paging: Paging::Pages,
    since: true,
    create: true,
    update: true,
    delete: false,
    unique: None,
    renames: &[],
    doubles: &[],
    read_only: &[],
    lines: false,
    columns: &[],
    noun: "",
    missing: "We found nothing",
};

/// All of them.
pub(super) const RESOURCES: &[Resource] = &[
    PRODUCTS,
    INVENTORIES,
    INVENTORY_ADJUSTMENTS,
    CATEGORIES,
    PRODUCT_UNIT_TYPES,
    TAXES,
    ACCOUNTS,
    CUSTOMERS,
    INVOICES,
    INVOICE_PAYMENTS,
];

const PRODUCTS: Resource = Resource {
    name: "products",
    request_root: "product",
    list_root: "products",
    single_root: "product",
    unique: Some("sku"),
    renames: &[
        ("name_ar", "name"),
        ("name_en", "en_name"),
        ("is_sold", "sale_item"),
        ("is_bought", "purchase_item"),
        ("unit_type", "product_unit_type_id"),
    ],
    read_only: &["inventories", "unit"],
    columns: &[("sku", "sku"), ("name_en", "en_name"), ("category_id", "category_id")],
    noun: "products",
    missing: "Product not found",
    ..PLAIN
};

const INVENTORIES: Resource = Resource {
    name: "inventories",
    request_root: "inventory",
    list_root: "inventories",
    single_root: "inventory",
    paging: Paging::Whole,
    read_only: &["is_default", "product_count", "total_value", "contact_shipping_address"],
    columns: &[("name", "name"), ("city", "city")],
    noun: "inventories",
    missing: "Inventory not found",
    ..PLAIN
};

const INVENTORY_ADJUSTMENTS: Resource = Resource {
    name: "inventory_adjustments",
    request_root: "inventory_adjustment",
    list_root: "inventory_adjustments",
    single_root: "inventory_adjustment",
    paging: Paging::Never,
    since: false,
    update: false,
    lines: true,
    noun: "inventory adjustments",
    ..PLAIN
};

const CATEGORIES: Resource = Resource {
    name: "categories",
    request_root: "category",
    list_root: "categories",
    single_root: "category",
    paging: Paging::Whole,
    columns: &[("name", "name"), ("parent_id", "parent_id")],
    noun: "categories",
    // Under the key `invoice`, of all names.
    missing: "category with id: {id} is not found",
    ..PLAIN
};

const PRODUCT_UNIT_TYPES: Resource = Resource {
    name: "product_unit_types",
    request_root: "product_unit_type",
    list_root: "product_unit_types",
    single_root: "product_unit_type",
    paging: Paging::Whole,
    update: false,
    columns: &[("unit_name", "unit_name"), ("unit_representation", "unit_representation")],
    noun: "product unit types",
    missing: "Product Unit Type not found",
    ..PLAIN
};

const TAXES: Resource = Resource {
    name: "taxes",
    request_root: "tax",
    list_root: "taxes",
    single_root: "tax",
    since: false,
    create: false,
    update: false,
    columns: &[("name_en", "english_name"), ("code", "code")],
    noun: "taxes",
    ..PLAIN
};

const ACCOUNTS: Resource = Resource {
    name: "accounts",
    request_root: "account",
    list_root: "accounts",
    single_root: "account",
    paging: Paging::OnDemand,
    // Tokens of the basic scope see accounts without stamps.
    since: false,
    doubles: &[("name_en", "en_name"), ("name_ar", "ar_name")],
    read_only: &["balance", "group_type", "account_nature", "type_of_account", "parent_type"],
    columns: &[("name_en", "en_name"), ("code", "code")],
    noun: "accounts",
    ..PLAIN
};

const CUSTOMERS: Resource = Resource {
    name: "customers",
    request_root: "contact",
    list_root: "customers",
    single_root: "contact",
    columns: &[("email", "primary_email"), ("name", "contact_name"), ("tax_number", "tax_number")],
    noun: "customers",
    missing: "Customer Not Found",
    ..PLAIN
};

const INVOICES: Resource = Resource {
    name: "invoices",
    request_root: "invoice",
    list_root: "invoices",
    single_root: "invoice",
    delete: true,
    unique: Some("reference"),
    renames: &[("terms_conditions", "terms_and_conditions")],
    read_only: &[
        "total",
        "due_amount",
        "paid_amount",
        "payments",
        "created_by",
        "qrcode_string",
        "zatca_details",
    ],
    lines: true,
    columns: &[
        ("reference", "reference"),
        ("contact_id", "contact_id"),
        ("issue_date", "issue_date"),
        ("status", "status"),
    ],
    noun: "invoices",
    ..PLAIN
};

const INVOICE_PAYMENTS: Resource = Resource {
    name: "invoice_payments",
    request_root: "invoice_payment",
    list_root: "receipts",
    single_root: "receipt",
    update: false,
    unique: Some("reference"),
    read_only: &["kind", "contact_id", "is_receipt", "allocations"],
    columns: &[("reference", "reference")],
    noun: "receipts",
    missing: "Invalid receipt ID. Please provide a valid receipt ID.",
    ..PLAIN
};

/// The resource of that name.
pub(super) fn resource(name: &str) -> Option<&'static Resource> {
    RESOURCES.iter().find(|resource| resource.name == name)
}

/// The names of all resources, for an error's text.
pub(super) fn names() -> String {
    let names: Vec<&str> = RESOURCES.iter().map(|resource| resource.name).collect();
    names.join(", ")
}

impl Resource {
    /// Rows can be read, alone and in listings.
    pub(super) fn readable(&self) -> bool {
        self.paging != Paging::Never
    }

    /// The name that a request uses for a name of an answer.
    pub(super) fn asks<'a>(&self, shows: &'a str) -> &'a str
    where
        'static: 'a,
    {
        self.renames.iter().find(|(name, _)| *name == shows).map_or(shows, |(_, asks)| asks)
    }

    /// The name that an answer uses for a name of an answer or a request.
    pub(super) fn shows<'a>(&self, name: &'a str) -> &'a str
    where
        'static: 'a,
    {
        self.renames.iter().find(|(_, asks)| *asks == name).map_or(name, |(shows, _)| shows)
    }

    /// The column that a field can be filtered by.
    pub(super) fn column(&self, name: &str) -> Option<&'static str> {
        let shows = self.shows(name);
        self.columns.iter().find(|(field, _)| *field == shows).map(|(_, column)| *column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_roots_and_columns_are_there_and_unique() {
        for (at, known) in RESOURCES.iter().enumerate() {
            for text in
                [known.name, known.request_root, known.list_root, known.single_root, known.noun]
            {
                assert!(!text.is_empty(), "{}", known.name);
            }
            assert_eq!(RESOURCES.iter().position(|r| r.name == known.name), Some(at));
            assert!(known.unique.is_none_or(|unique| known.column(unique).is_some()));
        }
    }

    #[test]
    fn either_spelling_leads_to_the_other() {
        let products = resource("products").unwrap();
        assert_eq!(products.asks("is_sold"), "sale_item");
        assert_eq!(products.asks("sku"), "sku");
        assert_eq!(products.shows("product_unit_type_id"), "unit_type");
        assert_eq!(products.column("en_name"), Some("en_name"));
        assert_eq!(products.column("barcode"), None);
        assert_eq!(resource("customers").unwrap().column("email"), Some("primary_email"));
        assert_eq!(resource("contacts"), None);
    }
}

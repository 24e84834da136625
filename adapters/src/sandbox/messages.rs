//! Texts of refusals, in the two languages of the header `LOCALE`.

/// The language of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Locale {
    Arabic,
    English,
}

/// What a refusal says.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    /// As most resources say it.
    Blank,
    /// As the framework says it.
    Absent,
    Taken,
    TakenBy(u64),
    SelectTaxes,
    NeedsPrice,
    NotANumber,
    NotPositive,
    TooManyDecimals,
    TooLong(usize),
    Invalid,
    NotListed,
    DoesNotExist,
    Frozen,
    NotTracked,
    OutOfStock,
    Exceeds,
    /// Said in English only.
    Plain(String),
}

impl Message {
    pub(crate) fn plain(text: &str) -> Self {
        Self::Plain(text.to_owned())
    }

    pub(crate) fn text(&self, locale: Locale) -> String {
        let (english, arabic) = match self {
            Self::TakenBy(id) => {
                return match locale {
                    Locale::English => format!("Reference is already taken by id {id}"),
                    Locale::Arabic => format!("المرجع مستخدم من قبل {id}"),
                };
            }
            Self::TooLong(most) => {
                return match locale {
                    Locale::English => format!("is too long (maximum is {most} characters)"),
                    Locale::Arabic => format!("طويل جدا (الحد الأقصى {most} حرفا)"),
                };
            }
            Self::Plain(text) => return text.clone(),
            Self::Blank => ("Can't be blank", "لا يمكن أن يكون فارغا"),
            Self::Absent => ("can't be blank", "لا يمكن أن يكون فارغا"),
            Self::Taken => ("has already been taken", "مستخدم من قبل"),
            Self::SelectTaxes => ("Please select taxes", "الرجاء اختيار الضريبة"),
            Self::NeedsPrice => (
                "enter at least a purchase price or a sales price to continue.",
                "أدخل سعر شراء أو سعر بيع للمتابعة.",
            ),
            Self::NotANumber => ("must be a number", "يجب أن يكون رقما"),
            Self::NotPositive => ("must be greater than 0", "يجب أن يكون أكبر من صفر"),
            Self::TooManyDecimals => ("has more than 10 decimals", "أكثر من 10 خانات عشرية"),
            Self::Invalid => ("is invalid", "غير صالح"),
            Self::NotListed => ("is not included in the list", "غير موجود في القائمة"),
            Self::DoesNotExist => ("does not exist", "غير موجود"),
            Self::Frozen => ("cannot be changed after use", "لا يمكن تغييره بعد الاستخدام"),
            Self::NotTracked => ("is not tracked", "غير متتبع الكمية"),
            Self::OutOfStock => ("quantity is not available in the inventory", "الكمية غير متوفرة"),
            Self::Exceeds => ("exceeds the due amount", "يتجاوز المبلغ المستحق"),
        };
        let text = if locale == Locale::English { english } else { arabic };
        text.to_owned()
    }
}

/// Messages by field, in the order in which they were found.
#[derive(Debug, Default)]
pub(crate) struct FieldErrors(Vec<(String, Message)>);

impl FieldErrors {
    pub(crate) fn add(&mut self, field: &str, message: Message) {
        self.0.push((field.to_owned(), message));
    }

    pub(crate) fn one(field: &str, message: Message) -> Self {
        Self(vec![(field.to_owned(), message)])
    }

    /// Says yes where nothing was found.
    pub(crate) fn verdict(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }

    pub(crate) fn json(&self, locale: Locale) -> serde_json::Value {
        let mut fields: serde_json::Map<String, serde_json::Value> = serde_json::Map::new();
        for (field, message) in &self.0 {
            let entry = fields.entry(field.clone()).or_insert_with(|| serde_json::json!([]));
            if let Some(messages) = entry.as_array_mut() {
                messages.push(message.text(locale).into());
            }
        }
        fields.into()
    }
}

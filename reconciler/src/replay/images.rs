//! Images on the way through a log: read once, kept as long as they are likely to be asked for again.

use crate::engine::Journal;
use mizan_core::bodies::Bodies;
use mizan_core::{ContentHash, Image};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Images of a generation; two of them are kept.
const GENERATION: usize = 20_000;

/// The images of a log. What was not asked for while a generation filled up is let go, so that a log of any length
/// takes the same memory.
pub(crate) struct Images<'a> {
    journal: &'a Journal,
    kept: RefCell<Kept>,
}

#[derive(Default)]
struct Kept {
    young: BTreeMap<ContentHash, Image>,
    old: BTreeMap<ContentHash, Image>,
}

impl<'a> Images<'a> {
    pub(crate) fn of(journal: &'a Journal) -> Self {
        Self { journal, kept: RefCell::default() }
    }
}

impl Bodies for Images<'_> {
    fn image(&self, hash: &ContentHash) -> Option<Image> {
        let mut kept = self.kept.borrow_mut();
        if let Some(image) = kept.young.get(hash) {
            return Some(image.clone());
        }
        let image = match kept.old.remove(hash) {
            Some(image) => image,
            // What cannot be read is as good as missing: the caller says which. What was erased still reads as an
            // image, without its values; it is not the one that was asked for.
            None => {
                let bytes = self.journal.body(hash).ok().flatten()?;
                if ContentHash::of(Image::DOMAIN, &bytes) != *hash {
                    return None;
                }
                Image::from_bytes(&bytes).ok()?
            }
        };
        if kept.young.len() >= GENERATION {
            kept.old = std::mem::take(&mut kept.young);
        }
        kept.young.insert(*hash, image.clone());
        Some(image)
    }
}

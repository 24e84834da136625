//! Bodies: the images behind the hashes, and what pure functions hand back.

use crate::event::Fact;
use crate::fold::empty_image;
use crate::hash::ContentHash;
use crate::image::Image;

/// Finds an image by its hash; the store's content-addressed bodies, or a map in a test.
pub trait Bodies {
    /// The image, or `None` where it is not there.
    fn image(&self, hash: &ContentHash) -> Option<Image>;
}

/// An image that the log refers to is not in the store: it was erased or the store is damaged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the content {0} is not in the store; run `mizan doctor` to see whether the log is damaged"
)]
pub struct MissingBody(pub ContentHash);

/// The image of a hash.
///
/// # Errors
/// When it is missing.
pub fn image_of(bodies: &dyn Bodies, hash: &ContentHash) -> Result<Image, MissingBody> {
    if *hash == empty_image() {
        return Ok(Image::default());
    }
    bodies.image(hash).ok_or(MissingBody(*hash))
}

/// An image with its canonical bytes and their hash, computed once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// The hash of the bytes.
    pub hash: ContentHash,
    /// The canonical bytes.
    pub bytes: Vec<u8>,
    /// What they say.
    pub image: Image,
}

/// Facts to append in one batch, with the images that they refer to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The facts, in order.
    pub facts: Vec<Fact>,
    /// The images.
    pub images: Vec<Body>,
}

impl Outcome {
    /// One fact without images.
    #[must_use]
    pub fn fact(fact: Fact) -> Self {
        Self { facts: vec![fact], images: Vec::new() }
    }

    /// Keeps an image and returns its hash.
    pub fn keep(&mut self, image: Image) -> ContentHash {
        let bytes = image.to_bytes();
        let hash = ContentHash::of(Image::DOMAIN, &bytes);
        let known = self.images.last().is_some_and(|last| last.hash == hash);
        if hash != empty_image() && !known {
            self.images.push(Body { hash, bytes, image });
        }
        hash
    }

    /// Puts another outcome behind this one.
    pub fn extend(&mut self, other: Self) {
        self.facts.extend(other.facts);
        self.images.extend(other.images);
    }

    /// True where there is nothing to append.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }
}

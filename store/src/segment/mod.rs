//! Segment files: the plain copy of the log that a commit rests on.
//!
//! A log is `segments/00000001.seg`, `00000002.seg`, ... Each file is a [`header`](file) of 64 bytes
//! and then [frames](frame), one group of frames for each batch, zero filled ahead of the writer.
//! All numbers are little-endian. The bytes of a frame in a segment file and in sled are the same.

pub(crate) mod entry;
pub(crate) mod file;
pub(crate) mod frame;
pub(crate) mod index;
pub(crate) mod reader;
pub(crate) mod summary;
pub(crate) mod survey;
pub(crate) mod writer;

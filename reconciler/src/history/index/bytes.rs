//! The index as bytes: parts after their lengths, numbers in eight bytes, least first.

/// Writes a part after its length.
pub(super) fn put(out: &mut Vec<u8>, part: &[u8]) {
    out.extend((part.len() as u64).to_le_bytes());
    out.extend_from_slice(part);
}

/// Writes numbers of four bytes after their count.
pub(super) fn put_small(out: &mut Vec<u8>, numbers: &[u32]) {
    out.extend((numbers.len() as u64 * 4).to_le_bytes());
    numbers.iter().for_each(|number| out.extend(number.to_le_bytes()));
}

/// Writes numbers of eight bytes after their count.
pub(super) fn put_large(out: &mut Vec<u8>, numbers: &[u64]) {
    out.extend((numbers.len() as u64 * 8).to_le_bytes());
    numbers.iter().for_each(|number| out.extend(number.to_le_bytes()));
}

/// Reads what was written; anything else is `None`.
pub(super) struct Parts<'a>(&'a [u8]);

impl<'a> Parts<'a> {
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk::<8>()?;
        self.0 = rest;
        Some(u64::from_le_bytes(*number))
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (part, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(part)
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    pub(super) fn small(&mut self) -> Option<Vec<u32>> {
        let (numbers, []) = self.bytes()?.as_chunks::<4>() else { return None };
        Some(numbers.iter().map(|number| u32::from_le_bytes(*number)).collect())
    }

    pub(super) fn large(&mut self) -> Option<Vec<u64>> {
        let (numbers, []) = self.bytes()?.as_chunks::<8>() else { return None };
        Some(numbers.iter().map(|number| u64::from_le_bytes(*number)).collect())
    }

    pub(super) fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// Writes a number in seven-bit groups, least first.
pub(super) fn push_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Reads such a number from the front; `None` at the end.
pub(super) fn pull_number(bytes: &mut &[u8]) -> Option<u64> {
    let (mut number, mut shift) = (0_u64, 0);
    while let Some((byte, rest)) = bytes.split_first() {
        *bytes = rest;
        number |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
        if byte & 0x80 == 0 {
            return Some(number);
        }
        shift += 7;
    }
    None
}

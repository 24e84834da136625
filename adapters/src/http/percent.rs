//! Percent-encoding of the two places where a value of ours becomes part of a text: path segments and forms.

/// Encodes a value as one path segment, so that a slash in an id cannot name another resource.
///
/// Everything but RFC 3986's unreserved characters is escaped. The segments `.` and `..` cannot be escaped by any
/// encoding; [`Client`](super::Client) refuses a path that holds one.
#[must_use]
pub fn segment(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    push(&mut out, value, "%20");
    out
}

/// Encodes pairs as `application/x-www-form-urlencoded`.
///
/// Names and values are escaped alike; a space becomes `+`, as the format wants it.
#[must_use]
pub fn form(pairs: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        push(&mut out, name, "+");
        out.push('=');
        push(&mut out, value, "+");
    }
    out
}

fn push(out: &mut String, value: &str, space: &str) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            b' ' => out.push_str(space),
            _ => {
                out.push('%');
                out.push(char::from(HEX[usize::from(byte >> 4)]));
                out.push(char::from(HEX[usize::from(byte & 15)]));
            }
        }
    }
}

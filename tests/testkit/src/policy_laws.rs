//! Laws of a policy.

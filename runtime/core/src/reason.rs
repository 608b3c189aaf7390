//! Reasons: why a session or a scope ends, and why an operation failed. Other nodes are told of them, so they have one length
//! limit, the same at every node: a reason that another node refused would leave it in ignorance of the end.

use std::sync::Arc;

/// The longest reason of an abort or a failure, in bytes. A longer one is cut, and says so.
pub const REASON_BYTES_MAX: usize = 16 * 1024;

/// The reason, no longer than [`REASON_BYTES_MAX`]: the beginning of a longer one, and how long it was.
#[must_use]
pub fn cut_reason(reason: Arc<str>) -> Arc<str> {
    if reason.len() <= REASON_BYTES_MAX {
        return reason;
    }
    let note = format!("… (cut: the reason has {} bytes, more than {REASON_BYTES_MAX})", reason.len());
    let kept = reason.floor_char_boundary(REASON_BYTES_MAX - note.len());
    let (kept, _) = reason.split_at(kept);
    format!("{kept}{note}").into()
}

#[cfg(test)]
mod tests {
    use super::{REASON_BYTES_MAX, cut_reason};

    #[test]
    fn a_reason_that_is_too_long_is_cut_between_characters_and_says_so() {
        let longest = "x".repeat(REASON_BYTES_MAX);
        assert_eq!(&*cut_reason(longest.as_str().into()), longest);
        for (character, before) in
            [("x", ""), ("é", ""), ("é", "a"), ("🦁", ""), ("🦁", "a"), ("🦁", "ab"), ("🦁", "abc")]
        {
            let long = format!("{before}{}", character.repeat(5_000_000));
            let cut = cut_reason(long.as_str().into());
            assert!(cut.len() <= REASON_BYTES_MAX && cut.len() > REASON_BYTES_MAX - 4, "{} bytes", cut.len());
            let note = format!("{character}… (cut: the reason has {} bytes, more than 16384)", long.len());
            assert!(cut.starts_with(before) && cut.ends_with(&note));
        }
    }
}

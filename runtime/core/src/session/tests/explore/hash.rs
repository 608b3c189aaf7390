//! A digest of what a value shows of itself, without the text being kept: 128 bits, so that no two states of an exploration are taken for one.

use std::fmt::{Debug, Write};

struct Hasher(u64, u64);

/// Of the value's `Debug`.
pub fn hash_of(value: &impl Debug) -> u128 {
    let mut hasher = Hasher(0x9e37_79b9_7f4a_7c15, 0xbf58_476d_1ce4_e5b9);
    write!(hasher, "{value:?}").expect("a hasher takes everything");
    u128::from(mix(hasher.0)) << 64 | u128::from(mix(hasher.1))
}

/// SplitMix64's last step.
pub fn mix(value: u64) -> u64 {
    let mixed = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

impl Write for Hasher {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for piece in text.as_bytes().chunks(8) {
            let mut bytes = [0; 8];
            bytes[..piece.len()].copy_from_slice(piece);
            let word = u64::from_le_bytes(bytes) ^ (piece.len() as u64) << 56;
            self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
            self.1 = (self.1.rotate_left(29) ^ word).wrapping_mul(0xd6e8_feb8_6659_fd93);
        }
        Ok(())
    }
}

//! The one source of chance of a simulated run.

use std::ops::Range;

/// SplitMix64: every state is followed by all others, so any seed is as good as any.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Self(seed);
        // Seeds that follow one another would begin alike.
        random.next();
        random
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number of the range; its start where the range is empty.
    pub(super) fn within(&mut self, range: Range<u64>) -> u64 {
        range.start + self.next() % range.end.saturating_sub(range.start).max(1)
    }

    pub(super) fn chance(&mut self, chance: f64) -> bool {
        // Nothing is drawn for what cannot happen: a run without a fault is the same whether the fault exists or not.
        chance > 0.0 && (self.next() >> 11) as f64 / ((1_u64 << 53) as f64) < chance
    }

    /// Mostly short, now and then long: of `range`, each power of two as likely as the next.
    pub(super) fn skewed(&mut self, range: Range<u64>) -> u64 {
        let span = range.end.saturating_sub(range.start).max(1);
        let bits = u64::from(64 - span.leading_zeros());
        let bound = 1_u64.checked_shl(self.within(0..bits + 1) as u32).unwrap_or(u64::MAX).min(span);
        range.start + self.within(0..bound)
    }
}

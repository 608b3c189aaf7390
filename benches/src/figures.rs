//! Medians and other percentiles.

use std::time::Duration;

/// The value below which so many per cent of `samples` lie; zero where there are none.
pub fn percentile(samples: &mut [Duration], per_cent: usize) -> Duration {
    samples.sort();
    let index = (samples.len().saturating_sub(1) * per_cent).div_ceil(100);
    samples.get(index).copied().unwrap_or_default()
}

/// In milliseconds, for a table.
pub fn ms(duration: Duration) -> String {
    format!("{:.3} ms", duration.as_secs_f64() * 1e3)
}

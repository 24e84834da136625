//! The sliding window, by property, in time that is only counted and never waited for.

use mizan_adapters::http::{Admission, Window};
use std::time::Duration;
use tokio::time::Instant;

const PERIOD: Duration = Duration::from_secs(60);

/// SplitMix64, so that a failing seed can be run again.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

/// The obvious model: count all earlier ones in the last period, both ends included.
fn earliest(admitted: &[u64], max: usize, from_ms: u64) -> u64 {
    let period_ms = 60_000;
    let mut at_ms = from_ms;
    loop {
        let recent: Vec<_> = admitted.iter().filter(|ms| **ms + period_ms >= at_ms).collect();
        if recent.len() < max {
            return at_ms;
        }
        at_ms = *recent[0] + period_ms + 1;
    }
}

#[test]
fn never_more_than_n_in_any_period_and_never_later_than_needed() {
    let start = Instant::now();
    let at = |ms| start + Duration::from_millis(ms);
    for seed in 0..300 {
        let mut dice = Dice(seed);
        let max = 1 + dice.below(12);
        // From floods to trickles, so that some seeds always wait and some never do.
        let gap_ms = [1, 50, 2_000, 20_000, 90_000][usize::try_from(dice.below(5)).unwrap()];
        let mut window = Window::new(Some(u32::try_from(max).unwrap()), PERIOD);
        let max = usize::try_from(max).unwrap();
        let (mut now_ms, mut paused_ms) = (0, 0);
        let mut admitted: Vec<u64> = Vec::new();
        for _ in 0..120 {
            now_ms += if dice.below(4) == 0 { 0 } else { dice.below(gap_ms) };
            if dice.below(20) == 0 {
                paused_ms = paused_ms.max(now_ms + dice.below(100_000));
                window.pause_until(at(paused_ms));
            }
            let wished_ms = earliest(&admitted, max, now_ms.max(paused_ms));
            while let Admission::Until(until) = window.admit(at(now_ms)) {
                assert!(until > at(now_ms), "seed {seed}: waiting makes progress");
                now_ms = u64::try_from((until - start).as_millis()).unwrap();
            }
            assert_eq!(now_ms, wished_ms, "seed {seed}: as the model says");
            admitted.push(now_ms);
        }
        for pair in admitted.windows(max + 1) {
            assert!(pair[max] - pair[0] > 60_000, "seed {seed}: {max} per period");
        }
    }
}

#[test]
fn a_lifted_count_still_honours_a_pause() {
    let start = Instant::now();
    let mut window = Window::new(None, PERIOD);
    for _ in 0..10_000 {
        assert_eq!(window.admit(start), Admission::Now);
    }
    let until = start + Duration::from_secs(9);
    window.pause_until(until);
    window.pause_until(start + Duration::from_secs(3));
    assert_eq!(
        window.admit(start),
        Admission::Until(until),
        "a shorter pause does not cut a longer one"
    );
    assert_eq!(window.paused_for(start), Duration::from_secs(9));
    assert_eq!(window.admit(until), Admission::Now);
    assert_eq!(window.paused_for(until), Duration::ZERO);
}

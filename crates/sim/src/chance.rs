//! The one source of chance: `SplitMix64`, so that a seed says everything.

/// A small generator; the same seed rolls the same numbers on every machine.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to `n - 1`; 0 when `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        let n = u64::try_from(n.max(1)).expect("a usize fits");
        usize::try_from(self.roll() % n).expect("below a usize")
    }

    /// A number from `low` to `high`, both possible.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = u64::try_from(high - low + 1).expect("low is not above high");
        low + i64::try_from(self.roll() % width).expect("small")
    }

    /// True so many times in a thousand.
    pub fn permille(&mut self, permille: u32) -> bool {
        self.roll() % 1_000 < u64::from(permille)
    }

    pub fn pick<'a, T>(&mut self, of: &'a [T]) -> Option<&'a T> {
        of.get(self.below(of.len()))
    }

    /// The index of one of several weights; weights may be 0, their sum may not.
    pub fn weighted(&mut self, weights: &[u32]) -> usize {
        let sum: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
        let mut rest = self.roll() % sum;
        for (index, weight) in weights.iter().enumerate() {
            match rest.checked_sub(u64::from(*weight)) {
                None => return index,
                Some(left) => rest = left,
            }
        }
        unreachable!("the rest is below the sum of the weights")
    }

    /// An independent generator.
    pub fn fork(&mut self) -> Chance {
        Chance(self.roll())
    }
}

//! Sets of states, tens of millions of them: a state is a few numbers, and a set keeps each once, in the order of their coming.

use super::hash::mix;

/// How many roles a program has at most, and how many different frames are said in it.
pub const ROLES_MAX: usize = 3;
pub const FRAMES_MAX: usize = 192;

/// Which frames are in the network, by their numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Frames([u64; FRAMES_MAX / 64]);

impl Frames {
    pub fn of(frame: usize) -> Self {
        let mut frames = Self::default();
        frames.insert(frame);
        frames
    }

    pub fn insert(&mut self, frame: usize) {
        self.0[frame / 64] |= 1 << (frame % 64);
    }

    pub fn union(self, other: Self) -> Self {
        Self(std::array::from_fn(|word| self.0[word] | other.0[word]))
    }

    pub fn without(self, other: Self) -> Self {
        Self(std::array::from_fn(|word| self.0[word] & !other.0[word]))
    }

    pub fn intersection(self, other: Self) -> Self {
        Self(std::array::from_fn(|word| self.0[word] & other.0[word]))
    }

    pub fn has(self, frame: usize) -> bool {
        self.0[frame / 64] >> (frame % 64) & 1 == 1
    }

    pub fn is_empty(self) -> bool {
        self == Self::default()
    }

    pub fn iter(self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(index, word)| {
            std::iter::successors(Some(word), |word| Some(word & word.wrapping_sub(1)))
                .take_while(|word| *word != 0)
                .map(move |word| index * 64 + word.trailing_zeros() as usize)
        })
    }
}

/// Each role's node, by its number, and the network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct State {
    pub nodes: [u32; ROLES_MAX],
    pub network: Frames,
}

impl State {
    fn hash(&self) -> u64 {
        let nodes = self.nodes.iter().fold(0, |hash, node| mix(hash ^ u64::from(*node)).wrapping_add(0x9e37_79b9));
        self.network.0.iter().fold(nodes, |hash, word| mix(hash ^ word).wrapping_add(0x7f4a_7c15))
    }
}

/// An open-addressing table over the list of states: exact, as each candidate is compared.
#[derive(Default)]
pub struct States {
    pub list: Vec<State>,
    slots: Vec<u32>,
}

const EMPTY: u32 = u32::MAX;

impl States {
    /// Whether it was not there before.
    pub fn insert(&mut self, state: State) -> bool {
        if self.list.len() * 2 >= self.slots.len() {
            self.grow();
        }
        let slot = self.slot(&state);
        if self.slots[slot] != EMPTY {
            return false;
        }
        self.slots[slot] = u32::try_from(self.list.len()).expect("fewer than 2^32 states");
        self.list.push(state);
        true
    }

    pub fn contains(&self, state: &State) -> bool {
        !self.slots.is_empty() && self.slots[self.slot(state)] != EMPTY
    }

    /// Where the state is, or would be.
    fn slot(&self, state: &State) -> usize {
        let mask = self.slots.len() - 1;
        let mut slot = state.hash() as usize & mask;
        while self.slots[slot] != EMPTY && self.list[self.slots[slot] as usize] != *state {
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn grow(&mut self) {
        self.slots = vec![EMPTY; (self.slots.len() * 2).max(1024)];
        for index in 0..self.list.len() {
            let slot = self.slot(&self.list[index]);
            self.slots[slot] = index as u32;
        }
    }
}

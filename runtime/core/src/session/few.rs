//! A map that mostly has few entries: a sorted list as long as they are few, and a `BTreeMap` from then on. A `BTreeMap` has room for eleven entries
//! as soon as it has one, which would be most of what a session that waits takes of memory.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Entries of the list: in it, each insertion and removal moves what comes after.
const LIST_MAX: usize = 32;

/// A map, in the order of its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Few<K, V> {
    /// Empty where there is a tree.
    list: Vec<(K, V)>,
    #[expect(clippy::box_collection, reason = "there hardly ever is one")]
    tree: Option<Box<BTreeMap<K, V>>>,
}

impl<K, V> Default for Few<K, V> {
    fn default() -> Self {
        Self { list: Vec::new(), tree: None }
    }
}

impl<K: Ord, V> Few<K, V> {
    fn place(&self, key: &K) -> Result<usize, usize> {
        self.list.binary_search_by(|(other, _)| other.cmp(key))
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        match &self.tree {
            Some(tree) => tree.get(key),
            None => self.list.get(self.place(key).ok()?).map(|(_, value)| value),
        }
    }

    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let place = self.place(key);
        match &mut self.tree {
            Some(tree) => tree.get_mut(key),
            None => self.list.get_mut(place.ok()?).map(|(_, value)| value),
        }
    }

    pub(super) fn contains_key(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// What was there before, if anything.
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        if let Some(tree) = &mut self.tree {
            return tree.insert(key, value);
        }
        match self.place(&key) {
            Ok(place) => self.list.get_mut(place).map(|(_, before)| std::mem::replace(before, value)),
            Err(_) if self.list.len() == LIST_MAX => {
                let list = std::mem::take(&mut self.list);
                self.tree = Some(Box::new(list.into_iter().chain([(key, value)]).collect()));
                None
            }
            Err(place) => {
                // The usual growth would make room for four.
                if self.list.is_empty() {
                    self.list.reserve_exact(1);
                }
                self.list.insert(place, (key, value));
                None
            }
        }
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let place = self.place(key);
        match &mut self.tree {
            Some(tree) => tree.remove(key),
            None => Some(self.list.remove(place.ok()?).1),
        }
    }

    pub(super) fn retain(&mut self, mut keeps: impl FnMut(&K, &mut V) -> bool) {
        match &mut self.tree {
            Some(tree) => tree.retain(keeps),
            None => self.list.retain_mut(|(key, value)| keeps(key, value)),
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Gives back the room of what is not there any more.
    pub(super) fn give_back(&mut self) {
        if self.is_empty() {
            self.clear();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty() && self.tree.as_ref().is_none_or(|tree| tree.is_empty())
    }

    pub(super) fn len(&self) -> usize {
        self.list.len() + self.tree.as_ref().map_or(0, |tree| tree.len())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        let list = self.list.iter().map(|(key, value)| (key, value));
        list.chain(self.tree.iter().flat_map(|tree| tree.iter()))
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        let list = self.list.iter_mut().map(|(key, value)| (&*key, value));
        list.chain(self.tree.iter_mut().flat_map(|tree| tree.iter_mut()))
    }

    pub(super) fn range(&self, keys: RangeInclusive<K>) -> impl Iterator<Item = (&K, &V)> {
        let (first, after) = match &self.tree {
            Some(_) => (0, 0),
            None => {
                let before = |key: &K| self.list.partition_point(|(other, _)| other < key);
                (before(keys.start()), self.place(keys.end()).map_or_else(|place| place, |place| place + 1))
            }
        };
        let of_list = self.list.get(first..after).unwrap_or_default().iter().map(|(key, value)| (key, value));
        let of_tree = self.tree.as_ref().map(|tree| tree.range(keys));
        of_list.chain(of_tree.into_iter().flatten())
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.iter_mut().map(|(_, value)| value)
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for Few<K, V> {
    /// Of several values of one key the last one stays.
    fn from_iter<T: IntoIterator<Item = (K, V)>>(entries: T) -> Self {
        let entries: Vec<(K, V)> = entries.into_iter().collect();
        if entries.len() > LIST_MAX {
            // All at once: a large session has thousands of peers.
            return Self { list: Vec::new(), tree: Some(Box::new(entries.into_iter().collect())) };
        }
        let mut few = Self::default();
        few.list.reserve_exact(entries.len());
        entries.into_iter().for_each(|(key, value)| _ = few.insert(key, value));
        few
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Few, LIST_MAX};

    /// The same 4,000 steps with a map, with so many keys.
    fn check(keys: u32) {
        let (mut few, mut map) = (Few::default(), BTreeMap::new());
        let mut number: u32 = 1;
        for step in 0..4_000 {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let key = (number >> 16) % keys;
            match (number >> 8) % 8 {
                0 | 1 => assert_eq!(few.remove(&key), map.remove(&key)),
                2 => {
                    few.retain(|other, _| *other % 7 != key % 7);
                    map.retain(|other, _| *other % 7 != key % 7);
                }
                _ => assert_eq!(few.insert(key, step), map.insert(key, step)),
            }
            few.give_back();
            few.values_mut().for_each(|value| *value += 1);
            map.values_mut().for_each(|value| *value += 1);
            assert!(few.iter().eq(map.iter()), "after step {step}");
            assert!(few.range(key..=key + 5).eq(map.range(key..=key + 5)), "after step {step}");
            assert_eq!((few.get(&key), few.contains_key(&key)), (map.get(&key), map.contains_key(&key)));
            assert_eq!(few.get_mut(&key), map.get_mut(&key));
            assert_eq!(few.is_empty(), map.is_empty());
        }
    }

    #[test]
    fn it_does_what_a_map_does() {
        check(LIST_MAX as u32 / 2);
        check(LIST_MAX as u32 * 10);
        let entries = [(3, 'a'), (1, 'b'), (3, 'c'), (2, 'd')];
        let (few, map) = (Few::from_iter(entries), BTreeMap::from(entries));
        assert!(few.iter().eq(map.iter()) && few.len() == map.len());
        let many = || (0..LIST_MAX as u32 * 4).map(|number| (number % 100, number));
        let (few, map) = (Few::from_iter(many()), BTreeMap::from_iter(many()));
        assert!(few.iter().eq(map.iter()) && few.len() == map.len());
    }
}

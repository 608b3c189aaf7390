//! A map of few entries: a sorted list. A `BTreeMap` has room for eleven entries as soon as it has one, which is most of what a session that waits
//! would take of memory.

/// A map, in the order of its keys. Inserting and removing moves what comes after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Few<K, V>(Vec<(K, V)>);

impl<K, V> Default for Few<K, V> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<K: Ord, V> Few<K, V> {
    fn place(&self, key: &K) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| other.cmp(key))
    }

    pub(super) fn get(&self, key: &K) -> Option<&V> {
        let place = self.place(key).ok()?;
        self.0.get(place).map(|(_, value)| value)
    }

    pub(super) fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        let place = self.place(key).ok()?;
        self.0.get_mut(place).map(|(_, value)| value)
    }

    pub(super) fn contains_key(&self, key: &K) -> bool {
        self.place(key).is_ok()
    }

    /// What was there before, if anything.
    pub(super) fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.place(&key) {
            Ok(place) => self.0.get_mut(place).map(|(_, before)| std::mem::replace(before, value)),
            Err(place) => {
                // The usual growth would make room for four.
                if self.0.is_empty() {
                    self.0.reserve_exact(1);
                }
                self.0.insert(place, (key, value));
                None
            }
        }
    }

    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let place = self.place(key).ok()?;
        Some(self.0.remove(place).1)
    }

    pub(super) fn retain(&mut self, mut keeps: impl FnMut(&K, &mut V) -> bool) {
        self.0.retain_mut(|(key, value)| keeps(key, value));
    }

    pub(super) fn clear(&mut self) {
        self.0 = Vec::new();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (&K, &V)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    pub(super) fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = (&K, &mut V)> {
        self.0.iter_mut().map(|(key, value)| (&*key, value))
    }

    pub(super) fn keys(&self) -> impl DoubleEndedIterator<Item = &K> {
        self.iter().map(|(key, _)| key)
    }

    pub(super) fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    pub(super) fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut V> {
        self.iter_mut().map(|(_, value)| value)
    }
}

#[cfg(test)]
impl<K: Ord, V> Few<K, V> {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for Few<K, V> {
    /// Of several values of one key the last one stays.
    fn from_iter<T: IntoIterator<Item = (K, V)>>(entries: T) -> Self {
        let mut entries: Vec<(K, V)> = entries.into_iter().collect();
        // Stable: those of one key stay in their order. Backwards, so that the last one is the one that is kept.
        entries.reverse();
        entries.sort_by(|(key, _), (other, _)| key.cmp(other));
        entries.dedup_by(|(key, _), (other, _)| key == other);
        entries.shrink_to_fit();
        Self(entries)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::Few;

    #[test]
    fn it_does_what_a_map_does() {
        let (mut few, mut map) = (Few::default(), BTreeMap::new());
        // Every way of 1,000 steps that these numbers lead.
        let mut number: u32 = 1;
        for step in 0..1_000 {
            number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let key = (number >> 16) % 24;
            match (number >> 8) % 4 {
                0 => assert_eq!(few.remove(&key), map.remove(&key)),
                1 => {
                    few.retain(|other, _| *other != key);
                    map.retain(|other, _| *other != key);
                }
                _ => assert_eq!(few.insert(key, step), map.insert(key, step)),
            }
            few.values_mut().for_each(|value| *value += 1);
            map.values_mut().for_each(|value| *value += 1);
            assert!(few.iter().eq(map.iter()), "after step {step}");
            assert_eq!((few.get(&key), few.contains_key(&key)), (map.get(&key), map.contains_key(&key)));
            assert_eq!(few.get_mut(&key), map.get_mut(&key));
        }
        let entries = [(3, 'a'), (1, 'b'), (3, 'c'), (2, 'd')];
        let (few, map) = (Few::from_iter(entries), BTreeMap::from(entries));
        assert!(few.iter().eq(map.iter()) && few.len() == map.len());
    }
}

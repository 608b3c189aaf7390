//! Which row is which session's: of those written last, so that the next write of one finds its row, and those of its records, without a search.

use accompanist_core::SessionKey;

/// Sessions that are remembered; one of them makes room for another.
const SLOTS: usize = 1024;

/// The numbers of rows. What it says was so once: who uses it checks whose row it is.
#[derive(Debug)]
pub(super) struct RowIds(Box<[Option<(SessionKey, i64)>]>);

impl Default for RowIds {
    fn default() -> Self {
        Self(vec![None; SLOTS].into())
    }
}

impl RowIds {
    /// Sessions' names are evenly spread.
    fn slot(&mut self, key: SessionKey) -> Option<&mut Option<(SessionKey, i64)>> {
        let [low, high, ..] = key.session.0;
        let number = usize::from(u16::from_le_bytes([low, high]) ^ key.role.0);
        self.0.get_mut(number % SLOTS)
    }

    pub(super) fn get(&mut self, key: SessionKey) -> Option<i64> {
        self.slot(key)?.filter(|(other, _)| *other == key).map(|(_, id)| id)
    }

    pub(super) fn put(&mut self, key: SessionKey, id: i64) {
        if let Some(slot) = self.slot(key) {
            *slot = Some((key, id));
        }
    }
}

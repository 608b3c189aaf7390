//! What services keep in a [`Memory`](super::Memory): one value of each type, changed by transactions.

use std::any::{Any, TypeId};
use std::collections::BTreeMap;

/// A value of any type that can be copied.
trait Kept: Any + Send + Sync {
    fn copied(&self) -> Box<dyn Kept>;
}

impl<T: Clone + Send + Sync + 'static> Kept for T {
    fn copied(&self) -> Box<dyn Kept> {
        Box::new(self.clone())
    }
}

/// Values by their type.
#[derive(Default)]
pub(super) struct Data {
    by_type: BTreeMap<TypeId, Box<dyn Kept>>,
}

impl Data {
    pub(super) fn get<T: 'static>(&self) -> Option<&T> {
        let kept: &dyn Any = &**self.by_type.get(&TypeId::of::<T>())?;
        kept.downcast_ref()
    }

    /// The value of this type, to be changed; where there is none, what `otherwise` gives.
    pub(super) fn entry<T>(&mut self, otherwise: impl FnOnce() -> T) -> &mut T
    where
        T: Clone + Send + Sync + 'static,
    {
        let kept: &mut dyn Any = &mut **self.by_type.entry(TypeId::of::<T>()).or_insert_with(|| Box::new(otherwise()));
        kept.downcast_mut().expect("what is kept by a type is of it")
    }

    /// Takes over all that is in `newer`.
    pub(super) fn overwrite(&mut self, newer: Self) {
        self.by_type.extend(newer.by_type);
    }
}

impl Clone for Data {
    fn clone(&self) -> Self {
        // Not of the box, which is a value that can be copied, too.
        Self { by_type: self.by_type.iter().map(|(id, kept)| (*id, (**kept).copied())).collect() }
    }
}

//! The connections that are being greeted: how many there may be, and which of them goes when there is no room for another.
//!
//! Every connection is accepted at once, so that whoever dials says its greeting without waiting for others. What holds a place is not who
//! comes first but who speaks: when there is no room, a connection that has said nothing goes, the oldest first, and of the source that
//! has most of them. An honest peer sends its greeting together with its connection: one that was not heard in a moment goes before those
//! that nobody has had the time to hear.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Connections that may be in their handshake at a time, of all sources and of one.
const HANDSHAKES_MAX: usize = 256;
const HANDSHAKES_OF_SOURCE_MAX: usize = 128;

/// Leading bits of an IPv6 address that are one source: whoever has one such address has all that begin so.
const SOURCE_BITS_V6: u32 = 64;

/// Those that are under way.
#[derive(Debug, Default)]
pub(super) struct Handshakes(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    next: u64,
    /// In the order of their coming.
    open: BTreeMap<u64, Handshake>,
}

#[derive(Debug)]
struct Handshake {
    source: IpAddr,
    stage: Stage,
    /// Dropped when it is to go.
    _goes: oneshot::Sender<()>,
}

/// How much is known of one. The first kind goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// It has had its moment, and nothing came.
    Silent,
    /// Its greeting may be there: nobody has looked.
    New,
    /// It has said something.
    Speaks,
}

/// A connection's place. Dropping it leaves it to another.
pub(super) struct Place {
    handshakes: Arc<Handshakes>,
    number: u64,
    gone: Option<oneshot::Receiver<()>>,
}

impl Handshakes {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection from `address`. Another one may have to go for it.
    pub(super) fn enter(self: &Arc<Self>, address: IpAddr) -> Place {
        let (goes, gone) = oneshot::channel();
        let mut state = self.state();
        let source = source(address);
        state.make_room(source);
        let number = state.next;
        state.next += 1;
        state.open.insert(number, Handshake { source, stage: Stage::New, _goes: goes });
        drop(state);
        Place { handshakes: Arc::clone(self), number, gone: Some(gone) }
    }
}

impl State {
    /// Ends one, where there are as many as there may be.
    fn make_room(&mut self, source: IpAddr) {
        let of = |source: IpAddr| self.open.values().filter(move |handshake| handshake.source == source).count();
        let crowded = if of(source) >= HANDSHAKES_OF_SOURCE_MAX {
            Some(source)
        } else if self.open.len() >= HANDSHAKES_MAX {
            self.open.values().map(|handshake| handshake.source).max_by_key(|source| of(*source))
        } else {
            None
        };
        let Some(crowded) = crowded else { return };
        let candidates = self.open.iter().filter(|(_, handshake)| handshake.source == crowded);
        // Of several that are alike, the first is the oldest.
        let goes = candidates.min_by_key(|(_, handshake)| handshake.stage).map(|(number, _)| *number);
        if let Some(number) = goes {
            self.open.remove(&number);
        }
    }
}

impl Place {
    /// It has said something.
    pub(super) fn speaks(&self) {
        self.is_at(Stage::Speaks);
    }

    /// It has said nothing, though it has had a moment for it.
    pub(super) fn is_silent(&self) {
        self.is_at(Stage::Silent);
    }

    fn is_at(&self, stage: Stage) {
        if let Some(handshake) = self.handshakes.state().open.get_mut(&self.number) {
            handshake.stage = stage;
        }
    }

    /// Ends when it has to go for another one. Asked for once.
    pub(super) fn goes(&mut self) -> impl Future<Output = ()> + use<> {
        let gone = self.gone.take();
        async move {
            match gone {
                // Nothing is ever sent: the sender is dropped.
                Some(gone) => _ = gone.await,
                None => std::future::pending().await,
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.handshakes.state().open.remove(&self.number);
    }
}

/// What counts as one source.
fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let mask = u128::MAX << (u128::BITS - SOURCE_BITS_V6);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_gone(place: &mut Place) -> bool {
        matches!(place.gone.as_mut().expect("nobody asked").try_recv(), Err(oneshot::error::TryRecvError::Closed))
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn of_one_source_the_oldest_that_is_silent_goes_first() {
        let (handshakes, from) = (Arc::new(Handshakes::default()), address("10.0.0.1"));
        let mut places: Vec<_> = (0..HANDSHAKES_OF_SOURCE_MAX).map(|_| handshakes.enter(from)).collect();
        places.first().expect("there is one").speaks();
        let mut next = handshakes.enter(from);
        let gone: Vec<_> = places.iter_mut().map(is_gone).collect();
        assert_eq!(gone.iter().position(|gone| *gone), Some(1), "the first one speaks");
        assert_eq!(gone.into_iter().filter(|gone| *gone).count(), 1);
        // Where all speak, the oldest goes.
        places.iter().for_each(Place::speaks);
        next.speaks();
        let last = handshakes.enter(from);
        assert!(places.first_mut().is_some_and(is_gone) && !is_gone(&mut next));
        last.speaks();
    }

    #[test]
    fn one_that_is_known_to_be_silent_goes_before_older_ones_that_nobody_has_heard() {
        let (handshakes, from) = (Arc::new(Handshakes::default()), address("10.0.0.1"));
        let mut places: Vec<_> = (0..HANDSHAKES_OF_SOURCE_MAX).map(|_| handshakes.enter(from)).collect();
        places.last().expect("there is one").is_silent();
        let _next = handshakes.enter(from);
        assert_eq!(places.iter_mut().map(is_gone).position(|gone| gone), Some(HANDSHAKES_OF_SOURCE_MAX - 1));
    }

    #[test]
    fn a_flood_from_one_source_takes_no_place_of_another() {
        let handshakes = Arc::new(Handshakes::default());
        let mut honest = handshakes.enter(address("10.0.0.2"));
        let flood: Vec<_> = (0..10_000).map(|_| handshakes.enter(address("10.0.0.1"))).collect();
        assert!(!is_gone(&mut honest));
        assert_eq!(handshakes.state().open.len(), 1 + HANDSHAKES_OF_SOURCE_MAX);
        drop(flood);
        assert_eq!(handshakes.state().open.len(), 1);
    }

    #[test]
    fn of_many_sources_the_one_that_has_most_gives_way() {
        let handshakes = Arc::new(Handshakes::default());
        let mut honest = handshakes.enter(address("10.0.1.0"));
        let from = |index: usize| IpAddr::from([10, 0, 0, u8::try_from(index % 8).expect("it is small")]);
        let places: Vec<_> = (0..2 * HANDSHAKES_MAX).map(|index| handshakes.enter(from(index))).collect();
        assert!(!is_gone(&mut honest));
        assert_eq!(handshakes.state().open.len(), HANDSHAKES_MAX);
        drop(places);
    }

    #[test]
    fn a_network_of_ipv6_is_one_source_and_a_mapped_address_is_the_one_it_maps() {
        assert_eq!(source(address("2001:db8::1")), source(address("2001:db8::ffff:1")));
        assert_ne!(source(address("2001:db8::1")), source(address("2001:db8:0:1::1")));
        assert_eq!(source(address("::ffff:10.0.0.1")), address("10.0.0.1"));
    }
}

//! What travellers ask for, all of it from one seed.

use example_support::random::Random;

use crate::desk::Request;
use crate::world::World;
use crate::{Trip, Wish};

/// The days on which somebody may set off: 1 to this.
pub const DAYS: u32 = 10;
/// The longest that anybody stays.
pub const NIGHTS_MAX: u32 = 4;

/// Wishes and trips in turns, so many of each, numbered from 1.
pub fn requests(world: &World, searches: usize, trips: usize, random: &mut Random) -> Vec<Request> {
    let places: Vec<&String> = world.places.keys().collect();
    // In turns, until one kind is used up.
    let of_turn = |turn: usize| [(turn < searches).then_some(true), (turn < trips).then_some(false)];
    let kinds = (0..searches.max(trips)).flat_map(of_turn).flatten();
    let place = |random: &mut Random| random.pick(&places).map_or_else(String::new, |place| (*place).clone());
    let mut requests = Vec::new();
    for (number, is_search) in (1..).zip(kinds) {
        let (day, nights) = (1 + random.below(DAYS), 1 + random.below(NIGHTS_MAX));
        requests.push(if is_search {
            let wish = Wish { place: place(random), day, nights, price_max: 60 + random.below(120) };
            Request::Search { number, wish }
        } else {
            let (home, away) = (place(random), place(random));
            Request::Book(Trip { id: number, home, place: away, day, nights, budget: 300 + random.below(900) })
        });
    }
    requests
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_says_everything() {
        let point = crate::world::Point { lat: 0.0, lon: 0.0 };
        let places = ["a", "b", "c"].map(|name| (name.to_owned(), point));
        let world = World { places: places.into(), ..World::default() };
        let all = |seed| {
            let mut random = Random::new(seed);
            let requests = requests(&world, 3, 5, &mut random);
            (format!("{requests:?}"), requests)
        };
        let (text, made) = all(7);
        assert_eq!(text, all(7).0);
        assert_ne!(text, all(8).0);
        let searches = made.iter().filter(|request| matches!(request, Request::Search { .. })).count();
        assert_eq!((searches, made.len()), (3, 8));
    }
}

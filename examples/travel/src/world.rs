//! The world that the demo plays in: airports, places, flights and hotels. Every service keeps the part of it that is its own.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What there is at the start.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct World {
    /// Airports, by their codes.
    pub airports: BTreeMap<String, Point>,
    /// Places to live at and to go to.
    pub places: BTreeMap<String, Point>,
    /// Flights, each of which goes every day.
    pub flights: Vec<Flight>,
    /// Hotels.
    pub hotels: Vec<Hotel>,
}

/// Where something is, in degrees.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// North of the equator.
    pub lat: f64,
    /// East of Greenwich.
    pub lon: f64,
}

/// A flight.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Flight {
    /// As it is on the ticket.
    pub number: String,
    /// The code of the airport where it starts.
    pub from: String,
    /// The code of the airport where it lands.
    pub to: String,
    /// Seats on each day.
    pub seats: u32,
    /// The price of one.
    pub price: u32,
}

/// A hotel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hotel {
    /// What the services call it.
    pub id: String,
    /// What its guests call it.
    pub name: String,
    /// Where it is.
    pub at: Point,
    /// How good it is, of five.
    pub stars: u32,
    /// Rooms in each night.
    pub rooms: u32,
    /// The price of one for a night.
    pub price: u32,
    /// What it says of itself.
    pub words: String,
}

/// The mean radius of the earth.
const EARTH_KM: f64 = 6371.0;

impl Point {
    /// The distance along the surface, by the haversine formula.
    #[must_use]
    pub fn km_to(self, other: Self) -> f64 {
        let half_sine = |degrees: f64| (degrees.to_radians() / 2.0).sin();
        let (north, east) = (half_sine(other.lat - self.lat), half_sine(other.lon - self.lon));
        let square = north * north + self.lat.to_radians().cos() * other.lat.to_radians().cos() * east * east;
        2.0 * EARTH_KM * square.sqrt().min(1.0).asin()
    }
}

/// Which of these is nearest to `point`, and how far it is, in kilometres.
pub fn nearest<T>(point: Point, all: impl IntoIterator<Item = (T, Point)>) -> Option<(T, f64)> {
    let distances = all.into_iter().map(|(one, at)| (one, point.km_to(at)));
    distances.min_by(|(_, one), (_, other)| one.total_cmp(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_those_on_a_sphere() {
        let at = |lat, lon| Point { lat, lon };
        let degree = std::f64::consts::PI * EARTH_KM / 180.0;
        for (from, to, degrees) in [
            (at(0.0, 0.0), at(0.0, 1.0), 1.0),
            (at(39.0, -28.0), at(40.0, -28.0), 1.0),
            (at(0.0, 0.0), at(0.0, 180.0), 180.0),
            (at(90.0, 0.0), at(89.0, 120.0), 1.0),
        ] {
            assert!((from.km_to(to) - degrees * degree).abs() < 1e-6, "{from:?} {to:?}: {}", from.km_to(to));
        }
        let found = nearest(at(39.0, -28.0), [("far", at(41.0, -28.0)), ("near", at(39.5, -28.0))]);
        assert!(found.is_some_and(|(name, km)| name == "near" && (km - 0.5 * degree).abs() < 1e-6), "{found:?}");
    }
}

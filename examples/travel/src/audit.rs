//! The audit: do the databases, each read by itself, agree with what the travellers were told? No seat and no room is sold twice or lost, every confirmed
//! trip has its flights and its hotel, a refused one has nothing, and what a search found is what was wished for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use accompanist::rusqlite::Connection;
use example_support::audit::{Findings, map, open};
use example_support::demo::Outcomes;

use crate::desk::{Done, Outcome, Request};
use crate::services::NEAR_KM;
use crate::world::{World, nearest};
use crate::{Hotel, Itinerary, ROLES, Trip, Wish};

/// The transactions and their compensations.
const OPERATIONS: [(&str, &str, &str); 3] =
    [("client", "enter", "strike"), ("flight", "book", "cancel"), ("reservation", "book", "cancel")];

/// Compares the databases in `directory`, one for each role, with the answers that were given, once all is settled.
///
/// # Errors
/// Where a database cannot be read.
pub fn audit(
    directory: &Path,
    world: &World,
    requests: &[Request],
    outcomes: &Outcomes<Done>,
) -> anyhow::Result<Findings> {
    let databases: BTreeMap<&str, Connection> =
        ROLES.into_iter().map(|role| Ok((role, open(directory, role)?))).collect::<anyhow::Result<_>>()?;
    let mut findings = Findings::default();
    let mut told = Told::default();
    for request in requests {
        match (request, outcomes.get(&example_support::desk::Request::number(request))) {
            (Request::Search { number, wish }, Some(Outcome::Fulfilled(Done::Found(hotels)))) => {
                let wrong = wrong_hotels(world, wish, hotels);
                findings.differences.extend(wrong.map(|wrong| format!("search {number}: {wrong}")));
            }
            (Request::Book(trip), Some(Outcome::Fulfilled(Done::Booked(itinerary)))) => {
                findings.differences.extend(wrong_itinerary(world, trip, itinerary));
                told.confirm(trip, itinerary, &mut findings);
            }
            (Request::Book(trip), Some(Outcome::RolledBack(_))) => told.refused.push(trip),
            (request, outcome) => findings.differences.push(format!("{request:?} was answered {outcome:?}")),
        }
    }
    for (role, database) in &databases {
        match *role {
            "client" => {
                let trips = map_of(database, "SELECT CAST(id AS TEXT), itinerary FROM trip")?;
                findings.compare("the calendar's trip", &told.trips, &trips);
            }
            "flight" => {
                let seats = map(database, "SELECT flight || ', day ' || day || ', seat ' || number, trip FROM seat")?;
                findings.compare("who has", &told.seats, &seats);
            }
            "reservation" => {
                let stays = "SELECT hotel || ', night ' || night || ', room ' || number, trip FROM stay";
                findings.compare("who has", &told.nights, &map(database, stays)?);
            }
            _ => {}
        }
        findings.expect_quiet(role, database)?;
    }
    for (role, operation, compensation) in OPERATIONS {
        let Some(database) = databases.get(role) else { continue };
        findings.count_work(role, database, operation, compensation)?;
        told.compare_history(world, role, database, (operation, compensation), &mut findings)?;
    }
    Ok(findings)
}

/// What the travellers were told, in the words of the databases.
#[derive(Default)]
struct Told<'a> {
    /// Itineraries as the calendar has them.
    trips: BTreeMap<String, String>,
    /// Who has which seat.
    seats: BTreeMap<String, u64>,
    /// Who has which room in which night.
    nights: BTreeMap<String, u64>,
    confirmed: Vec<&'a Trip>,
    refused: Vec<&'a Trip>,
}

impl<'a> Told<'a> {
    fn confirm(&mut self, trip: &'a Trip, itinerary: &Itinerary, findings: &mut Findings) {
        self.confirmed.push(trip);
        let text = serde_json::to_string(itinerary).unwrap_or_else(|error| error.to_string());
        self.trips.insert(trip.id.to_string(), text);
        let mut sell = |sold: &mut BTreeMap<String, u64>, what: String| {
            if let Some(other) = sold.insert(what.clone(), trip.id) {
                findings.differences.push(format!("{what} is sold to trip {other} and to trip {}", trip.id));
            }
        };
        for seat in &itinerary.seats {
            sell(&mut self.seats, format!("{}, day {}, seat {}", seat.flight, seat.day, seat.number));
        }
        let room = &itinerary.room;
        for night in trip.day..trip.day + trip.nights {
            sell(&mut self.nights, format!("{}, night {night}, room {}", room.hotel, room.number));
        }
    }

    /// A confirmed trip took effect as often as it had to, with nothing undone; all of a refused one was undone.
    fn compare_history(
        &self,
        world: &World,
        role: &str,
        database: &Connection,
        (operation, compensation): (&str, &str),
        findings: &mut Findings,
    ) -> anyhow::Result<()> {
        let count = |operation| {
            let sql = format!("SELECT subject, count(*) FROM history WHERE operation = '{operation}' GROUP BY subject");
            map(database, &sql)
        };
        let (done, undone) = (count(operation)?, count(compensation)?);
        let of = |counts: &BTreeMap<String, u64>, trip: &Trip| counts.get(&trip.id.to_string()).copied().unwrap_or(0);
        for (trip, is_confirmed) in
            self.confirmed.iter().map(|trip| (trip, true)).chain(self.refused.iter().map(|trip| (trip, false)))
        {
            let all = if role == "flight" && shares_airport(world, trip) {
                0
            } else if role == "flight" {
                2
            } else {
                1
            };
            let (done, undone) = (of(&done, trip), of(&undone, trip));
            let right = if is_confirmed { (done, undone) == (all, 0) } else { done == undone && done <= all };
            if !right {
                let answer = if is_confirmed { "confirmed" } else { "refused" };
                findings.differences.push(format!(
                    "trip {} is {answer}, but at {role} {operation} took effect {done} times and {compensation} {undone} times",
                    trip.id
                ));
            }
        }
        let known: BTreeSet<_> = self.confirmed.iter().chain(&self.refused).map(|trip| trip.id.to_string()).collect();
        let strangers = done.keys().chain(undone.keys()).filter(|subject| !known.contains(*subject));
        findings.differences.extend(strangers.map(|trip| format!("nobody asked for the trip {trip} of {role}")));
        Ok(())
    }
}

fn map_of(database: &Connection, sql: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let mut select = database.prepare(sql)?;
    let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn airport<'a>(world: &'a World, place: &str) -> Option<&'a String> {
    let point = world.places.get(place)?;
    Some(nearest(*point, world.airports.iter().map(|(code, at)| (code, *at)))?.0)
}

fn shares_airport(world: &World, trip: &Trip) -> bool {
    airport(world, &trip.home) == airport(world, &trip.place)
}

/// What is wrong with a list of hotels: they are to be near, in this order, and not too dear.
fn wrong_hotels(world: &World, wish: &Wish, hotels: &[Hotel]) -> Option<String> {
    let Some(place) = world.places.get(&wish.place) else { return Some("there is no such place".to_owned()) };
    let mut last_km = 0.0;
    for hotel in hotels {
        let Some(known) = world.hotels.iter().find(|known| known.name == hotel.name) else {
            return Some(format!("there is no hotel {}", hotel.name));
        };
        let km = place.km_to(known.at);
        if (&known.words, known.price, known.stars) != (&hotel.words, hotel.price, hotel.stars) {
            return Some(format!("{} is described as another one", hotel.name));
        }
        if km > NEAR_KM || km < last_km || hotel.price > wish.price_max {
            return Some(format!("{} is {km:.1} km away and costs {}, which is not {wish:?}", hotel.name, hotel.price));
        }
        last_km = km;
    }
    None
}

/// What is wrong with an itinerary: it is to be what was ordered, there and back, and of what there is.
fn wrong_itinerary(world: &World, trip: &Trip, itinerary: &Itinerary) -> Option<String> {
    let (home, away) = (airport(world, &trip.home), airport(world, &trip.place));
    let legs: &[_] = if home == away { &[] } else { &[(home, away, trip.day), (away, home, trip.day + trip.nights)] };
    let mut price = itinerary.room.price;
    let mut right = itinerary.trip == trip.id && legs.len() == itinerary.seats.len();
    for ((from, to, day), seat) in legs.iter().zip(&itinerary.seats) {
        let flight = world.flights.iter().find(|flight| flight.number == seat.flight);
        right &= seat.day == *day
            && flight.is_some_and(|flight| {
                Some(&flight.from) == *from && Some(&flight.to) == *to && (1..=flight.seats).contains(&seat.number)
            });
        price += seat.price;
    }
    let hotels = || world.hotels.iter().map(|hotel| (hotel, hotel.at));
    let hotel = world.places.get(&trip.place).and_then(|place| nearest(*place, hotels()));
    right &= hotel.is_some_and(|(hotel, _)| {
        hotel.id == itinerary.room.hotel && (1..=hotel.rooms).contains(&itinerary.room.number)
    });
    right &= price <= trip.budget;
    (!right).then(|| format!("{itinerary:?} is not what was ordered: {trip:?}"))
}

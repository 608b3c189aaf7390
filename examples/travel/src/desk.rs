//! The travel agency's desk: what is asked there becomes a session of one of the two choreographies, with the request's number in its id.

use std::net::SocketAddr;

use accompanist::store::Store;
use accompanist::{Error, Node};
use serde::{Deserialize, Serialize};

use crate::{BookTravel, Hotel, Itinerary, SearchHotels, Trip, Wish};

/// What a traveller asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// Which hotels are there?
    Search {
        /// The request's number.
        number: u64,
        /// What is wished for.
        wish: Wish,
    },
    /// Book this; its id is the request's number.
    Book(Trip),
}

/// What a traveller gets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Done {
    /// Hotels with a room, the nearest first.
    Found(Vec<Hotel>),
    /// What is booked.
    Booked(Itinerary),
}

/// What became of a request.
pub type Outcome = example_support::desk::Outcome<Done>;

impl example_support::desk::Request for Request {
    type Done = Done;

    fn number(&self) -> u64 {
        match self {
            Self::Search { number, .. } => *number,
            Self::Book(trip) => trip.id,
        }
    }

    async fn fulfil<S: Store>(self, node: &Node<S>) -> Result<Done, Error> {
        let number = self.number();
        Ok(match self {
            Self::Search { wish, .. } => {
                Done::Found(node.start(SearchHotels { wish }).id(format!("search-{number}")).settled().await?)
            }
            Self::Book(trip) => {
                Done::Booked(node.start(BookTravel { trip }).id(format!("trip-{number}")).settled().await?)
            }
        })
    }
}

/// Takes requests at `address` until the process ends.
///
/// # Errors
/// Where the address is taken.
pub async fn serve<S: Store>(node: Node<S>, address: SocketAddr) -> anyhow::Result<()> {
    example_support::desk::serve::<Request, S>(node, address).await
}

//! A member of a group that is down for the whole time and has nothing to do.

use std::time::Duration;

use accompanist::sim::{self, Faults, Sim};
use accompanist_tests::generated::simulated::{Errand, Relay};
use tokio::time::{sleep, timeout};

use super::book::{agree, book};
use super::{bank, club, shop};

const HANDS: [&str; 2] = ["bank", "club"];

/// The errand is the bank's, in one round or in both, or nobody's.
async fn errands(sim: Sim) {
    let (shop, bank, club) = (shop(&sim, sim::memory()), bank(&sim, sim::memory()), club(&sim, sim::memory()));
    // The nodes start.
    sleep(Duration::from_secs(1)).await;
    for (number, first, second) in [(0, 0, 0), (1, 0, 9), (2, 9, 0), (3, 9, 9)] {
        club.crash();
        let errand = Errand { line: format!("errand {number}"), first, second };
        let ended = shop.start(errand).id(number.to_string()).members("Hand", HANDS).settled();
        let ended = timeout(Duration::from_secs(600), ended).await.expect("nobody waits for the club");
        ended.expect("the session commits");
        // A line that nobody refuses.
        let relay = Relay { line: format!("fetch {number}"), first, second };
        let ended = shop.start(relay).id(number.to_string()).members("Hand", HANDS).settled();
        let ended = timeout(Duration::from_secs(600), ended).await.expect("nobody waits for the club");
        ended.expect("the session commits");
        assert!(!club.is_up(), "the club is down all the time");
    }
    sim.quiet().await;
    agree(&sim, vec![book(&shop), book(&bank), book(&club)]);
}

#[test]
fn a_session_settles_though_a_hand_without_a_part_is_down() {
    sim::seeds(0..20).faults(Faults::none()).run(errands);
}

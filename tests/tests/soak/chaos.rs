//! What goes wrong while the load runs: processes are killed and stopped, connections cut, held up and cut off, and a disk is full for a while. The order and
//! the choice of it follow from the seed; real processes and clocks do the rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use accompanist_tests::random::Random;
use accompanist_tests::soak::ROLES;
use accompanist_tests::soak::desk::Request;
use tokio::time::sleep;

use crate::cluster::{Cluster, SMALL};
use crate::load::tell;

/// How long everything is as it should be before the first fault.
const CALM: Duration = Duration::from_secs(1);

/// How long a database may take to use up what it has.
const FILL_MAX: Duration = Duration::from_secs(4);

/// How often the processes are looked at.
const LOOK: Duration = Duration::from_millis(50);

/// What happened so far.
#[derive(Debug, Default)]
pub struct Chaos {
    /// No further fault is to happen.
    pub over: AtomicBool,
    /// The disk of the role `SMALL` is full, or was until just now.
    disk_full: AtomicBool,
    /// How often roles were stopped for a while.
    pub pauses: AtomicU64,
    /// How often something happened to a connection.
    pub storms: AtomicU64,
    /// How often the disk was full.
    pub fills: AtomicU64,
    /// How often the role of the small disk ended by itself, as it could not open its database.
    pub gave_up: AtomicU64,
}

/// So many milliseconds, drawn.
fn between(random: &mut Random, least: u64, most: u64) -> Duration {
    Duration::from_millis(least + random.below((most - least) as usize) as u64)
}

impl Chaos {
    fn goes_on(&self) -> bool {
        !self.over.load(Ordering::SeqCst)
    }

    /// Kills a role, sometimes two, every one to three seconds; from `sparing` on, `spared` is left alone, so that its memory can be seen to stay
    /// as it is.
    pub async fn kill(&self, cluster: &Cluster, seed: u64, spared: &'static str, sparing: Instant) {
        let mut random = Random::new(seed ^ 1);
        sleep(CALM).await;
        while self.goes_on() {
            let mut roles = vec![ROLES[random.below(ROLES.len())]];
            if random.percent(20) {
                roles.push(ROLES[random.below(ROLES.len())]);
            }
            roles.dedup();
            roles.retain(|role| Instant::now() < sparing || *role != spared);
            let down = if random.percent(50) { Duration::ZERO } else { between(&mut random, 10, 800) };
            for role in &roles {
                cluster.kill(role).await;
            }
            sleep(down).await;
            roles.iter().for_each(|role| cluster.run(role));
            sleep(between(&mut random, 1_000, 3_000)).await;
        }
    }

    /// Stops a role for a while, now and then for longer than its peers believe it alive.
    pub async fn pause(&self, cluster: &Cluster, seed: u64) {
        let mut random = Random::new(seed ^ 2);
        sleep(CALM).await;
        while self.goes_on() {
            sleep(between(&mut random, 2_000, 8_000)).await;
            let role = ROLES[random.below(ROLES.len())];
            let time =
                if random.percent(10) { between(&mut random, 5_000, 7_000) } else { between(&mut random, 50, 1_000) };
            self.pauses.fetch_add(1, Ordering::SeqCst);
            cluster.pause(role, true);
            self.wait(time).await;
            cluster.pause(role, false);
        }
    }

    /// Lets one connection after another have bad weather.
    pub async fn storm(&self, cluster: &Cluster, seed: u64) {
        let mut random = Random::new(seed ^ 3);
        let proxies: Vec<_> = cluster.proxies.values().collect();
        sleep(CALM).await;
        while self.goes_on() {
            sleep(between(&mut random, 300, 3_000)).await;
            let proxy = proxies[random.below(proxies.len())];
            self.storms.fetch_add(1, Ordering::SeqCst);
            // Now and then longer than a connection may be silent.
            let longest = if random.percent(10) { 8_000 } else { 1_500 };
            let time = between(&mut random, 100, longest);
            match random.below(6) {
                0 | 1 => proxy.change(|weather| weather.cuts += 1),
                2 => {
                    let delay = between(&mut random, 1, 250);
                    proxy.change(|weather| weather.delay = delay);
                    self.wait(time).await;
                }
                3 => {
                    let forth = random.percent(50);
                    proxy.change(|weather| {
                        weather.forth_blocked = forth;
                        weather.back_blocked = !forth;
                    });
                    self.wait(time).await;
                }
                4 => {
                    proxy.change(|weather| {
                        weather.forth_blocked = true;
                        weather.back_blocked = true;
                    });
                    self.wait(time).await;
                }
                _ => {
                    proxy.change(|weather| weather.refuses = true);
                    self.wait(time).await;
                }
            }
            proxy.heal();
        }
    }

    /// Fills the small disk, and makes room again.
    pub async fn fill(&self, cluster: &Cluster, seed: u64) {
        let mut random = Random::new(seed ^ 4);
        sleep(CALM).await;
        while self.goes_on() {
            sleep(between(&mut random, 2_000, 14_000)).await;
            self.fills.fetch_add(1, Ordering::SeqCst);
            self.disk_full.store(true, Ordering::SeqCst);
            cluster.disk.fill();
            // What the database has to itself is used up, too.
            tokio::select! {
                () = tell(cluster, SMALL, &Request::Fill) => {}
                () = self.wait(FILL_MAX) => {}
            }
            if random.percent(40) {
                cluster.kill(SMALL).await;
                cluster.run(SMALL);
            }
            let time = between(&mut random, 300, 3_000);
            self.wait(time).await;
            make_room(cluster).await;
            // What ended on its account is looked at a little later.
            sleep(LOOK * 4).await;
            self.disk_full.store(false, Ordering::SeqCst);
        }
    }

    /// For that long, or until all is over.
    async fn wait(&self, time: Duration) {
        let end = Instant::now() + time;
        while self.goes_on() && Instant::now() < end {
            sleep(LOOK).await;
        }
    }

    /// Sees that nobody ends by itself, and for ever: only a role whose disk is full when it starts may, and is started again.
    pub async fn watch(&self, cluster: &Cluster) {
        loop {
            for (role, status) in cluster.take_ended() {
                let full = self.disk_full.load(Ordering::SeqCst) && role == SMALL && status.contains("exit status: 1");
                assert!(full, "{role} ended by itself, {status}:\n{}", cluster.said(role));
                self.gave_up.fetch_add(1, Ordering::SeqCst);
                sleep(LOOK * 4).await;
                cluster.run(role);
            }
            sleep(LOOK).await;
        }
    }
}

/// Everything runs and passes; there is room on the disk.
pub async fn heal(cluster: &Arc<Cluster>) {
    cluster.proxies.values().for_each(crate::proxy::Proxy::heal);
    for role in ROLES {
        cluster.pause(role, false);
        cluster.run(role);
    }
    make_room(cluster).await;
}

async fn make_room(cluster: &Cluster) {
    cluster.disk.clear();
    tell(cluster, SMALL, &Request::Clear).await;
}

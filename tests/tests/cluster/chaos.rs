//! Faults at random.
//!
//! `JOURNAL_TESTS_CHAOS_SECONDS` sets how long it runs, `JOURNAL_TESTS_SEED` repeats the faults of a run. Their order is
//! that of the seed; what they meet depends on the machine.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::ops::Range;
use std::thread::sleep;
use std::time::{Duration, Instant};

use journal_tests::kafka::Cluster;
use journal_tests::{Running, seed};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rustix::process::Signal;

use super::members::{Members, SESSION_MS};

const SECONDS: u64 = 60;
const SECONDS_VARIABLE: &str = "JOURNAL_TESTS_CHAOS_SECONDS";
/// Each has a file, and at most one process at a time.
const PROCESSES: usize = 3;

/// What happens at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    /// A process is killed, and another one takes its file.
    KillHost,
    /// A process stops, and another one takes its file: two rebalances.
    RestartHost,
    /// A process does nothing for a short time, or for longer than the group waits.
    PauseHost,
    /// The file of a process is moved, and the process is signalled.
    Rotate,
    /// A broker is killed, and comes back later.
    KillBroker,
    /// A broker is shut down, and comes back later.
    StopBroker,
    /// A broker does nothing for a short time, or for so long that its partitions and groups move.
    PauseBroker,
}

const FAULTS: [Fault; 7] = [
    Fault::KillHost,
    Fault::RestartHost,
    Fault::PauseHost,
    Fault::Rotate,
    Fault::KillBroker,
    Fault::StopBroker,
    Fault::PauseBroker,
];

struct Chaos<'a> {
    random: StdRng,
    cluster: &'a mut Cluster,
    members: Members,
    /// None only while one is replaced.
    running: Vec<Option<Running>>,
    /// The process that is paused, and when it goes on.
    paused: Option<(usize, Instant)>,
    /// When the broker that is missing comes back.
    broker_is_back: Option<Instant>,
    rotated: usize,
    happened: BTreeMap<Fault, usize>,
}

impl<'a> Chaos<'a> {
    fn new(seed: u32, cluster: &'a mut Cluster) -> Self {
        let mut random = StdRng::seed_from_u64(seed.into());
        let mut members = Members::new(cluster, "chaos");
        members.is_static = random.random();
        let running = (0..PROCESSES).map(|index| Some(members.start(&index.to_string())));
        Self {
            running: running.collect(),
            random,
            cluster,
            members,
            paused: None,
            broker_is_back: None,
            rotated: 0,
            happened: BTreeMap::new(),
        }
    }

    fn milliseconds(&mut self, range: Range<u64>) -> Duration {
        Duration::from_millis(self.random.random_range(range))
    }

    fn happen(&mut self) {
        let fault = *FAULTS.choose(&mut self.random).expect("there are some");
        let index = self.random.random_range(0..PROCESSES);
        match fault {
            Fault::KillHost => self.replace(index, Members::kill),
            Fault::RestartHost => {
                self.go_on(index);
                self.replace(index, |members, running| {
                    let _code = members.stop(running);
                });
            }
            Fault::PauseHost => {
                let time = self.milliseconds(100..2 * SESSION_MS);
                if self.paused.is_some() {
                    return;
                }
                self.signal(index, Signal::STOP);
                self.paused = Some((index, Instant::now() + time));
            }
            Fault::Rotate => {
                self.rotated += 1;
                let file = self.members.file(&index.to_string());
                let moved = file.with_extension(self.rotated.to_string());
                // The process may not have made it yet.
                let _moved = fs::rename(file, moved);
                self.signal(index, Signal::HUP);
            }
            Fault::KillBroker | Fault::StopBroker | Fault::PauseBroker => {
                let time = self.milliseconds(500..8000);
                if self.broker_is_back.is_some() {
                    return;
                }
                let broker = self.cluster.broker(index);
                match fault {
                    Fault::KillBroker => broker.kill(),
                    Fault::StopBroker => broker.stop(),
                    _ => broker.pause(),
                }
                self.broker_is_back = Some(Instant::now() + time);
            }
        }
        *self.happened.entry(fault).or_default() += 1;
    }

    /// Ends a process, and starts another one with its file.
    fn replace(&mut self, index: usize, end: impl FnOnce(&mut Members, Running)) {
        if self.paused.is_some_and(|(paused, _)| paused == index) {
            self.paused = None;
        }
        let running = self.running[index].take().expect("it is running");
        end(&mut self.members, running);
        self.running[index] = Some(self.members.start(&index.to_string()));
    }

    fn signal(&mut self, index: usize, signal: Signal) {
        let running = self.running[index].as_mut().expect("it is running");
        running.signal(signal);
    }

    fn go_on(&mut self, index: usize) {
        if self
            .paused
            .take_if(|(paused, _)| *paused == index)
            .is_some()
        {
            self.signal(index, Signal::CONT);
        }
    }

    /// Ends the faults whose time is up, or all.
    fn mend(&mut self, all: bool) {
        let is_over = |end: Instant| all || Instant::now() >= end;
        if let Some((index, end)) = self.paused
            && is_over(end)
        {
            self.go_on(index);
        }
        if self.broker_is_back.is_some_and(is_over) {
            self.broker_is_back = None;
            self.cluster.mend();
        }
    }
}

#[test]
fn chaos_loses_nothing_and_repeats_only_unconfirmed_checkpoints() {
    let seconds = std::env::var(SECONDS_VARIABLE).map_or(SECONDS, |seconds| {
        let seconds = seconds.parse();
        seconds.unwrap_or_else(|_| panic!("{SECONDS_VARIABLE} is not a number"))
    });
    let seed = seed::fresh("chaos");
    let mut cluster = Cluster::shared();
    let cluster = cluster.as_mut().expect("it was started");
    let mut chaos = Chaos::new(seed, cluster);
    let started = Instant::now();
    while started.elapsed() < Duration::from_secs(seconds) {
        let pause = chaos.milliseconds(200..2000);
        sleep(pause);
        chaos.mend(false);
        chaos.happen();
    }
    chaos.mend(true);
    let Chaos {
        cluster,
        members,
        running,
        happened,
        ..
    } = chaos;
    let is_static = members.is_static;
    let kind = if is_static {
        "static members"
    } else {
        "members"
    };
    // The test harness hides the output of tests that pass.
    let _ = writeln!(
        std::io::stderr(),
        "chaos: {seconds} s, {kind}, {happened:?}"
    );
    let figures = members.account(cluster, running.into_iter().flatten().collect());
    assert!(figures.records > 0);
}

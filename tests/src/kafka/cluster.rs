//! Three `KRaft` brokers, each of which is a controller, too: for faults that one broker does not have, such as a
//! coordinator that moves.

use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::metadata::{Metadata, MetadataTopic};

use super::Broker;
use super::broker::{ATTEMPTS, Node, Setup, free_port};
use crate::until;

const NODES: usize = 3;
/// Time limit for a change that the brokers make by themselves.
const LIMIT: Duration = Duration::from_mins(1);
/// Partitions of the internal topic that holds the offsets of groups.
const OFFSETS_PARTITIONS: u32 = 4;
const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// A broker that is killed is replaced within seconds, and every record and commit survives it.
const PROPERTIES: &str = "\
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
replica.lag.time.max.ms=5000
controller.quorum.election.timeout.ms=500
controller.quorum.fetch.timeout.ms=1500
";

/// Three brokers. They end when this is dropped.
#[derive(Debug)]
pub struct Cluster {
    brokers: Vec<Broker>,
}

impl Cluster {
    /// The cluster that all tests of a run share, one after another, with all of its brokers running.
    ///
    /// # Panics
    /// When it does not start.
    pub fn shared() -> MutexGuard<'static, Option<Self>> {
        static SHARED: Mutex<Option<Cluster>> = Mutex::new(None);
        // A test that failed leaves a cluster that can be mended.
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        shared.get_or_insert_with(Self::start).mend();
        shared
    }

    /// Starts three brokers.
    ///
    /// # Panics
    /// When they do not start.
    #[must_use]
    pub fn start() -> Self {
        for attempt in 1.. {
            match Self::try_start() {
                Ok(cluster) => return cluster,
                Err(log) if attempt < ATTEMPTS && log.contains("BindException") => {}
                Err(log) => panic!("the brokers did not start:\n{log}"),
            }
        }
        unreachable!("the last attempt returns or panics")
    }

    fn try_start() -> Result<Self, String> {
        let ports: Vec<(u16, u16)> = (0..NODES).map(|_| (free_port(), free_port())).collect();
        let voters: Vec<String> = (1..)
            .zip(&ports)
            .map(|(id, (_, controller))| format!("{id}@127.0.0.1:{controller}"))
            .collect();
        let voters = voters.join(",");
        let launch = |index: usize| {
            let (port, controller) = ports[index];
            let mut peers = String::new();
            for (_, (port, _)) in ports
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != index)
            {
                write!(peers, ",127.0.0.1:{port}").expect("a string takes everything");
            }
            let properties = format!(
                "{PROPERTIES}node.id={}\ncontroller.quorum.voters={voters}\n\
                 offsets.topic.num.partitions={OFFSETS_PARTITIONS}\n",
                index + 1
            );
            let node = Node {
                port,
                controller,
                peers,
                replication: 3,
            };
            let setup = Setup {
                properties: &properties,
                account: None,
            };
            Broker::launch_node(node, &setup)
        };
        let mut brokers: Vec<Broker> = std::thread::scope(|scope| {
            let launched: Vec<_> = (0..NODES)
                .map(|index| scope.spawn(move || launch(index)))
                .collect();
            let joined = launched.into_iter().map(ScopedJoinHandle::join);
            joined
                .map(|broker| broker.expect("it was launched"))
                .collect()
        });
        brokers
            .iter_mut()
            .try_for_each(Broker::wait_until_it_answers)?;
        Ok(Self { brokers })
    }

    /// Starts the brokers that are stopped, and waits until every copy of every partition is complete.
    ///
    /// # Panics
    /// When they do not start.
    pub fn mend(&mut self) {
        for broker in self.brokers.iter().filter(|broker| broker.is_running()) {
            broker.resume();
        }
        for broker in self
            .brokers
            .iter_mut()
            .filter(|broker| !broker.is_running())
        {
            broker.restart();
        }
        self.until_metadata("complete copies of all partitions", |metadata| {
            let mut partitions = metadata.topics().iter().flat_map(MetadataTopic::partitions);
            let is_complete = metadata.brokers().len() == NODES
                && partitions.all(|partition| {
                    partition.leader() >= 0 && partition.isr().len() == partition.replicas().len()
                });
            is_complete.then_some(())
        });
    }

    /// `host:port,...`, for `--brokers`.
    #[must_use]
    pub fn addresses(&self) -> String {
        let addresses: Vec<_> = self.brokers.iter().map(Broker::address).collect();
        addresses.join(",")
    }

    /// The number of brokers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.brokers.len()
    }

    /// Whether it has no broker, which is never so.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.brokers.is_empty()
    }

    /// A broker, for what any of them does.
    #[must_use]
    pub fn any(&self) -> &Broker {
        &self.brokers[0]
    }

    /// The broker of an index.
    pub fn broker(&mut self, index: usize) -> &mut Broker {
        &mut self.brokers[index]
    }

    /// The index of the broker that coordinates a group.
    ///
    /// # Panics
    /// When there is none for too long.
    #[must_use]
    pub fn coordinator(&self, group: &str) -> usize {
        // As Kafka chooses the partition of a group.
        let hash = group.encode_utf16().fold(0_i32, |hash, unit| {
            hash.wrapping_mul(31).wrapping_add(i32::from(unit))
        });
        let hash = if hash == i32::MIN {
            0
        } else {
            hash.unsigned_abs()
        };
        let number = hash % OFFSETS_PARTITIONS;
        self.until_metadata("a coordinator", |metadata| {
            let mut topics = metadata.topics().iter();
            let topic = topics.find(|topic| topic.name() == OFFSETS_TOPIC)?;
            let mut partitions = topic.partitions().iter();
            let partition =
                partitions.find(|partition| u32::try_from(partition.id()) == Ok(number))?;
            usize::try_from(partition.leader()).ok()?.checked_sub(1)
        })
    }

    fn until_metadata<T>(&self, what: &str, mut found: impl FnMut(&Metadata) -> Option<T>) -> T {
        let client: BaseConsumer = self
            .any()
            .client()
            .create()
            .expect("the settings are right");
        until(what, LIMIT, || {
            let metadata = client.fetch_metadata(None, Duration::from_secs(2)).ok()?;
            found(&metadata)
        })
    }
}

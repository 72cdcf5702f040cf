//! A single-node `KRaft` broker: a separate process with its data in a temporary folder, which listens on loopback.

use std::fmt::Write;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rustix::process::{Pid, Signal, kill_process};

use super::{distribution, secured};
use crate::{run, until};

/// Time limit from the start of a broker to its first response, which takes 3 s on an idle machine.
const START_LIMIT: Duration = Duration::from_secs(90);
/// Time limit for a clean shutdown.
const STOP_LIMIT: Duration = Duration::from_mins(1);
/// The number of attempts: another process may take a free port before the broker binds it.
pub(super) const ATTEMPTS: u32 = 5;
/// Any 16 bytes in URL-safe base64.
const CLUSTER_ID: &str = "am91cm5hbC10ZXN0cy4uLg";

/// The settings that differ from a broker's defaults. One node needs replication factors of 1. Groups rebalance without
/// an initial delay and may have short session time-outs. A record may have 100 MiB, as in production. Records are not
/// deleted because of their age.
const PROPERTIES: &str = "\
process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
message.max.bytes=104857600
socket.request.max.bytes=209715200
log.retention.ms=-1
log.cleaner.dedupe.buffer.size=16777216
log.cleaner.backoff.ms=200
";

/// A broker that a test may stop and start again. It ends when this is dropped, and at the latest when the test process
/// ends.
#[derive(Debug)]
pub struct Broker {
    pub(super) folder: PathBuf,
    port: u16,
    /// The ports of the secured listeners, if there are any.
    pub(super) secured: Option<secured::Ports>,
    process: Option<Child>,
    /// The other brokers of its cluster, for clients: `,HOST:PORT` each.
    peers: String,
    /// The number of copies of each partition.
    pub(super) replication: i32,
}

/// How a broker differs from the default one.
pub(super) struct Setup<'a> {
    /// Additional lines for its `server.properties`.
    pub(super) properties: &'a str,
    /// The account of the secured listeners.
    pub(super) account: Option<secured::Account>,
}

/// One of several brokers of a cluster.
pub(super) struct Node {
    /// The port of its clients.
    pub(super) port: u16,
    /// The port of its controller.
    pub(super) controller: u16,
    /// The other brokers, for clients: `,HOST:PORT` each.
    pub(super) peers: String,
    /// The number of copies of each partition.
    pub(super) replication: i32,
}

impl Broker {
    /// The broker that all tests of a run share. Use a new [`Prefix`](super::Prefix) in each test, and never stop this
    /// broker: a test that stops one [starts](Self::start) another.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Broker> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts a broker that only the caller uses.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// Starts a broker that only the caller uses, with additional lines for its `server.properties`.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start_with(properties: &str) -> Self {
        Self::start_as(&Setup {
            properties,
            account: None,
        })
    }

    pub(super) fn start_as(setup: &Setup<'_>) -> Self {
        for attempt in 1.. {
            let mut broker = Self {
                folder: run::folder("broker"),
                port: free_port(),
                secured: setup.account.map(|_| secured::Ports {
                    passwords: free_port(),
                    certificates: free_port(),
                }),
                process: None,
                peers: String::new(),
                replication: 1,
            };
            broker.configure(setup, free_port());
            broker.launch();
            match broker.wait_until_it_answers() {
                Ok(()) => return broker,
                Err(log) if attempt < ATTEMPTS && log.contains("BindException") => {}
                Err(log) => panic!("the broker did not start:\n{log}"),
            }
        }
        unreachable!("the last attempt returns or panics")
    }

    /// Launches one broker of a cluster, which answers once most of them are launched.
    pub(super) fn launch_node(node: Node, setup: &Setup<'_>) -> Self {
        let mut broker = Self {
            folder: run::folder("broker"),
            port: node.port,
            secured: None,
            process: None,
            peers: node.peers,
            replication: node.replication,
        };
        broker.configure(setup, node.controller);
        broker.launch();
        broker
    }

    /// `host:port`, for `--brokers`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Settings for a client of this broker.
    #[must_use]
    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", self.address() + &self.peers)
            .set("reconnect.backoff.ms", "20")
            .set("reconnect.backoff.max.ms", "200");
        config
    }

    /// Shuts the broker down cleanly.
    ///
    /// # Panics
    /// When it is not running or does not stop.
    pub fn stop(&mut self) {
        let mut process = self.process.take().expect("the broker is running");
        let pid = Pid::from_child(&process);
        kill_process(pid, Signal::TERM).expect("a child can be signalled");
        until("the broker stops", STOP_LIMIT, || {
            process.try_wait().expect("a child can be waited for")
        });
    }

    /// Kills the broker.
    ///
    /// # Panics
    /// When it is not running.
    pub fn kill(&mut self) {
        assert!(self.process.is_some(), "the broker is running");
        self.end_process();
    }

    /// Starts the stopped broker again, with the same port and data.
    ///
    /// # Panics
    /// When it is running already, or does not start.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "the broker is stopped");
        self.launch();
        if let Err(log) = self.wait_until_it_answers() {
            panic!("the broker did not start again:\n{log}");
        }
    }

    /// Stops its process without ending it, so that it answers nothing until it [continues](Self::resume).
    ///
    /// # Panics
    /// When it is not running.
    pub fn pause(&self) {
        self.signal(Signal::STOP);
    }

    /// Continues a paused process. It is harmless if the process is not paused.
    ///
    /// # Panics
    /// When it is not running.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let process = self.process.as_ref().expect("the broker is running");
        kill_process(Pid::from_child(process), signal).expect("a child can be signalled");
    }

    /// Whether it was launched and not stopped or killed.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// Writes the settings and formats the data folder.
    fn configure(&self, setup: &Setup<'_>, controller: u16) {
        let (folder, port) = (&self.folder, self.port);
        let secured = self.secured.map(secured::listeners).unwrap_or_default();
        let mut properties = String::from(PROPERTIES);
        write!(
            properties,
            "listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}{secured}\n\
             advertised.listeners=PLAINTEXT://127.0.0.1:{port}{secured}\n\
             controller.quorum.voters=1@127.0.0.1:{controller}\n\
             log.dirs={}\n\
             {}\n",
            folder.join("data").display(),
            setup.properties
        )
        .expect("a string takes everything");
        if let Some(account) = setup.account {
            properties.push_str(&secured::properties(folder, account));
        }
        let path = folder.join(SERVER_PROPERTIES);
        fs::write(&path, properties)
            .unwrap_or_else(|error| panic!("cannot write {}: {error}", path.display()));
        let mut format = java("kafka.tools.StorageTool", folder);
        format
            .args(["format", "--cluster-id", CLUSTER_ID, "--config"])
            .arg(&path);
        if let Some(account) = setup.account {
            for scram in secured::scram(account) {
                format.args(["--add-scram", &scram]);
            }
        }
        run_setup(&mut format, folder);
    }

    fn launch(&mut self) {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.log());
        let log =
            log.unwrap_or_else(|error| panic!("cannot write {}: {error}", self.log().display()));
        let mut java = java("kafka.Kafka", &self.folder);
        java.arg(self.folder.join(SERVER_PROPERTIES))
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file can be cloned"))
            .stderr(log);
        self.process = Some(run::spawn(&mut java));
    }

    /// Waits until the broker returns metadata. If it does not, returns the end of its log.
    pub(super) fn wait_until_it_answers(&mut self) -> Result<(), String> {
        let start = Instant::now();
        let mut client = self.client();
        client.set("bootstrap.servers", self.address());
        let client: BaseConsumer = client.create().expect("the settings are right");
        while client
            .fetch_metadata(None, Duration::from_millis(500))
            .is_err()
        {
            let process = self.process.as_mut().expect("the broker was launched");
            let has_ended = process
                .try_wait()
                .expect("a child can be waited for")
                .is_some();
            if has_ended || start.elapsed() > START_LIMIT {
                return Err(run::end_of(&self.log()));
            }
        }
        Ok(())
    }

    fn log(&self) -> PathBuf {
        self.folder.join("broker.log")
    }

    fn end_process(&mut self) {
        if let Some(mut process) = self.process.take() {
            // It may have already ended; then there is nothing to kill, and `wait` returns at once.
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.end_process();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

const SERVER_PROPERTIES: &str = "server.properties";

/// Runs a program that prepares a broker. Panics with its output if it fails.
pub(super) fn run_setup(command: &mut Command, folder: &Path) {
    let log_path = folder.join("setup.log");
    let log = File::create(&log_path).expect("the folder is ours");
    command
        .stdin(Stdio::null())
        .stdout(log.try_clone().expect("a file can be cloned"))
        .stderr(log);
    let status = run::spawn(command)
        .wait()
        .expect("a child can be waited for");
    assert!(
        status.success(),
        "`{command:?}` failed:\n{}",
        run::end_of(&log_path)
    );
}

fn java(class: &str, folder: &Path) -> Command {
    let mut command = Command::new("java");
    command
        .args(["-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"])
        .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
        .arg("-cp")
        .arg(distribution::libs().join("*"))
        .arg(class)
        .current_dir(folder);
    command
}

/// A free port, below those that the kernel uses for outgoing connections: while a broker is down, a client that tries
/// to reconnect could otherwise get the broker's port and keep it.
pub(crate) fn free_port() -> u16 {
    const LOWEST: u64 = 10_000;
    const HIGHEST: u64 = 32_000;
    until("a free port", Duration::from_secs(10), || {
        let random = RandomState::new().hash_one(0_u8);
        let port = u16::try_from(LOWEST + random % (HIGHEST - LOWEST)).ok()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .ok()
            .map(|_| port)
    })
}

//! The processes of a consumer group, and what they leave.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use journal_tests::kafka::Cluster;
use journal_tests::{Host, Prefix, Running, paths, run};
use rustix::process::Signal;

use super::accounts::{self, Ended, Figures};
use super::feed::Feed;

/// Time limit for one step of a test.
pub(super) const LIMIT: Duration = Duration::from_mins(2);
/// How long the group waits for a silent member, in milliseconds.
pub(super) const SESSION_MS: u64 = 6000;

/// A group over records that arrive all the time.
pub(super) struct Members {
    pub(super) group: String,
    prefix: Prefix,
    feed: Feed,
    folder: PathBuf,
    addresses: String,
    /// Whether each file has a member of its own name.
    pub(super) is_static: bool,
    ended: Vec<Ended>,
}

impl Members {
    pub(super) fn new(cluster: &Cluster, name: &str) -> Self {
        let prefix = Prefix::new(name);
        Self {
            group: prefix.group("group"),
            feed: Feed::start(cluster, &prefix),
            prefix,
            folder: run::folder(name),
            addresses: cluster.addresses(),
            is_static: false,
            ended: Vec::new(),
        }
    }

    fn host(&self, file: &str) -> Host {
        Host::run(&paths::plugin("guest-positions"))
            .args(["--brokers", &self.addresses, "--group-id", &self.group])
            .args(["--prefix", self.prefix.as_str()])
            .args(["--kafka", &format!("session.timeout.ms={SESSION_MS}")])
            .args(["--kafka", "heartbeat.interval.ms=200"])
            .args(["--checkpoint-interval", "400ms"])
            // Brokers that have just come back may take long on a busy machine.
            .args(["--shutdown-timeout", "100s"])
            .arg("--output")
            .arg(self.folder.join(file))
            .env("JOURNAL_HOST_LOG", "journal_host::pipeline=debug,info")
    }

    /// Starts a process of two workers that appends to this file.
    pub(super) fn start(&self, file: &str) -> Running {
        let mut host = self.host(file).args(["--workers", "2"]);
        if self.is_static {
            host = host.args(["--kafka", &format!("group.instance.id={file}")]);
        }
        host.spawn()
    }

    /// The file of an output.
    pub(super) fn file(&self, file: &str) -> PathBuf {
        self.folder.join(file)
    }

    /// Kills a process.
    pub(super) fn kill(&mut self, running: Running) {
        running.signal(Signal::KILL);
        let killed = running.finish(LIMIT);
        self.ended.push(Ended {
            code: killed.status.code(),
            log: killed.stderr,
        });
    }

    /// Asks a process to stop, and waits for its end.
    pub(super) fn stop(&mut self, running: Running) -> Option<i32> {
        running.signal(Signal::TERM);
        let finished = running.finish(LIMIT);
        let code = finished.status.code();
        if code != Some(0) {
            eprintln!("{}\n{}", finished.stderr, finished.status);
        }
        self.ended.push(Ended {
            code,
            log: finished.stderr,
        });
        code
    }

    /// Ends all processes and the stream of records, has one more process read the rest, and accounts for every record.
    pub(super) fn account(mut self, cluster: &Cluster, running: Vec<Running>) -> Figures {
        for running in running {
            self.stop(running);
        }
        let host = self.host("rest");
        self.feed.stop();
        let rest = host.args(["--on-eof", "stop"]).finish(LIMIT).success();
        self.ended.push(Ended {
            code: Some(0),
            log: rest.stderr,
        });
        let ends = cluster.any().end_offsets(&self.prefix);
        let figures = accounts::check(&self.folder, &ends, &self.ended);
        // The test harness hides the output of tests that pass.
        let _ = writeln!(io::stderr(), "{}: {figures}", self.prefix);
        for process in self.ended.iter().filter(|process| process.code == Some(1)) {
            let _ = writeln!(io::stderr(), "{}", process.warnings());
        }
        figures
    }
}

/// Waits until a process confirms a further checkpoint.
pub(super) fn until_it_confirms(running: &mut Running) {
    let confirmed = |running: &Running| running.stderr().matches(" is confirmed: ").count();
    let before = confirmed(running);
    running.until("a checkpoint is confirmed", LIMIT, |running| {
        (confirmed(running) > before).then_some(())
    });
}

//! What is seen of a run from outside: log lines as JSON, metrics, health, and what a supervisor hears.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use journal_tests::kafka::Journal;
use journal_tests::{Broker, Finished, Host, Prefix, Running, paths, run};
use rustix::process::Signal;
use serde_json::Value;

const LIMIT: Duration = Duration::from_mins(1);
const PARTITIONS: i32 = 4;

fn recording() -> PathBuf {
    paths::repository().join("recordings/ripgrep.journal.zst")
}

fn shipped() -> Journal {
    Journal::read(&recording())
}

/// A run over the shipped recording on the shared broker, which waits for more at its end.
fn host(name: &str) -> Host {
    let prefix = Prefix::new(name);
    Broker::shared().load(&prefix, &shipped(), PARTITIONS, 1);
    Host::run(&paths::plugin("count-objects"))
        .args(["--brokers", &Broker::shared().address()])
        .args(["--prefix", prefix.as_str()])
        .args(["--group-id", &prefix.group("observed")])
        .args(["--checkpoint-interval", "200ms"])
}

fn objects() -> u64 {
    let counts = shipped().counts(false, 1);
    counts.values().map(|sums| sums.objects).sum()
}

/// The address that the log names.
pub(crate) fn address(running: &mut Running) -> String {
    running.until("the address is logged", LIMIT, |running| {
        let stderr = running.stderr();
        let (_, rest) = stderr.split_once("metrics are served at http://")?;
        rest.split_once("/metrics")
            .map(|(address, _)| address.to_owned())
    })
}

/// The status and the body of an answer to GET.
pub(crate) fn get(address: &str, path: &str, host: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).expect("it is served");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("it is HTTP");
    let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
    (status.expect("it has a status"), body.to_owned())
}

/// The value of a sample of these metrics, if they have it. The name ends with a space.
pub(crate) fn sample(metrics: &str, name: &str) -> Option<f64> {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name));
    line?.trim().parse().ok()
}

fn end(running: Running) -> Finished {
    running.signal(Signal::TERM);
    running.finish(LIMIT).success()
}

#[test]
fn metrics_and_health_show_a_run_to_its_last_record() {
    let mut running = host("metrics")
        .args(["--metrics", "0", "--workers", "2"])
        .spawn();
    let address = address(&mut running);
    let metrics = running.until("all records are confirmed", LIMIT, |_| {
        let (status, metrics) = get(&address, "/metrics", &address);
        assert_eq!(status, 200);
        #[expect(clippy::cast_precision_loss, reason = "it is small")]
        let all = objects() as f64;
        // The lag is looked at once a second.
        let is_done = sample(&metrics, "journal_host_objects_total ") == Some(all)
            && sample(&metrics, "journal_host_unconfirmed_records ") == Some(0.0)
            && metrics.contains("journal_host_lag{topic=");
        is_done.then_some(metrics)
    });
    assert!(sample(&metrics, "journal_host_checkpoint_age_seconds ").is_some());
    let without_brokers = sample(&metrics, "journal_host_without_brokers_seconds ");
    assert_eq!(without_brokers, Some(0.0));
    let bytes = sample(&metrics, "journal_host_row_bytes_total{output=\"counts\"} ");
    assert!(bytes.is_some_and(|bytes| bytes > 0.0), "{metrics}");
    // librdkafka says every few seconds what it has fetched.
    running.until("the queue of librdkafka is known", LIMIT, |_| {
        let (_, metrics) = get(&address, "/metrics", &address);
        let records = sample(&metrics, "journal_host_read_ahead_records ");
        let bytes = sample(&metrics, "journal_host_read_ahead_bytes ");
        records.zip(bytes)
    });
    assert!(
        metrics.contains("journal_host_rows_total{output="),
        "{metrics}"
    );
    running.until("it is ready", LIMIT, |_| {
        (get(&address, "/readyz", &address).0 == 200).then_some(())
    });
    assert_eq!(
        get(&address, "/healthz", &address),
        (200, "ok\n".to_owned())
    );
    // A page of another name that leads to this machine.
    assert_eq!(get(&address, "/metrics", "evil.example").0, 421);
    let _ended = end(running);
}

#[test]
fn idle_worker_of_a_group_is_ready() {
    let mut running = host("idle")
        .args(["--metrics", "0", "--workers", "9"])
        .spawn();
    let address = address(&mut running);
    running.until("all workers know their partitions", LIMIT, |_| {
        (get(&address, "/readyz", &address).0 == 200).then_some(())
    });
    let _ended = end(running);
}

#[test]
fn metrics_that_cannot_be_served_are_an_error_with_the_way_out() {
    let recording = self::recording();
    let run = || {
        Host::run(&paths::plugin("count-objects"))
            .arg("--recording")
            .arg(&recording)
    };
    let public = run().args(["--metrics", "0.0.0.0:0"]).finish(LIMIT).code(2);
    assert!(
        public.stderr.contains("`--metrics-public`"),
        "{}",
        public.stderr
    );
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("it is bound").to_string();
    let failed = run().args(["--metrics", &address]).finish(LIMIT).code(1);
    for part in [&address, "hint: is another process there?"] {
        assert!(failed.stderr.contains(part), "{}", failed.stderr);
    }
}

#[test]
fn lines_of_the_log_are_json_on_request() {
    let finished = host("json")
        .args(["--log-format", "json", "--on-eof", "stop"])
        .args(["--log-level", "debug,librdkafka=off"])
        .finish(LIMIT)
        .success();
    let lines: Vec<Value> = finished
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect();
    let messages = lines.iter().filter_map(|line| line["message"].as_str());
    let messages: Vec<&str> = messages.collect();
    for begin in ["journal-host ", "worker 0: "] {
        assert!(
            messages.iter().any(|text| text.starts_with(begin)),
            "{messages:?}"
        );
    }
    assert!(lines.iter().any(|line| line["level"] == "DEBUG"));
    assert!(
        lines
            .iter()
            .all(|line| line["target"].is_string() && line["timestamp"].is_string())
    );
}

#[test]
fn supervisor_hears_that_a_run_is_ready_lives_and_ends() {
    let folder = run::folder("systemd");
    let socket = folder.join("notify");
    let supervisor = UnixDatagram::bind(&socket).expect("the folder is ours");
    supervisor
        .set_read_timeout(Some(LIMIT))
        .expect("sockets have time limits");
    let running = host("systemd")
        .env("NOTIFY_SOCKET", &socket)
        .env("WATCHDOG_USEC", "1000000")
        .spawn();
    let mut heard = String::new();
    let mut hear_until = |wanted: &str| {
        let mut message = [0; 4096];
        while !heard.contains(wanted) {
            let bytes = supervisor.recv(&mut message).expect("it says more");
            heard += &String::from_utf8_lossy(&message[..bytes]);
        }
    };
    hear_until("READY=1");
    hear_until("WATCHDOG=1");
    hear_until("STATUS=");
    running.signal(Signal::TERM);
    hear_until("STOPPING=1");
    let _ended = running.finish(LIMIT).success();
}

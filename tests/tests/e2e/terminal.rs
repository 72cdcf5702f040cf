//! What people see on a terminal while a command is at work.

use std::time::Duration;

use journal_tests::kafka::Journal;
use journal_tests::{Broker, Host, Prefix, Running, paths, run};
use rustix::process::{Pid, Signal, kill_process};

const LIMIT: Duration = Duration::from_mins(1);
const SHIPPED: &str = "recordings/ripgrep.journal.zst";

/// Waits for a bar with a rate and the time that is left.
fn wait_for_the_bar(running: &mut Running) -> String {
    running.until("a bar with the time that is left", LIMIT, |running| {
        let shown = running.stdout();
        let mut lines = shown.split(['\r', '\n']);
        let line = lines.find(|line| line.contains(" left"))?;
        Some(line.to_owned())
    })
}

/// The line begins with a bar, which a narrow terminal cuts off last, and has objects, their rate and the time left.
fn assert_is_a_bar(line: &str) {
    let (_, rest) = line.split_once(" [").expect("a bar begins");
    let (bar, rest) = rest.split_once("] ").expect("the bar ends");
    assert!(bar.chars().all(|c| c == '#' || c == '-'), "{line}");
    let (part, rest) = rest.split_once(" %, ").expect("it has the part done");
    assert!(part.parse::<u8>().is_ok_and(|part| part < 100), "{line}");
    for part in [" objects, ", "/s"] {
        assert!(rest.contains(part), "{line}");
    }
}

/// Asks the host on the terminal to stop: it is the child of the program that made the terminal.
fn stop(running: &Running) {
    let parent = running.pid().as_raw_nonzero();
    let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
    let child = children.expect("it is running").trim().parse().ok();
    let child = child.and_then(Pid::from_raw).expect("it has one child");
    kill_process(child, Signal::INT).expect("a child can be signalled");
}

#[test]
fn run_shows_a_bar_with_its_rate_and_the_time_that_is_left() {
    let mut running = Host::on_a_terminal()
        .arg("run")
        .arg(paths::plugin("guest-counter"))
        .arg("--recording")
        .arg(paths::repository().join(SHIPPED))
        .args(["--batch-records", "50", "--option", "spin=1000000"])
        .spawn();
    assert_is_a_bar(&wait_for_the_bar(&mut running));
    stop(&running);
    let _ended = running.finish(LIMIT);
}

#[test]
fn record_shows_a_bar_with_its_rate_and_the_time_that_is_left() {
    let folder = run::folder("terminal");
    let few = folder.join("few.journal.zst");
    let _made = Host::new()
        .args(["record", "--object-type", "release", "--recording"])
        .arg(paths::repository().join(SHIPPED))
        .arg("--output")
        .arg(&few)
        .finish(LIMIT)
        .success();
    let prefix = Prefix::new("terminal");
    let few = Journal::read(&few);
    let broker = Broker::shared();
    broker.load(&prefix, &few, 1, 1);
    // The broker gives one batch in answer to each request, which are a second apart.
    for _batch in 0..30 {
        broker.append(&prefix, &few, 1);
    }
    let mut running = Host::on_a_terminal()
        .args(["record", "--brokers", &broker.address()])
        .args(["--prefix", prefix.as_str(), "--output"])
        .arg(folder.join("new.journal.zst"))
        .args(["--kafka", "max.partition.fetch.bytes=1000"])
        .args(["--kafka", "queued.max.messages.kbytes=1"])
        .args(["--kafka", "fetch.queue.backoff.ms=1000"])
        .spawn();
    assert_is_a_bar(&wait_for_the_bar(&mut running));
    stop(&running);
    let _ended = running.finish(LIMIT);
}

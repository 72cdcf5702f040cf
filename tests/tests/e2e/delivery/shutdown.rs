//! Runs that are asked to end while something blocks them.

use std::io::{self, PipeReader, Read as _};
use std::thread;
use std::time::{Duration, Instant};

use journal_tests::kafka::Feed;
use journal_tests::{Broker, Finished, Host, Prefix, Running, host as rows_of, paths, run, until};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::io::ioctl_fionread;
use rustix::process::Signal;

use super::live::{Live, until_it_handles_more};
use super::{LIMIT, PARTITIONS, host, large, objects, shipped, until_committed};

/// How long a run may take to end.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(3);
const SHUTDOWN: [&str; 2] = ["--shutdown-timeout", "3s"];
/// What a busy machine takes longer. Before there was a limit, these runs took at least 30 s.
const SLACK: Duration = Duration::from_secs(12);

/// Asks a run to end, and waits for it as long as it may take.
fn ends_in_time(running: Running) -> Finished {
    running.signal(Signal::TERM);
    running.finish(SHUTDOWN_TIMEOUT + SLACK)
}

/// The number of records of which a run says that they come again.
fn coming_again(finished: &Finished) -> u64 {
    let text = &finished.stderr;
    let (before, _) = text
        .split_once(" records will come again")
        .unwrap_or_else(|| panic!("no number in: {text}"));
    let number = before.rsplit(' ').next().and_then(|word| word.parse().ok());
    number.unwrap_or_else(|| panic!("no number in: {text}"))
}

/// Waits until a run that has started takes as much CPU time as only a call does.
fn until_in_a_call(running: &mut Running) {
    let before = running.cpu_time();
    running.until("it is in a call", LIMIT, |running| {
        (running.cpu_time() >= before + Duration::from_secs(1)).then_some(())
    });
}

#[test]
fn call_that_takes_too_long_is_interrupted_and_its_records_come_again_once() {
    let prefix = Prefix::new("long-call");
    let journal = shipped();
    Broker::shared().load(&prefix, &journal, PARTITIONS, 1);
    let group = prefix.group("group");
    let rows = run::folder("long-call").join("rows.jsonl");
    let hostile = || {
        host("guest-hostile", &prefix, &group)
            .arg("--output")
            .arg(&rows)
    };
    let mut running = hostile()
        .args(["--option", "process=loop", "--option", "at_call=2"])
        // A checkpoint after each call, however fast it is.
        .args(["--batch-records", "10", "--checkpoint-interval", "1us"])
        .args(["--deadline", "140s"])
        .args(SHUTDOWN)
        .spawn();
    let committed = until_committed(&mut running, &prefix, &group, 1);
    until_in_a_call(&mut running);
    let finished = ends_in_time(running).code(1);
    let expected = "error: the run had to end before `process` returned on `";
    assert!(finished.stderr.contains(expected), "{}", finished.stderr);
    let again = coming_again(&finished);
    assert!((1..=10).contains(&again), "{again}");
    assert_eq!(rows_of::rows(&rows).len() as u64, committed);
    let _rest = hostile().finish(LIMIT).success();
    assert_eq!(rows_of::rows(&rows).len(), journal.records.len());
}

#[test]
fn join_that_waits_for_a_dead_member_does_not_keep_a_run_from_ending() {
    let live = Live::new("join");
    let member = || live.host("guest-counter").args(SHUTDOWN);
    let mut running = member().spawn();
    until_it_handles_more(&mut running);
    let members = |count: usize, expected: &str| {
        let (members, state) = Broker::shared().group(&live.group);
        (members == count && state == expected).then_some(())
    };
    let mut victim = member().spawn();
    victim.until("both are members", LIMIT, |_| members(2, "Stable"));
    let _victim = victim.kill();
    let joining = member().spawn();
    running.until("the join waits for the dead member", LIMIT, |_| {
        members(3, "PreparingRebalance")
    });
    // The session of the dead member lasts for 45 s. Until then no commit of this member is answered.
    let mut last = (0, Instant::now());
    running.until("no commit is answered", LIMIT, |_| {
        let committed = live.committed();
        if committed != last.0 {
            last = (committed, Instant::now());
        }
        (last.1.elapsed() >= Duration::from_secs(2)).then_some(())
    });
    let finished = ends_in_time(running).code(1);
    assert!(coming_again(&finished) > 0);
    assert!(
        finished
            .stderr
            .contains("the last commit was not confirmed within "),
        "{}",
        finished.stderr
    );
    let _joining = ends_in_time(joining).success();
}

#[test]
fn brokers_that_are_gone_do_not_keep_a_run_from_ending() {
    let mut broker = Broker::start();
    let prefix = Prefix::new("gone");
    let group = prefix.group("group");
    let _feed = Feed::start(&broker, &prefix, shipped(), PARTITIONS);
    let mut running = Host::run(&paths::plugin("guest-counter"))
        .args(["--brokers", &broker.address()])
        .args(["--prefix", prefix.as_str(), "--group-id", &group])
        .args(["--checkpoint-interval", "100ms"])
        .args(SHUTDOWN)
        .spawn();
    until_it_handles_more(&mut running);
    until("a checkpoint whose commit is not confirmed", LIMIT, || {
        assert!(!running.has_ended(), "{}", running.stderr());
        broker.pause();
        let before = running.rows().len();
        let paused = Instant::now();
        while paused.elapsed() < Duration::from_secs(1) {
            if running.rows().len() > before {
                return Some(());
            }
            thread::sleep(Duration::from_millis(10));
        }
        // It had read nothing more.
        broker.resume();
        None
    });
    broker.kill();
    let finished = ends_in_time(running).code(1);
    let again = coming_again(&finished);
    broker.restart();
    let committed = broker.committed_records(&group, &prefix);
    let written = objects(&finished.counts());
    assert!(
        again > 0 && written - committed <= again,
        "{written} written, {committed} committed, {again} said to come again"
    );
}

#[test]
fn reader_that_does_not_read_does_not_keep_a_run_from_ending() {
    let large = large();
    let group = large.prefix.group("stalled");
    let (mut reader, writer) = io::pipe().expect("the system has pipes");
    let mut running = host("guest-hostile", &large.prefix, &group)
        .args(["--checkpoint-interval", "100ms"])
        .args(SHUTDOWN)
        .stdout(writer)
        .spawn();
    running.until("the pipe is full", LIMIT, |_| {
        is_full(&reader).then_some(())
    });
    let finished = ends_in_time(running).code(1);
    let expected = "the run did not end within 3 s, because an output did not take its rows: ";
    assert!(finished.stderr.contains(expected), "{}", finished.stderr);
    let mut lines = String::new();
    let _bytes = reader.read_to_string(&mut lines).expect("nobody writes");
    let written = lines.matches('\n').count() as u64;
    let committed = Broker::shared().committed_records(&group, &large.prefix);
    assert!(
        written - committed <= coming_again(&finished),
        "{written} written, {committed} committed: {}",
        finished.stderr
    );
}

fn is_full(reader: &PipeReader) -> bool {
    const ALMOST_ALL: u64 = 60 << 10;
    ioctl_fionread(reader).is_ok_and(|bytes| bytes >= ALMOST_ALL)
}

#[test]
fn two_signals_within_a_second_are_one() {
    let live = Live::new("together");
    let mut running = live.host("guest-counter").spawn();
    until_it_handles_more(&mut running);
    running.signal(Signal::TERM);
    running.signal(Signal::INT);
    let finished = running.finish(LIMIT).success();
    assert_eq!(objects(&finished.counts()), live.committed());
}

/// A run in a call that does not end.
fn in_a_call(name: &str) -> Running {
    let large = large();
    let group = large.prefix.group(name);
    let mut running = host("guest-counter", &large.prefix, &group)
        .args(["--option", "spin=4000000000", "--deadline", "140s"])
        .spawn();
    running.until("it joins the group", LIMIT, |_| {
        let (members, state) = Broker::shared().group(&group);
        (members == 1 && state == "Stable").then_some(())
    });
    until_in_a_call(&mut running);
    running
}

#[test]
fn signal_a_second_after_the_first_ends_the_process_at_once() {
    let mut running = in_a_call("twice");
    let first = Instant::now();
    while !running.has_ended() {
        assert!(first.elapsed() < Duration::from_secs(20), "it goes on");
        running.signal(Signal::INT);
        thread::sleep(Duration::from_millis(10));
    }
    let taken = first.elapsed();
    let finished = running.finish(LIMIT);
    assert_eq!(finished.status.code(), Some(130), "{}", finished.stderr);
    assert!(
        taken >= Duration::from_secs(1),
        "{taken:?}: {}",
        finished.stderr
    );
}

#[test]
fn quit_ends_the_process_at_once() {
    let running = in_a_call("quit");
    running.signal(Signal::QUIT);
    let finished = running.finish(SLACK);
    assert_eq!(finished.status.code(), Some(131), "{}", finished.stderr);
}

#[test]
fn first_signal_ends_a_process_whose_workers_do_not_run_yet_at_once() {
    let host = Host::run(&paths::plugin("guest-hostile"))
        .arg("--recording")
        .arg(paths::repository().join("recordings/ripgrep.journal.zst"))
        .args(["--output", "fifo"]);
    let fifo = host.folder().join("fifo");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("the folder is ours");
    // Opening it waits for a reader, which never comes.
    let mut running = host.spawn();
    running.until("it handles signals", LIMIT, |running| {
        running.handles(Signal::TERM).then_some(())
    });
    running.signal(Signal::TERM);
    let finished = running.finish(SLACK);
    assert_eq!(finished.status.code(), Some(130), "{}", finished.stderr);
}

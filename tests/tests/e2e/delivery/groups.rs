//! Workers and processes that share the work as one consumer group.

use super::live::{Live, stop, until_it_handles_more};
use super::{LIMIT, host, large, total};

#[test]
fn two_processes_share_the_work_and_count_everything_once() {
    let live = Live::new("two");
    let mut running = [(); 2].map(|()| live.host("guest-counter").spawn());
    running.iter_mut().for_each(until_it_handles_more);
    let [first, second] = running.map(stop);
    let (rest, written) = live.rest();
    assert_eq!(total([&first, &second, &rest]), written);
}

#[test]
fn two_and_four_workers_count_everything_once() {
    let large = large();
    for workers in ["2", "4"] {
        let group = large.prefix.group(&format!("workers-{workers}"));
        let finished = host("count-objects", &large.prefix, &group)
            .args(["--workers", workers])
            .finish(LIMIT)
            .success();
        assert_eq!(finished.counts(), large.counts);
    }
}

#[test]
fn workers_without_a_partition_wait_for_the_others() {
    let large = large();
    let group = large.prefix.group("idle");
    let finished = host("count-objects", &large.prefix, &group)
        .args(["--workers", "12", "--object-type", "revision"])
        .finish(LIMIT)
        .success();
    assert_eq!(finished.counts()["revision"], large.counts["revision"]);
    assert_eq!(finished.counts().len(), 1);
}

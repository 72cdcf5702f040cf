//! Hosts that are killed and paused, a server that is restarted, and COMMITs that are lost.

use std::process::Child;

use journal_tests::postgres::{Database, LossyProxy, Postgres};
use journal_tests::{Host, Running, until};
use rustix::process::Signal;

use super::super::live::{Live, stop};
use super::super::{Disturbance, LIMIT, kills, objects, shipped};
use super::{counts, over_recording, with_password};

/// A query for the number of rows, one for the number of records that they are of, and one for that of records before
/// the positions.
const ROWS: &str = "SELECT count(*) FROM rows";
const RECORDS: &str =
    "SELECT count(*) FROM (SELECT DISTINCT object_type, partition, \"offset\" FROM rows) AS r";
const POSITIONS: &str = "SELECT sum(next_offset) FROM journal_offsets";
const OBJECTS: &str = "SELECT sum(objects) FROM counts";

/// A run with two workers that writes to this database.
fn writing(live: &Live<'_>, plugin: &str, url: &str) -> Host {
    with_password(live.host(plugin)).args([
        "--workers",
        "2",
        "--kafka",
        "session.timeout.ms=6000",
        "--output",
        url,
    ])
}

/// Waits until the database has more rows than before.
fn until_it_writes(running: &mut Running, database: &Database<'_>, sql: &str) {
    let before = database.number(sql);
    running.until("rows are written", LIMIT, |_| {
        (database.number(sql) > before).then_some(())
    });
}

fn killed_again_and_again(
    live: &Live<'_>,
    server: &Postgres,
    host: impl Fn() -> Host,
    database: &Database<'_>,
    sql: &str,
) -> Running {
    for disturbance in kills() {
        let mut running = host().spawn();
        until_it_writes(&mut running, database, sql);
        match disturbance {
            Disturbance::Pause => {
                running.signal(Signal::STOP);
                live.until_nobody_is_left();
                running.signal(Signal::CONT);
                until_it_writes(&mut running, database, sql);
            }
            Disturbance::Crash => {
                server.crash();
                until_it_writes(&mut running, database, sql);
            }
            Disturbance::Nothing => {}
        }
        let _ = running.kill();
    }
    host().spawn()
}

#[test]
fn each_row_is_there_once_whatever_is_killed_and_lost() {
    let live = Live::new("postgres-rows");
    let server = Postgres::start();
    let database = server.database("rows");
    let proxy = LossyProxy::start(&database);
    let host = || {
        writing(
            &live,
            "guest-positions",
            &database.url_at(proxy.port, "?sslmode=disable"),
        )
    };
    let mut running = killed_again_and_again(&live, &server, host, &database, ROWS);
    running.until("COMMITs are lost on both sides", LIMIT, |_| {
        let (before, after) = proxy.lost();
        (before > 1 && after > 1).then_some(())
    });
    // The group's own offsets follow those of the database.
    let (_, written) = live.end(running);
    assert_eq!(database.number(ROWS), objects(&written));
    assert_eq!(database.number(RECORDS), objects(&written));
    assert_eq!(database.number(POSITIONS), objects(&written));
}

#[test]
fn sums_of_several_processes_are_exact_whatever_is_killed_and_lost() {
    let live = Live::new("postgres-sums");
    let server = Postgres::start();
    let database = server.database("sums");
    let proxy = LossyProxy::start(&database);
    let host = || {
        writing(
            &live,
            "count-objects",
            &database.url_at(proxy.port, "?sslmode=disable"),
        )
    };
    let mut other = host().spawn();
    until_it_writes(&mut other, &database, OBJECTS);
    for disturbance in kills() {
        let mut running = host().spawn();
        until_it_writes(&mut running, &database, OBJECTS);
        if disturbance == Disturbance::Pause {
            live.until_members_are(4);
            // The other one gets its partitions meanwhile, and is not fenced.
            running.signal(Signal::STOP);
            live.until_members_are(2);
            until_it_writes(&mut other, &database, OBJECTS);
            running.signal(Signal::CONT);
        }
        if disturbance == Disturbance::Crash {
            server.crash();
            until_it_writes(&mut other, &database, OBJECTS);
        }
        let _ = running.kill();
    }
    other.until("COMMITs are lost on both sides", LIMIT, |_| {
        let (before, after) = proxy.lost();
        (before > 1 && after > 1).then_some(())
    });
    let (_, written) = live.end(other);
    assert_eq!(counts(&database, "counts"), written);
    assert_eq!(database.number(POSITIONS), objects(&written));
}

#[test]
fn totals_of_a_recording_are_exact_although_commits_are_lost() {
    let database = Postgres::shared().database("lossy-recording");
    let proxy = LossyProxy::start(&database);
    let url = database.url_at(proxy.port, "?sslmode=disable");
    // A run over a recording has one checkpoint.
    for _ in 0..3 {
        let _ = over_recording("count-objects", &url)
            .arg("--append")
            .finish(LIMIT)
            .success();
    }
    assert_eq!(proxy.lost(), (1, 1));
    assert_eq!(counts(&database, "counts"), shipped().counts(false, 3));
    // Nothing else is left of the run.
    assert_eq!(database.number("SELECT count(*) FROM journal_offsets"), 0);
}

#[test]
fn server_that_hangs_up_as_a_run_starts_is_waited_for() {
    let database = Postgres::shared().database("hanging-up");
    let proxy = LossyProxy::hanging_up(&database, 3);
    let url = database.url_at(proxy.port, "?sslmode=disable");
    let _ = over_recording("count-objects", &url)
        .finish(LIMIT)
        .success();
    assert_eq!(counts(&database, "counts"), shipped().counts(false, 1));
}

#[test]
fn rows_that_another_program_keeps_are_waited_for() {
    let live = Live::new("postgres-away");
    let database = Postgres::shared().database("away");
    let mut running = writing(&live, "count-objects", &database.url("")).spawn();
    until_it_writes(&mut running, &database, OBJECTS);
    // Somebody keeps the rows that are merged into.
    let other = held(&database, "counts");
    let before = database.number(OBJECTS);
    live.until_more();
    live.until_more();
    assert_eq!(database.number(OBJECTS), before);
    let_go(&database);
    until_it_writes(&mut running, &database, OBJECTS);
    let _ = stop(running);
    let _ = other.wait_with_output();
}

#[test]
fn partitions_that_are_lost_while_a_table_is_locked_are_read_again() {
    let live = Live::new("postgres-lost");
    let database = Postgres::shared().database("lost");
    let mut running = writing(&live, "guest-positions", &database.url("")).spawn();
    until_it_writes(&mut running, &database, ROWS);
    let other = held(&database, "rows");
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    running.until("a checkpoint waits for the table", LIMIT, |_| {
        (database.number(waiting) > 0).then_some(())
    });
    // The group gives its partitions up meanwhile, and it joins again.
    running.signal(Signal::STOP);
    live.until_nobody_is_left();
    running.signal(Signal::CONT);
    running.until("the group has both workers again", LIMIT, |_| {
        live.has_members(2).then_some(())
    });
    let_go(&database);
    until_it_writes(&mut running, &database, ROWS);
    let (_, written) = live.end(running);
    assert_eq!(database.number(ROWS), objects(&written));
    assert_eq!(database.number(RECORDS), objects(&written));
    let _ = other.wait_with_output();
}

/// Begins a session that keeps a table locked.
fn held(database: &Database<'_>, table: &str) -> Child {
    let sql = format!("BEGIN; LOCK TABLE {table} IN EXCLUSIVE MODE; SELECT pg_sleep(600)");
    let child = database.begin(&sql);
    let locks = "SELECT count(*) FROM pg_locks WHERE mode = 'ExclusiveLock' AND granted AND relation IS NOT NULL";
    until("the table is locked", LIMIT, || {
        (database.number(locks) > 0).then_some(())
    });
    child
}

/// Ends that session: the server does not see that its client goes.
fn let_go(database: &Database<'_>) {
    let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE query LIKE '%pg_sleep(600)' AND pid <> pg_backend_pid() AND datname = current_database()";
    assert_eq!(database.number(sql), 1);
}

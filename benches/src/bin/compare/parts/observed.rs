//! CPU time per record with metrics, compared with the same run without them.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use crate::Arguments;
use crate::journal::{Loaded, Which, Work};
use crate::results::{Report, Table, Target};
use crate::rounds::{Participant, Rounds};
use crate::subject::{How, Measured, Subject};

const ALONE: &str = "counts, without metrics";
const OBSERVED: &str = "counts, with metrics that are read each second";
/// What metrics may cost.
const MOST: Target = Target::AtMost(1.01);
/// How often they are read: Prometheus reads them each 15 seconds or more seldom.
const READ_EVERY: Duration = Duration::from_secs(1);

pub(super) fn measure(loaded: &Loaded, arguments: &Arguments, report: &mut Report) {
    let address = free_address();
    let metrics = vec![format!("--metrics={}", address.port())];
    let participants =
        [(ALONE, Vec::new()), (OBSERVED, metrics)].map(|(name, arguments_of_it)| Participant {
            subject: Subject {
                name: name.to_owned(),
                work: Work::Counts,
                which: Which::Large,
                how: How::Host {
                    processes: 1,
                    workers: 1,
                    arguments: arguments_of_it,
                },
            },
            rounds: arguments.rounds.get(),
        });
    let (end, ended) = mpsc::channel::<()>();
    let reader = thread::spawn(move || {
        let mut read = 0_u32;
        while ended.recv_timeout(READ_EVERY) == Err(RecvTimeoutError::Timeout) {
            read += u32::from(read_metrics(address).is_some());
        }
        read
    });
    let rounds = Rounds::run(loaded, participants.into());
    drop(end);
    let read = reader.join().expect("the reader of metrics does not panic");
    assert!(read > 0, "metrics were never read");
    let mut table = Table::new("what metrics cost, from Kafka", "CPU us/record", 3);
    let cpu = Measured::cpu_us;
    table.row(ALONE, &rounds.of(ALONE, cpu));
    table.row(OBSERVED, &rounds.of(OBSERVED, cpu)).ratio(
        "to none",
        &rounds.ratio(OBSERVED, ALONE, cpu),
        Some(MOST),
    );
    report.add(table);
}

/// An address that nobody serves now. Another process may take it before a run does, which then ends with an error.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
    listener.local_addr().expect("it has an address")
}

/// The metrics, if a run serves them now.
fn read_metrics(address: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    let request = format!("GET /metrics HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.ends_with("# EOF\n").then_some(answer)
}

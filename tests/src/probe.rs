//! Tries what a confined process must not do. `journal-host-under-test` calls it once it is confined.

use std::env;
use std::fs;
use std::io;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;

use nix::libc;

/// The variable that asks for the report, with the path of a file that no setting names.
pub const PROBE: &str = "JOURNAL_TEST_PROBE";

/// System calls that are refused, whatever their arguments are. Without a filter, root gets other errors from these.
pub const CALLS: [(&str, libc::c_long); 12] = [
    ("execveat", libc::SYS_execveat),
    ("ptrace", libc::SYS_ptrace),
    ("process_vm_readv", libc::SYS_process_vm_readv),
    ("process_vm_writev", libc::SYS_process_vm_writev),
    ("io_uring_setup", libc::SYS_io_uring_setup),
    ("bpf", libc::SYS_bpf),
    ("mount", libc::SYS_mount),
    ("keyctl", libc::SYS_keyctl),
    ("unshare", libc::SYS_unshare),
    ("setns", libc::SYS_setns),
    ("perf_event_open", libc::SYS_perf_event_open),
    ("userfaultfd", libc::SYS_userfaultfd),
];

/// Writes to standard error what is possible, one line each, if the environment asks for it.
///
/// # Panics
/// Never.
#[expect(
    clippy::print_stderr,
    reason = "the report is the data of this function"
)]
pub fn from_environment() {
    let Some(secret) = env::var_os(PROBE) else {
        return;
    };
    for (name, done) in attempts(Path::new(&secret)) {
        let done = done.map_or_else(|error| error.raw_os_error().map_or(-1, |code| code), |()| 0);
        eprintln!("probe: {name} {done}");
    }
}

fn attempts(secret: &Path) -> Vec<(String, io::Result<()>)> {
    let beside = secret.with_file_name("made-by-the-probe");
    let mut attempts = vec![
        ("exec", Command::new("/bin/true").status().map(drop)),
        ("read", fs::read(secret).map(drop)),
        (
            "list",
            fs::read_dir(secret.parent().unwrap_or(secret)).map(drop),
        ),
        ("create", fs::write(beside, "")),
        ("remove", fs::remove_file(secret)),
        ("raw socket", socket(libc::AF_INET, libc::SOCK_RAW)),
        ("packet socket", socket(libc::AF_PACKET, libc::SOCK_DGRAM)),
        // What has to stay possible.
        ("listen", TcpListener::bind("127.0.0.1:0").map(drop)),
        ("datagram", UdpSocket::bind("127.0.0.1:0").map(drop)),
        ("local socket", UnixDatagram::unbound().map(drop)),
        ("names", socket(libc::AF_NETLINK, libc::SOCK_RAW)),
        ("resolver", fs::read("/etc/hosts").map(drop)),
        (
            "thread",
            std::thread::spawn(|| ())
                .join()
                .map_err(|_| io::Error::other("it ended")),
        ),
    ]
    .into_iter()
    .map(|(name, done)| (name.to_owned(), done))
    .collect::<Vec<_>>();
    attempts.extend(CALLS.map(|(name, call)| (name.to_owned(), system_call(call))));
    attempts
}

#[expect(
    unsafe_code,
    reason = "no safe function makes these calls with arguments that have no effect"
)]
fn system_call(number: libc::c_long) -> io::Result<()> {
    // SAFETY: with these arguments each of the calls fails without an effect, whether it is refused or not.
    checked(unsafe { libc::syscall(number, -1_i64, 0_i64, 0_i64, 0_i64, 0_i64, -1_i64) })
}

#[expect(unsafe_code, reason = "no safe function makes a raw socket")]
fn socket(family: i32, kind: i32) -> io::Result<()> {
    // SAFETY: it takes numbers only; the socket is left to the end of the process.
    checked(unsafe { libc::socket(family, kind, 0) }.into())
}

fn checked(result: i64) -> io::Result<()> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

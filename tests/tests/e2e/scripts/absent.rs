//! Modules and functions that a script does not have: the error of their use says why, and names nothing of a machine.

use std::fs;
use std::path::PathBuf;

use journal_tests::run;

use super::{LIMIT, failed, file, host, says};

#[test]
fn module_that_needs_a_machine_is_refused_with_the_reason() {
    for (module, reason) in [
        ("multiprocessing", "a script starts no processes"),
        ("concurrent.futures.process", "a script starts no processes"),
        ("ssl", "a script has no network"),
        ("ctypes", "this runtime loads no compiled code"),
        ("tkinter", "a script has no terminal"),
        ("curses", "a script has no terminal"),
        ("fcntl", "a script sees nothing of the machine"),
        ("bz2", "this runtime is built without it"),
        ("compression.zstd", "this runtime is built without it"),
    ] {
        let finished = failed(host(&file("needs.py", &format!("import {module}\n"))));
        says(&finished, "`needs.py:1: ModuleNotFoundError: there is no '");
        says(&finished, reason);
    }
}

/// Packages import these modules also for what a script can do with them.
#[test]
fn module_that_works_in_part_can_be_imported() {
    let script = file(
        "imports.py",
        "import asyncio, doctest, http.server, logging.config, selectors, socket, sqlite3, subprocess, threading\n\
         import unittest.mock, urllib.request, zoneinfo\n\
         names = sqlite3.connect(':memory:').execute('SELECT 1').fetchall()\n\n\n\
         def process(all_objects):\n    pass\n\n\n\
         def checkpoint(emit):\n    emit({'one': names[0][0], 'mock': unittest.mock.Mock(return_value=2)()})\n",
    );
    let rows = host(&script).finish(LIMIT).success().rows();
    assert_eq!(rows, [serde_json::json!({"one": 1, "mock": 2})], "{rows:?}");
}

#[test]
fn function_that_needs_a_machine_raises_with_the_reason() {
    const NO_PROCESSES: &str =
        "a script starts no processes (the host runs several instances of it with `--workers`)";
    const NO_THREADS: &str =
        "a script has no threads (the host runs several instances of it with `--workers`)";
    for (lines, reason) in [
        ("import subprocess; subprocess.run(['ls'])", NO_PROCESSES),
        ("import os; os.popen('ls')", NO_PROCESSES),
        ("import os; os.system('ls')", NO_PROCESSES),
        ("import os; os.fork()", NO_PROCESSES),
        (
            "import threading; threading.Thread(target=print).start()",
            NO_THREADS,
        ),
        (
            "import concurrent.futures; concurrent.futures.ThreadPoolExecutor().submit(print)",
            NO_THREADS,
        ),
        ("import socket; socket.socket()", "a script has no network"),
        (
            "import socket; socket.create_connection(('example.org', 80))",
            "a script has no network",
        ),
        (
            "import urllib.request; urllib.request.urlopen('https://example.org')",
            "a script has no network",
        ),
        (
            "import asyncio; asyncio.run(asyncio.sleep(1))",
            "a script cannot wait, and so has no event loop",
        ),
        (
            "import sqlite3; sqlite3.connect('a.sqlite')",
            "`:memory:` is the only database",
        ),
        (
            "import tempfile; tempfile.mkdtemp()",
            "a script writes no files",
        ),
        (
            "import zoneinfo; zoneinfo.ZoneInfo('Europe/Paris')",
            "there is no time zone 'Europe/Paris': this runtime has none (`pip download tzdata` fetches a wheel",
        ),
    ] {
        let finished = failed(host(&file("calls.py", &format!("{lines}\n"))));
        says(&finished, "the processor failed: `calls.py:1: ");
        says(&finished, reason);
        // An exception in the end of an object that was never whole is no concern of the script.
        assert!(
            !finished.stderr.contains("Exception ignored"),
            "{}",
            finished.stderr
        );
    }
}

/// A package of time zones as `tzdata` is one, with one zone that is an hour ahead of UTC.
fn time_zones() -> PathBuf {
    let folder = run::folder("script").join("tzdata");
    let zone = folder.join("zoneinfo/Europe");
    fs::create_dir_all(&zone).expect("it can be made");
    for package in ["", "zoneinfo", "zoneinfo/Europe"] {
        fs::write(folder.join(package).join("__init__.py"), "").expect("it can be written");
    }
    // The block of a file of zones: its head with the numbers of what follows, and one type of time.
    let mut block = b"TZif2".to_vec();
    block.extend([0; 15]);
    for count in [0_u32, 0, 0, 0, 1, 4] {
        block.extend(count.to_be_bytes());
    }
    block.extend(3600_i32.to_be_bytes());
    block.extend(b"\0\0CET\0");
    let file = [&block[..], &block, b"\nCET-1\n"].concat();
    fs::write(zone.join("Paris"), file).expect("it can be written");
    folder
}

#[test]
fn time_zones_can_be_added() {
    let script = file(
        "zones.py",
        "from datetime import datetime\nfrom zoneinfo import ZoneInfo\n\n\n\
         def process_revision(revision, emit):\n    \
             emit({'at': datetime(2020, 1, 1, tzinfo=ZoneInfo('Europe/Paris')).isoformat()})\n",
    );
    let finished = host(&script)
        .args(["--stop-after", "1", "--with"])
        .arg(time_zones())
        .finish(LIMIT)
        .success();
    assert_eq!(finished.rows()[0]["at"], "2020-01-01T00:00:00+01:00");
    let zone = "from zoneinfo import ZoneInfo\nZoneInfo('Mars/Olympus')\n";
    let finished = failed(host(&file("zone.py", zone)).arg("--with").arg(time_zones()));
    says(&finished, "No time zone found with key Mars/Olympus");
}

#[test]
fn look_at_the_clock_is_logged_with_the_line_of_the_script() {
    let script = file(
        "clock.py",
        "import io, logging, zipfile\n\n\ndef process(all_objects):\n    logging.warning('a log has no time')\n    \
         zipfile.ZipFile(io.BytesIO(), 'w').writestr('a', 'b')\n    print('done')\n",
    );
    let finished = host(&script)
        .args(["--stop-after", "1"])
        .finish(LIMIT)
        .success();
    says(&finished, "clock.py:6: a script has no clock");
    assert_eq!(finished.stderr.matches("has no clock").count(), 1);
}

//! What a recording claims takes no memory. The test has a process of its own, whose peak it measures.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![cfg(target_os = "linux")]

use std::fs;
use std::io::{Read, repeat};

use journal_recording::Reader;

const MIB: usize = 1 << 20;

/// The largest resident set of this process so far, in bytes.
fn peak() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.unwrap().trim().trim_end_matches(" kB");
    kibibytes.parse::<usize>().unwrap() << 10
}

fn refusal(mut input: impl Read, limit: usize) -> String {
    let mut reader = match Reader::new(&mut input) {
        Ok(reader) => reader,
        Err(error) => return error.to_string(),
    };
    reader.set_limit(limit);
    reader.next_frame().map(drop).unwrap_err().to_string()
}

#[test]
fn claims_of_a_recording_take_no_memory() {
    let before = peak();
    let limit = 8 * MIB;
    // 40 million topics, in a list, by their number and by their names.
    let header = b"\x82\xb1journal-recording\x01\xa6topics\xdd\x02\x62\x5a\0";
    let topics = [&header[..], &b"\xa1a".repeat(40 * MIB / 16)].concat();
    let small = zstd::encode_all(&topics[..], 3).unwrap();
    drop(topics);
    let built = peak();
    let text = refusal(&small[..], limit);
    assert!(
        text.contains("has more than 10000 topics") || text.contains("more than 1 MiB"),
        "{text}"
    );
    // A header that never ends.
    let member = b"\xdf\xff\xff\xff\xff\xa1a".chain(repeat(0xa0));
    let text = refusal(member, limit);
    assert!(
        text.ends_with("begins with a header of more than 1 MiB"),
        "{text}"
    );
    // A value of 4 GiB, and an object without an end.
    let claimed = b"\x93\xa1t\xc0\xc6\xff\xff\xff\xff".chain(repeat(0));
    let text = refusal(claimed, limit);
    assert!(
        text.contains("holds a record of 4294967304 bytes or more in `t`"),
        "{text}"
    );
    let endless = b"\x92\xa1t\xdf\xff\xff\xff\xff".chain(repeat(0xc0));
    let text = refusal(endless, limit);
    assert!(
        text.contains("bytes or more in `t` after 0 records"),
        "{text}"
    );
    // A value within the limit of which most is missing: the buffer grows with what is there.
    let missing = b"\x93\xa1t\xc0\xc6\0\x7f\xff\xff".chain(repeat(0).take(1000));
    assert!(refusal(missing, limit).contains("is cut short"));
    let taken = peak() - before.max(built);
    assert!(taken < 3 * limit, "{taken} bytes more");
}

//! Encoding the rows of a call, with a question from time to time whether there is time for more.

use crate::sink::{EncodeError, Encoder, RowError};

/// The rows, and their bytes, between two questions whether there is time for more.
const ROWS_PER_LOOK: usize = 1000;
const BYTES_PER_LOOK: usize = 256 << 10;
/// A row with more bytes is encoded in attempts, with a question between them.
const HUGE_ROW: usize = 4 << 20;
/// The limit of the first attempt, in bytes. Each has twice the limit of the one before, so that all together take no
/// more than twice the time of the last one, and the question comes by twice the time that there is.
const FIRST_ATTEMPT: usize = 16 << 20;

/// Why rows were not taken.
pub(super) enum Refused {
    Ends,
    TooMuch,
    OutOfTime,
    Merge {
        row: usize,
        fault: journal_aggregate::Fault,
    },
    Encode {
        row: usize,
        error: EncodeError,
    },
}

impl Refused {
    pub(super) fn into_error(self, output: &str, limit: usize) -> RowError {
        let output = output.to_owned();
        let bad_row = |row, reason| RowError::BadRow {
            output: output.clone(),
            row,
            reason,
        };
        match self {
            Self::Merge { row, fault } => bad_row(row, fault.to_string()),
            Self::Encode {
                row,
                error: EncodeError::BadRow(reason),
            } => bad_row(row, reason),
            Self::Ends => RowError::BadEnds { output },
            Self::OutOfTime => RowError::OutOfTime { output },
            Self::TooMuch
            | Self::Encode {
                error: EncodeError::TooLong,
                ..
            } => RowError::TooMuch { output, limit },
        }
    }
}

/// Encodes a row, which comes with its index. A huge one is encoded as long as `go_on` says so.
pub(super) fn encode(
    encoder: &mut dyn Encoder,
    (row, bytes): (usize, &[u8]),
    into: &mut Vec<u8>,
    limit: usize,
    go_on: &mut impl FnMut() -> bool,
) -> Result<(), Refused> {
    let before = into.len();
    let mut room = if bytes.len() > HUGE_ROW {
        FIRST_ATTEMPT
    } else {
        usize::MAX
    };
    loop {
        let attempt = limit.min(before.saturating_add(room));
        match encoder.encode(bytes, into, attempt) {
            Ok(()) => return Ok(()),
            Err(EncodeError::TooLong) if attempt < limit => {}
            Err(error) => return Err(Refused::Encode { row, error }),
        }
        if !go_on() {
            return Err(Refused::OutOfTime);
        }
        into.truncate(before);
        room = room.saturating_mul(2);
    }
}

/// Calls `take` with the index and the bytes of each row, as long as `go_on` says so.
pub(super) fn each_row<F: FnMut() -> bool>(
    rows: &[u8],
    ends: &[u32],
    go_on: F,
    mut take: impl FnMut(usize, &[u8], &mut F) -> Result<(), Refused>,
) -> Result<(), Refused> {
    let mut start = 0;
    let mut looks = Looks::new(go_on);
    for (index, &end) in ends.iter().enumerate() {
        let end = end as usize;
        let row = rows.get(start..end).ok_or(Refused::Ends)?;
        start = end;
        take(index, row, &mut looks.go_on)?;
        looks.pass(row.len())?;
    }
    if start == rows.len() {
        Ok(())
    } else {
        Err(Refused::Ends)
    }
}

/// Asks from time to time whether there is time for more rows.
pub(super) struct Looks<F> {
    pub(super) go_on: F,
    rows: usize,
    bytes: usize,
}

impl<F: FnMut() -> bool> Looks<F> {
    pub(super) fn new(go_on: F) -> Self {
        Self {
            go_on,
            rows: 0,
            bytes: 0,
        }
    }

    /// Counts a row.
    pub(super) fn pass(&mut self, bytes: usize) -> Result<(), Refused> {
        self.rows += 1;
        self.bytes += bytes;
        if self.rows < ROWS_PER_LOOK && self.bytes < BYTES_PER_LOOK {
            return Ok(());
        }
        (self.rows, self.bytes) = (0, 0);
        if (self.go_on)() {
            Ok(())
        } else {
            Err(Refused::OutOfTime)
        }
    }
}

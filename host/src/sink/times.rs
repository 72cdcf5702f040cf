//! Times of rows, for databases and files that count microseconds.

use journal_rows::ErrorKind;

/// The seconds of the years 0 to 9999.
pub(super) const YEARS: std::ops::Range<i64> = -62_167_219_200..253_402_300_800;

/// The seconds since 1970 and the nanoseconds after them, from the data of an extension of msgpack.
///
/// # Errors
/// When it is no time, or one beyond the years that rows have.
pub(super) fn read(data: &[u8]) -> Result<(i64, u32), ErrorKind> {
    let time = journal_msgpack::timestamp(data).filter(|(seconds, _)| YEARS.contains(seconds));
    time.ok_or(ErrorKind::BadTimestamp)
}

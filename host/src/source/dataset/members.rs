//! The members of a value, of which those are absent that a file has no column for.

use super::error::Error;
use super::file::{Cell, Rows};
use super::row::Row;
use crate::source::encoder::Encoder;

/// Members that are written one after another, before their number is known.
#[derive(Debug, Default)]
pub(super) struct Members {
    count: usize,
    body: Encoder,
    /// Whether a zone is made of minutes, so that it may differ from the one that was written.
    derives_zone: bool,
}

impl Members {
    /// Begins a value.
    pub(super) fn clear(&mut self) {
        self.count = 0;
        self.body.clear();
        self.derives_zone = false;
    }

    /// Begins a member, whose value follows.
    pub(super) fn add(&mut self, name: &str) -> &mut Encoder {
        self.count += 1;
        self.body.str(name)
    }

    /// Whether a zone is made of minutes, so that it may differ from the one that was written.
    pub(super) fn derives_zone(&self) -> bool {
        self.derives_zone
    }

    /// Writes all as a map.
    pub(super) fn write(&self, into: &mut Encoder) {
        into.map(self.count).raw(self.body.bytes());
    }

    /// A member with the text of a column.
    pub(super) fn text(&mut self, rows: &Rows, name: &str) {
        match rows.text(name) {
            Some(Some(text)) => {
                self.add(name).str(text);
            }
            Some(None) => {
                self.add(name).nil();
            }
            None => {}
        }
    }

    /// A member with the bytes of a column.
    pub(super) fn bytes(&mut self, rows: &Rows, name: &str) {
        if let Some(bytes) = rows.bytes(name) {
            self.add(name).bin_or_nil(bytes);
        }
    }

    /// A member with the bytes of a column, if there are some: upstream's model leaves such a member out.
    pub(super) fn bytes_if_any(&mut self, rows: &Rows, name: &str) {
        if let Some(Some(bytes)) = rows.bytes(name) {
            self.add(name).bin(bytes);
        }
    }

    /// A member with the number of a column.
    pub(super) fn integer(&mut self, rows: &Rows, name: &str) {
        match rows.integer(name) {
            Some(Some(number)) => {
                self.add(name).int(number);
            }
            Some(None) => {
                self.add(name).nil();
            }
            None => {}
        }
    }

    /// A member with the number of a column, if there is one: upstream's model leaves such a member out.
    pub(super) fn integer_if_any(&mut self, rows: &Rows, name: &str) {
        if let Some(Some(number)) = rows.integer(name) {
            self.add(name).int(number);
        }
    }

    /// A member with the hash of a column, which has its hexadecimal digits.
    pub(super) fn hash<const N: usize>(
        &mut self,
        rows: &Rows,
        name: &'static str,
    ) -> Result<(), Error> {
        let hash = hash::<N>(rows, name)?;
        if let Some(hash) = hash {
            let hash = hash.as_ref().map(|hash| &hash[..]);
            self.add(name).bin_or_nil(hash);
        }
        Ok(())
    }

    /// A member with a person: the public journal has nothing but the digest of the full name.
    pub(super) fn person(&mut self, rows: &Rows, name: &str) {
        match rows.bytes(name) {
            Some(Some(fullname)) => {
                self.add(name).map(3).str("fullname").bin(fullname);
                self.body.str("name").nil().str("email").nil();
            }
            Some(None) => {
                self.add(name).nil();
            }
            None => {}
        }
    }

    /// A member with a time and its zone: `offset` is the column of the zone in minutes, and `raw` the one of the zone
    /// as it was written.
    pub(super) fn date(
        &mut self,
        rows: &Rows,
        name: &'static str,
        offset: &str,
        raw: &str,
    ) -> Result<(), Error> {
        let Some(time) = rows.time(name) else {
            return Ok(());
        };
        let Some(time) = time else {
            self.add(name).nil();
            return Ok(());
        };
        let derived;
        let zone = if let Some(zone) = rows.bytes(raw).flatten() {
            zone
        } else {
            // Exports of before 2022 have no column of the zone as it was written.
            let minutes = rows.integer(offset).flatten();
            derived = zone(minutes.ok_or_else(|| rows.wrong(name, "has no time zone"))?);
            self.derives_zone = true;
            derived.as_bytes()
        };
        let (seconds, microseconds) = (time.div_euclid(1_000_000), time.rem_euclid(1_000_000));
        let into = self.add(name).map(2).str("timestamp").map(2);
        into.str("seconds").int(seconds);
        into.str("microseconds").int(microseconds);
        into.str("offset_bytes").bin(zone);
        Ok(())
    }

    /// A member with a time of the archive itself.
    pub(super) fn time(&mut self, rows: &Rows, name: &str) {
        match rows.time(name) {
            Some(Some(time)) => {
                let seconds = time.div_euclid(1_000_000);
                let nanoseconds = time.rem_euclid(1_000_000) * 1000;
                let nanoseconds = u32::try_from(nanoseconds).unwrap_or_default();
                self.add(name).time(seconds, nanoseconds);
            }
            Some(None) => {
                self.add(name).nil();
            }
            None => {}
        }
    }
}

/// The hash of a column, which has its hexadecimal digits.
pub(super) fn hash<const N: usize>(
    rows: &dyn Row,
    column: &'static str,
) -> Result<Cell<[u8; N]>, Error> {
    let read = |digits| {
        let mut hash = [0; N];
        let read = const_hex::decode_to_slice(digits, &mut hash);
        read.map_err(|_| rows.wrong(column, "is no hash in hexadecimal digits"))?;
        Ok(hash)
    };
    rows.text(column)
        .map(|cell| cell.map(read).transpose())
        .transpose()
}

/// What a branch leads to: a hash, or the name of another branch, both in hexadecimal digits.
pub(super) fn branch_target(row: &dyn Row) -> Result<Vec<u8>, Error> {
    let digits = needed(row, "target", row.text("target").flatten())?;
    let mut name_or_hash = vec![0; digits.len() / 2];
    const_hex::decode_to_slice(digits, &mut name_or_hash)
        .map_err(|_| row.wrong("target", "is not in hexadecimal digits"))?;
    Ok(name_or_hash)
}

/// A cell without which there is no record.
pub(super) fn needed<T>(row: &dyn Row, column: &'static str, cell: Option<T>) -> Result<T, Error> {
    cell.ok_or_else(|| row.wrong(column, "is NULL"))
}

/// A zone in the form that git gives it, made of its minutes.
fn zone(minutes: i64) -> String {
    let sign = if minutes < 0 { '-' } else { '+' };
    let minutes = minutes.unsigned_abs();
    format!("{sign}{:02}{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zone_is_made_of_minutes() {
        for (minutes, text) in [
            (0, "+0000"),
            (330, "+0530"),
            (-570, "-0930"),
            (-1, "-0001"),
            (i64::from(i16::MIN), "-54608"),
        ] {
            assert_eq!(zone(minutes), text);
        }
    }
}

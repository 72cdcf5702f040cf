//! Writes times as RFC 3339 in UTC. Rows contain many times, and this takes a third of the time that the crate `time`
//! takes.

/// The seconds from the beginning of the year 0 to 1970.
const SECONDS_BEFORE_1970: i64 = 62_167_219_200;
/// The seconds of the years 0 to 9999.
const SECONDS: u64 = 315_569_520_000;
const DAY_SECONDS: u64 = 86_400;
/// The days from 1 March of the year -400, from which the calendar counts, to the year 0.
const DAYS_BEFORE: u32 = 146_097 - 60;

static DIGITS: [[u8; 2]; 100] = digits();

/// Appends the time this many seconds and nanoseconds after 1970-01-01, with as many digits of the second as needed.
/// Returns `false` if the year does not have four digits, or if there are a billion nanoseconds or more.
pub(crate) fn append(text: &mut Vec<u8>, seconds: i64, nanoseconds: u32) -> bool {
    let seconds = seconds.checked_add(SECONDS_BEFORE_1970);
    let Some(seconds) = seconds.and_then(|seconds| u64::try_from(seconds).ok()) else {
        return false;
    };
    if seconds >= SECONDS || nanoseconds >= 1_000_000_000 {
        return false;
    }
    // Both fit, because `seconds` was checked above.
    let days = u32::try_from(seconds / DAY_SECONDS).unwrap_or_default();
    let second = u32::try_from(seconds % DAY_SECONDS).unwrap_or_default();
    let (year, month, day) = date(days + DAYS_BEFORE);
    let mut all = *b"0000-00-00T00:00:00.000000000";
    let mut put = |index: usize, number: u32| {
        all[index..index + 2].copy_from_slice(&DIGITS[number as usize]);
    };
    put(0, year / 100);
    put(2, year % 100);
    put(5, month);
    put(8, day);
    put(11, second / 3600);
    put(14, second / 60 % 60);
    put(17, second % 60);
    let mut end = 19;
    if nanoseconds > 0 {
        put(20, nanoseconds / 10_000_000);
        put(22, nanoseconds / 100_000 % 100);
        put(24, nanoseconds / 1000 % 100);
        put(26, nanoseconds / 10 % 100);
        // Only the second digit: the number is less than ten.
        all[28] = DIGITS[(nanoseconds % 10) as usize][1];
        end = all.len();
        while all[end - 1] == b'0' {
            end -= 1;
        }
    }
    text.extend_from_slice(&all[..end]);
    text.push(b'Z');
    true
}

/// Year, month and day of the month, this many days after 1 March of the year -400.
///
/// Years begin in March here, so that the leap day is their last day. Multiplications replace divisions: one half of
/// the product gives the quotient, and the other half the remainder. See Neri and Schneider, "Euclidean affine
/// functions and their application to calendar algorithms", 2022.
fn date(days: u32) -> (u32, u32, u32) {
    let quarters = 4 * days + 3;
    let (century, day_of_century) = (quarters / 146_097, quarters % 146_097 / 4);
    let years = 2_939_745 * u64::from(4 * day_of_century + 3);
    let [year_of_century, day_of_year] = [years >> 32, (years & 0xffff_ffff) / 2_939_745 / 4]
        .map(|number| u32::try_from(number).unwrap_or_default());
    let months = 2141 * day_of_year + 197_913;
    let (month, day) = (months >> 16, (months & 0xffff) / 2141 + 1);
    let is_next_year = day_of_year >= 306;
    let year = 100 * century + year_of_century + u32::from(is_next_year) - 400;
    (year, if is_next_year { month - 12 } else { month }, day)
}

/// All numbers of two digits.
const fn digits() -> [[u8; 2]; 100] {
    let mut pairs = [*b"00"; 100];
    let (mut tens, mut index) = (b'0', 0);
    while tens <= b'9' {
        let mut ones = b'0';
        while ones <= b'9' {
            pairs[index] = [tens, ones];
            ones += 1;
            index += 1;
        }
        tens += 1;
    }
    pairs
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use time::format_description::well_known::Rfc3339;

    use super::append;

    fn text(seconds: i64, nanoseconds: u32) -> Option<String> {
        let mut text = Vec::new();
        append(&mut text, seconds, nanoseconds)
            .then(|| String::from_utf8(text).expect("it is ASCII"))
    }

    #[test]
    fn times_agree_with_the_crate_time() {
        let first = -62_167_219_200_i64;
        let last = 253_402_300_799;
        // About every day, with varying hours, minutes and seconds, and every number of digits.
        let fractions = [0, 1, 10, 120, 1000, 713_466_000, 500_000_000, 999_999_999];
        let steps = (first..=last).step_by(86_400 + 3607).chain([last]);
        for (seconds, nanoseconds) in steps.zip(fractions.into_iter().cycle()) {
            let expected = OffsetDateTime::from_unix_timestamp(seconds)
                .and_then(|time| time.replace_nanosecond(nanoseconds))
                .expect("the crate supports years of four digits");
            let expected = expected.format(&Rfc3339).expect("the crate formats them");
            assert_eq!(text(seconds, nanoseconds), Some(expected));
        }
        for (seconds, nanoseconds) in [
            (first - 1, 0),
            (last + 1, 0),
            (i64::MIN, 0),
            (i64::MAX, 0),
            (0, 1_000_000_000),
        ] {
            assert_eq!(text(seconds, nanoseconds), None);
        }
    }
}

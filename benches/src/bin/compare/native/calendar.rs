//! Times in UTC in the Gregorian calendar.

/// A time of the years 0 to 9999.
#[derive(Clone, Copy, Debug)]
pub(super) struct Calendar {
    /// 0 to 9999.
    pub(super) year: u32,
    /// From 1.
    pub(super) month: u32,
    /// The day of the month, from 1.
    pub(super) day: u32,
    /// The second of the day.
    pub(super) second: u32,
}

impl Calendar {
    /// The time this many seconds after 1970-01-01, if its year has four digits.
    ///
    /// Years begin in March here, so that the leap day is their last day. Multiplications replace divisions: one half
    /// of the product gives the quotient, and the other half the remainder. See Neri and Schneider, "Euclidean affine
    /// functions and their application to calendar algorithms", 2022.
    #[inline]
    pub(super) fn of(seconds: i64) -> Option<Self> {
        /// The seconds from the beginning of the year 0 to 1970.
        const SECONDS_BEFORE_1970: i64 = 62_167_219_200;
        /// The seconds of the years 0 to 9999.
        const SECONDS: u64 = 315_569_520_000;
        const DAY_SECONDS: u64 = 86_400;
        /// The days from 1 March of the year -400, which keeps the count from being negative, to the year 0.
        const DAYS_BEFORE: u32 = 146_097 - 60;
        let seconds = u64::try_from(seconds.checked_add(SECONDS_BEFORE_1970)?).ok()?;
        if seconds >= SECONDS {
            return None;
        }
        let days = u32::try_from(seconds / DAY_SECONDS).ok()? + DAYS_BEFORE;
        let second = u32::try_from(seconds % DAY_SECONDS).ok()?;
        let quarters = 4 * days + 3;
        let (century, day_of_century) = (quarters / 146_097, quarters % 146_097 / 4);
        let years = 2_939_745 * u64::from(4 * day_of_century + 3);
        let year_of_century = u32::try_from(years >> 32).ok()?;
        let day_of_year = u32::try_from(years & 0xffff_ffff).ok()? / 2_939_745 / 4;
        let months = 2141 * day_of_year + 197_913;
        let (month, day) = (months >> 16, (months & 0xffff) / 2141 + 1);
        let is_next_year = day_of_year >= 306;
        Some(Self {
            year: 100 * century + year_of_century + u32::from(is_next_year) - 400,
            month: if is_next_year { month - 12 } else { month },
            day,
            second,
        })
    }
}

#[cfg(test)]
mod tests {
    use journal_plugin_sdk::Timestamp;

    use super::Calendar;

    #[test]
    fn calendar_agrees_with_the_sdk() {
        const DAY: i64 = 86_400;
        for seconds in (-62_167_219_200..253_402_300_800_i64).step_by(7 * 86_399) {
            let Calendar {
                year,
                month,
                day,
                second,
            } = Calendar::of(seconds).expect("the year has four digits");
            let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
            let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
            let time = Timestamp::new(seconds, 0).expect("it is a time");
            assert_eq!(text, time.to_string());
        }
        assert!(Calendar::of(-62_167_219_200 - DAY).is_none());
        assert!(Calendar::of(253_402_300_800).is_none());
    }
}

//! Times in the keys of visits.

/// A time as Python writes it: `2026-11-22 09:52:52.713466+00:00`. Empty for a year that does not have four digits, which no
/// visit has.
pub(super) fn python(seconds: i64, microseconds: u32) -> String {
    let Some(time) = journal_rows::time_text(seconds, 0) else {
        return String::new();
    };
    let time = time.trim_end_matches('Z').replace('T', " ");
    match microseconds {
        0 => format!("{time}+00:00"),
        microseconds => format!("{time}.{microseconds:06}+00:00"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn date_is_written_as_python_writes_it() {
        for (seconds, microseconds, text) in [
            (0, 0, "1970-01-01 00:00:00+00:00"),
            (1_795_341_172, 713_466, "2026-11-22 09:52:52.713466+00:00"),
            (-1, 5, "1969-12-31 23:59:59.000005+00:00"),
            (951_782_400, 0, "2000-02-29 00:00:00+00:00"),
            (-62_135_510_961, 0, "0001-01-01 23:50:39+00:00"),
            (253_402_297_199, 0, "9999-12-31 22:59:59+00:00"),
        ] {
            assert_eq!(python(seconds, microseconds), text);
        }
    }
}

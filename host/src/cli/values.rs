//! How values on the command line are read.

use std::ffi::OsStr;
use std::num::NonZero;
use std::time::Duration;

use bytesize::ByteSize;
use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command};

/// `KEY=VALUE`.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("it is not of the form KEY=VALUE".to_owned()),
    }
}

/// `KEY=VALUE` where the value may be a secret, which the parser's own error would show.
#[derive(Clone)]
pub(super) struct SecretPair;

impl TypedValueParser for SecretPair {
    type Value = (String, String);

    fn parse_ref(
        &self,
        command: &Command,
        argument: Option<&Arg>,
        value: &OsStr,
    ) -> Result<Self::Value, clap::Error> {
        let text = value.to_str().ok_or("it is not Unicode");
        text.map_err(str::to_owned)
            .and_then(pair)
            .map_err(|reason| {
                let argument = argument.map(Arg::to_string).unwrap_or_default();
                let text = format!("invalid value for '{argument}': {reason}\n");
                clap::Error::raw(ErrorKind::ValueValidation, text).with_cmd(command)
            })
    }
}

/// A size as `1MiB`, above zero, in bytes.
pub(super) fn size(text: &str) -> Result<usize, String> {
    let size: ByteSize = text
        .parse()
        .map_err(|_| "it is not a size such as 1MiB".to_owned())?;
    match usize::try_from(size.as_u64()) {
        Ok(0) | Err(_) => Err("it is not a possible size".to_owned()),
        Ok(bytes) => Ok(bytes),
    }
}

/// A span of time as `30s`, above zero.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(span) if !span.is_zero() => Ok(span),
        Ok(_) => Err("it must be longer than nothing".to_owned()),
        Err(_) => Err("it is not a span of time such as 30s or 500ms".to_owned()),
    }
}

/// A number of records, above zero.
pub(super) fn records(text: &str) -> Result<NonZero<u32>, String> {
    text.parse()
        .map_err(|_| format!("it is not a number from 1 to {}", u32::MAX))
}

/// A number of workers: each has a thread, a consumer and an instance.
pub(super) fn workers(text: &str) -> Result<NonZero<usize>, String> {
    const MOST: usize = 256;
    match text.parse::<NonZero<usize>>() {
        Ok(workers) if workers.get() <= MOST => Ok(workers),
        _ => Err(format!("it is not a number from 1 to {MOST}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_cut_at_its_first_equals_sign() {
        assert_eq!(pair("a=b=c"), Ok(("a".into(), "b=c".into())));
        assert!(pair("=b").is_err());
        assert!(pair("ab").is_err());
    }

    #[test]
    fn sizes_are_binary_where_they_say_so() {
        assert_eq!(size("1MiB"), Ok(1 << 20));
        assert_eq!(size("4096"), Ok(4096));
        assert!(size("0").is_err());
        assert!(size("many").is_err());
    }

    #[test]
    fn a_batch_of_no_records_is_refused() {
        assert_eq!(records("1000").map(NonZero::get), Ok(1000));
        assert!(records("0").is_err());
        assert!(records("-1").is_err());
    }

    #[test]
    fn a_span_of_nothing_is_refused() {
        assert_eq!(span("1m 30s"), Ok(Duration::from_secs(90)));
        assert!(span("0s").is_err());
        assert!(span("30").is_err());
    }
}

//! What is seen of a run from outside: its log, and the address of its metrics.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::str::FromStr;

use serde::Serialize;

use super::{Scalar, ValueError};
use crate::observe::logging::Filter;

/// Which log lines are shown: `LEVEL`, `TARGET=LEVEL`, or several of them, separated by commas.
#[derive(Clone, Debug, PartialEq, serde::Deserialize)]
#[serde(try_from = "Scalar")]
pub(crate) struct LogFilter(pub(crate) Filter);

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum LogFormat {
    /// As text, for people.
    Text,
    /// As one JSON object per line.
    Json,
}

/// The address at which metrics are served: `PORT`, on the loopback interface, or `ADDRESS:PORT`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(try_from = "Scalar")]
pub(crate) struct MetricsAddress(pub(crate) SocketAddr);

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for LogFilter {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        text.parse()
            .map(Self)
            .map_err(|reason| ValueError::Log(format!("{reason}")))
    }
}

impl fmt::Display for MetricsAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for MetricsAddress {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        if let Ok(port) = text.parse::<u16>() {
            return Ok(Self((Ipv4Addr::LOCALHOST, port).into()));
        }
        text.parse().map(Self).map_err(|_| ValueError::Address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_one_of_the_loopback_interface() {
        for (text, address) in [
            ("9464", "127.0.0.1:9464"),
            ("0.0.0.0:80", "0.0.0.0:80"),
            ("[::1]:0", "[::1]:0"),
        ] {
            let parsed: MetricsAddress = text.parse().unwrap();
            assert_eq!(parsed.to_string(), address);
        }
        for text in ["", "99999", "localhost:1", "127.0.0.1", ":1"] {
            assert_eq!(text.parse::<MetricsAddress>(), Err(ValueError::Address));
        }
    }
}

//! Metrics as `swh.journal.client` sends them to statsd, for operators who switch from it.
//!
//! The names, the tags and the variables of the environment are those of swh.journal 3.0.0 and swh.core: `STATSD_HOST`,
//! `STATSD_PORT` (8125) and `STATSD_TAGS` (`key:value,...`, where a value may be `$NAME`). Nothing is sent where the
//! environment names no host.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use super::progress::{Phase, Progress};

const NAMESPACE: &str = "swh_journal_client";
const DEFAULT_PORT: u16 = 8125;
/// The states of a client, of which one is 1 and the others are 0.
const STATUSES: [&str; 3] = ["idle", "processing", "waiting"];

/// Sends counts and the state of a run.
#[derive(Debug)]
pub(crate) struct Statsd {
    socket: UdpSocket,
    reports: Reports,
    progress: Arc<Progress>,
}

/// Why nothing is sent.
#[derive(Debug, thiserror::Error)]
enum Unusable {
    #[error("`STATSD_PORT` is no port: {0}")]
    Port(String),
    #[error("{host}:{port}: {source}")]
    Socket {
        host: String,
        port: u16,
        source: io::Error,
    },
}

impl Statsd {
    /// A sender, if the environment names a host. A run without a group has the tag without a value.
    #[must_use]
    pub(crate) fn from_environment(group: &str, progress: &Arc<Progress>) -> Option<Self> {
        let variable = |name: &str| std::env::var(name).ok();
        let host = variable("STATSD_HOST").filter(|host| !host.is_empty())?;
        let tags = tags(
            &variable("STATSD_TAGS").unwrap_or_default(),
            group,
            variable,
        );
        match connect(host, variable("STATSD_PORT")) {
            Ok(socket) => Some(Self {
                socket,
                reports: Reports::new(tags),
                progress: Arc::clone(progress),
            }),
            Err(error) => {
                tracing::warn!("nothing is sent to statsd: {error}");
                None
            }
        }
    }

    /// Sends what has changed. It is called several times per second.
    pub(crate) fn look(&mut self) {
        let packet = self.reports.next(Counts::of(&self.progress));
        self.send(&packet);
    }

    fn send(&self, packet: &[String]) {
        if packet.is_empty() {
            return;
        }
        // A server that does not listen ends no run.
        if let Err(error) = self.socket.send(packet.join("\n").as_bytes()) {
            tracing::debug!("statsd: {error}");
        }
    }
}

/// The last counts, and the end of the run.
impl Drop for Statsd {
    fn drop(&mut self) {
        let mut packet = self.reports.next(Counts::of(&self.progress));
        let has_ended = self.progress.happenings().phase() == Phase::Ended;
        packet.extend(self.reports.end(has_ended));
        self.send(&packet);
    }
}

fn connect(host: String, port: Option<String>) -> Result<UdpSocket, Unusable> {
    let port = match port.filter(|port| !port.is_empty()) {
        None => DEFAULT_PORT,
        Some(text) => text.parse().map_err(|_| Unusable::Port(text))?,
    };
    open(&host, port).map_err(|source| Unusable::Socket { host, port, source })
}

/// A socket to the first address of the host that there is a way to.
fn open(host: &str, port: u16) -> io::Result<UdpSocket> {
    let mut failed = io::ErrorKind::NotFound.into();
    for address in (host, port).to_socket_addrs()? {
        let own: SocketAddr = match address {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let connected = UdpSocket::bind(own).and_then(|socket| {
            socket.set_nonblocking(true)?;
            socket.connect(address)?;
            Ok(socket)
        });
        match connected {
            Ok(socket) => return Ok(socket),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// The tags of all metrics: those of the environment, and the group.
fn tags(
    text: &str,
    group: &str,
    variable: impl Fn(&str) -> Option<String>,
) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    for tag in text.split(',').filter(|tag| !tag.is_empty()) {
        let Some((name, value)) = tag.split_once(':') else {
            tracing::warn!(
                "`STATSD_TAGS` has a tag that is not of the form `key:value`: it is left out"
            );
            continue;
        };
        let named = value.strip_prefix('$').and_then(|name| {
            let braced = name
                .strip_prefix('{')
                .and_then(|name| name.strip_suffix('}'));
            variable(braced.unwrap_or(name))
        });
        tags.insert(
            clean(name),
            clean(&named.unwrap_or_else(|| value.to_owned())),
        );
    }
    tags.insert("group".to_owned(), clean(group));
    tags
}

/// A text without what ends a name, a value or a packet.
fn clean(text: &str) -> String {
    let is_unsafe =
        |character: char| character.is_control() || matches!(character, '|' | ',' | '#');
    text.replace(is_unsafe, "_")
}

/// The state of a run at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    objects: u64,
    restarts: u64,
    polled: Duration,
    worked: Duration,
}

impl Counts {
    fn of(progress: &Progress) -> Self {
        let [(_, polled), (_, called), (_, wrote)] = progress.stages();
        Self {
            objects: progress.objects(),
            restarts: progress.partition_restarts(),
            polled,
            worked: called + wrote,
        }
    }
}

/// From the state of a run to lines of statsd.
#[derive(Debug)]
struct Reports {
    tags: BTreeMap<String, String>,
    before: Counts,
    status: Option<&'static str>,
}

impl Reports {
    fn new(tags: BTreeMap<String, String>) -> Self {
        Self {
            tags,
            before: Counts::default(),
            status: None,
        }
    }

    /// What has changed since the last call.
    fn next(&mut self, now: Counts) -> Vec<String> {
        let mut lines = Vec::new();
        if self.status.is_none() {
            lines.extend(STATUSES.map(|status| self.gauge(0, status)));
            lines.extend(self.set_status("idle"));
        }
        let polled = now.polled.saturating_sub(self.before.polled);
        let worked = now.worked.saturating_sub(self.before.worked);
        if worked > polled {
            lines.extend(self.set_status("processing"));
        } else if !polled.is_zero() {
            lines.extend(self.set_status("waiting"));
        }
        for (name, count, before) in [
            ("handle_message_total", now.objects, self.before.objects),
            (
                "partition_restart_total",
                now.restarts,
                self.before.restarts,
            ),
        ] {
            let more = count.saturating_sub(before);
            if more > 0 {
                lines.push(self.line(name, &more.to_string(), "c", None));
            }
        }
        self.before = now;
        lines
    }

    /// The end of a run: well, or not.
    fn end(&mut self, has_ended: bool) -> Vec<String> {
        let mut lines = Vec::new();
        if has_ended {
            lines.push(self.line("stop_total", "1", "c", None));
        }
        lines.extend(STATUSES.map(|status| self.gauge(0, status)));
        lines
    }

    fn set_status(&mut self, status: &'static str) -> Vec<String> {
        if self.status == Some(status) {
            return Vec::new();
        }
        let before = self.status.replace(status);
        let before = before.map(|before| self.gauge(0, before));
        before.into_iter().chain([self.gauge(1, status)]).collect()
    }

    fn gauge(&self, value: u8, status: &str) -> String {
        self.line("status", &value.to_string(), "g", Some(status))
    }

    fn line(&self, name: &str, value: &str, kind: &str, status: Option<&str>) -> String {
        let status = status.map(|status| ("status", status));
        let tags = self.tags.iter().map(|(name, value)| (&**name, &**value));
        let tags: BTreeMap<&str, &str> = tags.chain(status).collect();
        let tags: Vec<String> = tags
            .into_iter()
            .map(|(name, value)| format!("{name}:{value}"))
            .collect();
        format!("{NAMESPACE}.{name}:{value}|{kind}|#{}", tags.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(objects: u64, polled: u64, worked: u64) -> Counts {
        Counts {
            objects,
            restarts: 0,
            polled: Duration::from_millis(polled),
            worked: Duration::from_millis(worked),
        }
    }

    #[test]
    fn lines_are_those_of_upstreams_client() {
        let mut reports = Reports::new(tags("", "g", |_| None));
        assert_eq!(
            reports.next(Counts::default()),
            [
                "swh_journal_client.status:0|g|#group:g,status:idle",
                "swh_journal_client.status:0|g|#group:g,status:processing",
                "swh_journal_client.status:0|g|#group:g,status:waiting",
                "swh_journal_client.status:1|g|#group:g,status:idle",
            ]
        );
        assert_eq!(
            reports.next(counts(0, 100, 0)),
            [
                "swh_journal_client.status:0|g|#group:g,status:idle",
                "swh_journal_client.status:1|g|#group:g,status:waiting",
            ]
        );
        assert_eq!(
            reports.next(counts(10, 110, 50)),
            [
                "swh_journal_client.status:0|g|#group:g,status:waiting",
                "swh_journal_client.status:1|g|#group:g,status:processing",
                "swh_journal_client.handle_message_total:10|c|#group:g",
            ]
        );
        assert!(reports.next(counts(10, 110, 50)).is_empty());
        let restarted = Counts {
            restarts: 2,
            ..counts(12, 110, 90)
        };
        assert_eq!(
            reports.next(restarted),
            [
                "swh_journal_client.handle_message_total:2|c|#group:g",
                "swh_journal_client.partition_restart_total:2|c|#group:g",
            ]
        );
        assert_eq!(
            reports.end(true)[..2],
            [
                "swh_journal_client.stop_total:1|c|#group:g",
                "swh_journal_client.status:0|g|#group:g,status:idle",
            ]
        );
        assert_eq!(reports.end(false).len(), 3);
    }

    #[test]
    fn tags_of_the_environment_are_read_as_upstream_reads_them() {
        let variable = |name: &str| (name == "POD").then(|| "pod-1,a|b".to_owned());
        let found = tags(
            "a:b:c,pod:$POD,other:${POD},missing:$NO,bad,,group:x",
            "g",
            variable,
        );
        let found: Vec<_> = found
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        assert_eq!(
            found,
            [
                ("a", "b:c"),
                ("group", "g"),
                ("missing", "$NO"),
                ("other", "pod-1_a_b"),
                ("pod", "pod-1_a_b"),
            ]
        );
    }
}

//! Metrics and health over HTTP, for Prometheus and supervisors.
//!
//! It is the only asynchronous code of the host, in a thread of its own: no client can make a worker wait.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};

use super::health::Health;
use super::metrics::Metrics;

/// How long a client may take to send a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may last, so that clients that never end cannot use up the connections.
const CONNECTION_TIMEOUT: Duration = Duration::from_mins(5);
/// The limit on connections at the same time.
const CONNECTIONS: usize = 32;
/// The pause after a connection that cannot be accepted, such as one beyond the limit on open files.
const PAUSE: Duration = Duration::from_millis(100);

const TEXT: &str = "text/plain; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const PATHS: &str = "/metrics  metrics for Prometheus\n/healthz  200 while the loops of all workers turn\n\
                     /readyz   200 once all workers know their partitions\n";

/// The address cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("metrics cannot be served at {address}")]
pub(crate) struct ServeError {
    /// The address.
    pub(crate) address: SocketAddr,
    #[source]
    source: io::Error,
}

/// What is served.
#[derive(Debug)]
struct Served {
    metrics: Metrics,
    health: Health,
    /// The names under which a request may call this machine; empty if any.
    hosts: Vec<String>,
}

/// Serves metrics and health at an address until the process ends.
///
/// # Errors
/// When the address is not free, or the system gives no thread.
pub(crate) fn serve(
    address: SocketAddr,
    metrics: Metrics,
    health: Health,
) -> Result<(), ServeError> {
    let failed = |source| ServeError { address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    let served = Arc::new(Served {
        metrics,
        health,
        hosts: hosts(bound),
    });
    thread::Builder::new()
        .name("http".to_owned())
        .spawn(move || runtime.block_on(accept(listener, served)))
        .map_err(failed)?;
    tracing::info!("metrics are served at http://{bound}/metrics");
    Ok(())
}

/// The names of this machine in requests to a loopback address. A page from elsewhere whose name leads here, by a name
/// server that lies, calls it otherwise.
fn hosts(bound: SocketAddr) -> Vec<String> {
    if !bound.ip().is_loopback() {
        return Vec::new();
    }
    let address = match bound.ip() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    let names = ["localhost".to_owned(), address];
    let with_port = names.clone().map(|name| format!("{name}:{}", bound.port()));
    names.into_iter().chain(with_port).collect()
}

async fn accept(listener: TcpListener, served: Arc<Served>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        if open.load(Ordering::Relaxed) >= CONNECTIONS {
            continue;
        }
        let counted = Counted::new(&open);
        let served = Arc::clone(&served);
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let response = served.answer(&request);
                async move { Ok::<_, Infallible>(response) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(REQUEST_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service);
            // A client that fails or stays too long is no matter of the run.
            let _ended = tokio::time::timeout(CONNECTION_TIMEOUT, connection).await;
            drop(counted);
        });
    }
}

/// An open connection.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(open: &Arc<AtomicUsize>) -> Self {
        open.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(open))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Served {
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let host = request.headers().get(HOST);
        let host = host.and_then(|host| host.to_str().ok());
        self.response(request.method(), request.uri().path(), host)
    }

    fn response(&self, method: &Method, path: &str, host: Option<&str>) -> Response<Full<Bytes>> {
        let is_ours = |host: &str| {
            self.hosts
                .iter()
                .any(|ours| ours.eq_ignore_ascii_case(host))
        };
        if !self.hosts.is_empty() && !host.is_some_and(is_ours) {
            let text = "this address answers requests to the loopback interface only\n";
            return plain(StatusCode::MISDIRECTED_REQUEST, text.to_owned());
        }
        if method != Method::GET && method != Method::HEAD {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned());
            let allowed = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(ALLOW, allowed);
            return response;
        }
        match path {
            "/" => plain(StatusCode::OK, PATHS.to_owned()),
            "/metrics" => match self.metrics.text() {
                Ok(text) => typed(StatusCode::OK, OPEN_METRICS, text),
                Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
            },
            "/healthz" => state(self.health.live()),
            "/readyz" => state(self.health.ready()),
            _ => plain(StatusCode::NOT_FOUND, PATHS.to_owned()),
        }
    }
}

fn state(state: Result<(), String>) -> Response<Full<Bytes>> {
    match state {
        Ok(()) => plain(StatusCode::OK, "ok\n".to_owned()),
        Err(reason) => plain(StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}

fn plain(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    typed(status, TEXT, text)
}

fn typed(status: StatusCode, content: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::metrics::RunInfo;
    use crate::observe::progress::Progress;

    fn served(address: &str) -> Served {
        let progress = Arc::new(Progress::new(1, &[]));
        let info = RunInfo {
            plugin: "p".to_owned(),
            plugin_version: "1".to_owned(),
            plugin_digest: String::new(),
            options_digest: String::new(),
            group: String::new(),
        };
        Served {
            metrics: Metrics::new(info, Arc::clone(&progress)),
            health: Health::new(progress, Duration::ZERO),
            hosts: hosts(address.parse().unwrap()),
        }
    }

    fn status(served: &Served, method: &Method, path: &str, host: Option<&str>) -> u16 {
        served.response(method, path, host).status().as_u16()
    }

    #[test]
    fn each_path_answers_with_its_state() {
        let served = served("0.0.0.0:9");
        for (path, expected) in [
            ("/", 200),
            ("/metrics", 200),
            ("/healthz", 200),
            // Its worker does not know its partitions.
            ("/readyz", 503),
            ("/metrics/", 404),
            ("/../etc/passwd", 404),
        ] {
            assert_eq!(
                status(&served, &Method::GET, path, None),
                expected,
                "{path}"
            );
        }
        assert_eq!(status(&served, &Method::HEAD, "/metrics", None), 200);
        assert_eq!(status(&served, &Method::POST, "/metrics", None), 405);
    }

    #[test]
    fn only_names_of_the_loopback_interface_are_answered_there() {
        for (address, host, expected) in [
            ("127.0.0.1:9", Some("127.0.0.1:9"), 200),
            ("127.0.0.1:9", Some("LOCALHOST:9"), 200),
            ("127.0.0.1:9", Some("localhost"), 200),
            ("[::1]:9", Some("[::1]:9"), 200),
            ("127.0.0.1:9", Some("evil.example:9"), 421),
            ("127.0.0.1:9", Some("127.0.0.1:10"), 421),
            ("127.0.0.1:9", None, 421),
            ("192.0.2.1:9", Some("host.example"), 200),
        ] {
            let served = served(address);
            let found = status(&served, &Method::GET, "/healthz", host);
            assert_eq!(found, expected, "{address} {host:?}");
        }
    }
}

//! Metrics, health and a page over HTTP, for Prometheus, supervisors and people.
//!
//! It is the only asynchronous code of the host, in a thread of its own: no client can make a worker wait.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderValue,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::watch;

use super::health::Health;
use super::metrics::Metrics;
use super::page::{self, Page};

/// How long a client may take to send a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may last, so that clients that never end cannot use up the connections.
const CONNECTION_TIMEOUT: Duration = Duration::from_mins(5);
/// The limit on connections at the same time.
const CONNECTIONS: usize = 32;
/// The pause after a connection that cannot be accepted, such as one beyond the limit on open files.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a script that waits for the next state of the run waits.
const NEXT_STATE: Duration = Duration::from_secs(1);
/// How long the end of a run may wait until clients have its last state.
const LAST_STATE: Duration = Duration::from_millis(500);
/// The interval between two looks whether they have.
const LOOK_EVERY: Duration = Duration::from_millis(2);

const TEXT: &str = "text/plain; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const STATE: &str = "/state.json";
const JSON: &str = "application/json";
/// Pages load nothing from elsewhere, and are shown in no other page.
const POLICY: &str =
    "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const PATHS: &str = "/         the run as a page\n/metrics  metrics for Prometheus\n/healthz  200 while the loops of all workers turn\n\
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
    page: Arc<Page>,
    /// Whether the run has ended.
    ended: watch::Receiver<bool>,
    /// The names under which a request may call this machine; empty if any.
    hosts: Vec<String>,
}

/// What serves a run. Once it is dropped, clients that wait get the last state, and nothing more is served.
#[derive(Debug)]
pub(crate) struct Server {
    ended: watch::Sender<bool>,
    open: Arc<AtomicUsize>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ended.send_replace(true);
        let begun = Instant::now();
        while self.open.load(Ordering::Relaxed) > 0 && begun.elapsed() < LAST_STATE {
            thread::sleep(LOOK_EVERY);
        }
    }
}

/// Serves metrics, health and the page at an address until the server is dropped.
///
/// # Errors
/// When the address is not free, or the system gives no thread.
pub(crate) fn serve(
    address: SocketAddr,
    metrics: Metrics,
    health: Health,
    page: Arc<Page>,
) -> Result<Server, ServeError> {
    let failed = |source| ServeError { address, source };
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    let (ended, to_end) = watch::channel(false);
    let open = Arc::new(AtomicUsize::new(0));
    let served = Arc::new(Served {
        metrics,
        health,
        page,
        ended: to_end,
        hosts: hosts(bound),
    });
    let counter = Arc::clone(&open);
    thread::Builder::new()
        .name("http".to_owned())
        .spawn(move || runtime.block_on(accept(listener, served, counter)))
        .map_err(failed)?;
    tracing::info!("metrics are served at http://{bound}/metrics, and a page at http://{bound}/");
    Ok(Server { ended, open })
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

async fn accept(listener: TcpListener, served: Arc<Served>, open: Arc<AtomicUsize>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
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
                let served = Arc::clone(&served);
                async move { Ok::<_, Infallible>(served.answer(request).await) }
            });
            let mut connection = pin!(
                http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(REQUEST_TIMEOUT)
                    .serve_connection(TokioIo::new(stream), service)
            );
            let mut end = pin!(served.end());
            let mut has_ended = false;
            let connection = poll_fn(|context| {
                if !has_ended && end.as_mut().poll(context).is_ready() {
                    has_ended = true;
                    // What is being answered is answered; a connection without a request is closed.
                    connection.as_mut().graceful_shutdown();
                }
                connection.as_mut().poll(context)
            });
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
    /// Waits for the end of the run.
    async fn end(&self) {
        let mut ended = self.ended.clone();
        // An error says that the server is gone, and so has ended.
        let _gone = ended.wait_for(|&ended| ended).await;
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (request, _body) = request.into_parts();
        let host = request.headers.get(HOST);
        let host = host.and_then(|host| host.to_str().ok());
        let uri = &request.uri;
        if uri.path() == STATE && uri.query() == Some("wait") && self.is_ours(host) {
            let _or_ended = tokio::time::timeout(NEXT_STATE, self.end()).await;
        }
        self.response(&request.method, uri.path(), uri.query(), host)
    }

    fn is_ours(&self, host: Option<&str>) -> bool {
        let mut hosts = self.hosts.iter();
        self.hosts.is_empty()
            || host.is_some_and(|host| hosts.any(|ours| ours.eq_ignore_ascii_case(host)))
    }

    fn response(
        &self,
        method: &Method,
        path: &str,
        query: Option<&str>,
        host: Option<&str>,
    ) -> Response<Full<Bytes>> {
        if !self.is_ours(host) {
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
            "/" => written(HTML, self.page.html()),
            "/page.js" => static_file("text/javascript; charset=utf-8", page::SCRIPT),
            "/page.css" => static_file("text/css; charset=utf-8", page::STYLE),
            "/icon.svg" => static_file("image/svg+xml", page::ICON),
            STATE => typed(StatusCode::OK, JSON, self.page.json()),
            "/metrics" => written(
                OPEN_METRICS,
                self.metrics
                    .text(matches!(query, Some("partitions" | "partitions="))),
            ),
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

fn static_file(content: &'static str, text: &'static str) -> Response<Full<Bytes>> {
    typed(StatusCode::OK, content, text.to_owned())
}

fn written(content: &'static str, text: Result<String, std::fmt::Error>) -> Response<Full<Bytes>> {
    match text {
        Ok(text) => typed(StatusCode::OK, content, text),
        Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
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
    for (name, value) in [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::metrics::RunInfo;
    use crate::observe::page::About;
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
            metrics: Metrics::new(info.clone(), Arc::clone(&progress)),
            page: Arc::new(Page::new(info, About::default(), Arc::clone(&progress))),
            ended: watch::channel(false).1,
            health: Health::new(progress, Duration::ZERO),
            hosts: hosts(address.parse().unwrap()),
        }
    }

    fn status(served: &Served, method: &Method, path: &str, host: Option<&str>) -> u16 {
        served.response(method, path, None, host).status().as_u16()
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
            ("/page.js", 200),
            ("/page.css", 200),
            ("/icon.svg", 200),
            ("/state.json", 200),
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
    fn no_answer_lets_a_page_load_anything_from_elsewhere() {
        let served = served("0.0.0.0:9");
        for path in ["/", "/state.json", "/nowhere"] {
            let response = served.response(&Method::GET, path, None, None);
            let policy = &response.headers()[CONTENT_SECURITY_POLICY];
            assert!(policy.to_str().unwrap().starts_with("default-src 'self';"));
            assert_eq!(response.headers()[X_CONTENT_TYPE_OPTIONS], "nosniff");
        }
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

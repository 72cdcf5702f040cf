//! The page of a run in a browser: while it works, over a rebalance, at its end, and after a failure.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use journal_tests::browser::{Browser, Screen};
use journal_tests::kafka::Journal;
use journal_tests::{Broker, Host, Prefix, Running, cache, paths, run};
use rustix::process::Signal;

use crate::observing::get;

const LIMIT: Duration = Duration::from_mins(1);
const PARTITIONS: i32 = 4;
const DESKTOP: Screen = Screen {
    width: 1000,
    height: 1100,
    is_dark: false,
};
const PHONE: Screen = Screen {
    width: 360,
    height: 740,
    is_dark: true,
};

fn shipped() -> Journal {
    Journal::read(&paths::repository().join("recordings/ripgrep.journal.zst"))
}

fn host(prefix: &Prefix, plugin: &str) -> Host {
    Host::run(&paths::plugin(plugin))
        .args(["--brokers", &Broker::shared().address()])
        .args(["--prefix", prefix.as_str()])
        .args(["--group-id", &prefix.group("page")])
        .args(["--checkpoint-interval", "200ms", "--metrics", "0"])
}

/// The address of the page, as the log names it.
fn page(running: &mut Running) -> String {
    running.until("the address is logged", LIMIT, |running| {
        let stderr = running.stderr();
        let (_, rest) = stderr.split_once("a page at ")?;
        rest.split_once('\n').map(|(address, _)| address.to_owned())
    })
}

/// Whether an element has this text, as an expression of the page.
fn shows(id: &str, text: &str) -> String {
    format!("document.getElementById('{id}')?.innerText.includes({text:?})")
}

/// All that the page asked for is of its own address, and the browser refused nothing.
fn check(browser: &mut Browser) {
    let complaints = browser.complaints();
    assert!(complaints.is_empty(), "{complaints:?}");
    let requests = browser.requests();
    let foreign = requests
        .iter()
        .filter(|request| !request.starts_with("http://127.0.0.1:") && *request != "about:blank");
    assert_eq!(foreign.count(), 0, "{requests:?}");
}

#[test]
fn page_shows_a_run_over_a_rebalance_to_its_end() {
    let prefix = Prefix::new("page");
    Broker::shared().load(&prefix, &shipped(), PARTITIONS, 1);
    let mut running = host(&prefix, "count-objects")
        .args(["--kafka", "ssl.key.password=n0t-shown"])
        .spawn();
    let url = page(&mut running);
    let mut browser = Browser::start();
    browser.set_screen(DESKTOP);
    browser.open(&url);
    browser.wait_for("all objects", LIMIT, &shows("objects", "21,896"));
    browser.wait_for(
        "that nothing is left",
        LIMIT,
        "document.getElementById('lag')?.innerText === '0'",
    );
    browser.wait_for("a checkpoint", LIMIT, &shows("unconfirmed", "0"));
    let before = browser.text("workers");
    assert!(before.contains(&format!("{prefix}.revision:3")), "{before}");
    assert!(browser.text("outputs").contains("counts"));
    assert!(browser.text("stages").contains("calls of the plugin"));
    assert_eq!(browser.text("phase"), "The run works.");
    let whole = browser
        .value("document.documentElement.outerHTML")
        .to_string();
    assert!(!whole.contains("n0t-shown"));
    assert!(whole.contains("ssl.key.password"));
    // A second process takes half of the partitions.
    let other = host(&prefix, "count-objects").spawn();
    let rows = "document.querySelector('#workers td:nth-child(4)')?.innerText";
    let all = before.matches(':').count();
    let fewer = format!("{rows}.split(', ').length < {all}");
    browser.wait_for("fewer partitions", LIMIT, &fewer);
    other.signal(Signal::TERM);
    let _ended = other.finish(LIMIT).success();
    if let Some(file) = std::env::var_os("JOURNAL_TESTS_PICTURE") {
        browser.picture(file.as_ref());
    }
    browser.set_screen(PHONE);
    let fits = browser.value("document.documentElement.scrollWidth <= innerWidth");
    assert_eq!(fits, true);
    let ground = "getComputedStyle(document.body).backgroundColor";
    assert_eq!(browser.value(ground), "rgb(20, 24, 29)");
    running.signal(Signal::TERM);
    let _ended = running.finish(LIMIT).success();
    browser.wait_for("the end", LIMIT, &shows("phase", "The run has ended."));
    assert_eq!(browser.text("objects"), "21,896");
    check(&mut browser);
}

#[test]
fn page_shows_without_scripts_what_it_shows_with_them() {
    let prefix = Prefix::new("page-static");
    Broker::shared().load(&prefix, &shipped(), PARTITIONS, 1);
    let mut running = host(&prefix, "count-objects").spawn();
    let url = page(&mut running);
    let mut browser = Browser::start();
    browser.set_scripts(false);
    // The browser loads it again by itself.
    browser.open(&url);
    browser.wait_for("all objects", LIMIT, &shows("objects", "21,896"));
    browser.wait_for("a partition", LIMIT, &shows("workers", ".revision:3"));
    check(&mut browser);
    running.signal(Signal::TERM);
    let _ended = running.finish(LIMIT).success();
}

#[test]
fn page_shows_records_that_failed_without_their_values_and_why_a_run_failed() {
    let prefix = Prefix::new("page-failed");
    Broker::shared().load(&prefix, &shipped(), 1, 1);
    let rejecting = || {
        host(&prefix, "guest-hostile").args([
            "--option",
            "process=reject-even",
            "--object-type",
            "origin",
        ])
    };
    let mut running = rejecting().args(["--on-failure", "skip"]).spawn();
    let url = page(&mut running);
    let mut browser = Browser::start();
    browser.open(&url);
    let topic = format!("{prefix}.origin");
    browser.wait_for(
        "the failed record",
        LIMIT,
        &shows("failed", "its offset is even"),
    );
    assert!(browser.text("failed").contains(&topic));
    let whole = browser
        .value("document.documentElement.outerHTML")
        .to_string();
    assert!(!whole.contains("https://github.com/BurntSushi"), "{whole}");
    // Of an option it has the name only.
    assert!(
        whole.contains("<dd>process</dd>") && !whole.contains("reject-even"),
        "{whole}"
    );
    check(&mut browser);
    running.signal(Signal::TERM);
    let _ended = running.finish(LIMIT).success();
    // The group goes on after the last record, and fails at the next one.
    let mut running = rejecting().spawn();
    let url = page(&mut running);
    browser.open(&url);
    browser.wait_for("its partitions", LIMIT, &shows("workers", &topic));
    // One of two records has an even offset.
    Broker::shared().append(&prefix, &shipped(), 2);
    let failed = running.finish(LIMIT).code(1);
    browser.wait_for(
        "the failure",
        LIMIT,
        &shows("phase", "The run failed: the processor rejected"),
    );
    assert!(
        failed.stderr.contains("its offset is even"),
        "{}",
        failed.stderr
    );
}

/// Prometheus's checker of rules, from Debian's package.
fn promtool() -> PathBuf {
    let folder = cache::once("prometheus", |folder| {
        let mut download = Command::new("apt-get");
        cache::fetch_with(
            download
                .args(["download", "prometheus"])
                .current_dir(folder),
            "apt",
        );
        let unpack = "dpkg-deb -x prometheus_*.deb . && rm prometheus_*.deb";
        let mut shell = Command::new("sh");
        cache::fetch_with(shell.args(["-c", unpack]).current_dir(folder), "dpkg");
    });
    folder.join("usr/bin/promtool")
}

#[test]
fn prometheus_takes_the_alert_rules_and_each_fires_when_it_should() {
    let rules = paths::repository().join("docs/monitoring");
    for (action, file) in [("check", "alerts.yml"), ("test", "alerts.test.yml")] {
        let mut promtool = Command::new(promtool());
        run::succeed(promtool.args([action, "rules", file]).current_dir(&rules));
    }
}

#[test]
fn lag_of_each_partition_is_served_on_request() {
    let prefix = Prefix::new("promtool");
    Broker::shared().load(&prefix, &shipped(), PARTITIONS, 1);
    let mut running = host(&prefix, "count-objects").spawn();
    let url = page(&mut running);
    let address = url.trim_start_matches("http://").trim_end_matches('/');
    let sample =
        format!("journal_host_partition_lag{{topic=\"{prefix}.revision\",partition=\"3\"}} ");
    running.until("the lag of a partition", LIMIT, |_| {
        let (status, metrics) = get(address, "/metrics?partitions", address);
        assert_eq!(status, 200);
        metrics.contains(&sample).then_some(())
    });
    let (_, usual) = get(address, "/metrics", address);
    assert!(!usual.contains("journal_host_partition_lag{"), "{usual}");
    running.signal(Signal::TERM);
    let _ended = running.finish(LIMIT).success();
}

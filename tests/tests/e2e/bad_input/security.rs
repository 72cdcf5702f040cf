//! Brokers that require authentication, like those in production.

use std::sync::OnceLock;

use journal_tests::kafka::Account;
use journal_tests::{Broker, Host, Prefix, paths};

use super::{Failure, HOSTILE, LIMIT, fails, origins};

const ALICE: Account = Account {
    name: "alice",
    password: "wonderland",
};

/// A cluster with topics under two prefixes, of which alice may read one.
struct Cluster {
    broker: Broker,
    prefix: Prefix,
    secret: Prefix,
}

fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let broker = Broker::start_secured(ALICE);
        let (prefix, secret) = (Prefix::new("open"), Prefix::new("secret"));
        broker.load(&prefix, &origins(10, 1), 2, 1);
        broker.load(&secret, &origins(10, 1), 2, 1);
        broker.grant(ALICE, prefix.as_str(), "alice-");
        Cluster {
            broker,
            prefix,
            secret,
        }
    })
}

impl Cluster {
    /// A run with alice's account. Tests vary its arguments.
    fn run(&self, prefix: &Prefix, group: &str, password: &str) -> Host {
        Host::run(&paths::plugin(HOSTILE))
            .args(["--brokers", &self.broker.secured_address()])
            .args(["--prefix", prefix.as_str(), "--group-id", group])
            .args(["--on-eof", "stop"])
            .args(["--kafka", "security.protocol=SASL_SSL"])
            .args(["--kafka", "sasl.mechanisms=SCRAM-SHA-512"])
            .args(["--kafka", "sasl.username=alice", "--kafka"])
            .arg(format!("sasl.password={password}"))
    }

    fn trusting(&self, host: Host) -> Host {
        let certificate = self.broker.certificate();
        host.arg("--kafka")
            .arg(format!("ssl.ca.location={}", certificate.display()))
    }
}

#[test]
fn account_reads_everything_that_it_may_read() {
    let cluster = cluster();
    let run = cluster.run(&cluster.prefix, "alice-all", ALICE.password);
    let finished = cluster.trusting(run).finish(LIMIT).success();
    assert_eq!(finished.rows().len(), 10);
}

#[test]
fn wrong_password_is_reported_and_not_printed() {
    let cluster = cluster();
    let run = cluster.run(&cluster.prefix, "alice-password", "looking-glass");
    let finished = cluster.trusting(run).finish(LIMIT).code(1);
    assert!(!finished.stderr.contains("looking-glass"));
    super::failure(&finished)
        .names(&format!("`{}`", cluster.broker.secured_address()))
        .names("uthentication failed")
        .hints("`sasl.*`");
}

#[test]
fn untrusted_certificate_is_reported() {
    let cluster = cluster();
    let run = cluster.run(&cluster.prefix, "alice-certificate", ALICE.password);
    fails(run)
        .names(&format!("`{}`", cluster.broker.secured_address()))
        .names("certificate")
        .hints("`ssl.*`");
}

#[test]
fn client_without_security_is_reported() {
    let cluster = cluster();
    let run = Host::run(&paths::plugin(HOSTILE))
        .args(["--brokers", &cluster.broker.secured_address()])
        .args(["--group-id", "alice-plain"]);
    let failure = fails(run)
        .names(&format!("`{}`", cluster.broker.secured_address()))
        .hints("the brokers seem to expect TLS: set `--kafka security.protocol=SASL_SSL`");
    within_seconds(&failure);
}

/// It takes 15 s before a broker that does not answer at all is given up.
fn within_seconds(failure: &Failure) {
    let seconds = (0..10).find(|seconds| {
        let part = format!(" answered within {seconds} s: ");
        failure.error.contains(&part)
    });
    assert!(seconds.is_some(), "{}", failure.error);
}

#[test]
fn client_with_tls_at_a_port_without_is_reported() {
    let cluster = cluster();
    for protocol in ["SSL", "SASL_SSL"] {
        let run = Host::run(&paths::plugin(HOSTILE))
            .args(["--brokers", &cluster.broker.address()])
            .args(["--group-id", "alice-tls"])
            .args(["--kafka", &format!("security.protocol={protocol}")])
            .args(["--kafka", "sasl.mechanisms=SCRAM-SHA-512"])
            .args(["--kafka", "sasl.username=alice"])
            .args(["--kafka", "sasl.password=wonderland"]);
        let failure = fails(cluster.trusting(run))
            .names(&format!("`{}`", cluster.broker.address()))
            .hints("the brokers do not seem to speak TLS at this port: check `--brokers`");
        within_seconds(&failure);
    }
}

#[test]
fn client_without_an_account_is_reported() {
    let cluster = cluster();
    let run = Host::run(&paths::plugin(HOSTILE))
        .args(["--brokers", &cluster.broker.secured_address()])
        .args(["--group-id", "alice-nobody"])
        .args(["--kafka", "security.protocol=SSL"]);
    let failure = fails(cluster.trusting(run))
        .names(&format!("`{}`", cluster.broker.secured_address()))
        .hints(
            "the brokers seem to require authentication: set `--kafka security.protocol=SASL_SSL`",
        );
    within_seconds(&failure);
}

#[test]
fn group_that_the_account_may_not_use_is_reported() {
    let cluster = cluster();
    let run = cluster.run(&cluster.prefix, "bob-group", ALICE.password);
    fails(cluster.trusting(run))
        .names("roup authorization failed")
        .hints("`--group-id`: where access is limited it begins with the user's name and a hyphen");
}

#[test]
fn topics_that_the_account_may_not_read_are_not_found() {
    let cluster = cluster();
    let run = cluster.run(&cluster.secret, "alice-topic", ALICE.password);
    fails(cluster.trusting(run))
        .names(&format!(
            "has no topic with the prefix `{}`",
            cluster.secret
        ))
        .names(&format!("the prefixes there are: `{}`", cluster.prefix))
        .hints("`--prefix`; topics that the account may not read are not listed");
}

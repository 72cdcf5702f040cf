//! Brokers that require authentication, like those in production.

use std::sync::OnceLock;

use journal_tests::kafka::{Account, Journal};
use journal_tests::{Broker, Host, Prefix, paths};

use super::{HOSTILE, LIMIT, fails, origins};

const ALICE: Account = Account {
    name: "alice",
    password: "wonderland",
};

/// A cluster with topics under two prefixes, of which alice may read one.
struct Cluster {
    broker: Broker,
    prefix: Prefix,
    secret: Prefix,
    /// It has releases whose privileged topic alice may not read.
    names: Prefix,
}

fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let broker = Broker::start_secured(ALICE);
        let (prefix, secret) = (Prefix::new("open"), Prefix::new("secret"));
        let names = Prefix::new("names");
        broker.load(&prefix, &origins(10, 1), 2, 1);
        broker.load(&secret, &origins(10, 1), 2, 1);
        broker.load(&names, &releases(), 1, 1);
        broker.grant(ALICE, prefix.as_str(), "alice-");
        broker.grant(ALICE, &format!("{names}."), "alice-");
        Cluster {
            broker,
            prefix,
            secret,
            names,
        }
    })
}

/// A release in the public topic and in the privileged one.
fn releases() -> Journal {
    let mut journal = origins(2, 1);
    for (record, privileged) in journal.records.iter_mut().zip([false, true]) {
        record.object_type = "release".into();
        record.privileged = privileged;
    }
    journal
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
    fails(run)
        .names(&format!("`{}`", cluster.broker.secured_address()))
        .hints("`--kafka security.protocol`");
}

#[test]
fn group_that_the_account_may_not_use_is_reported() {
    let cluster = cluster();
    let run = cluster.run(&cluster.prefix, "bob-group", ALICE.password);
    fails(cluster.trusting(run))
        .names("roup authorization failed")
        .hints("`--group-id`: where access is limited it begins with the user's name and a hyphen");
}

/// The list of topics lacks it, as if it did not exist.
#[test]
fn privileged_topic_that_the_account_may_not_see_is_named_as_denied() {
    let cluster = cluster();
    let run = |flag: &str| {
        let run = cluster.run(&cluster.names, "alice-names", ALICE.password);
        cluster.trusting(run).arg(flag)
    };
    fails(run("--privileged"))
        .says(&format!(
            "`{}` denies this account access to `{}`, and the public topics of these object types are anonymised",
            cluster.broker.secured_address(),
            cluster.names.privileged_topic("release")
        ))
        .hints("ask for access to privileged topics; `--privileged=if-available`");
    let preferred = run("--privileged=if-available").finish(LIMIT).success();
    assert_eq!(preferred.rows().len(), 1);
    let warning = "1 of 1 topics are anonymised";
    assert!(preferred.stderr.contains(warning), "{}", preferred.stderr);
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
        .hints("`--prefix`");
}

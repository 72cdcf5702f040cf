//! Brokers that require authentication, like those in production.

use std::sync::OnceLock;

use journal_tests::kafka::Account;
use journal_tests::{Broker, Host, Prefix, paths};

use super::{HOSTILE, LIMIT, fails, is_wrong_use, origins};

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

#[test]
fn password_comes_from_a_file_the_environment_or_the_configuration() {
    let cluster = cluster();
    let run = |group: &str| {
        let host = Host::run(&paths::plugin(HOSTILE))
            .args(["--brokers", &cluster.broker.secured_address()])
            .args(["--prefix", cluster.prefix.as_str(), "--group-id", group])
            .args(["--on-eof", "stop"])
            .args(["--kafka", "security.protocol=SASL_SSL"])
            .args(["--kafka", "sasl.mechanisms=SCRAM-SHA-512"])
            .args(["--kafka", "sasl.username=alice"])
            .env("JOURNAL_HOST_LOG", "debug,librdkafka=info");
        let host = cluster.trusting(host);
        for (file, text) in [
            ("password", format!("{}\n", ALICE.password)),
            ("wrong", "looking-glass".to_owned()),
            (
                "config.yaml",
                format!("kafka:\n  sasl.password: {}\n", ALICE.password),
            ),
        ] {
            std::fs::write(host.folder().join(file), text).expect("the folder is ours");
        }
        host
    };
    let reads = |host: Host| {
        let finished = host.finish(LIMIT).success();
        assert_eq!(finished.rows().len(), 10);
        let text = &finished.stderr;
        assert!(!text.contains(ALICE.password), "{text}");
        assert!(!text.contains("list of processes"), "{text}");
    };
    reads(run("alice-file").args(["--kafka-password-file", "password"]));
    reads(run("alice-file-variable").env("JOURNAL_HOST_KAFKA_PASSWORD_FILE", "password"));
    reads(run("alice-variable").env("JOURNAL_HOST_KAFKA_SASL_PASSWORD", ALICE.password));
    reads(run("alice-config").args(["--config", "config.yaml"]));
    // A file that a flag names wins over the password of the configuration.
    let wrong = run("alice-wrong").args(["--config", "config.yaml"]);
    let finished = wrong.args(["--kafka-password-file", "wrong"]).finish(LIMIT);
    let text = finished.code(1).stderr;
    assert!(text.contains("uthentication failed"), "{text}");
    assert!(!text.contains("looking-glass"), "{text}");
}

#[test]
fn password_on_the_command_line_works_with_a_warning() {
    let cluster = cluster();
    let run = cluster.run(&cluster.prefix, "alice-warned", ALICE.password);
    let finished = cluster.trusting(run).finish(LIMIT).success();
    let text = &finished.stderr;
    assert!(!text.contains(ALICE.password), "{text}");
    assert!(
        text.contains("other users of this machine can see the value of `--kafka sasl.password`"),
        "{text}"
    );
    assert!(text.contains("`--kafka-password-file`"), "{text}");
}

#[test]
fn files_of_passwords_that_hold_none_are_refused() {
    let host = |file: &str, text: &str| {
        let host = Host::run(&paths::plugin(HOSTILE))
            .args(["--brokers", "127.0.0.1:1", "--group-id", "g"])
            .args(["--kafka-password-file", file]);
        std::fs::write(host.folder().join("password"), text).expect("the folder is ours");
        host
    };
    is_wrong_use(host("nowhere", ""))
        .says("cannot use `--kafka-password-file nowhere`: No such file or directory (os error 2)")
        .hints("`--kafka-password-file` takes a file with the password in its only line");
    is_wrong_use(host("password", "\n"))
        .says("cannot use `--kafka-password-file password`: it is empty");
    let finished = host("password", "wonder\nland").finish(LIMIT).code(2);
    assert!(!finished.stderr.contains("wonder"), "{}", finished.stderr);
    super::failure(&finished)
        .says("cannot use `--kafka-password-file password`: it holds more than one line");
    is_wrong_use(host("password", "a").args(["--kafka", "sasl.password=b"]))
        .says("`--kafka-password-file` and `--kafka sasl.password` exclude each other")
        .hints("leave one of them out");
}

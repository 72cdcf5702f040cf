//! Brokers that require authentication, like those in production: each way to log in, and what each failure says.

use std::fs;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use journal_tests::kafka::{Account, Journal, KEYSTORE_PASSWORD};
use journal_tests::{Broker, Finished, Host, Prefix, paths, run};

use super::{Failure, HOSTILE, LIMIT, failure, origins};

pub(super) const ALICE: Account = Account {
    name: "alice",
    password: "wonderland",
};
const WRONG_PASSWORD: &str = "looking-glass";
/// The limit on the time until a wrong setting is reported, on a busy machine: half of the time that a run waits for
/// brokers that do not answer.
const SOON: Duration = Duration::from_secs(30);
const RECORDS: u32 = 10;

/// A cluster with topics under several prefixes. Alice may read those of `prefix`, and see those of `seen`.
pub(super) struct Cluster {
    pub(super) broker: Broker,
    pub(super) prefix: Prefix,
    seen: Prefix,
    secret: Prefix,
    /// It has releases whose privileged topic alice may not read.
    names: Prefix,
}

pub(super) fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let broker = Broker::start_secured(ALICE);
        let prefixes = ["open", "seen", "secret"].map(Prefix::new);
        for one in &prefixes {
            broker.load(one, &origins(RECORDS, 1), 2, 1);
        }
        let [prefix, seen, secret] = prefixes;
        broker.grant(ALICE, prefix.as_str(), "alice-");
        broker.grant_description(ALICE, seen.as_str());
        let names = Prefix::new("names");
        broker.load(&names, &releases(), 1, 1);
        broker.grant(ALICE, &format!("{names}."), "alice-");
        Cluster {
            broker,
            prefix,
            seen,
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

/// `--kafka KEY=VALUE` for each pair.
pub(super) fn kafka(host: Host, settings: &[(&str, &str)]) -> Host {
    settings.iter().fold(host, |host, (key, value)| {
        host.arg("--kafka").arg(format!("{key}={value}"))
    })
}

/// A run over these topics. Tests add the settings of the connection.
pub(super) fn run_at(address: &str, prefix: &Prefix, group: &str) -> Host {
    Host::run(&paths::plugin(HOSTILE))
        .args(["--brokers", address, "--prefix", prefix.as_str()])
        .args(["--group-id", group, "--on-eof", "stop"])
}

impl Cluster {
    fn trusting(&self, host: Host) -> Host {
        let certificate = self.broker.certificate();
        kafka(
            host,
            &[("ssl.ca.location", &*certificate.to_string_lossy())],
        )
    }

    /// A log-in with alice's name.
    fn log_in(&self, host: Host, mechanism: &str, password: &str) -> Host {
        let settings = [
            ("security.protocol", "SASL_SSL"),
            ("sasl.mechanism", mechanism),
            ("sasl.username", ALICE.name),
            ("sasl.password", password),
        ];
        kafka(self.trusting(host), &settings)
    }

    /// A run of alice, who logs in with her password.
    pub(super) fn alice(&self, prefix: &Prefix, group: &str) -> Host {
        let run = run_at(&self.broker.secured_address(), prefix, group);
        self.log_in(run, "SCRAM-SHA-512", ALICE.password)
    }

    /// A run over TLS without a log-in, which the listener for certificates takes.
    fn over_tls(&self, group: &str, settings: &[(&str, &str)]) -> Host {
        let run = run_at(&self.broker.certificate_address(), &self.prefix, group);
        let tls = [("security.protocol", "SSL")];
        kafka(kafka(self.trusting(run), &tls), settings)
    }
}

/// The run reads everything, and prints no password.
#[track_caller]
fn reads_all(host: Host) {
    let finished = host.finish(LIMIT).success();
    assert_eq!(finished.rows().len(), RECORDS as usize);
    assert!(!finished.stderr.contains(ALICE.password));
}

/// The run fails within [`SOON`].
#[track_caller]
fn fails_soon(host: Host) -> Failure {
    let started = Instant::now();
    let finished: Finished = host.finish(LIMIT).code(1);
    let took = started.elapsed();
    assert!(took < SOON, "after {took:?}: {}", finished.stderr);
    for secret in [ALICE.password, WRONG_PASSWORD, KEYSTORE_PASSWORD] {
        assert!(!finished.stderr.contains(secret), "{}", finished.stderr);
    }
    failure(&finished)
}

#[test]
fn account_logs_in_with_each_mechanism() {
    let cluster = cluster();
    for mechanism in ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] {
        let group = format!("alice-{mechanism}");
        let run = run_at(&cluster.broker.secured_address(), &cluster.prefix, &group);
        reads_all(cluster.log_in(run, mechanism, ALICE.password));
    }
}

#[test]
fn account_logs_in_with_a_certificate() {
    let cluster = cluster();
    let broker = &cluster.broker;
    let (certificate, key) = (broker.client_certificate(), broker.client_key());
    reads_all(cluster.over_tls(
        "alice-files",
        &[
            ("ssl.certificate.location", &*certificate.to_string_lossy()),
            ("ssl.key.location", &*key.to_string_lossy()),
        ],
    ));
    let keystore = broker.client_keystore();
    reads_all(cluster.over_tls(
        "alice-store",
        &[
            ("ssl.keystore.location", &*keystore.to_string_lossy()),
            ("ssl.keystore.password", KEYSTORE_PASSWORD),
        ],
    ));
}

/// The rights of a journal's user, to read under a prefix, are enough; a group is not needed.
#[test]
fn account_records_without_a_right_on_any_other_group() {
    let cluster = cluster();
    let path = run::folder("secured").join("new.journal.zst");
    let host = Host::new()
        .args(["record", "--brokers", &cluster.broker.secured_address()])
        .args(["--prefix", cluster.prefix.as_str(), "--output"])
        .arg(&path);
    let host = cluster.log_in(host, "SCRAM-SHA-512", ALICE.password);
    let finished = host.finish(LIMIT).success();
    assert!(
        finished.stderr.contains("10 records, "),
        "{}",
        finished.stderr
    );
}

#[test]
fn account_that_may_not_create_topics_cannot_produce() {
    let cluster = cluster();
    let folder = run::folder("secured");
    let path = folder.join("origins.journal");
    super::record(&path, &origins(3, 1));
    let prefix = format!("{}-new", cluster.prefix);
    let host = Host::new()
        .arg("produce")
        .arg(&path)
        .args(["--brokers", &cluster.broker.secured_address()])
        .args(["--prefix", &prefix]);
    fails_soon(cluster.log_in(host, "SCRAM-SHA-512", ALICE.password))
        .names(&format!(
            "the brokers did not create the topic `{prefix}.origin`: "
        ))
        .names("uthorization failed")
        .hints("the account may not create topics");
    let host = Host::new()
        .arg("produce")
        .arg(&path)
        .args(["--brokers", &cluster.broker.secured_address()])
        .args(["--prefix", cluster.prefix.as_str(), "--append"]);
    fails_soon(cluster.log_in(host, "SCRAM-SHA-512", ALICE.password))
        .names("no record can be written: ")
        .names("uthorization failed")
        .names(": of 3 records, 0 are confirmed")
        .hints("the account may not write to any topic");
    // With a right on another topic, the brokers refuse the record and not the producer.
    let mine = format!("{}.mine", cluster.prefix);
    cluster.broker.grant_writing(ALICE, &mine);
    let host = Host::new()
        .arg("produce")
        .arg(&path)
        .args(["--brokers", &cluster.broker.secured_address()])
        .args(["--prefix", cluster.prefix.as_str(), "--append"]);
    fails_soon(cluster.log_in(host, "SCRAM-SHA-512", ALICE.password))
        .names(&format!(
            "the brokers did not take a record of `{}` ",
            cluster.prefix.topic("origin")
        ))
        .names("uthorization failed: of 3 records, 0 are confirmed")
        .hints("the account may not write to this topic");
}

#[test]
fn wrong_password_is_reported_and_not_printed() {
    let cluster = cluster();
    let address = cluster.broker.secured_address();
    for mechanism in ["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] {
        let run = run_at(&address, &cluster.prefix, "alice-password");
        fails_soon(cluster.log_in(run, mechanism, WRONG_PASSWORD))
            .names(&format!("`{address}`"))
            .names("uthentication failed")
            .hints("check `--kafka sasl.username`, its password and `--kafka sasl.mechanism`");
    }
}

#[test]
fn mechanism_that_the_brokers_do_not_offer_is_reported() {
    let cluster = cluster();
    let address = cluster.broker.secured_address();
    let run = run_at(&address, &cluster.prefix, "alice-mechanism");
    let run = cluster.log_in(run, "OAUTHBEARER", ALICE.password);
    let run = kafka(
        run,
        &[
            ("enable.sasl.oauthbearer.unsecure.jwt", "true"),
            ("sasl.oauthbearer.config", "principal=alice"),
        ],
    );
    fails_soon(run)
        .names("SASL mechanism")
        .hints("set `--kafka sasl.mechanism` to one that the brokers offer");
}

#[test]
fn untrusted_certificate_is_reported() {
    let cluster = cluster();
    let address = cluster.broker.secured_address();
    let run = run_at(&address, &cluster.prefix, "alice-certificate");
    let settings = [
        ("security.protocol", "SASL_SSL"),
        ("sasl.mechanism", "SCRAM-SHA-512"),
        ("sasl.username", ALICE.name),
        ("sasl.password", ALICE.password),
    ];
    fails_soon(kafka(run, &settings))
        .names(&format!("`{address}`"))
        .names("certificate")
        .hints("`--kafka ssl.ca.location=FILE`");
}

#[test]
fn file_of_certificates_that_does_not_exist_is_reported() {
    let cluster = cluster();
    let run = run_at("127.0.0.1:1", &cluster.prefix, "alice-file");
    let settings = [
        ("security.protocol", "SSL"),
        ("ssl.ca.location", "/nonexistent/authority.pem"),
    ];
    fails_soon(kafka(run, &settings))
        .says("`--kafka ssl.ca.location` names the file `/nonexistent/authority.pem`, which cannot be opened: No such file or directory (os error 2)")
        .hints("name a file that this user can read");
}

#[test]
fn missing_client_certificate_is_reported() {
    let cluster = cluster();
    fails_soon(cluster.over_tls("alice-none", &[]))
        .names(&format!("`{}`", cluster.broker.certificate_address()))
        .names("certificate")
        .hints("the brokers ask for a client certificate that they know");
}

/// A certificate that the brokers do not know: their own one, which they do not trust for clients.
#[test]
fn unknown_client_certificate_is_reported() {
    let cluster = cluster();
    let broker = &cluster.broker;
    let key = run::folder("key").join("key.pem");
    let own_key = broker.certificate().with_file_name("key.pem");
    fs::copy(own_key, &key).expect("the broker has a key");
    let certificate = broker.certificate();
    fails_soon(cluster.over_tls(
        "alice-unknown",
        &[
            ("ssl.certificate.location", &*certificate.to_string_lossy()),
            ("ssl.key.location", &*key.to_string_lossy()),
        ],
    ))
    .hints("the brokers ask for a client certificate that they know");
}

#[test]
fn client_without_security_is_reported() {
    let cluster = cluster();
    for address in [
        cluster.broker.secured_address(),
        cluster.broker.certificate_address(),
    ] {
        fails_soon(run_at(&address, &cluster.prefix, "alice-plain"))
            .names(&format!("`{address}`"))
            .hints("set `--kafka security.protocol=SASL_SSL`");
    }
}

#[test]
fn client_without_an_account_is_reported() {
    let cluster = cluster();
    let address = cluster.broker.secured_address();
    let certificate = cluster.broker.certificate();
    let tls = [
        ("security.protocol", "SSL"),
        ("ssl.ca.location", &*certificate.to_string_lossy()),
    ];
    let run = run_at(&address, &cluster.prefix, "alice-nobody");
    fails_soon(kafka(run, &tls))
        .names(&format!("`{address}`"))
        .hints(
            "the brokers seem to require authentication: set `--kafka security.protocol=SASL_SSL`",
        );
}

#[test]
fn client_with_tls_against_a_port_without_is_reported() {
    let cluster = cluster();
    let address = cluster.broker.address();
    let run = run_at(&address, &cluster.prefix, "alice-tls");
    fails_soon(kafka(run, &[("security.protocol", "SSL")]))
        .names(&format!("`{address}`"))
        .hints("the brokers do not seem to speak TLS at this port");
}

#[test]
fn group_that_the_account_may_not_use_is_reported() {
    let cluster = cluster();
    fails_soon(cluster.alice(&cluster.prefix, "bob-group"))
        .names("roup authorization failed")
        .hints("`--group-id`: where access is limited it begins with the user's name and a hyphen");
}

/// The list of topics lacks it, as if it did not exist.
#[test]
fn privileged_topic_that_the_account_may_not_see_is_named_as_denied() {
    let cluster = cluster();
    let run = |flag: &str| cluster.alice(&cluster.names, "alice-names").arg(flag);
    fails_soon(run("--privileged"))
        .says(&format!(
            "`{}` denies this account access to `{}`, and the public topics of these object types are anonymised",
            cluster.broker.secured_address(),
            cluster.names.privileged_topic("release")
        ))
        .hints("ask for access to privileged topics; `--privileged=if-available`");
    let preferred = run("--privileged=if-available").finish(LIMIT).success();
    assert_eq!(preferred.rows().len(), 1);
    let warning = "1 of 1 topic anonymised";
    assert!(preferred.stderr.contains(warning), "{}", preferred.stderr);
}

#[test]
fn topics_that_the_account_may_not_see_are_not_found() {
    let cluster = cluster();
    fails_soon(cluster.alice(&cluster.secret, "alice-topic"))
        .names(&format!(
            "has no topic with the prefix `{}`",
            cluster.secret
        ))
        .names(&format!("`{}`", cluster.prefix))
        .hints("`--prefix`; topics that the account may not read are not listed");
}

#[test]
fn topics_that_the_account_may_see_and_not_read_are_reported() {
    let cluster = cluster();
    fails_soon(cluster.alice(&cluster.seen, "alice-seen"))
        .names("opic authorization failed")
        .hints("the account may not read one of the topics");
}

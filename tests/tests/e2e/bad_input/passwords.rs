//! Where passwords come from, and that none is printed.

use journal_tests::{Host, paths};

use super::security::{ALICE, cluster, kafka};
use super::{HOSTILE, LIMIT, is_wrong_use};

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
        let certificate = cluster.broker.certificate();
        let authority = ("ssl.ca.location", &*certificate.to_string_lossy());
        let host = kafka(host, &[authority]);
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
    let run = cluster.alice(&cluster.prefix, "alice-warned");
    let finished = run.finish(LIMIT).success();
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

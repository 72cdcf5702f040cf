//! Committed offsets that are out of range are an error: the host never skips records.

use journal_tests::{Broker, Host, paths};

use super::{HOSTILE, KafkaInput, LIMIT, fails, origins};

fn host(input: &KafkaInput) -> Host {
    input.read_by(Host::run(&paths::plugin(HOSTILE)))
}

/// The command that makes the group go on.
fn command(input: &KafkaInput) -> String {
    format!(
        "`journal-host offsets reset --brokers {} --group-id {} --topic {}:0 --to earliest`",
        Broker::shared().address(),
        input.group,
        input.topic()
    )
}

#[test]
fn committed_offset_beyond_the_end_is_an_error() {
    let input = KafkaInput::with("beyond", &origins(10, 1));
    let topic = input.topic();
    Broker::shared().commit(&input.group, &topic, 0, 50);
    for host in [
        input.followed_by(Host::run(&paths::plugin(HOSTILE))),
        input.read_by(Host::run(&paths::plugin(HOSTILE))),
    ] {
        fails(host)
            .says(&format!(
                "offset 50 of `{topic}` partition 0, which comes next, is out of range: the partition has the offsets \
                 0 to 9"
            ))
            .hints(&command(&input));
        assert_eq!(input.committed(), 50, "nothing was committed");
    }
}

#[test]
fn committed_offset_whose_records_were_deleted_is_an_error() {
    let input = KafkaInput::with("deleted", &origins(10, 1));
    let topic = input.topic();
    let _ = host(&input)
        .args(["--stop-after", "3"])
        .finish(LIMIT)
        .success();
    assert_eq!(input.committed(), 3);
    Broker::shared().delete_records(&topic, 0, 5);
    for host in [
        input.followed_by(Host::run(&paths::plugin(HOSTILE))),
        host(&input),
    ] {
        fails(host)
            .says(&format!(
                "offset 3 of `{topic}` partition 0, which comes next, is out of range: the partition has the offsets \
                 5 to 9"
            ))
            .hints("the first record that exists, at offset 5")
            .hints(&command(&input));
    }
    assert_eq!(input.committed(), 3, "nothing was committed");
}

/// `earliest` applies only to partitions without a committed offset.
#[test]
fn reset_policy_does_not_apply_to_an_offset_out_of_range() {
    for policy in ["earliest", "latest", "error"] {
        let input = KafkaInput::with("policy", &origins(10, 1));
        Broker::shared().commit(&input.group, &input.topic(), 0, 50);
        fails(host(&input).args(["--kafka", &format!("auto.offset.reset={policy}")]))
            .names("offset 50 of ");
        assert_eq!(input.committed(), 50, "nothing was committed");
    }
}

#[test]
fn partitions_without_a_commit_are_an_error_if_the_reset_policy_is_error() {
    let input = KafkaInput::with("refusing", &origins(10, 1));
    fails(host(&input).args(["--kafka", "auto.offset.reset=error"])).names(&input.topic());
    assert_eq!(input.committed(), 0);
}

/// A new group starts with the remaining records if the first ones were deleted.
#[test]
fn partition_whose_first_records_were_deleted_is_read_from_the_remaining_ones() {
    let input = KafkaInput::with("left", &origins(10, 1));
    Broker::shared().delete_records(&input.topic(), 0, 5);
    let finished = host(&input).finish(LIMIT).success();
    assert_eq!(finished.rows().len(), 5);
    assert_eq!(finished.rows()[0]["offset"], 5);
    assert_eq!(input.committed(), 10);
}

//! Committed offsets that are out of range are an error: the host never skips records.

use std::fs;

use journal_tests::{Broker, Host, paths};

use super::{HOSTILE, KafkaInput, LIMIT, fails, hostile, is_wrong_use, origins};

fn host(input: &KafkaInput) -> Host {
    input.read_by(Host::run(&paths::plugin(HOSTILE)))
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
            .names(&format!(
                "offset 50 of `{topic}` partition 0, which comes next, is out of range: "
            ))
            .hints("choose another `--group-id`, or reset this group's offsets");
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
    fails(host(&input))
        .names(&format!(
            "offset 3 of `{topic}` partition 0, which comes next, is out of range: "
        ))
        .hints("choose another `--group-id`, or reset this group's offsets");
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

#[test]
fn start_that_cannot_be_is_refused_with_what_it_can_be() {
    let input = KafkaInput::with("from", &origins(10, 1));
    let topic = input.topic();
    is_wrong_use(host(&input).args(["--from", "yesterday"]))
        .names("cannot read the offset file `yesterday`: ")
        .hints("`--from` takes `earliest`, `latest`, a time such as ");
    let from = |lines: &str| {
        let host = host(&input);
        fs::write(host.folder().join("o.tsv"), lines).expect("the folder is there");
        host.args(["--from", "o.tsv"])
    };
    is_wrong_use(from("nonsense\n"))
        .names("the offset file `o.tsv` has 1 fields instead of 3 in line 1");
    is_wrong_use(from(&format!("{topic}\t0\t5\n{topic}\t1\t5\n"))).says(&format!(
        "`--from` names `{topic}` partition 1, which does not exist"
    ));
    is_wrong_use(from("other\t0\t5\n")).says("`--from` names no topic that the run reads");
    fails(from(&format!("{topic}\t0\t11\n")))
        .names(&format!(
            "a position of the offset file cannot be read: offset 11 of `{topic}` partition 0, which comes next, is \
             out of range: "
        ))
        .hints("the file may be of another cluster");
    assert_eq!(input.committed(), 0, "nothing was committed");
    let finished = host(&input)
        .args(["--from", "9999-01-01"])
        .finish(LIMIT)
        .code(2);
    assert!(
        finished.stderr.contains("it is in the future"),
        "{}",
        finished.stderr
    );
}

#[test]
fn recording_is_read_from_its_beginning_and_nowhere_else() {
    is_wrong_use(hostile(3).args(["--from", "latest"]))
        .says("`--from` cannot be used with `--recording`");
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

//! Committed offsets that the topic does not have: an error, never a jump over records.

use journal_tests::{Broker, Host, paths};

use super::{HOSTILE, LIMIT, Place, fails, origins};

fn host(place: &Place) -> Host {
    place.read_by(Host::run(&paths::plugin(HOSTILE)))
}

#[test]
fn committed_offset_beyond_the_end_is_an_error() {
    let place = Place::with("beyond", &origins(10, 1));
    let topic = place.topic();
    Broker::shared().commit(&place.group, &topic, 0, 50);
    for host in [
        place.followed_by(Host::run(&paths::plugin(HOSTILE))),
        place.read_by(Host::run(&paths::plugin(HOSTILE))),
    ] {
        fails(host)
            .names(&format!(
                "offset 50 of `{topic}` partition 0, which comes next, is out of range: "
            ))
            .hints("choose another `--group-id`, or reset this group's offsets");
        assert_eq!(place.committed(), 50, "nothing was committed");
    }
}

#[test]
fn committed_offset_whose_records_were_deleted_is_an_error() {
    let place = Place::with("deleted", &origins(10, 1));
    let topic = place.topic();
    let _ = host(&place)
        .args(["--stop-after", "3"])
        .finish(LIMIT)
        .success();
    assert_eq!(place.committed(), 3);
    Broker::shared().delete_records(&topic, 0, 5);
    fails(host(&place))
        .names(&format!(
            "offset 3 of `{topic}` partition 0, which comes next, is out of range: "
        ))
        .hints("choose another `--group-id`, or reset this group's offsets");
    assert_eq!(place.committed(), 3, "nothing was committed");
}

/// `earliest` is about partitions without a commit only.
#[test]
fn reset_policy_does_not_make_an_offset_out_of_range_jump() {
    for policy in ["earliest", "latest", "error"] {
        let place = Place::with("policy", &origins(10, 1));
        Broker::shared().commit(&place.group, &place.topic(), 0, 50);
        fails(host(&place).args(["--kafka", &format!("auto.offset.reset={policy}")]))
            .names("offset 50 of ");
        assert_eq!(place.committed(), 50, "nothing was committed");
    }
}

#[test]
fn partitions_without_a_commit_and_a_refusing_policy_are_an_error() {
    let place = Place::with("refusing", &origins(10, 1));
    fails(host(&place).args(["--kafka", "auto.offset.reset=error"])).names(&place.topic());
    assert_eq!(place.committed(), 0);
}

/// A group that starts where the first records were deleted begins with those that are left.
#[test]
fn partition_whose_first_records_are_gone_is_read_from_what_is_left() {
    let place = Place::with("left", &origins(10, 1));
    Broker::shared().delete_records(&place.topic(), 0, 5);
    let finished = host(&place).finish(LIMIT).success();
    assert_eq!(finished.rows().len(), 5);
    assert_eq!(finished.rows()[0]["offset"], 5);
    assert_eq!(place.committed(), 10);
}

//! What an operator should know about the committed offsets of the group before anything is read.

use super::start::AskedStart;
use crate::journal::offsets::Partition;
use crate::journal::start::GroupStart;
use crate::kafka::{Cluster, GroupOffsets};
use crate::text::plural;

/// Logs which outputs are added to, that the start that was asked for does not apply, or that committed offsets seem to be
/// gone. `earlier_rows` names the outputs that are not empty.
pub(super) fn log(cluster: &Cluster, asked: &AskedStart, earlier_rows: &[String]) {
    if !earlier_rows.is_empty() {
        tracing::info!("rows are added to {}", earlier_rows.join(" and "));
    }
    // A new group has no offsets, and nothing shows that it had any.
    let expects_offsets = !earlier_rows.is_empty();
    let Some(offsets) = cluster.group_offsets(expects_offsets) else {
        return;
    };
    let group = cluster.group_id();
    let committed = offsets.committed.values().flatten().count();
    if committed > 0 && asked.explicit {
        tracing::info!(
            "the group `{group}` has committed offsets and goes on from them: the start that is set applies to a \
             group without offsets. To move the group, stop its members and run `journal-host offsets reset`"
        );
    }
    if asked.of_group.is_none() {
        // The worker that gets such a partition ends the run.
        return;
    }
    if let Some(text) = missing(group, &offsets, asked, earlier_rows) {
        tracing::warn!("{text}");
    }
}

fn missing(
    group: &str,
    offsets: &GroupOffsets,
    asked: &AskedStart,
    earlier_rows: &[String],
) -> Option<String> {
    let committed = offsets.committed.values().flatten().count();
    let is_unlisted = |partition: &&Partition| !asked.listed.contains_key(partition);
    let missing: Vec<_> = offsets.missing.iter().filter(is_unlisted).collect();
    let first = missing.first()?;
    let (what, start, before) = if committed == 0 {
        let rows = earlier_rows.join(" and ");
        let what = format!("no committed offsets, but {rows} has rows already: the journal is");
        let before = "it was read before, its";
        (what, asked.of_group?.to_string(), before)
    } else {
        let what = format!(
            "committed offsets for {}, but none for {} that hold records, such as {first}: they are",
            plural(committed, "partition"),
            missing.len()
        );
        let start = match GroupStart::of(&offsets.committed) {
            GroupStart::At(time) => time.to_string(),
            GroupStart::Beginning | GroupStart::NotYet => "the beginning".to_owned(),
        };
        (what, start, "they were read before, their")
    };
    Some(format!(
        "the group `{group}` has {what} read from {start}. If {before} offsets are gone and records come again; \
         `journal-host offsets restore` puts saved offsets back"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::offsets::{Offsets, Position, Start};
    use crate::journal::start::StartTime;

    fn partition(number: u32) -> Partition {
        Partition {
            topic: "t".into(),
            number,
        }
    }

    fn asked() -> AskedStart {
        AskedStart {
            of_group: Some(Start::Earliest),
            listed: Offsets::new(),
            explicit: false,
            unused: None,
        }
    }

    fn offsets(note: Option<&str>) -> GroupOffsets {
        let position = note.map(|note| Position {
            next: 5,
            note: note.to_owned(),
        });
        GroupOffsets {
            committed: [(partition(0), position), (partition(1), None)].into(),
            missing: vec![partition(1)],
        }
    }

    #[test]
    fn partition_without_an_offset_is_named_with_its_start() {
        let note = StartTime::from_ms(0).note();
        for (note, start) in [("", "the beginning"), (&note, "1970-01-01T00:00:00.000Z")] {
            let text = missing("g", &offsets(Some(note)), &asked(), &[]).unwrap();
            let expected = format!(
                "the group `g` has committed offsets for 1 partition, but none for 1 that hold records, such as `t` \
                 partition 1: they are read from {start}. "
            );
            assert!(text.starts_with(&expected), "{text}");
        }
    }

    #[test]
    fn group_without_offsets_is_named_with_the_files_that_hold_rows() {
        let files = ["`a`".to_owned(), "`b`".to_owned()];
        let text = missing("g", &offsets(None), &asked(), &files).unwrap();
        assert!(
            text.starts_with(
                "the group `g` has no committed offsets, but `a` and `b` has rows already: the journal is read from \
                 the beginning. "
            ),
            "{text}"
        );
    }

    #[test]
    fn partition_of_an_offset_file_is_not_missing() {
        let asked = AskedStart {
            listed: [(partition(1), 3)].into(),
            ..asked()
        };
        assert_eq!(missing("g", &offsets(Some("")), &asked, &[]), None);
    }
}

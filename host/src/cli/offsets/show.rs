//! Offsets and their changes as a table, and as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use super::group::{Applied, Found};
use crate::journal::group_offsets::Change;
use crate::journal::offsets::Partition;
use crate::text::{self, LINE_BYTES, Quoted, clean};

/// The number of spaces between two columns.
const GAP: usize = 2;
/// In a cell without a value.
const NONE: &str = "-";
/// The titles of columns that hold text.
const TOPIC: &str = "TOPIC";
const NOTE: &str = "NOTE";

/// A group as a table: its members, a line for each partition, and the lag in total.
pub(super) fn group_as_table(found: &Found) -> String {
    let group = &found.group;
    let mut text = format!(
        "group {}: {}, {}\n",
        Quoted(&found.group_id),
        group.state,
        amount(group.members.len() as u64, "member")
    );
    for member in &group.members {
        let _written = writeln!(text, "  {member}");
    }
    if let Some(keeper) = &found.keeper {
        let _written = writeln!(
            text,
            "offsets: those in {keeper}, from which a run with this output goes on"
        );
    }
    if found.partitions.is_empty() {
        text.push_str("it has committed no offsets\n");
        return text;
    }
    let mut rows = vec![cells(&[
        TOPIC,
        "PARTITION",
        "OFFSET",
        "FIRST",
        "END",
        "LAG",
    ])];
    for partition in &found.partitions {
        let next = found.next(partition);
        let range = found.ranges.get(partition);
        let lag = match (range, found.lag(partition)) {
            (None, _) => NONE.to_owned(),
            (Some(_), None) => "out of range".to_owned(),
            (Some(_), Some(lag)) => lag.to_string(),
        };
        let mut row = name(partition);
        row.extend([
            optional(next),
            optional(range.map(|range| range.first)),
            optional(range.map(|range| range.end)),
            lag,
        ]);
        rows.push(row);
    }
    text.push('\n');
    text.push_str(&table(&rows));
    let _written = writeln!(
        text,
        "\nlag: {} in {}",
        amount(found.total_lag(), "record"),
        amount(found.partitions.len() as u64, "partition")
    );
    text.push_str(&remarks(found));
    text
}

/// What the figures of a table do not say.
fn remarks(found: &Found) -> String {
    let count = |is_meant: &dyn Fn(&Partition) -> bool| {
        let partitions = found.partitions.iter();
        partitions.filter(|partition| is_meant(partition)).count() as u64
    };
    let unread = count(&|partition| found.next(partition).is_none());
    let unknown = count(&|partition| found.lag(partition).is_none());
    let mut text = String::new();
    if let Some(keeper) = found.keeper.as_ref().filter(|_| found.only_in_group > 0) {
        let partitions = amount(found.only_in_group as u64, "partition");
        let _written = writeln!(
            text,
            "offset in the group and not in {keeper}: {partitions}; a run with this output is refused"
        );
    }
    if unread > 0 {
        let unread = amount(unread, "partition");
        let _written = writeln!(text, "no offset: {unread}, counted from the first record");
    }
    if unknown > 0 {
        let unknown = amount(unknown, "partition");
        let _written = writeln!(text, "lag not known, not counted: {unknown}");
    }
    text
}

/// A group as JSON.
pub(super) fn group_as_json(found: &Found) -> String {
    let member = |member: &crate::kafka::GroupMember| {
        json!({
            "member_id": member.member_id,
            "instance_id": member.instance_id,
            "client_id": member.client_id,
            "host": member.host,
        })
    };
    let partition = |partition: &Partition| {
        let position = found.committed.get(partition);
        let range = found.ranges.get(partition);
        json!({
            "topic": &*partition.topic,
            "partition": partition.number,
            "offset": position.map(|position| position.next),
            "note": position.map(|position| &position.note).filter(|note| !note.is_empty()),
            "first": range.map(|range| range.first),
            "end": range.map(|range| range.end),
            "lag": found.lag(partition),
        })
    };
    pretty(&json!({
        "group_id": found.group_id,
        "state": found.group.state.to_string(),
        "members": found.group.members.iter().map(member).collect::<Vec<_>>(),
        "offsets_in": found.keeper.as_deref().map(unquoted),
        "partitions": found.partitions.iter().map(partition).collect::<Vec<_>>(),
        "lag": found.total_lag(),
    }))
}

/// Changes as a table: a line for each partition that changes.
pub(super) fn changes_as_table(applied: &Applied) -> String {
    let changes = &applied.changes;
    let has_notes = changes
        .changes
        .values()
        .any(|change| note(change).is_some());
    let mut rows = vec![cells(&[TOPIC, "PARTITION", "BEFORE", "AFTER"])];
    if has_notes {
        rows[0].push(NOTE.to_owned());
    }
    for (partition, change) in &changes.changes {
        let mut row = name(partition);
        row.push(optional(change.before.as_ref().map(|before| before.next)));
        row.push(change.after.next.to_string());
        row.extend(note(change));
        rows.push(row);
    }
    let mut text = String::new();
    if !changes.changes.is_empty() {
        text.push_str(&table(&rows));
        text.push('\n');
    }
    let offsets = amount(changes.changes.len() as u64, "offset");
    let group = Quoted(&applied.group_id);
    let verb = if applied.dry_run {
        "would change"
    } else {
        "changed"
    };
    let _written = write!(text, "{verb} {offsets} of the group {group}");
    if let Some(keeper) = &applied.keeper {
        let _written = write!(text, " in {keeper}");
    }
    if changes.unchanged > 0 {
        let unchanged = amount(changes.unchanged as u64, "offset");
        let stay = if changes.unchanged == 1 {
            "stays as it is"
        } else {
            "stay as they are"
        };
        let _written = write!(text, "; {unchanged} {stay}");
    }
    text.push('\n');
    if applied.keeper.is_some() && !applied.dry_run {
        text.push_str(
            "the group itself has the same offsets now, and the rows in the output stay\n",
        );
    }
    text
}

/// Changes as JSON.
pub(super) fn changes_as_json(applied: &Applied) -> String {
    let changes = applied.changes.changes.iter().map(|(partition, change)| {
        json!({
            "topic": &*partition.topic,
            "partition": partition.number,
            "before": change.before.as_ref().map(|before| before.next),
            "after": change.after.next,
            "removed_note": removed_note(change),
            "note": Some(&change.after.note).filter(|note| !note.is_empty()),
        })
    });
    pretty(&json!({
        "group_id": applied.group_id,
        "offsets_in": applied.keeper.as_deref().map(unquoted),
        "dry_run": applied.dry_run,
        "changes": changes.collect::<Vec<_>>(),
        "unchanged": applied.changes.unchanged,
    }))
}

/// What happens to the note of a position.
fn note(change: &Change) -> Option<String> {
    match (removed_note(change), &*change.after.note) {
        (None, "") => None,
        (Some(removed), "") => Some(format!("{} removed", Quoted(removed))),
        (_, note) => Some(note.to_owned()),
    }
}

fn removed_note(change: &Change) -> Option<&str> {
    let before = change.before.as_ref().map(|before| &*before.note);
    before.filter(|note| !note.is_empty() && *note != change.after.note)
}

impl Found {
    fn next(&self, partition: &Partition) -> Option<u64> {
        self.committed.get(partition).map(|position| position.next)
    }

    fn lag(&self, partition: &Partition) -> Option<u64> {
        self.ranges.get(partition)?.lag(self.next(partition))
    }

    fn total_lag(&self) -> u64 {
        let lags = self.partitions.iter();
        lags.filter_map(|partition| self.lag(partition)).sum()
    }
}

/// The name of an output without the marks that it has in a sentence.
fn unquoted(keeper: &str) -> &str {
    keeper.trim_matches('`')
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}

fn cells(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

fn name(partition: &Partition) -> Vec<String> {
    vec![
        clean(&partition.topic, LINE_BYTES),
        partition.number.to_string(),
    ]
}

fn optional(number: Option<u64>) -> String {
    number.map_or_else(|| NONE.to_owned(), |number| number.to_string())
}

/// An amount with its unit.
pub(super) fn amount(number: u64, unit: &str) -> String {
    match number {
        0 => format!("no {unit}s"),
        number => text::plural(number, unit),
    }
}

/// Rows in columns under their titles: texts are aligned to the left, figures to the right.
fn table(rows: &[Vec<String>]) -> String {
    let is_text = |column: usize| {
        let title = rows.first().and_then(|titles| titles.get(column));
        title.is_some_and(|title| title == TOPIC || title == NOTE)
    };
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            if column > 0 {
                line.push_str(&" ".repeat(GAP));
            }
            let _written = if is_text(column) {
                write!(line, "{cell:<width$}")
            } else {
                write!(line, "{cell:>width$}")
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::group_offsets::{Changes, LogRange};
    use crate::journal::offsets::Position;
    use crate::kafka::{Group, GroupMember, GroupState};

    fn partition(number: u32) -> Partition {
        Partition {
            topic: "a.origin".into(),
            number,
        }
    }

    fn position(next: u64, note: &str) -> Position {
        Position {
            next,
            note: note.to_owned(),
        }
    }

    /// Partition 1 has no offset, 2 an offset before its first record, and 3 no leader.
    fn found() -> Found {
        let range = |first, end| LogRange { first, end };
        Found {
            keeper: None,
            only_in_group: 0,
            group_id: "g".to_owned(),
            group: Group {
                state: GroupState::Stable,
                members: vec![GroupMember {
                    member_id: "m-1".to_owned(),
                    instance_id: Some("mirror-7".to_owned()),
                    client_id: "c".to_owned(),
                    host: "/127.0.0.1".to_owned(),
                }],
                assignor: None,
                may_be_used: None,
            },
            partitions: (0..4).map(partition).collect(),
            committed: [
                (partition(0), position(4, "start=1")),
                (partition(2), position(1, "")),
                (partition(3), position(7, "")),
            ]
            .into(),
            ranges: [
                (partition(0), range(0, 10)),
                (partition(1), range(5, 1005)),
                (partition(2), range(2, 10)),
            ]
            .into(),
        }
    }

    fn applied(dry_run: bool) -> Applied {
        let change = |before, after| Change {
            before,
            after: position(after, ""),
        };
        Applied {
            keeper: None,
            group_id: "g".to_owned(),
            dry_run,
            changes: Changes {
                changes: [
                    (partition(0), change(Some(position(100, "start=1")), 5)),
                    (partition(10), change(None, 0)),
                ]
                .into(),
                unchanged: 1,
            },
        }
    }

    #[test]
    fn table_has_a_line_for_each_partition_and_the_lag_in_total() {
        assert_eq!(
            group_as_table(&found()),
            "group `g`: stable, 1 member\n\
             \x20 `m-1`, static member `mirror-7`, client `c`, host `/127.0.0.1`\n\
             \n\
             TOPIC     PARTITION  OFFSET  FIRST   END           LAG\n\
             a.origin          0       4      0    10             6\n\
             a.origin          1       -      5  1005          1000\n\
             a.origin          2       1      2    10  out of range\n\
             a.origin          3       7      -     -             -\n\
             \n\
             lag: 1006 records in 4 partitions\n\
             no offset: 1 partition, counted from the first record\n\
             lag not known, not counted: 2 partitions\n"
        );
    }

    #[test]
    fn json_has_the_figures_of_the_table() {
        let shown: Value = serde_json::from_str(&group_as_json(&found())).unwrap();
        assert_eq!(shown["lag"], 1006);
        assert_eq!(shown["state"], "stable");
        assert_eq!(shown["members"][0]["instance_id"], "mirror-7");
        let partitions = &shown["partitions"];
        assert_eq!(
            partitions[0],
            json!({"topic": "a.origin", "partition": 0, "offset": 4, "note": "start=1", "first": 0, "end": 10, "lag": 6})
        );
        assert_eq!(
            (&partitions[1]["offset"], &partitions[1]["lag"]),
            (&Value::Null, &json!(1000))
        );
        assert_eq!(
            (&partitions[2]["first"], &partitions[2]["lag"]),
            (&json!(2), &Value::Null)
        );
        assert_eq!(partitions[3]["end"], Value::Null);
    }

    #[test]
    fn changes_are_shown_from_the_old_to_the_new_offset() {
        assert_eq!(
            changes_as_table(&applied(false)),
            "TOPIC     PARTITION  BEFORE  AFTER  NOTE\n\
             a.origin          0     100      5  `start=1` removed\n\
             a.origin         10       -      0\n\
             \n\
             changed 2 offsets of the group `g`; 1 offset stays as it is\n"
        );
        let shown: Value = serde_json::from_str(&changes_as_json(&applied(true))).unwrap();
        assert_eq!(
            (&shown["dry_run"], &shown["unchanged"]),
            (&json!(true), &json!(1))
        );
        assert_eq!(
            shown["changes"][1],
            json!({"topic": "a.origin", "partition": 10, "before": null, "after": 0, "removed_note": null, "note": null})
        );
        assert_eq!(shown["changes"][0]["removed_note"], "start=1");
    }

    #[test]
    fn output_that_has_the_offsets_is_named() {
        let keeper = Some("`rows.sqlite`".to_owned());
        let found = Found {
            keeper: keeper.clone(),
            only_in_group: 2,
            ..found()
        };
        let table = group_as_table(&found);
        for text in [
            "\noffsets: those in `rows.sqlite`, from which a run with this output goes on\n",
            "\noffset in the group and not in `rows.sqlite`: 2 partitions; a run with this output is refused\n",
        ] {
            assert!(table.contains(text), "{table}");
        }
        let shown: Value = serde_json::from_str(&group_as_json(&found)).unwrap();
        assert_eq!(shown["offsets_in"], "rows.sqlite");
        let applied = Applied {
            keeper,
            ..applied(false)
        };
        let table = changes_as_table(&applied);
        assert!(
            table.contains("\nchanged 2 offsets of the group `g` in `rows.sqlite`; 1 offset stays as it is\nthe group"),
            "{table}"
        );
        let shown: Value = serde_json::from_str(&changes_as_json(&applied)).unwrap();
        assert_eq!(shown["offsets_in"], "rows.sqlite");
    }

    #[test]
    fn dry_run_says_that_nothing_was_changed_yet() {
        let text = changes_as_table(&applied(true));
        assert!(text.contains("would change 2 offsets"), "{text}");
    }
}

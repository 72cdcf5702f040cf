use super::*;

#[test]
fn part_has_the_same_records_with_ends_of_its_own() {
    let topic = |name: &str| {
        Arc::new(Topic {
            name: name.to_owned(),
            object_type: name.to_owned(),
            privileged: false,
        })
    };
    for columns in [
        Columns::ALL,
        Columns {
            values: false,
            timestamps: false,
            ..Columns::ALL
        },
    ] {
        let mut batches = Batches::new(columns);
        let mut expected = Vec::new();
        let topics = [topic("a"), topic("b")];
        for index in 0..7_u8 {
            let value = vec![index; usize::from(index)];
            let record = RecordRef {
                partition: u32::from(index % 2),
                offset: 100 + u64::from(index),
                timestamp_ms: i64::from(index),
                key: &[index, index],
                value: &value,
            };
            batches
                .push(&topics[usize::from(index >= 4)], record)
                .unwrap();
            expected.push((u64::from(index) + 100, vec![index; 2], value));
        }
        for (start, end) in [(0, 7), (0, 4), (3, 6), (5, 6), (2, 2), (4, 7)] {
            let part = batches.part(&(start..end));
            let mut found = Vec::new();
            for batch in &part {
                assert!(batch.records() > 0);
                for index in 0..batch.records() {
                    let value = batch.value(index).unwrap_or_default().to_vec();
                    found.push((
                        batch.offsets[index],
                        batch.key(index).unwrap().to_vec(),
                        value,
                    ));
                }
            }
            let mut expected = expected[start..end].to_vec();
            if !columns.values {
                for record in &mut expected {
                    record.2.clear();
                }
                let ends: Vec<_> = part
                    .iter()
                    .filter_map(|batch| batch.value_ends.last())
                    .collect();
                assert_eq!(ends.len(), part.len());
            }
            assert_eq!(found, expected, "{start}..{end}");
        }
        let (batch, index) = batches.find(5).unwrap();
        assert_eq!((batch.topic.name.as_str(), index), ("b", 1));
        assert!(batches.find(7).is_none());
    }
}

#[test]
fn records_that_are_removed_leave_the_others_as_they_were() {
    let topics = ["a", "b"].map(|name| {
        Arc::new(Topic {
            name: name.to_owned(),
            object_type: name.to_owned(),
            privileged: false,
        })
    });
    for (values, value_ends, timestamps) in [
        (true, true, true),
        (false, true, false),
        (false, false, false),
    ] {
        let columns = Columns {
            values,
            value_ends,
            timestamps,
            ..Columns::ALL
        };
        let gathered = |wanted: &[u8]| {
            let mut batches = Batches::new(columns);
            for &number in wanted {
                let value = vec![number; usize::from(number)];
                let record = RecordRef {
                    partition: u32::from(number % 2),
                    offset: 100 + u64::from(number),
                    timestamp_ms: i64::from(number),
                    key: &[number, number],
                    value: &value,
                };
                let topic = &topics[usize::from(number >= 4)];
                batches.push(topic, record).unwrap();
            }
            batches
        };
        let all = [0, 1, 2, 3, 4, 5, 6];
        for removed in [&[0][..], &[3], &[1, 2], &[0, 1, 2, 3], &[5], &[2, 4, 5, 6]] {
            let mut batches = gathered(&all);
            for (topic, numbers, first) in [(&topics[0], 0..4, 0), (&topics[1], 4..7, 4)] {
                let of = removed.iter().filter(|number| numbers.contains(*number));
                let of: Vec<_> = of
                    .map(|&number| Removed {
                        index: usize::from(number - first),
                        value_bytes: number.into(),
                    })
                    .collect();
                batches.remove(topic, &of);
            }
            let mut kept = all.to_vec();
            kept.retain(|number| !removed.contains(number));
            let expected = gathered(&kept);
            assert_eq!(
                format!("{:?}", batches.as_slice()),
                format!("{:?}", expected.as_slice())
            );
            assert_eq!(batches.records(), expected.records());
            assert_eq!(batches.bytes(), expected.bytes());
            let key = batches.of(&topics[1]).and_then(|batch| batch.key(0));
            let first = kept.iter().find(|&&number| number >= 4);
            assert_eq!(
                key,
                first
                    .map(|&number| [number; 2])
                    .as_ref()
                    .map(|key| &key[..])
            );
        }
    }
}

#[test]
fn buffers_of_large_records_are_given_up_and_usual_ones_are_kept() {
    let topic = Arc::new(Topic {
        name: "p.origin".to_owned(),
        object_type: "origin".to_owned(),
        privileged: false,
    });
    let mut batches = Batches::new(Columns::ALL);
    for (bytes, kept) in [(1000, true), (100_000, false), (1000, true)] {
        let record = RecordRef {
            partition: 0,
            offset: 0,
            timestamp_ms: -1,
            key: b"k",
            value: &vec![0; bytes],
        };
        batches.push(&topic, record).unwrap();
        batches.clear();
        batches.keep_at_most(10_000);
        assert_eq!(batches.topics.len(), usize::from(kept));
        assert!(batches.is_empty());
    }
}

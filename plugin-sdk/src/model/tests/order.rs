//! The order of reading and the order in the value make no difference.

use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rmpv::Value;

use super::samples::{Sample, accessors, all, encoded, one};
use crate::{FieldError, Object, Revision};

const TRIALS: u64 = 200;

fn read_in_order(sample: &Sample) -> Vec<String> {
    let object = Object::new(sample.object_type, &sample.value).unwrap();
    let fields = accessors(sample.object_type).into_iter();
    fields.map(|field| field(&object).unwrap()).collect()
}

/// Reads every field twice in random order, and compares it with reading in the writer's order.
fn check_any_order(sample: &Sample, value: &[u8], random: &mut StdRng) {
    let expected = read_in_order(sample);
    let fields = accessors(sample.object_type);
    let mut indices: Vec<usize> = (0..fields.len()).chain(0..fields.len()).collect();
    indices.shuffle(random);
    let object = Object::new(sample.object_type, value).unwrap();
    for index in indices {
        let read = fields[index](&object).unwrap();
        assert_eq!(
            read, expected[index],
            "field {index} of the {}",
            sample.object_type
        );
    }
}

/// A large value that no writer writes yet.
fn unknown(random: &mut StdRng) -> Value {
    let nested = Value::Map(vec![
        (
            Value::from(7),
            Value::Array(vec![Value::Nil, Value::F32(0.5)]),
        ),
        (Value::Nil, Value::Ext(5, vec![0xc1; 3])),
        (Value::from("id"), Value::from("the id of something else")),
    ]);
    match random.random_range(0..3) {
        0 => nested,
        1 => Value::Array(vec![nested.clone(), nested]),
        _ => Value::from(vec![0x81; 300]),
    }
}

/// The same object with the pairs of its maps in another order, and unknown ones among them.
fn shuffled(tree: &Value, random: &mut StdRng) -> Value {
    match tree {
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| shuffled(item, random)).collect())
        }
        Value::Map(pairs) => {
            let mut pairs: Vec<_> = pairs
                .iter()
                .map(|(key, value)| {
                    let value = match (key.as_str(), value) {
                        // Their order is significant.
                        (Some("metadata"), _) => value.clone(),
                        (Some("branches"), Value::Map(branches)) => {
                            let branches = branches.iter();
                            Value::Map(
                                branches
                                    .map(|(name, branch)| (name.clone(), shuffled(branch, random)))
                                    .collect(),
                            )
                        }
                        _ => shuffled(value, random),
                    };
                    (key.clone(), value)
                })
                .collect();
            for number in 0..random.random_range(0..3) {
                let key = match number {
                    0 => Value::from("later"),
                    1 => Value::from(5),
                    _ => Value::from(&b"later"[..]),
                };
                pairs.push((key, unknown(random)));
            }
            pairs.shuffle(random);
            Value::Map(pairs)
        }
        other => other.clone(),
    }
}

#[test]
fn fields_are_the_same_in_any_order_of_reading() {
    for sample in all() {
        for seed in 0..TRIALS {
            check_any_order(&sample, &sample.value, &mut StdRng::seed_from_u64(seed));
        }
    }
}

#[test]
fn fields_are_the_same_in_any_order_in_the_value_with_unknown_ones_among_them() {
    for sample in all() {
        let tree = sample.tree();
        for seed in 0..TRIALS {
            let mut random = StdRng::seed_from_u64(seed);
            let value = encoded(&shuffled(&tree, &mut random));
            check_any_order(&sample, &value, &mut random);
        }
    }
}

#[test]
fn lists_that_are_left_early_do_not_affect_later_fields() {
    let sample = one("revision");
    let expected = read_in_order(&sample);
    let revision = Revision::new(&sample.value);
    // One item of each list is left over, and one list is read while another one is started.
    let mut parents = revision.parents().unwrap();
    parents.next();
    let mut headers = revision.extra_headers().unwrap();
    headers.next();
    assert!(revision.raw_manifest().unwrap().is_some());
    assert_eq!(parents.next().unwrap().unwrap().0, [7; 20]);
    assert!(parents.next().is_none() && headers.count() == 1);
    let object = Object::Revision(revision);
    let fields = accessors("revision").into_iter().rev();
    let again: Vec<String> = fields.map(|field| field(&object).unwrap()).collect();
    assert!(again.iter().rev().eq(&expected));
}

#[test]
fn first_field_of_a_repeated_name_is_used_in_any_order_of_reading() {
    // {"message": bin "one", "type": "git", "message": bin "two", "synthetic": true}
    let value = b"\x84\xa7message\xc4\x03one\xa4type\xa3git\xa7message\xc4\x03two\xa9synthetic\xc3";
    let before = Revision::new(value);
    assert_eq!(before.message(), Ok(Some(&b"one"[..])));
    assert_eq!(before.synthetic(), Ok(true));
    assert_eq!(before.message(), Ok(Some(&b"one"[..])));
    let after = Revision::new(value);
    assert_eq!(after.synthetic(), Ok(true));
    assert_eq!(after.message(), Ok(Some(&b"one"[..])));
}

#[test]
fn names_are_found_in_any_encoding() -> Result<(), FieldError> {
    // As str 8 and as bytes, in the object and inside of it.
    let value = [
        &b"\x82\xd9\x06author\x83\xd9\x08fullname\xc4\x01a\xc4\x04name\xc0\xd9\x05email\xc0"[..],
        b"\xc4\x04date\x82\xd9\x09timestamp\x81\xd9\x07seconds\x05\xc4\x0coffset_bytes\xc4\x01+",
    ]
    .concat();
    let revision = Revision::new(&value);
    assert_eq!(*revision.author()?.unwrap().fullname, *b"a");
    assert_eq!(revision.date()?.unwrap().seconds, 5);
    Ok(())
}

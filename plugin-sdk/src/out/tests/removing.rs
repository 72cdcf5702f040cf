use super::*;
use crate::out::Order;

/// An upsert `names` by a column with this order, and what it delivers.
fn names(order: &str, is_time: bool) -> (Out, Delivered) {
    let order = Order {
        name: order.to_owned(),
        is_time,
    };
    with_outputs(vec![OutputPlan {
        order: Some(order),
        ..OutputPlan::untyped("names")
    }])
}

#[derive(Serialize)]
struct Key<'a> {
    name: &'a str,
    id: crate::Id,
}

const KEY: Key<'_> = Key {
    name: "n",
    id: crate::Id([7; 20]),
};

#[test]
fn removal_begins_with_its_mark_and_has_its_key_and_order() {
    let (mut out, delivered) = names("visit", false);
    out.remove_at("names", &5_u8, &KEY).unwrap();
    out.flush();
    let expected = [
        &b"\x84\xa8_removed\xc3\xa4name\xa1n\xa2id\xc4\x14"[..],
        &[7; 20],
        b"\xa5visit\x05",
    ];
    let (output, rows) = delivered.borrow_mut().remove(0);
    assert_eq!((output, rows), (0, vec![expected.concat()]));
    // A map is a key, too, and a time an order.
    let (mut out, delivered) = names("at", true);
    let key = BTreeMap::from([("name", 1)]);
    let time = Timestamp::new(1, 0).unwrap();
    out.remove_at("names", &time, &key).unwrap();
    out.flush();
    let (_, rows) = delivered.borrow_mut().remove(0);
    let expected = b"\x83\xa8_removed\xc3\xa4name\x01\xa2at\xd6\xff\0\0\0\x01";
    assert_eq!(rows, [expected]);
}

#[test]
fn removal_from_another_output_fails() {
    let (mut out, _) = out(&["rows"]);
    let error = out.remove_at("rows", &1, &KEY).unwrap_err();
    check_failure(
        &error,
        "`remove_at` cannot write to the output `rows`, which is no upsert: declare it with `Plan::upsert_by`",
    );
    let error = out.remove_at("other", &1, &KEY).unwrap_err();
    check_failure(
        &error,
        "the plan does not declare the output `other`: it declares `rows`",
    );
}

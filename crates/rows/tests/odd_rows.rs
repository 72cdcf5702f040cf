//! Rows at the limits of what JSON can represent. The tests of the host's sink and of the SDK's harness use the same
//! list.

use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    about: String,
    /// The row in msgpack, as hexadecimal digits.
    row: String,
    json: Option<String>,
    error: Option<String>,
}

#[test]
fn odd_rows_have_the_listed_json_or_error() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("odd_rows.json")).unwrap();
    assert!(cases.len() > 30);
    for case in cases {
        let mut json = Vec::new();
        let mut row = vec![0; case.row.len() / 2];
        const_hex::decode_to_slice(&case.row, &mut row).unwrap();
        let actual = journal_rows::append_json(&row, &mut json, usize::MAX);
        let actual = actual.map(|()| String::from_utf8(json).unwrap());
        let actual = actual.map_err(|error| error.to_string());
        let expected = case.json.ok_or_else(|| case.error.unwrap());
        assert_eq!(actual, expected, "{}", case.about);
    }
}

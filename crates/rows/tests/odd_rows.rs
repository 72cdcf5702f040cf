//! Rows at the edges of what JSON can represent. The host's sink and the SDK's harness are tested with the same list.

use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    about: String,
    /// Its msgpack, in hexadecimal digits.
    row: String,
    json: Option<String>,
    error: Option<String>,
}

#[test]
fn odd_rows_have_the_json_or_the_error_of_the_list() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("odd_rows.json")).unwrap();
    assert!(cases.len() > 30);
    for case in cases {
        let mut json = Vec::new();
        let mut row = vec![0; case.row.len() / 2];
        const_hex::decode_to_slice(&case.row, &mut row).unwrap();
        let made = journal_rows::append_json(&row, &mut json, usize::MAX);
        let made = made.map(|()| String::from_utf8(json).unwrap());
        let made = made.map_err(|error| error.to_string());
        let expected = case.json.ok_or_else(|| case.error.unwrap());
        assert_eq!(made, expected, "{}", case.about);
    }
}

use serde::Deserialize;
use serde_json::{Value, json};

use super::*;

fn document(text: &str) -> Node {
    parse(text).unwrap().unwrap()
}

fn json_of(text: &str) -> Value {
    Value::deserialize(Reader(&document(text))).unwrap()
}

#[test]
fn document_is_read_as_pyyaml_reads_it() {
    let text = "
# A file of a mirror.
journal_client:
  brokers:
    - broker1:9093
    - \"broker2:9093\"
  privileged: yes
  prefix: ~
  settings: {session.timeout.ms: 600_000, sasl.username: 'mirror'}
  text: >-
    two
    lines
";
    assert_eq!(
        json_of(text),
        json!({"journal_client": {
            "brokers": ["broker1:9093", "broker2:9093"],
            "privileged": true,
            "prefix": null,
            "settings": {"session.timeout.ms": 600_000, "sasl.username": "mirror"},
            "text": "two lines",
        }})
    );
}

#[test]
fn keys_know_their_lines() {
    let Content::Mapping(entries) = document("a: 1\n\n# c\nb:\n  c: 2\n").content else {
        panic!("it is a mapping");
    };
    let lines: Vec<usize> = entries.iter().map(|(key, _)| key.line).collect();
    assert_eq!(lines, [1, 4]);
}

#[test]
fn anchors_and_merge_keys_stand_for_their_values() {
    let text = "
base: &base {a: 1, b: 2}
one: *base
two:
  <<: *base
  b: 3
three:
  <<: [{a: 4}, *base]
";
    assert_eq!(
        json_of(text),
        json!({
            "base": {"a": 1, "b": 2},
            "one": {"a": 1, "b": 2},
            "two": {"b": 3, "a": 1},
            "three": {"a": 4, "b": 2},
        })
    );
}

#[test]
fn documents_that_are_ambiguous_or_have_no_meaning_are_refused() {
    let error = |text: &str| parse(text).unwrap_err();
    let key = "a".to_owned();
    let (line, first) = (3, 1);
    assert_eq!(
        error("a: 1\nb: 2\na: 3\n"),
        YamlError::Duplicate { key, line, first }
    );
    assert_eq!(error("a: !secret x\n"), YamlError::Tag { line: 1 });
    assert_eq!(error("[a]: 1\n"), YamlError::Key { line: 1 });
    assert_eq!(
        error("a: 1\n---\nb: 1\n"),
        YamlError::SecondDocument { line: 2 }
    );
    assert_eq!(error("<<: 1\n"), YamlError::Merge { line: 1 });
    assert!(matches!(
        error("a: *none\n"),
        YamlError::Syntax { line: 1, .. }
    ));
    assert!(matches!(
        error("a: &b [*b]\n"),
        YamlError::Alias { line: 1 }
    ));
    assert!(matches!(error("a: [1\n"), YamlError::Syntax { .. }));
    assert!(matches!(error("a: 1\n b: 2\n"), YamlError::Syntax { .. }));
    assert_eq!(parse("").unwrap(), None);
    assert_eq!(parse("# nothing\n").unwrap(), None);
}

#[test]
fn no_message_quotes_a_value() {
    for text in [
        "sasl.password: !wonderland",
        "sasl.password: *wonderland",
        "sasl.password: 'wonderland",
        "sasl.password: \"won\\derland\"",
        "sasl.password: `wonderland",
        "sasl.password: @wonderland",
        "sasl.password: [wonderland",
        "sasl.password: %wonderland",
        "sasl.password: wonderland: x",
    ] {
        if let Err(error) = parse(text) {
            let message = format!("{error} {error:?}");
            assert!(!message.contains("onder"), "{message}");
        }
    }
}

#[test]
fn aliases_that_multiply_are_bounded() {
    let levels = (1..12).map(|level| {
        let items = vec![format!("*a{}", level - 1); 10].join(", ");
        format!("a{level}: &a{level} [{items}]\n")
    });
    let text = format!("a0: &a0 [x, x]\n{}", levels.collect::<String>());
    assert!(matches!(parse(&text), Err(YamlError::TooMany { .. })));
    let flow = format!("a: {}1{}\n", "[".repeat(200), "]".repeat(200));
    assert!(matches!(parse(&flow), Err(YamlError::TooDeep { .. })));
    let nested = (0..40).fold(String::new(), |text, level| {
        format!("{text}{}a:\n", " ".repeat(level))
    });
    assert!(matches!(parse(&nested), Err(YamlError::TooDeep { .. })));
}

#[test]
fn the_wanted_type_decides_how_a_value_is_read() {
    fn read<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, ReadError> {
        T::deserialize(Reader(&document(text)))
    }
    assert_eq!(read::<String>("yes"), Ok("yes".to_owned()));
    assert_eq!(read::<bool>("yes"), Ok(true));
    assert_eq!(read::<String>("007"), Ok("007".to_owned()));
    assert_eq!(read::<u64>("1_000"), Ok(1000));
    assert_eq!(read::<Vec<String>>("one"), Ok(vec!["one".to_owned()]));
    let error = read::<bool>("maybe").unwrap_err();
    assert_eq!(error.0, "it is not true or false");
    let error = read::<u64>("many").unwrap_err();
    assert_eq!(error.0, "it is not a whole number");
    let error = read::<String>("[a]").unwrap_err();
    assert_eq!(error.0, "it is a list, not a single value");
    assert!(read::<u64>("-1").is_err());
}

#[test]
fn variable_is_a_list_by_commas_and_a_mapping_in_braces() {
    fn read<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, ReadError> {
        T::deserialize(Reader(&Node::of_variable(text.to_owned())))
    }
    let list = |text| read::<Vec<String>>(text).unwrap();
    assert_eq!(list("a, b"), ["a", "b"]);
    assert_eq!(list("[\"a,b\", c]"), ["a,b", "c"]);
    assert_eq!(read::<bool>("1"), Ok(true));
    assert_eq!(read::<String>("{x}"), Ok("{x}".to_owned()));
    let map = read::<serde_json::Map<String, Value>>("{a: 1, b: 'x'}").unwrap();
    assert_eq!(Value::Object(map), json!({"a": 1, "b": "x"}));
    assert!(read::<serde_json::Map<String, Value>>("a=1").is_err());
}

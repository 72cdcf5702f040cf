use super::derive;

/// The tokens of the columns, or the error.
fn derived(input: &str) -> Result<String, String> {
    let input = syn::parse_str(input).unwrap();
    match derive(&input) {
        Ok(tokens) => Ok(tokens.to_string().replace(' ', "")),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn names_and_types_are_those_that_serde_writes() {
    let tokens = derived(
        r#"
        #[serde(rename_all = "camelCase", deny_unknown_fields)]
        struct Row<'a> {
            /// The
            /// first paragraph.
            ///
            /// Not this.
            first_field: Option<&'a str>,
            #[serde(rename = "other", skip_serializing_if = "Option::is_none")]
            second: Option<Other>,
            #[serde(skip)]
            hidden: u8,
            #[serde(serialize_with = "as_list")]
            #[column(json)]
            r#type: Third,
        }
        "#,
    )
    .unwrap();
    let expected = [
        r#"RowColumn::of::<Option<&'astr>>("firstField","Thefirstparagraph.")"#,
        r#"RowColumn::of::<Option<Other>>("other","")"#,
        r#"RowColumn::new("type",::journal_plugin_sdk::ColumnType::Json,false,"",)"#,
        "impl<'a>::journal_plugin_sdk::ColumnsforRow<'a>",
    ];
    for part in expected {
        assert!(tokens.contains(part), "{part}: {tokens}");
    }
    assert!(!tokens.contains("hidden"), "{tokens}");
}

#[test]
fn every_rule_of_serde_renames() {
    for (rule, name) in [
        ("lowercase", "a_field"),
        ("UPPERCASE", "A_FIELD"),
        ("PascalCase", "AField"),
        ("camelCase", "aField"),
        ("snake_case", "a_field"),
        ("SCREAMING_SNAKE_CASE", "A_FIELD"),
        ("kebab-case", "a-field"),
        ("SCREAMING-KEBAB-CASE", "A-FIELD"),
    ] {
        let row = format!("#[serde(rename_all = \"{rule}\")] struct Row {{ a_field: u8 }}");
        let tokens = derived(&row).unwrap();
        assert!(tokens.contains(&format!("(\"{name}\"")), "{rule}: {tokens}");
        let row =
            format!("#[serde(rename_all(serialize = \"{rule}\"))] struct Row {{ a_field: u8 }}");
        assert_eq!(derived(&row).unwrap(), tokens);
    }
}

#[test]
fn what_has_no_columns_is_refused_with_the_reason() {
    for (row, reason) in [
        ("enum Row { A }", "named fields"),
        ("struct Row(u8);", "named fields"),
        ("struct Row { #[serde(flatten)] a: A }", "flattened"),
        (
            "struct Row { #[serde(with = \"a\")] a: A }",
            "#[column(text)]",
        ),
        (
            "struct Row { #[serde(skip_serializing_if = \"is_zero\")] a: u8 }",
            "may be absent",
        ),
        ("struct Row { #[column(string)] a: A }", "bool, int, uint"),
        ("struct Row { #[column(text, json)] a: A }", "one type"),
        (
            "#[serde(tag = \"kind\")] struct Row { a: u8 }",
            "field by field",
        ),
        (
            "#[serde(rename_all = \"Title\")] struct Row { a: u8 }",
            "no rule",
        ),
    ] {
        let error = derived(row).unwrap_err();
        assert!(error.contains(reason), "{row}: {error}");
    }
}

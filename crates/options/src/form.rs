//! The members that a schema of options may have.

/// Members that are documentation, and do not restrict the value.
const ANNOTATIONS: [&str; 10] = [
    "$comment",
    "$schema",
    "default",
    "deprecated",
    "description",
    "examples",
    "format",
    "readOnly",
    "title",
    "writeOnly",
];

/// The other members except `type`, and the types with which they are allowed.
const RULES: [(&str, &[Type]); 15] = [
    ("enum", &[Type::Text]),
    ("const", &[Type::Text]),
    ("minimum", &[Type::Integer, Type::Number]),
    ("maximum", &[Type::Integer, Type::Number]),
    ("exclusiveMinimum", &[Type::Integer, Type::Number]),
    ("exclusiveMaximum", &[Type::Integer, Type::Number]),
    ("minLength", &[Type::Text]),
    ("maxLength", &[Type::Text]),
    ("items", &[Type::List]),
    ("minItems", &[Type::List]),
    ("maxItems", &[Type::List]),
    ("uniqueItems", &[Type::List]),
    ("properties", &[Type::Object]),
    ("required", &[Type::Object]),
    ("additionalProperties", &[Type::Object]),
];

const RULES_HINT: &str =
    "an option is a boolean, a number, a string, a choice of strings, a list, a map or an object";
pub(crate) const FIX_HINT: &str = "the plugin's author can correct its schema of the options";
pub(crate) const NO_NULL_HINT: &str =
    r#"a value that may be null has two types: `["string", "null"]`"#;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Type {
    Any,
    Bool,
    Integer,
    Number,
    Text,
    List,
    Object,
}

impl Type {
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "boolean" => Self::Bool,
            "integer" => Self::Integer,
            "number" => Self::Number,
            "string" => Self::Text,
            "array" => Self::List,
            "object" => Self::Object,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Bool => "boolean",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Text => "string",
            Self::List => "array",
            Self::Object => "object",
        }
    }
}

/// A hint for replacing a member that the form does not have.
pub(crate) fn way_out(name: &str) -> &'static str {
    match name {
        "$ref" | "$defs" | "definitions" | "$id" | "$anchor" | "$dynamicRef" | "$dynamicAnchor"
        | "$recursiveRef" => {
            "write each schema out where it is used: options have no references, and so hold no values of their own type"
        }
        "anyOf" | "oneOf" | "allOf" | "not" | "if" | "then" | "else" => {
            "give each option one type, with `null` beside it where it may be null, and list the strings of a choice in `enum`; an enum with data in its variants cannot be an option"
        }
        "pattern" | "patternProperties" | "propertyNames" | "multipleOf" | "contains" => {
            "check this in `start`, and answer with a failure that says what is wrong"
        }
        "prefixItems" => "use an object with named members instead of a tuple",
        "unevaluatedProperties" | "dependentRequired" | "dependentSchemas" => {
            "use `additionalProperties` and `required`"
        }
        _ => RULES_HINT,
    }
}

/// Whether the member does not restrict the value.
pub(crate) fn is_annotation(name: &str) -> bool {
    ANNOTATIONS.contains(&name)
}

/// The types with which the member is allowed, or `None` if it is not part of the form.
pub(crate) fn types_with(name: &str) -> Option<&'static [Type]> {
    let rule = RULES.iter().find(|(rule, _)| *rule == name);
    rule.map(|&(_, types)| types)
}

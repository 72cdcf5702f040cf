//! The names that serde gives to fields.

use syn::meta::ParseNestedMeta;
use syn::{Attribute, Error, LitStr};

/// How serde renames the fields of a struct.
#[derive(Default)]
pub(crate) struct Rename(Option<fn(&str) -> String>);

impl Rename {
    /// The rule of a struct's attributes.
    pub(crate) fn of(attributes: &[Attribute]) -> Result<Self, Error> {
        let mut rename = Self::default();
        for attribute in attributes.iter().filter(|one| one.path().is_ident("serde")) {
            attribute.parse_nested_meta(|meta| {
                if meta.path.is_ident("rename_all") {
                    if let Some(rule) = of_serialization(&meta)? {
                        rename.0 = Some(function(&rule)?);
                    }
                    return Ok(());
                }
                for name in ["tag", "transparent", "into", "remote"] {
                    if meta.path.is_ident(name) {
                        return Err(meta.error("a row with columns is written field by field"));
                    }
                }
                skip_value(&meta)
            })?;
        }
        Ok(rename)
    }

    /// The name of a field in a row.
    pub(crate) fn apply(&self, field: &str) -> String {
        self.0
            .map_or_else(|| field.to_owned(), |rename| rename(field))
    }
}

/// The value of `name = "value"`, or of `name(serialize = "value")`.
pub(crate) fn of_serialization(meta: &ParseNestedMeta<'_>) -> Result<Option<LitStr>, Error> {
    if meta.input.peek(syn::Token![=]) {
        return Ok(Some(meta.value()?.parse()?));
    }
    let mut found = None;
    meta.parse_nested_meta(|inner| {
        let value: LitStr = inner.value()?.parse()?;
        if inner.path.is_ident("serialize") {
            found = Some(value);
        }
        Ok(())
    })?;
    Ok(found)
}

/// Passes over the value or the list of an attribute that says nothing about columns.
pub(crate) fn skip_value(meta: &ParseNestedMeta<'_>) -> Result<(), Error> {
    if meta.input.peek(syn::Token![=]) {
        meta.value()?.parse::<syn::Expr>()?;
    } else if meta.input.peek(syn::token::Paren) {
        let content;
        syn::parenthesized!(content in meta.input);
        content.parse::<proc_macro2::TokenStream>()?;
    }
    Ok(())
}

fn function(rule: &LitStr) -> Result<fn(&str) -> String, Error> {
    Ok(match rule.value().as_str() {
        "lowercase" | "snake_case" => str::to_owned,
        "UPPERCASE" | "SCREAMING_SNAKE_CASE" => |field| field.to_ascii_uppercase(),
        "PascalCase" => pascal,
        "camelCase" => |field| {
            let name = pascal(field);
            let (first, rest) = name.split_at(name.len().min(1));
            first.to_ascii_lowercase() + rest
        },
        "kebab-case" => |field| field.replace('_', "-"),
        "SCREAMING-KEBAB-CASE" => |field| field.to_ascii_uppercase().replace('_', "-"),
        other => {
            let reason = format!("serde has no rule `{other}`");
            return Err(Error::new(rule.span(), reason));
        }
    })
}

fn pascal(field: &str) -> String {
    let words = field.split('_').map(|word| {
        let (first, rest) = word.split_at(word.len().min(1));
        first.to_ascii_uppercase() + rest
    });
    words.collect()
}

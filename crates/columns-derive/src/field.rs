//! One field of a row.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Expr, Lit, Meta, Type};

use crate::names::{Rename, of_serialization, skip_value};

/// The types that `#[column(...)]` may give, and their variants of `ColumnType`.
const TYPES: [(&str, &str); 9] = [
    ("bool", "Bool"),
    ("int", "Int"),
    ("uint", "Uint"),
    ("float", "Float"),
    ("text", "Text"),
    ("bytes", "Bytes"),
    ("id", "Id"),
    ("timestamp", "Timestamp"),
    ("json", "Json"),
];

/// A field that becomes a column.
pub(crate) struct Field<'a> {
    name: String,
    value_type: &'a Type,
    /// The type that `#[column(...)]` gives.
    given: Option<&'static str>,
    summary: String,
}

/// What the attributes of serde say about a field.
#[derive(Default)]
struct Serde {
    renamed: Option<String>,
    is_skipped: bool,
    may_be_absent: bool,
    /// Whether a function writes the field, so that its type says nothing about the value.
    is_written_otherwise: bool,
}

impl<'a> Field<'a> {
    /// None for a field that is never written.
    pub(crate) fn of(field: &'a syn::Field, rename: &Rename) -> Result<Option<Self>, Error> {
        let Some(ident) = &field.ident else {
            return Ok(None);
        };
        let serde = serde(field)?;
        if serde.is_skipped {
            return Ok(None);
        }
        let given = given(field)?;
        let error = |reason: &str| Err(Error::new(ident.span(), reason));
        if serde.is_written_otherwise && given.is_none() {
            return error(
                "a function writes this field: name the type of its column, such as `#[column(text)]`",
            );
        }
        if serde.may_be_absent && !is_option(&field.ty) {
            return error("a column that may be absent needs the type `Option<_>`");
        }
        let name = ident.to_string();
        let name = name.strip_prefix("r#").unwrap_or(&name);
        Ok(Some(Self {
            name: serde.renamed.unwrap_or_else(|| rename.apply(name)),
            value_type: &field.ty,
            given,
            summary: summary(field),
        }))
    }

    /// The expression of its column.
    pub(crate) fn column(&self) -> TokenStream {
        let Self {
            name,
            value_type,
            summary,
            ..
        } = self;
        let Some(given) = self.given else {
            return quote! {
                ::journal_plugin_sdk::RowColumn::of::<#value_type>(#name, #summary)
            };
        };
        let given = quote::format_ident!("{given}");
        let nullable = is_option(value_type);
        quote! {
            ::journal_plugin_sdk::RowColumn::new(
                #name, ::journal_plugin_sdk::ColumnType::#given, #nullable, #summary,
            )
        }
    }
}

fn serde(field: &syn::Field) -> Result<Serde, Error> {
    let mut serde = Serde::default();
    for attribute in &field.attrs {
        if !attribute.path().is_ident("serde") {
            continue;
        }
        attribute.parse_nested_meta(|meta| {
            let is = |name: &str| meta.path.is_ident(name);
            if is("rename") {
                if let Some(name) = of_serialization(&meta)? {
                    serde.renamed = Some(name.value());
                }
                return Ok(());
            }
            if is("flatten") {
                return Err(meta.error("a flattened field has no column: write its fields here"));
            }
            serde.is_skipped |= is("skip") || is("skip_serializing");
            serde.may_be_absent |= is("skip_serializing_if");
            serde.is_written_otherwise |= is("with") || is("serialize_with") || is("getter");
            skip_value(&meta)
        })?;
    }
    Ok(serde)
}

/// The type in `#[column(...)]`.
fn given(field: &syn::Field) -> Result<Option<&'static str>, Error> {
    let mut given = None;
    for attribute in &field.attrs {
        if !attribute.path().is_ident("column") {
            continue;
        }
        attribute.parse_nested_meta(|meta| {
            let known = TYPES.iter().find(|(name, _)| meta.path.is_ident(name));
            let Some((_, variant)) = known else {
                let names: Vec<_> = TYPES.iter().map(|(name, _)| *name).collect();
                let names = names.join(", ");
                return Err(meta.error(format!("a column has one of these types: {names}")));
            };
            if given.replace(*variant).is_some() {
                return Err(meta.error("a column has one type"));
            }
            Ok(())
        })?;
    }
    Ok(given)
}

/// The first paragraph of the documentation, in one line.
fn summary(field: &syn::Field) -> String {
    let mut lines: Vec<String> = Vec::new();
    for attribute in &field.attrs {
        if let Meta::NameValue(pair) = &attribute.meta
            && pair.path.is_ident("doc")
            && let Expr::Lit(literal) = &pair.value
            && let Lit::Str(text) = &literal.lit
        {
            lines.extend(text.value().lines().map(|line| line.trim().to_owned()));
            if text.value().is_empty() {
                lines.push(String::new());
            }
        }
    }
    let lines = lines.iter().skip_while(|line| line.is_empty());
    let paragraph = lines.take_while(|line| !line.is_empty());
    paragraph.map(String::as_str).collect::<Vec<_>>().join(" ")
}

/// Whether the type is written as `Option<_>`.
fn is_option(value_type: &Type) -> bool {
    let Type::Path(path) = value_type else {
        return false;
    };
    let last = path.path.segments.last();
    last.is_some_and(|segment| segment.ident == "Option")
}

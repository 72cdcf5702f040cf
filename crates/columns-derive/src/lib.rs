//! `#[derive(Columns)]` of the plugin SDK, which documents it.

mod field;
mod names;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, parse_macro_input};

use self::field::Field;
use self::names::Rename;

/// Derives the columns of a row from the struct that is emitted: see `journal_plugin_sdk::Columns`.
#[proc_macro_derive(Columns, attributes(column, serde))]
pub fn columns(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    derive(&input)
        .unwrap_or_else(Error::into_compile_error)
        .into()
}

fn derive(input: &DeriveInput) -> Result<TokenStream, Error> {
    let named = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Some(&fields.named),
            _ => None,
        },
        _ => None,
    };
    let named = named.ok_or_else(|| {
        let reason = "a row is a struct with named fields: only such a struct has columns";
        Error::new(input.ident.span(), reason)
    })?;
    let rename = Rename::of(&input.attrs)?;
    let mut columns = Vec::new();
    for field in named {
        if let Some(field) = Field::of(field, &rename)? {
            columns.push(field.column());
        }
    }
    let name = &input.ident;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #generics ::journal_plugin_sdk::Columns for #name #arguments #bounds {
            fn columns() -> ::std::vec::Vec<::journal_plugin_sdk::RowColumn> {
                ::std::vec![#(#columns),*]
            }
        }
    })
}

#[cfg(test)]
mod tests;

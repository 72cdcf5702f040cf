//! The trait that a plugin implements, and its options.

use std::any::TypeId;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::de::value::MapDeserializer;
use serde::{Deserialize, Serialize};

use crate::{Batches, Failure, Out, Plan, options};

/// A processor of the journal. Only the object types and [`process`](Self::process) are required.
///
/// `O` is the struct of its options, if it has any.
///
/// ```
/// use journal_plugin_sdk::{Batches, Failure, Out, Processor};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Default)]
/// struct Urls;
///
/// #[derive(Serialize, Deserialize)]
/// struct Origin<'a> {
///     url: &'a str,
/// }
///
/// impl Processor for Urls {
///     const OBJECT_TYPES: &'static [&'static str] = &["origin"];
///
///     fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
///         batches.each(out, |record, out| {
///             let origin: Origin<'_> = record.decode()?;
///             out.emit(&origin)
///         })
///     }
/// }
///
/// journal_plugin_sdk::export!(Urls);
/// ```
pub trait Processor<O: Options = NoOptions>: Default {
    /// The object types to read, such as `revision`, or [`ANY`](crate::ANY) for all.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Batches, Failure, Out, Processor};
    /// # #[derive(Default)]
    /// # struct MyPlugin;
    /// # impl Processor for MyPlugin {
    /// const OBJECT_TYPES: &'static [&'static str] = &["revision", "release"];
    /// #     fn process(&mut self, _: &Batches<'_>, _: &mut Out) -> Result<(), Failure> {
    /// #         Ok(())
    /// #     }
    /// # }
    /// ```
    const OBJECT_TYPES: &'static [&'static str];

    /// Handles the records of one call.
    ///
    /// # Errors
    /// A failure ends the run. The rows of the call are discarded.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Batches, Failure, Out, Processor};
    /// # #[derive(Default)]
    /// # struct MyPlugin;
    /// # impl Processor for MyPlugin {
    /// #     const OBJECT_TYPES: &'static [&'static str] = &["release"];
    /// fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
    ///     batches.each_release(out, |release, out| {
    ///         out.emit(&std::collections::BTreeMap::from([("id", release.id()?)]))
    ///     })
    /// }
    /// # }
    /// ```
    fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure>;

    /// Creates the processor from its options. Implement it to store the options.
    ///
    /// # Errors
    /// If the options are invalid.
    ///
    /// ```
    /// use journal_plugin_sdk::{Batches, Failure, Out, Processor};
    /// use schemars::JsonSchema;
    /// use serde::Deserialize;
    ///
    /// #[derive(Deserialize, JsonSchema)]
    /// #[serde(deny_unknown_fields)]
    /// struct MyOptions {
    ///     /// The oldest year to count.
    ///     since: u16,
    /// }
    ///
    /// #[derive(Default)]
    /// struct MyPlugin {
    ///     since: u16,
    /// }
    ///
    /// impl Processor<MyOptions> for MyPlugin {
    ///     const OBJECT_TYPES: &'static [&'static str] = &["revision"];
    ///
    ///     fn start(options: MyOptions) -> Result<Self, Failure> {
    ///         if options.since > 9999 {
    ///             return Err(Failure::fatal("`since` is a year of four digits"));
    ///         }
    ///         Ok(Self { since: options.since })
    ///     }
    /// #     fn process(&mut self, _: &Batches<'_>, _: &mut Out) -> Result<(), Failure> {
    /// #         let _ = self.since;
    /// #         Ok(())
    /// #     }
    /// }
    /// ```
    fn start(options: O) -> Result<Self, Failure> {
        let _ = options;
        Ok(Self::default())
    }

    /// The columns to read and the outputs to write. The same options must give the same plan.
    ///
    /// ```
    /// # use journal_plugin_sdk::{Batches, Column, Failure, Out, Plan, Processor};
    /// # #[derive(Default)]
    /// # struct MyPlugin;
    /// # impl Processor for MyPlugin {
    /// #     const OBJECT_TYPES: &'static [&'static str] = &["revision"];
    /// #     fn process(&mut self, _: &Batches<'_>, _: &mut Out) -> Result<(), Failure> {
    /// #         Ok(())
    /// #     }
    /// fn plan(&self) -> Plan {
    ///     Plan::new(Self::OBJECT_TYPES).columns([Column::Values]).stateless()
    /// }
    /// # }
    /// ```
    fn plan(&self) -> Plan {
        Plan::new(Self::OBJECT_TYPES)
    }

    /// Emits the state that the processor holds. The host then makes all rows durable and commits the offsets of all
    /// records so far, so state that was not emitted may be lost.
    ///
    /// # Errors
    /// A failure ends the run. All rows since the last checkpoint are discarded.
    ///
    /// ```
    /// use journal_plugin_sdk::{Batches, Failure, Out, Processor};
    /// use serde::Serialize;
    ///
    /// #[derive(Default)]
    /// struct Longest {
    ///     url: String,
    /// }
    ///
    /// #[derive(Serialize)]
    /// struct Row {
    ///     longest_url: String,
    /// }
    ///
    /// impl Processor for Longest {
    ///     const OBJECT_TYPES: &'static [&'static str] = &["origin"];
    ///
    ///     fn process(&mut self, batches: &Batches<'_>, out: &mut Out) -> Result<(), Failure> {
    ///         batches.each_origin(out, |origin, _| {
    ///             let url = origin.url()?;
    ///             if url.len() > self.url.len() {
    ///                 self.url = url.to_owned();
    ///             }
    ///             Ok(())
    ///         })
    ///     }
    ///
    ///     fn checkpoint(&mut self, out: &mut Out) -> Result<(), Failure> {
    ///         let longest_url = std::mem::take(&mut self.url);
    ///         Ok(out.emit(&Row { longest_url })?)
    ///     }
    /// }
    /// ```
    fn checkpoint(&mut self, out: &mut Out) -> Result<(), Failure> {
        let _ = out;
        Ok(())
    }
}

/// What a processor's options must be: a struct that derives `serde::Deserialize` and
/// `schemars::JsonSchema`. The doc comments of its fields are what an operator reads about them.
/// The chapter "Writing" of the guide says which types the fields may have.
///
/// ```
/// use schemars::JsonSchema;
/// use serde::Deserialize;
///
/// #[derive(Deserialize, JsonSchema)]
/// #[serde(deny_unknown_fields)]
/// struct MyOptions {
///     /// Rows for objects smaller than this are left out, in bytes.
///     #[serde(default)]
///     smallest: u64,
/// }
/// ```
pub trait Options: DeserializeOwned + JsonSchema + 'static {}

impl<T: DeserializeOwned + JsonSchema + 'static> Options for T {}

/// The options of a processor that has none.
///
/// ```
/// use journal_plugin_sdk::{NoOptions, Processor};
///
/// fn starts<P: Processor<NoOptions>>() -> bool {
///     P::start(NoOptions {}).is_ok()
/// }
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoOptions {}

/// The name, version and summary of a plugin, which [`export!`](crate::export) takes from its `Cargo.toml`.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct About {
    pub name: &'static str,
    pub version: &'static str,
    pub summary: &'static str,
}

#[derive(Serialize)]
struct Description<'a, S> {
    name: &'a str,
    version: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    summary: &'a str,
    options: S,
}

/// The options that the host hands over, as JSON.
pub(crate) fn read_options<O: Options>(json: &str) -> Result<O, Failure> {
    if takes_none::<O>() {
        if json.trim() != "{}" {
            return Err(Failure::fatal("the plugin takes no options"));
        }
        let none = std::iter::empty::<(&str, &str)>();
        return Ok(O::deserialize(
            MapDeserializer::<_, serde::de::value::Error>::new(none),
        )?);
    }
    serde_json::from_str(json)
        .map_err(|error| Failure::fatal(format!("the options cannot be read: {error}")))
}

/// Whether these are [`NoOptions`]. Known when a plugin is compiled, so that one without options comes without
/// all that reads them and makes schemas, a fifth of its code.
fn takes_none<O: Options>() -> bool {
    TypeId::of::<O>() == TypeId::of::<NoOptions>()
}

/// The schema of [`NoOptions`].
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct NoSchema {
    r#type: &'static str,
    additional_properties: bool,
}

/// The plugin's description as the host reads it.
pub(crate) fn describe<O: Options>(about: About) -> Result<String, Failure> {
    if takes_none::<O>() {
        let none = NoSchema {
            r#type: "object",
            additional_properties: false,
        };
        return description(about, &none);
    }
    description(about, &options::schema::<O>())
}

fn description<S: Serialize>(about: About, options: &S) -> Result<String, Failure> {
    Ok(serde_json::to_string(&Description {
        name: about.name,
        version: about.version,
        summary: about.summary,
        options,
    })?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const ABOUT: About = About {
        name: "sizes",
        version: "1.2.3",
        summary: "",
    };

    #[derive(Deserialize, JsonSchema)]
    #[expect(dead_code, reason = "only the schema is looked at")]
    struct Sizes {
        /// The smallest size, in bytes.
        smallest: u64,
        #[serde(default)]
        names: Vec<String>,
    }

    fn described<O: Options>() -> Value {
        serde_json::from_str(&describe::<O>(ABOUT).unwrap()).unwrap()
    }

    #[test]
    fn doc_comments_and_types_of_options_are_described() {
        let description = described::<Sizes>();
        assert_eq!(description["name"], "sizes");
        assert_eq!(description["version"], "1.2.3");
        assert_eq!(description.get("summary"), None);
        let options = &description["options"];
        assert_eq!(options["type"], "object");
        assert_eq!(options["required"], json!(["smallest"]));
        assert_eq!(
            options["properties"]["smallest"]["description"],
            "The smallest size, in bytes."
        );
        assert_eq!(options["properties"]["names"]["items"]["type"], "string");
    }

    #[test]
    fn processor_without_options_describes_an_object_without_properties() {
        let options = &described::<NoOptions>()["options"];
        assert_eq!(options["type"], "object");
        assert_eq!(options.get("properties"), None);
        assert_eq!(options["additionalProperties"], false);
    }
}

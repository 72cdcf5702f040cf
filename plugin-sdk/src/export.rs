//! The macro that turns a crate into a plugin.

/// Turns a crate into a plugin that runs this [`Processor`](crate::Processor).
///
/// Use it once, in the root of the crate. The plugin takes its name, version and summary from the crate's `Cargo.toml`,
/// which also needs `crate-type = ["cdylib", "rlib"]` under `[lib]`. In a native build, such as that of `cargo test`,
/// the macro only checks the type.
///
/// ```
/// use journal_plugin_sdk::{Batches, Failure, Out, Processor, export};
///
/// #[derive(Default)]
/// pub struct MyPlugin;
///
/// impl Processor for MyPlugin {
///     const OBJECT_TYPES: &'static [&'static str] = &["origin"];
///
///     fn process(&mut self, _batches: &Batches<'_>, _out: &mut Out) -> Result<(), Failure> {
///         Ok(())
///     }
/// }
///
/// export!(MyPlugin);
/// ```
#[macro_export]
macro_rules! export {
    ($processor:ty) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            use $crate::guest::bindings::exports::swh::journal::processor as contract;

            ::std::thread_local! {
                static PROCESSOR: $crate::guest::Slot<$processor> = const {
                    $crate::guest::Slot::new()
                };
            }

            struct Plugin;

            impl contract::Guest for Plugin {
                fn describe() -> ::std::string::String {
                    $crate::guest::describe::<$processor, _>($crate::About {
                        name: ::core::env!("CARGO_PKG_NAME"),
                        version: ::core::env!("CARGO_PKG_VERSION"),
                        summary: ::core::env!("CARGO_PKG_DESCRIPTION"),
                    })
                }

                fn start(
                    options: ::std::string::String,
                ) -> ::core::result::Result<::std::string::String, contract::Failure> {
                    PROCESSOR.with(|slot| $crate::guest::start::<$processor, _>(slot, &options))
                }

                fn process(
                    batches: ::std::vec::Vec<contract::Batch>,
                ) -> ::core::result::Result<::std::vec::Vec<contract::Rejection>, contract::Failure>
                {
                    PROCESSOR.with(|slot| $crate::guest::process::<$processor, _>(slot, batches))
                }

                fn checkpoint() -> ::core::result::Result<(), contract::Failure> {
                    PROCESSOR.with(|slot| $crate::guest::checkpoint::<$processor, _>(slot))
                }
            }

    $crate::guest::bindings::export_plugin!(Plugin with_types_in $crate::guest::bindings);
        };

        #[cfg(not(target_family = "wasm"))]
        const _: () = $crate::assert_is_processor::<$processor, _>();
    };
}

/// Compiles only for a processor, so that a native build finds the same mistakes as a build for WebAssembly.
#[doc(hidden)]
pub const fn assert_is_processor<P: crate::Processor<O>, O: crate::Options>() {}

//! The places of a process, and the whole checkpoints that its workers append to them.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::binding::Binding;
use super::place::{Appended, OpenError, Opened, Place};
use crate::sink::files::Files;
use crate::sink::{Output, SinkError};

/// Where one output goes, and what stands around its rows there.
#[derive(Debug)]
pub(super) struct Route {
    /// The output's name.
    pub(super) output: String,
    /// The place in the writer's list.
    pub(super) place: usize,
    /// What a line begins with.
    pub(super) before: Vec<u8>,
    /// What a line ends with.
    pub(super) after: &'static [u8],
}

/// The places of all outputs, shared by the workers of a process.
#[derive(Debug)]
pub(super) struct Writer {
    routes: Vec<Route>,
    count: usize,
    places: Mutex<Vec<Place>>,
}

impl Writer {
    /// Opens the places that `outputs` are bound to, and finds the way of each output.
    pub(super) fn open(
        files: &Arc<dyn Files>,
        outputs: &[Output],
        bindings: &[Binding],
    ) -> Result<Self, OpenError> {
        check(outputs, bindings)?;
        let mut opened: Vec<Opened> = Vec::new();
        let mut place_of = |file: &str| {
            let new = Opened::new(file)?;
            let known = opened
                .iter()
                .position(|place| place.identity == new.identity);
            Ok(known.unwrap_or_else(|| {
                opened.push(new);
                opened.len() - 1
            }))
        };
        let places: Vec<_> = bindings
            .iter()
            .map(|binding| place_of(&binding.file))
            .collect::<Result<_, _>>()?;
        let mut route_of = |output: &Output| {
            let bound = |name: Option<&str>| {
                bindings
                    .iter()
                    .position(|binding| binding.output.as_deref() == name)
            };
            match bound(Some(&output.name)).or_else(|| bound(None)) {
                Some(binding) => Ok(places[binding]),
                None => place_of("-"),
            }
        };
        let chosen: Vec<_> = outputs
            .iter()
            .map(&mut route_of)
            .collect::<Result<_, _>>()?;
        let shared = |place| chosen.iter().filter(|&&other| other == place).count() > 1;
        let routes = outputs.iter().zip(&chosen);
        let routes = routes
            .map(|(output, &place)| route(output, place, shared(place)))
            .collect();
        let places: Vec<_> = opened
            .into_iter()
            .map(|opened| opened.prepare(files))
            .collect::<Result<_, _>>()?;
        survive_size_limits();
        Ok(Self {
            routes,
            count: places.len(),
            places: Mutex::new(places),
        })
    }

    pub(super) fn route(&self, output: usize) -> Option<&Route> {
        self.routes.get(output)
    }

    pub(super) fn outputs(&self) -> usize {
        self.routes.len()
    }

    pub(super) fn places(&self) -> usize {
        self.count
    }

    /// Appends the lines of one checkpoint, which come in the order of the places, and makes them
    /// durable. When that fails anywhere, all files are cut back to what they were.
    ///
    /// Streams come last, because nothing can be taken back from them.
    pub(super) fn append(&self, lines: &[&[u8]]) -> Result<(), SinkError> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let mut appended: Vec<(usize, Appended)> = Vec::new();
        for files in [true, false] {
            for (index, lines) in lines.iter().enumerate() {
                let place = &mut places[index];
                if lines.is_empty() || place.is_file() != files {
                    continue;
                }
                let mut extent = Appended::default();
                let written = place.append(lines, &mut extent);
                appended.push((index, extent));
                if let Err(error) = written {
                    return Err(fail(&mut places, &appended, index, error));
                }
            }
            // Of a stream nothing is durable.
            for &(index, _) in appended.iter().filter(|_| files) {
                if let Err(error) = places[index].sync() {
                    return Err(fail(&mut places, &appended, index, error));
                }
            }
        }
        Ok(())
    }
}

/// Cuts all places back and says why the one at `index` failed.
fn fail(
    places: &mut [Place],
    appended: &[(usize, Appended)],
    index: usize,
    source: io::Error,
) -> SinkError {
    for &(written, extent) in appended {
        let place = &mut places[written];
        if let Err(error) = place.cut_back(extent) {
            tracing::error!("cannot cut {} back to what it was: {error}", place.name);
        }
    }
    if source.kind() == io::ErrorKind::BrokenPipe {
        return SinkError::ReaderGone;
    }
    SinkError::Write {
        place: places[index].name.clone(),
        source,
    }
}

fn check(outputs: &[Output], bindings: &[Binding]) -> Result<(), OpenError> {
    for (index, binding) in bindings.iter().enumerate() {
        if let Some(name) = &binding.output
            && !outputs.iter().any(|output| output.name == *name)
        {
            let known: Vec<_> = outputs
                .iter()
                .map(|output| format!("`{}`", output.name))
                .collect();
            let known = if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            };
            return Err(OpenError::UnknownOutput {
                name: name.clone(),
                known,
            });
        }
        if bindings[..index]
            .iter()
            .any(|other| other.output == binding.output)
        {
            let what = match &binding.output {
                Some(name) => format!("the output `{name}`"),
                None => "the outputs that are not named".to_owned(),
            };
            return Err(OpenError::BoundTwice { what });
        }
    }
    Ok(())
}

fn route(output: &Output, place: usize, shared: bool) -> Route {
    let name = output.name.clone();
    if shared {
        let quoted = serde_json::Value::from(name.as_str());
        let before = format!("{{\"output\":{quoted},\"row\":").into_bytes();
        Route {
            output: name,
            place,
            before,
            after: b"}\n",
        }
    } else {
        Route {
            output: name,
            place,
            before: Vec::new(),
            after: b"\n",
        }
    }
}

/// A write above the limit on the size of files fails from now on, and is told like any other, instead of
/// ending the process by a signal in the middle of a line.
pub fn survive_size_limits() {
    let seen = std::sync::Arc::default();
    if let Err(error) = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, seen) {
        tracing::debug!("cannot handle SIGXFSZ: {error}");
    }
}

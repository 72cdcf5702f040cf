//! The destinations of a process, to which its workers append whole checkpoints.

use std::borrow::Cow;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::compression::Compression;
use super::line_file::{Appended, LineFile};
use super::opened::{OpenError, Opened};
use crate::journal::plan::Output;
use crate::sink::SinkError;
use crate::sink::binding::{Binding, Target};
use crate::sink::files::Files;
use crate::sink::open::check_bindings;
use crate::text::plural;

/// How often the rows of one checkpoint are written to a file that changes meanwhile.
const ATTEMPTS: usize = 10;

/// The destinations of all outputs, shared by the workers of a process.
#[derive(Debug)]
pub(super) struct Writer {
    /// The name of each output of the plan, and the index of its destination.
    routes: Vec<(String, usize)>,
    /// The format of each destination.
    compressions: Vec<Option<Compression>>,
    files: Mutex<Vec<LineFile>>,
}

impl Writer {
    /// Opens the files that `outputs` are bound to.
    pub(super) fn open(
        system: &Arc<dyn Files>,
        outputs: &[Output],
        bindings: &[Binding],
    ) -> Result<Self, OpenError> {
        check_bindings(outputs, bindings)?;
        let mut opened: Vec<Opened> = Vec::new();
        let mut index_of = |file: &str, compression| {
            let new = Opened::new(file, compression, system.as_ref())?;
            let known = opened
                .iter()
                .position(|other| other.identity == new.identity);
            match known {
                Some(index) if opened[index].compression != new.compression => {
                    Err(new.has_two_compressions())
                }
                Some(index) => Ok(index),
                None => {
                    opened.push(new);
                    Ok(opened.len() - 1)
                }
            }
        };
        let bound: Vec<_> = bindings
            .iter()
            .map(|binding| match &binding.target {
                Target::Lines { file, compression } => index_of(file, *compression),
                _ => index_of("-", None),
            })
            .collect::<Result<_, _>>()?;
        let mut route = |output: &Output| {
            let binding = |name: Option<&str>| {
                bindings
                    .iter()
                    .position(|binding| binding.output.as_deref() == name)
            };
            let index = match binding(Some(&output.name)).or_else(|| binding(None)) {
                Some(binding) => bound[binding],
                None => index_of("-", None)?,
            };
            Ok((output.name.clone(), index))
        };
        let routes = outputs.iter().map(&mut route).collect::<Result<_, _>>()?;
        let files: Vec<_> = opened
            .into_iter()
            .map(|opened| opened.prepare(system))
            .collect::<Result<_, _>>()?;
        survive_size_limits();
        Ok(Self {
            routes,
            compressions: files.iter().map(LineFile::compression).collect(),
            files: Mutex::new(files),
        })
    }

    /// The index of the destination of an output; the first for an output that the plan does not have.
    pub(super) fn destination(&self, output: &str) -> usize {
        let found = self.routes.iter().find(|(name, _)| name == output);
        found.map_or(0, |&(_, index)| index)
    }

    /// The names of those of these files that hold rows, each with its size.
    pub(super) fn with_rows(&self, are_meant: impl Fn(&LineFile) -> bool) -> Vec<String> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let meant = files.iter().filter(|file| are_meant(file));
        let sized = meant.filter_map(|file| Some((&file.name, file.bytes_with_rows()?)));
        let named = sized.map(|(name, bytes)| format!("{name} ({})", plural(bytes, "byte")));
        named.collect()
    }

    /// Removes the rows of earlier runs from the files that this process has for itself.
    pub(super) fn remove_rows(&self) -> Result<(), SinkError> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.iter_mut().try_for_each(LineFile::remove_rows)
    }

    /// Whether other outputs go to the same destination.
    pub(super) fn is_shared(&self, output: &str) -> bool {
        let index = self.destination(output);
        let same = self.routes.iter().filter(|&&(_, other)| other == index);
        same.count() > 1
    }

    /// Whether an output goes to a terminal.
    pub(super) fn is_terminal(&self, output: &str) -> bool {
        let index = self.destination(output);
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.get(index).is_some_and(LineFile::is_terminal)
    }

    /// Opens the files again that were moved, removed or replaced.
    pub(super) fn follow(&self) -> Result<(), SinkError> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.iter_mut().try_for_each(LineFile::follow)
    }

    /// Appends the lines of one checkpoint, by the indexes of their destinations, and makes them durable. If anything
    /// fails, all files are truncated to their previous lengths.
    ///
    /// Streams come last, because lines cannot be removed from them.
    pub(super) fn append(&self, lines: &[&[u8]]) -> Result<(), SinkError> {
        // Another worker writes meanwhile, or compresses, too.
        let compressed = self.compressed(lines)?;
        let lines: Vec<&[u8]> = compressed.iter().map(AsRef::as_ref).collect();
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        files.iter_mut().try_for_each(LineFile::follow)?;
        let mut appended: Vec<(usize, Appended)> = Vec::new();
        let written = append_to_all(&mut files, &lines, &mut appended);
        for &(index, extent) in &appended {
            let file = &mut files[index];
            if written.is_ok() {
                file.keep(extent);
            } else if let Err(error) = file.cut_back(lines[index], extent) {
                tracing::error!(
                    "cannot truncate {} to its previous length: {error}",
                    file.name
                );
            }
        }
        written
    }

    /// The same lines in the formats of their destinations.
    fn compressed<'a>(&self, lines: &[&'a [u8]]) -> Result<Vec<Cow<'a, [u8]>>, SinkError> {
        let compress = |(index, lines): (usize, &&'a [u8])| {
            let compression = self.compressions.get(index).copied().flatten();
            let Some(compression) = compression.filter(|_| !lines.is_empty()) else {
                return Ok(Cow::Borrowed(*lines));
            };
            let compressed = compression.compress(lines);
            compressed.map(Cow::Owned).map_err(|error| {
                let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
                files[index].cannot_write(error)
            })
        };
        lines.iter().enumerate().map(compress).collect()
    }
}

fn append_to_all(
    files: &mut [LineFile],
    lines: &[&[u8]],
    appended: &mut Vec<(usize, Appended)>,
) -> Result<(), SinkError> {
    for regular in [true, false] {
        for (index, lines) in lines.iter().enumerate() {
            let file = &mut files[index];
            if lines.is_empty() || file.is_regular() != regular {
                continue;
            }
            let mut extent = Appended::default();
            let written = file.append(lines, &mut extent);
            appended.push((index, extent));
            written.map_err(|error| failure(file, error))?;
        }
        // Streams cannot be made durable.
        for (index, _) in appended.iter().filter(|_| regular) {
            let file = &mut files[*index];
            file.sync().map_err(|error| file.cannot_write(error))?;
        }
        for (index, extent) in appended.iter_mut().filter(|_| regular) {
            hold(&mut files[*index], lines[*index], extent)?;
        }
    }
    Ok(())
}

/// Gives a file that was moved, removed or truncated while it was written the same lines again, in the file that has
/// its name now: nobody can tell whether the others were read.
fn hold(file: &mut LineFile, lines: &[u8], extent: &mut Appended) -> Result<(), SinkError> {
    for _ in 0..ATTEMPTS {
        if file.holds(lines, extent) {
            return Ok(());
        }
        if let Err(error) = file.cut_back(lines, *extent) {
            tracing::warn!(
                "rows may be in two files, because those in {} cannot be removed: {error}",
                file.name
            );
        }
        *extent = Appended::default();
        file.follow()?;
        let written = file.append(lines, extent).and_then(|()| file.sync());
        written.map_err(|error| file.cannot_write(error))?;
    }
    Err(file.cannot_write(io::Error::other(
        "it is moved, removed or truncated again and again",
    )))
}

fn failure(file: &LineFile, source: io::Error) -> SinkError {
    if file.has_lost_its_reader(&source) {
        SinkError::ReaderGone
    } else {
        file.cannot_write(source)
    }
}

/// Makes a write above the limit on file sizes fail and be reported like any other, instead of ending the process by a
/// signal in the middle of a line.
pub fn survive_size_limits() {
    let seen = std::sync::Arc::default();
    if let Err(error) = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, seen) {
        tracing::debug!("cannot handle SIGXFSZ: {error}");
    }
}

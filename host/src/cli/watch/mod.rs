//! `--watch`: builds and runs a plugin again whenever one of its files is saved.
//!
//! This process only watches. It starts builds and runs as processes, so that each run is confined like any other, and
//! an error of one of them ends nothing here.

mod files;
mod job;

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::thread;
use std::time::{Duration, Instant};

use self::files::{FILES, Snapshot, TooMany, Watched};
use self::job::Job;
use super::args::{self, SettingsError};
use super::hints::A_SCRIPT;
use super::names::Names;
use super::report::{self, Report};
use crate::config::{Config, ConfigError, Layer, LettersTo, Local, Setting, Source};
use crate::pipeline::stop::Stop;
use crate::script::Language;
use crate::sink::preview::{LINES, Preview, Shown};
use crate::source::recording::is_standard_input;
use crate::text::{LINE_BYTES, clean, plural};

/// The interval between looks at the process that runs, and at the files.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Looks at many files take this part of the time at most.
const LOOKING_SHARE: u32 = 20;
/// How long files stay unchanged before a save is over: editors write a file in several steps.
const QUIET: Duration = Duration::from_millis(150);

/// The flags of commands that watch.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct WatchArguments {
    /// Run again whenever a file of PLUGIN is saved, and print the first ten rows of each output with their number.
    /// PLUGIN may be the folder of a crate, which is built before each run. Ctrl-C ends this.
    #[arg(long)]
    pub(super) watch: bool,

    /// The plugin of one such run, in the process that runs it.
    #[arg(long, hide = true, value_name = "PLUGIN")]
    pub(super) watched: Option<PathBuf>,
}

/// Why a plugin cannot be watched.
#[derive(Debug, thiserror::Error)]
enum Error {
    /// The source is a cluster.
    #[error("the same records are read after each save, which a cluster does not promise")]
    Cluster,
    /// The source is standard input.
    #[error("the source is read again after each save, and standard input can be read once")]
    StandardInput,
    /// A destination is named.
    #[error("rows are only shown")]
    Writes(Setting),
    /// There is no such plugin.
    #[error("`{}` cannot be read", path.display())]
    Missing {
        /// Its path.
        path: PathBuf,
        /// The reason of the system.
        #[source]
        source: io::Error,
    },
    /// A folder has neither a crate nor a script.
    #[error("`{}` is neither a crate nor a script", .0.display())]
    NotAPlugin(PathBuf),
    /// There are too many files.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// A process cannot be started or waited for.
    #[error("cannot start a process")]
    Process(#[source] io::Error),
}

impl Error {
    fn report(self, names: Names<'_>) -> Report {
        let hint = match &self {
            Self::Cluster => Some(format!(
                "copy a part of the cluster with `journal-host record`, and name the file with {}",
                names.of(Setting::Recording)
            )),
            Self::StandardInput => Some(format!(
                "save it to a file, and name the file with {}",
                names.of(Setting::Recording)
            )),
            Self::Writes(setting) => {
                let sentence = format!("{} does not go with `--watch`", names.of(*setting));
                let hint =
                    "`--watch` prints the first rows, and a run without it writes all of them";
                return Report::wrong_use(anyhow::Error::msg(sentence), Some(hint.to_owned()));
            }
            Self::Missing { .. } | Self::NotAPlugin(_) => Some(format!(
                "name the folder of a crate (with a `Cargo.toml`), {A_SCRIPT}, or a plugin (`.wasm`)"
            )),
            Self::TooMany(_) => Some(format!(
                "up to {FILES} are watched; hidden folders and `target` do not count"
            )),
            Self::Process(_) => None,
        };
        match self {
            Self::Process(_) => Report::failure(self, hint),
            _ => Report::wrong_use(self, hint),
        }
    }
}

/// Watches the plugin of a command with these flags, and the further files that it reads, until a signal comes.
pub(super) fn execute(flags: Layer, mut further: Vec<PathBuf>) -> Result<(), Report> {
    let (config, origins) = args::configure::<Config>(flags);
    let names = Names(&origins);
    let config = config.map_err(|error| match error.of_repeated_reading() {
        // A consumer group is missing, and would not help.
        SettingsError::Config(ConfigError::Incomplete {
            missing: Setting::GroupId,
            ..
        }) => Error::Cluster.report(names),
        error => Report::of(&error, names),
    })?;
    further.extend(config.options.file.clone());
    let (program, watched) = check(&config, further).map_err(|error| error.report(names))?;
    let stop = args::install_signal_handlers(config.shutdown_timeout)?;
    stop.begin();
    let session = Session {
        program,
        watched,
        stop: &stop,
    };
    session.run().map_err(|error| error.report(names))
}

/// What is built and run.
struct Program {
    path: PathBuf,
    is_crate: bool,
}

/// Refuses what cannot be run again and again, and finds out what is watched.
fn check(config: &Config, further: Vec<PathBuf>) -> Result<(Program, Watched), Error> {
    if matches!(config.source, Source::Kafka(_)) {
        return Err(Error::Cluster);
    }
    if let Source::Local(Local::Recordings(files)) = &config.source
        && files.iter().any(|file| is_standard_input(file))
    {
        return Err(Error::StandardInput);
    }
    if !config.outputs.is_empty() {
        return Err(Error::Writes(Setting::Outputs));
    }
    if let Some(LettersTo::File(_)) = config.failure.dead_letters {
        return Err(Error::Writes(Setting::DeadLetters));
    }
    let path = config.plugin.clone();
    let metadata = path.metadata().map_err(|source| Error::Missing {
        path: path.clone(),
        source,
    })?;
    let is_script = Language::of(&path).is_some();
    let is_crate = !is_script && path.join("Cargo.toml").is_file();
    if metadata.is_dir() && !is_script && !is_crate {
        return Err(Error::NotAPlugin(path));
    }
    let mut watched = vec![path.clone()];
    watched.extend(config.script.with.iter().cloned());
    watched.extend(further);
    Ok((Program { path, is_crate }, Watched(watched)))
}

/// Builds and runs until a signal comes.
struct Session<'a> {
    program: Program,
    watched: Watched,
    stop: &'a Stop,
}

/// How a job ended.
enum Outcome {
    Ended(Job, ExitStatus),
    /// A file was saved meanwhile.
    Saved,
    /// A signal came.
    Stopped,
}

impl Session<'_> {
    fn run(self) -> Result<(), Error> {
        // Changes during a build count.
        let mut seen = self.watched.look()?;
        tracing::info!(
            "watching {} of `{}`; Ctrl-C ends this",
            plural(seen.files(), "file"),
            self.program.path.display()
        );
        loop {
            if !self.once(&seen)? {
                return Ok(());
            }
            let Some(next) = self.wait_for_save(&seen)? else {
                return Ok(());
            };
            if let Some(path) = next.changed_since(&seen) {
                tracing::info!("`{}` has changed", path.display());
            }
            seen = next;
        }
    }

    /// Builds and runs. False when a signal came.
    fn once(&self, seen: &Snapshot) -> Result<bool, Error> {
        let mut plugin = self.program.path.clone();
        if self.program.is_crate {
            let build = Job::build(&plugin).map_err(Error::Process)?;
            // A build is never interrupted by a save: the next one goes on from what it has made.
            match self.wait(build, None)? {
                Outcome::Stopped => return Ok(false),
                Outcome::Ended(build, status) if status.success() => {
                    plugin = build.printed().map_err(Error::Process)?;
                }
                Outcome::Ended(..) | Outcome::Saved => return Ok(true),
            }
        }
        let run = Job::run(&plugin).map_err(Error::Process)?;
        Ok(!matches!(self.wait(run, Some(seen))?, Outcome::Stopped))
    }

    /// Waits for the end of a job. One that runs over the files of `seen` ends when they change.
    fn wait(&self, mut job: Job, seen: Option<&Snapshot>) -> Result<Outcome, Error> {
        let mut looks = Looks::default();
        loop {
            if let Some(status) = job.ended().map_err(Error::Process)? {
                return Ok(Outcome::Ended(job, status));
            }
            if self.stop.requested() {
                job.end().map_err(Error::Process)?;
                return Ok(Outcome::Stopped);
            }
            if let Some(seen) = seen
                && looks.is_due()
                && looks.look(&self.watched)? != *seen
            {
                job.end().map_err(Error::Process)?;
                return Ok(Outcome::Saved);
            }
            thread::sleep(LOOK_EVERY);
        }
    }

    /// The files once they are others than those of `seen` and stay so. None when a signal came.
    fn wait_for_save(&self, seen: &Snapshot) -> Result<Option<Snapshot>, Error> {
        let mut looks = Looks::default();
        let mut is_said = false;
        while !self.stop.requested() {
            if looks.is_due() {
                let now = looks.look(&self.watched)?;
                if now != *seen {
                    return self.settled(now);
                }
                if !is_said {
                    tracing::info!("waiting for the next save");
                    is_said = true;
                }
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(None)
    }

    /// The files once nothing changes any more.
    fn settled(&self, mut now: Snapshot) -> Result<Option<Snapshot>, Error> {
        while !self.stop.requested() {
            thread::sleep(QUIET);
            let next = self.watched.look()?;
            if next == now {
                return Ok(Some(now));
            }
            now = next;
        }
        Ok(None)
    }
}

/// Looks at files from time to time.
struct Looks {
    next: Instant,
}

impl Default for Looks {
    fn default() -> Self {
        Self {
            next: Instant::now(),
        }
    }
}

impl Looks {
    fn is_due(&self) -> bool {
        Instant::now() >= self.next
    }

    fn look(&mut self, watched: &Watched) -> Result<Snapshot, Error> {
        let begin = Instant::now();
        let snapshot = watched.look()?;
        self.next = Instant::now() + begin.elapsed() * LOOKING_SHARE;
        Ok(snapshot)
    }
}

/// Prints the first rows of each output, and how many there are.
pub(super) fn print(preview: &Preview) -> Result<(), Report> {
    report::print(&text_of(&preview.shown())).map_err(Report::of_standard_output)
}

fn text_of(outputs: &[Shown]) -> String {
    let mut text = String::new();
    for shown in outputs {
        let unit = if shown.is_text { "line" } else { "row" };
        let count = plural(shown.count, unit);
        let first = if shown.count > LINES as u64 {
            format!(", the first {LINES}")
        } else {
            String::new()
        };
        // Writing to a string cannot fail.
        let _ok = writeln!(text, "{}: {count}{first}", shown.output);
        for line in &shown.first {
            let _ok = writeln!(text, "{}", clean(line, LINE_BYTES));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn preview_has_the_number_of_rows_of_each_output_and_the_first_ones() {
        let shown = |output: &str, is_text, count, first: &[&str]| Shown {
            output: output.to_owned(),
            is_text,
            count,
            first: first.iter().map(|&line| line.to_owned()).collect(),
        };
        let outputs = [
            shown("rows", false, 11, &["{\"a\":1}"]),
            shown("none", false, 0, &[]),
            shown("text", true, 1, &["a\u{1b}b"]),
        ];
        assert_eq!(
            text_of(&outputs),
            "rows: 11 rows, the first 10\n{\"a\":1}\nnone: 0 rows\ntext: 1 line\na\\u{1b}b\n"
        );
    }
}

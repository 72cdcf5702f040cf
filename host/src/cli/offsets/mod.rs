//! `journal-host offsets`: the offsets of a consumer group, which are changed while no member reads. Where an output of
//! the configuration keeps them beside its rows, they are those of the output, and the group follows.

mod choice;
mod error;
mod group;
mod show;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Subcommand;

pub(super) use self::error::OffsetsError;
use self::group::{Applied, Group};
use super::args::{self, GroupArguments};
use super::names::Names;
use super::report::{self, Report};
use super::unfinished::Unfinished;
use crate::config::{GroupConfig, Layer, Privileged, StartFrom};
use crate::journal::group_offsets::TopicChoice;
use crate::journal::offset_file::OffsetFile;
use crate::pipeline::build::start_at;

/// Shows, saves, restores and resets the offsets of a consumer group.
///
/// Where `outputs` of the configuration, or `--run-output`, name a database, the offsets there decide where a run goes on.
/// They are shown and saved then; `restore` and `reset` change them and those of the group.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show the group's members, and the offset and the lag of each partition.
    Show {
        #[command(flatten)]
        selection: Selection,

        /// Print JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Write the group's offsets in the format of upstream's journal client: a topic, a partition and an offset in each
    /// line, separated by tabs.
    Save {
        #[command(flatten)]
        selection: Selection,

        /// The file to write, which is replaced if it exists; `-` is standard output.
        #[arg(long, short, value_name = "FILE", default_value = "-")]
        output: PathBuf,
    },
    /// Commit the offsets in a file that `save` or upstream's client wrote, for a group without members.
    Restore {
        /// The file; `-` is standard input.
        file: PathBuf,

        #[command(flatten)]
        selection: Selection,

        #[command(flatten)]
        writing: Writing,
    },
    /// Commit other offsets for a group without members. Without `--object-type` and `--topic`, those of all topics for
    /// which the group has committed an offset.
    Reset {
        /// The new offsets: `earliest`, `latest`, the first records that are not older than a time
        /// (`2026-01-31T12:00:00Z`) or a span before now (`2d`), or those in an offset file.
        #[arg(long, value_name = "WHERE")]
        to: StartFrom,

        #[command(flatten)]
        selection: Selection,

        #[command(flatten)]
        writing: Writing,
    },
}

/// The group and the topics.
#[derive(Clone, Debug, clap::Args)]
struct Selection {
    #[command(flatten)]
    group: GroupArguments,

    /// An `--output` of the run. If it is a database, the offsets are those that it has; may be repeated.
    #[arg(long = "run-output", value_name = "[NAME=]DESTINATION")]
    outputs: Vec<String>,

    /// Only the topic that a run reads for this object type; may be repeated.
    #[arg(long = "object-type", value_name = "TYPE")]
    object_types: Vec<String>,

    /// With `--object-type`: the topics that a run with this flag reads [default: no].
    #[arg(
        long,
        value_enum,
        value_name = "WHEN",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "required"
    )]
    privileged: Option<Privileged>,

    /// Prefix of the topic names, before the object type [default: swh.journal.objects].
    #[arg(long)]
    prefix: Option<String>,

    /// Only this topic, or this partition of it; may be repeated.
    #[arg(long = "topic", value_name = "TOPIC[:N]", value_parser = choice::topic_choice)]
    topics: Vec<TopicChoice>,
}

/// How changes are made.
#[derive(Clone, Copy, Debug, clap::Args)]
struct Writing {
    /// Show what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,

    /// Print JSON instead of a table.
    #[arg(long)]
    json: bool,
}

/// Does one thing with the offsets of a group.
pub(super) fn execute(arguments: Arguments) -> Result<(), Report> {
    let now = SystemTime::now();
    match arguments.command {
        Command::Show { selection, json } => selection.with(Ok(()), |group, ()| show(group, json)),
        Command::Save { selection, output } => {
            selection.with(Ok(()), |group, ()| save(group, &output))
        }
        Command::Restore {
            file,
            selection,
            writing,
        } => {
            let read = OffsetFile::read(standard_input(&file));
            let read = read.map_err(OffsetsError::from);
            restore(&file, read, selection, writing)
        }
        Command::Reset {
            to,
            selection,
            writing,
        } => match start_at(&to, now) {
            Ok(start) => selection.with(Ok(()), |group, ()| {
                let applied = group.reset(start, now, writing.dry_run)?;
                print_changes(&applied, writing.json)
            }),
            Err(file) => {
                let read = OffsetFile::read(standard_input(file));
                let read = read.map_err(OffsetsError::WhereTo);
                restore(file, read, selection, writing)
            }
        },
    }
}

impl Selection {
    /// Connects to the cluster where the input is right, and reports what fails.
    fn with<T>(
        self,
        input: Result<T, OffsetsError>,
        action: impl FnOnce(&Group, T) -> Result<(), OffsetsError>,
    ) -> Result<(), Report> {
        let mut layer = Layer::default();
        self.group.add_to(&mut layer);
        layer.outputs = args::given(self.outputs);
        layer.journal.object_types = args::given(self.object_types);
        layer.journal.privileged = self.privileged;
        layer.journal.prefix = self.prefix;
        let (config, origins) = args::configure::<GroupConfig>(layer);
        let names = Names(&origins);
        let config = config.map_err(|error| Report::of(&error, names))?;
        input
            .and_then(|input| action(&Group::connect(&config, self.topics)?, input))
            .map_err(|error| Report::of(&error, names))
    }
}

fn show(group: &Group, json: bool) -> Result<(), OffsetsError> {
    let found = group.look()?;
    print(&if json {
        show::group_as_json(&found)
    } else {
        show::group_as_table(&found)
    })
}

fn save(group: &Group, output: &Path) -> Result<(), OffsetsError> {
    let file = group.offsets()?;
    let text = file.to_string();
    if output == Path::new("-") {
        print(&text)?;
    } else {
        replace(output, &text).map_err(|source| OffsetsError::Save {
            path: output.to_owned(),
            source,
        })?;
    }
    let offsets = show::amount(file.offsets.len() as u64, "offset");
    let of = group
        .keeper_name()
        .unwrap_or_else(|| "the group".to_owned());
    tracing::info!("saved {offsets} of {of}");
    Ok(())
}

fn restore(
    path: &Path,
    read: Result<OffsetFile, OffsetsError>,
    selection: Selection,
    writing: Writing,
) -> Result<(), Report> {
    selection.with(read, |group, file| {
        let applied = group.restore(path, file, writing.dry_run)?;
        print_changes(&applied, writing.json)
    })
}

fn standard_input(path: &Path) -> &Path {
    if path == Path::new("-") {
        Path::new("/dev/stdin")
    } else {
        path
    }
}

fn print_changes(applied: &Applied, json: bool) -> Result<(), OffsetsError> {
    print(&if json {
        show::changes_as_json(applied)
    } else {
        show::changes_as_table(applied)
    })
}

fn print(text: &str) -> Result<(), OffsetsError> {
    report::print(text).map_err(OffsetsError::Print)
}

/// Writes a file that exists with all of its content or not at all. A device or a pipe is written to, and a link stays.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    if path.metadata().is_ok_and(|metadata| !metadata.is_file()) {
        return fs::write(path, text);
    }
    let whole = Unfinished::write(path, |part| {
        let mut file = File::create_new(part)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    whole.and_then(Unfinished::finish)
}

//! Errors of loading a plugin and of calling it, each as one sentence.

use std::error::Error as _;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::ScriptLocation;
use super::compile::UnknownImports;
use crate::script::ScriptError;
use crate::sink::RowError;
use crate::text;

/// Why a plugin could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The process cannot run WebAssembly at all.
    #[error("cannot set up the WebAssembly engine")]
    Engine(#[source] Cause),
    /// There is no file at the path.
    #[error("there is no plugin at `{}`", path.display())]
    Missing {
        /// The plugin's file.
        path: PathBuf,
    },
    /// The path is a folder.
    #[error("the plugin `{}` is a folder{}", path.display(), if *is_crate { "" } else { " without a script to run" })]
    Folder {
        /// The plugin's file.
        path: PathBuf,
        /// Whether it has the manifest of a crate.
        is_crate: bool,
    },
    /// The path is a pipe, a device or a socket.
    #[error("the plugin `{}` is not a regular file", path.display())]
    NotAFile {
        /// The plugin's file.
        path: PathBuf,
    },
    /// The file could not be read.
    #[error("cannot read the plugin `{}`", path.display())]
    Read {
        /// The plugin's file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The file is larger than any plugin may be.
    #[error("the plugin `{}` is larger than {}", path.display(), text::Bytes(*limit))]
    TooLarge {
        /// The plugin's file.
        path: PathBuf,
        /// The size limit, in bytes.
        limit: usize,
    },
    /// The file is not WebAssembly.
    #[error("the plugin `{}` is not WebAssembly", path.display())]
    NotWasm {
        /// The plugin's file.
        path: PathBuf,
        /// Whether it looks like WebAssembly's text format.
        text: bool,
    },
    /// The file begins as WebAssembly, and the rest is not valid.
    #[error("the plugin `{}` is not valid WebAssembly", path.display())]
    Malformed {
        /// The plugin's file.
        path: PathBuf,
        /// The reason of the parser.
        #[source]
        source: Cause,
    },
    /// A core module that runs once from its beginning to its end, and has no functions to call.
    #[error("the plugin `{}` is a program, with `_start`, and not a library", path.display())]
    Program {
        /// The plugin's file.
        path: PathBuf,
    },
    /// A core module without the types of its functions.
    #[error("the plugin `{}` is a core module without an embedded component type", path.display())]
    NoComponentType {
        /// The plugin's file.
        path: PathBuf,
    },
    /// A core module that cannot become a component.
    #[error("the core module `{}` cannot be made into a component", path.display())]
    Componentize {
        /// The plugin's file.
        path: PathBuf,
        /// The reason of `wit-component`.
        #[source]
        source: Cause,
    },
    /// A component that does not export the interface.
    #[error("the plugin `{}` does not export `{offered}`", path.display())]
    NoInterface {
        /// The plugin's file.
        path: PathBuf,
        /// The interface of this host.
        offered: &'static str,
    },
    /// The interface in a version that this host does not have.
    #[error("the plugin `{}` is made for `{found}`, and this host offers `{offered}`", path.display())]
    OtherVersion {
        /// The plugin's file.
        path: PathBuf,
        /// The interface that the plugin names.
        found: String,
        /// The interface of this host.
        offered: &'static str,
    },
    /// Imports that this host does not have.
    #[error("the plugin `{}` imports {imports}, which this host does not offer", path.display())]
    UnknownImports {
        /// The plugin's file.
        path: PathBuf,
        /// Their names.
        imports: UnknownImports,
    },
    /// The names are right, but their types are not.
    #[error("the interface of the plugin `{}` differs from this host's `{offered}`", path.display())]
    Shape {
        /// The plugin's file.
        path: PathBuf,
        /// The interface of this host.
        offered: &'static str,
        /// The first difference.
        #[source]
        source: Cause,
    },
    /// The script cannot be read, or there is no runtime for it.
    #[error(transparent)]
    Script(#[from] ScriptError),
    /// A script and a plugin that is no runtime.
    #[error("the plugin `{}` is not a runtime, and cannot run a script", path.display())]
    NotARuntime {
        /// The plugin's file.
        path: PathBuf,
    },
    /// A runtime without a script.
    #[error("the plugin `{}` is a runtime, which needs a script to run", path.display())]
    NoScript {
        /// The plugin's file.
        path: PathBuf,
    },
    /// It has more of something than is accepted.
    #[error("the plugin `{}` has {what}", path.display())]
    TooMuch {
        /// The plugin's file.
        path: PathBuf,
        /// What it has: `more than 64 loops inside each other`.
        what: String,
    },
    /// Compiling it exceeds a limit.
    #[error("compiling the plugin `{}` {limit}", path.display())]
    CompileLimit {
        /// The plugin's file.
        path: PathBuf,
        /// The limit.
        limit: CompileLimit,
    },
    /// The process that compiles cannot be started, or the connection to it fails.
    #[error("cannot compile the plugin `{}` in a process of its own", path.display())]
    CompileProcess {
        /// The plugin's file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// It uses proposals of WebAssembly that this host refuses.
    #[error("the plugin `{}` uses {}, which this host refuses", path.display(), proposals.join(" and "))]
    Proposals {
        /// The plugin's file.
        path: PathBuf,
        /// What it uses, in words.
        proposals: Vec<String>,
    },
    /// Its components have a memory each and pass data to each other, for which a module with both memories would be made.
    #[error(
        "the plugin `{}` uses several memories in one module (to pass data between its components), which this host refuses",
        path.display()
    )]
    Composed {
        /// The plugin's file.
        path: PathBuf,
    },
    /// The code does not compile.
    #[error("the plugin `{}` cannot be compiled", path.display())]
    Compile {
        /// The plugin's file.
        path: PathBuf,
        /// The reason of the compiler.
        #[source]
        source: Cause,
    },
    /// Bytes on which the compiler, or the conversion of a core module into a component, panics.
    #[error("compiling the plugin `{}` crashed the compiler", path.display())]
    Broken {
        /// The plugin's file.
        path: PathBuf,
        /// The message of the panic.
        #[source]
        source: Cause,
    },
    /// `describe` failed, or its answer breaks the rules.
    #[error("the plugin `{}` does not describe itself", path.display())]
    Describe {
        /// The plugin's file.
        path: PathBuf,
        /// Why.
        #[source]
        source: CallError,
    },
}

/// A limit of compiling a plugin, as the rest of a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileLimit {
    /// The limit on memory, in bytes.
    #[error("needs more than {} of memory", text::Bytes(*.0))]
    Memory(usize),
    /// The limit on CPU time.
    #[error("takes more than {} of CPU time", text::Span(*.0))]
    Cpu(Duration),
    /// The limit on time by the clock on the wall.
    #[error("did not end within {}, in which it got too little CPU time", text::Span(*.0))]
    Wall(Duration),
    /// What the machine or the container has.
    #[error("was not possible: the system ended it, as it does where it has too little memory")]
    MachineMemory,
}

/// Why a call into a processor failed.
///
/// Texts from the guest are bounded and hold no control characters.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// It used more CPU time than a call may take.
    #[error("the processor ran longer than {}", text::Span(*limit))]
    Deadline {
        /// The limit on the CPU time of one call.
        limit: Duration,
    },
    /// It got too little CPU time to return in time.
    #[error("the processor did not return within {}, in which it got too little CPU time", text::Span(*limit))]
    Wall {
        /// The time limit by the clock on the wall.
        limit: Duration,
    },
    /// The run had to end before it returned.
    #[error("the run had to end before the processor returned")]
    Interrupted,
    /// It asked for more memory than its limit.
    #[error("the processor needs more memory than {}", text::Bytes(*limit))]
    Memory {
        /// The limit on linear memory, in bytes.
        limit: usize,
    },
    /// It overflowed its stack.
    #[error("the processor's calls nest too deeply for its stack of {}", text::Bytes(*limit))]
    Stack {
        /// The stack's size, in bytes.
        limit: usize,
    },
    /// It panicked and reported the panic.
    #[error("the processor panicked{}: `{message}`", At(location))]
    Panicked {
        /// The message of the panic.
        message: String,
        /// Where it is in the source (`src/lib.rs:12:5`), empty where unknown.
        location: String,
    },
    /// It called `exit` of its language, which ends a program and not a call.
    #[error("the processor called `exit` with the code {code}")]
    Exited {
        /// The exit code.
        code: u32,
    },
    /// It trapped without reporting a panic.
    #[error("the processor trapped{}: {reason}", In(function))]
    Trapped {
        /// The kind of trap.
        reason: String,
        /// The innermost function, where the plugin keeps names.
        function: Option<String>,
    },
    /// It broke the contract.
    #[error("the processor {what}")]
    Misbehaved {
        /// The rest of the sentence: `rejected a record twice`.
        what: String,
    },
    /// It emitted more bytes in one call than its memory limit.
    #[error("the processor emitted more than {} in one call", text::Bytes(*limit))]
    TooMuchEmitted {
        /// The limit on what one call may emit, in bytes.
        limit: usize,
    },
    /// It emitted more rows in one call than the host accepts.
    #[error("the processor emitted more than {limit} rows in one call")]
    TooManyRows {
        /// The limit on the rows of one call.
        limit: usize,
    },
    /// It passed more to the host at once than the host accepts.
    #[error("the processor passed more than {} at once in `{function}`", text::Bytes(*limit))]
    TooMuchAtOnce {
        /// The contract's function that was at work.
        function: &'static str,
        /// The limit on what it may pass at once, in bytes.
        limit: usize,
        /// Whether the limit is that of the memory, and not one of the host's own.
        is_memory_limit: bool,
    },
    /// It emitted a row that no sink accepts.
    #[error("the processor emitted a row that cannot be written")]
    Row(#[source] RowError),
    /// A merged row cannot be written, although each row that it was made of could.
    #[error("merged rows cannot be written")]
    MergedRow(#[source] RowError),
    /// It returned a failure.
    #[error("the processor failed: `{text}`")]
    Failure {
        /// Its text.
        text: String,
    },
    /// It returned a failure from `start`, where a plugin has nothing to fail on but its options.
    #[error("the processor failed: `{text}`")]
    Refused {
        /// Its text.
        text: String,
    },
    /// It returned a failure that may not occur again.
    #[error("the processor failed: `{text}`")]
    Retry {
        /// Its text.
        text: String,
    },
    /// Its answer to `describe` or `start` breaks a rule.
    #[error(transparent)]
    Response(Box<AnswerError>),
    /// It ended in the middle of a script.
    #[error("{error}, in {location}")]
    InScript {
        /// Why it ended.
        error: Box<CallError>,
        /// The line of the script.
        location: Box<ScriptLocation>,
    },
    /// A call after a failed one: the processor must be started again.
    #[error("the processor was called again after a call that failed")]
    Poisoned,
}

impl CallError {
    /// The error itself, without the line of the script in which it ended the call.
    #[must_use]
    pub fn reason(&self) -> &Self {
        match self {
            Self::InScript { error, .. } => error,
            _ => self,
        }
    }

    /// Adds where a script was, where the sentence does not say it and the script has to do with it.
    pub(super) fn in_script(self, location: Option<ScriptLocation>) -> Self {
        match location {
            Some(location) if self.has_no_location() => Self::InScript {
                error: Box::new(self),
                location: Box::new(location),
            },
            _ => self,
        }
    }

    fn has_no_location(&self) -> bool {
        !matches!(self, Self::Interrupted | Self::Panicked { .. }) && self.source().is_none()
    }
}

impl From<AnswerError> for CallError {
    fn from(error: AnswerError) -> Self {
        Self::Response(Box::new(error))
    }
}

/// The two calls that answer with JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// `describe`, answered with a description.
    Describe,
    /// `start`, answered with a plan.
    Start,
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Describe => "describe",
            Self::Start => "start",
        })
    }
}

/// An answer to `describe` or `start` that breaks a rule.
#[derive(Debug, thiserror::Error)]
#[error(
    "the answer of the plugin `{plugin}` to `{question}` breaks a rule{}: {rule}",
    At(path)
)]
pub struct AnswerError {
    /// The plugin's name, or its file before the name is known.
    pub plugin: String,
    /// The function that it answered.
    pub question: Question,
    /// The JSON pointer to the value in the answer, empty for the whole answer.
    pub path: String,
    /// The rule that it breaks.
    pub rule: String,
    /// What the plugin's author can do, where the rule alone does not say it.
    pub hint: Option<&'static str>,
}

/// The reason that a library gives, bounded and without control characters, because it may quote the guest.
#[derive(Debug, thiserror::Error, serde::Serialize, serde::Deserialize)]
#[error("{0}")]
pub struct Cause(String);

impl Cause {
    pub(super) fn text(reason: &str) -> Self {
        Self(text::clean(reason, text::REASON_BYTES))
    }

    /// Takes an error with all its causes.
    pub(super) fn new(error: impl Into<anyhow::Error>) -> Self {
        Self::text(&format!("{:#}", error.into()))
    }
}

struct At<'a>(&'a str);

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            Ok(())
        } else {
            write!(f, " at `{}`", self.0)
        }
    }
}

struct In<'a>(&'a Option<String>);

impl fmt::Display for In<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .as_ref()
            .map_or(Ok(()), |function| write!(f, " in `{function}`"))
    }
}

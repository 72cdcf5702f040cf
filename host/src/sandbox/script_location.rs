//! Where a script was when its call ended in the middle, read from the memory of its runtime.
//!
//! A call that passes its deadline or traps never returns to the runtime, which could name the line otherwise. The memory
//! is the guest's: each read is checked, each walk is bounded, and texts are cleaned before they are shown.

mod noted;
mod python;

use std::fmt;

use crate::script::Script;
use crate::text;

/// The line of a script that was running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptLocation {
    /// The function, as its language names it.
    pub function: String,
    /// The file's path within the script.
    pub file: String,
    /// The line, from 1, where the runtime knows it.
    pub line: Option<u32>,
    /// The function that is called there and was at work, where the runtime does not know its line.
    pub callee: Option<String>,
}

impl fmt::Display for ScriptLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(callee) = &self.callee {
            write!(f, "`{callee}`, called by ")?;
        }
        write!(f, "`{}` at {}", self.function, self.file)?;
        match self.line {
            Some(line) => write!(f, ":{line}"),
            None => Ok(()),
        }
    }
}

/// Finds the innermost function of `script` that was running, in the memory of its runtime.
pub(super) fn find(memory: &[u8], script: &Script) -> Option<ScriptLocation> {
    let is_of_script = |file: &str| script.files.iter().any(|own| own.path == file);
    let found =
        python::innermost(memory, is_of_script).or_else(|| noted::read(memory, is_of_script))?;
    let clean = |name: String| text::clean(&name, text::REASON_BYTES);
    Some(ScriptLocation {
        function: clean(found.function),
        file: clean(found.file),
        line: found.line,
        callee: found.callee.map(clean),
    })
}
